"""What changes in an outbox, each within a transaction of `edge.database`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from contract.events import DroppedData
from edge.evidence.queue import queue_upload
from edge.outbox.event import NewEvent, new_dropped, worth_of
from edge.salvage import checksum

PENDING, ACKED, REFUSED = 0, 1, 2
FORGOTTEN, GIVEN_UP = "acknowledged and forgotten", "given up"
_CHUNK = 500
_GIVEN_UP_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Replay:
    """Answer to `mark_replay`: how many are sent again, and which numbers are no longer here, with the reason."""

    marked: int
    missing: tuple[tuple[int, int, str], ...]


def insert(connection: sqlite3.Connection, event: NewEvent, now_s: float, body: str) -> int:
    known = connection.execute("SELECT sequence FROM event WHERE id = ?", (str(event.id),)).fetchone()
    if known is not None:
        return int(known[0])
    worth, identity, kind = worth_of(event), str(event.id), str(event.event_type)
    cursor = connection.execute(
        "INSERT INTO event (id, type, source, created_s, worth, body, checksum) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (identity, kind, event.source, now_s, worth, body, checksum(identity, kind, event.source, body)),
    )
    sequence = int(cursor.lastrowid or 0)
    for file in event.files:
        queue_upload(connection, file, sequence, worth, now_s)
    return sequence


def settle(
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


def replay(connection: sqlite3.Connection, ranges: tuple[tuple[int, int], ...]) -> Replay:
    """Make settled events of these ranges pending again."""
    marked = 0
    missing: list[tuple[int, int, str]] = []
    for low, high in ranges:
        marked += connection.execute(
            "UPDATE event SET state = 0, replay = 1, settled_s = NULL, reason = NULL"
            " WHERE state <> 0 AND sequence BETWEEN ? AND ?",
            (low, high),
        ).rowcount
        gone = connection.execute("SELECT low, high, why FROM gone WHERE high >= ? AND low <= ?", (low, high))
        missing += [(max(low, row[0]), min(high, row[1]), row[2]) for row in gone]
    return Replay(marked, tuple(missing))


def offer(connection: sqlite3.Connection, low: int, below: int) -> None:
    """Queue the files of events with low <= sequence < below once more: the collector says whether it has them."""
    connection.execute(
        "UPDATE upload SET state = 0, not_before_s = 0, attempts = 0"
        " WHERE state = 1 AND sequence >= ? AND sequence < ?",
        (low, below),
    )


@dataclass(frozen=True, slots=True)
class Quota:
    """How much an outbox may hold, and for how long what is settled."""

    outbox_id: UUID
    max_bytes: int
    keep_s: float

    def tidy(self, connection: sqlite3.Connection, now_s: float) -> int:
        """Forget what is too old; while there is too much, what is settled, then what is worth least.

        Returns how many pending events were given up.
        """
        forget(connection, "settled_s < ?", (now_s - self.keep_s,))
        while used_bytes(connection) > self.max_bytes and forget(connection, "settled_s <= ?", (now_s,)):
            pass
        given_up = 0
        while used_bytes(connection) > self.max_bytes:
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
        ranges = to_ranges(sequences)
        for low, high in ranges:
            add_gone(connection, low, high, GIVEN_UP)
        first = json.loads(rows[0][2])
        reason = f"the outbox reached its {self.max_bytes // 1_000_000} MB before the collector acknowledged"
        data = DroppedData(outbox_id=str(self.outbox_id), ranges=tuple(ranges), counts=counts, reason=reason)
        dropped = new_dropped(data, first["site"], first["edge"], now_s)
        insert(connection, dropped, now_s, dropped.body())
        return len(sequences)


def forget(connection: sqlite3.Connection, condition: str, parameters: tuple[float, ...]) -> int:
    """Delete up to `_CHUNK` settled events, oldest first."""
    rows = connection.execute(
        f"SELECT sequence FROM event WHERE state <> 0 AND {condition} ORDER BY settled_s, sequence LIMIT {_CHUNK}",  # noqa: S608 (our own words)
        parameters,
    ).fetchall()
    connection.executemany("DELETE FROM event WHERE sequence = ?", rows)
    for low, high in to_ranges([row[0] for row in rows]):
        add_gone(connection, low, high, FORGOTTEN)
    return len(rows)


def add_gone(connection: sqlite3.Connection, low: int, high: int, why: str) -> None:
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


def to_ranges(sequences: Iterable[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for sequence in sorted(sequences):
        if ranges and ranges[-1][1] == sequence - 1:
            ranges[-1] = (ranges[-1][0], sequence)
        else:
            ranges.append((sequence, sequence))
    return ranges


def used_bytes(connection: sqlite3.Connection) -> int:
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size
