"""Two collectors on one PostgreSQL share the events; one of them may die at any time."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from collector_process import START_TIMEOUT_S, CollectorProcess, MqttPeer, wait_until
from services import Mosquitto, PostgreSQL

from contract.commands import ConfigReported
from contract.events import EventType, SensorData
from contract.status import Birth, Health
from contract.topics import EdgeTopics
from edge.clock import SystemClock
from edge.config import BrokerSettings, DeliverySettings
from edge.delivery import Delivery
from edge.outbox import NewEvent, Outbox

pytestmark = [pytest.mark.services, pytest.mark.timeout(400)]
EVENTS = 3000
KILL_AFTER = 800
PATIENCE_S = 120.0
"""Where ten other programs run it has taken more than a minute."""


class Side:
    """The agent, as delivery sees it: it only sends."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox

    def birth(self, connection_id: UUID) -> Birth:
        return Birth(
            version="0", contract_version=1, connection_id=connection_id, outbox_id=self.outbox.outbox_id,
            outbox_depth=self.outbox.pending_count(), python="3", machine="test", at=datetime.now(UTC),
        )  # fmt: skip

    def health(self) -> Health:
        now = datetime.now(UTC)
        return Health(
            at=now, uptime_s=1, memory_mb=1, disk_free_mb=1, outbox_depth=0, expires=now + timedelta(minutes=2)
        )

    def on_command(self, command: Any) -> None:
        raise AssertionError("nobody asks anything of this edge")

    def on_sensor(self, sensor: str, raw: dict[str, Any]) -> None:
        raise AssertionError("nobody asks anything of this edge")

    def on_config(self, desired: Any) -> ConfigReported:
        raise AssertionError("nobody asks anything of this edge")

    def on_watchlist(self, payload: bytes) -> None:
        raise AssertionError("nobody asks anything of this edge")


@contextlib.contextmanager
def delivering(folder: Path, url: str) -> Iterator[Outbox]:
    """An outbox whose events go out; a lost acknowledgement costs it 2 s."""
    clock = SystemClock()
    outbox = Outbox.open(folder / "outbox.db", clock)
    delivery = Delivery(
        BrokerSettings(url=url), DeliverySettings(ack_timeout_s=2), EdgeTopics("west", "gate-1"), outbox, clock,
        health_interval_s=60, rng=random.Random(7),
    )  # fmt: skip
    delivery.start(Side(outbox))
    try:
        yield outbox
    finally:
        delivery.stop()
        outbox.close()


def rows(url: str, query: str) -> list[Any]:
    async def ask() -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            return list(await connection.fetch(query))
        finally:
            await connection.close()

    return asyncio.run(ask())


def alarm(number: int) -> NewEvent:
    data = SensorData(sensor="hall", kind="smoke", alarm=number % 100 == 0, value=float(number))
    return NewEvent(uuid4(), EventType.SENSOR, "west", "gate-1", "hall", datetime.now(UTC), data)


def test_two_share_the_events_one_is_killed_under_load_and_nothing_is_lost_or_doubled(
    mosquitto: Mosquitto, postgresql: PostgreSQL, tmp_path: Path
) -> None:
    url = postgresql.new_database()
    both = [
        CollectorProcess(tmp_path / f"collector-{n}", mosquitto.url, database=url, options=("--share",)) for n in (1, 2)
    ]
    try:
        for one in both:  # at the same time: only one of them makes the tables
            one.spawn()
        for one in both:
            wait_until(lambda one=one: _is_ready(one), START_TIMEOUT_S)
        peer = MqttPeer(mosquitto.port, "watchpost/v1/west/#")
        with delivering(tmp_path, mosquitto.url) as outbox:
            first = outbox.put(alarm(1))
            wait_until(lambda: outbox.pending_count() == 0)
            load = threading.Thread(target=lambda: [outbox.put(alarm(number)) for number in range(2, EVENTS + 1)])
            load.start()
            wait_until(lambda: outbox.settled_to() > KILL_AFTER, PATIENCE_S)
            parts = [httpx.get(f"{one.url}/healthz", timeout=PATIENCE_S).json()["messages"]["stored"] for one in both]
            assert min(parts) > KILL_AFTER / 10, parts
            both[0].end(signal.SIGKILL)
            load.join()
            wait_until(lambda: outbox.pending_count() == 0, PATIENCE_S)
        stored = rows(url, "SELECT sequence FROM events ORDER BY sequence")
        assert [row["sequence"] for row in stored] == list(range(first, EVENTS + 1))
        assert rows(url, "SELECT count(*) AS n FROM received_ranges")[0]["n"] == 1
        raised = rows(url, "SELECT event_id FROM alerts WHERE type = 'sensor'")
        assert len({row["event_id"] for row in raised}) == len(raised)
        wait_until(lambda: not rows(url, "SELECT 1 FROM messages"))
        wanted = {str(row["event_id"]) for row in raised}
        wait_until(lambda: {one["event_id"] for one in peer.on("/alert/critical/sensor")} >= wanted)
        # The one that is left says so when the other one's will speaks.
        wait_until(lambda: [one["state"] for one in peer.on("collector/status")][-2:] == ["offline", "online"])
        peer.stop()
    finally:
        for one in both:
            one.end(signal.SIGKILL)


def _is_ready(collector: CollectorProcess) -> bool:
    try:
        return httpx.get(f"{collector.url}/readyz", timeout=10).status_code == 200
    except httpx.TransportError:
        return False
