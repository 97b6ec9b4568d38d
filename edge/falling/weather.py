"""Weather mode: small things move all over the picture at once, as in rain, snow or a swarm close to the lens.

Trees move all over many a picture as well, but each in its place: what moves where it always does is not counted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.falling.candidate import Surroundings
from edge.falling.motion import MAX_BLOBS, Proposals

_SMOOTH_S = 3.0
_ON, _OFF = 0.42, 0.3
"""Share of the picture's 48 fields that hold a small moving thing out of its habitual place, in a typical frame."""


class WeatherWatch:
    """Call `observe` with every picture's proposals; `active` says whether the camera looks through weather."""

    def __init__(self) -> None:
        self._time_s: float | None = None
        self._begun_s: float | None = None
        self.share = 0.0
        self._quiet_share = 0.0
        self.active = False
        self.usual_area = 1.0
        """Working pixels, median of what moves: in weather, of drops or flakes."""
        self.crowd = 0.0
        """Things that move in one picture."""

    def observe(self, proposals: Proposals) -> None:
        """Take in one picture."""
        interval = 0.0 if self._time_s is None else proposals.time_s - self._time_s
        self._time_s = proposals.time_s
        if self._begun_s is None:
            self._begun_s = proposals.time_s
            self.share, self._quiet_share = proposals.spread, proposals.quiet_spread
        rate = min(1.0, interval / _SMOOTH_S)
        self.share += rate * (proposals.spread - self.share)
        self._quiet_share += rate * (proposals.quiet_spread - self._quiet_share)
        self.crowd += rate * (min(proposals.crowd, MAX_BLOBS) - self.crowd)
        if proposals.crowd:
            self.usual_area += rate * (proposals.usual_area - self.usual_area)
        settled = proposals.time_s - self._begun_s > 1.0
        self.active = settled and self._quiet_share > (_OFF if self.active else _ON)

    def surroundings(self, noise: float, before_facade: NDArray[np.uint8] | None) -> Surroundings:
        """What a candidate is compared with: noise in grey levels, and (h, w) where falls are expected."""
        return Surroundings(self.share, self.crowd, self.usual_area, noise, before_facade)
