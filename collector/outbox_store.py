"""Whose an outbox is, and which of its numbers were received: in the store, within a transaction of `ingest`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from collector.database import Database
from collector.ranges import Range, merge
from collector.schema import outboxes, received_ranges

Edge = tuple[str, str]
"""(site, edge)"""
_SEEN_NOW = "ON CONFLICT (outbox_id) DO UPDATE SET last_seen_us = excluded.last_seen_us"
_LONGER = "ON CONFLICT (outbox_id, low) DO UPDATE SET high = excluded.high"
_AROUND = "SELECT outbox_id, low, high FROM received_ranges WHERE outbox_id = ? AND low <= ? AND high >= ?"
_AROUND_ALL = (
    "SELECT r.outbox_id, r.low, r.high FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS w(outbox_id, high, low)"
    " JOIN received_ranges AS r ON r.outbox_id = w.outbox_id AND r.low <= w.high AND r.high >= w.low"
)


async def claim(
    database: Database, connection: AsyncConnection, claims: Mapping[str, Edge], now_us: int
) -> dict[str, Edge]:
    """Bind new outboxes to these edges and lock their rows; returns whose each is."""
    rows = [
        {"outbox_id": outbox_id, "site": site, "edge": edge, "first_seen_us": now_us, "last_seen_us": now_us}
        for outbox_id, (site, edge) in sorted(
            claims.items()
        )  # in this order, or two collectors could wait for each other
    ]
    await database.insert_rows(connection, outboxes, rows, _SEEN_NOW)
    found = await database.matching(connection, "outbox_id, site, edge", outboxes.c.outbox_id, claims)
    return {outbox_id: (site, edge) for outbox_id, site, edge in found}


async def ranges_around(
    database: Database, connection: AsyncConnection, numbers: Mapping[str, Iterable[int]]
) -> dict[str, list[Range]]:
    """Outbox id → what was received between the lowest and the highest of these numbers, or touches them."""
    asked = [(outbox_id, max(some) + 1, min(some) - 1) for outbox_id, some in numbers.items()]
    found: dict[str, list[Range]] = defaultdict(list)
    if not database.is_sqlite:
        columns: tuple[Any, ...] = tuple(map(list, zip(*asked, strict=True)))
        rows = [tuple(row) for row in await connection.exec_driver_sql(_AROUND_ALL, columns)] if asked else []
    else:
        rows = [tuple(row) for one in asked for row in await connection.exec_driver_sql(_AROUND, one)]
    for outbox_id, low, high in rows:
        found[outbox_id].append((low, high))
    return found


async def store_ranges(
    database: Database,
    connection: AsyncConnection,
    held: Mapping[str, Sequence[Range]],
    added: Mapping[str, Sequence[Range]],
) -> None:
    """Join what was added with what the store holds around it."""
    longer: list[dict[str, Any]] = []
    gone: list[tuple[str, int]] = []
    for outbox_id, new in added.items():
        before = set(held.get(outbox_id, ()))
        after = merge([*before, *new])
        lows = {low for low, _ in after}
        gone += [(outbox_id, low) for low, _ in before if low not in lows]
        longer += [
            {"outbox_id": outbox_id, "low": low, "high": high} for low, high in after if (low, high) not in before
        ]
    for outbox_id, low in gone:
        old = received_ranges.delete().where(received_ranges.c.outbox_id == outbox_id, received_ranges.c.low == low)
        await connection.execute(old)
    await database.insert_rows(connection, received_ranges, longer, _LONGER)
