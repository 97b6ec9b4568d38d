"""What the collector tells the people on duty."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from contract.base import Identifier, Instant, Message
from contract.events import Certainty, EvidenceRef

Severity = Literal["info", "warning", "critical"]
AlertType = Literal["falling_object", "plate_passage", "watchlist_hit", "cloned_plate", "sensor", "camera", "gap"]
AlertState = Literal["new", "acknowledged", "assigned", "on_scene", "resolved", "dismissed"]


class AlertMessage(Message):
    """Payload of `alert/<severity>/<type>`. Plates are masked unless the site says otherwise."""

    alert_id: UUID
    type: AlertType
    severity: Severity
    certainty: Certainty | None = None
    title: str = Field(description="In English.")
    titles: dict[str, str] = Field(default_factory=dict, description="By language: `en`, `zh`.")
    site: Identifier
    edge: Identifier
    source: str
    occurred_at: Instant
    raised_at: Instant
    event_id: UUID | None = Field(
        default=None, description="The event that raised it, or that has now joined it; a gap has none."
    )
    events: int = Field(
        default=1, description="How many events it stands for: above 1 this is a repetition, with the same `alert_id`."
    )
    due: Instant | None = Field(default=None, description="By when somebody should acknowledge it.")
    late: bool = False
    evidence: tuple[EvidenceRef, ...] = Field(default=(), description="The first of its files, at most 20.")
    expires: Instant


class AlertStateMessage(Message):
    """Payload of `alert-state/<alert>`, retained until closed, then cleared."""

    alert_id: UUID
    state: AlertState
    at: Instant
    by: str | None = None
    unit: str | None = Field(default=None, description="Unit that it is assigned to.")
    due: Instant | None = Field(default=None, description="By when it must have left this state.")
    overdue: bool = False
