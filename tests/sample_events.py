"""Messages as an edge would send them, made to measure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from collector.instants import to_us
from collector.messages import Incoming

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
SHA = "ab" * 32


@dataclass
class SampleEdge:
    """Counts its own sequence; every event happens one second after the one before."""

    site: str = "west"
    edge: str = "gate-1"
    outbox_id: UUID = field(default_factory=uuid4)
    sequence: int = 0

    def event(self, kind: str, source: str, data: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """A whole envelope; `changes` overwrite its keys."""
        self.sequence += 1
        envelope = {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": f"/{self.site}/{self.edge}/{source}",
            "type": f"watchpost.{kind}.v1",
            "time": (START + timedelta(seconds=self.sequence)).isoformat(),
            "datacontenttype": "application/json",
            "site": self.site,
            "edge": self.edge,
            "outboxid": str(self.outbox_id),
            "sequence": self.sequence,
            "data": data,
        }
        return {**envelope, **changes}

    def fall(
        self, certainty: str = "confirmed", evidence: tuple[dict[str, Any], ...] = (), **changes: Any
    ) -> dict[str, Any]:
        path = [{"t_s": n / 10, "x": 0.5 + n / 100, "y": 0.1 + n * n / 120} for n in range(10)]
        data = {
            "camera": "tower",
            "certainty": certainty,
            "confidence": 0.93,
            "hypothesis": "free_fall",
            "path": path,
            "duration_s": 0.9,
            "origin": path[0],
            "origin_floor": {"value": 7.4, "low": 7.1, "high": 7.8},
            "origin_column": {"value": 3.2, "low": 3.0, "high": 3.5},
            "acceleration_g": 0.98,
            "speed_mps": 11.2,
            "size_px": 6.0,
            "why": "fits free fall at 0.98 g over 10 frames",
            "evidence": list(evidence),
        }
        return self.event("falling_object", "tower", data, **changes)

    def passage(
        self, plate: str = "京A12345", passage_id: str = "p1", stage: str = "final", **changes: Any
    ) -> dict[str, Any]:
        characters = [{"character": letter, "probability": 0.99, "alternatives": [["8", 0.005]]} for letter in plate]
        seen = (START + timedelta(seconds=self.sequence)).isoformat()
        read = {
            "text": plate,
            "kind": "small_blue",
            "colour": "blue",
            "confidence": 0.97,
            "characters": characters,
            "alternatives": [["京A12346", 0.01]],
        }
        data = {
            "camera": "lane-1",
            "passage_id": passage_id,
            "stage": stage,
            "readable": True,
            "plate": read,
            "direction": "approaching",
            "lane": "1",
            "first_seen": seen,
            "last_seen": seen,
            "frames_read": 7,
            "evidence": [{"sha256": SHA, "role": "plate", "media_type": "image/jpeg", "size_bytes": 1234}],
        }
        return self.event("plate_passage", "lane-1", data, **changes)

    def hit(self, plate: str = "京A12345", **changes: Any) -> dict[str, Any]:
        read = {"text": plate, "kind": "small_blue", "colour": "blue", "confidence": 0.97}
        data = {
            "camera": "lane-1",
            "passage_id": "p1",
            "list_id": "stolen",
            "entry_id": "17",
            "rule": "exact",
            "plate": read,
            "seen_at": START.isoformat(),
        }
        return self.event("watchlist_hit", "lane-1", data, **changes)

    def camera(self, state: str, **changes: Any) -> dict[str, Any]:
        data = {"camera": "tower", "state": state, "since": START.isoformat(), "reason": "no frame for 5 s"}
        return self.event("camera", "tower", data, **changes)

    def sensor(self, kind: str = "smoke", alarm: bool = True, **changes: Any) -> dict[str, Any]:
        return self.event("sensor", "hall", {"sensor": "hall", "kind": kind, "alarm": alarm}, **changes)

    def dropped(self, ranges: list[tuple[int, int]]) -> dict[str, Any]:
        data = {"outbox_id": str(self.outbox_id), "ranges": ranges, "counts": {"plate_passage": 1}, "reason": "full"}
        return self.event("dropped", self.edge, data)

    def clip(self, event_id: str) -> dict[str, Any]:
        proof = {"sha256": "cd" * 32, "role": "clip", "media_type": "video/mp4", "size_bytes": 99}
        return self.event("evidence", "tower", {"event_id": event_id, "evidence": [proof]})

    def topic(self, envelope: dict[str, Any]) -> str:
        """Where this edge publishes it."""
        kind = envelope["type"].split(".")[1]
        return f"watchpost/v1/{self.site}/{self.edge}/event/{kind}/{envelope['source'].rsplit('/', 1)[1]}"

    def incoming(self, envelope: dict[str, Any]) -> Incoming:
        """As the collector gets it from the broker."""
        return Incoming(self.topic(envelope), payload(envelope))


def payload(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()


def later_us(seconds: float) -> int:
    """A time for the collector's clock: so long after the sample events begin."""
    return to_us(START + timedelta(seconds=seconds))
