"""The beginning of a fall is found once its path is known, and nothing is added that does not belong to it."""

from __future__ import annotations

import numpy as np
import pytest

from edge.falling.backtrack import Backtracker
from edge.falling.motion import Pictures, Proposals
from edge.falling.tracker import Track, TrackPoint

FPS = 25.0
BLANK = np.zeros((360, 640), np.uint8)
PULL = 160.0
"""Pixels per second squared."""
Place = tuple[float, float]


def proposals(time_s: float, places: list[Place]) -> Proposals:
    """Blobs of 3 x 3 pixels; each shows an activity of a hundredth."""
    x, y = (np.array([place[axis] for place in places], dtype=float) for axis in (0, 1))
    ones = np.ones(len(places))
    looks = (3 * ones, 3 * ones, 9 * ones, 40 * ones, ones, ones / 100, 0 * ones)
    return Proposals(time_s, x, y, *looks, Pictures(BLANK, BLANK, BLANK), 0, len(places), 0.1, 0.1, 9.0)


def falling(time_s: float) -> Place:
    return 200.0 + 6 * time_s, 30.0 + PULL / 2 * time_s**2


def remembered(places: list[list[Place]]) -> Backtracker:
    memory = Backtracker()
    for index, at in enumerate(places):
        memory.remember(index, proposals(index / FPS, at))
    return memory


def track_from(first: int, last: int) -> Track:
    """The fall as a tracker that met it late has it: its sightings from picture `first` on."""
    track = Track(1)
    for index in range(first, last):
        x, y = falling(index / FPS)
        track.add(TrackPoint(index, index / FPS, x, y, 3, 3, 9, 40, 1, 0.01, 0, None))
    return track


def test_the_slow_beginning_is_found() -> None:
    memory = remembered([[falling(index / FPS)] for index in range(30)])
    track = track_from(15, 30)
    memory.lengthen(track)
    assert [point.index for point in track.points] == list(range(30))
    assert track.highest == pytest.approx(30.0)
    assert track.activity == pytest.approx(0.30)
    assert track.points[0].pictures is None, "what is remembered keeps no pictures"


def test_what_goes_up_before_it_comes_down_is_followed_over_the_top() -> None:
    """Thrown upwards 0.4 s before it is highest: the path bends, and is followed as it bends."""
    memory = remembered([[falling(index / FPS - 0.4)] for index in range(40)])
    track = Track(1)
    for index in range(22, 40):
        x, y = falling(index / FPS - 0.4)
        track.add(TrackPoint(index, index / FPS, x, y, 3, 3, 9, 40, 1, 0.01, 0, None))
    memory.lengthen(track)
    assert track.points[0].index == 0
    assert track.highest == pytest.approx(30.0)


@pytest.mark.parametrize(("missing", "first"), [(6, 0), (9, 15)], ids=["a short gap", "a long one"])
def test_a_short_gap_is_bridged_and_a_long_one_is_not(missing: int, first: int) -> None:
    hidden = range(15 - missing, 15)
    memory = remembered([[] if index in hidden else [falling(index / FPS)] for index in range(30)])
    track = track_from(15, 30)
    memory.lengthen(track)
    assert track.points[0].index == first


def test_the_nearest_blob_is_taken_and_none_beside_the_path() -> None:
    beside = [[(x + 3.0, y), (x, y), (x - 30.0, y)] for x, y in (falling(index / FPS) for index in range(30))]
    track = track_from(15, 30)
    remembered(beside).lengthen(track)
    assert [(point.x, point.y) for point in track.points] == [falling(index / FPS) for index in range(30)]
    far = [[(x + 12.0, y)] for x, y in (falling(index / FPS) for index in range(30))]
    track = track_from(15, 30)
    remembered(far).lengthen(track)
    assert len(track.points) == 15


def test_what_was_at_rest_before_it_fell_is_not_followed_for_ever() -> None:
    """It lay on a sill, where nothing was to be seen, and a leaf moved elsewhere."""
    memory = remembered([[(500.0, 20.0)] if index < 20 else [falling((index - 20) / FPS)] for index in range(50)])
    track = Track(1)
    for index in range(35, 50):
        x, y = falling((index - 20) / FPS)
        track.add(TrackPoint(index, index / FPS, x, y, 3, 3, 9, 40, 1, 0.01, 0, None))
    memory.lengthen(track)
    assert track.points[0].index == 20


def test_fifteen_seconds_are_remembered() -> None:
    """A thing that sinks a pixel in each picture, ten a second, for twenty seconds."""
    memory, track = Backtracker(), Track(1)
    for index in range(200):
        memory.remember(index, proposals(index / 10, [(300.0, 20.0 + index)]))
    for index in range(190, 200):
        track.add(TrackPoint(index, index / 10, 300.0, 20.0 + index, 3, 3, 9, 40, 1, 0.01, 0, None))
    memory.lengthen(track)
    assert track.points[0].time_s == pytest.approx(4.9, abs=0.11)


@pytest.mark.parametrize(
    ("from_s", "to_s", "share"),
    [(0.0, 3.0, 1.0), (2.5, 3.0, 0.0), (0.0, 0.55, 0.0), (0.6, 1.5, 0.5)],
    ids=["always", "only just before", "long before", "half of the time"],
)
def test_who_came_flying_moved_there_before(from_s: float, to_s: float, share: float) -> None:
    """Asked at 3 s: of the pictures from 0.6 to 2.4 s before."""
    memory = Backtracker()
    for index in range(75):
        time_s = index / FPS
        memory.remember(index, proposals(time_s, [(300.0, 100.0)] if from_s <= time_s < to_s else []))
    assert memory.moved_before(3.0, 300.0, 100.0, 360) == pytest.approx(share, abs=0.04)
