"""Falls drawn into a real recording are measured like all others; whom training saw and whom not is kept apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge.inference import ModelStore
from models.falling.composites import build_composite
from models.falling.conditions import condition_rows
from models.falling.overlays import measure_overlays
from simulator.scenes import FIRST_TRAINING_SEED
from simulator.tower.objects import EVALUATION_SHAPES, TRAINING_SHAPES
from simulator.video import encode

SMALL_AND_SLOW = 30_004
"""A seed whose picture is 640x360 at 12.5 pictures a second."""


def recording(folder: Path) -> Path:
    """Some seconds of a wall of tiles."""
    rng = np.random.default_rng(3)
    wall = np.kron(rng.integers(90, 160, (18, 32), dtype=np.uint8), np.ones((20, 20), np.uint8))
    path = folder / "wall.mp4"
    encode((np.dstack([wall] * 3) for _ in range(20)), path, fps=12.5, bitrate_kbps=1500)
    return path


def test_falls_over_a_recording_are_compared_with_their_truth(tmp_path: Path) -> None:
    clip = recording(tmp_path)
    truth = build_composite([], [clip], SMALL_AND_SLOW, 12.0)
    (figures,) = measure_overlays([], [clip], SMALL_AND_SLOW, 1, ModelStore())
    assert figures["over"] == "wall.mp4"
    assert len(figures["falls"]) == len(truth.falls) > 0
    assert any(fall["found"] for fall in figures["falls"])
    row = condition_rows([figures])[-1]
    assert sum(share.count for share in row.recall) == sum(fall["size_px"] >= 2 for fall in figures["falls"])


def test_of_a_clip_only_the_pictures_before_its_own_fall_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "fall.mp4"
    shades = np.repeat([60, 220], 10)
    encode((np.full((360, 640, 3), shade, np.uint8) for shade in shades), path, fps=12.5, bitrate_kbps=1500)

    def brightest(clip_frames: int | None) -> float:
        scene = build_composite([], [path], SMALL_AND_SLOW, 3.0, clip_frames)
        return max(float(np.median(picture)) for picture in scene.frames())

    assert brightest(None) > 150
    assert brightest(9) < 100


def test_low_seeds_have_things_that_training_never_sees(tmp_path: Path) -> None:
    clip = recording(tmp_path)
    for first, shapes in ((SMALL_AND_SLOW, EVALUATION_SHAPES), (FIRST_TRAINING_SEED, TRAINING_SHAPES)):
        things = [
            fall.thing.shape for seed in range(first, first + 8) for fall in build_composite([], [clip], seed).falls
        ]
        assert things
        assert all(thing in shapes for thing in things)
