"""Which events a person must hear of, how urgently, and what belongs together. Pure rules: an event in, at most one
alert out.

An alert's key says what it is about: the same key never raises a second alert. Its group says what it would be a
repetition of: while an alert of a group is open and fresh, further events of the group join it. What may be done about
an alert is in `workflow`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from collector.messages import EventMessage
from collector.plate_text import mask_plate
from collector.titles import title
from collector.workflow import CLOSED, STEPS
from contract.alerts import AlertState, AlertType, Severity
from contract.events import Certainty, FallingObjectData, PlatePassageData, SensorData, WatchlistHitData

__all__ = ["CLOSED", "STEPS"]

NEWS_FOR = timedelta(minutes=15)
"""After this a published alert is history: brokers drop it, clients make no sound."""
CAMERA_TROUBLE = frozenset({"down", "blind", "frozen", "moved"})
URGENT_SENSORS = frozenset({"smoke", "fire", "gas", "help_button", "help", "sos"})
"""Kinds whose alarm is critical; any other sensor's alarm is a warning."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An alert to be raised unless its key already has one, or its group an open one."""

    key: str
    type: AlertType
    severity: Severity
    site: str
    edge: str
    source: str
    occurred_at: datetime
    event_id: UUID | None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """What its titles are made of; plates in it are masked."""
    certainty: Certainty | None = None
    late: bool = False
    group: str | None = None

    @property
    def title(self) -> str:
        """In English; `titles` has the other languages."""
        return title(self.type, self.parameters, "en")

    @property
    def first_state(self) -> AlertState:
        """Information needs nobody: it is listed, but never open."""
        return "resolved" if self.severity == "info" else "new"


def is_late(event: EventMessage, received_at: datetime) -> bool:
    """Whether an event is history when it arrives: sent again, or past its expiry."""
    expires = event.envelope.expires
    return event.envelope.replayed or (expires is not None and expires < received_at)


def draft(event: EventMessage, received_at: datetime) -> Draft | None:
    """The alert of an event, if a person should hear of it. Cameras have a memory: see `ingest`."""
    match event.data:
        case FallingObjectData() as fall:
            return _fall(event, received_at, fall)
        case WatchlistHitData() as hit:
            return _hit(event, received_at, hit)
        case PlatePassageData() as passage:
            key = f"passage:{_edge(event)}:{passage.passage_id}"
            return _of(event, received_at, key, "info", _passage_parameters(passage))
        case SensorData(alarm=True) as sensor:
            urgency: Severity = "critical" if sensor.kind in URGENT_SENSORS else "warning"
            parameters = {"sensor": sensor.sensor, "kind": sensor.kind, "text": sensor.text}
            made = _of(event, received_at, f"event:{event.envelope.id}", urgency, parameters)
            return replace(made, group=_group("sensor", _edge(event), sensor.sensor, sensor.kind))
    return None


def _fall(event: EventMessage, received_at: datetime, fall: FallingObjectData) -> Draft:
    """Repeated falls from one window (the cell of origin) are one case."""
    parameters = {
        "camera": fall.camera,
        "certainty": fall.certainty,
        "floor": None if fall.origin_floor is None else int(fall.origin_floor.value),
        "column": None if fall.origin_column is None else int(fall.origin_column.value),
    }
    severity: Severity = "critical" if fall.certainty == "confirmed" else "warning"
    made = _of(event, received_at, f"event:{event.envelope.id}", severity, parameters)
    group = _group("fall", _edge(event), fall.camera, fall.origin_cell) if fall.origin_cell else None
    return replace(made, certainty=fall.certainty, group=group)


def _hit(event: EventMessage, received_at: datetime, hit: WatchlistHitData) -> Draft:
    """The same entry of the list is the same plate, whichever checkpoint it passes."""
    key = f"hit:{_edge(event)}:{hit.passage_id}:{hit.entry_id}"
    parameters = {"plate": mask_plate(hit.plate.text), "camera": hit.camera, "rule": hit.rule}
    made = _of(event, received_at, key, "critical", parameters)
    long_ago = hit.late and received_at - hit.seen_at > NEWS_FOR
    group = _group("hit", event.envelope.site, hit.list_id, hit.entry_id)
    return replace(made, late=made.late or long_ago, group=group)


def _passage_parameters(passage: PlatePassageData) -> dict[str, Any]:
    plate = passage.plate
    return {
        "camera": passage.camera,
        "lane": passage.lane,
        "plate": mask_plate(plate.text) if plate is not None and plate.text else None,
        "hashed": passage.plate_digest is not None,
    }


def camera_draft(event: EventMessage, received_at: datetime, state: str) -> Draft:
    """The alert of a camera that no longer shows what it should."""
    key = f"camera:{event.outbox_id}:{event.envelope.sequence}"
    made = _of(event, received_at, key, "warning", {"camera": event.source, "state": state})
    return replace(made, group=_group("camera", _edge(event), event.source, state))


def gap_draft(
    outbox_id: str, site: str, edge: str, missing: list[tuple[int, int]], since_us: int, now: datetime
) -> Draft:
    """The alert of sequence numbers that stay away; those that stay away again, from another time on, are another."""
    count = sum(high - low + 1 for low, high in missing)
    parameters = {"edge": edge, "count": count, "first": missing[0][0]}
    key = f"gap:{outbox_id}:{since_us}:{missing[-1][1]}"
    return Draft(key, "gap", "warning", site, edge, edge, now, None, parameters)


def _group(*parts: str) -> str:
    """Asked for before it is stored: no database may stumble over a zero character in the question."""
    return ":".join(parts).replace("\0", " ")


def _edge(event: EventMessage) -> str:
    return f"{event.envelope.site}/{event.envelope.edge}"


def _of(
    event: EventMessage, received_at: datetime, key: str, severity: Severity, parameters: Mapping[str, Any]
) -> Draft:
    envelope = event.envelope
    return Draft(
        key=key,
        type=_ALERT_TYPE[envelope.event_type],
        severity=severity,
        site=envelope.site,
        edge=envelope.edge,
        source=event.source,
        occurred_at=envelope.time,
        event_id=envelope.id,
        parameters=parameters,
        late=is_late(event, received_at),
    )


_ALERT_TYPE: dict[str, AlertType] = {
    "falling_object": "falling_object",
    "watchlist_hit": "watchlist_hit",
    "plate_passage": "plate_passage",
    "sensor": "sensor",
    "camera": "camera",
}
