"""A damaged outbox: what of it can still be read goes into the new one; what cannot is told, number by number.

Procedure, repeatable after a crash at any step: 1. `Outbox.open` renames the damaged file to `<name>.damaged-<time>`;
2. a new file with a new id takes its place; 3. one transaction puts the readable pending events into it, under their
old event ids and new numbers, queues their evidence, and writes down in `meta` what became of the old numbers; 4. the
agent tells that as `dropped` records about the old outbox and removes the note. The collector knows an event that comes
under a second number by its id.
"""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from zlib import crc32

from contract.events import DroppedData
from contract.topics import InvalidTopic, check_name
from edge.database import TROUBLE

log = logging.getLogger(__name__)

LOSSES = "losses:"
"""Prefix of the keys in `meta` that hold what is still to be told of a set-aside file."""
SALVAGED = "salvaged:"
_SPAN = 256
_PAGE = 4096
_UNREADABLE = "unreadable"
_FAR = 1 << 32
_PATIENCE = 200_000
"""Parts that cannot be read before the rest is given up: where the root of the table is gone, none can."""

Range = tuple[int, int]
"""First and last number, both included."""
Row = tuple[int, str, str, str, float, int, int, str, int | None]
"""sequence, id, type, source, created_s, worth, state, body, checksum"""
COLUMNS = "sequence, id, type, source, created_s, worth, state, body, checksum"


@dataclass
class Remains:
    """What a damaged file still holds."""

    outbox_id: str | None = None
    pending: list[Row] = field(default_factory=list)
    uploads: list[tuple[object, ...]] = field(default_factory=list)
    unreadable: list[Range] = field(default_factory=list)
    """Ascending; ranges, because a damaged number may say that there were billions."""

    @property
    def unreadable_count(self) -> int:
        """How many numbers cannot be read."""
        return sum(high - low + 1 for low, high in self.unreadable)


def checksum(identity: str, event_type: str, source: str, body: str) -> int:
    """Of a row, to find what SQLite's own check of a page cannot: a changed text."""
    return crc32(f"{identity}\n{event_type}\n{source}\n{body}".encode())


def is_whole(row: Row) -> bool:
    """Whether the row says what was written; one of an earlier version carries no checksum."""
    identity, event_type, source, body, found = row[1], row[2], row[3], row[7], row[8]
    return found is None or found == checksum(identity, event_type, source, body)


def is_addressed(event_type: str, source: str) -> bool:
    """Whether there is a topic for it: a row without a checksum may be noise."""
    try:
        check_name(event_type, "type")
        check_name(source, "source")
    except InvalidTopic:
        return False
    return True


def read_remains(damaged: Path, given: int, schema: str) -> Remains:
    """Read what can be read.

    `given`: the highest number that is known to have been given, 0 when unknown. `schema`: with what a file is made.
    """
    try:
        with _readable(damaged, schema) as path:
            return _read(path, given)
    except (*TROUBLE, OSError) as error:
        log.error("%s: nothing of it can be read (%s)", damaged, error)
        return Remains()


@contextmanager
def _readable(damaged: Path, schema: str) -> Iterator[Path]:
    """The file; where its first page is spoiled, which tells where its tables are, a copy with the page of a new one.

    Tables are made in one order, so they begin where a new file's begin.
    """
    if _knows_its_tables(damaged):
        yield damaged
        return
    copy, new = (damaged.with_name(f"{damaged.name}.{word}") for word in ("copy", "new"))
    try:
        with closing(sqlite3.connect(new)) as connection:
            connection.executescript(f"PRAGMA journal_mode = MEMORY; {schema}")
        page = bytearray(new.read_bytes()[:_PAGE])
        shutil.copyfile(damaged, copy)
        if (log_file := damaged.with_name(f"{damaged.name}-wal")).exists():
            shutil.copyfile(log_file, copy.with_name(f"{copy.name}-wal"))
            page[18:20] = b"\2\2"  # with a log
        page[28:40] = (damaged.stat().st_size // _PAGE).to_bytes(4) + bytes(8)  # its pages; none of them is free
        with copy.open("r+b") as file:
            file.write(page)
        yield copy
    finally:
        for path in (copy, new):
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)


def _knows_its_tables(path: Path) -> bool:
    try:
        with closing(_open(path)) as connection:
            names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    except TROUBLE:
        return False
    return names >= {"event", "gone", "meta"}


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _read(path: Path, given: int) -> Remains:
    remains = Remains()
    try:
        with closing(_open(path)) as connection:
            connection.text_factory = lambda raw: raw.decode(errors="replace")
            remains.outbox_id = _one(connection, "SELECT value FROM meta WHERE key = 'outbox_id'")
            last = max(given, _last(connection))
            gone = _gone(connection, last)
            read: list[Range] = []
            for row in _rows(connection, _outside(gone, last)):
                if not is_whole(row):
                    continue
                read.append((row[0], row[0]))
                if row[6] == 0:
                    remains.pending.append(row)
            remains.unreadable = _outside(_joined([*gone, *read]), last)
            remains.uploads = _all(
                connection,
                "SELECT sha256, path, role, media_type, size_bytes, sequence, worth, stored_s FROM upload"
                " WHERE state = 0",
            )
    except TROUBLE as error:
        log.error("%s: nothing more of it can be read (%s)", path, error)
    return remains


def losses(remains: Remains, damaged: Path) -> list[DroppedData]:
    """What the collector must be told about the old outbox's numbers."""
    if remains.outbox_id is None:
        reason = f"an outbox was damaged and nothing of it could be read; it lies on the edge as {damaged.name}"
        return [DroppedData(outbox_id="", ranges=(), counts={}, reason=reason)]
    moved = f"the outbox was damaged (set aside as {damaged.name}); these {len(remains.pending)} come under new numbers"
    lost = f"the outbox was damaged (set aside as {damaged.name}); these numbers could not be read any more"
    told = []
    for numbers, counts, reason in (
        (_joined((row[0], row[0]) for row in remains.pending), {}, moved),
        (remains.unreadable, {_UNREADABLE: remains.unreadable_count}, lost),
    ):
        if numbers:
            told.append(DroppedData(outbox_id=remains.outbox_id, ranges=tuple(numbers), counts=counts, reason=reason))
    return told


def put_remains(connection: sqlite3.Connection, remains: Remains, damaged: Path, now_s: float) -> None:
    """Step 3, within one transaction of the new file."""
    known = connection.execute("SELECT 1 FROM meta WHERE key = ?", (SALVAGED + damaged.name,)).fetchone()
    if known is not None:
        return
    for row in remains.pending:
        _, identity, event_type, source, created_s, worth, _, body, _ = row
        connection.execute(
            "INSERT OR IGNORE INTO event (id, type, source, created_s, worth, body, checksum)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (identity, event_type, source, created_s, worth, body, checksum(identity, event_type, source, body)),
        )
    connection.executemany(
        "INSERT OR IGNORE INTO upload (sha256, path, role, media_type, size_bytes, sequence, worth, stored_s)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [row for row in remains.uploads if Path(str(row[1])).is_file()],
    )
    told = json.dumps([data.model_dump(mode="json") for data in losses(remains, damaged)])
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (LOSSES + damaged.name, told))
    connection.execute("INSERT INTO meta VALUES (?, ?)", (SALVAGED + damaged.name, str(now_s)))


def _rows(connection: sqlite3.Connection, wanted: list[Range]) -> Iterator[Row]:
    """All rows of these numbers that can be read; a part that cannot is read in halves, down to single numbers."""
    parts, failures = list(reversed(wanted)), 0
    query = f"SELECT {COLUMNS} FROM event WHERE sequence BETWEEN ? AND ? LIMIT {_SPAN}"  # noqa: S608 (our own words)
    while parts and failures < _PATIENCE:
        low, high = parts.pop()
        try:
            rows = connection.execute(query, (low, high)).fetchall()
            found = [row for row in rows if _is_sound(row, low, high)]
            readable = all(one[0] < other[0] for one, other in pairwise(found)) and (bool(found) or len(rows) < _SPAN)
        except TROUBLE:
            found, readable = [], False
        if not readable and low < high:
            failures += 1
            middle = (low + high) // 2
            parts += [(middle + 1, high), (low, middle)]
            continue
        yield from found[:1] if low == high else found
        if found and found[-1][0] < high:
            parts.append((found[-1][0] + 1, high))


def _is_sound(row: tuple[Any, ...], low: int, high: int) -> bool:
    """A page of zeros or of noise may still look like rows, of any kind."""
    sequence, identity, event_type, source, created_s, worth, state, body, _ = row
    words = all(isinstance(word, str) for word in (identity, event_type, source, body))
    numbers = all(isinstance(number, int | float) for number in (created_s, worth, state))
    placed = isinstance(sequence, int) and low <= sequence <= high
    return words and numbers and placed and is_addressed(event_type, source)


def _last(connection: sqlite3.Connection) -> int:
    """The highest number that the file itself still tells of."""
    found = [
        _one(connection, "SELECT seq FROM sqlite_sequence WHERE name = 'event'"),
        _one(connection, "SELECT max(sequence) FROM event"),
        _one(connection, "SELECT max(high) FROM gone"),
    ]
    numbers = [int(text) for text in found if text is not None and text.isdigit() and int(text) < _FAR]
    return max(numbers, default=0)


def _gone(connection: sqlite3.Connection, last: int) -> list[Range]:
    """Numbers that had left the file in order."""
    found = _all(connection, "SELECT low, high FROM gone")
    sound = [(low, high) for low, high in found if isinstance(low, int) and isinstance(high, int)]
    return _joined((low, high) for low, high in sound if 1 <= low <= high <= last)


def _one(connection: sqlite3.Connection, query: str) -> str | None:
    rows = _all(connection, query)
    return None if not rows or rows[0][0] is None else str(rows[0][0])


def _all(connection: sqlite3.Connection, query: str, parameters: tuple[int, ...] = ()) -> list[tuple[Any, ...]]:
    try:
        return connection.execute(query, parameters).fetchall()
    except TROUBLE:
        return []


def _joined(ranges: Iterable[Range]) -> list[Range]:
    """The shortest ascending list that covers the same numbers."""
    joined: list[Range] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined


def _outside(joined: list[Range], last: int) -> list[Range]:
    """The numbers from 1 to `last` that are in none of these ranges."""
    after = [low for low, _ in joined] + [last + 1]
    before = [0] + [high for _, high in joined]
    return [(high + 1, low - 1) for high, low in zip(before, after, strict=True) if high + 1 < low]
