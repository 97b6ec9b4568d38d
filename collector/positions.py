"""Where units are: what they report over MQTT, the newest of each and one point every ten seconds of the last day."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field
from sqlalchemy import Row, Select, and_, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from collector.database import Database
from collector.geography import Point
from collector.instants import HOUR_US, SECOND_US, to_us
from collector.messages import PositionMessage
from collector.schema_alerts import units
from collector.schema_map import unit_positions, unit_tracks
from contract.base import StrictMessage

log = logging.getLogger(__name__)

SLOT_US = 10 * SECOND_US
KEPT_US = 24 * HOUR_US
_unknown: set[tuple[str, str]] = set()
"""Units that were spoken of in the log: one that nobody has added reports every few seconds."""
_MOST_UNKNOWN = 1000


class Nearest(StrictMessage):
    """Which units count as near an alert."""

    within_m: float = Field(default=500.0, gt=0, le=100_000)
    fresh_s: float = Field(default=900.0, gt=0, le=86_400)
    """A unit that has not reported for longer may be anywhere."""


@dataclass(frozen=True, slots=True)
class NearUnit:
    """A unit on duty, how far away as the crow flies, and when it was there."""

    row: Row[Any]
    metres: float


async def keep(database: Database, connection: AsyncConnection, told: Sequence[PositionMessage], now_us: int) -> None:
    """Store what units of the store report; a report that is older than the one before is only history."""
    if not told:
        return
    names = {message.unit.unit for message in told}
    known = {(row.site, row.unit) for row in await connection.execute(select(units).where(units.c.unit.in_(names)))}
    for message in told:
        if (message.unit.site, message.unit.unit) not in known:
            _say_unknown(message.unit.site, message.unit.unit)
            continue
        at_us = min(to_us(message.position.at), now_us)
        if at_us > now_us - KEPT_US:
            await _keep_one(database, connection, message, at_us, now_us)
    await connection.execute(delete(unit_tracks).where(unit_tracks.c.at_us < now_us - KEPT_US))


async def _keep_one(
    database: Database, connection: AsyncConnection, message: PositionMessage, at_us: int, now_us: int
) -> None:
    position = message.position
    where: dict[str, Any] = Point(position.latitude, position.longitude).columns
    where |= {"unit": message.unit.unit, "at_us": at_us}
    track = database.insert(unit_tracks).values({**where, "slot": at_us // SLOT_US})
    newer = track.excluded.at_us >= unit_tracks.c.at_us
    await connection.execute(track.on_conflict_do_update(index_elements=["unit", "slot"], set_=where, where=newer))
    where |= {"received_us": now_us, "accuracy_m": _whole(position.accuracy_m)}
    where["heading_deg"] = _whole(position.heading_deg)
    latest = database.insert(unit_positions).values(where)
    newer = latest.excluded.at_us >= unit_positions.c.at_us
    await connection.execute(latest.on_conflict_do_update(index_elements=["unit"], set_=where, where=newer))


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _say_unknown(site: str, unit: str) -> None:
    if (site, unit) not in _unknown and len(_unknown) < _MOST_UNKNOWN:
        _unknown.add((site, unit))
        log.warning("a position of unit %r at site %r is dropped: add the unit there first", unit, site)


def newest() -> Select[Any]:
    """Units with their newest position, where one is known."""
    where = unit_positions.c
    columns = (where.latitude_udeg, where.longitude_udeg, where.at_us, where.received_us)
    more = (where.accuracy_m, where.heading_deg)
    return select(units, *columns, *more).select_from(units.outerjoin(unit_positions, units.c.unit == where.unit))


def moved_since(since_us: int) -> Select[Any]:
    """Units whose newest position came later than that."""
    return newest().where(unit_positions.c.received_us > since_us)


async def nearest(connection: AsyncConnection, site: str, to: Point, within_m: float, since_us: int) -> list[NearUnit]:
    """Units of this site on duty that have reported since then, the nearest first."""
    fresh = and_(units.c.site == site, units.c.ended_us.is_(None), unit_positions.c.at_us >= since_us)
    found = [NearUnit(row, to.metres_to(Point.of_row(row))) for row in await connection.execute(newest().where(fresh))]
    return sorted((one for one in found if one.metres <= within_m), key=lambda one: one.metres)
