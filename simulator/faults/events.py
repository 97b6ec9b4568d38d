"""The load: events as an edge would report them, some with evidence. Made from a promise, so made the same again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from contract.events import (
    EventData,
    EventType,
    FallingObjectData,
    PathPoint,
    PlatePassageData,
    PlateRead,
    SensorData,
)
from edge.evidence.files import StoredFile
from edge.outbox import NewEvent
from simulator.faults.ledger import Promise

SITE = "faults"


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes the event of a promise. The kind follows from its number: a fall with evidence, a passage, or a reading."""

    evidence_every: int = 10

    def has_evidence(self, number: int) -> bool:
        return self.evidence_every > 0 and number % self.evidence_every == 0

    def make(self, promise: Promise, file: StoredFile | None, wall_s: float) -> NewEvent:
        """The event as it is put; `file` is its evidence, already on disk."""
        source = f"source-{promise.producer}"
        occurred_at = datetime.fromtimestamp(wall_s, UTC)
        if self.has_evidence(promise.number):
            kind, data = EventType.FALLING_OBJECT, _fall(source, file)
        elif promise.number % 3 == 0:
            kind, data = EventType.PLATE_PASSAGE, _passage(source, promise.event_id, occurred_at)
        else:
            kind = EventType.SENSOR
            data = SensorData(sensor=source, kind="level", alarm=promise.number % 50 == 1, value=float(promise.number))
        files = () if file is None else (file,)
        return NewEvent(promise.event_id, kind, SITE, promise.edge, source, occurred_at, data, None, files)


def picture(rng: random.Random, size_bytes: int) -> bytes:
    """Bytes that begin like a JPEG; no two are the same."""
    return b"\xff\xd8\xff\xe0" + rng.randbytes(size_bytes - 4)


def clip(rng: random.Random, size_bytes: int) -> bytes:
    """Bytes that begin like an mp4."""
    return b"\0\0\0\x18ftypisom" + rng.randbytes(size_bytes - 12)


def _fall(source: str, file: StoredFile | None) -> EventData:
    path = tuple(PathPoint(t_s=n / 10, x=0.5, y=0.1 + n * n / 200) for n in range(10))
    return FallingObjectData(
        camera=source, certainty="confirmed", confidence=0.9, hypothesis="free_fall", path=path, duration_s=0.9,
        origin=path[0], size_px=6.0, why="made by the load generator",
        evidence=() if file is None else (file.reference(),),
    )  # fmt: skip


def _passage(source: str, event_id: UUID, at: datetime) -> EventData:
    text = f"京A{event_id.int % 100_000:05d}"
    return PlatePassageData(
        camera=source, passage_id=str(event_id), stage="final", readable=True, first_seen=at, last_seen=at,
        frames_read=5, plate=PlateRead(text=text, kind="small_blue", colour="blue", confidence=0.95),
    )  # fmt: skip
