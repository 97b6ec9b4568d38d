"""A picture of the drawing on its still: what was drawn, and where its map puts every floor between."""

from __future__ import annotations

import cv2
import numpy as np

from edge.falling.calibration.drawing import Drawing
from edge.falling.facade import Facade, line_in_picture
from edge.falling.motion import Floats
from edge.types import Bgr

_FLOOR, _COLUMN, _MAP = (60, 220, 255), (255, 190, 60), (200, 200, 200)
_OUTLINE, _IGNORE, _PRIVACY = (90, 220, 90), (60, 60, 230), (20, 20, 20)
_MOST_FLOORS = 120


def draw_preview(still: Bgr, drawing: Drawing, facade: Facade | None) -> Bgr:
    """(h, w, 3) a copy of the still: areas, the map's floors and columns in grey, the drawn lines in colour."""
    picture = still.copy()
    _fill(picture, drawing.privacy_masks, _PRIVACY, 0.8)
    _fill(picture, drawing.falling.ignore, _IGNORE, 0.35)
    thickness = max(1, picture.shape[0] // 540)
    for zone in drawing.falling.zones:
        cv2.polylines(picture, [_pixels(picture, zone)], True, _OUTLINE, 2 * thickness, cv2.LINE_AA)
    if facade is not None:
        _draw_map(picture, drawing, facade)
        _draw_lines(picture, drawing, 2 * thickness)
    return picture


def _draw_map(picture: Bgr, drawing: Drawing, facade: Facade) -> None:
    """The map's lines, within the box around all that was drawn."""
    settings = drawing.falling.facade
    assert settings is not None  # noqa: S101 (a map is made of it)
    ends = np.array(
        [end for line in settings.floor_lines for end in (line.left, line.right)]
        + [end for edge in settings.column_lines for end in (edge.top, edge.bottom)]
    )
    low, high = ends.min(axis=0), ends.max(axis=0)
    floors = [line.floor for line in settings.floor_lines]
    columns = [settings.left_edge(line.column) for line in settings.column_lines]
    lines = [line_in_picture(facade, floor=number) for number in _between(floors)]
    lines += [line_in_picture(facade, column=number) for number in _between(columns)]
    for line in lines:
        clipped = _clip(line, low, high)
        if clipped is not None:
            cv2.polylines(picture, [_pixels(picture, clipped)], False, _MAP, 1, cv2.LINE_AA)


def _draw_lines(picture: Bgr, drawing: Drawing, thickness: int) -> None:
    settings = drawing.falling.facade
    assert settings is not None  # noqa: S101 (a map is made of it)
    for floor in settings.floor_lines:
        cv2.polylines(picture, [_pixels(picture, (floor.left, floor.right))], False, _FLOOR, thickness, cv2.LINE_AA)
        _label(picture, str(floor.floor), floor.right, _FLOOR)
    for column in settings.column_lines:
        cv2.polylines(picture, [_pixels(picture, (column.top, column.bottom))], False, _COLUMN, thickness, cv2.LINE_AA)
        _label(picture, f"c{column.column}", column.top, _COLUMN)


def _between(numbers: list[int]) -> list[int]:
    return list(range(min(numbers), max(numbers) + 1))[:_MOST_FLOORS] if numbers else []


def _clip(line: Floats, low: Floats, high: Floats) -> Floats | None:
    """(2, 2) the part of a·x + b·y + c = 0 within a box; None outside."""
    a, b, c = line
    with np.errstate(divide="ignore", invalid="ignore"):
        upright = [(x, -(a * x + c) / b) for x in (low[0], high[0])]
        level = [(-(b * y + c) / a, y) for y in (low[1], high[1])]
    places = np.array(upright + level)
    inside = np.all((places >= low - 1e-6) & (places <= high + 1e-6), axis=1)
    found = sorted(map(tuple, places[inside]))
    return np.array([found[0], found[-1]]) if len(found) >= 2 else None


def _pixels(picture: Bgr, places: object) -> np.ndarray:
    size = (picture.shape[1], picture.shape[0])
    return np.rint(np.asarray(places, dtype=np.float64) * size).astype(np.int32).reshape(-1, 1, 2)


def _fill(
    picture: Bgr, areas: tuple[tuple[tuple[float, float], ...], ...], colour: tuple[int, ...], share: float
) -> None:
    if not areas:
        return
    covered = picture.copy()
    for area in areas:
        cv2.fillPoly(covered, [_pixels(picture, area)], colour)
    cv2.addWeighted(covered, share, picture, 1 - share, 0, dst=picture)


def _label(picture: Bgr, text: str, place: tuple[float, float], colour: tuple[int, ...]) -> None:
    scale = max(0.5, picture.shape[0] / 1400)
    x = min(int(place[0] * picture.shape[1]) + 4, picture.shape[1] - int(30 * scale))
    y = max(int(place[1] * picture.shape[0]) - 4, int(22 * scale))
    cv2.putText(picture, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), 4, cv2.LINE_AA)
    cv2.putText(picture, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1 + int(scale > 1), cv2.LINE_AA)
