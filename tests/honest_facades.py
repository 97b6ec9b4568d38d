"""Drawings of a wall as installers make them: from the street, from the side, steeply from below or from above."""

from __future__ import annotations

import numpy as np

from edge.falling.settings import ColumnLine, FacadeSettings, FloorLine, Point


def turned(yaw: float, tilt: float, roll: float) -> np.ndarray:
    """(3, 3) its columns are the camera's right, up and backward directions; angles in degrees."""
    (c, b, a), (s, t, r) = np.cos(np.radians([yaw, tilt, roll])), np.sin(np.radians([yaw, tilt, roll]))
    about_y = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    about_x = np.array([[1, 0, 0], [0, b, -t], [0, t, b]])
    return about_y @ about_x @ np.array([[a, -r, 0], [r, a, 0], [0, 0, 1]])


class View:
    """A wall at z = 0, floors of 3 m, columns of 4 m, as a camera at `place` sees it."""

    def __init__(self, place: tuple[float, float, float], axes: np.ndarray, focal: float) -> None:
        self._place, self._axes, self._focal = np.array(place), axes, focal

    def line(
        self, start: tuple[float, float], end: tuple[float, float], slip: np.ndarray
    ) -> tuple[Point, Point] | None:
        """Its visible part in picture fractions, both ends off by `slip` (2, 2); None where there is hardly any."""
        along = np.linspace([*start, 0], [*end, 0], 200)
        right, up, back = ((along - self._place) @ self._axes).T
        before = back < -0.1
        depth = np.where(before, -back, 1.0)
        places = np.column_stack([0.5 + self._focal * right / depth, 0.5 - self._focal * up / depth * 16 / 9])
        seen = places[before & ((places >= 0) & (places <= 1)).all(axis=1)]
        if len(seen) < 2 or np.abs(seen[0] - seen[-1]).max() < 0.05:
            return None
        a, b = np.clip(seen[[0, -1]] + slip, 0, 1)
        return (float(a[0]), float(a[1])), (float(b[0]), float(b[1]))


def random_view(rng: np.random.Generator) -> View:
    place = (rng.uniform(-20, 60), rng.uniform(1, 40), rng.uniform(4, 80))
    return View(place, turned(rng.uniform(-60, 60), rng.uniform(-40, 70), rng.normal(0, 3)), rng.uniform(0.5, 2.5))


def random_drawing(rng: np.random.Generator) -> tuple[list[FloorLine], list[ColumnLine]]:
    """Two to five floors and none or two to four columns of a wall of 16 floors and 10 columns, drawn a pixel off."""
    view = random_view(rng)
    slips = rng.normal(0, 1 / 1600, (28, 2, 2))
    floors = [(n, view.line((0, 3 * n), (40, 3 * n), slips[n])) for n in range(17)]
    columns = [(n, view.line((4 * n, 0), (4 * n, 48), slips[17 + n])) for n in range(11)]
    floor_lines = [FloorLine(floor=n, left=min(ends), right=max(ends)) for n, ends in floors if ends is not None]
    column_lines = [ColumnLine(column=n, top=ends[0], bottom=ends[1]) for n, ends in columns if ends is not None]
    picked_floors = sorted(rng.permutation(len(floor_lines))[: rng.integers(2, 6)])
    picked = sorted(rng.permutation(len(column_lines))[: rng.integers(2, 5)]) if rng.random() < 0.6 else []
    return [floor_lines[i] for i in picked_floors], [column_lines[i] for i in picked] if len(picked) > 1 else []


def honest_facades(rng: np.random.Generator, number: int) -> list[FacadeSettings]:
    """Of so many random views those in which two floors can be seen."""
    drawings = (random_drawing(rng) for _ in range(number))
    return [
        FacadeSettings(floor_lines=tuple(floors), column_lines=tuple(columns))
        for floors, columns in drawings
        if len(floors) > 1
    ]
