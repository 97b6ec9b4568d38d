"""One alert in full: its event, its history, and what belongs to it in place and time."""

from __future__ import annotations

from typing import Any

from fastapi import HTTPException
from sqlalchemy import Row, Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from collector.api.guard import Look, in_scope
from collector.api.lookups import reason_of_hit
from collector.api.shapes import (
    AlertDetail,
    EarlierAlert,
    EventItem,
    StepItem,
    alert_items,
    event_items,
    said,
    titles_of,
)
from collector.instants import HOUR_US, SECOND_US, to_text
from collector.plate_text import plates_in_text
from collector.reading import alerts_with_plates, steps_of
from collector.schema import alerts, events
from collector.schema_alerts import alert_events
from collector.workflow import CAUSES
from contract.events import EventType

SAME_CAMERA_US = 300 * SECOND_US
SAME_SITE_US = 120 * SECOND_US
EARLIER_US = 30 * 24 * HOUR_US
MOST = 12
TELLING = (EventType.FALLING_OBJECT, EventType.WATCHLIST_HIT, EventType.SENSOR, EventType.CAMERA)
"""What may have to do with an alert, wherever on the site it happened."""


async def detail_of(connection: AsyncConnection, alert_id: str, look: Look) -> tuple[AlertDetail, Look, list[str]]:
    """The alert, the look with the reason that it may bring itself, and the plates shown in clear. 404 without it."""
    own = alerts_with_plates().where(alerts.c.alert_id == alert_id, in_scope(alerts.c.site, look.principal))
    row = (await connection.execute(own.limit(1))).one_or_none()
    if row is None:
        raise HTTPException(404, f"there is no alert {alert_id}")
    if row.event_id is not None:
        look = look.for_entry(await reason_of_hit(connection, [row.event_id]))
    items, _ = await alert_items(connection, [row], look.sees_plates)
    of_event = select(events).where(events.c.event_id == row.event_id).limit(1)
    found, shown = await event_items(connection, (await connection.execute(of_event)).all(), look.sees_plates)
    steps = await steps_of(connection, alert_id)
    shown += plates_in_text(*(step.reason for step in steps)) if look.sees_plates else []
    detail = AlertDetail(
        **dict(items[0]),
        event=found[0] if found else None,
        steps=[_step(step, look.sees_plates) for step in steps],
        causes=list(CAUSES[row.type]),
        joined=await _masked(connection, _joined(row)),
        near=await _masked(connection, _near(row)),
        earlier=await _earlier(connection, row),
    )
    return detail, look, shown


def _step(row: Row[Any], clear: bool) -> StepItem:
    return StepItem(
        at=str(to_text(row.at_us)),
        kind=row.kind,
        state=row.state,
        by=row.by,
        reason=None if row.reason is None else said(row.reason, clear),
        unit=row.unit,
        cause=row.cause,
        event_id=row.event_id,
    )


async def _masked(connection: AsyncConnection, query: Select[Any]) -> list[EventItem]:
    items, _ = await event_items(connection, (await connection.execute(query.limit(MOST))).all(), sees_plates=False)
    return items


def _joined(alert: Row[Any]) -> Select[Any]:
    linked = events.join(alert_events, alert_events.c.event_id == events.c.event_id)
    others = and_(alert_events.c.alert_id == alert.alert_id, events.c.event_id != alert.event_id)
    return select(events).select_from(linked).where(others).order_by(events.c.row_id.desc())


def _near(alert: Row[Any]) -> Select[Any]:
    """At the same camera, or telling ones of the same site, and not of the alert itself."""
    at = alert.occurred_us
    own = select(alert_events.c.event_id).where(alert_events.c.alert_id == alert.alert_id)
    same_camera = and_(
        events.c.edge == alert.edge,
        events.c.source == alert.source,
        events.c.type != EventType.EVIDENCE,
        events.c.occurred_us.between(at - SAME_CAMERA_US, at + SAME_CAMERA_US),
    )
    same_site = and_(events.c.type.in_(TELLING), events.c.occurred_us.between(at - SAME_SITE_US, at + SAME_SITE_US))
    others = and_(events.c.event_id.not_in(own), events.c.event_id != (alert.event_id or ""))
    here = events.c.site == alert.site
    return select(events).where(here, or_(same_camera, same_site), others).order_by(events.c.occurred_us.desc())


async def _earlier(connection: AsyncConnection, alert: Row[Any]) -> list[EarlierAlert]:
    if alert.alert_group is None:
        return []
    before = and_(alerts.c.occurred_us <= alert.occurred_us, alerts.c.occurred_us > alert.occurred_us - EARLIER_US)
    same = and_(alerts.c.alert_group == alert.alert_group, alerts.c.alert_id != alert.alert_id, before)
    query = select(alerts).where(same).order_by(alerts.c.occurred_us.desc()).limit(MOST)
    return [
        EarlierAlert(
            alert_id=row.alert_id,
            titles=titles_of(row),
            occurred_at=str(to_text(row.occurred_us)),
            state=row.state,
            cause=row.cause,
            events=row.event_count,
        )
        for row in await connection.execute(query)
    ]
