"""Which events a person must hear of, and how urgently. Pure rules: an event in, at most one alert out.

An alert's key says what it is about: the same key never raises a second alert. The state machine is at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from collector.messages import EventMessage
from collector.plates import mask_plate
from contract.alerts import AlertState, AlertType, Severity
from contract.events import Certainty, FallingObjectData, PlatePassageData, PlateRead, SensorData, WatchlistHitData

NEWS_FOR = timedelta(minutes=15)
"""After this a published alert is history: brokers drop it, clients make no sound."""
CAMERA_TROUBLE = frozenset({"down", "blind", "frozen", "moved"})
CLOSED: frozenset[AlertState] = frozenset({"resolved", "dismissed"})
STEPS: dict[AlertState, frozenset[AlertState]] = {
    "new": frozenset({"acknowledged", "resolved", "dismissed"}),
    "acknowledged": frozenset({"resolved", "dismissed"}),
    "assigned": frozenset({"resolved", "dismissed"}),
    "on_scene": frozenset({"resolved", "dismissed"}),
    "resolved": frozenset(),
    "dismissed": frozenset(),
}
"""Which state may follow which."""
URGENT_SENSORS = frozenset({"smoke", "fire", "gas", "help_button", "help", "sos"})
"""Kinds whose alarm is critical; any other sensor's alarm is a warning."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An alert to be raised unless its key already has one."""

    key: str
    type: AlertType
    severity: Severity
    title: str
    site: str
    edge: str
    source: str
    occurred_at: datetime
    event_id: UUID | None
    certainty: Certainty | None = None
    late: bool = False

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
            severity: Severity = "critical" if fall.certainty == "confirmed" else "warning"
            return _of(event, received_at, f"event:{event.envelope.id}", severity, _fall_title(fall), fall.certainty)
        case WatchlistHitData() as hit:
            key = f"hit:{event.envelope.site}/{event.envelope.edge}:{hit.passage_id}:{hit.entry_id}"
            title = f"Watched plate {mask_plate(hit.plate.text)} at {hit.camera} ({hit.rule} match)"
            made = _of(event, received_at, key, "critical", title)
            long_ago = hit.late and received_at - hit.seen_at > NEWS_FOR
            return replace(made, late=made.late or long_ago)
        case PlatePassageData() as passage:
            key = f"passage:{event.envelope.site}/{event.envelope.edge}:{passage.passage_id}"
            return _of(event, received_at, key, "info", _passage_title(passage))
        case SensorData(alarm=True) as sensor:
            urgency: Severity = "critical" if sensor.kind in URGENT_SENSORS else "warning"
            title = f"Alarm of {sensor.kind} {sensor.sensor}" + (f": {sensor.text}" if sensor.text else "")
            return _of(event, received_at, f"event:{event.envelope.id}", urgency, title)
    return None


def camera_draft(event: EventMessage, received_at: datetime, state: str, reason: str) -> Draft:
    """The alert of a camera that no longer shows what it should."""
    key = f"camera:{event.outbox_id}:{event.envelope.sequence}"
    title = f"Camera {event.source} is {state}" + (f": {reason}" if reason else "")
    return _of(event, received_at, key, "warning", title)


def gap_draft(outbox_id: str, site: str, edge: str, missing: list[tuple[int, int]], now: datetime) -> Draft:
    """The alert of sequence numbers that stay away."""
    count = sum(high - low + 1 for low, high in missing)
    title = f"{count} event(s) of {edge} are missing, the first is number {missing[0][0]}"
    key = f"gap:{outbox_id}:{missing[-1][1]}"
    return Draft(key, "gap", "warning", title, site, edge, edge, now, None)


def _of(
    event: EventMessage,
    received_at: datetime,
    key: str,
    severity: Severity,
    title: str,
    certainty: Certainty | None = None,
) -> Draft:
    envelope = event.envelope
    return Draft(
        key=key,
        type=_ALERT_TYPE[envelope.event_type],
        severity=severity,
        title=" ".join(title.replace("\0", " ").split())[:200],
        site=envelope.site,
        edge=envelope.edge,
        source=event.source,
        occurred_at=envelope.time,
        event_id=envelope.id,
        certainty=certainty,
        late=is_late(event, received_at),
    )


_ALERT_TYPE: dict[str, AlertType] = {
    "falling_object": "falling_object",
    "watchlist_hit": "watchlist_hit",
    "plate_passage": "plate_passage",
    "sensor": "sensor",
    "camera": "camera",
}


def _fall_title(fall: FallingObjectData) -> str:
    where = []
    if fall.origin_floor is not None:
        where.append(f"floor {int(fall.origin_floor.value)}")
    if fall.origin_column is not None:
        where.append(f"column {int(fall.origin_column.value)}")
    what = "Object fell" if fall.certainty == "confirmed" else "Something may have fallen"
    return f"{what} from {', '.join(where)} at {fall.camera}" if where else f"{what} at {fall.camera}"


def _passage_title(passage: PlatePassageData) -> str:
    at = f"{passage.camera} lane {passage.lane}" if passage.lane else passage.camera
    if passage.plate_digest is not None:
        return f"A vehicle whose plate is kept as a hash passed {at}"
    return f"{_plate_words(passage.plate)} passed {at}"


def _plate_words(plate: PlateRead | None) -> str:
    return f"Plate {mask_plate(plate.text)}" if plate is not None and plate.text else "A vehicle with no readable plate"
