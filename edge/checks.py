"""`edge check`: opens everything that a configuration names, and says what is wrong with each."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from edge import link
from edge.addresses import redact
from edge.agent import NoRecording, Tools, build_analyzers, build_source
from edge.config import AgentConfig, CameraSettings
from edge.errors import ConfigError, SourceStalled, WatchpostError
from edge.evidence import uploader
from edge.inference import ModelStore
from edge.keyfile import openness, read_key
from edge.plates.watchlist import SETTING as WATCHLIST_KEY
from edge.ports import Clock, Source
from edge.types import Frame


@dataclass(frozen=True, slots=True)
class Result:
    """One thing that was tried."""

    what: str
    ok: bool
    text: str
    warning: bool = False
    """It works, but should not stay so."""


def check_all(config: AgentConfig, clock: Clock, first_frame_s: float) -> Iterator[Result]:
    """Try each part; every problem is told, not only the first."""
    yield _try("data_dir", lambda: _check_folder(config))
    models = ModelStore(config.models_dir)
    for camera in config.cameras:
        yield _try(f"camera {camera.id}", partial(_check_camera, camera, clock, first_frame_s))
        yield _try(f"analyzers of {camera.id}", partial(_check_analyzers, camera, models))
    for setting, path in ((WATCHLIST_KEY, config.watchlist.key_file), ("privacy.key_file", config.privacy.key_file)):
        if path is not None:
            yield _check_key(setting, path)
    if config.broker is None:
        yield Result("broker", ok=True, text="none configured: events only gather in the outbox")
    else:
        yield _warn_of_openness(_try("broker", lambda: _check_broker(config)), config.broker.url)
    if config.collector is not None:
        yield _warn_of_openness(_try("collector", lambda: _check_collector(config)), config.collector.url)


def _try(what: str, attempt: Callable[[], str]) -> Result:
    try:
        return Result(what, ok=True, text=attempt())
    except WatchpostError as error:
        return Result(what, ok=False, text=str(error))


def _warn_of_openness(result: Result, address: str) -> Result:
    """It answers; but without TLS only a program on this very box is safe to speak to."""
    parts = urlsplit(address)
    if not result.ok or parts.scheme in {"mqtts", "https"} or _is_this_box(parts.hostname or ""):
        return result
    text = f"{result.text}, but without TLS: whoever is on the way reads plates and secrets; use {parts.scheme}s://"
    return replace(result, text=text, warning=True)


def _is_this_box(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_folder(config: AgentConfig) -> str:
    folder = config.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be made ({error.strerror}); choose another data_dir") from error
    if not os.access(folder, os.W_OK):
        raise ConfigError(f"{folder}: not writable for this user; change its owner, or choose another data_dir")
    return f"{folder} is writable"


def first_frame(camera: CameraSettings, clock: Clock, within_s: float = 10.0) -> Frame:
    """A camera's first frame. Raises SourceError."""
    return _first_frame(build_source(camera, NoRecording(), clock), within_s)


def _check_camera(camera: CameraSettings, clock: Clock, first_frame_s: float) -> str:
    source = build_source(camera, NoRecording(), clock)
    info = source.probe()
    height, width = _first_frame(source, first_frame_s).luma.shape
    return f"{redact(camera.source)} gives {width} x {height} pixels of {info.codec}"


def _check_analyzers(camera: CameraSettings, models: ModelStore) -> str:
    return f"{', '.join(build_analyzers(camera, Tools(models)))} ready"


def _first_frame(source: Source, within_s: float) -> Frame:
    """The first frame of a source. Raises what it raises, or SourceStalled."""
    timer = threading.Timer(within_s, source.close)
    timer.start()
    try:
        for frame in source.frames():
            return frame
    finally:
        timer.cancel()
        source.close()
    raise SourceStalled(f"no frame within {within_s:.0f} s; is the address right, and does the camera stream?")


def _check_key(setting: str, path: Path) -> Result:
    """The key can be read, and by nobody else."""
    try:
        key, problem = read_key(path, setting), openness(path, setting)
    except ConfigError as error:
        return Result(setting, ok=False, text=str(error))
    return Result(setting, ok=True, text=problem or f"key {key.key_id}", warning=problem is not None)


def _check_broker(config: AgentConfig) -> str:
    assert config.broker is not None  # noqa: S101 (the caller has looked)
    link.probe(config.broker)
    return f"{config.broker.url} admits us (MQTT {config.broker.protocol})"


def _check_collector(config: AgentConfig) -> str:
    assert config.collector is not None  # noqa: S101 (the caller has looked)
    uploader.probe(config.collector)
    return f"{config.collector.url} admits us"
