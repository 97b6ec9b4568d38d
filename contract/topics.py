"""MQTT topics as validated values: `watchpost/v1/<site>/<edge>/...` and the collector's own beside them.

`str(topic)` is what goes to the broker. Names that could be mistaken for a collector's topic are reserved.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from contract.base import CONTRACT_VERSION

ROOT = f"watchpost/v{CONTRACT_VERSION}"
RESERVED_EDGE_NAMES = frozenset({"alert", "alert-state", "unit", "collector"})
_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}$")


class InvalidTopic(ValueError):
    """The topic is not one of this contract."""


def check_name(value: str, what: str) -> str:
    """Return `value` if it may stand in a topic; otherwise raise InvalidTopic saying what is wrong."""
    if not _NAME.match(value):
        raise InvalidTopic(f"{what} {value!r}: use 1 to 63 of a-z, 0-9, '-', '_', starting with a letter or digit")
    return value


@dataclass(frozen=True, slots=True)
class EdgeTopics:
    """All topics of one edge."""

    site: str
    edge: str

    def __post_init__(self) -> None:
        check_name(self.site, "site")
        check_name(self.edge, "edge")
        if self.edge in RESERVED_EDGE_NAMES:
            raise InvalidTopic(f"edge {self.edge!r} is a reserved name; choose another")

    @property
    def prefix(self) -> str:
        return f"{ROOT}/{self.site}/{self.edge}"

    @property
    def status(self) -> str:
        return f"{self.prefix}/status"

    @property
    def birth(self) -> str:
        return f"{self.prefix}/birth"

    @property
    def health(self) -> str:
        return f"{self.prefix}/health"

    @property
    def ack(self) -> str:
        return f"{self.prefix}/ack"

    @property
    def config_desired(self) -> str:
        return f"{self.prefix}/config/desired"

    @property
    def config_reported(self) -> str:
        return f"{self.prefix}/config/reported"

    @property
    def watchlist(self) -> str:
        return f"{self.prefix}/watchlist"

    @property
    def commands(self) -> str:
        """Subscription pattern for this edge's commands."""
        return f"{self.prefix}/command/+"

    @property
    def sensors(self) -> str:
        """Subscription pattern for local sensors."""
        return f"{self.prefix}/sensor/+"

    def camera_status(self, camera: str) -> str:
        return f"{self.prefix}/camera/{check_name(camera, 'camera')}/status"

    def event(self, event_type: str, source: str) -> str:
        return f"{self.prefix}/event/{check_name(event_type, 'type')}/{check_name(source, 'source')}"

    @property
    def backlog(self) -> str:
        return f"{self.prefix}/backlog"

    def sensor(self, sensor: str) -> str:
        return f"{self.prefix}/sensor/{check_name(sensor, 'sensor')}"

    def command(self, name: str) -> str:
        return f"{self.prefix}/command/{check_name(name, 'command')}"

    def reply(self, command_id: str) -> str:
        return f"{self.prefix}/reply/{check_name(command_id, 'command id')}"


@dataclass(frozen=True, slots=True)
class SiteTopics:
    """What the collector publishes for one site, and what it hears there."""

    site: str

    def __post_init__(self) -> None:
        check_name(self.site, "site")

    @property
    def prefix(self) -> str:
        return f"{ROOT}/{self.site}"

    @property
    def collector_status(self) -> str:
        return f"{self.prefix}/collector/status"

    def alert(self, severity: str, alert_type: str) -> str:
        return f"{self.prefix}/alert/{check_name(severity, 'severity')}/{check_name(alert_type, 'alert type')}"

    def alert_state(self, alert_id: str) -> str:
        return f"{self.prefix}/alert-state/{check_name(alert_id, 'alert id')}"

    def unit_position(self, unit: str) -> str:
        return f"{self.prefix}/unit/{check_name(unit, 'unit')}/position"


EVENTS_OF_ALL = f"{ROOT}/+/+/event/+/+"
BACKLOG_OF_ALL = f"{ROOT}/+/+/backlog"
STATUS_OF_ALL = f"{ROOT}/+/+/status"
BIRTH_OF_ALL = f"{ROOT}/+/+/birth"
HEALTH_OF_ALL = f"{ROOT}/+/+/health"
CAMERA_STATUS_OF_ALL = f"{ROOT}/+/+/camera/+/status"
CONFIG_REPORTED_OF_ALL = f"{ROOT}/+/+/config/reported"
ALERTS_OF_ALL = f"{ROOT}/+/alert/+/+"
POSITIONS_OF_ALL = f"{ROOT}/+/unit/+/position"


@dataclass(frozen=True, slots=True)
class EdgeAddress:
    """Who sent a message, and on which of its topics (the levels below the edge)."""

    site: str
    edge: str
    levels: tuple[str, ...]

    @property
    def topics(self) -> EdgeTopics:
        return EdgeTopics(self.site, self.edge)


@functools.lru_cache(maxsize=4096)  # a collector sees the same few topics again and again
def parse_edge_topic(topic: str) -> EdgeAddress:
    """Take `watchpost/v1/<site>/<edge>/...` apart. Raises InvalidTopic."""
    levels = topic.split("/")
    if len(levels) < 5 or "/".join(levels[:2]) != ROOT:
        raise InvalidTopic(f"{topic!r} is not {ROOT}/<site>/<edge>/...")
    address = EdgeAddress(levels[2], levels[3], tuple(levels[4:]))
    _ = address.topics  # validates both names
    return address


@dataclass(frozen=True, slots=True)
class UnitAddress:
    """Which unit a position is of."""

    site: str
    unit: str


def parse_position_topic(topic: str) -> UnitAddress | None:
    """Take `watchpost/v1/<site>/unit/<id>/position` apart; None when it is another topic. Raises InvalidTopic."""
    match topic.split("/"):
        case [*root, site, "unit", unit, "position"] if "/".join(root) == ROOT:
            return UnitAddress(check_name(site, "site"), check_name(unit, "unit"))
    return None
