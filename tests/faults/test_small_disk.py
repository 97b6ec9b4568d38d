"""A disk that is really full: the outbox says so, loses nothing, and goes on; over its quota it gives up by worth."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from contract.envelope import parse_event
from contract.events import DroppedData, EventType, PlatePassageData, SensorData
from edge.clock import SystemClock
from edge.errors import OutboxError
from edge.outbox import NewEvent, Outbox, check
from simulator.faults.disk import SmallDisk

CLOCK = SystemClock()
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    small = SmallDisk(tmp_path / "disk", 8)  # the outbox's log alone may take 4 MB
    if not small.is_real:
        pytest.skip("a file system of our own may not be mounted here")
    yield small
    small.close()


def alarm() -> NewEvent:
    data = SensorData(sensor="door", kind="smoke", alarm=True, text="x" * 500)
    return NewEvent(uuid4(), EventType.SENSOR, "west", "gate-1", "door", NOW, data)


def passage() -> NewEvent:
    data = PlatePassageData(
        camera="lane", passage_id="x" * 500, stage="final", readable=False, first_seen=NOW, last_seen=NOW, frames_read=0
    )
    return NewEvent(uuid4(), EventType.PLATE_PASSAGE, "west", "gate-1", "lane", NOW, data)


def _put_until_refused(outbox: Outbox, kept: list[int]) -> str:
    """What the outbox says when it refuses; its log may still have room within its last pages."""
    try:
        while True:
            kept.append(outbox.put(alarm()))
    except OutboxError as error:
        return str(error)


def test_a_full_disk_refuses_and_leaves_no_hole(disk: SmallDisk) -> None:
    outbox = Outbox.open(disk.folder / "outbox.db", CLOCK, max_mb=64)
    kept = [outbox.put(alarm()) for _ in range(20)]
    disk.fill(None)
    refused = alarm()
    assert "disk is full" in _put_until_refused(outbox, kept)
    with pytest.raises(OutboxError, match="disk is full"):
        outbox.put(refused)
    assert outbox.pending_count() == len(kept)
    disk.free()
    assert outbox.put(refused) == kept[-1] + 1
    outbox.close()
    assert check(disk.folder / "outbox.db") == []


def test_on_a_small_disk_alarms_outlive_passages(disk: SmallDisk) -> None:
    outbox = Outbox.open(disk.folder / "outbox.db", CLOCK, max_mb=1)
    for number in range(700):
        outbox.put(passage())
        if number % 2:
            outbox.put(alarm())
    outbox.tidy().result()
    left = [parse_event(one.payload(outbox.outbox_id, False)).parse_data() for one in outbox.events(limit=5000)]
    lost = {number for data in left if isinstance(data, DroppedData) for low, high in data.ranges
            for number in range(low, high + 1)}  # fmt: skip
    alarms = sum(isinstance(data, SensorData) for data in left)
    passages = sum(isinstance(data, PlatePassageData) for data in left)
    assert alarms == 350, "alarms go last"
    assert passages < 700
    assert len(lost) == 700 - passages, "what went is told, number by number"
    outbox.close()
    assert check(disk.folder / "outbox.db") == []
