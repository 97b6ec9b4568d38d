"""Points in time between the wire (aware datetimes) and the store (microseconds since 1970, UTC)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

SECOND_US = 1_000_000
HOUR_US = 3600 * SECOND_US
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Clock = Callable[[], int]
"""Now, in microseconds since 1970 UTC. Tests bring their own."""


def system_clock() -> int:
    """The machine's clock."""
    return to_us(datetime.now(UTC))


def to_us(instant: datetime) -> int:
    """An aware datetime as microseconds since 1970 UTC."""
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND_US + since.microseconds


_FIRST_US, _LAST_US = to_us(datetime(1, 1, 3, tzinfo=UTC)), to_us(datetime(9999, 12, 29, tzinfo=UTC))
"""An earlier version has taken any time from an edge."""


def to_instant(us: int) -> datetime:
    """Microseconds since 1970 as an aware datetime in UTC; one that no zone can tell as the nearest that all can."""
    return _EPOCH + timedelta(microseconds=min(max(us, _FIRST_US), _LAST_US))


def to_text(us: int | None) -> str | None:
    """RFC 3339 in UTC, or None."""
    return None if us is None else to_instant(us).isoformat().replace("+00:00", "Z")
