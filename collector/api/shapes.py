"""What the API answers, as models for its documentation, and how rows of the store become them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import watch_entries, windows
from collector.instants import to_text
from collector.plate_text import mask_plate, mask_text, plates_in_text
from collector.plates import PLATE_TYPES, event_type, mask_event, plates_in
from collector.reading import as_json, evidence_of
from collector.titles import LANGUAGES, Language, titles
from collector.workflow import STEPS, Cause, StepKind
from contract.alerts import AlertState, AlertType, Severity
from contract.events import Certainty, EventType, EvidenceRole


class EvidenceItem(BaseModel):
    """A picture or clip; fetch it at /api/v1/evidence/{sha256} once it is stored."""

    sha256: str
    role: EvidenceRole
    media_type: str
    size_bytes: int
    note: str | None = None
    stored: bool = Field(description="Whether the file has arrived.")


class WatchRef(BaseModel):
    """The entry of the watch list that an event has hit."""

    entry_id: str
    reason: str
    author: str
    approver: str | None
    expires_at: str


class EventItem(BaseModel):
    """An event as the collector holds it."""

    row_id: int = Field(description="Order of arrival.")
    event: dict[str, Any] = Field(
        description="The envelope (CloudEvents). Plates are masked, but for a role and a reason to see them."
    )
    received_at: str
    late: bool = Field(description="It was history when it came: sent again, or past its expiry.")
    evidence: list[EvidenceItem] = Field(description="What came later (the clip) included.")
    watch_entry: WatchRef | None = Field(default=None, description="Of a hit: why the plate is looked for.")


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
    title: str = Field(description="In English; plates are masked.")
    titles: dict[Language, str]
    site: str
    edge: str
    source: str
    event_id: str | None
    events: int = Field(description="How many events it stands for.")
    last_event_at: str
    occurred_at: str
    raised_at: str
    late: bool
    state: AlertState
    state_since: str
    next_states: list[AlertState] = Field(description="`new`: it can be reopened.")
    due_at: str | None = Field(description="By when it must have left its state.")
    overdue: bool
    unit: str | None = Field(description="That it is assigned to.")
    cause: Cause | None = Field(description="Why it was dismissed.")
    floor: int | None = Field(default=None, description="Of a fall: where it came from, as far as that is known.")
    column: int | None = Field(default=None, description="Of a fall: windows from the left.")
    window_before: int = Field(
        default=0, description="Of a fall: alerts of the same window in the 30 days before, but dismissed ones."
    )
    plate: str | None = Field(description="Masked, but for a role and a reason to see it.")
    evidence: list[EvidenceItem]


class StepItem(BaseModel):
    """What was done about an alert."""

    at: str
    kind: StepKind
    state: AlertState
    by: str | None = Field(description="Null: the collector itself.")
    reason: str | None = Field(description="What was said; of a comment, its text.")
    unit: str | None
    cause: Cause | None
    event_id: str | None = Field(description="The event that joined.")


class EarlierAlert(BaseModel):
    """An alert of the same window, plate, sensor or camera before."""

    alert_id: str
    titles: dict[Language, str]
    occurred_at: str
    state: AlertState
    cause: Cause | None
    events: int


class AlertDetail(AlertItem):
    """An alert with its event, its history, and what belongs to it."""

    event: EventItem | None
    steps: list[StepItem]
    causes: list[Cause] = Field(description="Why such an alert may be dismissed, the most frequent first.")
    joined: list[EventItem] = Field(description="Further events that it stands for; plates are masked.")
    near: list[EventItem] = Field(description="Other events near it in place and time; plates are masked.")
    earlier: list[EarlierAlert] = Field(description="Of the same window, plate, sensor or camera.")


class AlertPage(BaseModel):
    """A page of alerts."""

    items: list[AlertItem]
    next_cursor: str | None


def said(text: str, clear: bool) -> str:
    """What somebody has written; plates in it are masked unless they may be seen."""
    return text if clear else mask_text(text)


async def event_items(
    connection: AsyncConnection, rows: Sequence[Row[Any]], sees_plates: bool
) -> tuple[list[EventItem], list[str]]:
    """The events of these rows, and the plates that they show in clear."""
    proofs = await evidence_of(connection, [row.event_id for row in rows])
    envelopes = [json.loads(row.payload) for row in rows]
    entries = await _entries_of(connection, envelopes, sees_plates)
    items: list[EventItem] = []
    shown = plates_in_text(*(entry.reason for entry in entries.values())) if sees_plates else []
    for row, envelope in zip(rows, envelopes, strict=True):
        shown += plates_in(envelope) if sees_plates else []
        items.append(
            EventItem(
                row_id=row.row_id,
                event=envelope if sees_plates else mask_event(envelope),
                received_at=str(to_text(row.received_us)),
                late=row.late,
                evidence=[EvidenceItem(**proof) for proof in proofs[row.event_id]],
                watch_entry=entries.get(envelope["data"].get("entry_id")),
            )
        )
    return items, shown


async def _entries_of(
    connection: AsyncConnection, envelopes: list[dict[str, Any]], clear: bool
) -> dict[str | None, WatchRef]:
    hit = [envelope["data"]["entry_id"] for envelope in envelopes if event_type(envelope) == EventType.WATCHLIST_HIT]
    rows = await watch_entries.named(connection, hit) if hit else {}
    return {
        row.entry_id: WatchRef(
            entry_id=row.entry_id,
            reason=said(row.reason, clear),
            author=row.author,
            approver=row.decided_by,
            expires_at=str(to_text(row.expires_us)),
        )
        for row in rows.values()
    }


async def alert_items(
    connection: AsyncConnection, rows: Sequence[Row[Any]], sees_plates: bool
) -> tuple[list[AlertItem], list[str]]:
    """The alerts of these rows (with their event's plate), and the plates that they show in clear."""
    proofs = await evidence_of(connection, [row.event_id for row in rows if row.event_id])
    again = await windows.fallen_before(connection, [row for row in rows if row.type == "falling_object"])
    items = [_alert_item(row, proofs.get(row.event_id or "", []), again, sees_plates) for row in rows]
    return items, [row.plate for row in rows if row.plate] if sees_plates else []


def _alert_item(row: Row[Any], proofs: list[dict[str, Any]], again: Mapping[str, int], sees_plates: bool) -> AlertItem:
    fall = (as_json(row.parameters) or {}) if row.type == "falling_object" else {}
    plate = row.plate if sees_plates or not row.plate else mask_plate(row.plate)
    return AlertItem(
        alert_id=row.alert_id,
        type=row.type,
        severity=row.severity,
        certainty=row.certainty,
        title=row.title,
        titles=titles_of(row),
        site=row.site,
        edge=row.edge,
        source=row.source,
        event_id=row.event_id,
        events=row.event_count,
        last_event_at=str(to_text(row.last_event_us or row.occurred_us)),
        occurred_at=str(to_text(row.occurred_us)),
        raised_at=str(to_text(row.raised_us)),
        late=row.late,
        state=row.state,
        state_since=str(to_text(row.state_us)),
        next_states=sorted(STEPS[row.state]) if row.severity != "info" else [],
        due_at=to_text(row.due_us),
        overdue=row.overdue_us is not None,
        unit=row.unit,
        cause=row.cause,
        floor=fall.get("floor"),
        column=fall.get("column"),
        window_before=again.get(row.alert_id, 0),
        plate=plate,
        evidence=[EvidenceItem(**proof) for proof in proofs],
    )


def titles_of(row: Row[Any]) -> dict[Language, str]:
    """An alert's title in every language; one from before titles had parameters has only its English one."""
    parameters = as_json(row.parameters)
    return titles(row.type, parameters) if parameters else dict.fromkeys(LANGUAGES, row.title)


def is_about_plates(event_type: str) -> bool:
    """Whether pictures of such an event show a plate."""
    return event_type in PLATE_TYPES
