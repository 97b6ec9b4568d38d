"""Figures for Prometheus, read by its own parser."""

from __future__ import annotations

from pathlib import Path

from collector_api import started
from prometheus_client.parser import text_string_to_metric_families
from sample_events import SampleEdge

from collector.access import Role
from collector.schema import cameras, edges


async def test_figures_are_told_to_a_token_and_hold_no_plate(tmp_path: Path, migrated_sqlite: Path) -> None:
    async with started(tmp_path, migrated_sqlite) as api:
        edge = SampleEdge()
        await api.take(edge, edge.fall(), edge.hit(), edge.passage())
        edge.sequence += 2
        await api.take(edge, edge.sensor(alarm=False))
        async with api.collector.database.write() as connection:
            health = '{"outbox_depth": 7}'
            row = {
                "site": "west",
                "edge": "gate-1",
                "state": "online",
                "health": health,
                "health_us": api.now_us - 5_000_000,
            }
            await connection.execute(edges.insert(), [row])
            await connection.execute(
                cameras.insert(), [{"site": "west", "edge": "gate-1", "camera": "c", "state": "up"}]
            )
        async with await api.client(None) as client:
            assert (await client.get("/metrics")).status_code == 401
        assert (await api.get("/metrics", Role.EDGE)).status_code == 403
        answer = await api.get("/metrics", Role.VIEWER)
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    values = {
        name: {tuple(sorted(one.labels.values())): one.value for one in family.samples}
        for name, family in families.items()
    }
    assert values["watchpost_open_alerts"][("critical", "new")] == 2
    assert values["watchpost_edge_outbox_depth"][("gate-1", "west")] == 7
    assert values["watchpost_edge_health_age_seconds"][("gate-1", "west")] == 5
    assert values["watchpost_missing_events"][()] == 2
    assert values["watchpost_cameras"][("up",)] == 1
    assert "A12345" not in answer.text
