"""The same plate at two checkpoints in less time than any vehicle needs between them: possibly a cloned plate."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from collector.alerts import NEWS_FOR, Draft
from collector.geography import Point
from collector.instants import HOUR_US, SECOND_US, to_instant
from collector.plate_text import mask_plate
from collector.schema_vehicles import checkpoints, passages

FASTEST_MPS = 60.0
"""216 km/h as the crow flies: nothing that is read at a checkpoint goes faster on a road."""
CLOCKS_DIFFER_S = 10.0
"""Boxes' clocks may differ by this much."""
LOOK_BACK_US = 6 * HOUR_US
SUREST_PERMILLE = 900
"""A plate that is read with less certainty than this accuses nobody."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a checkpoint is, WGS 84, degrees."""

    name: str
    latitude: float
    longitude: float

    def metres_to(self, other: Place) -> float:
        """Great-circle distance."""
        return Point(self.latitude, self.longitude).metres_to(Point(other.latitude, other.longitude))


Key = tuple[str, str, str]
"""(site, edge, camera)"""


async def places_of(connection: AsyncConnection) -> dict[Key, Place]:
    """All checkpoints whose place is known."""
    return {
        (row.site, row.edge, row.camera): Place(row.name, row.latitude_udeg / 1e6, row.longitude_udeg / 1e6)
        for row in await connection.execute(select(checkpoints))
    }


async def suspects(connection: AsyncConnection, told: Sequence[dict[str, Any]], now_us: int) -> list[Draft]:
    """An alert for each of these passages whose plate was elsewhere too soon before or after."""
    sure = [
        row for row in told if row["final"] and row["plate"] and (row["confidence_permille"] or 0) >= SUREST_PERMILLE
    ]
    if not sure:
        return []
    places = await places_of(connection)
    sure = [row for row in sure if _key(row) in places]
    if len(places) < 2 or not sure:
        return []
    times = [row["seen_us"] for row in sure]
    near = and_(passages.c.seen_us >= min(times) - LOOK_BACK_US, passages.c.seen_us <= max(times) + LOOK_BACK_US)
    wanted = select(passages).where(passages.c.plate.in_({row["plate"] for row in sure}), near, passages.c.final)
    others = [dict(row._mapping) for row in await connection.execute(wanted)]  # noqa: SLF001 -- public by SQLAlchemy
    drafts = {}
    for row in sure:
        for other in others:
            if other["plate"] == row["plate"] and _key(other) in places and _too_soon(row, other, places):
                draft = _draft(row, other, places, now_us)
                drafts[draft.key] = draft
    return list(drafts.values())


def _too_soon(row: dict[str, Any], other: dict[str, Any], places: dict[Key, Place]) -> bool:
    if (other["confidence_permille"] or 0) < SUREST_PERMILLE:
        return False
    metres = places[_key(row)].metres_to(places[_key(other)])
    return is_too_fast(metres, abs(row["seen_us"] - other["seen_us"]) / SECOND_US)


def is_too_fast(metres: float, seconds: float) -> bool:
    """Whether no vehicle drives that far in that time, even if the boxes' clocks differ."""
    return metres > FASTEST_MPS * (seconds + CLOCKS_DIFFER_S)


def _draft(row: dict[str, Any], other: dict[str, Any], places: dict[Key, Place], now_us: int) -> Draft:
    """One alert a plate and day, whatever the number of its pairs."""
    here, there = places[_key(row)], places[_key(other)]
    seconds = abs(row["seen_us"] - other["seen_us"]) // SECOND_US
    at = to_instant(row["seen_us"])
    plate = hashlib.sha256(row["plate"].encode()).hexdigest()[:16]
    parameters = {
        "plate": mask_plate(row["plate"]),
        "here": here.name,
        "there": there.name,
        "km": round(here.metres_to(there) / 1000, 1),
        "seconds": seconds,
    }
    return Draft(
        key=f"clone:{plate}:{at.date()}",
        type="cloned_plate",
        severity="warning",
        site=row["site"],
        edge=row["edge"],
        source=row["camera"],
        occurred_at=at,
        event_id=UUID(row["event_id"]),
        parameters=parameters,
        late=to_instant(now_us) - at > NEWS_FOR,
    )


def _key(row: dict[str, Any]) -> Key:
    return (row["site"], row["edge"], row["camera"])
