"""A scene straight into the analyzer: drawn, encoded, decoded and analysed picture by picture; nothing is kept."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from edge.falling.analyzer import FallingAnalyzer
from edge.falling.bench.scoring import Told
from edge.falling.settings import FallingSettings
from edge.inference import ModelStore
from edge.sources.decoding import luma_of
from edge.types import Frame
from simulator.render import content_key
from simulator.scenes import CameraSpec, Scene
from simulator.video import Coding, transmit

_START = datetime(2026, 5, 12, 9, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Streamed:
    """What the analyzer told of one scene; CPU time of the analyzer and of all that comes before it, ms a frame."""

    told: list[Told]
    frames: int
    seconds: float
    analysis_ms: float
    before_ms: float


def play_scene(scene: Scene, camera: CameraSpec, settings: FallingSettings, models: ModelStore | None) -> Streamed:
    """Play a whole scene at full speed."""
    analyzer = FallingAnalyzer(camera.id, settings, models)
    told: list[Told] = []
    begun_s = time.thread_time()
    spent_s, count, at_s = 0.0, 0, 0.0
    for frame in _frames(scene, camera):
        before_s = time.thread_time()
        findings = analyzer.observe(frame)
        spent_s += time.thread_time() - before_s
        count, at_s = count + 1, frame.stream_time_s
        told += [Told(finding, at_s) for finding in findings]
    told += [Told(finding, at_s) for finding in analyzer.finish()]
    before_s = time.thread_time() - begun_s - spent_s
    return Streamed(told, count, count / scene.fps, 1e3 * spent_s / count, 1e3 * before_s / count)


def _frames(scene: Scene, camera: CameraSpec) -> Iterator[Frame]:
    coding = Coding(scene.fps, camera.bitrate_kbps, gop=camera.gop, effort=camera.effort)
    pictures = (scene.frame(index) for index in range(scene.frame_count))
    for number, decoded in enumerate(transmit(pictures, coding)):
        at_s = number / scene.fps
        yield Frame(
            camera_id=camera.id,
            index=number,
            stream_time_s=at_s,
            captured_at=_START + timedelta(seconds=at_s),
            luma=luma_of(decoded),
            convert=partial(_bgr, decoded),
        )


def _bgr(decoded: Any) -> np.ndarray:
    picture: np.ndarray = decoded.to_ndarray(format="bgr24")
    return picture


@cache
def analyzer_key() -> str:
    """sha256 over the analyzer's source and its network: figures of another one are not taken for this one's."""
    root = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for file in [*sorted((root / "edge" / "falling").glob("*.py")), Path(__file__).with_name("falling.onnx")]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def figures_key(camera: CameraSpec, seed: int, classifier: bool) -> str:
    """What a scene's figures depend on: the scene, the code that draws it, the analyzer."""
    return hashlib.sha256(f"{content_key(camera, seed)}{analyzer_key()}{classifier}".encode()).hexdigest()
