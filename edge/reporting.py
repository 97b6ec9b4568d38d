"""Turns what happened into events in the outbox, and keeps an event while the outbox cannot take it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from uuid import UUID

from contract.events import DroppedData, EventData, EventType
from contract.identity import time_ordered
from edge.clock import utc
from edge.errors import OutboxError
from edge.evidence.files import StoredFile
from edge.outbox import NewEvent, Outbox
from edge.ports import Clock

log = logging.getLogger(__name__)

NEWS_FOR = timedelta(minutes=15)
"""After this an event is history, not news."""
_WAITING_MAX = 1000
_RANGES_AT_ONCE = 5000
"""A `dropped` record with more could be larger than an event may be."""


class Reporter:
    """Makes events of one edge. Safe to call from any thread.

    When the outbox refuses (disk full), events wait in memory, at most 1000; `retry` tries them again. Beyond that
    the oldest is lost, which is counted and logged: there is no other place to put it.
    """

    def __init__(self, site: str, edge: str, outbox: Outbox, clock: Clock) -> None:
        self._site = site
        self._edge = edge
        self._outbox = outbox
        self._clock = clock
        self._waiting: deque[NewEvent] = deque()
        self._lock = threading.Lock()
        self.on_stored: Callable[[NewEvent, int], None] | None = None
        """Called with each event that is on disk, and its sequence number."""
        self.lost = 0
        self.problem: str | None = None
        """Why the outbox does not take events now; None while it does."""

    @property
    def waiting(self) -> int:
        """Events that are only in memory."""
        return len(self._waiting)

    def make(
        self,
        event_type: EventType,
        source: str,
        data: EventData,
        occurred_at: datetime | None = None,
        files: tuple[StoredFile, ...] = (),
    ) -> NewEvent:
        """An event of this edge, with a new id."""
        now = utc(self._clock.now())
        identity = time_ordered(int(self._clock.now() * 1e6))  # neighbours in the collector's index too
        return NewEvent(
            identity, event_type, self._site, self._edge, source, occurred_at or now, data, now + NEWS_FOR, files
        )

    def put(self, event: NewEvent) -> int:
        """Store it now. Raises OutboxError; then the caller still has it."""
        sequence = self._outbox.put(event)
        if self.on_stored is not None:
            self.on_stored(event, sequence)
        return sequence

    def report(
        self,
        event_type: EventType,
        source: str,
        data: EventData,
        occurred_at: datetime | None = None,
        files: tuple[StoredFile, ...] = (),
    ) -> UUID:
        """Store an event, or keep it until the outbox takes it again. Returns its id."""
        event = self.make(event_type, source, data, occurred_at, files)
        with self._lock:
            self._waiting.append(event)
            self._store_waiting()
        return event.id

    def report_dropped(self, data: DroppedData) -> None:
        """Tell of numbers that will not come, in as many events as that takes."""
        for part in in_parts(data):
            self.report(EventType.DROPPED, self._edge, part)

    def retry(self) -> None:
        """Try again what waits."""
        with self._lock:
            self._store_waiting()

    def _store_waiting(self) -> None:
        while self._waiting:
            try:
                self.put(self._waiting[0])
            except OutboxError as error:
                self._keep(error)
                return
            except ValueError as error:  # it never can be: those after it must not wait for it
                self.lost += 1
                log.error("an event is lost, because it cannot be written down: %s", error)
            self._waiting.popleft()
        self.problem = None

    def _keep(self, error: OutboxError) -> None:
        self.problem = str(error)
        log.error("events wait in memory: %s", error)
        while len(self._waiting) > _WAITING_MAX:
            self._waiting.popleft()
            self.lost += 1


def in_parts(data: DroppedData) -> Iterator[DroppedData]:
    """The same as records that each fit into an event. Counts are of one type at most, and then those of the part."""
    if len(data.ranges) <= _RANGES_AT_ONCE:
        yield data
        return
    for begin in range(0, len(data.ranges), _RANGES_AT_ONCE):
        ranges = data.ranges[begin : begin + _RANGES_AT_ONCE]
        counts = dict.fromkeys(data.counts, sum(high - low + 1 for low, high in ranges))
        yield data.model_copy(update={"ranges": ranges, "counts": counts})
