"""How fast people respond, and how often cameras are right: figures over closed and open alerts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta, tzinfo
from typing import Any, TypeVar

from sqlalchemy import Row

from collector.instants import SECOND_US, to_instant
from collector.workflow import NO_FAULT

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Spread:
    """Of a number of durations, in seconds; None where there are none."""

    median_s: float | None
    p90_s: float | None

    @classmethod
    def of(cls, durations_us: Iterable[int]) -> Spread:
        seconds = sorted(us / SECOND_US for us in durations_us)
        return cls(_quantile(seconds, 0.5), _quantile(seconds, 0.9))


def _quantile(ordered: Sequence[float], part: float) -> float | None:
    """The smallest value that `part` of all do not exceed."""
    if not ordered:
        return None
    return round(ordered[max(0, -int(-part * len(ordered) // 1) - 1)], 1)


@dataclass(frozen=True, slots=True)
class Response:
    """How the alerts of one unit and week were dealt with. `unit` None: assigned to nobody."""

    unit: str | None
    week: date
    """Its Monday."""
    alerts: int
    closed: int
    overdue: int
    """How many passed a due time at least once."""
    acknowledged: Spread
    arrived: Spread
    done: Spread


@dataclass
class Quality:
    """How often one camera or sensor was right, in one week, with one type of alert."""

    site: str
    edge: str
    source: str
    type: str
    week: date
    valid: int = 0
    false: int = 0
    neither: int = 0
    """Tests, maintenance and the like."""
    open: int = 0
    causes: Counter[str] = field(default_factory=Counter)


def responses(rows: Iterable[Row[Any]], overdue: frozenset[str], zone: tzinfo) -> list[Response]:
    """Per unit and week, newest week first. `overdue`: ids of alerts that ever passed a due time."""
    grouped = _grouped(rows, lambda row: (row.unit, _week(row.raised_us, zone)))
    found = [
        Response(
            unit=unit,
            week=week,
            alerts=len(own),
            closed=sum(row.closed_us is not None for row in own),
            overdue=sum(row.alert_id in overdue for row in own),
            acknowledged=Spread.of(row.acknowledged_us - row.opened_us for row in own if row.acknowledged_us),
            arrived=Spread.of(row.arrived_us - row.opened_us for row in own if row.arrived_us),
            done=Spread.of(row.closed_us - row.opened_us for row in own if row.closed_us),
        )
        for (unit, week), own in grouped.items()
    ]
    return sorted(found, key=lambda one: (-one.week.toordinal(), one.unit or ""))


def qualities(rows: Iterable[Row[Any]], zone: tzinfo) -> list[Quality]:
    """Per camera or sensor, type and week, newest week first."""
    grouped = _grouped(rows, lambda row: (row.site, row.edge, row.source, row.type, _week(row.raised_us, zone)))
    found = []
    for key, own in grouped.items():
        one = Quality(*key)
        for row in own:
            _judge(one, row)
        found.append(one)
    return sorted(found, key=lambda one: (-one.week.toordinal(), one.site, one.edge, one.source, one.type))


def _judge(quality: Quality, row: Row[Any]) -> None:
    if row.state == "resolved":
        quality.valid += 1
    elif row.state != "dismissed":
        quality.open += 1
    else:
        quality.causes[row.cause or "other"] += 1
        if row.cause in NO_FAULT:
            quality.neither += 1
        else:
            quality.false += 1


def _grouped(rows: Iterable[Row[Any]], key: Callable[[Row[Any]], Key]) -> dict[Key, list[Row[Any]]]:
    found: dict[Key, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found


def _week(us: int, zone: tzinfo) -> date:
    day = to_instant(us).astimezone(zone).date()
    return day - timedelta(days=day.weekday())
