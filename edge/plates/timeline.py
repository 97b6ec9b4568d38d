"""One time for a camera over all its connections: stream time begins anew with each of them, vehicles do not."""

from __future__ import annotations

from collections import deque

from edge.types import Frame

_REMEMBERED = 8
"""Connections whose begin is known; what was last seen before them has been told long ago."""

_LEAST_GAP_S = 0.04


class Timeline:
    """Turns stream time into seconds that go on over a reconnect; how long that took is told by the frames' UTC.

    A wall clock that is set meanwhile makes the gap longer or one picture long; it never makes time go back.
    """

    def __init__(self) -> None:
        self._shifts: deque[tuple[float, float]] = deque([(0.0, 0.0)], maxlen=_REMEMBERED)
        """For each connection: its first second on this line, and what is added to its stream time."""
        self._last: Frame | None = None

    def place(self, frame: Frame) -> float:
        """Seconds of this frame on the line; never less than those of the frame before."""
        last, self._last = self._last, frame
        if last is not None and frame.stream_time_s < last.stream_time_s:
            gap_s = max(_LEAST_GAP_S, (frame.captured_at - last.captured_at).total_seconds())
            begins_s = last.stream_time_s + self._shifts[-1][1] + gap_s
            self._shifts.append((begins_s, begins_s - frame.stream_time_s))
        return frame.stream_time_s + self._shifts[-1][1]

    def in_stream(self, from_s: float, to_s: float) -> tuple[float, float] | None:
        """Two times of the line, as stream time of the connection that showed the second; 0 is the least.

        None where that was an earlier connection whose time cannot be told from the present one's.
        """
        now_s = 0.0 if self._last is None else self._last.stream_time_s
        begun = [shift for shift in self._shifts if shift[0] <= to_s] or [self._shifts[0]]
        _, added = begun[-1]
        if begun[-1] != self._shifts[-1] and to_s - added <= now_s:
            return None
        return max(0.0, from_s - added), max(0.0, to_s - added)
