"""Hazards (风险隐患): found, being fixed, checked again, closed; who did what and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import Row, and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from collector.schema_map import hazard_steps, hazards

HazardState = Literal["open", "fixing", "rechecked", "closed"]
HazardLevel = Literal["general", "major"]
STEPS: Mapping[HazardState, frozenset[HazardState]] = {
    "open": frozenset({"fixing"}),
    "fixing": frozenset({"rechecked", "open"}),
    "rechecked": frozenset({"closed", "open"}),
    "closed": frozenset({"open"}),
}
"""A hazard that the second look finds again, or that comes back, is open again."""


class WrongHazardStep(ValueError):
    """It cannot go from its state to that one; says where it can go."""


async def found(
    connection: AsyncConnection, site: str, hazard: str, by: str, now_us: int, note: str, state: HazardState = "open"
) -> None:
    """Write down a step."""
    row = {"site": site, "hazard": hazard, "at_us": now_us, "by": by, "state": state, "note": note}
    await connection.execute(hazard_steps.insert(), [row])


async def move(connection: AsyncConnection, row: Row[Any], to: HazardState, by: str, now_us: int, note: str) -> None:
    """Take a hazard a step further. Raises WrongHazardStep."""
    allowed = STEPS[row.state]
    if to not in allowed:
        raise WrongHazardStep(f"a hazard that is {row.state} cannot become {to}; it can become: {', '.join(allowed)}")
    own = and_(hazards.c.site == row.site, hazards.c.hazard == row.hazard, hazards.c.state == row.state)
    if (await connection.execute(update(hazards).where(own).values(state=to, state_us=now_us))).rowcount != 1:
        raise WrongHazardStep("somebody else has just moved this hazard; look at it again")
    await found(connection, row.site, row.hazard, by, now_us, note, to)


async def steps_of(connection: AsyncConnection, site: str, hazard: str) -> list[Row[Any]]:
    """Its history, oldest first."""
    own = and_(hazard_steps.c.site == site, hazard_steps.c.hazard == hazard)
    return list(await connection.execute(select(hazard_steps).where(own).order_by(hazard_steps.c.step_id)))
