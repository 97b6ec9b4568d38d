"""What an edge publishes: events as the messages that carry them, one each or a backlog together; and other posts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from contract.envelope import JOINT_BYTES, MAX_EVENT_BYTES, join_backlog
from contract.topics import EdgeTopics
from edge.window import Outgoing

_BACKLOG_EVENTS = 100


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message that carries events."""

    topic: str
    payload: bytes
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Post:
    """A message that is not an event."""

    topic: str
    payload: str
    qos: int
    retain: bool
    expiry_s: int | None


def pack(batch: Iterable[Outgoing], outbox_id: UUID, topics: EdgeTopics, *, together: bool) -> Iterator[Parcel]:
    """Each event in a message of its own, but what is old and comes for the first time: that goes together, if it may.

    What has not come through together goes alone: one bad event must not hold up the others.
    """
    backlog: list[tuple[int, bytes]] = []
    for outgoing in batch:
        event = outgoing.event
        payload = event.payload(outbox_id, outgoing.replayed)
        if together and outgoing.replayed and not outgoing.again:
            backlog.append((event.sequence, payload))
        else:
            yield Parcel(topics.event(event.event_type, event.source), payload, (event.sequence,))
    for part in _parts(backlog):
        sequences = tuple(sequence for sequence, _ in part)
        yield Parcel(topics.backlog, join_backlog(payload for _, payload in part), sequences)


def _parts(backlog: list[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    """Split into messages that are not too large for the collector."""
    part: list[tuple[int, bytes]] = []
    size = 0
    for sequence, payload in backlog:
        if part and (len(part) >= _BACKLOG_EVENTS or size + len(payload) > MAX_EVENT_BYTES - 2 * JOINT_BYTES):
            yield part
            part, size = [], 0
        part.append((sequence, payload))
        size += len(payload) + JOINT_BYTES
    if part:
        yield part
