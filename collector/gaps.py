"""Sequence numbers that did not come: seen, asked for again, and alerted when they stay away."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Row, and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import alert_moves, alert_store
from collector.alerts import gap_draft
from collector.database import Database
from collector.duty import Duty, Standing
from collector.instants import SECOND_US, Clock, to_instant
from collector.intake import STORE_TROUBLE
from collector.pulse import Pulse
from collector.ranges import Range, gaps, merge
from collector.schema import edges, messages, outboxes, received_ranges
from contract.base import MAX_NUMBER
from contract.commands import Command, ReplayRange
from contract.topics import EdgeTopics

log = logging.getLogger(__name__)

MAX_RANGES_ASKED = 300
COMMAND_EXPIRES = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class GapPatience:
    """How long a gap may stay, in seconds."""

    ask_after_s: float = 10.0
    ask_again_s: float = 20.0
    alert_after_s: float = 60.0
    look_every_s: float = 5.0


async def watch(database: Database, pulse: Pulse, clock: Clock, patience: GapPatience, duty: Standing) -> None:
    """Look for gaps until cancelled."""
    while True:
        try:
            if await look(database, clock(), patience, duty.now):
                pulse.beat()
        except STORE_TROUBLE as error:
            log.error("cannot look for gaps: %s", error)
        await asyncio.sleep(min(patience.look_every_s, max(patience.ask_after_s / 2, 0.2)))


async def look(database: Database, now_us: int, patience: GapPatience, duty: Duty | None = None) -> bool:
    """One look at all outboxes; whether something is to be published."""
    async with database.read() as connection:
        found = await missing(connection)
        marked = select(outboxes.c.outbox_id).where(outboxes.c.gap_since_us.is_not(None))
        troubled = set((await connection.execute(marked)).scalars())
    concerned = troubled | {outbox_id for outbox_id, ranges in found.items() if ranges}
    acted = False
    for outbox_id in sorted(concerned):
        async with database.write() as connection:
            acted |= await _look_at(database, connection, outbox_id, now_us, patience, duty or Duty())
    return acted


async def missing(connection: AsyncConnection, outbox_id: str | None = None) -> dict[str, list[Range]]:
    """Outbox id → the ranges that did not come, between 1 and the highest number that did, or that was acknowledged.

    The latter, as the edge says, is higher only where this store has forgotten: it was restored from a backup.
    """
    ends = await _acknowledged(connection, outbox_id)
    came = await received(connection, outbox_id)
    return {key: gaps(ranges, ends.get(key, 0)) for key, ranges in came.items()}


async def _acknowledged(connection: AsyncConnection, outbox_id: str | None = None) -> dict[str, int]:
    """Outbox id → the number up to which its edge says that all was acknowledged; what another edge says is no word."""
    own = and_(edges.c.site == outboxes.c.site, edges.c.edge == outboxes.c.edge)
    query = select(outboxes.c.outbox_id, edges.c.birth, edges.c.health).join_from(outboxes, edges, own)
    if outbox_id is not None:
        query = query.where(outboxes.c.outbox_id == outbox_id)
    ends: dict[str, int] = {}
    for row in await connection.execute(query):
        for text in (row.birth, row.health):
            said = json.loads(text) if text else {}
            settled = said.get("outbox_settled") or 0
            if said.get("outbox_id") == row.outbox_id and settled <= MAX_NUMBER:  # a store may hold an older program's
                ends[row.outbox_id] = max(ends.get(row.outbox_id, 0), settled)
    return ends


async def received(connection: AsyncConnection, outbox_id: str | None = None) -> dict[str, list[Range]]:
    """Outbox id → the ranges that came."""
    query = select(received_ranges)
    if outbox_id is not None:
        query = query.where(received_ranges.c.outbox_id == outbox_id)
    found: dict[str, list[Range]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.outbox_id, []).append((row.low, row.high))
    return {key: merge(ranges) for key, ranges in found.items()}


async def _look_at(
    database: Database, connection: AsyncConnection, outbox_id: str, now_us: int, patience: GapPatience, duty: Duty
) -> bool:
    row = (await connection.execute(select(outboxes).where(outboxes.c.outbox_id == outbox_id).with_for_update())).one()
    lacking = (await missing(connection, outbox_id)).get(outbox_id, [])
    if not lacking:
        await _note(connection, outbox_id, gap_since_us=None, gap_asked_us=None)
        await alert_moves.close_gaps(connection, outbox_id, now_us, duty)
        return True
    since_us = row.gap_since_us
    if since_us is None:
        since_us = now_us
        await _note(connection, outbox_id, gap_since_us=now_us, gap_alerted_to=None)
    since_s = (now_us - since_us) / SECOND_US
    forgotten = lacking[0][0] <= (await _acknowledged(connection, outbox_id)).get(outbox_id, 0)
    due = forgotten or since_s >= patience.ask_after_s  # what was acknowledged once does not come by itself
    asked = due and await _ask(connection, row, lacking, now_us, patience)
    alerted = since_s >= patience.alert_after_s and await _alert(database, connection, row, lacking, now_us, duty)
    return asked or alerted


async def _ask(
    connection: AsyncConnection, row: Row[Any], lacking: list[Range], now_us: int, patience: GapPatience
) -> bool:
    if row.gap_asked_us is not None and now_us - row.gap_asked_us < patience.ask_again_s * SECOND_US:
        return False
    ranges = tuple(
        ReplayRange(outbox_id=row.outbox_id, from_sequence=low, to_sequence=high)
        for low, high in lacking[:MAX_RANGES_ASKED]
    )
    now = to_instant(now_us)
    command = Command(
        id=f"replay-{uuid4().hex[:12]}", name="replay", issued_at=now, expires=now + COMMAND_EXPIRES, ranges=ranges
    )
    told = {
        "topic": EdgeTopics(row.site, row.edge).command("replay"),
        "payload": command.model_dump_json(),
        "retain": False,
        "created_us": now_us,
        "expires_us": now_us + int(COMMAND_EXPIRES.total_seconds()) * SECOND_US,
    }
    await connection.execute(messages.insert(), [told])
    await _note(connection, row.outbox_id, gap_asked_us=now_us)
    log.info("asked %s/%s for %d missing range(s) of %s", row.site, row.edge, len(lacking), row.outbox_id)
    return True


async def _alert(
    database: Database, connection: AsyncConnection, row: Row[Any], lacking: list[Range], now_us: int, duty: Duty
) -> bool:
    """One alert per gap: only when something is missing beyond what was alerted before."""
    highest, since_us = lacking[-1][1], row.gap_since_us or now_us
    if row.gap_alerted_to is not None and highest <= row.gap_alerted_to:
        return False
    draft = gap_draft(row.outbox_id, row.site, row.edge, lacking, since_us, to_instant(now_us))
    proposals = alert_store.propose([(draft, ())], now_us, duty)
    await alert_store.raise_new(database, connection, proposals, now_us, duty)
    await _note(connection, row.outbox_id, gap_alerted_to=highest)
    return True


async def _note(connection: AsyncConnection, outbox_id: str, **values: int | None) -> None:
    await connection.execute(update(outboxes).where(outboxes.c.outbox_id == outbox_id).values(values))
