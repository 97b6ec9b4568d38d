"""/api/v1/alerts: what a person should know, and what was done about it."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import alert_store, audit
from collector.alerts import CLOSED
from collector.api.guard import Actor, Look, Looker, Running, in_scope
from collector.api.lookups import reason_of_hit, write_down
from collector.api.shapes import AlertDetail, AlertPage, StepItem, alert_items, event_items
from collector.instants import to_text, to_us
from collector.reading import alerts_with_plates, page, steps_of
from collector.schema import alerts, events
from contract.alerts import AlertState, AlertType, Severity

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"])


class Step(BaseModel):
    """What to do about an alert."""

    state: Literal["acknowledged", "resolved", "dismissed"]
    reason: str | None = Field(default=None, max_length=500)


@router.get("")
async def list_alerts(  # noqa: PLR0913 -- every parameter is a filter of the address
    *,
    collector: Running,
    look: Looker,
    state: Annotated[AlertState | Literal["open", "closed"] | None, Query()] = None,
    severity: Annotated[list[Severity] | None, Query(description="Any of these.")] = None,
    type_: Annotated[AlertType | None, Query(alias="type")] = None,
    site: str | None = None,
    since: Annotated[AwareDatetime | None, Query(description="Raised at or after.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: str | None = None,
) -> AlertPage:
    """Alerts, newest first, a page at a time."""
    query = _by_state(alerts_with_plates().where(in_scope(alerts.c.site, look.principal)), state)
    if severity:
        query = query.where(alerts.c.severity.in_(severity))
    if type_:
        query = query.where(alerts.c.type == type_)
    if site:
        query = query.where(alerts.c.site == site)
    if since:
        query = query.where(alerts.c.raised_us >= to_us(since))
    keys = (alerts.c.raised_us, alerts.c.alert_id)
    async with collector.database.read() as connection:
        rows, following = await page(connection, query, keys, descending=True, limit=limit, cursor=cursor)
        items, shown = await alert_items(connection, rows, look.sees_plates)
    await write_down(collector, look, "list", "/api/v1/alerts", shown)
    return AlertPage(items=items, next_cursor=following)


def _by_state(query: Select[Any], state: str | None) -> Select[Any]:
    if state is None:
        return query
    if state == "open":
        return query.where(alerts.c.state.not_in(CLOSED))
    if state == "closed":
        return query.where(alerts.c.state.in_(CLOSED))
    return query.where(alerts.c.state == state)


@router.get("/{alert_id}")
async def get_alert(alert_id: UUID, collector: Running, look: Looker) -> AlertDetail:
    """An alert with its event, evidence and history. A plate in clear takes a reason and is recorded as looked at.

    An open watch-list hit is a reason of its own: that of its entry.
    """
    async with collector.database.read() as connection:
        detail, look, shown = await _detail(connection, str(alert_id), look)
    await write_down(collector, look, "view", f"/api/v1/alerts/{alert_id}", shown)
    return detail


@router.post("/{alert_id}/steps", status_code=201)
async def take_step(alert_id: UUID, step: Step, collector: Running, principal: Actor) -> AlertDetail:
    """Acknowledge, resolve or dismiss an alert; 409 when its state does not allow that."""
    async with collector.database.write() as connection:
        own = select(alerts.c.alert_id).where(alerts.c.alert_id == str(alert_id))
        if (await connection.execute(own.where(in_scope(alerts.c.site, principal)))).first() is None:
            raise HTTPException(404, f"there is no alert {alert_id}")
        now_us = collector.clock()
        await alert_store.step(
            connection, str(alert_id), step.state, by=principal.name, reason=step.reason, now_us=now_us
        )
        detail, look, shown = await _detail(connection, str(alert_id), Look(principal, None))
        subject, reason = f"/api/v1/alerts/{alert_id}", step.reason or look.reason
        await audit.record(connection, principal, step.state, subject, now_us=now_us, reason=reason, shown=shown)
    collector.pulse.beat()
    return detail


async def _detail(connection: AsyncConnection, alert_id: str, look: Look) -> tuple[AlertDetail, Look, list[str]]:
    own = alerts_with_plates().where(alerts.c.alert_id == alert_id, in_scope(alerts.c.site, look.principal))
    rows = (await connection.execute(own.limit(1))).all()
    if not rows:
        raise HTTPException(404, f"there is no alert {alert_id}")
    event_id = rows[0].event_id
    if event_id is not None:
        look = look.for_entry(await reason_of_hit(connection, [event_id]))
    items, _ = await alert_items(connection, rows, look.sees_plates)
    of_event = select(events).where(events.c.event_id == event_id).limit(1)
    found, shown = await event_items(connection, (await connection.execute(of_event)).all(), look.sees_plates)
    steps = [
        StepItem(at=str(to_text(row.at_us)), state=row.state, by=row.by, reason=row.reason)
        for row in await steps_of(connection, alert_id)
    ]
    return AlertDetail(**dict(items[0]), event=found[0] if found else None, steps=steps), look, shown
