"""Steadies a shaking camera against an anchor picture; costs next to nothing while the camera is still.

The shift is measured on some hundred pixels of strong edges, spread over the picture, by iterated least squares on the
gradient constraint (Lucas and Kanade); a third of them may be covered by something that moves. When that does not
explain the change, the shift is larger than an edge is wide: then phase correlation at quarter size is asked.
"""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import Luma

Floats32 = NDArray[np.float32]
Shift = tuple[float, float]
"""(x, y) in working pixels: where the anchor's content is in the frame."""

_POINT_CELLS = 300
"""Cells of the grid that spreads the points: the strongest edge of each way is taken from each cell."""
_SHAKE_PX = 0.2
"""Working pixels of shift that count as shaking."""
_CALM_S = 2.0
_ANCHOR_S = 6.0
_KEPT_EVERY_S = 0.7
"""Between the pictures that an anchor is made of."""
_ASK_EVERY = 2
"""A still camera is asked in every second frame only."""
_WEAK, _WEAK_SHARE = 3.0, 0.1
"""Grey levels per pixel, and share of a strong edge's (of the best tenth), below which a point is none: the sky's noise
stands still while the house moves, and there may be more sky than house."""
_SMALLEST = 16
"""Working pixels a side: a smaller picture shows no house, holds no edges to measure at, and is left as it is."""
_FEWEST = 60
"""Points that are kept, however weak."""
_MISFIT = 9.0
"""Grey levels, median over the points: above it the small-shift answer is not believed."""
_STEPS = 5
"""Of refinement, at most; most pictures need two or three."""
_MAX_SHIFT = 0.06
"""Fraction of the picture's width beyond which a shift is a moved camera, not shake."""


class Stabiliser:
    """Moves every frame onto the place of its anchor picture. One instance per camera; frames (h, w) of one size."""

    def __init__(self) -> None:
        self._anchor: _Anchor | None = None
        self._shaken_s = -1e9
        self._count = 0
        self._kept: deque[tuple[float, Luma]] = deque(maxlen=3)
        self._firm = False
        self.shift: Shift = (0.0, 0.0)
        """Shift of the last frame that was corrected, working pixels."""

    @property
    def shaking(self) -> bool:
        """Whether the last frame was moved."""
        return self.shift != (0.0, 0.0)

    def steady(self, luma: Luma, time_s: float) -> Luma:
        """The frame as the anchor's camera would have seen it; the same array when the camera is still."""
        self._count += 1
        if min(luma.shape) < _SMALLEST:
            return luma
        if self._anchor is None:
            self._anchor = _Anchor(luma, time_s)
            self._kept.append((time_s, luma))
            return luma
        if self._anchor.edges < _FEWEST and self._count % _ASK_EVERY == 0:
            self._begin_anew(luma, time_s)
        calm = time_s - self._shaken_s > _CALM_S
        if calm and self._count % _ASK_EVERY:
            return luma
        measured = self._anchor.measure(luma)
        if max(abs(measured[0]), abs(measured[1])) > _SHAKE_PX:
            self._shaken_s = time_s
            calm = False
        self.shift = (0.0, 0.0) if calm else measured
        steadied = translate(luma, self.shift)
        self._renew(steadied, time_s)
        return steadied

    def _begin_anew(self, luma: Luma, time_s: float) -> None:
        """Where the stream began black or grey there was nothing to hold on to: the first picture with edges is it."""
        fresh = _Anchor(luma, time_s)
        if fresh.edges >= _FEWEST:
            self._anchor, self._firm, self._shaken_s, self.shift = fresh, False, -1e9, (0.0, 0.0)
            self._kept.clear()
            self._kept.append((time_s, luma))

    def _renew(self, steadied: Luma, time_s: float) -> None:
        """A new anchor now and then. A steadied picture stands where the first anchor stood: places keep their meaning.

        It is the median of three pictures: of flakes and drops, which are edges too, nothing is left in it.
        """
        assert self._anchor is not None  # noqa: S101 (the first picture is one)
        if time_s - self._kept[-1][0] >= _KEPT_EVERY_S:
            self._kept.append((time_s, steadied))
        enough = len(self._kept) == self._kept.maxlen
        if enough and (not self._firm or time_s - self._anchor.time_s > _ANCHOR_S):
            self._firm = True
            self._anchor = _Anchor(_median(*(picture for _, picture in self._kept)), time_s)


class _Anchor:
    """A picture to measure shifts against."""

    def __init__(self, luma: Luma, time_s: float) -> None:
        self.time_s = time_s
        self._luma = luma
        self._small: Floats32 | None = None
        self._window: Floats32 | None = None
        gx = cv2.Sobel(luma, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
        gy = cv2.Sobel(luma, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
        picked, self.edges = _edges(np.abs(gx), np.abs(gy))
        self._y, self._x = (part.astype(np.float32)[None] for part in np.divmod(picked, luma.shape[1]))
        self._values = luma.ravel()[picked].astype(np.float32)
        self._gradients = np.column_stack([gx.ravel()[picked], gy.ravel()[picked]])

    def measure(self, luma: Luma) -> Shift:
        """Shift of `luma` against the anchor; (0, 0) when nothing plausible explains the change."""
        shift, misfit = self._refine(luma, np.zeros(2))
        if misfit <= _MISFIT:
            return float(shift[0]), float(shift[1])
        coarse = self._correlate(luma)
        better, better_misfit = self._refine(luma, coarse)
        limit = _MAX_SHIFT * luma.shape[1]
        if better_misfit < misfit and np.abs(better).max() < limit:
            shift, misfit = better, better_misfit
        if misfit > 2 * _MISFIT or np.abs(shift).max() > limit:
            return 0.0, 0.0
        return float(shift[0]), float(shift[1])

    def _refine(self, luma: Luma, start: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Least squares from a start value; returns the shift and the median misfit in grey levels."""
        shift = start.astype(np.float64)
        change = self._change(luma, shift)
        for _ in range(_STEPS):
            keep = np.abs(change) <= np.partition(np.abs(change), len(change) * 2 // 3)[len(change) * 2 // 3]
            design = self._gradients[keep]
            step = np.linalg.solve(design.T @ design + 1e-3 * np.eye(2), design.T @ change[keep])
            shift = shift + step
            change = self._change(luma, shift)
            if np.abs(step).max() < 0.03:
                break
        return shift, float(np.median(np.abs(change)))

    def _change(self, luma: Luma, shift: NDArray[np.float64]) -> Floats32:
        """(n,) anchor minus frame at the shifted points, without the change of light they share."""
        x, y = self._x + np.float32(shift[0]), self._y + np.float32(shift[1])
        now = cv2.remap(luma, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
        change = self._values - now
        return np.asarray(change - np.median(change), dtype=np.float32)

    def _correlate(self, luma: Luma) -> NDArray[np.float64]:
        if self._small is None:
            self._small = _half(self._luma)
            self._window = np.asarray(cv2.createHanningWindow(self._small.shape[::-1], cv2.CV_32F), dtype=np.float32)
        (dx, dy), _ = cv2.phaseCorrelate(self._small, _half(luma), self._window)
        return np.array([2 * dx, 2 * dy])


def translate(luma: Luma, shift: Shift) -> Luma:
    """`result(p) = luma(p + shift)` by two blends of neighbours: a tenth of a warp's cost. (h, w) → (h, w)."""
    if shift == (0.0, 0.0):
        return luma
    height, width = luma.shape
    whole_x, whole_y = int(np.floor(shift[0])), int(np.floor(shift[1]))
    part_x, part_y = shift[0] - whole_x, shift[1] - whole_y
    margin = max(abs(whole_x), abs(whole_y)) + 1
    padded = cv2.copyMakeBorder(luma, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    top, left = margin + whole_y, margin + whole_x
    area = padded[top : top + height + 1, left : left + width + 1]
    if part_x > 0:
        area = cv2.addWeighted(area[:, :-1], 1 - part_x, area[:, 1:], part_x, 0)
    if part_y > 0:
        area = cv2.addWeighted(area[:-1], 1 - part_y, area[1:], part_y, 0)
    return np.ascontiguousarray(area[:height, :width], dtype=np.uint8)


def _median(one: Luma, two: Luma, three: Luma) -> Luma:
    low, high = cv2.min(one, two), cv2.max(one, two)
    return np.asarray(cv2.max(low, cv2.min(high, three)), dtype=np.uint8)


def _half(luma: Luma) -> Floats32:
    height, width = luma.shape
    return np.asarray(cv2.resize(luma, (width // 2, height // 2), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _edges(gx: Floats32, gy: Floats32) -> tuple[NDArray[np.intp], int]:
    """(n,) flat indices of the points to measure at: of each way, each cell's strongest that are edges at all; and how
    many are."""
    across, down = _strongest(gx), _strongest(gy)
    strength = np.concatenate([gx.ravel()[across], gy.ravel()[down]])
    order = np.argsort(-strength)
    strong = float(strength[order[len(order) // 10]])
    count = int((strength >= max(_WEAK, _WEAK_SHARE * strong)).sum())
    return np.asarray(np.concatenate([across, down])[order[: max(_FEWEST, count)]], dtype=np.intp), count


def _strongest(gradient: Floats32) -> NDArray[np.intp]:
    """Flat indices of the strongest pixel of each cell of a grid: no part of the picture, such as a tree, outvotes."""
    height, width = gradient.shape
    cell = max(4, round((height * width / _POINT_CELLS) ** 0.5))
    rows, columns = height // cell, width // cell
    blocks = gradient[: rows * cell, : columns * cell].reshape(rows, cell, columns, cell).transpose(0, 2, 1, 3)
    best = blocks.reshape(rows, columns, -1).argmax(axis=2)
    y = np.arange(rows)[:, None] * cell + best // cell
    x = np.arange(columns)[None, :] * cell + best % cell
    return np.asarray((y * width + x).ravel(), dtype=np.intp)
