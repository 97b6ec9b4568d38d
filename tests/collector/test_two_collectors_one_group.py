"""Two collectors on one PostgreSQL that get events of one group at the same instant raise one alert."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sample_events import SampleEdge, later_us
from sqlalchemy import select, text

from collector.database import Database, database_url
from collector.ingest import ingest
from collector.messages import understand
from collector.schema import alerts, metadata

pytestmark = pytest.mark.services
ROUNDS = 15
COLLECTORS = 3


@pytest.fixture
async def stores(migrated_postgres: str, tmp_path: Path) -> AsyncIterator[list[Database]]:
    """The same database, as several collectors hold it."""
    found = [Database(database_url(migrated_postgres, tmp_path)) for _ in range(COLLECTORS)]
    async with found[0].write() as connection:
        await connection.execute(text(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY CASCADE"))
    yield found
    for store in found:
        await store.close()


async def test_one_alert_stands_for_all_events_of_its_group(stores: list[Database]) -> None:
    edges = [SampleEdge(edge=f"gate-{number}") for number in range(COLLECTORS)]
    for number in range(ROUNDS):
        batches = []
        for edge in edges:  # the same watched car at several gates
            hit = edge.hit()
            hit["data"] |= {"entry_id": f"w-{number}", "passage_id": f"p-{number}"}
            batches.append(understand(edge.incoming(hit)))
        now_us = later_us(number)
        await asyncio.gather(*(ingest(store, one, now_us) for store, one in zip(stores, batches, strict=True)))
    async with stores[0].read() as connection:
        rows = (await connection.execute(select(alerts.c.alert_group, alerts.c.event_count))).all()
    assert sorted(row.event_count for row in rows) == [COLLECTORS] * ROUNDS
    assert len({row.alert_group for row in rows}) == ROUNDS
