"""The outbox: every event is here, on disk, before anything else hears of it, and stays until the collector has it.

States of an event: pending -> acked (the collector committed it) or refused (it keeps it aside). Settled events stay
for replays while age and quota allow. A sequence number is given once, by AUTOINCREMENT, in the transaction that
stores the event, so there is no number without an event: every number from 1 to the last is a row here or is written
down in `gone` with the reason. `check` verifies that.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid4

from contract.envelope import event_type_name
from contract.events import (
    DroppedData,
    EventData,
    EventType,
    FallingObjectData,
    SensorData,
)
from edge.database import Database
from edge.errors import OutboxCorrupt, OutboxError
from edge.evidence.files import StoredFile
from edge.evidence.queue import SCHEMA as UPLOAD_SCHEMA
from edge.evidence.queue import queue_upload
from edge.ports import Clock
from edge.salvage import COLUMNS, LOSSES, SALVAGED, Remains, checksum, is_whole, put_remains, read_remains

log = logging.getLogger(__name__)

PENDING, ACKED, REFUSED = 0, 1, 2
FORGOTTEN, GIVEN_UP = "acknowledged and forgotten", "given up"

SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS event (
    sequence  INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused, no number without an event
    id        TEXT NOT NULL UNIQUE,               -- the event's own UUID
    type      TEXT NOT NULL,
    source    TEXT NOT NULL,                      -- camera, sensor or edge: the last level of the topic
    created_s REAL NOT NULL,                      -- wall clock at `put`, seconds since the epoch
    worth     INTEGER NOT NULL,                   -- order of sacrifice, least first
    state     INTEGER NOT NULL DEFAULT 0,         -- 0 pending, 1 acked, 2 refused
    replay    INTEGER NOT NULL DEFAULT 0,         -- 1: the collector asked for it again
    settled_s REAL,                               -- wall clock at the ack or refusal
    reason    TEXT,                               -- of a refusal
    body      TEXT NOT NULL,                      -- the event's JSON, without outboxid, sequence and replayed
    checksum  INTEGER                             -- CRC-32 of id, type, source, body; NULL: an earlier version's row
);
CREATE INDEX IF NOT EXISTS event_pending ON event (sequence) WHERE state = 0;
CREATE INDEX IF NOT EXISTS event_pending_created ON event (created_s) WHERE state = 0;
CREATE INDEX IF NOT EXISTS event_settled ON event (settled_s) WHERE state <> 0;
CREATE INDEX IF NOT EXISTS event_worth ON event (worth, sequence) WHERE state = 0;
CREATE TABLE IF NOT EXISTS gone (                 -- numbers whose event is no longer here, as ranges
    low  INTEGER PRIMARY KEY,
    high INTEGER NOT NULL,
    why  TEXT NOT NULL
);
"""
    + UPLOAD_SCHEMA
)

Worth = Literal[1, 2, 3, 4, 5]
_QUOTA_CHECK_EVERY = 64
_CHUNK = 500
_GIVEN_UP_AT_ONCE = 50
_REPLACEABLE: Worth = 4
"""Events of this worth or more are given up only when nothing else is left; `dropped` records (5) never."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event before the outbox has numbered it."""

    id: UUID
    event_type: EventType
    site: str
    edge: str
    source: str
    occurred_at: datetime
    data: EventData
    expires: datetime | None = None
    files: tuple[StoredFile, ...] = ()

    def body(self) -> str:
        """Its CloudEvents JSON without the attributes that only the outbox knows."""
        attributes = {
            "specversion": "1.0",
            "id": str(self.id),
            "source": f"/{self.site}/{self.edge}/{self.source}",
            "type": event_type_name(self.event_type),
            "time": _iso(self.occurred_at),
            "datacontenttype": "application/json",
            "site": self.site,
            "edge": self.edge,
        }
        if self.expires is not None:
            attributes["expires"] = _iso(self.expires)
        return json.dumps(attributes | {"data": self.data.model_dump(mode="json")}, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it lies in the outbox."""

    sequence: int
    event_type: EventType
    source: str
    created_s: float
    state: int
    replay: bool
    body: str

    def payload(self, outbox_id: UUID, replayed: bool) -> bytes:
        """What is published."""
        flag = "true" if replayed else "false"
        return f'{{"outboxid": "{outbox_id}", "sequence": {self.sequence}, "replayed": {flag}, {self.body[1:]}'.encode()


@dataclass(frozen=True, slots=True)
class Replay:
    """Answer to `mark_replay`: how many are sent again, and which numbers are no longer here, with the reason."""

    marked: int
    missing: tuple[tuple[int, int, str], ...]


class Outbox:
    """See the module's docstring. Safe to call from any thread."""

    def __init__(self, database: Database, outbox_id: UUID, clock: Clock, max_bytes: int, keep_s: float) -> None:
        self.database = database
        self.outbox_id = outbox_id
        self.set_aside: Path | None = None
        """Where the damaged file went that was found in this one's place, if any."""
        self._mark = _HighMark(database.path)
        self._clock = clock
        self._max_bytes = max_bytes
        self._keep_s = keep_s
        self._listeners: list[Callable[[], None]] = []

    @classmethod
    def open(cls, path: Path, clock: Clock, max_mb: float = 512, keep_days: float = 7) -> Outbox:
        """Open or make the file; a damaged one is set aside and replaced by one with a new id. Raises OutboxError."""
        set_aside = None
        try:
            database = _open_whole(path)
        except OutboxCorrupt as error:
            log.error("%s", error)
            set_aside = _set_aside(path, clock)
            database = Database(path, SCHEMA)
        outbox = cls(database, _read_id(database), clock, int(max_mb * 1_000_000), keep_days * 86_400)
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

        Raises OutboxError (disk full, closed): then the event is not stored and the caller still has it.
        """
        now_s = self._clock.now()
        sequence = self.database.write(lambda connection: _insert(connection, event, now_s))
        self._mark.raise_to(sequence)
        if sequence % _QUOTA_CHECK_EVERY == 0:
            self.tidy()
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
            (after, below if below is not None else 1 << 62, limit),
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
        return self.database.submit(lambda connection: _settle(connection, wanted, ACKED, now_s, None))

    def mark_refused(self, sequence: int, reason: str) -> Future[int]:
        """The collector keeps this one aside as not understood; it need not be sent again."""
        now_s = self._clock.now()
        return self.database.submit(
            lambda connection: _settle(connection, ((sequence, sequence),), REFUSED, now_s, reason)
        )

    def mark_replay(self, ranges: Iterable[tuple[int, int]]) -> Replay:
        """Make settled events pending again, because the collector asks for them."""
        wanted = tuple(ranges)
        return self.database.write(lambda connection: _replay(connection, wanted))

    def tidy(self) -> Future[int]:
        """Forget settled events past their age; while the file is over its quota give up events by worth.

        Returns (in the future) how many pending events were given up: they travel as a `dropped` record.
        """
        now_s = self._clock.now()
        return self.database.submit(lambda connection: self._tidy(connection, now_s))

    def dropped(self, ranges: Iterable[tuple[int, int]], counts: dict[str, int], reason: str) -> DroppedData:
        """The data of a `dropped` record of this outbox."""
        return DroppedData(outbox_id=str(self.outbox_id), ranges=tuple(ranges), counts=counts, reason=reason)

    def _whole(self, row: tuple[Any, ...]) -> StoredEvent:
        """The event of a row, if it is what was written. Raises OutboxCorrupt."""
        sequence, event_type, source, _, _, _, body, identity, found = row
        if found is not None and found != checksum(identity, event_type, source, body):
            self.database.damage = f"{self.path}: event {sequence} is not what was written"
            raise OutboxCorrupt(f"{self.database.damage}; the file is set aside at the next start")
        return _stored(row[:7])

    def _salvage(self) -> None:
        """Take over what damaged predecessors still hold (again, where a crash has interrupted that)."""
        for damaged in sorted(self.path.parent.glob(f"{self.path.name}.damaged-*")):
            if damaged.name.endswith(("-wal", "-shm", ".mark")) or self._is_salvaged(damaged):
                continue
            given = _HighMark(damaged).value
            remains = read_remains(damaged, given)
            now_s = self._clock.now()
            self.database.write(functools.partial(_take_over, remains=remains, damaged=damaged, now_s=now_s))
            self._mark.raise_to(self.last_sequence())
            log.error(
                "%s: %d events that wait were salvaged, %d numbers cannot be read",
                damaged, len(remains.pending), len(remains.unreadable),
            )  # fmt: skip

    def _is_salvaged(self, damaged: Path) -> bool:
        return bool(self.database.read("SELECT 1 FROM meta WHERE key = ?", (SALVAGED + damaged.name,)))

    def _tidy(self, connection: sqlite3.Connection, now_s: float) -> int:
        _forget(connection, "settled_s < ?", (now_s - self._keep_s,))
        while _used_bytes(connection) > self._max_bytes and _forget(connection, "settled_s <= ?", (now_s,)):
            pass
        given_up = 0
        while _used_bytes(connection) > self._max_bytes:
            count = self._give_up(connection, now_s)
            if count == 0:
                break
            given_up += count
        return given_up

    def _give_up(self, connection: sqlite3.Connection, now_s: float) -> int:
        """Give up the oldest events of the least worth that is here; returns how many."""
        rows = connection.execute(
            "SELECT sequence, type, body FROM event WHERE state = 0"
            " AND worth = (SELECT min(worth) FROM event WHERE state = 0 AND worth < 5) ORDER BY sequence LIMIT ?",
            (_GIVEN_UP_AT_ONCE,),
        ).fetchall()
        if not rows:
            return 0
        sequences = [row[0] for row in rows]
        counts: dict[str, int] = {}
        for row in rows:
            counts[row[1]] = counts.get(row[1], 0) + 1
        connection.executemany("DELETE FROM event WHERE sequence = ?", [(sequence,) for sequence in sequences])
        ranges = _to_ranges(sequences)
        for low, high in ranges:
            _add_gone(connection, low, high, GIVEN_UP)
        first = json.loads(rows[0][2])
        reason = f"the outbox reached its {self._max_bytes // 1_000_000} MB before the collector acknowledged"
        data = self.dropped(ranges, counts, reason)
        _insert(connection, new_dropped(data, first["site"], first["edge"], now_s), now_s)
        return len(sequences)


def new_dropped(data: DroppedData, site: str, edge: str, now_s: float) -> NewEvent:
    """The event that tells what was given up; its source is the edge itself."""
    return NewEvent(uuid4(), EventType.DROPPED, site, edge, edge, datetime.fromtimestamp(now_s, UTC), data)


def worth_of(event: NewEvent) -> Worth:
    """How late an event is given up: suspected falls first, then passages, then what else there is, alarms last."""
    if event.event_type is EventType.DROPPED:
        return 5
    if isinstance(event.data, FallingObjectData):
        return 1 if event.data.certainty == "suspected" else _REPLACEABLE
    if event.event_type is EventType.PLATE_PASSAGE:
        return 2
    if event.event_type is EventType.WATCHLIST_HIT or (isinstance(event.data, SensorData) and event.data.alarm):
        return _REPLACEABLE
    return 3


def list_events(database: Database, after: int = 0, limit: int = 100) -> list[StoredEvent]:
    """Events of any state with sequence > after, in order."""
    rows = database.read(
        "SELECT sequence, type, source, created_s, state, replay, body FROM event"
        " WHERE sequence > ? ORDER BY sequence LIMIT ?",
        (after, limit),
    )
    return [_stored(row) for row in rows]


def check(path: Path) -> list[str]:
    """Verify the invariants of an outbox file (no agent may be using it). Returns what is wrong. Raises OutboxError."""
    if not path.is_file():
        raise OutboxCorrupt(f"{path}: there is no such file")
    database = Database(path, SCHEMA)
    try:
        problems = [str(row[0]) for row in database.read("PRAGMA integrity_check") if row[0] != "ok"]
        return problems + _check_numbers(database) + _check_bodies(database) + _check_files(database)
    finally:
        database.close()


def _check_numbers(database: Database) -> list[str]:
    """Every number from 1 to the last is exactly one row of `event` or in one range of `gone`."""
    last_rows = database.read("SELECT seq FROM sqlite_sequence WHERE name = 'event'")
    last = int(last_rows[0][0]) if last_rows else 0
    spans = [(low, high) for low, high in database.read("SELECT low, high FROM gone")]
    spans += _to_ranges([row[0] for row in database.read("SELECT sequence FROM event ORDER BY sequence")])
    problems, expected = [], 1
    for low, high in sorted(spans):
        if low > expected:
            problems.append(f"numbers {expected} to {low - 1} are neither here nor written down as gone")
        if low < expected:
            problems.append(f"numbers {low} to {min(high, expected - 1)} are here (or gone) twice")
        expected = max(expected, high + 1)
    if expected != last + 1:
        problems.append(f"the last number given is {last}, but events account for 1 to {expected - 1}")
    return problems


def _check_bodies(database: Database) -> list[str]:
    problems = []
    for sequence, identity, body in database.read("SELECT sequence, id, body FROM event"):
        try:
            found = json.loads(body).get("id")
        except ValueError as error:
            problems.append(f"event {sequence}: not JSON ({error})")
            continue
        if found != identity:
            problems.append(f"event {sequence}: its body has the id {found}, its row {identity}")
    return problems


def _check_files(database: Database) -> list[str]:
    rows = database.read("SELECT sha256, path FROM upload WHERE state = 0")
    return [f"evidence {sha256}: {path} is not there" for sha256, path in rows if not Path(path).is_file()]


def _stored(row: tuple[int, str, str, float, int, int, str]) -> StoredEvent:
    sequence, event_type, source, created_s, state, replay, body = row
    return StoredEvent(sequence, EventType(event_type), source, created_s, state, bool(replay), body)


def _insert(connection: sqlite3.Connection, event: NewEvent, now_s: float) -> int:
    known = connection.execute("SELECT sequence FROM event WHERE id = ?", (str(event.id),)).fetchone()
    if known is not None:
        return int(known[0])
    worth, identity, kind, body = worth_of(event), str(event.id), str(event.event_type), event.body()
    cursor = connection.execute(
        "INSERT INTO event (id, type, source, created_s, worth, body, checksum) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (identity, kind, event.source, now_s, worth, body, checksum(identity, kind, event.source, body)),
    )
    sequence = int(cursor.lastrowid or 0)
    for file in event.files:
        queue_upload(connection, file, sequence, worth, now_s)
    return sequence


def _settle(
    connection: sqlite3.Connection, ranges: tuple[tuple[int, int], ...], state: int, now_s: float, reason: str | None
) -> int:
    settled = 0
    for low, high in ranges:
        settled += connection.execute(
            "UPDATE event SET state = ?, replay = 0, settled_s = ?, reason = ?"
            " WHERE state = 0 AND sequence BETWEEN ? AND ?",
            (state, now_s, reason, low, high),
        ).rowcount
    return settled


def _replay(connection: sqlite3.Connection, ranges: tuple[tuple[int, int], ...]) -> Replay:
    marked = 0
    missing: list[tuple[int, int, str]] = []
    for low, high in ranges:
        marked += connection.execute(
            "UPDATE event SET state = 0, replay = 1, settled_s = NULL, reason = NULL"
            " WHERE state <> 0 AND sequence BETWEEN ? AND ?",
            (low, high),
        ).rowcount
        connection.execute(  # the collector may lack the files too; it is asked before they are sent
            "UPDATE upload SET state = 0, not_before_s = 0, attempts = 0 WHERE state = 1 AND sequence BETWEEN ? AND ?",
            (low, high),
        )
        gone = connection.execute("SELECT low, high, why FROM gone WHERE high >= ? AND low <= ?", (low, high))
        missing += [(max(low, row[0]), min(high, row[1]), row[2]) for row in gone]
    return Replay(marked, tuple(missing))


def _forget(connection: sqlite3.Connection, condition: str, parameters: tuple[float, ...]) -> int:
    """Delete up to `_CHUNK` settled events, oldest first."""
    rows = connection.execute(
        f"SELECT sequence FROM event WHERE state <> 0 AND {condition} ORDER BY settled_s, sequence LIMIT {_CHUNK}",  # noqa: S608 (our own words)
        parameters,
    ).fetchall()
    connection.executemany("DELETE FROM event WHERE sequence = ?", rows)
    for low, high in _to_ranges([row[0] for row in rows]):
        _add_gone(connection, low, high, FORGOTTEN)
    return len(rows)


def _add_gone(connection: sqlite3.Connection, low: int, high: int, why: str) -> None:
    """Write a range down, joined to neighbours that went for the same reason."""
    before = connection.execute("SELECT low FROM gone WHERE high = ? AND why = ?", (low - 1, why)).fetchone()
    after = connection.execute("SELECT high FROM gone WHERE low = ? AND why = ?", (high + 1, why)).fetchone()
    if after is not None:
        connection.execute("DELETE FROM gone WHERE low = ?", (high + 1,))
        high = after[0]
    if before is not None:
        connection.execute("UPDATE gone SET high = ? WHERE low = ?", (high, before[0]))
    else:
        connection.execute("INSERT INTO gone (low, high, why) VALUES (?, ?, ?)", (low, high, why))


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _to_ranges(sequences: Iterable[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for sequence in sorted(sequences):
        if ranges and ranges[-1][1] == sequence - 1:
            ranges[-1] = (ranges[-1][0], sequence)
        else:
            ranges.append((sequence, sequence))
    return ranges


def _used_bytes(connection: sqlite3.Connection) -> int:
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _read_id(database: Database) -> UUID:
    new_id = str(uuid4())

    def read_or_make(connection: sqlite3.Connection) -> str:
        connection.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('outbox_id', ?)", (new_id,))
        return str(connection.execute("SELECT value FROM meta WHERE key = 'outbox_id'").fetchone()[0])

    return UUID(database.write(read_or_make))


def _open_whole(path: Path) -> Database:
    """The file, if it is all that it should be. Raises OutboxCorrupt."""
    database = Database(path, SCHEMA)
    try:
        database.write(_add_checksums)
        problem = _find_damage(database)
    except OutboxError:
        database.close()
        raise
    if problem is not None:
        database.close()
        raise OutboxCorrupt(f"{path}: {problem}")
    return database


def _find_damage(database: Database) -> str | None:
    """What SQLite's own check does not see: an end that was cut off, a text that has changed."""
    rows = database.read("SELECT seq FROM sqlite_sequence WHERE name = 'event'")
    last, given = int(rows[0][0]) if rows else 0, _HighMark(database.path).value
    if last < given:
        return f"numbers up to {given} were given, it knows only {last}: its end is lost"
    after = 0
    while rows := database.read(
        f"SELECT {COLUMNS} FROM event WHERE state = 0 AND sequence > ? ORDER BY sequence LIMIT 1000",  # noqa: S608
        (after,),
    ):
        changed = next((row[0] for row in rows if not is_whole(row)), None)
        if changed is not None:
            return f"event {changed} is not what was written"
        after = rows[-1][0]
    return None


def _add_checksums(connection: sqlite3.Connection) -> None:
    """An earlier version's file has no checksums: its rows go without."""
    columns = {row[1] for row in connection.execute("PRAGMA table_info(event)")}
    if "checksum" not in columns:
        connection.execute("ALTER TABLE event ADD COLUMN checksum INTEGER")


def _take_over(connection: sqlite3.Connection, remains: Remains, damaged: Path, now_s: float) -> None:
    put_remains(connection, remains, damaged, now_s)


class _HighMark:
    """The highest number given so far, beside the file: if the file's end is lost, its numbers are not given again.

    Written after the commit and never synced: it survives the process, and SQLite's own fsync covers a power cut.
    """

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(f"{database.name}.mark")
        self._lock = threading.Lock()
        self._value: int | None = None

    @property
    def value(self) -> int:
        try:
            text = self._path.read_text(encoding="ascii", errors="replace").strip()
        except FileNotFoundError:
            return 0
        return int(text) if text.isascii() and text.isdigit() else 0

    def raise_to(self, sequence: int) -> None:
        with self._lock:
            if sequence > (self._value or 0):
                self._value = sequence
                descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
                try:
                    os.pwrite(descriptor, f"{sequence:020d}\n".encode(), 0)
                finally:
                    os.close(descriptor)


def _set_aside(path: Path, clock: Clock) -> Path:
    """Rename a damaged file (with its WAL), so that a person or a later version can recover from it."""
    stamp = datetime.fromtimestamp(clock.now(), UTC).strftime("%Y%m%dT%H%M%S%fZ")
    target = path.with_name(f"{path.name}.damaged-{stamp}")
    for suffix in (".mark", "-wal", "-shm", ""):  # the file itself last: a crash in between finds it here again
        file = path.with_name(path.name + suffix)
        if file.exists():
            file.rename(target.with_name(target.name + suffix))
    return target
