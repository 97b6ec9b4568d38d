"""Speed class: plates driven past a drawn scale at known speeds, through a camera with true perspective."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pydantic import ValidationError

from edge.plates.grammar import CHINA
from edge.plates.passage import Passage, PassageTracker, Sighting
from edge.plates.settings import PlatesSettings
from edge.plates.speed import SpeedGauge, SpeedScale, speed_class

START = datetime(2026, 5, 1, 8, tzinfo=UTC)
SIZE = (1280, 720)
HEIGHT_M, TILT, FOCAL_PX = 5.5, math.radians(14), 1500.0
FAR_M, NEAR_M = 22.0, 14.0
"""Where the two lines lie on the road, from below the camera."""


def project(x: float, ahead: float, up: float) -> tuple[float, float]:
    """A point `ahead` of the camera's foot, `x` to the right, `up` above the road → pixels."""
    down = HEIGHT_M - up
    depth = ahead * math.cos(TILT) + down * math.sin(TILT)
    below = down * math.cos(TILT) - ahead * math.sin(TILT)
    return SIZE[0] / 2 + FOCAL_PX * x / depth, SIZE[1] / 2 + FOCAL_PX * below / depth


def line_at(ahead: float) -> tuple[tuple[float, float], tuple[float, float]]:
    (ax, ay), (bx, by) = project(-2.5, ahead, 0), project(2.5, ahead, 0)
    return (ax / SIZE[0], ay / SIZE[1]), (bx / SIZE[0], by / SIZE[1])


def scale(camera_height_m: float | None = HEIGHT_M) -> SpeedScale:
    lines = (line_at(FAR_M), line_at(NEAR_M))
    return SpeedScale(lines=lines, metres=FAR_M - NEAR_M, camera_height_m=camera_height_m)


def sighting(time_s: float, ahead: float, up: float, rng: np.random.Generator) -> Sighting:
    """A plate 0.44 m wide, its corners a pixel off."""
    corners = [project(x, ahead, up + v) for x, v in ((-0.22, 0.07), (0.22, 0.07), (0.22, -0.07), (-0.22, -0.07))]
    found = np.array(corners, np.float32) + rng.normal(0, 1, (4, 2)).astype(np.float32)
    return Sighting(time_s, START + timedelta(seconds=time_s), found, 0.9)


def drive(kmh: float, *, up: float = 0.5, leaving: bool = False, seed: int = 0, settings: PlatesSettings) -> Passage:
    """One vehicle from 30 m to 10 m (or back), seen ten times a second."""
    rng = np.random.default_rng(seed)
    tracked = PassageTracker(settings, CHINA, lambda: "p")
    way, t = 0.0, 0.0
    while way < 20:
        ahead = 10 + way if leaving else 30 - way
        [(passage, _)] = tracked.follow([sighting(t, ahead, up, rng)], SIZE)
        t += 0.1
        way += kmh / 3.6 * 0.1
    return passage


@pytest.mark.parametrize("leaving", [False, True])
@pytest.mark.parametrize("kmh", [6.0, 20.0, 45.0, 80.0])
def test_the_speed_is_right_within_a_tenth(kmh: float, leaving: bool) -> None:
    settings = PlatesSettings(speed=scale())
    for seed, up in ((1, 0.35), (2, 0.5), (3, 0.8)):
        passage = drive(kmh, up=up, leaving=leaving, seed=seed, settings=settings)
        assert passage.gauge is not None
        assert passage.gauge.kmh == pytest.approx(kmh, rel=0.10)


@pytest.mark.parametrize(("kmh", "name"), [(6, "walking_pace"), (20, "slow"), (45, "normal"), (80, "fast")])
def test_the_passage_has_the_class_of_its_speed(kmh: float, name: str) -> None:
    assert drive(kmh, settings=PlatesSettings(speed=scale())).speed_class == name


def test_without_the_cameras_height_a_plate_seems_faster_by_its_own_height() -> None:
    passage = drive(50, settings=PlatesSettings(speed=scale(camera_height_m=None)))
    assert passage.gauge is not None
    assert passage.gauge.kmh == pytest.approx(50 * HEIGHT_M / (HEIGHT_M - 0.5), rel=0.03)


def test_without_a_scale_there_is_no_class() -> None:
    assert drive(45, settings=PlatesSettings()).speed_class is None


def test_a_vehicle_that_crosses_one_line_only_has_none_and_one_that_stands_is_said_to() -> None:
    settings = PlatesSettings(speed=scale())
    rng = np.random.default_rng(4)
    tracked = PassageTracker(settings, CHINA, lambda: "p")
    for step in range(60):
        ahead = max(18.0, 26 - step)
        [(passage, _)] = tracked.follow([sighting(step * 0.1, ahead, 0.5, rng)], SIZE)
        if step == 12:
            assert passage.speed_class is None
    assert passage.speed_class == "standing"


def test_a_plate_that_trembles_on_a_line_counts_from_when_it_leaves_it() -> None:
    gauge = SpeedGauge(SpeedScale(lines=(((0, 0.4), (1, 0.4)), ((0, 0.6), (1, 0.6))), metres=10))
    for time_s, y in ((0.0, 0.39), (1.0, 0.41), (2.0, 0.39), (3.0, 0.41), (4.0, 0.59), (5.0, 0.61)):
        gauge.see(time_s, (0.5, y))
    assert gauge.kmh == pytest.approx(3.6 * 10 / (4.5 - 2.5))


@pytest.mark.parametrize(
    ("kmh", "name"), [(0, "standing"), (2.1, "walking_pace"), (10.1, "slow"), (30.1, "normal"), (60.1, "fast")]
)
def test_names_of_speeds(kmh: float, name: str) -> None:
    assert speed_class(kmh) == name


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((((0.1, 0.5), (0.1, 0.5)), ((0, 0.6), (1, 0.6))), "two different points"),
        ((((0, 0.5), (1, 0.5)), ((0, 0.4), (1, 0.6))), "cross each other"),
        ((((0, 0.5), (1, 0.5)), ((0, 0.4), (1, 1.6))), "less than or equal to 1"),
    ],
)
def test_lines_of_no_use_are_refused(lines: object, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        PlatesSettings.model_validate({"speed": {"lines": lines, "metres": 8}})
