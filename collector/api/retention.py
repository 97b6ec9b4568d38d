"""/api/v1/retention and /api/v1/holds: how long things are kept, and what is kept longer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path
from pydantic import BaseModel, Field
from sqlalchemy import select, update

from collector import audit
from collector.access import ACTORS, AUDITORS, Principal
from collector.api.guard import Admin, AdminOfAll, Reader, Running, allow, in_scope
from collector.instants import to_text
from collector.plate_text import mask_text
from collector.retention import DEFAULT_DAYS, FEWEST_DAYS, Kind, days_of
from collector.schema import alerts, events
from collector.schema_retention import holds, retention

router = APIRouter(prefix="/api/v1", tags=["retention"])
Holder = Annotated[Principal, Depends(allow(ACTORS | AUDITORS))]
TABLES = {"alert": (alerts, alerts.c.alert_id), "event": (events, events.c.event_id)}


class Kept(BaseModel):
    """How long one kind is kept."""

    kind: Kind
    days: int
    standard: int = Field(description="Unless somebody changes it.")
    fewest: int


class Days(BaseModel):
    """How long to keep it."""

    days: int = Field(ge=1, le=36500)


class HoldItem(BaseModel):
    """Something that is kept although it has expired."""

    hold_id: int
    kind: Literal["alert", "event"]
    subject: str
    site: str
    reason: str
    by: str
    at: str
    released_by: str | None
    released_at: str | None


class NewHold(BaseModel):
    """An alert (with its events and files) or an event (with its files) to be kept until it is released."""

    kind: Literal["alert", "event"]
    subject: str = Field(max_length=64, description="Its id.")
    reason: str = Field(min_length=3, max_length=200, examples=["evidence in case 2026-113"])


@router.get("/retention")
async def list_retention(collector: Running, _principal: Reader) -> list[Kept]:
    """How long each kind is kept."""
    async with collector.database.read() as connection:
        days = await days_of(connection)
    return [Kept(kind=kind, days=days[kind], standard=DEFAULT_DAYS[kind], fewest=FEWEST_DAYS[kind]) for kind in Kind]


@router.put("/retention/{kind}")
async def set_retention(kind: Kind, days: Days, collector: Running, principal: AdminOfAll) -> Kept:
    """Change how long a kind is kept; recorded."""
    if days.days < FEWEST_DAYS[kind]:
        raise HTTPException(422, f"{kind} is kept {FEWEST_DAYS[kind]} days at least")
    async with collector.database.write() as connection:
        insert = collector.database.insert(retention).values(kind=kind.value, days=days.days)
        await connection.execute(insert.on_conflict_do_update(index_elements=["kind"], set_={"days": days.days}))
        subject = f"/api/v1/retention/{kind}?days={days.days}"
        await audit.record(connection, principal, "set-retention", subject, now_us=collector.clock())
    return Kept(kind=kind, days=days.days, standard=DEFAULT_DAYS[kind], fewest=FEWEST_DAYS[kind])


@router.get("/holds")
async def list_holds(collector: Running, principal: Reader) -> list[HoldItem]:
    """Legal holds, newest first, released ones too."""
    query = select(holds).where(in_scope(holds.c.site, principal)).order_by(holds.c.hold_id.desc())
    async with collector.database.read() as connection:
        return [_item(row) for row in (await connection.execute(query.limit(1000))).all()]


@router.post("/holds", status_code=201)
async def hold(new: NewHold, collector: Running, principal: Holder) -> HoldItem:
    """Keep an alert or event until it is released; recorded."""
    table, key = TABLES[new.kind]
    async with collector.database.write() as connection:
        site = (
            await connection.execute(select(table.c.site).where(key == new.subject, in_scope(table.c.site, principal)))
        ).scalar()
        if site is None:
            raise HTTPException(404, f"there is no {new.kind} {new.subject}")
        row = {**new.model_dump(), "site": site, "by": principal.name, "at_us": collector.clock()}
        made = (await connection.execute(holds.insert().returning(*holds.c), [row])).one()
        subject = f"/api/v1/holds/{made.hold_id}"
        await audit.record(connection, principal, "hold", subject, now_us=collector.clock(), reason=new.reason)
    return _item(made)


@router.delete("/holds/{number}")
async def release(number: Annotated[int, Path(ge=1, le=2**62)], collector: Running, principal: Admin) -> HoldItem:
    """Release a hold; what it kept expires with the next run. Recorded."""
    own = (holds.c.hold_id == number) & holds.c.released_us.is_(None) & in_scope(holds.c.site, principal)
    values = {"released_by": principal.name, "released_us": collector.clock()}
    async with collector.database.write() as connection:
        row = (await connection.execute(update(holds).where(own).values(values).returning(*holds.c))).one_or_none()
        if row is None:
            raise HTTPException(404, f"there is no hold {number} that holds")
        await audit.record(connection, principal, "release", f"/api/v1/holds/{number}", now_us=collector.clock())
    return _item(row)


def _item(row: Any) -> HoldItem:
    return HoldItem(
        hold_id=row.hold_id,
        kind=row.kind,
        subject=row.subject,
        site=row.site,
        reason=mask_text(row.reason),
        by=row.by,
        at=str(to_text(row.at_us)),
        released_by=row.released_by,
        released_at=to_text(row.released_us),
    )
