"""How far the collector is, while the run goes on: reads only what is new, in the ledgers and in the store."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from simulator.faults.store import Store, StoreAway, read_events


@dataclass
class _Ledger:
    offset: int = 0
    waiting: dict[str, float] = field(default_factory=dict)
    """Event id → when it was begun, of those that the collector was not yet seen to have."""
    newest_s: float = 0.0
    """When the newest of those was begun that the collector has."""
    evidence: dict[str, str] = field(default_factory=dict)
    """Event id → hash of its file."""
    kept: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Event id → outbox and number, of those that were put and wait."""


class Progress:
    """Compares ledgers and store step by step. Where the store goes back, everything is looked at anew."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ledgers: dict[Path, _Ledger] = {}
        self._seen: set[str] = set()
        self._last_row = self._last_told = 0
        self._given_up: dict[str, list[tuple[int, int]]] = {}
        """Outbox id → numbers that its edge has said are lost; not those that come under other numbers."""

    def lacking(self, ledger: Path, upto_s: float) -> int:
        """How many of the events begun before this moment the collector neither has nor was told to be lost.

        All, while its database is away.
        """
        book = self._read(ledger)
        try:
            self._look()
        except StoreAway:
            return max(1, len(book.waiting))
        for event_id in [found for found in book.waiting if found in self._seen]:
            book.newest_s = max(book.newest_s, book.waiting.pop(event_id))
            book.kept.pop(event_id, None)
        for event_id in [found for found in book.waiting if self._is_given_up(book, found)]:
            del book.waiting[event_id], book.kept[event_id]
        return sum(begun_s < upto_s for begun_s in book.waiting.values())

    def has_newer(self, ledger: Path, since_s: float) -> bool:
        """Whether the collector has an event begun after this moment. Call `lacking` before."""
        return self._ledgers[ledger].newest_s > since_s

    def forget(self) -> None:
        """The store was replaced: nothing is known to be there."""
        self._seen.clear()
        self._given_up.clear()
        self._last_row = self._last_told = 0
        self._ledgers.clear()

    def lacking_evidence(self, ledgers: Iterable[Path]) -> int:
        """How many files are not there; those of events that never came are not counted."""
        wanted = {
            sha256
            for ledger in ledgers
            for event_id, sha256 in self._read(ledger).evidence.items()
            if event_id in self._seen
        }
        try:
            return len(wanted - {row[0] for row in self._store.rows("SELECT sha256 FROM evidence")})
        except StoreAway:
            return max(1, len(wanted))

    def _look(self) -> None:
        for event in read_events(self._store, self._last_row):
            self._seen.add(event.event_id)
            self._last_row = max(self._last_row, event.row_id)
        query = (
            f"SELECT row_id, payload FROM events WHERE type = 'dropped' AND row_id > {self._last_told} ORDER BY row_id"  # noqa: S608
        )
        for row_id, payload in self._store.rows(query):
            self._last_told, data = row_id, json.loads(payload)["data"]
            if data["counts"]:
                self._given_up.setdefault(data["outbox_id"], []).extend((low, high) for low, high in data["ranges"])

    def _is_given_up(self, book: _Ledger, event_id: str) -> bool:
        outbox_id, sequence = book.kept.get(event_id, ("", 0))
        return any(low <= sequence <= high for low, high in self._given_up.get(outbox_id, ()))

    def _read(self, path: Path) -> _Ledger:
        book = self._ledgers.setdefault(path, _Ledger())
        if not path.exists():
            return book
        with path.open("rb") as file:
            file.seek(book.offset)
            content = file.read()
        whole = content.rfind(b"\n") + 1
        book.offset += whole
        for line in content[:whole].splitlines():
            kind, _, _, event_id, *rest = line.decode().split()
            if kind == "B":
                book.waiting[event_id] = float(rest[1])
                if len(rest[0]) == 64:
                    book.evidence[event_id] = rest[0]
            elif event_id in book.waiting:
                book.kept[event_id] = (rest[0], int(rest[1]))
        return book
