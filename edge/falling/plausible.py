"""Refuses floor and column lines that no picture of a house can hold: the map would fit them, and name wrong windows.

First the lines themselves are looked at, then their map. A camera sees only what is before it, so every drawn end has
to lie on the same side of the map's horizon; there, floor numbers must grow upwards and column numbers to the right, or
to the left where the drawing says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from edge.errors import ConfigError
from edge.falling.remarks import said
from edge.falling.settings import FacadeSettings, Point

Floats = NDArray[np.float64]
Line = tuple[int, Point, Point]
"""Number and both ends, picture fractions."""

SHORTEST = 1e-3
"""Of the picture: about a pixel."""
STEEPEST = 8.0
"""Picture fractions up for one sideways: a floor line that is steeper stands upright, and a column by the same measure
lies level. Floors lean by less even where one looks along the house; a column does at the side of a picture that looks
almost straight up, but not all of them do."""


def check_lines(settings: FacadeSettings) -> None:
    """Raises ConfigError for a line that is a point, is drawn as the other kind, or crosses one of its own kind."""
    floors, columns = _floors(settings), _columns(settings)
    for kind, lines in (("floor", floors), ("column", columns)):
        for number, start, end in lines:
            if max(abs(end[0] - start[0]), abs(end[1] - start[1])) < SHORTEST:
                raise ConfigError(f"facade: {said('point', kind=kind, one=number)}")
    for number, start, end in floors:
        if abs(end[1] - start[1]) > STEEPEST * abs(end[0] - start[0]):
            raise ConfigError(f"facade: {said('upright', one=number)}")
    if columns and all(abs(end[0] - start[0]) > STEEPEST * abs(end[1] - start[1]) for _, start, end in columns):
        raise ConfigError(f"facade: {said('level')}")
    for kind, lines in (("floor", floors), ("column", columns)):
        for one, other in combinations(lines, 2):
            if _side(one, other) == 0 and _side(other, one) == 0:
                raise ConfigError(f"facade: {said('cross', kind=kind, one=one[0], other=other[0])}")


def check_order(homography: Floats, settings: FacadeSettings) -> None:
    """Raises ConfigError when the (3, 3) map of these lines is none of a house that stands upright before a camera.

    The first row of the map is NaN where no columns are drawn.
    """
    floors, columns = _floors(settings), _columns(settings)
    depths = _depths(homography, floors + columns)
    seen = homography * np.sign(np.median(depths))
    whole = bool((depths > 0).all() or (depths < 0).all())
    floors_grow = whole and _in_order(seen, floors, 1) and all(_upwards(seen, line) for line in floors)
    if not floors_grow or (columns and not (_in_order(seen, columns, 0) and _unmirrored(seen, settings))):
        raise ConfigError(f"facade: {misnumbered(settings) or said('meet')}")


def misnumbered(settings: FacadeSettings) -> str | None:
    """Two lines that stand in the picture in another order than their numbers do, as an error's text."""
    for lower, upper in _swapped(_floors(settings)):
        return said("floors_swapped", one=lower, other=upper)
    if settings.columns_counted_from == "right":
        for right, left in _swapped(_columns(settings)[::-1]):
            return said("columns_swapped_from_right", one=right, other=left)
    else:
        for left, right in _swapped(_columns(settings)):
            return said("columns_swapped", one=left, other=right)
    return None


def _floors(settings: FacadeSettings) -> list[Line]:
    """By number, each from left to right."""
    lines = ((line.floor, sorted((line.left, line.right))) for line in settings.floor_lines)
    return sorted((number, left, right) for number, (left, right) in lines)


def _columns(settings: FacadeSettings) -> list[Line]:
    """By number, each from top to bottom."""
    lines = ((line.column, sorted((line.top, line.bottom), key=itemgetter(1))) for line in settings.column_lines)
    return sorted((number, top, bottom) for number, (top, bottom) in lines)


def _side(line: Line, other: Line) -> int:
    """On which side of a line another one lies: 1 below a floor or left of a column, -1 above or right, 0 on both."""
    _, (x, y), end = line
    along = (end[0] - x, end[1] - y)
    sides = [along[0] * (place[1] - y) - along[1] * (place[0] - x) for place in other[1:]]
    return int(min(sides) > 0) - int(max(sides) < 0)


def _swapped(lines: Sequence[Line]) -> Iterator[tuple[int, int]]:
    """Numbers of lines of which the later one, in the order given, stands below or left of the earlier one."""
    for one, other in combinations(lines, 2):
        if _side(one, other) > 0 and _side(other, one) < 0:
            yield one[0], other[0]


def _depths(homography: Floats, lines: Sequence[Line]) -> Floats:
    """(2 n,) of each end: its sign says on which side of the map's horizon it lies."""
    ends = np.array([(*end, 1.0) for _, *both in lines for end in both])
    return np.asarray(ends @ homography[2])


def _in_order(homography: Floats, lines: Sequence[Line], axis: int) -> bool:
    """Whether the map puts the lines, which are sorted by number, in that order."""
    ends = np.array([[(*end, 1.0) for end in both] for _, *both in lines])
    values = (ends @ homography[axis] / (ends @ homography[2])).mean(axis=1)
    return bool((np.diff(values) > 0).all())


def _unmirrored(homography: Floats, settings: FacadeSettings) -> bool:
    """Whether column numbers grow to the side to which they are said to, at any place before the camera."""
    determinant = float(np.linalg.det(homography))
    return determinant > 0 if settings.columns_counted_from == "right" else determinant < 0


def _upwards(homography: Floats, line: Line) -> bool:
    """Whether floors grow upwards in the picture at the middle of a line; d/dy of (h2·p)/(h3·p), without its square."""
    middle = np.array([*np.mean(line[1:], axis=0), 1.0])
    _, h2, h3 = homography
    return bool(h2[1] * (h3 @ middle) - h3[1] * (h2 @ middle) < 0)
