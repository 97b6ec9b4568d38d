"""An edge of an earlier version with this collector, and the reverse, as real processes over a real broker.

The earlier programs come out of this repository's history; where that is cut off, these tests are skipped.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from collector_process import START_TIMEOUT_S, CollectorProcess, wait_until
from sample_events import SampleEdge, payload
from services import Mosquitto, free_port
from sqlalchemy import select

from collector.database import Database
from collector.ingest import ingest
from collector.messages import Incoming, understand
from collector.schema import dead_letters, events

pytestmark = pytest.mark.services
ROOT = Path(__file__).parents[2]
EARLIER = "d19d656fd429eac46c1b9558bd75f5c1377a85ed"
COUNT = 150
EDGE = """
import random, sys, time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4
from contract.events import EventType, SensorData
from contract.status import Birth, Health
from contract.topics import EdgeTopics
from edge.clock import SystemClock
from edge.config import BrokerSettings, DeliverySettings
from edge.delivery import Delivery
from edge.outbox import NewEvent, Outbox

clock, folder, url, count = SystemClock(), Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
outbox = Outbox.open(folder / "outbox.db", clock)

class Side:
    def birth(self, connection_id):
        return Birth(version="0", contract_version=1, connection_id=connection_id, outbox_id=outbox.outbox_id,
                     outbox_depth=outbox.pending_count(), python="3", machine="test", at=datetime.now(UTC))
    def health(self):
        now = datetime.now(UTC)
        later = now + timedelta(minutes=2)
        return Health(at=now, uptime_s=1, memory_mb=1, disk_free_mb=1, outbox_depth=0, expires=later)

for number in range(count):
    data = SensorData(sensor="hall", kind="smoke", alarm=number == 0, value=float(number))
    outbox.put(NewEvent(uuid4(), EventType.SENSOR, "west", "gate-1", "hall", datetime.now(UTC), data))
time.sleep(1.5)
settings = DeliverySettings(live_s=1, ack_timeout_s=2)
topics = EdgeTopics("west", "gate-1")
delivery = Delivery(BrokerSettings(url=url), settings, topics, outbox, clock, 60, random.Random(1))
delivery.start(Side())
deadline = time.monotonic() + 120
while outbox.pending_count() and time.monotonic() < deadline:
    time.sleep(0.1)
left = outbox.pending_count()
delivery.stop()
outbox.close()
sys.exit(1 if left else 0)
"""


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs as they were before backlogs went in batches."""
    folder = tmp_path_factory.mktemp("earlier")
    command = ["git", "archive", EARLIER, "contract", "edge", "collector"]
    archive = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if archive.returncode != 0:
        pytest.skip(f"this checkout has no commit {EARLIER[:8]}")
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


def run_edge(code: Path, folder: Path, url: str) -> int:
    folder.mkdir()
    line = [sys.executable, "-c", EDGE, str(folder), url, str(COUNT)]
    return subprocess.run(line, cwd=code, env={**os.environ, "PYTHONPATH": str(code)}, check=False).returncode


@pytest.fixture
def earlier_collector(earlier: Path, mosquitto: Mosquitto, tmp_path: Path) -> Iterator[CollectorProcess]:
    port = free_port()
    found = CollectorProcess(tmp_path / "collector", mosquitto.url, port=port)
    found.data.mkdir()
    options = ["--data", str(found.data), "--mqtt-url", mosquitto.url, "--port", str(port)]
    with (found.data / "log").open("wb") as log:
        line = [sys.executable, "-m", "collector", "run", *options]
        environment = {**os.environ, "PYTHONPATH": str(earlier)}
        found.process = subprocess.Popen(line, cwd=earlier, env=environment, stdout=log, stderr=log)
    wait_until(lambda: _is_ready(found.url), START_TIMEOUT_S)
    yield found
    found.end(signal.SIGKILL)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def stored(url: str) -> int:
    return int(httpx.get(f"{url}/healthz", timeout=10).json()["messages"]["stored"])


def test_an_earlier_edge_delivers_to_this_collector(earlier: Path, running: CollectorProcess, tmp_path: Path) -> None:
    assert run_edge(earlier, tmp_path / "edge", running.mqtt_url) == 0
    assert stored(running.url) == COUNT


def test_this_edge_delivers_to_an_earlier_collector(earlier_collector: CollectorProcess, tmp_path: Path) -> None:
    assert run_edge(ROOT, tmp_path / "edge", earlier_collector.mqtt_url) == 0
    assert stored(earlier_collector.url) == COUNT


async def test_what_a_newer_edge_says_beyond_our_words_is_kept(database: Database) -> None:
    edge = SampleEdge()
    known = edge.sensor(alarm=False, importance="high")
    known["data"]["humidity"] = {"value": 0.4, "unit": "1"}
    newer = {**edge.sensor(alarm=False), "type": "watchpost.drone.v1"}
    later = {**edge.sensor(alarm=False), "type": "watchpost.sensor.v2"}
    prefix = "watchpost/v1/west/gate-1"
    sent = [
        edge.incoming(known),
        Incoming(f"{prefix}/event/drone/hall", payload(newer)),
        edge.incoming(later),
        Incoming(f"{prefix}/birth", payload(_birth(edge) | {"firmware": {"build": 7}})),
    ]
    found = [one for message in sent for one in understand(message)]
    outcome = await ingest(database, found, int(datetime.now(UTC).timestamp() * 1e6))
    ack = outcome.acks[f"{prefix}/ack"]
    assert ([one.to_sequence for one in ack.ranges], [one.sequence for one in ack.refused]) == ([1], [2, 3])
    async with database.read() as connection:
        (row,) = (await connection.execute(select(events.c.payload))).all()
        letters = (await connection.execute(select(dead_letters.c.kind))).scalars().all()
    assert json.loads(row.payload) == known
    assert letters == ["newer", "newer"]


def _birth(edge: SampleEdge) -> dict[str, object]:
    return {
        "version": "9", "contract_version": 1, "connection_id": str(uuid4()), "outbox_id": str(edge.outbox_id),
        "outbox_depth": 0, "python": "3", "machine": "test", "at": datetime.now(UTC).isoformat(),
    }  # fmt: skip
