"""Follows a fall back to its beginning: what moved too slowly, or upwards, is found once its path is known.

The tracker meets an object when it already falls. Its last seconds of proposals are kept; from the first sightings the
path is extrapolated back, picture by picture, and the blobs that lie on it are added in front.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.falling.motion import Floats, Proposals
from edge.falling.tracker import Track, TrackPoint

_MEMORY_S = 15.0
_MISSES_S = 0.3
_HEAD = 9
"""Sightings that the extrapolation is fitted to."""
_BEFORE_S = (0.6, 2.4)
"""How long before a path begins it is asked whether something moved there: not the path's own slow beginning."""
_NEAR, _DRIFT = 0.02, 0.05
"""Picture heights, and picture heights a second: where a thing that then begins to sink could have been."""


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
        path, found_s = _BackwardPath.through(points[:_HEAD]), points[0].time_s
        for index, proposals in reversed(self._memory):
            if index >= points[0].index:
                continue
            if found_s - proposals.time_s > _MISSES_S:
                break
            blob = _nearest(proposals, *path.at(proposals.time_s))
            if blob is not None:
                point = _sighting(index, proposals, blob)
                points.insert(0, point)
                track.activity += point.activity
                track.highest = min(track.highest, point.y)
                path, found_s = _BackwardPath.through(points[:_HEAD]), proposals.time_s

    def moved_before(self, time_s: float, x: float, y: float, height: int) -> float:
        """Share of the pictures shortly before in which something moved near a place, working pixels.

        What falls was at rest where it begins; a drone, a bird or a balloon came flying.
        """
        seen = [proposals for _, proposals in self._memory if _BEFORE_S[0] < time_s - proposals.time_s <= _BEFORE_S[1]]
        near = [_nearest(one, x, y, (_NEAR + _DRIFT * (time_s - one.time_s)) * height) is not None for one in seen]
        return sum(near) / max(len(near), 1)


@dataclass(frozen=True, slots=True)
class _BackwardPath:
    """A path's first sightings, extended back: constant sideways speed, constant pull >= 0. Working pixels, seconds."""

    first_s: float
    span_s: float
    size: float
    x: tuple[float, float]
    """Place at the first sighting and speed."""
    y: tuple[float, float, float]
    """Place, speed and half the pull."""

    @classmethod
    def through(cls, head: list[TrackPoint]) -> _BackwardPath:
        times = np.array([point.time_s for point in head]) - head[0].time_s
        x, y = (np.array([getattr(point, axis) for point in head]) for axis in ("x", "y"))
        line = _polynomial(times, y, 1)
        curve = _polynomial(times, y, 2) if len(head) >= 6 else (*line, 0.0)
        if curve[2] < 0:
            curve = (*line, 0.0)
        size = max(head[0].width, head[0].height)
        slope = _polynomial(times, x, 1)
        return cls(
            head[0].time_s, max(float(times[-1]), 1e-3), size, (slope[0], slope[1]), (curve[0], curve[1], curve[2])
        )

    def at(self, time_s: float) -> tuple[float, float, float]:
        """Where it was, and how far off that may be, working pixels."""
        before = time_s - self.first_s
        reach = 2.0 + 4.0 * abs(before) / self.span_s + 0.15 * self.size
        x = self.x[0] + self.x[1] * before
        y = self.y[0] + self.y[1] * before + self.y[2] * before**2
        return x, y, min(reach, 8.0)


def _polynomial(times: Floats, values: Floats, degree: int) -> tuple[float, ...]:
    """Coefficients, lowest power first, by normal equations: ten times as quick as a general fit for a few points."""
    design = times[:, None] ** np.arange(degree + 1)
    ridge = 1e-9 * np.eye(degree + 1)
    return tuple(np.linalg.solve(design.T @ design + ridge, design.T @ values).tolist())


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
