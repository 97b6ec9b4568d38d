"""Follows a fall back to its beginning: what moved too slowly, or upwards, is found once its path is known.

The tracker meets an object when it already falls. Its last seconds of proposals are kept; from the first sightings the
path is extrapolated back, picture by picture, and the blobs that lie on it are added in front.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from edge.falling.motion import Floats, Proposals
from edge.falling.tracker import Track, TrackPoint

_MEMORY_S = 15.0
_MISSES_S = 0.3
_HEAD = 9
"""Sightings that the extrapolation is fitted to."""


class Backtracker:
    """Remembers proposals, without their pictures, and lengthens tracks with them."""

    def __init__(self) -> None:
        self._memory: deque[tuple[int, Proposals]] = deque()

    def remember(self, index: int, proposals: Proposals) -> None:
        """Keep the blobs of picture number `index`, as the tracker counts them."""
        self._memory.append((index, proposals.without_pictures()))
        while self._memory and proposals.time_s - self._memory[0][1].time_s > _MEMORY_S:
            self._memory.popleft()

    def lengthen(self, track: Track) -> None:
        """Add the sightings before the first one, as far back as they can be found."""
        points = track.points
        found_s = points[0].time_s
        for index, proposals in reversed(self._memory):
            if index >= points[0].index:
                continue
            if found_s - proposals.time_s > _MISSES_S:
                break
            x, y, reach = _extrapolate(points[:_HEAD], proposals.time_s)
            blob = _nearest(proposals, x, y, reach)
            if blob is not None:
                point = _sighting(index, proposals, blob)
                points.insert(0, point)
                track.activity += point.activity
                track.highest = min(track.highest, point.y)
                found_s = proposals.time_s


def _extrapolate(head: list[TrackPoint], time_s: float) -> tuple[float, float, float]:
    """Where it was, and how far off that may be, working pixels: constant sideways speed, constant pull ≥ 0."""
    times = np.array([point.time_s for point in head]) - head[0].time_s
    x, y = (np.array([getattr(point, axis) for point in head]) for axis in ("x", "y"))
    before = time_s - head[0].time_s
    span = max(float(times[-1]), 1e-3)
    slope = _line(times, x)
    pull, speed, place = np.polyfit(times, y, 2) if len(head) >= 6 else (0.0, *_line(times, y))
    if pull < 0:
        pull, (speed, place) = 0.0, _line(times, y)
    reach = 2.0 + 4.0 * abs(before) / span + 0.15 * max(head[0].width, head[0].height)
    return (
        float(slope[1] + slope[0] * before),
        float(place + speed * before + pull * before**2),
        min(reach, 8.0),
    )


def _line(times: Floats, values: Floats) -> tuple[float, float]:
    slope, place = np.polyfit(times, values, 1)
    return float(slope), float(place)


def _nearest(proposals: Proposals, x: float, y: float, reach: float) -> int | None:
    if not len(proposals.x):
        return None
    distance: NDArray[np.float64] = np.hypot(proposals.x - x, proposals.y - y)
    best = int(np.argmin(distance))
    return best if distance[best] <= reach else None


def _sighting(index: int, proposals: Proposals, blob: int) -> TrackPoint:
    return TrackPoint(
        index=index,
        time_s=proposals.time_s,
        x=float(proposals.x[blob]),
        y=float(proposals.y[blob]),
        width=float(proposals.width[blob]),
        height=float(proposals.height[blob]),
        area=float(proposals.area[blob]),
        contrast=float(proposals.contrast[blob]),
        sign=float(proposals.sign[blob]),
        activity=float(proposals.activity[blob]),
        neighbours=float(proposals.neighbours[blob]),
        pictures=None,
    )
