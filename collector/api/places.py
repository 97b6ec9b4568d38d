"""/api/v1/places and /api/v1/hazards: what people look for on a map, and what is dangerous until it is removed."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import Row, and_, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import audit
from collector import hazards as hazard_moves
from collector.access import Principal
from collector.api.guard import Actor, Looker, Reader, Running, in_scope
from collector.api.lookups import write_down
from collector.api.shapes import said
from collector.api.site_plans import Latitude, Longitude, must_be_in_scope
from collector.api.units import Line
from collector.geography import Point
from collector.hazards import STEPS, HazardLevel, HazardState
from collector.instants import to_text, to_us
from collector.plate_text import mask_text, plates_in_text
from collector.schema_map import hazard_steps, hazards, places
from contract.base import Identifier

router = APIRouter(prefix="/api/v1", tags=["map"])
Note = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]


class Located(BaseModel):
    """A point on the ground."""

    latitude: Latitude
    longitude: Longitude

    @property
    def columns(self) -> dict[str, int]:
        """As the store keeps it."""
        return Point(self.latitude, self.longitude).columns


class Somewhere(BaseModel):
    """A point as it is stored. What is answered asks nothing of it: one odd row must not take all others along."""

    latitude: float
    longitude: float


class PlaceChange(Located):
    """A place as it is to be."""

    title: Line = Field(min_length=1, examples=["3 号楼消火栓"])
    kind: Line = Field(default="other", min_length=1, examples=["hydrant"])
    note: Note = ""


class MapPlace(Somewhere):
    """A place."""

    site: str
    place: str
    title: str
    kind: str
    note: str


class NewHazard(Located):
    """Something dangerous."""

    site: Identifier
    hazard: Identifier = Field(examples=["h-2026-014"])
    title: Line = Field(min_length=1, examples=["4 号楼外墙砖松动"])
    level: HazardLevel = "general"
    note: Note = ""
    due: AwareDatetime | None = Field(default=None, description="Until when it is to be closed.")


class HazardStep(BaseModel):
    """Who did what about it, and when."""

    at: str
    by: str
    state: HazardState
    note: str


class HazardItem(Somewhere):
    """A hazard."""

    site: str
    hazard: str
    title: str
    level: HazardLevel
    note: str
    state: HazardState
    state_since: str
    found_at: str
    due: str | None
    overdue: bool
    next_states: list[HazardState]
    steps: list[HazardStep] = Field(description="Oldest first; only where one hazard is asked for.")


class HazardMove(BaseModel):
    """The next step."""

    state: HazardState
    note: Note = ""


@router.get("/places")
async def list_places(collector: Running, principal: Reader, site: str | None = None) -> list[MapPlace]:
    """All places, by site and name."""
    query = select(places).where(in_scope(places.c.site, principal)).order_by(places.c.site, places.c.place)
    query = query if site is None else query.where(places.c.site == site)
    async with collector.database.read() as connection:
        return [place_item(row) for row in await connection.execute(query)]


@router.put("/places/{site}/{place}")
async def put_place(
    site: Identifier, place: Identifier, change: PlaceChange, collector: Running, principal: Actor
) -> MapPlace:
    """Add or change a place."""
    must_be_in_scope(principal, site)
    row: dict[str, Any] = {"site": site, "place": place, "title": change.title, "kind": change.kind}
    row |= {"note": change.note, **change.columns, "changed_us": collector.clock(), "changed_by": principal.name}
    async with collector.database.write() as connection:
        insert = collector.database.insert(places).values(row)
        await connection.execute(insert.on_conflict_do_update(index_elements=["site", "place"], set_=row))
        await audit.record(connection, principal, "place", f"/api/v1/places/{site}/{place}", now_us=collector.clock())
    return MapPlace(site=site, place=place, **change.model_dump())


@router.delete("/places/{site}/{place}", status_code=204)
async def remove_place(site: Identifier, place: Identifier, collector: Running, principal: Actor) -> None:
    """Take a place off the map."""
    must_be_in_scope(principal, site)
    async with collector.database.write() as connection:
        own = and_(places.c.site == site, places.c.place == place)
        if (await connection.execute(delete(places).where(own))).rowcount != 1:
            raise HTTPException(404, f"there is no place {place!r} at site {site}")
        await audit.record(connection, principal, "unplace", f"/api/v1/places/{site}/{place}", now_us=collector.clock())


@router.get("/hazards")
async def list_hazards(
    collector: Running,
    principal: Reader,
    site: str | None = None,
    closed: Annotated[bool, Query(description="Closed ones too.")] = False,
) -> list[HazardItem]:
    """Hazards, those due first on top."""
    query = select(hazards).where(in_scope(hazards.c.site, principal))
    query = query if site is None else query.where(hazards.c.site == site)
    query = query if closed else query.where(hazards.c.state != "closed")
    order = (hazards.c.due_us.is_(None), hazards.c.due_us, hazards.c.found_us)
    async with collector.database.read() as connection:
        return [hazard_item(row, collector.clock()) for row in await connection.execute(query.order_by(*order))]


@router.post("/hazards", status_code=201)
async def add_hazard(new: NewHazard, collector: Running, principal: Actor) -> HazardItem:
    """Write down a hazard; 409 when its name is taken."""
    must_be_in_scope(principal, new.site)
    now_us = collector.clock()
    async with collector.database.write() as connection:
        insert = collector.database.insert(hazards).values(hazard_row(new, now_us)).on_conflict_do_nothing()
        if (await connection.execute(insert)).rowcount != 1:
            raise HTTPException(409, f"there is a hazard {new.hazard!r} already: choose another name")
        await hazard_moves.found(connection, new.site, new.hazard, principal.name, now_us, new.note)
        item = await _full(connection, new.site, new.hazard, principal, now_us)
    collector.pulse.beat()
    return item


@router.get("/hazards/{site}/{hazard}")
async def get_hazard(site: Identifier, hazard: Identifier, collector: Running, look: Looker) -> HazardItem:
    """One hazard with its history. A plate that stands in a note takes a reason and is recorded."""
    async with collector.database.read() as connection:
        row = await _hazard(connection, site, hazard, look.principal)
        steps = await hazard_moves.steps_of(connection, site, hazard)
    said_there = (row.title, row.note, *(step.note for step in steps))
    shown = plates_in_text(*said_there) if look.sees_plates else []
    await write_down(collector, look, "view", f"/api/v1/hazards/{site}/{hazard}", shown)
    return hazard_item(row, collector.clock(), steps, clear=look.sees_plates)


@router.post("/hazards/{site}/{hazard}/steps")
async def move_hazard(
    site: Identifier, hazard: Identifier, step: HazardMove, collector: Running, principal: Actor
) -> HazardItem:
    """Take a hazard a step further: open, fixing, rechecked, closed; 409 for a step that its state does not allow."""
    now_us = collector.clock()
    async with collector.database.write() as connection:
        row = await _hazard(connection, site, hazard, principal)
        await hazard_moves.move(connection, row, step.state, principal.name, now_us, step.note)
        item = await _full(connection, site, hazard, principal, now_us)
    collector.pulse.beat()
    return item


@router.delete("/hazards/{site}/{hazard}", status_code=204)
async def remove_hazard(site: Identifier, hazard: Identifier, collector: Running, principal: Actor) -> None:
    """Remove a hazard that was written down by mistake, with its history; the record keeps who did."""
    async with collector.database.write() as connection:
        await _hazard(connection, site, hazard, principal)
        for table in (hazard_steps, hazards):
            await connection.execute(delete(table).where(table.c.site == site, table.c.hazard == hazard))
        subject = f"/api/v1/hazards/{site}/{hazard}"
        await audit.record(connection, principal, "remove", subject, now_us=collector.clock())
    collector.pulse.beat()


def place_item(row: Row[Any]) -> MapPlace:
    """A place from its row."""
    where = Point.of_row(row)
    return MapPlace(
        site=row.site,
        place=row.place,
        title=mask_text(row.title),
        kind=row.kind,
        note=mask_text(row.note),
        latitude=where.latitude,
        longitude=where.longitude,
    )


def hazard_row(new: NewHazard, now_us: int) -> dict[str, Any]:
    """Columns of a hazard that is found now."""
    row: dict[str, Any] = {"site": new.site, "hazard": new.hazard, "title": new.title, "level": new.level}
    row |= {"note": new.note, **new.columns, "due_us": None if new.due is None else to_us(new.due)}
    return row | {"state": "open", "state_us": now_us, "found_us": now_us}


def hazard_item(row: Row[Any], now_us: int, steps: list[Row[Any]] | None = None, *, clear: bool = False) -> HazardItem:
    """A hazard from its row; a plate that somebody has written there is masked unless it may be seen."""
    where = Point.of_row(row)
    told = [
        HazardStep(at=str(to_text(one.at_us)), by=one.by, state=one.state, note=said(one.note, clear))
        for one in steps or []
    ]
    return HazardItem(
        site=row.site,
        hazard=row.hazard,
        title=said(row.title, clear),
        level=row.level,
        note=said(row.note, clear),
        latitude=where.latitude,
        longitude=where.longitude,
        state=row.state,
        state_since=str(to_text(row.state_us)),
        found_at=str(to_text(row.found_us)),
        due=to_text(row.due_us),
        overdue=row.state != "closed" and row.due_us is not None and row.due_us < now_us,
        next_states=sorted(STEPS[row.state]),
        steps=told,
    )


async def _hazard(connection: AsyncConnection, site: str, hazard: str, principal: Principal) -> Row[Any]:
    own = and_(hazards.c.site == site, hazards.c.hazard == hazard, in_scope(hazards.c.site, principal))
    row = (await connection.execute(select(hazards).where(own))).one_or_none()
    if row is None:
        raise HTTPException(404, f"there is no hazard {hazard!r} at site {site}")
    return row


async def _full(connection: AsyncConnection, site: str, hazard: str, principal: Principal, now_us: int) -> HazardItem:
    row = await _hazard(connection, site, hazard, principal)
    return hazard_item(row, now_us, await hazard_moves.steps_of(connection, site, hazard))
