"""One event per fall: its mirror image in the glass, its broken-off pieces and its echoes are merged into it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from edge.falling.ballistics import least_squares
from edge.falling.candidate import Candidate
from edge.falling.motion import Floats

_NEAR = 0.09
"""Fraction of the picture's width: a facade's mirror image is beside the object, not across the picture."""
_TOGETHER_S = 1.5
"""A mirror image appears this long before or after its object, at most."""
_ALIKE = 2.6
"""Factor between the mean speeds of an object and its mirror image, at most."""
_JOINED, _JOINED_S = 1.5, 2.6
"""Factor by which something is faster in the end than in the mean, and seconds for which it was seen before, from which
on its front may be another's piece."""
_SAME_PULL, _SAME_STRENGTH = 1.25, 2.0
"""Factors up to which two things gain speed alike and show alike: an image that does is as far away as its object."""
_APART_S, _SURELY = 0.3, 5.0
"""Seconds, and standard deviations, between the moments at which two things were let go: an image has its object's."""
_OVERLAP_POINTS = 8
"""Sightings of each while both are seen, from which on that can be told."""
_PIECE_S = 0.7
_LATE_PIECE_S = 5.0
"""Longest time between two pieces that follow each other at once, and between two that keep their pace."""
_SAME_PLACE = 0.06
"""Picture fractions between two tracks of one thing at the same moment."""
_WAIT_S, _WAIT_FOR_LONGER_S = 1.2, 3.0
"""How long a certainty waits for what may be the same fall; the second, where that has come further than it did: then
it is the object, and what waits is likely its image in the glass."""
_DOUBT_S = 8.0
"""A suspicion may wait longer: it is not urgent, and its continuation may make it certain."""
_FORGET_S = 30.0
_MANY, _MINORITY = 10, 5
"""Pieces of one event that were judged, from which on more than one in so many must have been sure: a lift at night is
joined in dozens of ways, of which one or the other looks like a fall."""
_REFUSED = 200
"""Extents of refused candidates that are remembered."""

T = TypeVar("T")


class _Rest(NamedTuple):
    """A curve's moment without speed, its standard deviation, and its pull, picture heights per second squared."""

    time_s: float
    sigma_s: float
    pull: float


@dataclass(frozen=True, slots=True, eq=False)
class Extent:
    """When and where a fall was, stream seconds and picture fractions. `strength` decides which one is the object."""

    start_s: float
    end_s: float
    x_start: float
    x_end: float
    y_start: float
    y_end: float
    strength: float
    path: Floats | None = None
    """(n, 3) time, x, y on the way; without it, a straight line."""

    @property
    def travel(self) -> float:
        """Way down, picture heights."""
        return self.y_end - self.y_start

    @property
    def speed(self) -> float:
        """Mean speed downwards, picture heights a second."""
        return max(self.travel, 0.02) / max(self.end_s - self.start_s, 0.1)

    def speed_from(self, time_s: float) -> float:
        """Mean speed downwards from a time on, picture heights a second."""
        return max(self.y_end - self.at(time_s)[1], 0.02) / max(self.end_s - time_s, 0.1)

    def at(self, time_s: float) -> tuple[float, float]:
        """Where it was at a time."""
        if self.path is not None:
            return float(np.interp(time_s, self.path[:, 0], self.path[:, 1])), float(
                np.interp(time_s, self.path[:, 0], self.path[:, 2])
            )
        share = min(max((time_s - self.start_s) / max(self.end_s - self.start_s, 1e-6), 0.0), 1.0)
        return self.x_start + share * (self.x_end - self.x_start), self.y_start + share * (self.y_end - self.y_start)

    def same_fall(self, other: Extent) -> bool:
        """Whether both show one fall: one continuing the other, the same thing twice, or seen at once side by side."""
        first, second = sorted((self, other), key=lambda extent: extent.start_s)
        if second.start_s > first.end_s:
            return first.goes_on_as(second)
        middle_s = (second.start_s + min(first.end_s, second.end_s)) / 2
        (x, y), (other_x, other_y) = first.at(middle_s), second.at(middle_s)
        if abs(x - other_x) < _SAME_PLACE and abs(y - other_y) < _SAME_PLACE:
            return True
        near = abs(x - other_x) < _NEAR and first.beside(second)
        return near and not first.followed_by(second)

    def beside(self, later: Extent) -> bool:
        """Whether both fell at the same time, and about as fast."""
        speed = self.speed
        together = later.start_s - self.start_s < _TOGETHER_S
        lately = self.speed_from(later.start_s)
        # What was joined to its front makes it begin far too early, and slowly.
        if later.start_s - self.start_s > _JOINED_S and lately > _JOINED * speed:
            speed, together = lately, abs(self.end_s - later.end_s) < _TOGETHER_S
        return together and _ALIKE > speed / later.speed > 1 / _ALIKE

    def followed_by(self, later: Extent) -> bool:
        """Whether `later` was surely let go after this one, and is nobody's image: one thing thrown after another.

        An image falls with its object, only from farther away: slower, smaller and fainter. What shows and gains speed
        alike is equally far away, and as an image would have begun to fall at the same moment.
        """
        if not 1 / _SAME_STRENGTH < max(self.strength, 1e-9) / max(later.strength, 1e-9) < _SAME_STRENGTH:
            return False
        during = max(self.start_s, later.start_s), min(self.end_s, later.end_s)
        one, other = self.at_rest(*during), later.at_rest(*during)
        if one is None or other is None or not 1 / _SAME_PULL < one.pull / other.pull < _SAME_PULL:
            return False
        return abs(one.time_s - other.time_s) > max(_APART_S, _SURELY * float(np.hypot(one.sigma_s, other.sigma_s)))

    def at_rest(self, since_s: float, until_s: float) -> _Rest | None:
        """When it was at rest, from what is seen of it in a time; None where that is too little or gains no speed."""
        if self.path is None:
            return None
        seen = self.path[(self.path[:, 0] >= since_s) & (self.path[:, 0] <= until_s)]
        if len(seen) < _OVERLAP_POINTS:
            return None
        times, ones = seen[:, 0] - since_s, np.ones(len(seen))
        (_, speed, half_pull), covariance, rms = least_squares(times, seen[:, 2], ones, 2)
        if half_pull <= 0:
            return None
        slope = np.array([0.0, -0.5, speed / (2 * half_pull)]) / half_pull
        sigma_s = float(np.sqrt(slope @ covariance @ slope)) * rms
        return _Rest(since_s - float(speed / (2 * half_pull)), sigma_s, float(2 * half_pull))

    def goes_on_as(self, later: Extent) -> bool:
        """Whether `later` begins about where this one would be by then: light things are seen in pieces."""
        gap_s = later.start_s - self.end_s
        if abs(later.x_start - self.x_end) > 0.1 or later.y_start < self.y_end - 0.03:
            return False
        way = self.speed * gap_s
        return gap_s < _PIECE_S or (gap_s < _LATE_PIECE_S and abs(later.y_start - self.y_end - way) < 0.04 + way / 2)


def extent_of(candidate: Candidate, confirmed: bool) -> Extent:
    """The extent of a candidate; what is confirmed, large and far-travelled is stronger: a mirror image is fainter."""
    sizes = float(np.median(candidate.sizes_px))
    return Extent(
        start_s=candidate.start_s,
        end_s=candidate.end_s,
        x_start=float(candidate.points[0, 0]),
        x_end=float(candidate.points[-1, 0]),
        y_start=float(candidate.points[0, 1]),
        y_end=float(candidate.points[-1, 1]),
        strength=(10.0 if confirmed else 1.0) * candidate.travel * np.sqrt(sizes) * candidate.contrast,
        path=np.column_stack([candidate.times, candidate.points]),
    )


class Released(NamedTuple, Generic[T]):
    """A fall that may be told."""

    item: T
    doubted: bool
    """Whether it was judged in so many pieces, and so few of them surely a fall, that it is only suspected."""


@dataclass(slots=True)
class _Waiting(Generic[T]):
    extent: Extent
    item: T
    certain: bool
    judged: int
    sure: int

    @property
    def doubted(self) -> bool:
        """Whether few of many pieces were surely a fall."""
        return self.judged >= _MANY and _MINORITY * self.sure <= self.judged

    def patience_s(self, rivals: list[Extent]) -> float:
        """How long it may wait for these, which are still in view."""
        if not self.certain:
            return _DOUBT_S
        further = any(rival.travel > self.extent.travel for rival in rivals)
        return _WAIT_FOR_LONGER_S if further else _WAIT_S


class FallMerger(Generic[T]):
    """Holds a fall back while something that may be the same fall is still in view; lets the strongest one through."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting[T]] = []
        self._told: list[tuple[Extent, bool]] = []
        self._refused: deque[Extent] = deque(maxlen=_REFUSED)
        self.merged = 0

    @property
    def holds(self) -> bool:
        """Whether anything waits to be told."""
        return bool(self._waiting)

    def refuse(self, extent: Extent) -> None:
        """What was judged to be no fall speaks against the event that it is a piece of."""
        self._refused.append(extent)
        for waiting in self._waiting:
            waiting.judged += waiting.extent.same_fall(extent)

    def add(self, extent: Extent, item: T, certain: bool) -> None:
        """Offer a fall. It may take the place of a weaker one that waits, or vanish into a stronger one."""
        for told, told_certain in self._told:
            # A suspicion that was told does not silence a certainty; everything else was already told.
            if told.same_fall(extent) and (told_certain or not certain):
                self.merged += 1
                return
        for waiting in self._waiting:
            if waiting.extent.same_fall(extent):
                self.merged += 1
                waiting.judged += 1
                waiting.sure += certain
                if extent.strength > waiting.extent.strength:
                    waiting.extent, waiting.item, waiting.certain = extent, item, certain
                return
        against = sum(refused.same_fall(extent) for refused in self._refused)
        self._waiting.append(_Waiting(extent, item, certain, 1 + against, int(certain)))

    def release(self, now_s: float, open_extents: list[Extent]) -> list[Released[T]]:
        """What may be told now: no open track can be the same fall, or it has waited long enough."""
        ready: list[_Waiting[T]] = []
        kept: list[_Waiting[T]] = []
        for waiting in self._waiting:
            rivals = [extent for extent in open_extents if waiting.extent.same_fall(extent)]
            overdue = now_s - waiting.extent.end_s > waiting.patience_s(rivals)
            (ready if overdue or not rivals else kept).append(waiting)
        self._waiting = kept
        self._told = [(extent, sure) for extent, sure in self._told if now_s - extent.end_s < _FORGET_S]
        self._told += [(waiting.extent, waiting.certain) for waiting in ready]
        return [Released(waiting.item, waiting.doubted) for waiting in ready]
