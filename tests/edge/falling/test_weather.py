"""Weather mode: what moves all over the picture for a while, told from a burst, from trees, and from a beginning."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from edge.falling.motion import MAX_BLOBS, MotionDetector, Pictures, Proposals
from edge.falling.weather import WeatherWatch

FPS = 25.0
BLANK = np.zeros((8, 8), np.uint8)
NONE = np.zeros(0)


def proposals(
    time_s: float, spread: float, quiet: float | None = None, crowd: int = 50, area: float = 9.0
) -> Proposals:
    """What the watch looks at of one picture: shares of its fields, and how many things of what size."""
    empty = (NONE,) * 9
    pictures = Pictures(BLANK, BLANK, BLANK)
    return Proposals(time_s, *empty, pictures, 0, crowd, spread, spread if quiet is None else quiet, area)


def watched(spreads: Iterable[float], watch: WeatherWatch | None = None, from_s: float = 0.0) -> WeatherWatch:
    watch = watch if watch is not None else WeatherWatch()
    for index, spread in enumerate(spreads):
        watch.observe(proposals(from_s + index / FPS, spread))
    return watch


def test_snow_that_falls_as_the_stream_begins_is_weather_after_a_second() -> None:
    assert not watched([0.9] * 20).active
    assert watched([0.9] * 40).active


def test_a_burst_is_no_weather() -> None:
    """A flash, or a flock for half a second."""
    assert not watched([0.0] * 100 + [1.0] * 12).active


def test_rain_that_begins_is_weather_within_seconds_and_ends_as_it_ends() -> None:
    begun = watched([0.0] * 100 + [0.8] * 100)
    assert begun.active
    assert not watched([0.0] * 100, begun, from_s=8.0).active


def test_it_does_not_flicker_between_the_two_limits() -> None:
    assert not watched([0.36] * 300).active
    assert watched([0.36] * 300, watched([0.8] * 100), from_s=4.0).active


def test_a_slow_stream_is_judged_by_time_and_not_by_pictures() -> None:
    watch = WeatherWatch()
    for index in range(6):
        watch.observe(proposals(index * 2.0, 0.0 if index < 3 else 0.9))
    assert watch.active


def test_trees_move_in_their_places() -> None:
    watch = WeatherWatch()
    for index in range(100):
        watch.observe(proposals(index / FPS, 0.8, quiet=0.1))
    assert not watch.active
    assert watch.surroundings(1.0, None).weather > 0.7


def test_candidates_are_compared_with_what_usually_moves() -> None:
    watch = WeatherWatch()
    for index in range(400):
        watch.observe(proposals(index / FPS, 0.8, crowd=3000, area=25.0))
    facade = np.full((8, 8), 255, np.uint8)
    around = watch.surroundings(2.5, facade)
    assert around.crowd == pytest.approx(MAX_BLOBS, rel=0.02)
    assert around.usual_area == pytest.approx(25.0, rel=0.02)
    assert (around.noise, around.before_facade) == (2.5, facade)


def test_a_picture_without_anything_says_nothing_of_sizes() -> None:
    watch = WeatherWatch()
    for index in range(200):
        watch.observe(proposals(index / FPS, 0.5, area=25.0))
    before = watch.usual_area
    for index in range(200, 400):
        watch.observe(proposals(index / FPS, 0.0, crowd=0, area=0.0))
    assert watch.usual_area == before


def test_drawn_flakes_are_weather_and_a_still_wall_is_none() -> None:
    """Through the detector: 150 flakes that sink, each picture elsewhere."""
    rng = np.random.default_rng(1)
    still = rng.integers(80, 90, (180, 320)).astype(np.uint8)
    for flakes, weather in ((150, True), (0, False)):
        detector, watch = MotionDetector(still.shape, None, 7.0), WeatherWatch()
        for index in range(60):
            luma = still.copy()
            for x, y in rng.integers(0, [318, 178], (flakes, 2)):
                luma[y : y + 2, x : x + 2] = 230
            if (seen := detector.observe(luma, index / FPS)) is not None:
                watch.observe(seen)
        assert watch.active is weather
