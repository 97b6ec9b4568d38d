"""GET /metrics: figures of this collector and its store for Prometheus, counted when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, HTTPException, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector as MetricsCollector
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from collector.api.guard import Reader, Running
from collector.gaps import missing
from collector.instants import SECOND_US
from collector.reading import as_json
from collector.schema import alerts, cameras, edges, messages
from collector.schema_audit import audit
from collector.schema_watch import watch_entries
from collector.service import Collector
from collector.workflow import CLOSED

router = APIRouter(tags=["health"])


@router.get("/metrics", response_class=Response)
async def metrics(collector: Running, principal: Reader) -> Response:
    """In Prometheus' text format; takes a token for all sites, of any role but `edge`."""
    if principal.sites is not None:
        raise HTTPException(403, "these figures are of all sites: they take a token for all sites")
    async with collector.database.read() as connection:
        found = [*_of_process(collector), *await _of_store(connection, collector.clock())]
    registry = CollectorRegistry()
    registry.register(_Counted(found))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Counted(MetricsCollector):
    """What was counted already, as the registry wants it."""

    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        return iter(self._found)


def _of_process(collector: Collector) -> Iterator[Metric]:
    ready = not collector.trouble()
    yield GaugeMetricFamily("watchpost_ready", "1 when events can come in.", value=ready)
    tally = vars(collector.intake.tally) if collector.intake else {}
    came = CounterMetricFamily(
        "watchpost_messages", "Messages since the start, by what became of them.", labels=["fate"]
    )
    for fate, number in tally.items():
        came.add_metric([fate], number)
    yield came


async def _of_store(connection: AsyncConnection, now_us: int) -> list[Metric]:
    by_state = select(alerts.c.severity, alerts.c.state, func.count().label("number")).where(
        alerts.c.state.not_in(CLOSED)
    )
    waiting = GaugeMetricFamily("watchpost_open_alerts", "Alerts that wait for somebody.", labels=["severity", "state"])
    for row in await connection.execute(by_state.group_by(alerts.c.severity, alerts.c.state)):
        waiting.add_metric([row.severity, row.state], row.number)
    found: list[Metric] = [waiting, *await _of_edges(connection, now_us)]
    seen = GaugeMetricFamily("watchpost_cameras", "Cameras by state.", labels=["state"])
    states = select(cameras.c.state, func.count().label("number")).group_by(cameras.c.state)
    for row in await connection.execute(states):
        seen.add_metric([row.state or "unknown"], row.number)
    lacking = sum(high - low + 1 for ranges in (await missing(connection)).values() for low, high in ranges)
    found += [
        seen,
        GaugeMetricFamily("watchpost_missing_events", "Sequence numbers that have not come.", value=lacking),
    ]
    for name, words, table in (
        ("watchpost_messages_to_publish", "Messages that wait for the broker.", messages),
        ("watchpost_recorded_acts", "Lines of the record of who did what.", audit),
        ("watchpost_watchlist_entries", "Entries of the watch list in any state.", watch_entries),
    ):
        number = (await connection.execute(select(func.count()).select_from(table))).scalar_one()
        found.append(GaugeMetricFamily(name, words, value=number))
    return found


async def _of_edges(connection: AsyncConnection, now_us: int) -> list[Metric]:
    labels = ["site", "edge"]
    online = GaugeMetricFamily("watchpost_edge_online", "1 while the edge is connected.", labels=labels)
    depth = GaugeMetricFamily("watchpost_edge_outbox_depth", "Events that wait on the edge.", labels=labels)
    age = GaugeMetricFamily("watchpost_edge_health_age_seconds", "Since the edge's last health message.", labels=labels)
    for row in await connection.execute(select(edges)):
        online.add_metric([row.site, row.edge], row.state == "online")
        health = as_json(row.health) or {}
        if "outbox_depth" in health:
            depth.add_metric([row.site, row.edge], health["outbox_depth"])
        if row.health_us is not None:
            age.add_metric([row.site, row.edge], (now_us - row.health_us) / SECOND_US)
    return [online, depth, age]
