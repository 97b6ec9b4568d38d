"""/api/v1/sites/{site}/heat and /repeats: where and when alerts come, and what comes again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import heat
from collector.api.guard import Reader, Running
from collector.api.shapes import titles_of
from collector.api.site_plans import must_be_in_scope
from collector.api.statistics import Zone
from collector.geography import Point
from collector.instants import HOUR_US, to_text
from collector.schema import alerts
from collector.schema_vehicles import checkpoints
from collector.titles import Language
from contract.alerts import AlertType
from contract.base import Identifier

router = APIRouter(prefix="/api/v1/sites", tags=["map"])
Days = Annotated[int, Query(ge=1, le=366, description="How many days back.")]
Types = Annotated[list[AlertType] | None, Query(alias="type", description="Left out: all but gaps.")]
Weekday = Annotated[int, Field(ge=0, le=6)]
Hour = Annotated[int, Field(ge=0, le=23)]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Of which weekdays and hours, in which time zone."""

    zone: tzinfo
    weekdays: list[int]
    hours: list[int]


async def chosen_of(
    zone: Zone,
    weekday: Annotated[list[Weekday] | None, Query(description="0 is Monday; left out: all.")] = None,
    hour: Annotated[list[Hour] | None, Query(description="Of the local day; left out: all.")] = None,
) -> Chosen:
    """From the address's query."""
    return Chosen(zone, weekday or [], hour or [])


class HeatCell(BaseModel):
    """A camera or sensor, and how much came from there."""

    edge: str
    source: str
    name: str | None = Field(description="Null: nobody has said where it stands.")
    latitude: float | None
    longitude: float | None
    events: int


class SiteHeat(BaseModel):
    """Events behind alerts that were not dismissed."""

    cells: list[HeatCell] = Field(description="Of the chosen weekdays and hours, the most first.")
    types: dict[AlertType, int] = Field(description="The same by type.")
    week: list[list[int]] = Field(description="By weekday from Monday and hour, whatever hours were chosen.")


class Repeat(BaseModel):
    """What came more than once from one window, or of one type from one place."""

    edge: str
    source: str
    name: str | None
    alerts: int
    events: int
    last_at: str
    newest_alert: str = Field(description="Id of the newest of these alerts.")
    type: AlertType
    titles: dict[Language, str] = Field(description="Of the newest of these alerts.")


class Repeats(BaseModel):
    """What came again, the most frequent first; without alerts that were dismissed."""

    windows: list[Repeat] = Field(description="Falls that began in one cell of one camera's picture or facade.")
    places: list[Repeat] = Field(description="Alerts of one type at one camera or sensor.")


@router.get("/{site}/heat")
async def site_heat(
    site: Identifier,
    collector: Running,
    principal: Reader,
    chosen: Annotated[Chosen, Depends(chosen_of)],
    days: Days = 30,
    types: Types = None,
) -> SiteHeat:
    """Counts by place, hour, weekday and type."""
    must_be_in_scope(principal, site)
    now_us = collector.clock()
    wanted = heat.what_counts(site, now_us - days * 24 * HOUR_US, now_us, types or [])
    async with collector.database.read() as connection:
        rows = (await connection.execute(heat.by_quarter(wanted))).all()
        places = await _places(connection, site)
    found = heat.counted(rows, chosen.zone, chosen.weekdays, chosen.hours)
    cells = [_cell(edge, source, events, places) for (edge, source), events in found.by_place.most_common()]
    return SiteHeat(cells=cells, types=dict(found.by_type), week=found.week)


@router.get("/{site}/repeats")
async def site_repeats(site: Identifier, collector: Running, principal: Reader, days: Days = 30) -> Repeats:
    """Same window again, same place again."""
    must_be_in_scope(principal, site)
    now_us = collector.clock()
    wanted = heat.what_counts(site, now_us - days * 24 * HOUR_US, now_us, [])
    async with collector.database.read() as connection:
        places = await _places(connection, site)
        windows = (await connection.execute(heat.same_window(wanted))).all()
        same = (await connection.execute(heat.same_place(wanted))).all()
        return Repeats(
            windows=[await _repeat(connection, site, row, alerts.c.alert_group, places) for row in windows],
            places=[await _repeat(connection, site, row, alerts.c.type, places) for row in same],
        )


Places = dict[tuple[str, str], Row[Any]]


async def _places(connection: AsyncConnection, site: str) -> Places:
    found = await connection.execute(select(checkpoints).where(checkpoints.c.site == site))
    return {(row.edge, row.camera): row for row in found}


def _cell(edge: str, source: str, events: int, places: Places) -> HeatCell:
    row = places.get((edge, source))
    where = None if row is None else Point.of_row(row)
    return HeatCell(
        edge=edge,
        source=source,
        name=None if row is None else row.name,
        latitude=None if where is None else where.latitude,
        longitude=None if where is None else where.longitude,
        events=events,
    )


async def _repeat(connection: AsyncConnection, site: str, row: Row[Any], by: Any, places: Places) -> Repeat:
    same = (alerts.c.site == site, alerts.c.edge == row.edge, alerts.c.source == row.source, by == row.what)
    query = select(alerts).where(*same, alerts.c.occurred_us == row.newest_us, alerts.c.state != "dismissed").limit(1)
    newest = (await connection.execute(query)).one()
    place = places.get((row.edge, row.source))
    return Repeat(
        edge=row.edge,
        source=row.source,
        name=None if place is None else place.name,
        alerts=row.alerts,
        events=row.events,
        last_at=str(to_text(row.last_us)),
        newest_alert=newest.alert_id,
        type=newest.type,
        titles=titles_of(newest),
    )
