"""Cut a plate out of a picture by its four corners. Training uses these functions too, so it cannot differ."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.plates.grammar import GA36_ROWS, TwoRows
from edge.types import Bgr

READER_WIDTH = 128
READER_HEIGHT = 32
"""Size in pixels of what the reader takes."""

Corners = NDArray[np.float32]
"""(4, 2) float32 x, y in pixels, clockwise from the plate's own top left corner."""


def rectify(
    bgr: Bgr,
    corners: Corners,
    rows: Literal[1, 2],
    width: int = READER_WIDTH,
    height: int = READER_HEIGHT,
    two_rows: TwoRows = GA36_ROWS,
) -> Bgr:
    """(height, width, 3) crop with all characters in one row: two rows are laid side by side, upper row first.

    `corners` is (4, 2), clockwise from top left; they may lie outside the picture (its edge is repeated).
    """
    if rows == 1:
        return unwarp(bgr, corners, width, height)
    upper = round(width * two_rows.upper_share)
    parts = [
        unwarp(bgr, part_of(corners, two_rows.upper), upper, height),
        unwarp(bgr, part_of(corners, two_rows.lower), width - upper, height),
    ]
    return np.hstack(parts)


def unwarp(bgr: Bgr, corners: Corners, width: int, height: int) -> Bgr:
    """(height, width, 3): the quadrilateral straightened, whatever rows it has (the picture kept as evidence).

    Of a quadrilateral much larger than the target, the part of the picture is first made smaller by area, by a whole
    factor (which is quick), so that strokes do not vanish.
    """
    quad = np.asarray(corners, np.float32).reshape(4, 2)
    factor = int(min(_side(quad, 0, 1) / width, _side(quad, 1, 2) / height))
    if factor < 2:
        return _warp(bgr, quad, width, height)
    part, origin = _surroundings(bgr, quad, factor)
    return _warp(part, np.asarray((quad - origin) / factor, np.float32), width, height)


def _surroundings(bgr: Bgr, quad: Corners, factor: int) -> tuple[Bgr, Corners]:
    """The part of the picture around a quadrilateral, `factor` times smaller, and its left top corner (2,)."""
    low = np.floor(quad.min(0)).astype(int) - factor
    high = np.ceil(quad.max(0)).astype(int) + factor
    left, top = np.clip(low, 0, (bgr.shape[1] - 1, bgr.shape[0] - 1))
    across = max(1, (min(high[0], bgr.shape[1]) - left) // factor)
    down = max(1, (min(high[1], bgr.shape[0]) - top) // factor)
    part = bgr[top : top + down * factor, left : left + across * factor]
    smaller = np.asarray(cv2.resize(part, (int(across), int(down)), interpolation=cv2.INTER_AREA), np.uint8)
    return smaller, np.array([left, top], np.float32)


def part_of(corners: Corners, part: tuple[float, float, float, float]) -> Corners:
    """Corners of a part of a plate given in fractions (left, top, right, bottom), by the plate's own perspective."""
    left, top, right, bottom = part
    unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    matrix = cv2.getPerspectiveTransform(unit, np.asarray(corners, np.float32).reshape(4, 2))
    wanted = np.array([[[left, top], [right, top], [right, bottom], [left, bottom]]], np.float32)
    return np.asarray(cv2.perspectiveTransform(wanted, matrix)[0], np.float32)


def grow(corners: Corners, factor: float) -> Corners:
    """The quadrilateral enlarged about its centre."""
    quad = np.asarray(corners, np.float32).reshape(4, 2)
    middle = quad.mean(0)
    return np.asarray((quad - middle) * factor + middle, np.float32)


def shear(corners: Corners, share: float) -> Corners:
    """The upper edge moved along the plate by this share of its width, the lower edge as far the other way."""
    quad = np.asarray(corners, np.float32).reshape(4, 2)
    along = (quad[1] + quad[2] - quad[0] - quad[3]) / 2 * share
    return np.asarray(quad + np.array([1, 1, -1, -1], np.float32)[:, None] * along, np.float32)


def turn(corners: Corners, share: float) -> Corners:
    """The right edge moved down by this share of the plate's height, the left edge as far up."""
    quad = np.asarray(corners, np.float32).reshape(4, 2)
    down = (quad[2] + quad[3] - quad[0] - quad[1]) / 2 * share
    return np.asarray(quad + np.array([-1, 1, 1, -1], np.float32)[:, None] * down, np.float32)


def aspect(corners: Corners) -> float:
    """Width over height, of the mean sides: about 3.1 for one row, 2 for two rows, seen from the front."""
    quad = np.asarray(corners, np.float32).reshape(4, 2)
    across = _side(quad, 0, 1) + _side(quad, 3, 2)
    down = _side(quad, 1, 2) + _side(quad, 0, 3)
    return across / max(down, 1e-6)


def _side(quad: Corners, start: int, end: int) -> float:
    return float(np.hypot(*(quad[end] - quad[start])))


def _warp(bgr: Bgr, quad: Corners, width: int, height: int) -> Bgr:
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(quad, target)
    # Corners are edges of pixels (0 .. width), OpenCV's are their centres: half a pixel apart on both sides.
    to_edge = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    to_centre = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    warped = cv2.warpPerspective(
        bgr, to_centre @ matrix @ to_edge, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, np.uint8)
