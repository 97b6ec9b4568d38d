"""/api/v1/sites/{site}/map: all that stands on a site's map, where cameras look, and which units are near an alert."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field
from sqlalchemy import Row, and_, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import audit, positions
from collector.access import Principal
from collector.api.guard import Admin, Reader, Running, in_scope
from collector.api.places import HazardItem, Located, MapPlace, Somewhere, hazard_item, place_item
from collector.api.site_plans import COLUMNS, PlanItem, must_be_in_scope, plan_item
from collector.api.units import Line
from collector.geography import Point
from collector.instants import HOUR_US, SECOND_US, to_text
from collector.schema import alerts
from collector.schema_alerts import units
from collector.schema_map import camera_views, hazards, places, plans, unit_tracks
from collector.schema_vehicles import checkpoints
from contract.base import Identifier

router = APIRouter(prefix="/api/v1", tags=["map"])
Hours = Annotated[float, Query(gt=0, le=24)]


class View(Located):
    """Where a camera stands and what it sees; a sensor sees nothing."""

    name: Line = Field(min_length=1, examples=["3 号楼南"])
    bearing_deg: int = Field(default=0, ge=0, le=360, description="Where it looks, clockwise from north.")
    angle_deg: int = Field(default=0, ge=0, le=360, description="How wide; 0: no field of view is drawn.")
    range_m: int = Field(default=0, ge=0, le=10_000, description="How far.")
    watches: Identifier | None = Field(
        default=None, description="Place (a building) of the site: falls that this camera sees are marked there."
    )


class MapCamera(Somewhere):
    """A camera or sensor on the map."""

    site: str
    edge: str
    camera: str
    name: str
    bearing_deg: int
    angle_deg: int
    range_m: int
    watches: str | None


class UnitPositionItem(Somewhere):
    """Where a unit was last."""

    at: str
    accuracy_m: int | None
    heading_deg: int | None


class MapUnit(BaseModel):
    """A unit on the map."""

    site: str
    unit: str
    title: str
    kind: str
    contact: str
    on_duty: bool
    position: UnitPositionItem


class NearUnitItem(MapUnit):
    """A unit that is near."""

    metres: int


class NearUnits(BaseModel):
    """Which units are near an alert."""

    place: str | None = Field(description="What people call the place; null: nobody has said where the camera stands.")
    within_m: float
    fresh_s: float = Field(description="Units that have not reported for longer are left out.")
    units: list[NearUnitItem] = Field(description="On duty, the nearest first.")


class TrackedPoint(Somewhere):
    """A unit on its way."""

    at: str


class SiteMap(BaseModel):
    """What stands on a site's map; open alerts are in /api/v1/alerts, at the place of their camera."""

    site: str
    plan: PlanItem | None
    cameras: list[MapCamera]
    units: list[MapUnit]
    places: list[MapPlace]
    hazards: list[HazardItem] = Field(description="Not yet closed.")


@router.get("/sites/{site}/map")
async def get_map(site: Identifier, collector: Running, principal: Reader) -> SiteMap:
    """All that stands on this site's map."""
    must_be_in_scope(principal, site)
    async with collector.database.read() as connection:
        plan = (await connection.execute(select(*COLUMNS).where(plans.c.site == site))).one_or_none()
        here = await connection.execute(select(places).where(places.c.site == site).order_by(places.c.place))
        open_ones = select(hazards).where(hazards.c.site == site, hazards.c.state != "closed")
        return SiteMap(
            site=site,
            plan=None if plan is None else plan_item(plan),
            cameras=[_camera(row) for row in await connection.execute(_cameras().where(checkpoints.c.site == site))],
            units=[unit_item(row) for row in await connection.execute(_placed(site))],
            places=[place_item(row) for row in here],
            hazards=[hazard_item(row, collector.clock()) for row in await connection.execute(open_ones)],
        )


@router.put("/map/cameras/{site}/{edge}/{camera}")
async def put_camera(
    site: Identifier, edge: Identifier, camera: Identifier, view: View, collector: Running, principal: Admin
) -> MapCamera:
    """Say where a camera (or sensor) stands and what it sees. Its place is its checkpoint's, too.

    422 when it is to watch a building that is not among the site's places.
    """
    must_be_in_scope(principal, site)
    key = {"site": site, "edge": edge, "camera": camera}
    place: dict[str, Any] = {**key, "name": view.name, **view.columns}
    looks = {**key, **view.model_dump(include={"bearing_deg", "angle_deg", "range_m", "watches"})}
    async with collector.database.write() as connection:
        await _must_know(connection, site, view.watches)
        for table, row in ((checkpoints, place), (camera_views, looks)):
            insert = collector.database.insert(table).values(row)
            await connection.execute(insert.on_conflict_do_update(index_elements=list(key), set_=row))
        subject = f"/api/v1/map/cameras/{site}/{edge}/{camera}"
        await audit.record(connection, principal, "place", subject, now_us=collector.clock())
    return MapCamera(**key, **view.model_dump())


@router.delete("/map/cameras/{site}/{edge}/{camera}", status_code=204)
async def remove_camera(
    site: Identifier, edge: Identifier, camera: Identifier, collector: Running, principal: Admin
) -> None:
    """Take a camera off the map."""
    must_be_in_scope(principal, site)
    async with collector.database.write() as connection:
        removed = 0
        for table in (camera_views, checkpoints):
            own = and_(table.c.site == site, table.c.edge == edge, table.c.camera == camera)
            removed += (await connection.execute(delete(table).where(own))).rowcount
        if removed == 0:
            raise HTTPException(404, f"nobody has said where {site}/{edge}/{camera} stands")
        subject = f"/api/v1/map/cameras/{site}/{edge}/{camera}"
        await audit.record(connection, principal, "unplace", subject, now_us=collector.clock())


@router.get("/units/{unit}/track")
async def unit_track(unit: str, collector: Running, principal: Reader, hours: Hours = 1.0) -> list[TrackedPoint]:
    """Where a unit was, oldest first: one point every ten seconds, of the last day at most."""
    since_us = collector.clock() - int(hours * HOUR_US)
    query = select(unit_tracks).join(units, units.c.unit == unit_tracks.c.unit)
    query = query.where(in_scope(units.c.site, principal), unit_tracks.c.unit == unit, unit_tracks.c.at_us >= since_us)
    async with collector.database.read() as connection:
        rows = (await connection.execute(query.order_by(unit_tracks.c.slot))).all()
    return [TrackedPoint(at=str(to_text(row.at_us)), **_where(row)) for row in rows]


@router.get("/alerts/{alert_id}/units")
async def near_units(
    alert_id: str,
    collector: Running,
    principal: Reader,
    within_m: Annotated[float | None, Query(gt=0, le=100_000, description="Left out: as configured.")] = None,
) -> NearUnits:
    """Units on duty near an alert's camera or sensor, as the crow flies."""
    rules = collector.duty.now.nearest
    within_m = rules.within_m if within_m is None else within_m
    async with collector.database.read() as connection:
        alert = await _alert(connection, alert_id, principal)
        key = (checkpoints.c.site == alert.site, checkpoints.c.edge == alert.edge, checkpoints.c.camera == alert.source)
        at = (await connection.execute(select(checkpoints).where(*key))).one_or_none()
        since_us = collector.clock() - int(rules.fresh_s * SECOND_US)
        near = (
            [] if at is None else await positions.nearest(connection, alert.site, Point.of_row(at), within_m, since_us)
        )
    found = [NearUnitItem(**unit_item(one.row).model_dump(), metres=round(one.metres)) for one in near]
    return NearUnits(place=None if at is None else at.name, within_m=within_m, fresh_s=rules.fresh_s, units=found)


async def _must_know(connection: AsyncConnection, site: str, place: str | None) -> None:
    if place is None:
        return
    known = select(places.c.place).where(places.c.site == site, places.c.place == place)
    if (await connection.execute(known)).first() is None:
        raise HTTPException(422, f"there is no place {place!r} at site {site}: add the building as a place first")


def _cameras() -> Any:
    same = and_(*(camera_views.c[name] == checkpoints.c[name] for name in ("site", "edge", "camera")))
    looks = (camera_views.c[name] for name in ("bearing_deg", "angle_deg", "range_m", "watches"))
    return select(checkpoints, *looks).select_from(checkpoints.outerjoin(camera_views, same))


def _camera(row: Row[Any]) -> MapCamera:
    return MapCamera(
        site=row.site,
        edge=row.edge,
        camera=row.camera,
        name=row.name,
        **_where(row),
        bearing_deg=row.bearing_deg or 0,
        angle_deg=row.angle_deg or 0,
        range_m=row.range_m or 0,
        watches=row.watches,
    )


def _placed(site: str) -> Any:
    query = positions.newest().where(units.c.site == site)
    return query.where(query.selected_columns.at_us.is_not(None)).order_by(units.c.unit)


def unit_item(row: Row[Any]) -> MapUnit:
    """A unit with a position."""
    position = UnitPositionItem(
        **_where(row), at=str(to_text(row.at_us)), accuracy_m=row.accuracy_m, heading_deg=row.heading_deg
    )
    return MapUnit(
        site=row.site,
        unit=row.unit,
        title=row.title,
        kind=row.kind,
        contact=row.contact,
        on_duty=row.ended_us is None,
        position=position,
    )


def _where(row: Row[Any]) -> dict[str, float]:
    point = Point.of_row(row)
    return {"latitude": point.latitude, "longitude": point.longitude}


async def _alert(connection: AsyncConnection, alert_id: str, principal: Principal) -> Row[Any]:
    own = select(alerts).where(alerts.c.alert_id == alert_id, in_scope(alerts.c.site, principal))
    row = (await connection.execute(own)).one_or_none()
    if row is None:
        raise HTTPException(404, f"there is no alert {alert_id}")
    return row
