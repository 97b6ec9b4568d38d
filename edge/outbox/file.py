"""Opening an outbox's file: its tables, its id, and what is found when it is not all that it should be."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zlib import crc32

from edge.database import Database, damage_note
from edge.errors import OutboxCorrupt, OutboxError
from edge.evidence.queue import SCHEMA as UPLOAD_SCHEMA
from edge.ports import Clock
from edge.salvage import COLUMNS, is_whole

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
log = logging.getLogger(__name__)

_DIGITS = 20
_PAGE = 200
"""Rows in memory at once; an event may have half a megabyte."""


def read_id(database: Database) -> UUID:
    new_id = str(uuid4())

    def read_or_make(connection: sqlite3.Connection) -> str:
        connection.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('outbox_id', ?)", (new_id,))
        return str(connection.execute("SELECT value FROM meta WHERE key = 'outbox_id'").fetchone()[0])

    return UUID(database.write(read_or_make))


def open_whole(path: Path) -> Database:
    """The file, if it is all that it should be. Raises OutboxCorrupt."""
    database = Database(path, SCHEMA)
    try:
        if (found := noted_damage(path)) is not None:
            raise OutboxCorrupt(found)
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
    if (found := lost_end(database) or damaged_id(database)) is not None:
        return found
    for row in all_rows(database, COLUMNS, "event WHERE state = 0"):
        if not is_whole(row):
            return f"event {row[0]} is not what was written"
    for table in ("upload", "meta"):  # whoever needs a row later must be able to read it, or each start would end there
        for _ in all_rows(database, "*", f"{table} WHERE true"):
            pass
    return None


def all_rows(database: Database, columns: str, table: str) -> Iterator[tuple[Any, ...]]:
    """Rows of `table` with its WHERE, in the order of their numbers, a page at a time. Raises OutboxError."""
    after = -(1 << 63)
    while rows := database.read(
        f"SELECT rowid, {columns} FROM {table} AND rowid > ? ORDER BY rowid LIMIT {_PAGE}",  # noqa: S608
        (after,),
    ):
        for row in rows:
            yield row[1:]
        after = rows[-1][0]


def noted_damage(path: Path) -> str | None:
    """What was found damaged while the file was in use."""
    try:
        return damage_note(path).read_text(encoding="utf-8", errors="replace")
    except OSError:  # as a rule: there is none
        return None


def lost_end(database: Database) -> str | None:
    """Whether numbers were given that the file does not know."""
    rows = database.read("SELECT seq FROM sqlite_sequence WHERE name = 'event'")
    last, given = int(rows[0][0]) if rows else 0, HighMark(database.path).value
    return f"numbers up to {given} were given, it knows only {last}: its end is lost" if last < given else None


def damaged_id(database: Database) -> str | None:
    """Whether the file's id is none; a new file has none yet."""
    for (value,) in database.read("SELECT value FROM meta WHERE key = 'outbox_id'"):
        try:
            UUID(str(value))
        except ValueError:
            return "its id is damaged"
    return None


def _add_checksums(connection: sqlite3.Connection) -> None:
    """An earlier version's file has no checksums: its rows go without."""
    columns = {row[1] for row in connection.execute("PRAGMA table_info(event)")}
    if "checksum" not in columns:
        connection.execute("ALTER TABLE event ADD COLUMN checksum INTEGER")


class HighMark:
    """The highest number given so far, beside the file: if the file's end is lost, its numbers are not given again.

    Written after the commit and never synced: it survives the process, and SQLite's own fsync covers a power cut.
    A checksum follows the number: a damaged mark says nothing, where it would have had a whole outbox set aside.
    """

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(f"{database.name}.mark")
        self._lock = threading.Lock()
        self._value: int | None = None

    @property
    def value(self) -> int:
        try:
            text = self._path.read_text(encoding="ascii", errors="replace").strip()
        except OSError:  # not there, or not to be read
            return 0
        number, _, found = text.partition(" ")
        if not (number.isdigit() and len(number) <= _DIGITS) or found not in {"", _mark_sum(number)}:
            return 0
        return int(number)

    def raise_to(self, sequence: int) -> None:
        with self._lock:
            if sequence > (self._value or 0):
                self._value = sequence
                try:
                    self._write(sequence)
                except OSError as error:  # the event is stored, whatever becomes of its mark
                    log.warning("%s: not written (%s)", self._path, error)

    def _write(self, sequence: int) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            number = f"{sequence:0{_DIGITS}d}"
            os.pwrite(descriptor, f"{number} {_mark_sum(number)}\n".encode(), 0)
        finally:
            os.close(descriptor)


def _mark_sum(number: str) -> str:
    return f"{crc32(number.encode()):08x}"


def put_aside(path: Path, clock: Clock) -> Path:
    """Rename a damaged file (with its WAL), so that a person or a later version can recover from it."""
    stamp = datetime.fromtimestamp(clock.now(), UTC).strftime("%Y%m%dT%H%M%S%fZ")
    target = path.with_name(f"{path.name}.damaged-{stamp}")
    for suffix in (".mark", "-wal", "-shm", ".damage", ""):  # the file last: a crash in between finds it here again
        file = path.with_name(path.name + suffix)
        if file.exists():
            file.rename(target.with_name(target.name + suffix))
    return target
