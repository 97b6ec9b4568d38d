"""Who may see which event, why, and that it is written down."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import audit, watch_entries
from collector.alerts import CLOSED
from collector.api.guard import Look
from collector.schema import alerts, events
from collector.schema_alerts import alert_events
from collector.service import Collector
from contract.events import EventType


async def reason_of_hit(connection: AsyncConnection, event_ids: Sequence[str]) -> str | None:
    """Why the open watch-list hit among these events may be looked at: its entry says so. None when there is none."""
    own = select(alerts.c.event_id).where(alerts.c.event_id.in_(event_ids), alerts.c.state.not_in(CLOSED))
    joined = (
        select(alert_events.c.event_id)
        .join(alerts, alerts.c.alert_id == alert_events.c.alert_id)
        .where(alert_events.c.event_id.in_(event_ids), alerts.c.state.not_in(CLOSED))
    )
    hits = select(events.c.payload).where(events.c.type == EventType.WATCHLIST_HIT)
    payload = (await connection.execute(hits.where(events.c.event_id.in_(own.union(joined))).limit(1))).scalar()
    if payload is None:
        return None
    data = json.loads(payload)["data"]
    entry = (await watch_entries.named(connection, [data["entry_id"]])).get(data["entry_id"])
    told = f"watch list {data['list_id']}, entry {data['entry_id']}"
    return told if entry is None else f"{told}: {entry.reason}"


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
