"""/api/v1/vehicles and /api/v1/checkpoints: where one vehicle was, and where checkpoints are."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import and_, delete, select

from collector import audit
from collector.access import Principal
from collector.api.guard import Admin, Looker, PlateReader, Reader, Running, in_scope
from collector.api.lookups import write_down
from collector.api.places import Located, Somewhere
from collector.api.units import Line
from collector.clones import Key, Place, is_too_fast, places_of
from collector.instants import SECOND_US, to_text, to_us
from collector.plate_search import Pattern, by_plate
from collector.schema_vehicles import checkpoints, passages
from contract.base import Identifier
from contract.plate_keys import PlateKeyError, normalise

router = APIRouter(prefix="/api/v1", tags=["vehicles"])
MOST_POINTS = 1000
Plate = Annotated[str, Path(min_length=3, max_length=20)]


class CheckpointPlace(Located):
    """Where a checkpoint is to be."""

    name: Line = Field(min_length=1, examples=["East gate"])


class PlaceItem(Somewhere):
    """Where a checkpoint is."""

    name: str


class CheckpointItem(PlaceItem):
    """A camera and where it stands."""

    site: str
    edge: str
    camera: str


class TrackPoint(BaseModel):
    """The vehicle at one checkpoint."""

    passage_no: int
    event_id: str
    seen_at: str
    site: str
    edge: str
    camera: str
    direction: str
    plate: str
    place: PlaceItem | None = Field(description="Null where nobody has said where the camera stands.")
    seconds_before: float | None = Field(description="Time since the point before.")
    metres_before: float | None = Field(description="Distance from it as the crow flies, where both are known.")
    too_fast: bool = Field(description="No vehicle drives that far in that time.")


class Track(BaseModel):
    """Where one vehicle was, oldest first."""

    plate: str
    points: list[TrackPoint]
    complete: bool = Field(description="False when only the newest 1,000 points are given.")


@router.get("/vehicles/{plate}/track")
async def get_track(
    plate: Plate,
    collector: Running,
    _principal: PlateReader,
    look: Looker,
    alike: Annotated[bool, Query(description="Look-alikes count as the same.")] = False,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
) -> Track:
    """One vehicle over the checkpoints, oldest first. Takes the right and a reason; recorded."""
    look.must_see_plates("follow a vehicle")
    try:
        pattern = Pattern(Pattern.parse(normalise(plate), alike).text.rstrip("*"), alike)
    except PlateKeyError as error:
        raise HTTPException(422, str(error)) from error
    query = select(passages).where(in_scope(passages.c.site, look.principal))
    if since is not None:
        query = query.where(passages.c.seen_us >= to_us(since))
    if until is not None:
        query = query.where(passages.c.seen_us < to_us(until))
    async with collector.database.read() as connection:
        newest = (await by_plate(connection, query, pattern)).order_by(passages.c.seen_us.desc())
        rows = list(reversed((await connection.execute(newest.limit(MOST_POINTS + 1))).all()))
        places = await places_of(connection)
    complete = len(rows) <= MOST_POINTS
    rows = rows[-MOST_POINTS:]
    subject = f"/api/v1/vehicles/track?plate={pattern.text}"  # what follows `?` is shown only with a reason
    await write_down(collector, look, "search", subject, [row.plate for row in rows], always=True)
    return Track(plate=pattern.text, points=_points(rows, places), complete=complete)


def _points(rows: list[Any], places: dict[Key, Place]) -> list[TrackPoint]:
    befores = [None, *(before for before, _ in pairwise(rows))] if rows else []
    return [_point(row, before, places) for row, before in zip(rows, befores, strict=True)]


def _point(row: Any, before: Any, places: dict[Key, Place]) -> TrackPoint:
    place = places.get((row.site, row.edge, row.camera))
    there = None if before is None else places.get((before.site, before.edge, before.camera))
    seconds = None if before is None else (row.seen_us - before.seen_us) / SECOND_US
    metres = place.metres_to(there) if place and there else None
    return TrackPoint(
        passage_no=row.passage_no,
        event_id=row.event_id,
        seen_at=str(to_text(row.seen_us)),
        site=row.site,
        edge=row.edge,
        camera=row.camera,
        direction=row.direction,
        plate=row.plate,
        place=None if place is None else PlaceItem(**_fields(place)),
        seconds_before=seconds,
        metres_before=None if metres is None else round(metres, 1),
        too_fast=metres is not None and seconds is not None and is_too_fast(metres, seconds),
    )


def _fields(place: Place) -> dict[str, Any]:
    return {"name": place.name, "latitude": place.latitude, "longitude": place.longitude}


@router.get("/checkpoints")
async def list_checkpoints(collector: Running, principal: Reader) -> list[CheckpointItem]:
    """Cameras whose place is known."""
    async with collector.database.read() as connection:
        places = await places_of(connection)
    return [
        CheckpointItem(site=site, edge=edge, camera=camera, **_fields(place))
        for (site, edge, camera), place in sorted(places.items())
        if principal.may_see(site)
    ]


@router.put("/checkpoints/{site}/{edge}/{camera}")
async def put_checkpoint(
    site: Identifier, edge: Identifier, camera: Identifier, place: CheckpointPlace, collector: Running, principal: Admin
) -> CheckpointItem:
    """Say where a camera stands, in WGS 84: what no vehicle can drive in time becomes an alert."""
    _must_be_in_scope(principal, site)
    row: dict[str, Any] = {"site": site, "edge": edge, "camera": camera, "name": place.name}
    row |= {"latitude_udeg": round(place.latitude * 1e6), "longitude_udeg": round(place.longitude * 1e6)}
    async with collector.database.write() as connection:
        insert = collector.database.insert(checkpoints).values(row)
        await connection.execute(insert.on_conflict_do_update(index_elements=["site", "edge", "camera"], set_=row))
        subject = f"/api/v1/checkpoints/{site}/{edge}/{camera}"
        await audit.record(connection, principal, "place", subject, now_us=collector.clock())
    return CheckpointItem(site=site, edge=edge, camera=camera, **place.model_dump())


@router.delete("/checkpoints/{site}/{edge}/{camera}", status_code=204)
async def remove_checkpoint(
    site: Identifier, edge: Identifier, camera: Identifier, collector: Running, principal: Admin
) -> None:
    """Forget where a camera stands."""
    _must_be_in_scope(principal, site)
    own = and_(checkpoints.c.site == site, checkpoints.c.edge == edge, checkpoints.c.camera == camera)
    async with collector.database.write() as connection:
        if (await connection.execute(delete(checkpoints).where(own))).rowcount != 1:
            raise HTTPException(404, f"nobody has said where {site}/{edge}/{camera} stands")
        subject = f"/api/v1/checkpoints/{site}/{edge}/{camera}"
        await audit.record(connection, principal, "unplace", subject, now_us=collector.clock())


def _must_be_in_scope(principal: Principal, site: str) -> None:
    if not principal.may_see(site):
        raise HTTPException(404, f"there is no site {site}")
