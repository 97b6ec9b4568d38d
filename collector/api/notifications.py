"""GET /api/v1/notifications: what people outside the page were told, and above all what could not be told."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Row, and_, select

from collector.access import ACTORS, AUDITORS, Principal
from collector.api.guard import Running, allow, in_scope
from collector.api.shapes import titles_of
from collector.channels import Occasion
from collector.instants import to_text
from collector.reading import page
from collector.schema import alerts
from collector.schema_alerts import notifications
from collector.sending import without_login
from collector.titles import Language

router = APIRouter(prefix="/api/v1/notifications", tags=["alerts"])
Told = Annotated[Principal, Depends(allow(ACTORS | AUDITORS))]
State = Literal["waiting", "failed", "sent", "needless"]


class NotificationItem(BaseModel):
    """One message to one receiver."""

    notification_id: int
    alert_id: str
    titles: dict[Language, str] = Field(description="Of the alert; plates are masked.")
    site: str
    channel: str = Field(description="Its name in the configuration.")
    occasion: Occasion
    state: State = Field(
        description="`waiting` after a failed attempt; `failed`: given up; `needless`: somebody was quicker."
    )
    attempts: int
    created_at: str
    sent_at: str | None
    next_at: str | None
    error: str | None = Field(description="Of the last attempt.")


class NotificationPage(BaseModel):
    """A page of messages, newest first."""

    items: list[NotificationItem]
    next_cursor: str | None


def _failed() -> ColumnElement[bool]:
    """An attempt went wrong and it was not sent since."""
    table = notifications.c
    return and_(table.sent_us.is_(None), table.error.is_not(None))


@router.get("")
async def list_notifications(
    collector: Running,
    principal: Told,
    every: Annotated[bool, Query(description="Also those that were sent, or that nobody needed any more.")] = False,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: str | None = None,
) -> NotificationPage:
    """Messages by mail, WeCom, DingTalk or webhook that have failed so far; with `every` all of them."""
    joined = notifications.join(alerts, alerts.c.alert_id == notifications.c.alert_id)
    about = (alerts.c.site, alerts.c.type, alerts.c.title, alerts.c.parameters)
    query = select(*notifications.c, *about).select_from(joined).where(in_scope(alerts.c.site, principal))
    query = query if every else query.where(_failed())
    keys = (notifications.c.created_us, notifications.c.notification_id)
    async with collector.database.read() as connection:
        rows, following = await page(connection, query, keys, descending=True, limit=limit, cursor=cursor)
    return NotificationPage(items=[_item(row) for row in rows], next_cursor=following)


def _item(row: Row[Any]) -> NotificationItem:
    return NotificationItem(
        notification_id=row.notification_id,
        alert_id=row.alert_id,
        titles=titles_of(row),
        site=row.site,
        channel=row.channel,
        occasion=row.occasion,
        state=_state(row),
        attempts=row.attempts,
        created_at=str(to_text(row.created_us)),
        sent_at=to_text(row.sent_us),
        next_at=to_text(row.next_us),
        error=None if row.error is None else without_login(row.error),
    )


def _state(row: Row[Any]) -> State:
    if row.sent_us is not None:
        return "sent"
    if row.next_us is not None:
        return "waiting"
    return "failed" if row.error is not None else "needless"
