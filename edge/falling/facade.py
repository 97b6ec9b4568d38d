"""Floors and columns: a projective map from the picture to the facade, from the lines that the installer drew.

Facade coordinates are continuous: floor 7.4 is 40 % up in floor 7, column 2.5 the middle of column 2. Where columns are
counted from the right that holds as well, so there the left edge of column 2 is 3. A line of the facade stays a line in
the picture, so every drawn end point gives one linear equation for the 3x3 homography (direct linear transformation,
Hartley and Zisserman, section 4.1), solved by singular value decomposition.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge.errors import ConfigError
from edge.falling.plausible import check_lines, check_order, misnumbered
from edge.falling.remarks import said
from edge.falling.settings import FacadeSettings

Floats = NDArray[np.float64]

MAX_RESIDUAL_FLOORS = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Facade:
    """Maps picture fractions to (column, floor). `residual_floors` is the worst misfit of a drawn end point."""

    homography: Floats
    has_columns: bool
    floor_height_m: float
    residual_floors: float

    def coordinates(self, points: Floats) -> Floats:
        """(n, 2) picture fractions → (n, 2) column and floor; the column is NaN where no columns were drawn."""
        return _project(self.homography, np.asarray(points, dtype=np.float64))

    def picture(self, coordinates: Floats) -> Floats:
        """(n, 2) column and floor → (n, 2) picture fractions. Raises ConfigError without drawn columns."""
        if not self.has_columns:
            raise ConfigError("facade: without column_lines a floor is a line in the picture, no point: draw columns")
        return _project(np.linalg.inv(self.homography).astype(np.float64), np.asarray(coordinates, dtype=np.float64))

    def shifted(self, offset: tuple[float, float]) -> Facade:
        """The map when everything in the picture lies `offset` (x, y) picture fractions further."""
        if offset == (0.0, 0.0):
            return self
        back = np.array([[1.0, 0.0, -offset[0]], [0.0, 1.0, -offset[1]], [0.0, 0.0, 1.0]])
        return replace(self, homography=self.homography @ back)

    def metres_down(self, points: Floats) -> Floats:
        """(n, 2) picture fractions → (n,) metres below floor 0's slab, growing downwards."""
        return -self.coordinates(points)[:, 1] * self.floor_height_m


def build_facade(settings: FacadeSettings) -> Facade:
    """Solve the map. Raises ConfigError when the lines do not fit one plane in perspective, or no house has them."""
    check_lines(settings)
    floors = [(line.floor, (line.left, line.right)) for line in settings.floor_lines]
    columns = [(settings.left_edge(line.column), (line.top, line.bottom)) for line in settings.column_lines]
    homography = _solve(_floor_rows(floors) + _column_rows(columns)) if columns else _floors_only(floors)
    residual = _residual(homography, floors)
    if not np.isfinite(residual) or residual > MAX_RESIDUAL_FLOORS:
        raise ConfigError(f"facade: {misnumbered(settings) or said('misfit', off=f'{residual:.1f}')}")
    check_order(homography, settings)
    return Facade(homography, bool(columns), settings.floor_height_m, float(residual))


def misfits(facade: Facade, settings: FacadeSettings) -> tuple[dict[int, float], dict[int, float]]:
    """How far the worse end of each line is off the map: (floor → floors, column → columns)."""
    floors = {line.floor: (line.left, line.right) for line in settings.floor_lines}
    columns = {line.column: (line.top, line.bottom) for line in settings.column_lines}

    def off(number: int, ends: tuple[tuple[float, float], ...], axis: int) -> float:
        return float(np.max(np.abs(facade.coordinates(np.array(ends))[:, axis] - number)))

    return (
        {number: off(number, ends, 1) for number, ends in sorted(floors.items())},
        {number: off(settings.left_edge(number), ends, 0) for number, ends in sorted(columns.items())},
    )


def line_in_picture(facade: Facade, floor: int | None = None, column: int | None = None) -> Floats:
    """(3,) the line a·x + b·y + c = 0, picture fractions, on which a floor's slab or that column coordinate lies."""
    if floor is not None:
        return np.asarray(facade.homography[1] - floor * facade.homography[2])
    if column is None or not facade.has_columns:
        raise ConfigError("facade: name a floor, or a column where columns were drawn")
    return np.asarray(facade.homography[0] - column * facade.homography[2])


Lines = list[tuple[int, tuple[tuple[float, float], tuple[float, float]]]]


def _floor_rows(lines: Lines) -> list[Floats]:
    """h2·p − n h3·p = 0 for each end point p of floor n's line; unknowns (h1, h2, h3)."""
    zero = np.zeros(3)
    return [np.concatenate([zero, p, -n * p]) for n, ends in lines for p in _homogeneous(ends)]


def _column_rows(lines: Lines) -> list[Floats]:
    """h1·p − k h3·p = 0 for each end point p of column k's line."""
    zero = np.zeros(3)
    return [np.concatenate([p, zero, -k * p]) for k, ends in lines for p in _homogeneous(ends)]


def _homogeneous(ends: tuple[tuple[float, float], ...]) -> list[Floats]:
    return [np.array([x, y, 1.0]) for x, y in ends]


def _solve(rows: list[Floats]) -> Floats:
    _, _, v = np.linalg.svd(np.array(rows))
    return _oriented(v[-1].reshape(3, 3))


def _floors_only(lines: Lines) -> Floats:
    """Without columns: three or more lines give the perspective of the floors; two are joined without any."""
    points = [(n, p) for n, ends in lines for p in _homogeneous(ends)]
    h1 = np.full(3, np.nan)
    if len(lines) >= 3:
        _, _, v = np.linalg.svd(np.array([np.concatenate([p, -n * p]) for n, p in points]))
        return _oriented(np.vstack([h1, v[-1].reshape(2, 3)]))
    design = np.array([p for _, p in points])
    h2, *_ = np.linalg.lstsq(design, np.array([float(n) for n, _ in points]), rcond=None)
    return np.vstack([h1, h2, [0.0, 0.0, 1.0]])


def _oriented(homography: Floats) -> Floats:
    """Scale so that the picture's centre has a positive depth."""
    depth = homography[2] @ np.array([0.5, 0.5, 1.0])
    return homography / depth if abs(depth) > 1e-12 else homography


def _project(homography: Floats, points: Floats) -> Floats:
    homogeneous = np.column_stack([points, np.ones(len(points))])
    mapped = homogeneous @ homography.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(mapped[:, :2] / mapped[:, 2:3])


def _residual(homography: Floats, lines: Lines) -> float:
    points = np.array([end for _, ends in lines for end in ends])
    wanted = np.repeat([float(n) for n, _ in lines], 2)
    return float(np.max(np.abs(_project(homography, points)[:, 1] - wanted)))
