"""Says whether anything moves, and where, for a fraction of a millisecond: the detector runs only then."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import Luma

_ROWS, _COLUMNS = 8, 4
"""Every fourth pixel of every eighth row: enough for a vehicle, a thirty-second of the work."""
_CELL = 32
"""Side of a cell in picture pixels."""


@dataclass(frozen=True, slots=True)
class Motion:
    """Where the picture changed: share of its cells, and their bounding box (left, top, right, bottom) in fractions."""

    share: float
    box: tuple[float, float, float, float] | None

    @property
    def any(self) -> bool:
        return self.box is not None


STILL = Motion(0.0, None)


class MotionGate:
    """Compares each picture with the one before it, in cells; noise is measured from the picture itself."""

    def __init__(self, threshold: float = 5.0, min_cells: int = 3) -> None:
        """`threshold`: mean grey difference of a cell, above the noise; `min_cells`: fewer are an insect or a leaf."""
        self._threshold = threshold
        self._min_cells = min_cells
        self._last: NDArray[np.uint8] | None = None

    def reset(self) -> None:
        """Forget the last picture: the next one is from another stream."""
        self._last = None

    def observe(self, luma: Luma) -> Motion:
        """Motion between the last picture and this one, (h, w) uint8; still at the first one and after a new size."""
        sampled = np.ascontiguousarray(luma[_ROWS // 2 :: _ROWS, _COLUMNS // 2 :: _COLUMNS])
        last, self._last = self._last, sampled
        if last is None or last.shape != sampled.shape:
            return STILL
        difference = cv2.absdiff(sampled, last)
        h, w = luma.shape
        across, down = max(1, w // _CELL), max(1, h // _CELL)
        cells = cv2.resize(difference, (across, down), interpolation=cv2.INTER_AREA)
        noise = float(np.median(cells))
        moving = cells > self._threshold + 1.5 * noise
        count = int(moving.sum())
        if count < self._min_cells:
            return STILL
        rows, columns = np.flatnonzero(moving.any(axis=1)), np.flatnonzero(moving.any(axis=0))
        box = (columns[0] / across, rows[0] / down, (columns[-1] + 1) / across, (rows[-1] + 1) / down)
        return Motion(count / moving.size, (float(box[0]), float(box[1]), float(box[2]), float(box[3])))
