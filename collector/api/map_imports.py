"""/api/v1/map/import: units, places and hazards from CSV or GeoJSON, all of a file or nothing."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import audit
from collector import hazards as hazard_moves
from collector.access import Principal
from collector.api.guard import Actor, Reader, Running
from collector.api.places import Located, NewHazard, PlaceChange, hazard_row
from collector.api.problems import problem
from collector.api.site_plans import Latitude, Longitude, must_be_in_scope
from collector.api.units import NewUnit
from collector.gcj02 import from_gcj02
from collector.geography import Point
from collector.map_tables import MAX_BYTES, TableRefused, read_rows
from collector.schema_alerts import units
from collector.schema_map import hazards, places
from collector.service import Collector
from contract.base import Identifier

router = APIRouter(prefix="/api/v1/map", tags=["map"])
Datum = Annotated[
    Literal["wgs84", "gcj02"],
    Query(description="Of the coordinates: GPS gives wgs84, Chinese map services (Amap, Tencent) give gcj02."),
]


class PlaceRow(PlaceChange):
    """A place in a file."""

    site: str
    place: Identifier


class MapImported(BaseModel):
    """What became of a file."""

    added: int
    changed: int


@router.get("/wgs84")
async def to_wgs84(
    _principal: Reader, latitude: Annotated[Latitude, Query()], longitude: Annotated[Longitude, Query()]
) -> Located:
    """The WGS 84 coordinates of a point that was read from a Chinese map service (GCJ-02)."""
    found = from_gcj02(Point(latitude, longitude))
    return Located(latitude=round(found.latitude, 7), longitude=round(found.longitude, 7))


@router.post("/import/{site}/units", response_model=MapImported)
async def import_units(site: Identifier, request: Request, collector: Running, principal: Actor) -> Any:
    """Columns or properties: unit, title, kind, contact. A unit of this site that exists is changed."""
    return await _take(Import(collector, principal, site, "units"), await _body(request, principal, site))


@router.post("/import/{site}/places", response_model=MapImported)
async def import_places(
    site: Identifier, request: Request, collector: Running, principal: Actor, datum: Datum = "wgs84"
) -> Any:
    """Columns or properties: place, title, kind, note; latitude, longitude or a Point."""
    return await _take(Import(collector, principal, site, "places", datum), await _body(request, principal, site))


@router.post("/import/{site}/hazards", response_model=MapImported)
async def import_hazards(
    site: Identifier, request: Request, collector: Running, principal: Actor, datum: Datum = "wgs84"
) -> Any:
    """Columns or properties: hazard, title, level, note, due; latitude, longitude or a Point. States stay."""
    return await _take(Import(collector, principal, site, "hazards", datum), await _body(request, principal, site))


class Import:
    """One file for one site, by one person."""

    def __init__(self, collector: Collector, principal: Principal, site: str, kind: str, datum: str = "wgs84") -> None:
        self.collector, self.principal, self.site, self.kind = collector, principal, site, kind
        self.datum = datum
        self.now_us = collector.clock()
        self.key = kind.removesuffix("s")
        self.table = {"units": units, "places": places, "hazards": hazards}[kind]
        models: dict[str, type[BaseModel]] = {"units": NewUnit, "places": PlaceRow, "hazards": NewHazard}
        self.model = models[kind]

    def in_wgs84(self, item: Any) -> Any:
        """The item with the coordinates that the store keeps."""
        if self.datum == "wgs84":
            return item
        where = from_gcj02(Point(item.latitude, item.longitude))
        return item.model_copy(update={"latitude": where.latitude, "longitude": where.longitude})

    def row(self, item: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """(Columns of a new row, those of them that change one that is there)."""
        if self.kind == "units":
            row = {**item.model_dump(), "created_us": self.now_us}
            return row, {name: row[name] for name in ("title", "kind", "contact")}
        if self.kind == "places":
            row = {**item.model_dump(exclude={"latitude", "longitude"}), **item.columns}
            row |= {"changed_us": self.now_us, "changed_by": self.principal.name}
            return row, row
        row = hazard_row(item, self.now_us)
        same = ("title", "level", "note", "latitude_udeg", "longitude_udeg", "due_us")
        return row, {name: row[name] for name in same}


async def _body(request: Request, principal: Principal, site: str) -> bytes:
    must_be_in_scope(principal, site)
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MAX_BYTES:
            raise HTTPException(413, f"a table may have {MAX_BYTES // 1_000_000} MB; split it")
    return bytes(content)


async def _take(work: Import, content: bytes) -> MapImported | JSONResponse:
    try:
        rows = read_rows(content, work.model, work.key, {"site": work.site})
        items = [work.in_wgs84(row) for row in rows]
    except TableRefused as error:
        found = [{"field": fault.where, "message": fault.message} for fault in error.faults]
        return problem(422, f"nothing was imported. {error}", errors=found)
    async with work.collector.database.write() as connection:
        there = await _there(connection, work)
        for item in items:
            await _put(connection, work, item)
        subject = f"/api/v1/map/import/{work.site}/{work.kind}"
        await audit.record(connection, work.principal, "import", subject, now_us=work.now_us)
    changed = sum(getattr(item, work.key) in there for item in items)
    return MapImported(added=len(items) - changed, changed=changed)


async def _there(connection: AsyncConnection, work: Import) -> set[str]:
    own = select(work.table.c[work.key]).where(work.table.c.site == work.site)
    return set((await connection.execute(own)).scalars())


async def _put(connection: AsyncConnection, work: Import, item: Any) -> None:
    row, change = work.row(item)
    keys = [column.name for column in work.table.primary_key]
    insert = work.collector.database.insert(work.table).values(row)
    own = work.table.c.site == work.site
    update = insert.on_conflict_do_update(index_elements=keys, set_=change, where=own)
    is_new = work.kind == "hazards" and (await connection.execute(insert.on_conflict_do_nothing())).rowcount == 1
    if is_new:
        await hazard_moves.found(connection, work.site, item.hazard, work.principal.name, work.now_us, item.note)
    elif (await connection.execute(update)).rowcount != 1:
        raise HTTPException(409, f"nothing was imported: unit {getattr(item, work.key)!r} belongs to another site")
