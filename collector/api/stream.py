"""/api/v1/stream: what is new in the store, as server-sent events.

An id is `<last event's row>-<last alert step>`; a browser that comes back with it as `Last-Event-ID` misses nothing.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated
from weakref import WeakKeyDictionary

from fastapi import APIRouter, Header, HTTPException, Request
from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sse_starlette import EventSourceResponse, ServerSentEvent

from collector import changes
from collector.access import Principal
from collector.api.guard import Reader, Running, principal_of
from collector.api.shapes import alert_items, event_items
from collector.api.site_map import unit_item
from collector.database import Database
from collector.intake import STORE_TROUBLE
from collector.positions import moved_since
from collector.reading import alerts_with_plates
from collector.schema import alert_steps, alerts, events
from collector.schema_map import unit_positions
from collector.service import Collector

log = logging.getLogger(__name__)
router = APIRouter(prefix="/api/v1/stream", tags=["stream"])
BATCH = 100
POLL_S = 2.0
"""The longest wait for news that another process wrote; our own wakes us at once."""
ASK_AGAIN_S = 1.0
"""How often a reader is asked for his right (a session ends, a token is revoked), and lists are compared."""
SAME_LISTS_S = 0.5
"""How old the lists' numbers may be that a reader is given: many readers, one look at the store."""
_POSITION = re.compile(r"^(\d{1,18})-(\d{1,18})$")


@dataclass(frozen=True, slots=True)
class Position:
    """How far a reader has come."""

    event_row: int
    alert_step: int

    def __str__(self) -> str:
        return f"{self.event_row}-{self.alert_step}"


@router.get("", response_class=EventSourceResponse)
async def stream(
    request: Request,
    collector: Running,
    principal: Reader,
    last_event_id: Annotated[str | None, Header(description="Where to go on; without it, from now.")] = None,
) -> EventSourceResponse:
    """Server-sent events `event` (EventItem), `alert` (AlertItem, at every step of an alert), `position` (MapUnit),
    `changed` (`{"list": "hazards" | "watchlist" | "told", "site": …}`: ask for that list again).

    Plates are masked for everybody: nobody can say in advance what he will look at them for.
    """
    position = await _newest(collector) if last_event_id is None else _parse(last_event_id)
    return EventSourceResponse(_news(request, collector, principal, position), ping=15, send_timeout=30)


def _parse(text: str) -> Position:
    matched = _POSITION.match(text)
    if matched is None:
        raise HTTPException(400, f"Last-Event-ID {text!r} is not one of this stream: leave it out to begin from now")
    return Position(int(matched[1]), int(matched[2]))


async def _newest(collector: Collector) -> Position:
    async with collector.database.read() as connection:
        row = (await connection.execute(select(func.max(events.c.row_id)))).scalar_one()
        step = (await connection.execute(select(func.max(alert_steps.c.step_id)))).scalar_one()
    return Position(row or 0, step or 0)


async def _news(
    request: Request, collector: Collector, principal: Principal, position: Position
) -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(comment="connected", id=str(position), retry=1000)
    moved_us, lists = await _last_move(collector), await _lists(collector)
    asked_s = time.monotonic()
    try:
        while not collector.closing.is_set():
            seen = collector.pulse.count
            found = await _shared(collector, position, moved_us, seen)
            for site, message in found.messages:
                if principal.may_see(site):
                    yield message
            news = found.position != position
            position, moved_us = found.position, found.moved_us
            if not news:
                await collector.pulse.wait(seen, POLL_S)
            if time.monotonic() - asked_s >= ASK_AGAIN_S:
                asked_s = time.monotonic()
                if await _lost_access(request, collector):
                    return
                before, lists = lists, await _lists(collector)
                for change in changes.between(before, lists):
                    if change.site is None or principal.may_see(change.site):
                        yield _message("changed", change, position)
    except STORE_TROUBLE as error:  # the browser comes back by itself, with its position
        log.error("a live stream ends, the database cannot be used: %s", str(error).splitlines()[0])


async def _lists(collector: Collector) -> changes.Lists:
    """The lists' numbers, looked up once for all readers who ask within `SAME_LISTS_S`."""
    asked_s, looking = _LISTS.get(collector.database, (-math.inf, None))
    if looking is None or time.monotonic() - asked_s > SAME_LISTS_S:
        looking = asyncio.get_running_loop().create_task(_look_at_lists(collector))
        _LISTS[collector.database] = (time.monotonic(), looking)
    return await asyncio.shield(looking)


async def _look_at_lists(collector: Collector) -> changes.Lists:
    async with collector.database.read() as connection:
        return await changes.look(connection)


_LISTS: WeakKeyDictionary[Database, tuple[float, asyncio.Task[changes.Lists]]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class _Found:
    """What is new after a position, the same for all readers: plates in it are masked."""

    messages: tuple[tuple[str, ServerSentEvent], ...]
    """With the site of each: not everybody may see all."""
    position: Position
    moved_us: int


_Asked = tuple[Position, int, int]


async def _shared(collector: Collector, position: Position, moved_us: int, beat: int) -> _Found:
    """What is new, looked up once for all readers that have come as far and were woken by the same beat."""
    key = (position, moved_us, beat)
    running: dict[_Asked, asyncio.Task[_Found]] = _RUNNING.setdefault(collector.database, {})
    if key not in running:
        running[key] = asyncio.get_running_loop().create_task(_look(collector, position, moved_us))
        running[key].add_done_callback(lambda _: running.pop(key, None))
    return await asyncio.shield(running[key])


_RUNNING: WeakKeyDictionary[Database, dict[_Asked, asyncio.Task[_Found]]] = WeakKeyDictionary()


async def _last_move(collector: Collector) -> int:
    """When a unit was heard of last: the same for all readers who come before the next report."""
    async with collector.database.read() as connection:
        found = (await connection.execute(select(func.max(unit_positions.c.received_us)))).scalar_one()
    return found or 0


async def _look(collector: Collector, position: Position, moved_us: int) -> _Found:
    async with collector.database.read() as connection:
        found, position = await _after(connection, position)
        rows = (await connection.execute(moved_since(moved_us))).all()
    # a move that was missed is not told again: the next report replaces it
    moves = [(row.site, _message("position", unit_item(row), position)) for row in rows]
    return _Found((*found, *moves), position, max((row.received_us for row in rows), default=moved_us))


async def _lost_access(request: Request, collector: Collector) -> bool:
    """A session that has ended, or a token that was revoked, hears nothing more."""
    try:
        await principal_of(request, collector)
    except HTTPException:
        return True
    return False


async def _after(connection: AsyncConnection, position: Position) -> tuple[list[tuple[str, ServerSentEvent]], Position]:
    newer = select(events).where(events.c.row_id > position.event_row).order_by(events.c.row_id).limit(BATCH)
    rows = (await connection.execute(newer)).all()
    came, _ = await event_items(connection, rows, sees_plates=False) if rows else ([], [])
    taken = select(alert_steps).where(alert_steps.c.step_id > position.alert_step)
    steps = (await connection.execute(taken.order_by(alert_steps.c.step_id).limit(BATCH))).all()
    moved = alerts_with_plates().where(alerts.c.alert_id.in_({step.alert_id for step in steps}))
    changed = (await connection.execute(moved)).all() if steps else []
    items, _ = await alert_items(connection, changed, sees_plates=False)
    messages = []
    by_id = {item.alert_id: item for item in items}
    for step in steps:
        position = Position(position.event_row, step.step_id)
        alert = by_id.pop(step.alert_id, None)  # an alert that moved twice is sent once, as it is now
        if alert is not None:
            messages.append((alert.site, _message("alert", alert, position)))
    for item in came:
        position = Position(item.row_id, position.alert_step)
        messages.append((item.event["site"], _message("event", item, position)))
    return messages, position


def _message(kind: str, item: BaseModel, position: Position) -> ServerSentEvent:
    return ServerSentEvent(data=item.model_dump_json(), event=kind, id=str(position))
