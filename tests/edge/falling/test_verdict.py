"""The verdict's own limits, on candidates with made paths."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edge.falling.candidate import Candidate, Surroundings, View, make_candidate
from edge.falling.detector import Look
from edge.falling.settings import FallingSettings
from edge.falling.tracker import Siblings, Track, TrackPoint
from edge.falling.verdict import Verdict, doubted, judge, sinks_steadily

FPS, HEIGHT = 12.5, 540
SURE = Look((0.99, 0.005, 0.005))


def sinking(wobble_px: float, seconds: float, sideways: float = 0.0, siblings: int = 0, pull: float = 0.0) -> Candidate:
    """Something of 5 px goes down with 0.15 picture heights a second, or, with a `pull` (heights/s²), ever faster from
    rest; `sideways` as fast to the right; and wobbles. It ends at 0.9 of the height."""
    rng = np.random.default_rng(5)
    track = Track(0)
    way = pull / 2 * seconds**2 if pull else 0.15 * seconds
    for index in range(int(seconds * FPS)):
        t = index / FPS
        down = pull / 2 * t**2 if pull else 0.15 * t
        x, y = np.array([100.0 + sideways * 0.15 * t * HEIGHT, (0.9 - way + down) * HEIGHT]) + rng.normal(
            0, wobble_px, 2
        )
        patch = np.full((3, 32, 32), 120, np.uint8)
        track.points.append(TrackPoint(index, t, x, y, 5, 5, 25, 40.0, 1.0, 0.0, 0.0, None, patch))
    around = Surroundings(0.0, 0.0, 4.0, 0.5, None)
    born = Siblings(siblings, siblings)
    found = make_candidate(track, born, View(960, HEIGHT, 1.0), None, around, np.random.default_rng(0))
    assert found is not None
    assert sinks_steadily(found)
    return found


def verdict(found: Candidate, look: Look = SURE, weather: bool = False) -> Verdict:
    return judge(found, look, weather, FallingSettings())


@pytest.mark.parametrize(
    ("sideways", "certainty"), [(1.2, "confirmed"), (2.2, "confirmed"), (3.0, "suspected"), (4.5, None)]
)
def test_what_the_wind_drives_may_go_sideways_faster_than_down(sideways: float, certainty: str | None) -> None:
    assert verdict(sinking(wobble_px=1.0, seconds=3, sideways=sideways)).certainty == certainty


def test_without_a_network_what_goes_sideways_is_no_fall() -> None:
    found = sinking(wobble_px=1.0, seconds=3, sideways=2.5)
    assert judge(found, None, False, FallingSettings()).certainty is None


def test_of_what_sinks_steadily_the_network_must_be_surer() -> None:
    bag = sinking(wobble_px=1.0, seconds=4, sideways=0.3)
    assert verdict(bag, Look((0.85, 0.1, 0.05))).certainty == "suspected"
    assert verdict(bag, Look((0.92, 0.05, 0.03))).certainty == "confirmed"


def test_what_surely_gains_speed_however_slowly_needs_less() -> None:
    rather_sure = Look((0.7, 0.2, 0.1))
    slow_fall = sinking(wobble_px=1.0, seconds=5, sideways=0.3, pull=0.05)
    assert verdict(slow_fall, rather_sure).certainty == "confirmed"
    assert verdict(sinking(wobble_px=0.3, seconds=5, pull=0.05), rather_sure).certainty == "confirmed", "nor a lift"
    assert verdict(replace(slow_fall, moved_before=0.4), rather_sure).certainty == "suspected", "it came flying"
    assert verdict(sinking(wobble_px=1.0, seconds=4, sideways=0.3), rather_sure).certainty == "suspected"


@pytest.mark.parametrize(
    ("moved_before", "word", "certainty"),
    [(0.1, 0.96, "confirmed"), (0.4, 0.96, "suspected"), (0.4, 0.99, "confirmed")],
)
def test_what_came_flying_and_then_sinks_must_be_surer(moved_before: float, word: float, certainty: str) -> None:
    found = replace(sinking(wobble_px=1.0, seconds=3, sideways=0.3), moved_before=moved_before)
    assert verdict(found, Look((word, 1 - word, 0.0))).certainty == certainty


@pytest.mark.parametrize(
    ("siblings", "word", "certainty"),
    [(8, 0.92, "confirmed"), (16, 0.92, "suspected"), (16, 0.97, "confirmed"), (60, 0.99, "suspected")],
)
def test_one_spark_of_many_is_no_fall(siblings: int, word: float, certainty: str) -> None:
    spark = sinking(wobble_px=1.0, seconds=3, sideways=0.3, siblings=siblings)
    look = Look((word, 1 - word, 0.0))
    assert verdict(replace(spark, backdrop=30.0), look).certainty == certainty
    assert verdict(replace(spark, backdrop=130.0), look).certainty == "confirmed", "no spark is seen by day"
    assert verdict(replace(spark, backdrop=30.0, burst=0), look).certainty == certainty, "its own sky is restless"
    beside_leaves = replace(spark, backdrop=30.0, burst=0, light=0.1)
    assert verdict(beside_leaves, look).certainty == "confirmed", "what is dark is no spark, and leaves are none"


def dropping(seconds: float, fps: float = 2 * FPS) -> Candidate:
    """Something that falls freely, 0.6 picture heights a second squared."""
    track = Track(0)
    for index in range(int(seconds * fps)):
        t = index / fps
        patch = np.full((3, 32, 32), 120, np.uint8)
        y = (0.1 + 0.3 * t**2) * HEIGHT
        track.points.append(TrackPoint(index, t, 100.0 + 9 * t, y, 5, 5, 25, 40.0, 1.0, 0.0, 0.0, None, patch))
    around = Surroundings(0.0, 0.0, 4.0, 0.5, None)
    found = make_candidate(track, Siblings(0, 0), View(960, HEIGHT, 1.0), None, around, np.random.default_rng(0))
    assert found is not None
    assert not sinks_steadily(found)
    return found


@pytest.mark.parametrize(("seconds", "certainty"), [(1.6, "confirmed"), (0.9, "suspected")])
def test_no_drop_gains_speed_for_long(seconds: float, certainty: str) -> None:
    assert verdict(dropping(seconds), Look((0.88, 0.1, 0.02)), weather=True).certainty == certainty


@pytest.mark.parametrize(
    ("seconds", "fps", "certainty"), [(0.9, 16, "suspected"), (0.9, 25, "confirmed"), (1.2, 12.5, "confirmed")]
)
def test_of_many_flakes_some_follow_one_another_by_chance(seconds: float, fps: float, certainty: str) -> None:
    rather_sure, sure = Look((0.985, 0.01, 0.005)), Look((0.995, 0.005, 0.0))
    assert verdict(dropping(seconds, fps), rather_sure).certainty == "confirmed"
    assert verdict(dropping(seconds, fps), rather_sure, weather=True).certainty == certainty
    assert verdict(dropping(seconds, fps), sure, weather=True).certainty == "confirmed"


def test_what_gains_speed_slowly_for_long_may_be_flakes_too() -> None:
    paper = sinking(wobble_px=1.0, seconds=5, sideways=0.3, pull=0.05)
    assert verdict(paper, Look((0.9, 0.05, 0.05)), weather=True).certainty == "suspected"
    assert verdict(paper, Look((0.96, 0.02, 0.02)), weather=True).certainty == "confirmed"


@pytest.mark.parametrize(
    ("change", "certainty"),
    [({}, "confirmed"), ({"disturbance": 0.3}, None), ({"bend": 0.02}, None), ({"travel": 0.3}, None)],
)
def test_where_gravity_alone_explains_a_long_path_the_network_may_doubt(
    change: dict[str, float], certainty: str | None
) -> None:
    stone = replace(dropping(1.4), **change)
    assert verdict(stone, Look((0.12, 0.44, 0.44))).certainty == certainty
    assert verdict(stone, Look((0.03, 0.9, 0.07))).certainty is None, "but not be sure of the opposite"


def test_one_of_many_sparks_in_a_restless_sky_is_no_fall_by_its_path_alone() -> None:
    spark = replace(dropping(1.4), siblings=35, burst=0, backdrop=60.0)
    assert verdict(spark, Look((0.66, 0.2, 0.14))).certainty != "confirmed"
    beside_a_tree = replace(spark, light=0.2)
    assert verdict(beside_a_tree, Look((0.66, 0.2, 0.14))).certainty == "confirmed", "a fall in the shade"


def test_pieces_outvote_what_sinks_steadily_and_not_what_falls_freely() -> None:
    lift, stone = sinking(wobble_px=1.0, seconds=4, sideways=0.3), dropping(1.6)
    less = doubted(lift, verdict(lift))
    assert (less.certainty, less.worst) == ("suspected", "most of its pieces")
    assert less.confidence <= 0.5
    assert doubted(stone, verdict(stone)) == verdict(stone)


def test_of_what_sinks_straight_as_a_lift_the_network_must_be_surest() -> None:
    rather_sure, sure = Look((0.94, 0.03, 0.03)), Look((0.97, 0.02, 0.01))
    lift = sinking(wobble_px=0.3, seconds=4)
    assert verdict(lift, rather_sure).certainty == "suspected"
    assert verdict(lift, sure).certainty == "confirmed"
    assert verdict(sinking(wobble_px=0.3, seconds=4, sideways=0.3), rather_sure).certainty == "confirmed"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"bend": 0.004}, id="a drone: as smooth as flown"),
        pytest.param({"points": np.array([[0.2, 0.2], [0.2, 0.45]])}, id="a bird: gone high up"),
        pytest.param({"disturbance": 0.3}, id="a spot of light: the wall around it changes"),
    ],
)
def test_of_what_sinks_as_other_things_do_the_network_must_be_surest(change: dict[str, Any]) -> None:
    bag = replace(sinking(wobble_px=1.0, seconds=5, sideways=0.3), bend=0.02)
    rather_sure, sure = Look((0.94, 0.03, 0.03)), Look((0.997, 0.002, 0.001))
    assert verdict(bag, rather_sure).certainty == "confirmed"
    assert verdict(replace(bag, **change), rather_sure).certainty == "suspected"
    assert verdict(replace(bag, **change), sure).certainty == "confirmed"


def test_what_leaves_the_watched_part_of_the_picture_is_not_gone_high_up() -> None:
    bag = replace(
        sinking(wobble_px=1.0, seconds=5, sideways=0.3), bend=0.02, points=np.array([[0.2, 0.2], [0.2, 0.45]])
    )
    assert verdict(bag, Look((0.94, 0.03, 0.03))).certainty == "suspected"
    assert verdict(replace(bag, lost_in_view=False), Look((0.94, 0.03, 0.03))).certainty == "confirmed"


def test_what_slows_down_for_long_comes_to_land() -> None:
    def slowing(duration_s: float) -> Candidate:
        found = sinking(wobble_px=1.0, seconds=5, sideways=0.3)
        fit = replace(found.fit, start_speed=0.18, end_speed=0.13, duration_s=duration_s)
        return replace(found, fit=fit, duration_s=duration_s)

    assert verdict(slowing(2.0)).certainty == "confirmed", "a gust"
    assert verdict(slowing(5.0)).certainty == "suspected"


def test_a_light_that_moves_over_a_wall_gains_no_speed_for_sure() -> None:
    stone = dropping(0.9)
    vague = replace(
        stone, disturbance=0.2, fit=replace(stone.fit, acceleration_sigma=0.2 * stone.fit.acceleration, rms=1.0)
    )
    half_sure = Look((0.7, 0.2, 0.1))
    assert verdict(stone, half_sure).certainty == "confirmed"
    assert verdict(vague, half_sure).certainty == "suspected"
    assert verdict(replace(vague, disturbance=0.1), half_sure).certainty == "confirmed"


def test_how_exactly_a_large_thing_was_seen_is_what_its_path_shows() -> None:
    stone = dropping(0.9)
    unsure = replace(stone.fit, acceleration_sigma=0.35 * stone.fit.acceleration)
    assert verdict(replace(stone, fit=replace(unsure, rms=0.2))).certainty == "confirmed"
    assert verdict(replace(stone, fit=replace(unsure, rms=1.0))).certainty == "suspected"


@pytest.mark.parametrize(("seen", "certainty"), [(0.45, "confirmed"), (0.38, "suspected")])
def test_a_long_free_fall_may_have_gaps(seen: float, certainty: str) -> None:
    assert verdict(replace(dropping(1.4), fill=seen)).certainty == certainty
    assert verdict(replace(dropping(0.9), fill=seen)).certainty != "confirmed", "a shorter one may not"


def test_what_falls_from_high_up_in_the_drag_of_the_air_may_be_fast() -> None:
    slow_fall = sinking(wobble_px=1.0, seconds=5, sideways=0.3, pull=0.05)
    assert verdict(slow_fall).certainty == "confirmed"
    fast = replace(slow_fall.fit, end_speed=28.0, start_speed=6.0, acceleration=3.5, acceleration_sigma=0.1)
    assert verdict(replace(slow_fall, metric=True, fit=fast)).certainty == "confirmed"
    steady = replace(fast, start_speed=26.0, acceleration=0.1)
    assert verdict(replace(slow_fall, metric=True, fit=steady)).certainty == "suspected", "nothing sinks so fast"


def test_through_rain_the_network_must_be_surer() -> None:
    bag, rather_sure = sinking(wobble_px=1.0, seconds=4, sideways=0.3), Look((0.92, 0.05, 0.03))
    assert verdict(bag, rather_sure).certainty == "confirmed"
    assert verdict(bag, rather_sure, weather=True).certainty == "suspected"
    assert verdict(bag, weather=True).certainty == "confirmed"
