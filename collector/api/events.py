"""GET /api/v1/events: what the edges reported."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query
from pydantic import AwareDatetime
from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from collector.api.guard import Looker, Running, in_scope
from collector.api.lookups import reason_of_hit, write_down
from collector.api.shapes import EventItem, EventPage, event_items
from collector.instants import to_us
from collector.reading import page
from collector.schema import events
from contract.events import EventType

router = APIRouter(prefix="/api/v1/events", tags=["events"])
Order = Literal["newest", "oldest", "sequence"]
_DIGEST = ('"plate_digest":"', '"plate_digest": "')
"""How an envelope that holds a hash in place of a plate can be told."""


@router.get("")
async def list_events(  # noqa: PLR0913 -- every parameter is a filter of the address
    *,
    collector: Running,
    look: Looker,
    type_: Annotated[EventType | None, Query(alias="type")] = None,
    site: str | None = None,
    edge: str | None = None,
    source: Annotated[str | None, Query(description="Camera or sensor.")] = None,
    since: Annotated[AwareDatetime | None, Query(description="Event time, included.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Event time, not included.")] = None,
    outbox_id: UUID | None = None,
    passage_id: str | None = None,
    plate: Annotated[
        str | None, Query(min_length=1, max_length=12, description="Begins with this. Plates kept as hashes: see note.")
    ] = None,
    order: Annotated[Order, Query(description="By event time, or by (outbox id, sequence).")] = "newest",
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    cursor: str | None = None,
) -> EventPage:
    """Events, filtered, a page at a time. Plates are masked without a reason; showing them is recorded."""
    if plate is not None:
        look.must_see_plates("search by plate")
    wanted = {"type": type_, "site": site, "edge": edge, "source": source, "passage_id": passage_id}
    wanted["outbox_id"] = str(outbox_id) if outbox_id else None
    filtered = _filtered({key: value for key, value in wanted.items() if value is not None}, since, until)
    filtered = filtered.where(in_scope(events.c.site, look.principal))
    query = filtered if plate is None else filtered.where(events.c.plate.startswith(plate.upper(), autoescape=True))
    keys = (events.c.outbox_id, events.c.sequence) if order == "sequence" else (events.c.occurred_us, events.c.row_id)
    async with collector.database.read() as connection:
        rows, following = await page(connection, query, keys, descending=order == "newest", limit=limit, cursor=cursor)
        items, shown = await event_items(connection, rows, look.sees_plates)
        note = None if plate is None else await _hashes_among(connection, filtered)
    if plate is None:
        await write_down(collector, look, "list", "/api/v1/events", shown)
    else:
        await write_down(collector, look, "search", f"/api/v1/events?plate={plate}", shown, always=True)
    return EventPage(items=items, next_cursor=following, note=note)


async def _hashes_among(connection: AsyncConnection, filtered: Select[Any]) -> str | None:
    """What a search by plate cannot see: passages whose edges tell plates only as keyed hashes."""
    hashed = filtered.where(
        events.c.type == EventType.PLATE_PASSAGE,
        events.c.plate.is_(None),
        or_(*(events.c.payload.contains(text, autoescape=True) for text in _DIGEST)),
    )
    some = (await connection.execute(hashed.limit(1))).first()
    if some is None:
        return None
    return (
        "some passages here are kept as keyed hashes (privacy.plates: hashed on their edge): "
        "they cannot be searched by plate, not even by its first characters, and are not among the results"
    )


def _filtered(equal: dict[str, Any], since: datetime | None, until: datetime | None) -> Select[Any]:
    query = select(events)
    for name, value in equal.items():
        query = query.where(events.c[name] == value)
    if since is not None:
        query = query.where(events.c.occurred_us >= to_us(since))
    if until is not None:
        query = query.where(events.c.occurred_us < to_us(until))
    return query


@router.get("/{event_id}")
async def get_event(event_id: UUID, collector: Running, look: Looker) -> EventItem:
    """One event. A plate in clear takes a reason (an open watch-list hit is one) and is recorded as looked at."""
    query = select(events).where(events.c.event_id == str(event_id), in_scope(events.c.site, look.principal))
    async with collector.database.read() as connection:
        rows = (await connection.execute(query.order_by(events.c.row_id).limit(1))).all()
        look = look.for_entry(await reason_of_hit(connection, [str(event_id)]))
        items, shown = await event_items(connection, rows, look.sees_plates)
    if not items:
        raise HTTPException(404, f"there is no event {event_id}")
    await write_down(collector, look, "view", f"/api/v1/events/{event_id}", shown)
    return items[0]
