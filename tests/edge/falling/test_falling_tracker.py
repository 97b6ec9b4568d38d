"""The tracker on made-up blobs, and the merging of what is one fall."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.falling.backtrack import Backtracker
from edge.falling.mirror import Extent, FallMerger
from edge.falling.motion import Pictures, Proposals
from edge.falling.tracker import GravityTracker, Track
from edge.falling.weather import WeatherWatch

FPS = 25.0
BLANK = np.zeros((360, 640), np.uint8)


def proposals(time_s: float, places: list[tuple[float, float]]) -> Proposals:
    x, y = (np.array([place[i] for place in places], dtype=float) for i in (0, 1))
    ones = np.ones(len(places))
    pictures = Pictures(BLANK, BLANK, BLANK)
    small = (3 * ones, 3 * ones, 9 * ones, 40 * ones, ones, 0 * ones, 0 * ones)
    fields = {(int(column // 80), int(row // 60)) for column, row in places}
    spread = len(fields) / 48
    return Proposals(time_s, x, y, *small, pictures, 0, len(places), spread, spread, 9.0)


def track_all(pictures: list[Proposals]) -> list[Track]:
    tracker = GravityTracker((360, 640))
    ended = [track for picture in pictures for track in tracker.observe(picture)]
    return ended + tracker.finish()


def falling(t: float) -> tuple[float, float]:
    return (200.0 + 10 * t, 20.0 + 130 * t * t)


def test_a_fall_among_noise_and_with_gaps_is_one_track() -> None:
    rng = np.random.default_rng(0)
    pictures = []
    for index in range(36):
        t = index / FPS
        noise = [(float(x), float(y)) for x, y in rng.uniform([0, 0], [640, 360], (4, 2))]
        seen = [] if index in (12, 13, 20) else [falling(t)]
        pictures.append(proposals(t, [*noise, *seen]))
    longest = max(track_all(pictures), key=lambda track: len(track.points))
    on_path = sum(np.hypot(p.x - falling(p.time_s)[0], p.y - falling(p.time_s)[1]) < 1 for p in longest.points)
    assert on_path >= 30
    assert on_path >= 0.9 * len(longest.points)


def test_two_falls_side_by_side_stay_apart() -> None:
    pictures = [
        proposals(i / FPS, [falling(i / FPS), (240 + 10 * i / FPS, 20 + 130 * (i / FPS) ** 2)]) for i in range(36)
    ]
    long = [track for track in track_all(pictures) if len(track.points) > 25]
    assert len(long) == 2
    assert all(max(p.x for p in track.points) - min(p.x for p in track.points) < 20 for track in long)


def test_what_rises_is_given_up() -> None:
    tracker = GravityTracker((360, 640))
    for index in range(50):
        tracker.observe(proposals(index / FPS, [(300.0, 340.0 - 150 * index / FPS)]))
    assert all(len(track.points) < 25 for track in tracker.tracks)


def test_a_track_ends_soon_after_its_thing_has_left_the_picture() -> None:
    tracker = GravityTracker((360, 640))
    ended_s = None
    for index in range(80):
        t = index / FPS
        y = falling(t)[1]
        if tracker.observe(proposals(t, [falling(t)] if y < 358 else [])) and ended_s is None:
            ended_s = t
    left_s = np.sqrt(338 / 130)
    assert ended_s is not None
    assert 0 < ended_s - left_s < 0.2


def extent(start: float, end: float, x: float, strength: float, y: tuple[float, float] = (0.1, 0.9)) -> Extent:
    return Extent(start, end, x, x, y[0], y[1], strength)


def told(merger: FallMerger[str], now_s: float) -> list[str]:
    return [item for item, _ in merger.release(now_s, [])]


def test_the_mirror_image_is_merged_into_the_stronger_one() -> None:
    merger: FallMerger[str] = FallMerger()
    merger.add(extent(1.0, 2.0, 0.50, 1.0), "mirror", certain=True)
    assert merger.release(2.1, [extent(1.4, 2.1, 0.58, 0.0)]) == []
    merger.add(extent(1.4, 2.6, 0.58, 5.0), "object", certain=True)
    assert told(merger, 2.7) == ["object"]
    assert merger.merged == 1


def test_a_short_mirror_image_waits_for_an_object_that_falls_further() -> None:
    merger: FallMerger[str] = FallMerger()
    merger.add(extent(1.0, 2.0, 0.50, 1.0, (0.2, 0.4)), "mirror", certain=True)
    assert merger.release(3.4, [extent(1.7, 3.4, 0.55, 0.0, (0.1, 0.8))]) == [], "longer than for a piece"
    merger.add(extent(1.7, 3.6, 0.55, 9.0), "object", certain=True)
    assert told(merger, 3.8) == ["object"]

    merger.add(extent(11.0, 12.0, 0.50, 1.0, (0.2, 0.4)), "fall", certain=True)
    assert told(merger, 12.5) == ["fall"], "what nothing else is seen with waits for nothing"
    merger.add(extent(21.0, 22.0, 0.50, 1.0, (0.2, 0.4)), "fall", certain=True)
    swaying = extent(21.7, 23.3, 0.55, 0.0, (0.25, 0.35))
    assert [item for item, _ in merger.release(23.3, [swaying])] == ["fall"], "nor for what has come less far"


def test_a_later_mirror_and_a_broken_off_piece_are_not_told_again() -> None:
    merger: FallMerger[str] = FallMerger()
    merger.add(extent(1.0, 2.0, 0.5, 5.0, (0.1, 0.5)), "object", certain=True)
    assert told(merger, 2.1) == ["object"]
    merger.add(extent(1.2, 2.4, 0.56, 1.0), "mirror", certain=True)
    merger.add(extent(2.3, 2.9, 0.51, 1.0, (0.6, 0.95)), "piece", certain=False)
    assert merger.release(9.0, []) == []


@pytest.mark.parametrize(
    "other", [extent(1.2, 2.2, 0.9, 1.0), extent(4.0, 5.0, 0.5, 1.0)], ids=["across the picture", "later"]
)
def test_two_falls_are_two_events(other: Extent) -> None:
    merger: FallMerger[str] = FallMerger()
    merger.add(extent(1.0, 2.0, 0.5, 5.0), "first", certain=True)
    merger.add(other, "second", certain=True)
    assert sorted(told(merger, 9.0)) == ["first", "second"]


@pytest.mark.parametrize(
    "piece",
    [
        Extent(4.3, 6.0, 0.52, 0.53, 0.62, 0.9, 5.0),
        Extent(7.0, 8.2, 0.53, 0.54, 0.88, 0.99, 5.0),
        Extent(2.6, 5.0, 0.51, 0.53, 0.44, 0.8, 5.0),
    ],
    ids=[
        "a second and a half later, where it should be by then",
        "four seconds later, where it should be by then",
        "beginning before the first has ended",
    ],
)
def test_a_light_thing_that_is_seen_in_pieces_is_one_event(piece: Extent) -> None:
    merger: FallMerger[str] = FallMerger()
    merger.add(Extent(0.0, 3.0, 0.50, 0.51, 0.1, 0.45, 5.0), "bag", certain=True)
    assert told(merger, 3.2) == ["bag"]
    merger.add(piece, "the same bag", certain=True)
    assert merger.release(9.0, []) == []


def test_a_told_suspicion_does_not_silence_a_certainty() -> None:
    merger: FallMerger[str] = FallMerger()
    merger.add(extent(1.0, 2.0, 0.5, 1.0), "suspected", certain=False)
    assert told(merger, 2.1) == ["suspected"]
    merger.add(extent(1.4, 2.6, 0.55, 5.0), "confirmed", certain=True)
    assert told(merger, 2.7) == ["confirmed"]


def test_weather_is_what_moves_everywhere() -> None:
    rng = np.random.default_rng(0)
    watch = WeatherWatch()
    for index in range(150):
        watch.observe(proposals(index / FPS, [(float(x), float(y)) for x, y in rng.uniform(0, [640, 360], (60, 2))]))
    assert watch.active
    for index in range(150, 400):
        watch.observe(proposals(index / FPS, [(100.0, 100.0), (110.0, 90.0)]))
    assert not watch.active


def test_trees_that_move_all_over_the_picture_are_no_weather() -> None:
    rng = np.random.default_rng(0)
    watch = WeatherWatch()
    for index in range(150):
        places = [(float(x), float(y)) for x, y in rng.uniform(0, [640, 360], (60, 2))]
        watch.observe(replace(proposals(index / FPS, places), quiet_spread=0.1))
    assert watch.share > 0.6
    assert not watch.active


def test_a_piece_lies_on_the_path_of_its_fall_and_not_on_the_line_between_its_ends() -> None:
    times = np.linspace(0.0, 3.0, 61)
    path = np.column_stack([times, np.full_like(times, 0.5), 0.05 + 0.095 * times**2])
    whole = Extent(0.0, 3.0, 0.5, 0.5, 0.05, 0.905, 9.0, path)
    part = path[34:53]
    piece = Extent(part[0, 0], part[-1, 0], 0.5, 0.5, part[0, 2], part[-1, 2], 5.0, part)
    assert whole.at(1.5) == pytest.approx((0.5, 0.264), abs=1e-3)
    assert piece.same_fall(whole)
    straight = Extent(0.0, 3.0, 0.5, 0.5, 0.05, 0.905, 9.0)
    assert not piece.same_fall(straight), "gravity bends it: that is what the path is for"


def test_one_sure_word_of_many_pieces_is_doubted() -> None:
    merger: FallMerger[str] = FallMerger()
    for late in range(9):
        merger.refuse(extent(1.0, 2.0 + late / 10, 0.5, 1.0))
    merger.refuse(extent(1.0, 2.0, 0.8, 1.0))  # elsewhere
    merger.add(extent(1.0, 2.4, 0.5, 5.0), "lift", certain=True)
    assert merger.release(9.0, []) == [("lift", True)]


def test_what_many_of_its_pieces_are_sure_of_is_not_doubted() -> None:
    merger: FallMerger[str] = FallMerger()
    merger.add(extent(1.0, 2.4, 0.5, 5.0), "bag", certain=True)
    for late in range(9):
        merger.refuse(extent(1.0, 2.0 + late / 10, 0.5, 1.0))
    merger.add(extent(1.1, 2.4, 0.5, 4.0), "bag", certain=False)
    for late in range(2):
        merger.add(extent(1.2, 2.5 + late / 10, 0.5, 3.0), "bag", certain=True)
    assert merger.release(9.0, []) == [("bag", False)]


def test_a_few_pieces_do_not_outvote_a_sure_one() -> None:
    merger: FallMerger[str] = FallMerger()
    merger.add(extent(1.0, 2.4, 0.5, 5.0), "cup", certain=True)
    for late in range(8):
        merger.refuse(extent(1.0, 2.0 + late / 10, 0.5, 1.0))
    assert merger.release(9.0, []) == [("cup", False)]


def test_what_flew_before_it_sinks_is_told_from_what_was_at_rest() -> None:
    memory = Backtracker()
    for index in range(60):
        t = index / FPS
        flying = (300.0 - 6 * (2.4 - t), 100.0)  # slowly past the place where the path begins, at 2.4 s
        own = (500.0, 100.0 + 2 * max(t - 1.9, 0.0))  # the path's own slow beginning, half a second before
        memory.remember(index, proposals(t, [flying, own] if t > 1.9 else [flying]))
    assert memory.moved_before(2.4, 300.0, 100.0, 360) > 0.9
    assert memory.moved_before(2.4, 500.0, 101.0, 360) == 0.0
    assert Backtracker().moved_before(2.4, 300.0, 100.0, 360) == 0.0
