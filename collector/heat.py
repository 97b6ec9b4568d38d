"""Where and when alerts come: counts by place, hour, weekday and type; what comes again from one window or place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, select

from collector.instants import SECOND_US, to_instant
from collector.schema import alerts

QUARTER_US = 900 * SECOND_US
"""Time zones differ by quarters of an hour: sums over less are never needed."""
MOST_REPEATS = 50


@dataclass
class Heat:
    """Events behind alerts, counted. Weekdays from Monday 0, hours of the local day."""

    by_place: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(edge, camera or sensor) → events of the chosen hours."""
    week: list[list[int]] = field(default_factory=lambda: [[0] * 24 for _ in range(7)])
    """[weekday][hour] → events, whatever hours were chosen."""
    by_type: Counter[str] = field(default_factory=Counter)
    """Of the chosen hours."""


def what_counts(site: str, since_us: int, until_us: int, types: Collection[str]) -> ColumnElement[bool]:
    """Alerts of a time that somebody had to act on, without those that were dismissed."""
    when = alerts.c.occurred_us.between(since_us, until_us)
    told = and_(alerts.c.state != "dismissed", alerts.c.severity != "info", alerts.c.type != "gap")
    wanted = and_(alerts.c.site == site, when, told)
    return and_(wanted, alerts.c.type.in_(types)) if types else wanted


def by_quarter(wanted: ColumnElement[bool]) -> Select[Any]:
    """Sums that `counted` takes."""
    quarter = (alerts.c.occurred_us // QUARTER_US).label("quarter")
    what = (alerts.c.edge, alerts.c.source, alerts.c.type, quarter)
    return select(*what, func.sum(alerts.c.event_count).label("events")).where(wanted).group_by(*what)


def counted(rows: Iterable[Row[Any]], zone: tzinfo, weekdays: Collection[int], hours: Collection[int]) -> Heat:
    """Put sums by quarter of an hour together; empty `weekdays` or `hours`: all."""
    heat = Heat()
    for row in rows:
        at, events = to_instant(row.quarter * QUARTER_US).astimezone(zone), int(row.events)
        heat.week[at.weekday()][at.hour] += events
        if (not weekdays or at.weekday() in weekdays) and (not hours or at.hour in hours):
            heat.by_place[row.edge, row.source] += events
            heat.by_type[row.type] += events
    return heat


def same_window(wanted: ColumnElement[bool]) -> Select[Any]:
    """Windows that things fell from at least twice: alerts of one origin cell of one camera."""
    return _again(and_(wanted, alerts.c.type == "falling_object", alerts.c.alert_group.is_not(None)), "alert_group")


def same_place(wanted: ColumnElement[bool]) -> Select[Any]:
    """Cameras and sensors that had the same type of alert at least twice."""
    return _again(wanted, "type")


def _again(wanted: ColumnElement[bool], by: str) -> Select[Any]:
    what = (alerts.c.edge, alerts.c.source, alerts.c[by].label("what"))
    events = func.sum(alerts.c.event_count).label("events")
    last = func.max(func.coalesce(alerts.c.last_event_us, alerts.c.occurred_us)).label("last_us")
    sums = (events, func.count().label("alerts"), last, func.max(alerts.c.occurred_us).label("newest_us"))
    query = select(*what, *sums).where(wanted).group_by(*what).having(func.sum(alerts.c.event_count) > 1)
    return query.order_by(events.desc(), last.desc()).limit(MOST_REPEATS)
