"""Reading an outbox's file: its events in order, and whether its invariants hold."""

from __future__ import annotations

import heapq
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from edge.database import TROUBLE, Database
from edge.errors import OutboxCorrupt, OutboxError
from edge.outbox.event import StoredEvent, stored
from edge.outbox.file import SCHEMA, all_rows, damaged_id, lost_end, noted_damage
from edge.salvage import COLUMNS, is_whole

_STORED = "sequence, type, source, created_s, state, replay, body"


def list_events(database: Database, after: int = 0, limit: int = 100) -> list[StoredEvent]:
    """Events of any state with sequence > after, in order."""
    rows = database.read(
        f"SELECT {_STORED} FROM event WHERE sequence > ? ORDER BY sequence LIMIT ?",  # noqa: S608 (our own words)
        (after, limit),
    )
    return [stored(row) for row in rows]


def check(path: Path) -> list[str]:
    """Verify the invariants of an outbox file (no agent may be using it). Returns what is wrong. Raises OutboxError."""
    with _opened(path) as database:
        problems = [str(row[0]) for row in database.read("PRAGMA integrity_check") if row[0] != "ok"]
        problems += [
            found for found in (noted_damage(path), lost_end(database), damaged_id(database)) if found is not None
        ]
        return problems + _check_numbers(database) + _check_bodies(database) + _check_files(database)


def events_of(path: Path) -> Iterator[StoredEvent]:
    """All events of an outbox file, in order (no agent may be using it). Raises OutboxError."""
    with _opened(path) as database:
        for row in all_rows(database, _STORED, "event WHERE true"):
            yield stored(row)


@contextmanager
def _opened(path: Path) -> Iterator[Database]:
    """An outbox that is there. Raises OutboxError."""
    if path.is_dir():
        raise OutboxError(f"{path}: this is a folder; give the outbox's file, such as {path / 'outbox.db'}")
    if not path.is_file():
        raise OutboxCorrupt(f"{path}: there is no such file")
    if not _is_outbox(path):
        raise OutboxError(f"{path}: this is no outbox; an agent's is outbox.db in its data_dir")
    database = Database(path, SCHEMA)
    try:
        yield database
    finally:
        database.close()


def _is_outbox(path: Path) -> bool:
    """Or its tables would be made in somebody else's file. What cannot be read is told by the check itself."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
            return names >= {"event", "gone"}
    except TROUBLE:
        return True


def _check_numbers(database: Database) -> list[str]:
    """Every number from 1 to the last is exactly one row of `event` or in one range of `gone`."""
    last_rows = database.read("SELECT seq FROM sqlite_sequence WHERE name = 'event'")
    last = int(last_rows[0][0]) if last_rows else 0
    gone = all_rows(database, "low, high", "gone WHERE true")
    problems, expected = [], 1
    for low, high in heapq.merge(gone, _here(database)):
        if low > expected:
            problems.append(f"numbers {expected} to {low - 1} are neither here nor written down as gone")
        if low < expected:
            problems.append(f"numbers {low} to {min(high, expected - 1)} are here (or gone) twice")
        expected = max(expected, high + 1)
    if expected != last + 1:
        problems.append(f"the last number given is {last}, but events account for 1 to {expected - 1}")
    return problems


def _here(database: Database) -> Iterator[tuple[int, int]]:
    """Ranges of the numbers whose event is here, ascending."""
    low, high = 0, -1
    for (sequence,) in all_rows(database, "sequence", "event WHERE true"):
        if low > high or sequence != high + 1:
            if low <= high:
                yield low, high
            low = sequence
        high = sequence
    if low <= high:
        yield low, high


def _check_bodies(database: Database) -> list[str]:
    problems = []
    for row in all_rows(database, _columns(database), "event WHERE true"):
        sequence, identity, body = row[0], row[1], row[7]
        if not is_whole(row):
            problems.append(f"event {sequence}: it is not what was written, says its checksum")
        try:
            found = dict(json.loads(body)).get("id")
        except (ValueError, TypeError, RecursionError) as error:
            problems.append(f"event {sequence}: no JSON of an event ({error})")
            continue
        if found != identity:
            problems.append(f"event {sequence}: its body has the id {found}, its row {identity}")
    return problems


def _columns(database: Database) -> str:
    """Those of a row; an earlier version's file has no checksums."""
    there = {row[1] for row in database.read("PRAGMA table_info(event)")}
    return COLUMNS if "checksum" in there else COLUMNS.replace("checksum", "NULL")


def _check_files(database: Database) -> list[str]:
    rows = all_rows(database, "sha256, path", "upload WHERE state = 0")
    return [f"evidence {sha256}: {path} is not there" for sha256, path in rows if not Path(path).is_file()]
