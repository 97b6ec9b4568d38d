"""The facade's map: exact for a plane in perspective, refused when the lines contradict each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.errors import ConfigError
from edge.falling.facade import Facade, build_facade
from edge.falling.settings import ColumnLine, FacadeSettings, FloorLine

FLOORS, COLUMNS = 12, 5


def truth_map(tilt: float, turn: float) -> np.ndarray:
    """(column, floor) → picture: a tower that narrows upwards and is seen a little from the side."""
    return np.array([[0.12, 0.01 * turn, 0.15], [0.01 * turn, -0.07, 0.95], [0.01 * turn, 0.02 * tilt, 1.0]])


def seen(homography: np.ndarray, column: float, floor: float) -> tuple[float, float]:
    x, y, w = homography @ [column, floor, 1.0]
    return float(np.clip(x / w, 0, 1)), float(np.clip(y / w, 0, 1))


def drawing(homography: np.ndarray, floors: list[int], columns: list[int]) -> FacadeSettings:
    return FacadeSettings(
        floor_lines=tuple(
            FloorLine(floor=n, left=seen(homography, 1, n), right=seen(homography, COLUMNS, n)) for n in floors
        ),
        column_lines=tuple(
            ColumnLine(column=k, top=seen(homography, k, FLOORS), bottom=seen(homography, k, 1)) for k in columns
        ),
    )


@given(
    tilt=st.floats(0.2, 2.5, allow_subnormal=False),
    turn=st.floats(-1, 1, allow_subnormal=False),
    column=st.floats(1, COLUMNS, allow_subnormal=False),
    floor=st.floats(1, FLOORS, allow_subnormal=False),
)
def test_places_return_from_a_round_trip(tilt: float, turn: float, column: float, floor: float) -> None:
    facade = build_facade(drawing(truth_map(tilt, turn), [2, 6, 11], [1, 3, 5]))
    place = np.array([seen(truth_map(tilt, turn), column, floor)])
    found = facade.coordinates(place)[0]
    assert found == pytest.approx([column, floor], abs=1e-3)
    assert facade.picture(found[None])[0] == pytest.approx(place[0], abs=1e-6)


def test_two_floors_and_two_columns_are_enough() -> None:
    homography = truth_map(1.5, 0.5)
    facade = build_facade(drawing(homography, [3, 9], [1, 5]))
    assert facade.coordinates(np.array([seen(homography, 2.5, 11.0)]))[0] == pytest.approx([2.5, 11.0], abs=1e-6)
    assert facade.residual_floors < 1e-9


def test_floors_without_columns_keep_their_perspective() -> None:
    homography = truth_map(1.5, 0.3)
    facade = build_facade(drawing(homography, [2, 5, 8, 11], []))
    column, floor = facade.coordinates(np.array([seen(homography, 3.0, 6.5)]))[0]
    assert floor == pytest.approx(6.5, abs=1e-6)
    assert np.isnan(column)
    with pytest.raises(ConfigError, match="draw columns"):
        facade.picture(np.array([[3.0, 6.5]]))


def test_two_floors_alone_are_joined_without_perspective() -> None:
    settings = FacadeSettings(
        floor_lines=(
            FloorLine(floor=1, left=(0.1, 0.9), right=(0.9, 0.9)),
            FloorLine(floor=9, left=(0.1, 0.1), right=(0.9, 0.1)),
        )
    )
    facade: Facade = build_facade(settings)
    assert facade.coordinates(np.array([[0.4, 0.5]]))[0, 1] == pytest.approx(5.0)
    assert facade.metres_down(np.array([[0.4, 0.5]]))[0] == pytest.approx(-15.0)


def test_lines_that_contradict_each_other_are_refused() -> None:
    lines = (
        FloorLine(floor=2, left=(0.1, 0.9), right=(0.9, 0.9)),
        FloorLine(floor=3, left=(0.1, 0.4), right=(0.9, 0.85)),
        FloorLine(floor=9, left=(0.1, 0.35), right=(0.9, 0.05)),
    )
    with pytest.raises(ConfigError, match="floor lines do not fit"):
        build_facade(FacadeSettings(floor_lines=lines))


@pytest.mark.parametrize(
    ("floors", "columns", "message"),
    [
        ([2, 2], [], "floor 2 is drawn twice"),
        ([2, 5], [1], "at least two columns"),
        ([2, 5], [3, 3], "column 3 is drawn twice"),
    ],
)
def test_a_drawing_with_a_mistake_names_it(floors: list[int], columns: list[int], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        drawing(truth_map(1.0, 0.0), floors, columns)
