"""Measuring many towers: several processes, one file of figures for each, and what has been measured is not again."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
import cv2

from models.falling.streaming import figures_key
from simulator.orphans import end_with_parent
from simulator.scenes import CameraSpec

Figures = dict[str, Any]
"""What was measured on one tower, as JSON."""
Measure = Callable[[CameraSpec, bool, Path], Figures]
"""(camera, whether the network judges, folder for pictures) -> figures; a function that processes can import."""


def measure_all(
    cameras: Sequence[CameraSpec], measure: Measure, folder: Path, *, classifier: bool, processes: int, stop_s: float
) -> list[Figures]:
    """Figures of all towers that were measured before `stop_s` seconds were over, in the order of `cameras`.

    They stand in `folder` as `<camera>.json`; those of the same scene and analyzer are taken from there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    missing = [camera for camera in cameras if _cached(folder, camera, classifier) is None]
    if processes == 1:
        for camera in missing:
            if time.monotonic() - begun > stop_s:
                break
            _tell(camera, _measure_one(camera, measure, folder, classifier))
    else:
        _measure_parallel(missing, measure, folder, classifier, processes, begun + stop_s)
    found = (_cached(folder, camera, classifier) for camera in cameras)
    return [figures for figures in found if figures is not None]


def _measure_parallel(
    cameras: Sequence[CameraSpec], measure: Measure, folder: Path, classifier: bool, processes: int, until: float
) -> None:
    """No more towers are begun than there are processes, so that little is lost when the time is over."""
    context = get_context("spawn")
    waiting: Iterator[CameraSpec] = iter(cameras)
    running: list[tuple[CameraSpec, Future[Figures]]] = []
    with ProcessPoolExecutor(processes, context, initializer=end_with_parent, initargs=(os.getpid(),)) as pool:
        while True:
            while len(running) < processes and time.monotonic() < until:
                camera = next(waiting, None)
                if camera is None:
                    break
                running.append((camera, pool.submit(_measure_one, camera, measure, folder, classifier)))
            if not running:
                return
            for camera, future in [pair for pair in running if pair[1].done()]:
                running.remove((camera, future))
                _tell(camera, future.result())
            time.sleep(0.05)


def _measure_one(camera: CameraSpec, measure: Measure, folder: Path, classifier: bool) -> Figures:
    cv2.setNumThreads(1)
    key = figures_key(camera, camera.seed or 0, classifier)
    figures = {"key": key, **measure(camera, classifier, folder)}
    new = folder / f"{camera.id}.new"
    new.write_text(json.dumps(figures), encoding="utf-8")
    new.replace(folder / f"{camera.id}.json")
    return figures


def _cached(folder: Path, camera: CameraSpec, classifier: bool) -> Figures | None:
    path = folder / f"{camera.id}.json"
    if not path.is_file():
        return None
    figures: Figures = json.loads(path.read_text(encoding="utf-8"))
    return figures if figures["key"] == figures_key(camera, camera.seed or 0, classifier) else None


def _tell(camera: CameraSpec, figures: Figures) -> None:
    click.echo(f"{camera.id}: {figures['said']}", err=True)
