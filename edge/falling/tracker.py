"""Joins proposals into tracks of things that gravity pulls: constant sideways speed, growing speed downwards.

All live tracks are one Kalman filter in arrays: y has place, speed and acceleration, x place and speed. The prior of a
track of one blob is "falls, somehow", so its first partner may be far below and hardly above. Units are working pixels
and seconds; speeds and accelerations scale with the picture's height.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.falling.glimpse import Glimpse, glimpse
from edge.falling.motion import Floats, Pictures, Proposals

MAX_TRACKS = 480
MIN_POINTS = 5
"""A track of fewer points is forgotten, not reported."""

_COAST_S = 0.34
_COAST_YOUNG = 2
"""Pictures that a track of fewer than four points may miss."""
_SURE = 3.0
"""Standard deviations."""
_BIRTHS = 600
"""Beginnings that are remembered; in a snowfall, those of some seconds."""
_SIBLINGS_S, _SIBLINGS_NEAR = 0.8, 0.12
"""Seconds and picture heights within which tracks begin together."""
_AT_REST = 0.1
"""Mean activity: what began where usually nothing moves. Leaves and a shaken edge move in their place."""
_CALM = 60
"""Things in one picture above which no closer look is taken: in rain there is always another drop."""
_CLOSER_LOOKS = 8
"""In one picture; the longest tracks first."""
_CLOSER_FROM = 3
_FAINT_AT_ONCE = 3
_SMALL = 12.0
"""Working pixels that have changed."""
_QUIET = 0.1
"""Mean activity: where something else may move at any time, a faint change says nothing, and costs."""
_CLOSE = 2.0
"""Standard deviations."""
_GATE = 9.0
"""Squared innovations over their variances, per axis."""


@dataclass(slots=True)
class TrackPoint:
    """One sighting, working pixels."""

    index: int
    time_s: float
    x: float
    y: float
    width: float
    height: float
    area: float
    contrast: float
    sign: float
    activity: float
    neighbours: float
    pictures: Pictures | None
    """Until the patch is cut out of them."""
    patch: NDArray[np.uint8] | None = None
    """(3, 32, 32) uint8: before, at, after; cut when the track has become four points long, for most never do."""

    def cut_patch(self) -> None:
        """Cut the patch and let the pictures go."""
        if self.pictures is not None:
            self.patch = self.pictures.patch(self.x, self.y)
            self.pictures = None


@dataclass(slots=True)
class Track:
    """Sightings of one thing, in order of time."""

    number: int
    points: list[TrackPoint] = field(default_factory=list)
    missed: int = 0
    faint: int = 0
    """Sightings since the last one that was strong enough to begin a track."""
    largest: float = 0.0
    """Area of the largest sighting."""
    highest: float = np.inf
    """Smallest y so far."""
    activity: float = 0.0
    """Sum over the sightings."""

    def add(self, point: TrackPoint) -> None:
        """Append a sighting."""
        self.points.append(point)
        self.highest = min(self.highest, point.y)
        self.activity += point.activity
        self.largest = max(self.largest, point.area)
        if len(self.points) == MIN_POINTS - 1:
            for earlier in self.points:
                earlier.cut_patch()
        elif len(self.points) >= MIN_POINTS:
            point.cut_patch()

    @property
    def clear(self) -> TrackPoint:
        """The last sighting that did not take a closer look: the next one will look like it."""
        return self.points[-1 - self.faint]

    @property
    def may_be_faint(self) -> bool:
        """Whether it is surely enough a thing, and a small one, to be looked for where only little shows.

        A large thing that flutters is seen again without that, and hardly ever faintly at the right place.
        """
        enough = len(self.points) >= _CLOSER_FROM and self.faint < _FAINT_AT_ONCE
        return enough and self.largest <= _SMALL and self.activity <= _QUIET * len(self.points)

    @property
    def last_s(self) -> float:
        """Time of the last sighting."""
        return self.points[-1].time_s

    @property
    def descent(self) -> float:
        """Working pixels from the highest sighting to the last one."""
        return self.points[-1].y - self.highest


class Siblings(NamedTuple):
    """How many tracks began beside another one: all of them, and those where usually nothing moves."""

    all: int
    at_rest: int


class _Birth(NamedTuple):
    """When and where a track began, working pixels, and whether that was where usually nothing moves."""

    time_s: float
    x: float
    y: float
    at_rest: bool


def _birth(track: Track) -> _Birth:
    first = track.points[0]
    return _Birth(first.time_s, first.x, first.y, track.activity <= _AT_REST * len(track.points))


class GravityTracker:
    """Feeds on `Proposals`; `observe` returns the tracks that have just ended."""

    def __init__(self, shape: tuple[int, int]) -> None:
        """`shape` (h, w) of the working picture."""
        self._shape = shape
        self._unit = float(shape[0])
        self._filter = _Filter.empty(self._unit)
        self.tracks: list[Track] = []
        self._next = 0
        self._time_s: float | None = None
        self._index = 0
        self._births: deque[_Birth] = deque(maxlen=_BIRTHS)

    def observe(self, proposals: Proposals) -> list[Track]:
        """Advance to the proposals' time, extend and begin tracks; return those that ended with at least 5 points."""
        interval = 0.0 if self._time_s is None else proposals.time_s - self._time_s
        self._time_s = proposals.time_s
        self._index += 1
        self._filter.predict(interval)
        taken = self._extend(proposals)
        if proposals.crowd <= _CALM:
            self._look_closer(proposals)
        ended = self._end(proposals.time_s)
        self._begin(proposals, taken)
        return ended

    def gaining(self) -> list[Track]:
        """Tracks that surely gain speed downwards: few even in a snowfall."""
        pull, variance = self._filter.y[:, 2], self._filter.y_cov[:, 2, 2]
        return [self.tracks[t] for t in np.flatnonzero(pull > _SURE * np.sqrt(variance))]

    def siblings(self, track: Track) -> Siblings:
        """Other tracks that began near a track's beginning at about that time: what bursts throws many."""
        first, near = track.points[0], _SIBLINGS_NEAR * self._unit
        begun = [
            at_rest
            for time_s, x, y, at_rest in self._births
            if abs(time_s - first.time_s) < _SIBLINGS_S and abs(x - first.x) < near and abs(y - first.y) < near
        ]
        return Siblings(len(begun), sum(begun))

    @property
    def index(self) -> int:
        """Number of the picture that was observed last."""
        return self._index

    def finish(self) -> list[Track]:
        """End everything that is open."""
        ended = [track for track in self.tracks if len(track.points) >= MIN_POINTS]
        self.tracks = []
        self._filter = _Filter.empty(self._unit)
        return ended

    def _extend(self, proposals: Proposals) -> NDArray[np.bool_]:
        """Give each track its best blob, surest pairs first; returns which blobs are taken."""
        taken = np.zeros(len(proposals.x), dtype=bool)
        pairs = self._pairs(proposals)
        extended: dict[int, int] = {}
        for t, b in pairs:
            if t not in extended and not taken[b]:
                extended[t] = b
                taken[b] = True
        for t, track in enumerate(self.tracks):
            track.missed += 1
            if t in extended:
                track.missed = track.faint = 0
                track.add(self._sighting(proposals, extended[t]))
                if len(track.points) == MIN_POINTS:
                    self._births.append(_birth(track))
        rows, columns = np.array(list(extended), dtype=int), np.array(list(extended.values()), dtype=int)
        if len(rows):
            self._filter.correct(rows, proposals.x[columns], proposals.y[columns], _spread(proposals)[columns])
        return taken

    def _look_closer(self, proposals: Proposals) -> None:
        """Lengthen tracks that have just lost their thing, when it is faintly there."""
        lost = [t for t, track in enumerate(self.tracks) if track.missed and track.may_be_faint]
        for t in sorted(lost, key=lambda t: -len(self.tracks[t].points))[:_CLOSER_LOOKS]:
            track, place = self.tracks[t], (self._filter.x[t, 0], self._filter.y[t, 0])
            spread = np.sqrt([self._filter.x_cov[t, 0, 0], self._filter.y_cov[t, 0, 0]]) + 0.5
            reach_x, reach_y = (_CLOSE * spread).tolist()
            seen = glimpse(proposals, place, (reach_x, reach_y), track.points[-1].sign)
            if seen is None:
                continue
            track.missed = 0
            track.faint += 1
            track.add(self._faint_point(proposals, seen, track.points[-1]))
            row = np.array([t])
            deviation = np.array([0.5 + 0.12 * max(seen.width, seen.height)])
            self._filter.correct(row, np.array([seen.x]), np.array([seen.y]), deviation)

    def _faint_point(self, proposals: Proposals, seen: Glimpse, last: TrackPoint) -> TrackPoint:
        return TrackPoint(
            index=self._index,
            time_s=proposals.time_s,
            x=seen.x,
            y=seen.y,
            width=seen.width,
            height=seen.height,
            area=seen.area,
            contrast=seen.contrast,
            sign=last.sign,
            activity=last.activity,
            neighbours=last.neighbours,
            pictures=proposals.pictures,
        )

    def _pairs(self, proposals: Proposals) -> list[tuple[int, int]]:
        """(track, blob) pairs inside the gate, the most likely first."""
        if not self.tracks or not len(proposals.x):
            return []
        t, b, cost = self._filter.near(proposals.x, proposals.y, _spread(proposals))
        last = [(track.clear.area, track.clear.contrast, track.clear.sign) for track in self.tracks]
        area, contrast, sign = np.array(last).T
        cost += np.log(proposals.area[b] / area[t]) ** 2
        cost += 2.0 * np.log(proposals.contrast[b] / contrast[t]) ** 2
        cost += 1.5 * (sign[t] != proposals.sign[b])
        order = np.argsort(cost, kind="stable")
        return list(zip(t[order].tolist(), b[order].tolist(), strict=True))

    def _sighting(self, proposals: Proposals, b: int) -> TrackPoint:
        x, y = float(proposals.x[b]), float(proposals.y[b])
        return TrackPoint(
            index=self._index,
            time_s=proposals.time_s,
            x=x,
            y=y,
            width=float(proposals.width[b]),
            height=float(proposals.height[b]),
            area=float(proposals.area[b]),
            contrast=float(proposals.contrast[b]),
            sign=float(proposals.sign[b]),
            activity=float(proposals.activity[b]),
            neighbours=float(proposals.neighbours[b]),
            pictures=proposals.pictures,
        )

    def _end(self, now_s: float) -> list[Track]:
        ended, kept = [], []
        for t, track in enumerate(self.tracks):
            if not self._over(t, track, now_s):
                kept.append(t)
            elif len(track.points) >= MIN_POINTS:
                ended.append(track)
        if len(kept) < len(self.tracks):
            self.tracks = [self.tracks[t] for t in kept]
            self._filter.keep(np.array(kept, dtype=int))
        return ended

    def _over(self, t: int, track: Track, now_s: float) -> bool:
        count = len(track.points)
        if count < 4:
            return track.missed > (1 if count == 1 else _COAST_YOUNG)
        if now_s - track.last_s > _COAST_S or (track.missed > 0 and self._outside(t)):
            return True
        # What has risen or stood for half a second and does not turn is not falling.
        lived = track.last_s - track.points[0].time_s
        speed, pull = self._filter.y[t, 1], self._filter.y[t, 2]
        return lived > 0.6 and speed <= 0.01 * self._unit and speed + 0.5 * pull <= 0.01 * self._unit

    def _outside(self, t: int) -> bool:
        x, y = self._filter.x[t, 0], self._filter.y[t, 0]
        return not (-2 <= x <= self._shape[1] + 2 and y <= self._shape[0] + 2)

    def _begin(self, proposals: Proposals, taken: NDArray[np.bool_]) -> None:
        """Start tracks at free blobs, strongest first, while there is room."""
        free = np.flatnonzero(~taken)[: MAX_TRACKS - len(self.tracks)]
        for b in free:
            track = Track(self._next)
            track.add(self._sighting(proposals, int(b)))
            self.tracks.append(track)
            self._next += 1
        self._filter.add(proposals.x[free], proposals.y[free])


def _spread(proposals: Proposals) -> Floats:
    """(n,) standard deviation of a blob's centre: half a pixel and a part of its size."""
    return np.asarray(0.5 + 0.12 * np.maximum(proposals.width, proposals.height))


@dataclass(slots=True, eq=False)
class _Filter:
    """Kalman filters of all live tracks. y: (t, 3), x: (t, 2), their covariances (t, 3, 3) and (t, 2, 2)."""

    unit: float
    y: Floats
    x: Floats
    y_cov: Floats
    x_cov: Floats

    @classmethod
    def empty(cls, unit: float) -> _Filter:
        return cls(unit, np.zeros((0, 3)), np.zeros((0, 2)), np.zeros((0, 3, 3)), np.zeros((0, 2, 2)))

    def predict(self, interval: float) -> None:
        """Move all tracks on by `interval` seconds."""
        if not len(self.y) or interval <= 0:
            return
        fy = np.array([[1, interval, interval**2 / 2], [0, 1, interval], [0, 0, 1]])
        fx = np.array([[1, interval], [0, 1]])
        self.y = self.y @ fy.T
        self.x = self.x @ fx.T
        self.y_cov = fy @ self.y_cov @ fy.T + interval * np.diag([0.0, (0.08 * self.unit) ** 2, (0.4 * self.unit) ** 2])
        self.x_cov = fx @ self.x_cov @ fx.T + interval * np.diag([0.0, (0.08 * self.unit) ** 2])

    def near(self, x: Floats, y: Floats, spread: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
        """Rows t, blobs b and costs (pairs,) of all pairs in the gate: squared normalised innovations and its width."""
        variance = spread**2
        dy2 = (y[None] - self.y[:, 0, None]) ** 2
        dx2 = (x[None] - self.x[:, 0, None]) ** 2
        inside = dy2 <= _GATE * (self.y_cov[:, 0, 0, None] + variance[None])
        inside &= dx2 <= _GATE * (self.x_cov[:, 0, 0, None] + variance[None])
        t, b = np.nonzero(inside)
        vy, vx = self.y_cov[t, 0, 0] + variance[b], self.x_cov[t, 0, 0] + variance[b]
        return t, b, dy2[t, b] / vy + dx2[t, b] / vx + np.log(vy) + np.log(vx)

    def correct(self, rows: NDArray[np.int_], x: Floats, y: Floats, spread: Floats) -> None:
        """Take in the sightings (x, y) of the tracks `rows`."""
        gain_y = self.y_cov[rows, :, 0] / (self.y_cov[rows, 0, 0] + spread**2)[:, None]
        gain_x = self.x_cov[rows, :, 0] / (self.x_cov[rows, 0, 0] + spread**2)[:, None]
        self.y[rows] += gain_y * (y - self.y[rows, 0])[:, None]
        self.x[rows] += gain_x * (x - self.x[rows, 0])[:, None]
        self.y_cov[rows] -= gain_y[:, :, None] * self.y_cov[rows, 0][:, None, :]
        self.x_cov[rows] -= gain_x[:, :, None] * self.x_cov[rows, 0][:, None, :]

    def keep(self, rows: NDArray[np.int_]) -> None:
        """Forget all tracks but these."""
        self.y, self.x = self.y[rows], self.x[rows]
        self.y_cov, self.x_cov = self.y_cov[rows], self.x_cov[rows]

    def add(self, x: Floats, y: Floats) -> None:
        """Begin tracks of one blob each: going down at about 0.25 heights a second, pulled by about 0.4 heights/s²."""
        n, unit = len(x), self.unit
        state = np.column_stack([y, np.full(n, 0.25 * unit), np.full(n, 0.4 * unit)])
        y_cov = np.diag([1.0, (0.35 * unit) ** 2, (0.4 * unit) ** 2])
        x_cov = np.diag([1.0, (0.15 * unit) ** 2])
        self.y = np.concatenate([self.y, state])
        self.x = np.concatenate([self.x, np.column_stack([x, np.zeros(n)])])
        self.y_cov = np.concatenate([self.y_cov, np.tile(y_cov, (n, 1, 1))])
        self.x_cov = np.concatenate([self.x_cov, np.tile(x_cov, (n, 1, 1))])
