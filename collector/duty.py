"""What a site decides about its alerts and who is told of them: one value that goes wherever alerts are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from collector.channels import Channel, Occasion
from collector.positions import Nearest
from collector.workflow import AlertRules, Due
from contract.alerts import Severity


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """Of what a channel is told, and when: all that may be changed without knowing its address."""

    severities: tuple[Severity, ...]
    after_s: float
    overdue: bool
    paused: bool = False

    @classmethod
    def of(cls, channel: Channel) -> ChannelRule:
        """As the configuration has it."""
        return cls(channel.severities, channel.after_s, channel.overdue)

    def applied(self, channel: Channel) -> Channel:
        """The channel with this rule in place of its own."""
        change = {"severities": self.severities, "after_s": self.after_s, "overdue": self.overdue}
        return channel.model_copy(update=change)


@dataclass(frozen=True, slots=True)
class Duty:
    """Rules and channels of one collector."""

    rules: AlertRules = field(default_factory=AlertRules)
    nearest: Nearest = field(default_factory=Nearest)
    channels: Sequence[Channel] = ()
    page: str | None = None
    """Where people open the page; notifications link to the alert there."""

    def changed(self, due: Mapping[Severity, Due], channels: Mapping[str, ChannelRule]) -> Duty:
        """With other due times and rules of channels; those that are paused are gone."""
        rules = self.rules.model_copy(update={"due": {**self.rules.due, **due}})
        wanted = [(channel, channels.get(channel.name, ChannelRule.of(channel))) for channel in self.channels]
        told = tuple(rule.applied(channel) for channel, rule in wanted if not rule.paused)
        return replace(self, rules=rules, channels=told)

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


@dataclass
class Standing:
    """What is in force: as configured, and over it what administrators have changed (`duty_changes`)."""

    configured: Duty = field(default_factory=Duty)
    now: Duty = field(init=False)

    def __post_init__(self) -> None:
        self.now = self.configured


def _row(channel: Channel, alert_id: str, occasion: Occasion, now_us: int, after_s: float) -> dict[str, Any]:
    return {
        "alert_id": alert_id,
        "channel": channel.name,
        "occasion": occasion,
        "created_us": now_us,
        "next_us": now_us + int(after_s * 1_000_000),
        "attempts": 0,
    }
