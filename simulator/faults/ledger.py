"""What was promised: each event's id is here, fsynced, before the outbox hears of it.

One file per edge. A line `B producer number id evidence` is written and fsynced before an event is put; a line
`D producer number outbox sequence time` after `put` has returned. After a crash everything that has a B and no D is put
again under the same id, so every B must be at the collector exactly once.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Promise:
    """An event that was about to be put. `begun_s` is the machine's monotonic clock, the same for all processes."""

    edge: str
    producer: int
    number: int
    event_id: UUID
    evidence: str | None
    begun_s: float


@dataclass(frozen=True, slots=True)
class Kept:
    """`put` had returned: under which number of which outbox."""

    outbox_id: UUID
    sequence: int


@dataclass(frozen=True, slots=True)
class Book:
    """A whole ledger. `kept` by event id."""

    promises: tuple[Promise, ...]
    kept: dict[UUID, Kept]


class Ledger:
    """The file while an edge writes it. Safe to call from several threads; threads share an fsync."""

    def __init__(self, path: Path) -> None:
        _drop_torn_line(path)
        self._file = path.open("ab")
        self._lock = threading.Lock()
        self._syncing = threading.Lock()
        self._written = 0
        self._synced = 0

    def begin(self, promise: Promise) -> None:
        """On disk when it returns."""
        evidence = promise.evidence or NOTHING
        line = f"B {promise.producer} {promise.number} {promise.event_id} {evidence} {promise.begun_s:.3f}\n"
        mine = self._write(line)
        with self._syncing:
            if self._synced < mine:
                upto = self._written
                os.fsync(self._file.fileno())
                self._synced = upto

    def done(self, promise: Promise, kept: Kept) -> None:
        """Written, not fsynced: without it the event is put again, which changes nothing."""
        self._write(f"D {promise.producer} {promise.number} {promise.event_id} {kept.outbox_id} {kept.sequence}\n")

    def _write(self, line: str) -> int:
        with self._lock:
            self._file.write(line.encode())
            self._file.flush()
            self._written += 1
            return self._written


def read_ledger(path: Path, edge: str) -> Book:
    """All of a ledger; a line that a crash has cut off was never promised."""
    promises: dict[UUID, Promise] = {}
    kept: dict[UUID, Kept] = {}
    for line in path.read_bytes().split(b"\n")[:-1] if path.exists() else []:
        kind, producer, number, event_id, *rest = line.decode().split()
        identity = UUID(event_id)
        if kind == "B":
            evidence = None if rest[0] == NOTHING else rest[0]
            promises[identity] = Promise(edge, int(producer), int(number), identity, evidence, float(rest[1]))
        else:
            kept[identity] = Kept(UUID(rest[0]), int(rest[1]))
    return Book(tuple(promises.values()), kept)


def _drop_torn_line(path: Path) -> None:
    if path.exists():
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(path, whole)
