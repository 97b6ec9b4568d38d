"""Falls drawn into real pictures, photographs of facades and clips that training never saw, and encoded anew.

The drawn towers say how far the analyzer comes in what was imagined; here the background, its noise and its life are
real, only the thing that falls is drawn. No facade is given, as in `edge bench falling`. Clips must hold no fall.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from edge.falling.bench.measure import run_clip
from edge.falling.settings import FallingSettings
from edge.inference import ModelStore
from models.falling.composites import Composite, build_composite
from models.falling.conditions import compare
from models.falling.jobs import Figures
from simulator.video import encode

_SECONDS = 12.0


def measure_overlays(
    photos: Sequence[Path],
    clips: Sequence[Path],
    first_seed: int,
    count: int,
    models: ModelStore,
    clip_frames: int | None = None,
) -> Iterator[Figures]:
    """Figures of `count` scenes, one after another; each has the next seed. `clip_frames`: see `build_composite`."""
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first_seed, first_seed + count):
            scene = build_composite(list(photos), list(clips), seed, _SECONDS, clip_frames)
            yield {**_measure(scene, Path(folder) / "scene.mp4", models), "seed": seed, "over": scene.background}


def _measure(scene: Composite, path: Path, models: ModelStore) -> Figures:
    encode(scene.frames(), path, fps=scene.fps, bitrate_kbps=scene.bitrate_kbps)
    told, result = run_clip(path, FallingSettings(), models)
    truths = [fall.truth(scene.size, scene.fps) for fall in scene.falls]
    weather = next((name for name in ("rain", "snow", "night", "shake") if name in scene.disturbances), "day")
    return compare(weather, told, truths, result.seconds)
