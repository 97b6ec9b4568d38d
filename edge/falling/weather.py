"""Weather mode: small things move all over the picture at once, as in rain, snow or a swarm close to the lens."""

from __future__ import annotations

import numpy as np

from edge.falling.motion import Proposals

_ROWS, _COLUMNS = 6, 8
_SMOOTH_S = 3.0
_ON, _OFF = 0.42, 0.3
"""Share of the picture's 48 fields that hold a small moving thing in a typical frame."""


class WeatherWatch:
    """Call `observe` with every picture's proposals; `active` says whether the camera looks through weather."""

    def __init__(self, shape: tuple[int, int]) -> None:
        """`shape` (h, w) of the working picture."""
        self._shape = shape
        self._time_s: float | None = None
        self._begun_s: float | None = None
        self.share = 0.0
        self.active = False

    def observe(self, proposals: Proposals) -> None:
        """Take in one picture."""
        row = np.minimum(proposals.y * _ROWS / self._shape[0], _ROWS - 1).astype(int)
        column = np.minimum(proposals.x * _COLUMNS / self._shape[1], _COLUMNS - 1).astype(int)
        share = len(np.unique(row * _COLUMNS + column)) / (_ROWS * _COLUMNS)
        interval = 0.0 if self._time_s is None else proposals.time_s - self._time_s
        self._time_s = proposals.time_s
        if self._begun_s is None:
            self._begun_s = proposals.time_s
            self.share = share
        self.share += min(1.0, interval / _SMOOTH_S) * (share - self.share)
        settled = proposals.time_s - self._begun_s > 1.0
        self.active = settled and self.share > (_OFF if self.active else _ON)
