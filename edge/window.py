"""Which events go out next: live before backlog, few enough at a time, again when no acknowledgement comes.

No input or output of its own but reading the outbox; `edge.delivery` does what it says. One thread uses it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from edge.outbox import Outbox, StoredEvent
from edge.ports import Clock

_LONGEST_BACKOFF = 8
"""An unanswered event is sent again after 1, 2, 4, 8, 8, ... time-outs."""
_BACKLOG_SHARE = 0.8
"""Backlog fills at most this part of the window, so that a live event never waits behind it."""
_RESCAN_S = 2.0
_UNHEARD_AGAIN_S = 4.0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event to publish now."""

    event: StoredEvent
    replayed: bool
    again: bool = False
    """It was sent before, on this start of the agent, and not answered."""


@dataclass(slots=True)
class _UnderWay:
    due_s: float
    """Monotonic time of the next attempt, if no acknowledgement comes."""
    attempts: int = 1
    at_broker: bool = False
    """The broker has confirmed the last attempt: before that the MQTT client itself repeats it."""


class Window:
    """The unacknowledged events under way, at most `size`."""

    def __init__(
        self, outbox: Outbox, clock: Clock, rng: random.Random, size: int, ack_timeout_s: float, live_s: float
    ) -> None:
        self._outbox = outbox
        self._clock = clock
        self._rng = rng
        self._size = size
        self._ack_timeout_s = ack_timeout_s
        self._live_s = live_s
        self._under_way: dict[int, _UnderWay] = {}
        self._live_cursor = 0
        self._backlog_cursor = 0
        self._rescan_s = 0.0

    def __len__(self) -> int:
        return len(self._under_way)

    def take(self, limit: int, backlog: int | None = None) -> list[Outgoing]:
        """The next events to publish, now under way: at most `limit`, and of the backlog, if given, up to `backlog`.

        Raises OutboxError.
        """
        boundary = self._outbox.live_boundary(self._clock.now() - self._live_s)
        taken = self._take_unanswered(limit, boundary)
        taken += self._take_live(limit - len(taken), boundary)
        taken += self._take_backlog(limit - len(taken) if backlog is None else backlog, boundary)
        return taken

    def reached_broker(self, sequence: int) -> None:
        """The broker confirmed the publication."""
        entry = self._under_way.get(sequence)
        if entry is not None:
            entry.at_broker = True

    def unheard(self, sequence: int) -> None:
        """The broker had nobody to give it to: try again soon, not after the time-out of an acknowledgement."""
        entry = self._under_way.get(sequence)
        if entry is not None:
            entry.at_broker = True
            entry.due_s = min(entry.due_s, self._clock.monotonic() + self._rng.uniform(0.5, 1.5) * _UNHEARD_AGAIN_S)

    def settled(self, ranges: Iterable[tuple[int, int]]) -> None:
        """These are marked in the outbox; they make room."""
        for low, high in ranges:
            if high - low < len(self._under_way):
                for sequence in range(low, high + 1):
                    self._under_way.pop(sequence, None)
            else:
                for sequence in [number for number in self._under_way if low <= number <= high]:
                    del self._under_way[sequence]

    def hurry(self, within_s: float) -> None:
        """Something came back (broker, collector): send what is unanswered again soon, but not all edges at once."""
        for entry in self._under_way.values():
            entry.attempts = 1
            entry.due_s = min(entry.due_s, self._clock.monotonic() + self._rng.uniform(0, within_s))

    def rescan(self) -> None:
        """Events may be pending again (a replay): look from the beginning."""
        self._backlog_cursor = 0
        self._live_cursor = 0

    def wait_s(self) -> float:
        """Seconds until an unanswered event is due, or until the next look at the backlog."""
        now_s = self._clock.monotonic()
        due = [entry.due_s for entry in self._under_way.values() if entry.at_broker]
        return max(0.0, min([_RESCAN_S, *(due_s - now_s for due_s in due)]))

    def _take_unanswered(self, limit: int, boundary: int) -> list[Outgoing]:
        now_s = self._clock.monotonic()
        overdue = [number for number, entry in self._under_way.items() if entry.at_broker and entry.due_s <= now_s]
        taken = []
        for sequence in sorted(overdue)[:limit]:
            events = self._outbox.pending(after=sequence - 1, below=sequence + 1, limit=1)
            if not events:  # given up meanwhile
                del self._under_way[sequence]
                continue
            entry = self._under_way[sequence]
            entry.attempts += 1
            entry.at_broker = False
            entry.due_s = now_s + self._patience_s(entry.attempts)
            taken.append(Outgoing(events[0], sequence < boundary or events[0].replay, again=True))
        return taken

    def _take_live(self, limit: int, boundary: int) -> list[Outgoing]:
        room = min(limit, self._size - len(self._under_way))
        if room <= 0:
            return []
        events = self._pending(max(self._live_cursor, boundary - 1), None, room)
        if events:
            self._live_cursor = events[-1].sequence
        return self._start(events, boundary)

    def _take_backlog(self, limit: int, boundary: int) -> list[Outgoing]:
        room = min(limit, max(1, int(self._size * _BACKLOG_SHARE)) - len(self._under_way))
        if room <= 0:
            return []
        events = self._pending(self._backlog_cursor, boundary, room)
        if events:
            self._backlog_cursor = events[-1].sequence
        elif self._clock.monotonic() >= self._rescan_s:
            self._rescan_s = self._clock.monotonic() + _RESCAN_S
            self._backlog_cursor = 0
            self._live_cursor = 0
        return self._start(events, boundary)

    def _pending(self, after: int, below: int | None, limit: int) -> list[StoredEvent]:
        """Events with after < sequence < below that are not under way, at most `limit`."""
        further = sum(number > after for number in self._under_way)  # after a rescan these come first
        found = self._outbox.pending(after, below, limit=limit + further)
        return [event for event in found if event.sequence not in self._under_way][:limit]

    def _start(self, events: list[StoredEvent], boundary: int) -> list[Outgoing]:
        now_s = self._clock.monotonic()
        for event in events:
            self._under_way[event.sequence] = _UnderWay(due_s=now_s + self._patience_s(1))
        return [Outgoing(event, replayed=event.sequence < boundary or event.replay) for event in events]

    def _patience_s(self, attempts: int) -> float:
        factor = min(1 << (attempts - 1), _LONGEST_BACKOFF)
        return self._ack_timeout_s * factor * self._rng.uniform(0.8, 1.2)
