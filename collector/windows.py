"""Windows that something fell from before: a fall's group is the cell of a facade that it began in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from collector.instants import HOUR_US
from collector.schema import alerts

LOOK_BACK_US = 30 * 24 * HOUR_US


async def fallen_before(connection: AsyncConnection, falls: Sequence[Row[Any]]) -> dict[str, int]:
    """Alert id of a fall → alerts of its window in the 30 days before it, without those that were dismissed.

    Falls of a camera without floors or cells have no window; what came first is left out.
    """
    wanted = [row.alert_id for row in falls if row.alert_group is not None]
    if not wanted:
        return {}
    before = alerts.alias("before")
    same = and_(
        before.c.alert_group == alerts.c.alert_group,
        before.c.alert_id != alerts.c.alert_id,
        before.c.state != "dismissed",
        before.c.occurred_us <= alerts.c.occurred_us,
        before.c.occurred_us > alerts.c.occurred_us - LOOK_BACK_US,
    )
    query = select(alerts.c.alert_id, func.count().label("times")).select_from(alerts.join(before, same))
    query = query.where(alerts.c.alert_id.in_(wanted)).group_by(alerts.c.alert_id)
    return {row.alert_id: row.times for row in await connection.execute(query)}
