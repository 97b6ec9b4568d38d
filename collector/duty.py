"""What a site decides about its alerts and who is told of them: one value that goes wherever alerts are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from collector.channels import Channel, Occasion
from collector.positions import Nearest
from collector.workflow import AlertRules
from contract.alerts import Severity


@dataclass(frozen=True, slots=True)
class Duty:
    """Rules and channels of one collector."""

    rules: AlertRules = field(default_factory=AlertRules)
    nearest: Nearest = field(default_factory=Nearest)
    channels: Sequence[Channel] = ()
    page: str | None = None
    """Where people open the page; notifications link to the alert there."""

    def raised(self, alert_id: str, site: str, severity: Severity, now_us: int) -> list[dict[str, Any]]:
        """Notifications of a new alert: at once, and later unless somebody acknowledges it."""
        return [
            _row(channel, alert_id, "unacknowledged" if channel.after_s else "raised", now_us, channel.after_s)
            for channel in self.channels
            if channel.hears(site, severity)
        ]

    def overdue(self, alert_id: str, site: str, severity: Severity, now_us: int) -> list[dict[str, Any]]:
        """Notifications of an alert whose time has passed."""
        heard = (channel for channel in self.channels if channel.overdue and channel.hears(site, severity))
        return [_row(channel, alert_id, "overdue", now_us, 0) for channel in heard]


def _row(channel: Channel, alert_id: str, occasion: Occasion, now_us: int, after_s: float) -> dict[str, Any]:
    return {
        "alert_id": alert_id,
        "channel": channel.name,
        "occasion": occasion,
        "created_us": now_us,
        "next_us": now_us + int(after_s * 1_000_000),
        "attempts": 0,
    }
