"""The outbox for whoever puts, sends and marks events; see the package."""

from __future__ import annotations

import functools
import json
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any
from uuid import UUID

from contract.events import DroppedData
from edge.database import Database
from edge.errors import OutboxCorrupt
from edge.outbox.changes import ACKED, REFUSED, Quota, Replay, insert, offer, replay, settle
from edge.outbox.check import list_events
from edge.outbox.event import MAX_BODY_BYTES, NewEvent, StoredEvent, stored
from edge.outbox.file import SCHEMA, HighMark, open_whole, put_aside, read_id
from edge.ports import Clock
from edge.salvage import LOSSES, SALVAGED, Remains, checksum, is_addressed, put_remains, read_remains

log = logging.getLogger(__name__)

_QUOTA_CHECK_EVERY = 64
_ABOVE_ALL = 1 << 62
_BESIDE = ("-wal", "-shm", ".mark", ".damage", ".copy", ".new")
"""What lies beside a file that was set aside, or is left of a salvage that was cut off."""


class Outbox:
    """See the module's docstring. Safe to call from any thread."""

    def __init__(self, database: Database, outbox_id: UUID, clock: Clock, max_bytes: int, keep_s: float) -> None:
        self.database = database
        self.outbox_id = outbox_id
        self.set_aside: Path | None = None
        """Where the damaged file went that was found in this one's place, if any."""
        self._mark = HighMark(database.path)
        self._clock = clock
        self._quota = Quota(outbox_id, max_bytes, keep_s)
        self._listeners: list[Callable[[], None]] = []
        self._tidying_fails = False
        self._offering = threading.Lock()
        self._offered_from = _ABOVE_ALL
        """Evidence of events from this number on was offered again to the collector that listens now."""

    @classmethod
    def open(cls, path: Path, clock: Clock, max_mb: float = 512, keep_days: float = 7) -> Outbox:
        """Open or make the file; a damaged one is set aside and replaced by one with a new id. Raises OutboxError."""
        set_aside = None
        try:
            database = open_whole(path)
        except OutboxCorrupt as error:
            log.error("%s", error)
            set_aside = put_aside(path, clock)
            database = Database(path, SCHEMA)
        outbox = cls(database, read_id(database), clock, int(max_mb * 1_000_000), keep_days * 86_400)
        outbox.set_aside = set_aside
        outbox._salvage()
        return outbox

    @property
    def path(self) -> Path:
        return self.database.path

    @property
    def damage(self) -> str | None:
        """What was found to be damaged while it was open; the next `open` sets the file aside and salvages it."""
        return self.database.damage

    def losses(self) -> list[tuple[str, list[DroppedData]]]:
        """What of damaged predecessors is still to be told: a key for `told`, and the records."""
        rows = self.database.read("SELECT key, value FROM meta WHERE key LIKE ? ORDER BY key", (f"{LOSSES}%",))
        return [(key, [DroppedData.model_validate(item) for item in json.loads(value)]) for key, value in rows]

    def told(self, key: str) -> None:
        """These losses are in the outbox as events now."""
        self.database.write(lambda connection: connection.execute("DELETE FROM meta WHERE key = ?", (key,)).rowcount)

    def close(self) -> None:
        """Finish what is queued and close the file."""
        self.database.close()

    def on_put(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each put that is on disk (delivery and uploader wake up); it must return at once."""
        self._listeners.append(listener)

    def put(self, event: NewEvent) -> int:
        """Store an event and return its sequence number when it is on disk. The same event id again is the same event.

        Raises OutboxError (disk full, closed): then the event is not stored and the caller still has it; ValueError
        where it never can be, because it is no UTF-8 (half of a surrogate pair), too deep, or too large to send.
        """
        now_s, body = self._clock.now(), event.body()
        size = len(body.encode())
        if size > MAX_BODY_BYTES:
            raise ValueError(f"{size} bytes, more than the {MAX_BODY_BYTES} that an event may have")
        sequence = self.database.write(lambda connection: insert(connection, event, now_s, body))
        self._mark.raise_to(sequence)
        if sequence % _QUOTA_CHECK_EVERY == 0:
            self.tidy().add_done_callback(self._note_tidying)
        for listener in self._listeners:
            listener()
        return sequence

    def live_boundary(self, since_s: float) -> int:
        """Number of the oldest pending event put at or after this wall time; numbers below it are backlog."""
        rows = self.database.read(  # one statement, so one moment: an event put between two reads would look old
            "SELECT coalesce((SELECT sequence FROM event INDEXED BY event_pending_created"
            " WHERE state = 0 AND created_s >= ? ORDER BY created_s LIMIT 1),"
            " (SELECT seq FROM sqlite_sequence WHERE name = 'event') + 1, 1)",
            (since_s,),
        )
        return int(rows[0][0])

    def pending(self, after: int = 0, below: int | None = None, limit: int = 100) -> list[StoredEvent]:
        """Pending events with after < sequence < below, in order."""
        rows = self.database.read(
            "SELECT sequence, type, source, created_s, state, replay, body, id, checksum FROM event"
            " WHERE state = 0 AND sequence > ? AND sequence < ? ORDER BY sequence LIMIT ?",
            (after, below if below is not None else _ABOVE_ALL, limit),
        )
        return [self._whole(row) for row in rows]

    def events(self, after: int = 0, limit: int = 100) -> list[StoredEvent]:
        """All events that are still here, in order."""
        return list_events(self.database, after, limit)

    def last_sequence(self) -> int:
        """The highest number given so far, 0 when none."""
        rows = self.database.read("SELECT seq FROM sqlite_sequence WHERE name = 'event'")
        return int(rows[0][0]) if rows else 0

    def settled_to(self) -> int:
        """Every number up to this is settled (or gone)."""
        rows = self.database.read(
            "SELECT coalesce((SELECT min(sequence) - 1 FROM event WHERE state = 0),"
            " (SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0)"
        )
        return int(rows[0][0])

    def pending_count(self) -> int:
        """Events not yet settled."""
        return int(self.database.read("SELECT count(*) FROM event WHERE state = 0")[0][0])

    def oldest_pending_s(self) -> float | None:
        """Wall time at which the oldest pending event was put."""
        found = self.database.read("SELECT min(created_s) FROM event WHERE state = 0")[0][0]
        return None if found is None else float(found)

    def mark_acked(self, ranges: Iterable[tuple[int, int]]) -> Future[int]:
        """The collector has committed these numbers (both ends included). The future: how many became settled."""
        wanted, now_s = tuple(ranges), self._clock.now()
        return self.database.submit(lambda connection: settle(connection, wanted, ACKED, now_s, None))

    def mark_refused(self, sequence: int, reason: str) -> Future[int]:
        """The collector keeps this one aside as not understood; it need not be sent again."""
        now_s = self._clock.now()
        return self.database.submit(
            lambda connection: settle(connection, ((sequence, sequence),), REFUSED, now_s, reason)
        )

    def mark_replay(self, ranges: Iterable[tuple[int, int]]) -> Replay:
        """Make settled events pending again, because the collector asks for them.

        It may lack their files too, and those of later events, which went before them: all are offered again, but once
        until `offer_anew`. It asks as long as a gap lasts, and new evidence would wait behind the old each time.
        """
        wanted = tuple(ranges)
        with self._offering:
            low, below = min((first for first, _ in wanted), default=_ABOVE_ALL), self._offered_from

            def change(connection: sqlite3.Connection) -> Replay:
                offer(connection, low, below)
                return replay(connection, wanted)

            answer = self.database.write(change)
            self._offered_from = min(low, below)
        return answer

    def offer_anew(self) -> None:
        """The collector may be another than before, one from a backup: what was confirmed to this edge is no proof."""
        with self._offering:
            self._offered_from = _ABOVE_ALL

    def tidy(self) -> Future[int]:
        """Forget settled events past their age; while the file is over its quota give up events by worth.

        Returns (in the future) how many pending events were given up: they travel as a `dropped` record.
        """
        now_s = self._clock.now()
        return self.database.submit(lambda connection: self._quota.tidy(connection, now_s))

    def _note_tidying(self, done: Future[int]) -> None:
        """Nobody waits for it: that it fails is logged, once until it succeeds again."""
        error = done.exception()
        if error is not None and not self._tidying_fails:
            log.error("tidying failed, the outbox may outgrow its quota: %s", error)
        self._tidying_fails = error is not None

    def dropped(self, ranges: Iterable[tuple[int, int]], counts: dict[str, int], reason: str) -> DroppedData:
        """The data of a `dropped` record of this outbox."""
        return DroppedData(outbox_id=str(self.outbox_id), ranges=tuple(ranges), counts=counts, reason=reason)

    def _whole(self, row: tuple[Any, ...]) -> StoredEvent:
        """The event of a row, if it is what was written. Raises OutboxCorrupt."""
        sequence, event_type, source, _, _, _, body, identity, found = row
        changed = found is not None and found != checksum(identity, event_type, source, body)
        if changed or not is_addressed(event_type, source):
            told = f"{self.path}: event {sequence} is not what was written; the file is set aside at the next start"
            self.database.note_damage(told)
            raise OutboxCorrupt(told)
        return stored(row[:7])

    def _salvage(self) -> None:
        """Take over what damaged predecessors still hold (again, where a crash has interrupted that)."""
        for damaged in sorted(self.path.parent.glob(f"{self.path.name}.damaged-*")):
            if damaged.name.endswith(_BESIDE) or self._is_salvaged(damaged):
                continue
            given = HighMark(damaged).value
            remains = read_remains(damaged, given, SCHEMA)
            now_s = self._clock.now()
            self.database.write(functools.partial(_take_over, remains=remains, damaged=damaged, now_s=now_s))
            self._mark.raise_to(self.last_sequence())
            log.error(
                "%s: %d events that wait were salvaged, %d numbers cannot be read",
                damaged, len(remains.pending), remains.unreadable_count,
            )  # fmt: skip

    def _is_salvaged(self, damaged: Path) -> bool:
        return bool(self.database.read("SELECT 1 FROM meta WHERE key = ?", (SALVAGED + damaged.name,)))


def _take_over(connection: sqlite3.Connection, remains: Remains, damaged: Path, now_s: float) -> None:
    put_remains(connection, remains, damaged, now_s)
