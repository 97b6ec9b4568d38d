"""Scenario -> videos, truth and installation files; what has been rendered already is taken as it is."""

from __future__ import annotations

import hashlib
import json
import os
import queue
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from multiprocessing import active_children, get_context
from multiprocessing.managers import SyncManager
from pathlib import Path
from typing import Any, Protocol

import click
import cv2
import yaml

from simulator.orphans import end_with_parent
from simulator.scenario import Scenario, ScenarioError, load_scenario
from simulator.scenes import KINDS, CameraSpec, Scene, SceneError, build_scene
from simulator.truth import TruthWriter
from simulator.video import VideoError, encode

Progress = Callable[[str, int, int], None]
"""Called with (camera id, frames done, frames in all), from the caller's own thread."""

_SHARED_CODE = ("scenes.py", "truth.py", "video.py")
_REPORT_EVERY = 25


@dataclass(frozen=True, slots=True)
class RenderedCamera:
    """The files of one camera. `render_fps`: frames per second of one core's time when rendered, encoding included."""

    id: str
    video: Path
    truth: Path
    installation: Path
    frames: int
    render_fps: float
    cached: bool


@dataclass(frozen=True, slots=True)
class RenderedScenario:
    """All cameras of a scenario, in its order."""

    scenario: Scenario
    folder: Path
    cameras: tuple[RenderedCamera, ...]


class _Report(Protocol):
    def put(self, item: tuple[str, int, int], /) -> None: ...


def content_key(camera: CameraSpec, seed: int) -> str:
    """sha256 over everything a camera's video depends on: its spec, its seed, and the source code that draws it."""
    digest = hashlib.sha256(camera.model_dump_json().encode())
    digest.update(str(seed).encode())
    root = Path(__file__).parent
    files = [root / name for name in _SHARED_CODE]
    for package in KINDS[camera.scene].packages:
        files += sorted((root / package).rglob("*.py"))
    for file in files:
        digest.update(file.relative_to(root).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def render_scenario(
    scenario: Scenario, folder: Path, progress: Progress | None = None, processes: int = 2
) -> RenderedScenario:
    """Render every camera into `folder` as `<camera>.mp4`, `.truth.jsonl` and `.installation.yaml`.

    Cameras are rendered in up to `processes` processes; a camera whose key has not changed is not rendered again.
    Raises SceneError or VideoError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tell = progress or (lambda _camera, _done, _total: None)
    done = {camera.id: _cached(folder, camera, scenario.camera_seed(camera)) for camera in scenario.cameras}
    for found in done.values():
        if found is not None:
            tell(found.id, found.frames, found.frames)
    missing = [camera for camera in scenario.cameras if done[camera.id] is None]
    for rendered in _render_all(scenario, missing, folder, tell, processes):
        done[rendered.id] = rendered
    cameras = tuple(rendered for rendered in done.values() if rendered is not None)
    return RenderedScenario(scenario, folder, cameras)


def _render_all(
    scenario: Scenario, cameras: list[CameraSpec], folder: Path, tell: Progress, processes: int
) -> Iterator[RenderedCamera]:
    """Spawned, not forked: the caller may have threads."""
    if not cameras:
        return
    context = get_context("spawn")
    manager = SyncManager(ctx=context)
    pool = ProcessPoolExecutor(
        min(processes, len(cameras)), context, initializer=end_with_parent, initargs=(os.getpid(),)
    )
    with _deaf_to_ctrl_c():
        manager.start(end_with_parent, (os.getpid(),))
        others = set(active_children())
    with manager, pool:
        reports = manager.Queue()
        with _deaf_to_ctrl_c():  # the first one starts the workers
            futures = [
                pool.submit(render_camera, camera, scenario.camera_seed(camera), folder, reports) for camera in cameras
            ]
        try:
            _relay(reports, futures, tell)
            for future in futures:
                yield future.result()
        finally:
            if not all(future.done() for future in futures):  # Ctrl-C: the pool would wait for whole videos
                pool.shutdown(wait=False, cancel_futures=True)
                for worker in set(active_children()) - others:
                    worker.kill()


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Processes started in here leave Ctrl-C to us; for us it only comes a moment later."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _relay(reports: queue.Queue[tuple[str, int, int]], futures: list[Future[RenderedCamera]], tell: Progress) -> None:
    while True:
        finished = all(future.done() for future in futures)
        try:
            tell(*reports.get(timeout=0.1))
        except queue.Empty:
            if finished:
                return


def render_camera(camera: CameraSpec, seed: int, folder: Path, reports: _Report) -> RenderedCamera:
    """Render one camera in this process, on one core."""
    cv2.setNumThreads(1)
    target = _files(folder, camera.id)
    scene = build_scene(camera, seed)
    reports.put((camera.id, 0, scene.frame_count))
    temporary = target.video.with_suffix(".part")
    started = time.process_time()
    count = encode(
        _frames(scene, camera.id, reports),
        temporary,
        fps=scene.fps,
        bitrate_kbps=camera.bitrate_kbps,
        codec=camera.codec,
        gop=camera.gop,
        effort=camera.effort,
    )
    render_fps = round(count / (time.process_time() - started), 1)
    with TruthWriter(target.truth) as writer:
        writer.write(scene.truth())
    target.installation.write_text(yaml.safe_dump(scene.installation(), sort_keys=False), encoding="utf-8")
    temporary.replace(target.video)
    note = {"key": content_key(camera, seed), "frames": count, "render_fps": render_fps}
    _note(folder, camera.id).write_text(json.dumps(note), encoding="utf-8")
    return replace(target, frames=count, render_fps=render_fps)


def _frames(scene: Scene, camera_id: str, reports: _Report) -> Iterator[Any]:
    for index in range(scene.frame_count):
        yield scene.frame(index)
        if (index + 1) % _REPORT_EVERY == 0 or index + 1 == scene.frame_count:
            reports.put((camera_id, index + 1, scene.frame_count))


def _files(folder: Path, camera_id: str) -> RenderedCamera:
    return RenderedCamera(
        id=camera_id,
        video=folder / f"{camera_id}.mp4",
        truth=folder / f"{camera_id}.truth.jsonl",
        installation=folder / f"{camera_id}.installation.yaml",
        frames=0,
        render_fps=0.0,
        cached=False,
    )


def _note(folder: Path, camera_id: str) -> Path:
    """Written last: it says which key the files beside it were rendered for."""
    return folder / f"{camera_id}.rendered.json"


def _cached(folder: Path, camera: CameraSpec, seed: int) -> RenderedCamera | None:
    files, note = _files(folder, camera.id), _note(folder, camera.id)
    if not all(path.exists() for path in (note, files.video, files.truth, files.installation)):
        return None
    said = json.loads(note.read_text(encoding="utf-8"))
    if said["key"] != content_key(camera, seed):
        return None
    return replace(files, frames=said["frames"], render_fps=said["render_fps"], cached=True)


@click.command("render")
@click.argument("scenario", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write to.")
@click.option("--processes", type=click.IntRange(1, 64), default=2, show_default=True, help="Cameras rendered at once.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def render_command(scenario: Path, out: Path, processes: int, as_json: bool) -> None:
    """Render SCENARIO (YAML): per camera a video, the truth about it, and what an installer would draw on it."""
    try:
        loaded = load_scenario(scenario)
        rendered = render_scenario(loaded, out, _print_progress, processes)
    except (ScenarioError, SceneError, VideoError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps([asdict(camera) for camera in rendered.cameras], default=str))
        return
    for camera in rendered.cameras:
        how = "already rendered" if camera.cached else "rendered"
        speed = f"{camera.render_fps:g} frames per second of one core"
        click.echo(f"{camera.id}: {how}, {camera.frames} frames, {speed}, {camera.video}")


def _print_progress(camera: str, done: int, total: int) -> None:
    if done % 250 == 0 or done == total:
        click.echo(f"{camera}: {done} of {total} frames", err=True)
