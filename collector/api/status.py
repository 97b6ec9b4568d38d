"""Edges, cameras, sequence numbers, dead letters, figures: how the installation is."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field
from sqlalchemy import BigInteger, func, select, type_coerce

from collector.api.guard import Looker, PlateReader, Reader, Running, in_scope
from collector.api.lookups import write_down
from collector.gaps import received
from collector.instants import HOUR_US, to_text
from collector.ranges import Range, gaps
from collector.reading import page
from collector.schema import alerts, cameras, dead_letters, edges, events, outboxes

router = APIRouter(prefix="/api/v1", tags=["status"])
MAX_HOURS = 24 * 31


class EdgeItem(BaseModel):
    """One edge, as it last described itself."""

    site: str
    edge: str
    state: str | None = Field(description="online, offline or stopping; null before its first status")
    since: str | None
    birth: dict[str, Any] | None
    health: dict[str, Any] | None
    health_at: str | None
    config_reported: dict[str, Any] | None


class CameraItem(BaseModel):
    """One camera: its retained status and the figures of its edge's last health message."""

    site: str
    edge: str
    camera: str
    state: str | None
    since: str | None
    reason: str | None
    health: dict[str, Any] | None


class OutboxItem(BaseModel):
    """The sequence numbers of one outbox, both ends of each range included."""

    outbox_id: str
    site: str
    edge: str
    first_seen: str
    last_seen: str
    received: list[Range]
    missing: list[Range]
    missing_since: str | None


class LetterItem(BaseModel):
    """A message that could not be understood."""

    letter_id: int
    kind: str
    reason: str
    topic: str
    payload: str | None = Field(description="Its text; null without a reason to see it.")
    outbox_id: str | None
    sequence: int | None
    first_at: str
    last_at: str
    times: int
    reingested_at: str | None


class LetterPage(BaseModel):
    """A page of dead letters, newest first."""

    items: list[LetterItem]
    next_cursor: str | None


class HourItem(BaseModel):
    """How many events of one type happened in one hour."""

    hour: str
    type: str
    events: int


class Overview(BaseModel):
    """Figures for the page's head."""

    events_by_hour: list[HourItem]
    open_alerts: int


@router.get("/edges")
async def list_edges(collector: Running, principal: Reader) -> list[EdgeItem]:
    """All edges that ever spoke."""
    async with collector.database.read() as connection:
        rows = (
            await connection.execute(
                select(edges).where(in_scope(edges.c.site, principal)).order_by(edges.c.site, edges.c.edge)
            )
        ).all()
    return [
        EdgeItem(
            site=row.site,
            edge=row.edge,
            state=row.state,
            since=to_text(row.state_us),
            birth=_json(row.birth),
            health=_json(row.health),
            health_at=to_text(row.health_us),
            config_reported=_json(row.config_reported),
        )
        for row in rows
    ]


@router.get("/cameras")
async def list_cameras(collector: Running, principal: Reader) -> list[CameraItem]:
    """All cameras that an edge ever told of."""
    order = (cameras.c.site, cameras.c.edge, cameras.c.camera)
    async with collector.database.read() as connection:
        rows = (
            await connection.execute(select(cameras).where(in_scope(cameras.c.site, principal)).order_by(*order))
        ).all()
        healths = (await connection.execute(select(edges.c.site, edges.c.edge, edges.c.health))).all()
    figures = {
        (row.site, row.edge, camera["id"]): camera
        for row in healths
        for camera in (_json(row.health) or {}).get("cameras", [])
    }
    return [
        CameraItem(
            site=row.site,
            edge=row.edge,
            camera=row.camera,
            state=row.state,
            since=to_text(row.since_us),
            reason=row.reason,
            health=figures.get((row.site, row.edge, row.camera)),
        )
        for row in rows
    ]


@router.get("/sequences")
async def list_sequences(collector: Running, principal: Reader) -> list[OutboxItem]:
    """What came of each outbox, and what is missing."""
    async with collector.database.read() as connection:
        rows = (
            await connection.execute(
                select(outboxes).where(in_scope(outboxes.c.site, principal)).order_by(outboxes.c.first_seen_us)
            )
        ).all()
        came = await received(connection)
    return [
        OutboxItem(
            outbox_id=row.outbox_id,
            site=row.site,
            edge=row.edge,
            first_seen=str(to_text(row.first_seen_us)),
            last_seen=str(to_text(row.last_seen_us)),
            received=came.get(row.outbox_id, []),
            missing=gaps(came.get(row.outbox_id, [])),
            missing_since=to_text(row.gap_since_us),
        )
        for row in rows
    ]


@router.get("/dead-letters")
async def list_dead_letters(
    collector: Running,
    _principal: PlateReader,
    look: Looker,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: str | None = None,
) -> LetterPage:
    """Messages that were kept aside, with the reason. The raw text may hold a plate: it takes a role, all sites and
    a reason, and is recorded; without a reason the text is left out.
    """
    if look.principal.sites is not None:
        raise HTTPException(403, "this takes somebody who may see all sites: nobody knows yet whose they are")
    keys = (dead_letters.c.last_us, dead_letters.c.letter_id)
    async with collector.database.read() as connection:
        rows, following = await page(
            connection, select(dead_letters), keys, descending=True, limit=limit, cursor=cursor
        )
    items = [
        LetterItem(
            letter_id=row.letter_id,
            kind=row.kind,
            reason=row.reason,
            topic=row.topic,
            payload=row.payload[:4096].decode(errors="replace") if look.sees_plates else None,
            outbox_id=row.outbox_id,
            sequence=row.sequence,
            first_at=str(to_text(row.first_us)),
            last_at=str(to_text(row.last_us)),
            times=row.times,
            reingested_at=to_text(row.reingested_us),
        )
        for row in rows
    ]
    if look.sees_plates:
        await write_down(collector, look, "list", "/api/v1/dead-letters", (), always=bool(items))
    return LetterPage(items=items, next_cursor=following)


@router.get("/overview")
async def overview(
    collector: Running, principal: Reader, hours: Annotated[int, Query(ge=1, le=MAX_HOURS)] = 24
) -> Overview:
    """Events by hour and type over the last hours, and how many alerts are open."""
    since_us = collector.clock() - hours * HOUR_US
    hour = type_coerce(events.c.occurred_us.op("/")(HOUR_US), BigInteger).label("hour")
    counts = select(hour, events.c.type, func.count().label("events")).where(events.c.occurred_us >= since_us)
    counts = counts.where(in_scope(events.c.site, principal))
    waiting = select(func.count()).select_from(alerts).where(alerts.c.state.not_in(("resolved", "dismissed")))
    waiting = waiting.where(in_scope(alerts.c.site, principal))
    async with collector.database.read() as connection:
        rows = (await connection.execute(counts.group_by("hour", events.c.type).order_by("hour"))).all()
        open_alerts = (await connection.execute(waiting)).scalar_one()
    by_hour = [HourItem(hour=str(to_text(row.hour * HOUR_US)), type=row.type, events=row.events) for row in rows]
    return Overview(events_by_hour=by_hour, open_alerts=open_alerts)


def _json(text: str | None) -> Any:
    return None if text is None else json.loads(text)
