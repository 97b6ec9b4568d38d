"""Who may see which event, why, and that it is written down."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import audit
from collector.alerts import CLOSED
from collector.api.guard import Look
from collector.schema import alerts, events
from collector.service import Collector
from contract.events import EventType


async def reason_of_hit(connection: AsyncConnection, event_ids: Sequence[str]) -> str | None:
    """Why the open watch-list hit among these events may be looked at: its entry says so. None when there is none."""
    joined = events.join(alerts, alerts.c.event_id == events.c.event_id)
    hits = select(events.c.payload).select_from(joined).where(events.c.event_id.in_(event_ids))
    open_hits = hits.where(events.c.type == EventType.WATCHLIST_HIT, alerts.c.state.not_in(CLOSED))
    payload = (await connection.execute(open_hits.limit(1))).scalar()
    if payload is None:
        return None
    data = json.loads(payload)["data"]
    return f"watch list {data['list_id']}, entry {data['entry_id']}"


async def write_down(
    collector: Collector, look: Look, action: str, subject: str, shown: Sequence[str], *, always: bool = False
) -> None:
    """Record that these plates were shown; nothing when there were none, unless `always`."""
    if not shown and not always:
        return
    async with collector.database.write() as connection:
        await audit.record(
            connection, look.principal, action, subject, now_us=collector.clock(), reason=look.reason, shown=shown
        )
