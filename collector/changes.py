"""What has changed of the lists that pages show without events or alerts behind them: hazards and the watch list.

Nothing is written for it: numbers that every change moves are compared. A step of a hazard, and an entry's proposal,
decision, end and way to the edges, each count; what is removed counts too, and no clock is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, Field
from sqlalchemy import func, literal, null, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from collector.schema_map import hazard_steps
from collector.schema_watch import watch_entries, watch_pushes

Lists = Mapping[tuple[str, str | None], tuple[int, ...]]
"""(list, site) → numbers; site null: concerns all."""


class Changed(BaseModel):
    """A list is not what it was: ask for it again."""

    list: Literal["hazards", "watchlist", "told"] = Field(description="`told`: what edges know of the watch list.")
    site: str | None = Field(description="Null: all.")


async def look(connection: AsyncConnection) -> Lists:
    """The numbers as they are now."""
    steps, entries, pushes = hazard_steps.c, watch_entries.c, watch_pushes.c
    query = union_all(
        select(literal("hazards"), steps.site, func.count(), func.max(steps.step_id), literal(0)).group_by(steps.site),
        select(
            literal("watchlist"), null(), func.count(), func.count(entries.decided_us), func.count(entries.ended_us)
        ),
        select(literal("told"), null(), func.count(), func.sum(pushes.revision), literal(0)).select_from(watch_pushes),
    )
    return {(row[0], row[1]): tuple(row[2:]) for row in await connection.execute(query)}


def between(before: Lists, now: Lists) -> list[Changed]:
    """The lists whose numbers differ."""
    places = sorted(before.keys() | now.keys(), key=str)
    return [Changed.model_validate({"list": name, "site": site}) for name, site in places
            if before.get((name, site)) != now.get((name, site))]  # fmt: skip
