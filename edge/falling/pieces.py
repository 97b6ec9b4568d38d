"""Puts the pieces of one fall together: light things flutter out of their track, small ones vanish and come back.

A track that ends is kept for a while. One that begins where an earlier one would have been by then is offered together
with it: a longer path says more of gravity, and it begins nearer to the window.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median

from edge.falling.tracker import Track, TrackPoint

_GAP_S = 2.0
"""Longest time between two pieces."""
_END = 8
"""Sightings that tell the speed at a piece's end."""
_SPEED_UNSURE = 0.5
"""How far the speed between two pieces may be off, as a share of itself."""
_NEAR = 0.02
"""Picture heights that are near anyway."""
_REACH = 0.3
"""Picture heights sideways."""
_SIZE = 5.0
"""Factor between the areas of two pieces, at most."""
_DESCENT = 0.015
"""Picture heights: what goes down less is no piece of a fall."""
_KEPT = 150
"""Pieces; in a snowfall they last for a second or two."""


@dataclass(frozen=True, slots=True)
class _End:
    """One end of a piece: when and where, working pixels, its speed there, and how large the thing is."""

    time_s: float
    x: float
    y: float
    speed_x: float
    speed_y: float
    area: float

    @classmethod
    def of(cls, points: list[TrackPoint], at: TrackPoint) -> _End:
        span_s = max(points[-1].time_s - points[0].time_s, 1e-3)
        speed_x, speed_y = (points[-1].x - points[0].x) / span_s, (points[-1].y - points[0].y) / span_s
        return cls(at.time_s, at.x, at.y, speed_x, speed_y, median(point.area for point in points))


@dataclass(frozen=True, slots=True)
class _Piece:
    track: Track
    first_s: float
    first_y: float
    end: _End


class Pieces:
    """The tracks that ended lately; lengths are shares of the working picture's height."""

    def __init__(self, height: int) -> None:
        self._height = height
        self._ended: deque[_Piece] = deque(maxlen=_KEPT)

    def keep(self, track: Track) -> None:
        """A later track may go on from this one."""
        points = track.points
        if track.descent > _DESCENT * self._height:
            self._ended.append(_Piece(track, points[0].time_s, points[0].y, _End.of(points[-_END:], points[-1])))

    def before(self, track: Track) -> Track | None:
        """A track together with the piece that it goes on from, under that one's number; None where there is none."""
        if track.descent <= _DESCENT * self._height:
            return None
        head = _End.of(track.points[:_END], track.points[0])
        near = [(self._misfit(piece, head), number) for number, piece in enumerate(self._ended)]
        least, best = min(near, default=(1.0, 0))
        if least >= 1.0:
            return None
        earlier = self._ended[best].track
        whole = Track(earlier.number)
        for point in [*(point for point in earlier.points if point.time_s < head.time_s), *track.points]:
            whole.points.append(point)
            whole.highest = min(whole.highest, point.y)
            whole.activity += point.activity
        return whole

    def _misfit(self, piece: _Piece, head: _End) -> float:
        """Below 1 where a track that begins so begins about where the piece is or would be by then; else 1 or more."""
        end = piece.end
        if not piece.first_s < head.time_s < end.time_s + _GAP_S or abs(head.x - end.x) > _REACH * self._height:
            return 1.0
        near = _NEAR * self._height
        if head.time_s <= end.time_s:
            return self._apart(piece.track, head) / near if piece.first_y < head.y + near else 1.0
        if head.y < end.y - near or not 1 / _SIZE < head.area / end.area < _SIZE:
            return 1.0
        gap_s = head.time_s - end.time_s
        speed_x, speed_y = (end.speed_x + head.speed_x) / 2, (end.speed_y + head.speed_y) / 2
        reach = near + _SPEED_UNSURE * _length(speed_x, speed_y) * gap_s
        return _length(head.x - end.x - speed_x * gap_s, head.y - end.y - speed_y * gap_s) / reach

    @staticmethod
    def _apart(track: Track, head: _End) -> float:
        """Working pixels between the edges of two blobs that are seen at once: one thing may break into two."""
        nearest = min(track.points, key=lambda point: abs(point.time_s - head.time_s))
        late_s = head.time_s - nearest.time_s
        x, y = nearest.x + head.speed_x * late_s, nearest.y + head.speed_y * late_s
        return max(_length(head.x - x, head.y - y) - max(nearest.width, nearest.height), 0.0)


def _length(x: float, y: float) -> float:
    return float((x * x + y * y) ** 0.5)
