"""The origin of falls in three dimensions, before a facade that a pinhole camera sees from below."""

from __future__ import annotations

import numpy as np
import pytest

from edge.falling.ballistics import G
from edge.falling.facade import Facade, build_facade
from edge.falling.origin import find_origin_floor, find_viewpoint
from edge.falling.settings import FacadeSettings, FloorLine

HEIGHT_M, DISTANCE_M, PITCH, FOCAL = 3.0, 26.0, 0.55, 0.9
"""Camera above the ground, before the facade, turned up (radians), focal length in picture heights."""
FLOOR_M = 3.0


def row_of(height_m: np.ndarray, off_m: np.ndarray) -> np.ndarray:
    """Picture fraction from the top at which a thing `off_m` before the facade is seen."""
    angle = np.arctan2(height_m - HEIGHT_M, DISTANCE_M - off_m)
    return 0.5 - FOCAL * np.tan(angle - PITCH)


def drawn(floors: range) -> Facade:
    rows = {n: float(row_of(np.array(FLOOR_M * (n - 1)), np.array(0.0))) for n in floors}
    lines = [FloorLine(floor=n, left=(0.2, y), right=(0.8, y)) for n, y in rows.items() if 0 <= y <= 1]
    return build_facade(FacadeSettings(floor_height_m=FLOOR_M, floor_lines=tuple(lines)))


def test_the_viewpoint_follows_from_the_floor_lines() -> None:
    view = find_viewpoint(drawn(range(1, 16)), HEIGHT_M)
    assert view is not None
    assert view.distance_m == pytest.approx(DISTANCE_M, rel=1e-3)
    assert view.height_m == pytest.approx(HEIGHT_M + FLOOR_M)


def test_a_wrong_camera_height_moves_the_viewpoint_little() -> None:
    view = find_viewpoint(drawn(range(1, 16)), HEIGHT_M + 1.5)
    assert view is not None
    assert view.distance_m == pytest.approx(DISTANCE_M, rel=0.08)


def test_without_perspective_there_is_no_viewpoint() -> None:
    lines = tuple(FloorLine(floor=n, left=(0.1, 1 - n / 12), right=(0.9, 1 - n / 12)) for n in (1, 5, 11))
    assert find_viewpoint(build_facade(FacadeSettings(floor_lines=lines)), HEIGHT_M) is None


def thrown(outwards: float, unseen_s: float, seed: int) -> tuple[float, float, float]:
    """Floor of a throw from 40 % up in floor 12 that is seen late: value, low and high."""
    facade = drawn(range(1, 16))
    view = find_viewpoint(facade, HEIGHT_M)
    assert view is not None
    t = unseen_s + np.arange(0, 1.4, 0.04)
    rows = row_of(11.4 * FLOOR_M - G * t**2 / 2, 0.8 + outwards * t)
    rows = rows + np.random.default_rng(seed).normal(0, 4e-4, len(t))
    s = facade.metres_down(np.column_stack([np.full_like(rows, 0.5), rows]))
    origin = find_origin_floor(t, s, np.full_like(t, 0.06), view, 0.45)
    assert origin.time_s <= 0
    return -origin.s / FLOOR_M, -origin.high / FLOOR_M, -origin.low / FLOOR_M


def test_throws_are_given_to_their_floor_however_far_out_they_go() -> None:
    told = [thrown(outwards, unseen_s, 3) for outwards in (0.0, 1.5, 3.0) for unseen_s in (0.0, 0.6, 1.1)]
    assert [value for value, _, _ in told] == pytest.approx([12.4] * len(told), abs=0.9)
    right = [low <= 12.4 <= high for _, low, high in told]
    assert np.mean(right) > 0.85  # a 95 % interval, on throws of which some are unusual
