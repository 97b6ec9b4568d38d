"""/api/v1/alerts: what a person should know, and what was done about it."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import alert_moves, audit
from collector.access import Principal
from collector.alert_moves import Move
from collector.alerts import CLOSED
from collector.api.alert_detail import detail_of
from collector.api.guard import Actor, Look, Looker, Running, in_scope
from collector.api.lookups import write_down
from collector.api.shapes import AlertDetail, AlertPage, alert_items
from collector.instants import to_us
from collector.reading import alerts_with_plates, page
from collector.schema import alerts
from collector.service import Collector
from collector.workflow import Cause
from contract.alerts import AlertState, AlertType, Severity
from contract.base import Identifier

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"])


class Step(BaseModel):
    """What to do about an alert."""

    state: Literal["new", "acknowledged", "assigned", "on_scene", "resolved", "dismissed"] = Field(
        description="`new` opens a closed one again."
    )
    reason: str | None = Field(default=None, max_length=500)
    unit: Identifier | None = Field(default=None, description="With `assigned`: who goes there.")
    cause: Cause | None = Field(default=None, description="With `dismissed`: why; else give a `reason`.")


class Comment(BaseModel):
    """Something to say about an alert."""

    text: str = Field(min_length=1, max_length=2000, pattern=r"\S")


@router.get("")
async def list_alerts(  # noqa: PLR0913 -- every parameter is a filter of the address
    *,
    collector: Running,
    look: Looker,
    state: Annotated[AlertState | Literal["open", "closed"] | None, Query()] = None,
    severity: Annotated[list[Severity] | None, Query(description="Any of these.")] = None,
    type_: Annotated[list[AlertType] | None, Query(alias="type", description="Any of these.")] = None,
    site: str | None = None,
    source: Annotated[str | None, Query(description="Camera or sensor.")] = None,
    unit: Annotated[str | None, Query(description="Assigned to it.")] = None,
    overdue: Annotated[bool | None, Query(description="Only those whose time has passed, or has not.")] = None,
    since: Annotated[AwareDatetime | None, Query(description="Raised at or after.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Raised before.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: str | None = None,
) -> AlertPage:
    """Alerts, newest first, a page at a time."""
    column = alerts.c
    query = _by_state(alerts_with_plates().where(in_scope(column.site, look.principal)), state)
    wanted = [
        (severity, column.severity.in_(severity or ())),
        (type_, column.type.in_(type_ or ())),
        (site, column.site == site),
        (source, column.source == source),
        (unit, column.unit == unit),
        (overdue is not None, column.overdue_us.is_not(None) if overdue else column.overdue_us.is_(None)),
    ]
    query = query.where(*(condition for given, condition in wanted if given))
    query = query if since is None else query.where(column.raised_us >= to_us(since))
    query = query if until is None else query.where(column.raised_us < to_us(until))
    async with collector.database.read() as connection:
        keys = (column.raised_us, column.alert_id)
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
        detail, look, shown = await detail_of(connection, str(alert_id), look)
    await write_down(collector, look, "view", f"/api/v1/alerts/{alert_id}", shown)
    return detail


@router.post("/{alert_id}/steps", status_code=201)
async def take_step(alert_id: UUID, step: Step, collector: Running, principal: Actor) -> AlertDetail:
    """Acknowledge, assign, arrive, resolve, dismiss or reopen; 409 when its state does not allow that."""
    move = Move(step.state, step.reason, step.unit, step.cause)
    async with collector.database.write() as connection:
        await _must_see(connection, str(alert_id), principal)
        now_us, duty = collector.clock(), collector.duty.now
        await alert_moves.step(connection, str(alert_id), move, by=principal.name, now_us=now_us, duty=duty)
        detail = await _answered(collector, connection, str(alert_id), principal, step.state, step.reason)
    collector.pulse.beat()
    return detail


@router.post("/{alert_id}/comments", status_code=201)
async def say(alert_id: UUID, comment: Comment, collector: Running, principal: Actor) -> AlertDetail:
    """Add a comment to the history of an alert."""
    async with collector.database.write() as connection:
        await _must_see(connection, str(alert_id), principal)
        text, now_us = comment.text.strip().replace("\0", " "), collector.clock()
        await alert_moves.comment(connection, str(alert_id), text, by=principal.name, now_us=now_us)
        detail = await _answered(collector, connection, str(alert_id), principal, "comment", None)
    collector.pulse.beat()
    return detail


async def _must_see(connection: AsyncConnection, alert_id: str, principal: Principal) -> None:
    own = select(alerts.c.alert_id).where(alerts.c.alert_id == alert_id)
    if (await connection.execute(own.where(in_scope(alerts.c.site, principal)))).first() is None:
        raise HTTPException(404, f"there is no alert {alert_id}")


async def _answered(
    collector: Collector,
    connection: AsyncConnection,
    alert_id: str,
    principal: Principal,
    action: str,
    reason: str | None,
) -> AlertDetail:
    """The alert as it is after an act, which is recorded."""
    detail, look, shown = await detail_of(connection, alert_id, Look(principal, None))
    subject = f"/api/v1/alerts/{alert_id}"
    now_us = collector.clock()
    await audit.record(connection, principal, action, subject, now_us=now_us, reason=reason or look.reason, shown=shown)
    return detail
