"""A closer look where a track should be: what is too faint to begin a track may well go on with one.

The threshold of the proposals keeps noise away over a whole picture; in the few pixels where a fall must be by now,
half of it is enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.falling.motion import Proposals

SHARE = 0.55
"""Of the proposals' threshold."""
_MOST_REACH = 12
"""Working pixels to each side; a track that is less sure of its place is not looked for."""
_CORE = 0.5
"""Share of the peak above which a pixel belongs to the thing."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A faint thing, working pixels and grey levels."""

    x: float
    y: float
    width: float
    height: float
    area: float
    contrast: float


def glimpse(
    proposals: Proposals, place: tuple[float, float], reach: tuple[float, float], sign: float
) -> Glimpse | None:
    """The strongest change of this sign (1 brighter, −1 darker) within reach of a place (x, y), if it is not noise."""
    if max(reach) > _MOST_REACH or proposals.threshold is None:
        return None
    height, width = proposals.threshold.shape
    left, right = max(0, round(place[0] - reach[0])), min(width, round(place[0] + reach[0]) + 1)
    top, bottom = max(0, round(place[1] - reach[1])), min(height, round(place[1] + reach[1]) + 1)
    if right - left < 1 or bottom - top < 1:
        return None
    rows, columns = slice(top, bottom), slice(left, right)
    change = proposals.pictures.change(rows, columns, sign)
    limit = proposals.threshold[rows, columns]
    change = np.where(change > limit, 0, change)  # that is a proposal, and another track's
    fits = change - SHARE * limit
    peak = int(np.argmax(fits))
    if fits.flat[peak] <= 0:
        return None
    return _around(change, peak, (left, top))


def _around(change: NDArray[np.int16], peak: int, corner: tuple[int, int]) -> Glimpse:
    """The pixels beside the peak that are at least half as strong."""
    row, column = divmod(peak, change.shape[1])
    top, left = max(0, row - 1), max(0, column - 1)
    near = change[top : row + 2, left : column + 2].astype(np.float64)
    near[near < _CORE * near.max()] = 0
    rows, columns = np.nonzero(near)
    weight = near[rows, columns]
    return Glimpse(
        x=float(corner[0] + left + np.average(columns, weights=weight)),
        y=float(corner[1] + top + np.average(rows, weights=weight)),
        width=float(np.ptp(columns) + 1),
        height=float(np.ptp(rows) + 1),
        area=float(len(weight)),
        contrast=float((weight**2).sum() / weight.sum()),
    )
