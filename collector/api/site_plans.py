"""/api/v1/map/plans: the picture under a site's map."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import audit
from collector.access import Principal
from collector.api.guard import Admin, Reader, Running, in_scope
from collector.geography import Point
from collector.plan_picture import MAX_BYTES, PictureRefused, encode_anew
from collector.schema_map import plans
from contract.base import Identifier

router = APIRouter(prefix="/api/v1/map/plans", tags=["map"])
Latitude = Annotated[float, Field(ge=-89, le=89, allow_inf_nan=False, description="WGS 84, degrees.")]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Width = Annotated[float, Field(ge=1, le=200_000, allow_inf_nan=False, description="The picture's width on the ground.")]
Bearing = Annotated[float, Field(ge=0, le=360, allow_inf_nan=False, description="Where up is in it, from north.")]
PICTURE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, max-age=86400",
}
COLUMNS = [column for column in plans.c if column.name != "picture"]


class Placement(BaseModel):
    """Where the picture lies."""

    latitude: Latitude = Field(description="Of its middle.", examples=[31.23])
    longitude: Longitude = Field(examples=[121.47])
    width_m: Width = Field(examples=[240])
    bearing_deg: Bearing = 0

    @property
    def columns(self) -> dict[str, int]:
        """As the store keeps it."""
        where = Point(self.latitude, self.longitude).columns
        return {**where, "width_mm": round(self.width_m * 1000), "bearing_mdeg": round(self.bearing_deg * 1000)}


class PlanItem(Placement):
    """A site's plan."""

    site: str
    sha256: str = Field(description="Of the picture.")
    width_px: int
    height_px: int


async def placement_of(
    latitude: Annotated[Latitude, Query()],
    longitude: Annotated[Longitude, Query()],
    width_m: Annotated[Width, Query()],
    bearing_deg: Annotated[Bearing, Query()] = 0,
) -> Placement:
    """From the address's query: the body is the picture."""
    return Placement(latitude=latitude, longitude=longitude, width_m=width_m, bearing_deg=bearing_deg)


@router.get("")
async def list_plans(collector: Running, principal: Reader) -> list[PlanItem]:
    """All site plans, without their pictures."""
    async with collector.database.read() as connection:
        rows = await connection.execute(select(*COLUMNS).where(in_scope(plans.c.site, principal)))
        return [plan_item(row) for row in rows]


@router.put("/{site}")
async def put_plan(
    site: Identifier,
    request: Request,
    collector: Running,
    principal: Admin,
    placement: Annotated[Placement, Depends(placement_of)],
) -> PlanItem:
    """Upload a PNG or JPEG (the body) and say where it lies. It is decoded and encoded anew."""
    must_be_in_scope(principal, site)
    try:
        picture = await asyncio.to_thread(encode_anew, await _body(request))
    except PictureRefused as error:
        raise HTTPException(422, str(error)) from error
    row: dict[str, Any] = {"site": site, **placement.columns, "picture": picture.content}
    row |= {"media_type": picture.media_type, "sha256": picture.sha256}
    row |= {"width_px": picture.width_px, "height_px": picture.height_px}
    row |= {"changed_us": collector.clock(), "changed_by": principal.name}
    async with collector.database.write() as connection:
        insert = collector.database.insert(plans).values(row)
        await connection.execute(insert.on_conflict_do_update(index_elements=["site"], set_=row))
        await audit.record(connection, principal, "plan", f"/api/v1/map/plans/{site}", now_us=collector.clock())
        return plan_item(await _plan(connection, site, principal))


@router.patch("/{site}")
async def move_plan(site: Identifier, placement: Placement, collector: Running, principal: Admin) -> PlanItem:
    """Say anew where the picture lies."""
    async with collector.database.write() as connection:
        await _plan(connection, site, principal)
        change = {**placement.columns, "changed_us": collector.clock(), "changed_by": principal.name}
        await connection.execute(update(plans).where(plans.c.site == site).values(change))
        await audit.record(connection, principal, "plan", f"/api/v1/map/plans/{site}", now_us=collector.clock())
        return plan_item(await _plan(connection, site, principal))


@router.delete("/{site}", status_code=204)
async def remove_plan(site: Identifier, collector: Running, principal: Admin) -> None:
    """Back to a plain grid."""
    async with collector.database.write() as connection:
        await _plan(connection, site, principal)
        await connection.execute(delete(plans).where(plans.c.site == site))
        await audit.record(connection, principal, "unplan", f"/api/v1/map/plans/{site}", now_us=collector.clock())


@router.get("/{site}/picture", response_class=Response)
async def plan_picture(
    site: Identifier,
    collector: Running,
    principal: Reader,
    _version: Annotated[str | None, Query(alias="sha256", description="Only to name the version.")] = None,
) -> Response:
    """The picture."""
    query = select(plans.c.picture, plans.c.media_type).where(plans.c.site == site, in_scope(plans.c.site, principal))
    async with collector.database.read() as connection:
        row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise HTTPException(404, f"site {site} has no plan")
    return Response(row.picture, media_type=row.media_type, headers=PICTURE_HEADERS)


def plan_item(row: Row[Any]) -> PlanItem:
    """A row without its picture."""
    where = Point.of_row(row)
    return PlanItem(
        site=row.site,
        latitude=where.latitude,
        longitude=where.longitude,
        width_m=row.width_mm / 1000,
        bearing_deg=row.bearing_mdeg / 1000,
        sha256=row.sha256,
        width_px=row.width_px,
        height_px=row.height_px,
    )


def must_be_in_scope(principal: Principal, site: str) -> None:
    """404 for a site that this one may not see: nobody is told whether it exists."""
    if not principal.may_see(site):
        raise HTTPException(404, f"there is no site {site}")


async def _body(request: Request) -> bytes:
    """413 as soon as it is too large."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MAX_BYTES:
            raise HTTPException(413, f"a site plan may have {MAX_BYTES // 1_000_000} MB; make the picture smaller")
    return bytes(content)


async def _plan(connection: AsyncConnection, site: str, principal: Principal) -> Row[Any]:
    query = select(*COLUMNS).where(plans.c.site == site, in_scope(plans.c.site, principal))
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise HTTPException(404, f"site {site} has no plan")
    return row
