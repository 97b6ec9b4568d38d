"""What the API answers, as models for its documentation, and how rows of the store become them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from collector.alerts import STEPS
from collector.instants import to_text
from collector.plates import PLATE_TYPES, mask_event, mask_plate, plates_in
from collector.reading import evidence_of
from contract.alerts import AlertState, AlertType, Severity
from contract.events import Certainty, EvidenceRole


class EvidenceItem(BaseModel):
    """A picture or clip; fetch it at /api/v1/evidence/{sha256} once it is stored."""

    sha256: str
    role: EvidenceRole
    media_type: str
    size_bytes: int
    note: str | None = None
    stored: bool = Field(description="Whether the file has arrived.")


class EventItem(BaseModel):
    """An event as the collector holds it."""

    row_id: int = Field(description="Order of arrival.")
    event: dict[str, Any] = Field(
        description="The envelope (CloudEvents). Plates are masked, but for a role and a reason to see them."
    )
    received_at: str
    late: bool = Field(description="It was history when it came: sent again, or past its expiry.")
    evidence: list[EvidenceItem] = Field(description="What came later (the clip) included.")


class EventPage(BaseModel):
    """A page of events."""

    items: list[EventItem]
    next_cursor: str | None = Field(description="For the next page; null on the last.")
    note: str | None = Field(default=None, description="What a search could not look at; null when it saw everything.")


class AlertItem(BaseModel):
    """Something that a person should know or do."""

    alert_id: str
    type: AlertType
    severity: Severity
    certainty: Certainty | None
    title: str
    site: str
    edge: str
    source: str
    event_id: str | None
    occurred_at: str
    raised_at: str
    late: bool
    state: AlertState
    state_since: str
    next_states: list[AlertState]
    plate: str | None = Field(description="Masked, but for a role and a reason to see it.")
    evidence: list[EvidenceItem]


class StepItem(BaseModel):
    """What was done about an alert."""

    at: str
    state: AlertState
    by: str | None = Field(description="Null: the collector itself.")
    reason: str | None


class AlertDetail(AlertItem):
    """An alert with its event and its history."""

    event: EventItem | None
    steps: list[StepItem]


class AlertPage(BaseModel):
    """A page of alerts."""

    items: list[AlertItem]
    next_cursor: str | None


async def event_items(
    connection: AsyncConnection, rows: Sequence[Row[Any]], sees_plates: bool
) -> tuple[list[EventItem], list[str]]:
    """The events of these rows, and the plates that they show in clear."""
    proofs = await evidence_of(connection, [row.event_id for row in rows])
    items, shown = [], []
    for row in rows:
        envelope = json.loads(row.payload)
        shown += plates_in(envelope) if sees_plates else []
        items.append(
            EventItem(
                row_id=row.row_id,
                event=envelope if sees_plates else mask_event(envelope),
                received_at=str(to_text(row.received_us)),
                late=row.late,
                evidence=[EvidenceItem(**proof) for proof in proofs[row.event_id]],
            )
        )
    return items, shown


async def alert_items(
    connection: AsyncConnection, rows: Sequence[Row[Any]], sees_plates: bool
) -> tuple[list[AlertItem], list[str]]:
    """The alerts of these rows (with their event's plate), and the plates that they show in clear."""
    proofs = await evidence_of(connection, [row.event_id for row in rows if row.event_id])
    items = [_alert_item(row, proofs.get(row.event_id or "", []), sees_plates) for row in rows]
    return items, [row.plate for row in rows if row.plate] if sees_plates else []


def _alert_item(row: Row[Any], proofs: list[dict[str, Any]], sees_plates: bool) -> AlertItem:
    plate = row.plate if sees_plates or not row.plate else mask_plate(row.plate)
    return AlertItem(
        alert_id=row.alert_id,
        type=row.type,
        severity=row.severity,
        certainty=row.certainty,
        title=row.title,
        site=row.site,
        edge=row.edge,
        source=row.source,
        event_id=row.event_id,
        occurred_at=str(to_text(row.occurred_us)),
        raised_at=str(to_text(row.raised_us)),
        late=row.late,
        state=row.state,
        state_since=str(to_text(row.state_us)),
        next_states=sorted(STEPS[row.state]) if row.severity != "info" else [],
        plate=plate,
        evidence=[EvidenceItem(**proof) for proof in proofs],
    )


def is_about_plates(event_type: str) -> bool:
    """Whether pictures of such an event show a plate."""
    return event_type in PLATE_TYPES
