"""What the collector tells the people on duty."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from contract.base import Identifier, Instant, Message
from contract.events import Certainty, EvidenceRef

Severity = Literal["info", "warning", "critical"]
AlertType = Literal["falling_object", "plate_passage", "watchlist_hit", "sensor", "camera", "gap"]
AlertState = Literal["new", "acknowledged", "assigned", "on_scene", "resolved", "dismissed"]


class AlertMessage(Message):
    """Payload of `alert/<severity>/<type>`. Plates are masked unless the site says otherwise."""

    alert_id: UUID
    type: AlertType
    severity: Severity
    certainty: Certainty | None = None
    title: str
    site: Identifier
    edge: Identifier
    source: str
    occurred_at: Instant
    raised_at: Instant
    event_id: UUID | None = Field(default=None, description="The event that raised it; a gap has none.")
    late: bool = False
    evidence: tuple[EvidenceRef, ...] = ()
    expires: Instant


class AlertStateMessage(Message):
    """Payload of `alert-state/<alert>`, retained until closed, then cleared."""

    alert_id: UUID
    state: AlertState
    at: Instant
    by: str | None = None
