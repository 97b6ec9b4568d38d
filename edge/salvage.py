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
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

from contract.events import DroppedData

log = logging.getLogger(__name__)

LOSSES = "losses:"
"""Prefix of the keys in `meta` that hold what is still to be told of a set-aside file."""
SALVAGED = "salvaged:"
_SPAN = 256
_UNREADABLE = "unreadable"
_FAR = 1 << 32

Row = tuple[int, str, str, str, float, int, int, str, int | None]
"""sequence, id, type, source, created_s, worth, state, body, checksum"""
COLUMNS = "sequence, id, type, source, created_s, worth, state, body, checksum"


@dataclass
class Remains:
    """What a damaged file still holds."""

    outbox_id: str | None = None
    pending: list[Row] = field(default_factory=list)
    uploads: list[tuple[object, ...]] = field(default_factory=list)
    unreadable: list[int] = field(default_factory=list)


def checksum(identity: str, event_type: str, source: str, body: str) -> int:
    """Of a row, to find what SQLite's own check of a page cannot: a changed text."""
    return crc32(f"{identity}\n{event_type}\n{source}\n{body}".encode())


def is_whole(row: Row) -> bool:
    """Whether the row says what was written; one of an earlier version carries no checksum."""
    identity, event_type, source, body, found = row[1], row[2], row[3], row[7], row[8]
    return found is None or found == checksum(identity, event_type, source, body)


def read_remains(damaged: Path, given: int) -> Remains:
    """Read what can be read. `given`: the highest number that is known to have been given, 0 when unknown."""
    remains = Remains()
    try:
        with closing(sqlite3.connect(f"file:{damaged}?mode=ro", uri=True)) as connection:
            connection.text_factory = lambda raw: raw.decode(errors="replace")
            remains.outbox_id = _one(connection, "SELECT value FROM meta WHERE key = 'outbox_id'")
            last = max(given, _last(connection))
            gone = _gone(connection, last)
            for row in _rows(connection, last, remains, gone):
                if not is_whole(row):
                    remains.unreadable.append(row[0])
                elif row[6] == 0:
                    remains.pending.append(row)
            remains.uploads = _all(
                connection,
                "SELECT sha256, path, role, media_type, size_bytes, sequence, worth, stored_s FROM upload"
                " WHERE state = 0",
            )
    except sqlite3.Error as error:
        log.error("%s: nothing of it can be read (%s)", damaged, error)
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
        ([row[0] for row in remains.pending], {}, moved),
        (remains.unreadable, {_UNREADABLE: len(remains.unreadable)}, lost),
    ):
        if numbers:
            ranges = tuple(_ranges(numbers))
            told.append(DroppedData(outbox_id=remains.outbox_id, ranges=ranges, counts=counts, reason=reason))
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


def _rows(connection: sqlite3.Connection, last: int, remains: Remains, gone: set[int]) -> Iterator[Row]:
    """All rows that can be read; a span that cannot is read number by number."""
    for low in range(1, last + 1, _SPAN):
        high = min(low + _SPAN - 1, last)
        query = f"SELECT {COLUMNS} FROM event WHERE sequence BETWEEN ? AND ?"  # noqa: S608 (our own words)
        try:
            found = connection.execute(query, (low, high)).fetchall()
        except sqlite3.Error:
            found = []
            for number in range(low, high + 1):
                found += _all(connection, query, (number, number))
        found = [row for row in found if _is_sound(row, low, high)]
        found = list({row[0]: row for row in found}.values())
        seen = {row[0] for row in found}
        remains.unreadable += [number for number in range(low, high + 1) if number not in seen and number not in gone]
        yield from found


def _is_sound(row: tuple[Any, ...], low: int, high: int) -> bool:
    """A page of zeros or of noise may still look like rows, of any kind."""
    sequence, identity, event_type, source, created_s, worth, state, body, _ = row
    words = all(isinstance(word, str) for word in (identity, event_type, source, body))
    numbers = all(isinstance(number, int | float) for number in (created_s, worth, state))
    return words and numbers and isinstance(sequence, int) and low <= sequence <= high


def _last(connection: sqlite3.Connection) -> int:
    """The highest number that the file itself still tells of."""
    found = [
        _one(connection, "SELECT seq FROM sqlite_sequence WHERE name = 'event'"),
        _one(connection, "SELECT max(sequence) FROM event"),
        _one(connection, "SELECT max(high) FROM gone"),
    ]
    numbers = [int(text) for text in found if text is not None and text.isdigit() and int(text) < _FAR]
    return max(numbers, default=0)


def _gone(connection: sqlite3.Connection, last: int) -> set[int]:
    """Numbers that had left the file in order."""
    found: set[int] = set()
    for low, high in _all(connection, "SELECT low, high FROM gone"):
        if isinstance(low, int) and isinstance(high, int) and 1 <= low <= high <= last:
            found.update(range(low, high + 1))
    return found


def _one(connection: sqlite3.Connection, query: str) -> str | None:
    rows = _all(connection, query)
    return None if not rows or rows[0][0] is None else str(rows[0][0])


def _all(connection: sqlite3.Connection, query: str, parameters: tuple[int, ...] = ()) -> list[tuple[Any, ...]]:
    try:
        return connection.execute(query, parameters).fetchall()
    except sqlite3.Error:
        return []


def _ranges(numbers: list[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges
