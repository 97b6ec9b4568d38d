"""An outbox that is full before its edge starts: a backlog of any size without waiting for as many fsyncs."""

from __future__ import annotations

import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from uuid import UUID

from edge.outbox.event import worth_of
from edge.outbox.file import HighMark
from edge.salvage import checksum
from simulator.faults.events import Maker
from simulator.faults.ledger import Promise

_KINDS = 150
"""The kinds of events repeat after so many numbers."""
_CHUNK = 20_000
_INSERT = (
    "INSERT INTO event (id, type, source, created_s, worth, body, checksum, state) VALUES (?, ?, ?, ?, ?, ?, ?, 0)"
)


def prefill(outbox: Path, edge: str, events: int, age_s: float, rng: random.Random) -> int:
    """Put so many events, `age_s` old, into the outbox of an edge that does not run; returns its highest number."""
    created_s = time.time() - age_s
    made = [_template(edge, number, created_s) for number in range(_KINDS)]
    with closing(sqlite3.connect(outbox, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for start in range(0, events, _CHUNK):
            connection.execute("BEGIN")
            rows = []
            for number in range(start, min(start + _CHUNK, events)):
                kind, source, worth, mark, text = made[number % _KINDS]
                identity = str(UUID(int=rng.getrandbits(128), version=4))
                body = text.replace(mark, identity)
                rows.append((identity, kind, source, created_s, worth, body, checksum(identity, kind, source, body)))
            connection.executemany(_INSERT, rows)
            connection.execute("COMMIT")
        highest = int(connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetchone()[0])
    HighMark(outbox).raise_to(highest)
    return highest


def _template(edge: str, number: int, created_s: float) -> tuple[str, str, int, str, str]:
    """Type, source, worth, the id that stands in the text, and the text of an event."""
    identity = UUID(int=number + 1, version=4)
    event = Maker().make(Promise(edge, 9, number, identity, None, 0.0), None, created_s)
    return str(event.event_type), event.source, worth_of(event), str(identity), event.body()
