"""Events before and in the outbox, and what each is worth when not all can stay."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID, uuid4

from contract.envelope import MAX_EVENT_BYTES, event_type_name
from contract.events import DroppedData, EventData, EventType, FallingObjectData, SensorData
from edge.evidence.files import StoredFile

Worth = Literal[1, 2, 3, 4, 5]
_REPLACEABLE: Worth = 4
"""Events of this worth or more are given up only when nothing else is left; `dropped` records (5) never."""
MAX_BODY_BYTES = MAX_EVENT_BYTES - 256
"""The outbox's id, the number and the topic come on top. A broker ends the connection of who sends more."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event before the outbox has numbered it."""

    id: UUID
    event_type: EventType
    site: str
    edge: str
    source: str
    occurred_at: datetime
    data: EventData
    expires: datetime | None = None
    files: tuple[StoredFile, ...] = ()

    def body(self) -> str:
        """Its CloudEvents JSON without the attributes that only the outbox knows. Raises ValueError when too deep."""
        attributes = {
            "specversion": "1.0",
            "id": str(self.id),
            "source": f"/{self.site}/{self.edge}/{self.source}",
            "type": event_type_name(self.event_type),
            "time": _iso(self.occurred_at),
            "datacontenttype": "application/json",
            "site": self.site,
            "edge": self.edge,
        }
        if self.expires is not None:
            attributes["expires"] = _iso(self.expires)
        try:
            return json.dumps(attributes | {"data": self.data.model_dump(mode="json")}, ensure_ascii=False)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it lies in the outbox."""

    sequence: int
    event_type: str
    """One of EventType, or what a newer version has put here before it was taken back."""
    source: str
    created_s: float
    state: int
    replay: bool
    body: str

    def payload(self, outbox_id: UUID, replayed: bool) -> bytes:
        """What is published."""
        flag = "true" if replayed else "false"
        return f'{{"outboxid": "{outbox_id}", "sequence": {self.sequence}, "replayed": {flag}, {self.body[1:]}'.encode()


def new_dropped(data: DroppedData, site: str, edge: str, now_s: float) -> NewEvent:
    """The event that tells what was given up; its source is the edge itself."""
    return NewEvent(uuid4(), EventType.DROPPED, site, edge, edge, datetime.fromtimestamp(now_s, UTC), data)


def worth_of(event: NewEvent) -> Worth:
    """How late an event is given up: suspected falls first, then passages, then what else there is, alarms last."""
    if event.event_type is EventType.DROPPED:
        return 5
    if isinstance(event.data, FallingObjectData):
        return 1 if event.data.certainty == "suspected" else _REPLACEABLE
    if event.event_type is EventType.PLATE_PASSAGE:
        return 2
    if event.event_type is EventType.WATCHLIST_HIT or (isinstance(event.data, SensorData) and event.data.alarm):
        return _REPLACEABLE
    return 3


def stored(row: tuple[int, str, str, float, int, int, str]) -> StoredEvent:
    sequence, event_type, source, created_s, state, replay, body = row
    return StoredEvent(sequence, event_type, source, created_s, state, bool(replay), body)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
