"""Counts, from the ledgers and from what the collector holds, what became of each promise."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from simulator.faults.ledger import Book, Promise
from simulator.faults.store import Store, StoredEvent, read_events


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the collector holds, compared with what was promised. Each list names events by their promise."""

    promises: tuple[Promise, ...]
    lost: tuple[Promise, ...]
    given_up: tuple[Promise, ...]
    """Missing, and an edge has said so, number by number."""
    duplicated: tuple[Promise, ...]
    out_of_order: tuple[Promise, ...]
    bad_evidence: tuple[Promise, ...]
    late_evidence: tuple[Promise, ...]
    """Its file still waits in the edge's queue for uploads."""
    strangers: int
    """Events at the collector that no ledger has promised (an edge's own records are not counted)."""
    open_gaps: int
    """Numbers that the collector still misses."""


def judge(books: Sequence[Book], store: Store, evidence: Path, waiting: Set[str] = frozenset()) -> Verdict:
    """Compare everything; `waiting`: hashes of files that are still to be uploaded. Raises StoreAway."""
    stored = read_events(store)
    promises = tuple(promise for book in books for promise in book.promises)
    times = Counter(event.event_id for event in stored)
    numbers = Counter((event.outbox_id, event.sequence) for event in stored)
    twice = {event.event_id for event in stored if numbers[event.outbox_id, event.sequence] > 1}
    twice |= {event_id for event_id, count in times.items() if count > 1} | _alerted_twice(store)
    missing = [promise for promise in promises if str(promise.event_id) not in times]
    told = _dropped(store)
    given_up = {promise.event_id for promise in missing if _is_told(promise, books, told)}
    absent = tuple(_bad_evidence(promises, times, store, evidence))
    ours = {str(promise.event_id) for promise in promises}
    return Verdict(
        promises=promises,
        lost=tuple(promise for promise in missing if promise.event_id not in given_up),
        given_up=tuple(promise for promise in missing if promise.event_id in given_up),
        duplicated=tuple(promise for promise in promises if str(promise.event_id) in twice),
        out_of_order=tuple(_out_of_order(books, stored)),
        bad_evidence=tuple(promise for promise in absent if promise.evidence not in waiting),
        late_evidence=tuple(promise for promise in absent if promise.evidence in waiting),
        strangers=sum(event.event_id not in ours and event.source.startswith("source-") for event in stored),
        open_gaps=sum(high - low + 1 for low, high in _gaps(store)),
    )


def _out_of_order(books: Sequence[Book], stored: Sequence[StoredEvent]) -> Iterable[Promise]:
    """A producer's events, in the order it made them, must have growing (outbox, number); outboxes as they began."""
    place = {event.event_id: (event.outbox_id, event.sequence) for event in stored}
    generation: dict[str, int] = {}
    for event in stored:
        generation.setdefault(event.outbox_id, len(generation))
    for book in books:
        last: dict[int, tuple[int, int]] = {}
        for promise in book.promises:
            found = place.get(str(promise.event_id))
            if found is None:
                continue
            here = (generation[found[0]], found[1])
            if here <= last.get(promise.producer, (-1, 0)):
                yield promise
            last[promise.producer] = max(here, last.get(promise.producer, (-1, 0)))


def _alerted_twice(store: Store) -> set[str]:
    query = "SELECT event_id FROM alerts WHERE event_id IS NOT NULL GROUP BY event_id HAVING count(*) > 1"
    return {row[0] for row in store.rows(query)}


def _bad_evidence(promises: Iterable[Promise], times: Counter[str], store: Store, folder: Path) -> Iterable[Promise]:
    """Evidence of an event that arrived, and that is not there, or is not what its name says."""
    complete = {row[0] for row in store.rows("SELECT sha256 FROM evidence")}
    for promise in promises:
        if promise.evidence is None or str(promise.event_id) not in times:
            continue
        path = folder / promise.evidence[:2] / promise.evidence
        if promise.evidence not in complete or not path.is_file() or _hash(path) != promise.evidence:
            yield promise


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _dropped(store: Store) -> dict[str, list[tuple[int, int]]]:
    """Outbox id → numbers that its edge has said will not come."""
    told: dict[str, list[tuple[int, int]]] = {}
    for (payload,) in store.rows("SELECT payload FROM events WHERE type = 'dropped'"):
        data = json.loads(payload)["data"]
        told.setdefault(data["outbox_id"], []).extend((low, high) for low, high in data["ranges"])
    return told


def _is_told(promise: Promise, books: Sequence[Book], told: dict[str, list[tuple[int, int]]]) -> bool:
    kept = _kept(promise.event_id, books)
    if kept is None:
        return False
    outbox_id, sequence = kept
    return any(low <= sequence <= high for low, high in told.get(outbox_id, ()))


def _kept(event_id: UUID, books: Sequence[Book]) -> tuple[str, int] | None:
    found = next((book.kept[event_id] for book in books if event_id in book.kept), None)
    return None if found is None else (str(found.outbox_id), found.sequence)


def _gaps(store: Store) -> list[tuple[int, int]]:
    """What the collector's own ranges leave open."""
    ends: dict[str, int] = {}
    open_ones = []
    for outbox_id, low, high in store.rows("SELECT outbox_id, low, high FROM received_ranges ORDER BY outbox_id, low"):
        expected = ends.get(outbox_id, 0) + 1
        if low > expected:
            open_ones.append((expected, low - 1))
        ends[outbox_id] = high
    return open_ones
