"""/api/v1/units: who can be sent, and what each has to do."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field
from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import audit
from collector.access import Principal
from collector.alerts import CLOSED
from collector.api.guard import Actor, Reader, Running, in_scope
from collector.api.shapes import AlertItem, alert_items
from collector.instants import to_text
from collector.reading import alerts_with_plates
from collector.schema import alerts
from collector.schema_alerts import units
from contract.base import Identifier

router = APIRouter(prefix="/api/v1", tags=["units"])
UnitKind = Literal["patrol", "guard", "fire", "repair", "property", "other"]
MOST_TASKS = 500
Line = Annotated[str, Field(max_length=100, pattern=r"^[^\x00\r\n]*$")]


class NewUnit(BaseModel):
    """A team, a person or a car that can be sent."""

    unit: Identifier = Field(examples=["patrol-1"])
    site: Identifier
    title: Line = Field(min_length=1, examples=["巡逻一组"])
    kind: UnitKind = "patrol"
    contact: Line = Field(default="", description="Telephone or radio call sign.")


class UnitChange(BaseModel):
    """What is to be different; what is left out stays."""

    title: Line | None = Field(default=None, min_length=1)
    kind: UnitKind | None = None
    contact: Line | None = None
    on_duty: bool | None = Field(default=None, description="False: nothing more is assigned to it.")


class UnitItem(BaseModel):
    """A unit as it is."""

    unit: str
    site: str
    title: str
    kind: UnitKind
    contact: str
    on_duty: bool
    created_at: str


class TaskList(BaseModel):
    """What one unit has to do."""

    unit: UnitItem
    overdue: int
    tasks: list[AlertItem] = Field(description="Open alerts assigned to it, those due first on top.")


@router.get("/units")
async def list_units(
    collector: Running,
    principal: Reader,
    site: str | None = None,
    on_duty: Annotated[bool | None, Query(description="Only those on duty, or only the others.")] = None,
) -> list[UnitItem]:
    """All units, by site and name."""
    async with collector.database.read() as connection:
        return [_item(row) for row in await _units(connection, principal, site, on_duty)]


@router.post("/units", status_code=201)
async def add_unit(unit: NewUnit, collector: Running, principal: Actor) -> UnitItem:
    """Add a unit; 409 when its name is taken."""
    if not principal.may_see(unit.site):
        raise HTTPException(403, f"you may not act for site {unit.site}")
    row = {**unit.model_dump(), "created_us": collector.clock()}
    async with collector.database.write() as connection:
        insert = collector.database.insert(units).values(row).on_conflict_do_nothing()
        if (await connection.execute(insert)).rowcount != 1:
            raise HTTPException(409, f"there is a unit {unit.unit!r} already: choose another name, or change that one")
        subject = f"/api/v1/units/{unit.unit}"
        await audit.record(connection, principal, "add", subject, now_us=collector.clock())
        return _item(await _unit(connection, unit.unit, principal))


@router.patch("/units/{unit}")
async def change_unit(unit: str, change: UnitChange, collector: Running, principal: Actor) -> UnitItem:
    """Change a unit, or take it off duty; what it has to do stays with it."""
    values: dict[str, Any] = change.model_dump(exclude_none=True, exclude={"on_duty"})
    async with collector.database.write() as connection:
        before = await _unit(connection, unit, principal)
        if change.on_duty is not None:
            values["ended_us"] = None if change.on_duty else before.ended_us or collector.clock()
        if values:
            await connection.execute(update(units).where(units.c.unit == unit).values(values))
        await audit.record(connection, principal, "change", f"/api/v1/units/{unit}", now_us=collector.clock())
        return _item(await _unit(connection, unit, principal))


@router.get("/tasks")
async def list_tasks(collector: Running, principal: Reader, site: str | None = None) -> list[TaskList]:
    """One list a unit: its open alerts, those due first on top. Plates are masked. Units off duty only with tasks."""
    query = alerts_with_plates().where(alerts.c.unit.is_not(None), alerts.c.state.not_in(CLOSED))
    query = query.where(in_scope(alerts.c.site, principal)).order_by(alerts.c.due_us, alerts.c.raised_us)
    async with collector.database.read() as connection:
        found = await _units(connection, principal, site, None)
        rows = (await connection.execute(query.limit(MOST_TASKS))).all()
        items, _ = await alert_items(connection, rows, sees_plates=False)
    lists = []
    for row in found:
        own = [item for item in items if item.unit == row.unit]
        if own or row.ended_us is None:
            lists.append(TaskList(unit=_item(row), overdue=sum(item.overdue for item in own), tasks=own))
    return lists


async def _units(
    connection: AsyncConnection, principal: Principal, site: str | None, on_duty: bool | None
) -> list[Row[Any]]:
    query = select(units).where(in_scope(units.c.site, principal)).order_by(units.c.site, units.c.unit)
    query = query if site is None else query.where(units.c.site == site)
    if on_duty is not None:
        query = query.where(units.c.ended_us.is_(None) if on_duty else units.c.ended_us.is_not(None))
    return list(await connection.execute(query))


async def _unit(connection: AsyncConnection, unit: str, principal: Principal) -> Row[Any]:
    query = select(units).where(units.c.unit == unit, in_scope(units.c.site, principal))
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise HTTPException(404, f"there is no unit {unit!r}")
    return row


def _item(row: Row[Any]) -> UnitItem:
    return UnitItem(
        unit=row.unit,
        site=row.site,
        title=row.title,
        kind=row.kind,
        contact=row.contact,
        on_duty=row.ended_us is None,
        created_at=str(to_text(row.created_us)),
    )
