"""/api/v1/statistics: response times by unit and week, and how often cameras are right."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Sequence
from datetime import date, tzinfo
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Depends, HTTPException, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Row, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import audit, statistics
from collector.access import Principal
from collector.api.guard import Reader, Running, in_scope
from collector.api.shapes import titles_of
from collector.instants import HOUR_US, to_instant
from collector.schema import alert_steps, alerts
from collector.spreadsheet import cell
from collector.titles import Language

router = APIRouter(prefix="/api/v1/statistics", tags=["statistics"])
_WHEN = (alerts.c.raised_us, alerts.c.opened_us, alerts.c.acknowledged_us, alerts.c.arrived_us, alerts.c.closed_us)
FOR_RESPONSE = (alerts.c.alert_id, alerts.c.unit, *_WHEN)
FOR_QUALITY = tuple(alerts.c[name] for name in ("site", "edge", "source", "type", "state", "cause", "raised_us"))
AT_ONCE = 500
MOST_EXPORTED = 100_000
Weeks = Annotated[int, Query(ge=1, le=53, description="How many weeks back.")]


class Spread(BaseModel):
    """Seconds; null where there is nothing to measure."""

    model_config = ConfigDict(from_attributes=True)
    median_s: float | None
    p90_s: float | None


class ResponseItem(BaseModel):
    """How the alerts of one unit and week were dealt with."""

    model_config = ConfigDict(from_attributes=True)
    unit: str | None = Field(description="Null: assigned to nobody.")
    week: date = Field(description="Its Monday.")
    alerts: int
    closed: int
    overdue: int = Field(description="How many passed a due time at least once.")
    acknowledged: Spread
    arrived: Spread
    done: Spread


class QualityItem(BaseModel):
    """How often one camera or sensor was right, in one week, with one type of alert."""

    model_config = ConfigDict(from_attributes=True)
    site: str
    edge: str
    source: str
    type: str
    week: date
    valid: int = Field(description="Resolved.")
    false: int = Field(description="Dismissed as a mistake.")
    neither: int = Field(description="Dismissed as a test, maintenance and the like.")
    open: int
    causes: dict[str, int] = Field(description="Why they were dismissed.")


def zone_of(
    zone: Annotated[str, Query(max_length=64, description="Time zone of days and weeks, IANA name.")] = "UTC",
) -> tzinfo:
    """422 for a zone that is unknown."""
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise HTTPException(422, f"zone: {zone!r} is no time zone; use a name such as Asia/Shanghai") from error


Zone = Annotated[tzinfo, Depends(zone_of)]


@router.get("/response")
async def response_times(collector: Running, principal: Reader, zone: Zone, weeks: Weeks = 8) -> list[ResponseItem]:
    """Time to acknowledge, to arrive and to close, by unit and week."""
    async with collector.database.read() as connection:
        rows = await _alerts(connection, principal, collector.clock(), weeks, FOR_RESPONSE)
        overdue = await _ever_overdue(connection, rows)
    found = await asyncio.to_thread(statistics.responses, rows, overdue, zone)
    return [ResponseItem.model_validate(one) for one in found]


@router.get("/quality")
async def quality(collector: Running, principal: Reader, zone: Zone, weeks: Weeks = 8) -> list[QualityItem]:
    """Valid and false alerts of each camera and sensor, by week."""
    async with collector.database.read() as connection:
        rows = await _alerts(connection, principal, collector.clock(), weeks, FOR_QUALITY)
    found = await asyncio.to_thread(statistics.qualities, rows, zone)
    return [QualityItem.model_validate(one) for one in found]


COLUMNS = ("alert_id", "site", "source", "type", "severity", "title", "state", "cause", "unit", "events")
TIMES = ("occurred", "raised", "acknowledged", "arrived", "closed", "due")


@router.get("/tasks.csv", response_class=Response)
async def tasks_as_csv(
    collector: Running, principal: Reader, zone: Zone, weeks: Weeks = 8, language: Language = "zh"
) -> Response:
    """Alerts with who dealt with them and when, for a spreadsheet, the newest 100,000. Plates are masked."""
    async with collector.database.read() as connection:
        rows = await _alerts(connection, principal, collector.clock(), weeks, tuple(alerts.c), MOST_EXPORTED)
    async with collector.database.write() as connection:
        await audit.record(connection, principal, "export", "/api/v1/statistics/tasks.csv", now_us=collector.clock())
    content = await asyncio.to_thread(_as_csv, rows, language, zone)
    headers = {"Content-Disposition": 'attachment; filename="watchpost-tasks.csv"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


def _as_csv(rows: Sequence[Row[Any]], language: Language, zone: tzinfo) -> bytes:
    content = io.StringIO()
    writer = csv.writer(content)
    writer.writerow([*COLUMNS, *(f"{name}_at" for name in TIMES)])
    writer.writerows(_line(row, language, zone) for row in rows)
    return content.getvalue().encode("utf-8-sig")


def _line(row: Row[Any], language: Language, zone: tzinfo) -> list[Any]:
    values = [row.alert_id, row.site, row.source, row.type, row.severity, titles_of(row)[language], row.state]
    values += [row.cause, row.unit, row.event_count]
    times = [getattr(row, f"{name}_us") for name in TIMES]
    return [cell(value) for value in values] + ["" if us is None else _local(us, zone) for us in times]


def _local(us: int, zone: tzinfo) -> str:
    return to_instant(us).astimezone(zone).isoformat(sep=" ", timespec="seconds")


async def _alerts(
    connection: AsyncConnection,
    principal: Principal,
    now_us: int,
    weeks: int,
    columns: Sequence[ColumnElement[Any]],
    most: int | None = None,
) -> list[Row[Any]]:
    """Those that a person had to deal with, newest first. A year has a million: they come in parts, and between them
    new alerts go on their way.
    """
    since_us = now_us - weeks * 7 * 24 * HOUR_US
    recent = and_(alerts.c.severity.in_(("critical", "warning")), alerts.c.raised_us >= since_us)
    query = select(*columns).where(recent, in_scope(alerts.c.site, principal)).order_by(alerts.c.raised_us.desc())
    found: list[Row[Any]] = []
    async for part in (await connection.stream(query.limit(most))).partitions(AT_ONCE):
        found += part
        await asyncio.sleep(0)
    return found


async def _ever_overdue(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> frozenset[str]:
    if not rows:
        return frozenset()
    since_us = min(row.raised_us for row in rows)
    query = select(alert_steps.c.alert_id).where(alert_steps.c.kind == "overdue", alert_steps.c.at_us >= since_us)
    return frozenset((await connection.execute(query)).scalars())
