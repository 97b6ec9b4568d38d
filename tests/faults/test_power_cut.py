"""Power cuts, played on what the real outbox and evidence folder had written: see simulator.faults.powercut."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from services import require

from edge.clock import SystemClock
from edge.evidence.files import sha256_of
from edge.outbox import Outbox, check
from simulator.faults.powercut import build, copy_of, play, put_down

CUTS = 6
WRITER = """
import random, sys, threading
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4
import edge.database
from contract.events import EventType, SensorData
from edge.clock import SystemClock
from edge.evidence.files import EvidenceFiles
from edge.outbox import NewEvent, Outbox
from simulator.faults.powercut import record_from_here

folder, log, synchronous = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
record_from_here(folder, log)
whole = edge.database._connect
def connect(path):
    connection = whole(path)
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    return connection
edge.database._connect = connect
outbox = Outbox.open(folder / "outbox.db", SystemClock())
files = EvidenceFiles(folder / "evidence", 10**9)
lock = threading.Lock()

def produce(name):
    rng = random.Random(name)
    while True:
        file = files.store(b"\\xff\\xd8\\xff" + rng.randbytes(5000), "snapshot", "image/jpeg")
        data = SensorData(sensor=name, kind="contact", alarm=False, text="x" * rng.randrange(3000))
        event = NewEvent(uuid4(), EventType.SENSOR, "w", "e", name, datetime.now(UTC), data, None, (file,))
        sequence = outbox.put(event)
        if sequence % 7 == 0:
            outbox.mark_acked([(1, sequence // 2)]).result()
        with lock:
            print(sequence, event.id, file.sha256, flush=True)

for name in ("a", "b"):
    threading.Thread(target=produce, args=(name,)).start()
"""


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require("cc", "gcc")
    return build(tmp_path_factory.mktemp("recorder"))


def write_and_cut(tmp_path: Path, recorder: Path, rng: random.Random, synchronous: str) -> list[list[str]]:
    """Let the writer run for a moment, cut the power; returns what it was told is safe: number, event, file."""
    folder, log = tmp_path / "edge", tmp_path / "log"
    folder.mkdir(exist_ok=True)
    before = copy_of(folder, tmp_path / "before")
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(log), synchronous],
        stdout=subprocess.PIPE, env={**os.environ, "LD_PRELOAD": str(recorder)},
    )  # fmt: skip
    assert writer.stdout is not None
    promised = [writer.stdout.readline()]
    time.sleep(rng.uniform(0.05, 0.4))
    writer.kill()
    promised += writer.stdout.read().splitlines(keepends=True)
    writer.wait()
    put_down(play(before, log, rng), folder)
    return [line.decode().split() for line in promised if line.endswith(b"\n")]


def test_what_was_promised_is_there_after_every_power_cut(tmp_path: Path, recorder: Path) -> None:
    rng = random.Random(5)
    promised: list[list[str]] = []
    for _ in range(CUTS):
        promised += write_and_cut(tmp_path, recorder, rng, "FULL")
        outbox = Outbox.open(tmp_path / "edge" / "outbox.db", SystemClock())
        assert outbox.set_aside is None
        here = {event.sequence: event.body for event in outbox.events(limit=10**6)}
        outbox.close()
        for sequence, event_id, sha256 in promised:
            assert event_id in here[int(sequence)]
            assert sha256_of(tmp_path / "edge" / "evidence" / sha256[:2] / f"{sha256}.jpg") == sha256
        assert check(tmp_path / "edge" / "outbox.db") == []
    assert len(promised) > CUTS


def test_the_model_takes_away_what_is_not_synced(tmp_path: Path, recorder: Path) -> None:
    """Else the test above would prove nothing."""
    rng = random.Random(6)
    for number in range(4 * CUTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        promised = write_and_cut(folder, recorder, rng, "OFF")
        outbox = Outbox.open(folder / "edge" / "outbox.db", SystemClock())
        here = {event.sequence for event in outbox.events(limit=10**6)}
        outbox.close()
        if {int(sequence) for sequence, *_ in promised} - here:
            return
    pytest.fail("with synchronous = OFF nothing was ever lost")
