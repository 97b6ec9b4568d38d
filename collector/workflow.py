"""What may be done about an alert, in which order, until when, and why it may be dismissed. Pure rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator

from contract.alerts import AlertState, AlertType, Severity
from contract.base import StrictMessage

CLOSED: frozenset[AlertState] = frozenset({"resolved", "dismissed"})
STEPS: dict[AlertState, frozenset[AlertState]] = {
    "new": frozenset({"acknowledged", "assigned", "resolved", "dismissed"}),
    "acknowledged": frozenset({"assigned", "on_scene", "resolved", "dismissed"}),
    "assigned": frozenset({"assigned", "on_scene", "resolved", "dismissed"}),
    "on_scene": frozenset({"assigned", "resolved", "dismissed"}),
    "resolved": frozenset({"new"}),
    "dismissed": frozenset({"new"}),
}
"""Which state may follow which. Assigned again: another unit. New after closed: reopened."""

StepKind = Literal["raised", "state", "reopened", "comment", "event", "overdue", "escalated"]
"""What an entry of an alert's history is."""

Cause = Literal[
    "bird",
    "insect",
    "weather",
    "foliage",
    "laundry",
    "light",
    "drone",
    "misread",
    "outdated_entry",
    "maintenance",
    "false_alarm",
    "test",
    "duplicate",
    "other",
]
"""Why an alert was dismissed; feeds the figures per camera."""

CAUSES: dict[AlertType, tuple[Cause, ...]] = {
    "falling_object": ("bird", "insect", "weather", "foliage", "laundry", "light", "drone", "maintenance", "other"),
    "watchlist_hit": ("misread", "outdated_entry", "duplicate", "test", "other"),
    "cloned_plate": ("misread", "duplicate", "test", "other"),
    "plate_passage": ("misread", "test", "other"),
    "sensor": ("false_alarm", "maintenance", "test", "duplicate", "other"),
    "camera": ("maintenance", "weather", "test", "other"),
    "gap": ("maintenance", "test", "other"),
}
"""What is offered for each type, the most frequent first."""
NO_FAULT: frozenset[Cause] = frozenset({"outdated_entry", "maintenance", "test", "duplicate"})
"""The camera or sensor was right all the same: such an alert counts neither as valid nor as false."""

assert set(get_args(Cause)) == {cause for causes in CAUSES.values() for cause in causes}  # noqa: S101 -- one list each

Seconds = Annotated[float, Field(gt=0)]


class Due(StrictMessage):
    """Until when each stage must be reached, in seconds after the alert was raised or reopened."""

    acknowledge_s: Seconds
    arrive_s: Seconds
    close_s: Seconds

    def until_s(self, state: AlertState) -> float | None:
        """When an alert of this state must have moved on; None when nothing is due."""
        match state:
            case "new":
                return self.acknowledge_s
            case "acknowledged" | "assigned":
                return self.arrive_s
            case "on_scene":
                return self.close_s
        return None


STANDARD_DUE: Mapping[Severity, Due] = {
    "critical": Due(acknowledge_s=60, arrive_s=600, close_s=3600),
    "warning": Due(acknowledge_s=600, arrive_s=3600, close_s=86400),
}
STANDARD_GROUPING: Mapping[AlertType, float] = {
    "falling_object": 120,
    "watchlist_hit": 600,
    "sensor": 600,
    "camera": 600,
}


class AlertRules(StrictMessage):
    """What a site decides about its alerts. What it does not mention stays as it is."""

    due: Mapping[Severity, Due] = STANDARD_DUE
    group_within_s: Mapping[AlertType, Annotated[float, Field(ge=0)]] = STANDARD_GROUPING
    """How long after the last event of an open alert another one of the same group still joins it; 0: never."""

    @field_validator("due")
    @classmethod
    def _with_standard_due(cls, given: Mapping[Severity, Due]) -> Mapping[Severity, Due]:
        return {**STANDARD_DUE, **given}

    @field_validator("group_within_s")
    @classmethod
    def _with_standard_grouping(cls, given: Mapping[AlertType, float]) -> Mapping[AlertType, float]:
        return {**STANDARD_GROUPING, **given}

    def due_us(self, severity: Severity, state: AlertState, since_us: int) -> int | None:
        """When an alert raised at `since_us` must have left this state; None when nothing is due."""
        due = self.due.get(severity)
        seconds = None if due is None else due.until_s(state)
        return None if seconds is None else since_us + int(seconds * 1_000_000)
