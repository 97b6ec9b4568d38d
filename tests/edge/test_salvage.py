"""A damaged outbox: found at the next start or while it runs, set aside; what can be read comes into the new one."""

from __future__ import annotations

import random
import sqlite3
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from contract.events import EventType, SensorData
from edge.clock import SystemClock
from edge.database import Database
from edge.errors import OutboxCorrupt
from edge.evidence.files import StoredFile
from edge.evidence.queue import UploadQueue
from edge.outbox import SCHEMA, NewEvent, Outbox, check
from edge.salvage import losses, read_remains

CLOCK = SystemClock()
PAGE = 4096


def event(text: str = "x" * 200, files: tuple[StoredFile, ...] = ()) -> NewEvent:
    data = SensorData(sensor="door", kind="contact", alarm=False, text=text)
    return NewEvent(uuid4(), EventType.SENSOR, "west", "gate-1", "door", datetime.now(UTC), data, None, files)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


def filled(path: Path, count: int = 300, acked: int = 100) -> tuple[UUID, list[str]]:
    """An outbox with `count` events, the first of them acknowledged; its id, and the ids of its events."""
    outbox = Outbox.open(path, CLOCK)
    events = [event() for _ in range(count)]
    for new in events:
        outbox.put(new)
    outbox.mark_acked([(1, acked)]).result()
    outbox.close()
    return outbox.outbox_id, [str(new.id) for new in events]


def spoil(path: Path, page: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(page * PAGE)
        file.write(content)


def account(path: Path, old_id: UUID, ids: list[str], acked: int) -> tuple[set[str], set[int], set[int]]:
    """Open it; what the new outbox holds of these ids, the old numbers told as moved, and those told as unreadable."""
    outbox = Outbox.open(path, CLOCK)
    assert outbox.set_aside is not None
    assert outbox.outbox_id != old_id
    held = {str(UUID(one.body.split('"id": "')[1][:36])) for one in outbox.pending(limit=2000)}
    moved: set[int] = set()
    unreadable: set[int] = set()
    for _, records in outbox.losses():
        for data in records:
            assert data.outbox_id == str(old_id)
            numbers = {number for low, high in data.ranges for number in range(low, high + 1)}
            assert sum(data.counts.values()) in {0, len(numbers)}
            (unreadable if data.counts else moved).update(numbers)
    outbox.close()
    assert check(path) == []
    assert held == {ids[number - 1] for number in moved}, "what is told as moved is here, and nothing else"
    assert set(range(acked + 1, len(ids) + 1)) <= moved | unreadable, "every number that waited is accounted for"
    return held, moved, unreadable


@pytest.mark.parametrize("seed", range(4))
def test_a_noisy_page_costs_at_most_what_lay_on_it(path: Path, seed: int) -> None:
    rng = random.Random(seed)
    old_id, _ = filled(path, count=120, acked=40)
    pages = path.stat().st_size // PAGE
    spoil(path, rng.randrange(2, pages), rng.randbytes(PAGE) if seed % 2 else b"\0" * PAGE)
    try:
        whole = Outbox.open(path, CLOCK)
    except OutboxCorrupt:
        pytest.fail("open must not fail on a damaged file")
    if whole.set_aside is None:  # a page that was free, or of an index that nobody reads: then nothing may be missing
        assert whole.pending_count() == 80
        whole.close()
        return
    old, new_id = whole.set_aside, whole.outbox_id
    assert old.exists()
    assert new_id != old_id
    told = [data for _, records in whole.losses() for data in records]
    moved = sum(high - low + 1 for data in told if not data.counts for low, high in data.ranges)
    assert moved == whole.pending_count()
    assert moved >= 60, "one page holds a few events, not hundreds"
    whole.close()


def test_a_changed_letter_is_found(path: Path) -> None:
    old_id, ids = filled(path, count=20, acked=5)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE event SET body = replace(body, 'xx', 'xy') WHERE sequence = 12")
    _, moved, unreadable = account(path, old_id, ids, acked=5)
    assert unreadable == {12}
    assert moved == set(range(6, 21)) - {12}


def test_a_changed_letter_is_found_while_it_runs(path: Path) -> None:
    outbox = Outbox.open(path, CLOCK)
    outbox.put(event())
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE event SET source = 'gate'")
    with pytest.raises(OutboxCorrupt, match="event 1 is not what was written"):
        outbox.pending()
    assert outbox.damage is not None
    outbox.close()


def test_numbers_are_not_given_again_when_the_files_end_is_lost(path: Path) -> None:
    """As when the log's last frames are damaged: SQLite then silently takes them for never written."""
    old_id, ids = filled(path, count=10, acked=4)
    before = path.read_bytes()
    outbox = Outbox.open(path, CLOCK)
    late = [event() for _ in range(5)]
    for new in late:
        outbox.put(new)
    outbox.close()
    path.write_bytes(before)
    path.with_name("outbox.db-wal").unlink(missing_ok=True)
    _, moved, unreadable = account(path, old_id, [*ids, *(str(new.id) for new in late)], acked=4)
    assert moved == set(range(5, 11))
    assert unreadable == set(range(11, 16))


def test_salvaging_goes_on_after_a_crash_in_between(path: Path) -> None:
    old_id, _ = filled(path, count=10, acked=0)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE event SET source = 'gate' WHERE sequence = 1")
    first = Outbox.open(path, CLOCK)
    first.close()
    with sqlite3.connect(path) as connection:  # as if the crash had come before step 3
        connection.execute("DELETE FROM event")
        connection.execute("DELETE FROM meta WHERE key <> 'outbox_id'")
        connection.execute("DELETE FROM sqlite_sequence")
    path.with_name("outbox.db.mark").unlink()
    again = Outbox.open(path, CLOCK)
    assert again.pending_count() == 9
    again.close()
    third = Outbox.open(path, CLOCK)
    assert third.pending_count() == 9, "and once only"
    for key, records in third.losses():
        assert records[0].outbox_id == str(old_id)
        third.told(key)
    assert third.losses() == []
    third.close()


@pytest.mark.parametrize("mark", ["00000000000900000010", "9" * 5000, "00000000000000000011"])
def test_a_damaged_high_mark_says_nothing(path: Path, mark: str) -> None:
    """It is not synced, and its disk may be the one that damages files."""
    filled(path, count=10, acked=0)
    file = path.with_name("outbox.db.mark")
    file.write_text(mark + file.read_text()[20:])
    outbox = Outbox.open(path, CLOCK)
    assert (outbox.set_aside, outbox.pending_count()) == (None, 10)
    outbox.close()


def test_an_event_is_stored_whatever_becomes_of_its_mark(path: Path) -> None:
    path.with_name("outbox.db.mark").mkdir()
    outbox = Outbox.open(path, CLOCK)
    assert [outbox.put(event()) for _ in range(2)] == [1, 2]
    outbox.close()


def test_waiting_evidence_is_salvaged(path: Path, tmp_path: Path) -> None:
    outbox = Outbox.open(path, CLOCK)
    picture = tmp_path / "a.jpg"
    picture.write_bytes(b"\xff\xd8\xff")
    outbox.put(event(files=(StoredFile("a" * 64, picture, "snapshot", "image/jpeg", 3),)))
    outbox.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE event SET source = 'gate'")
    again = Outbox.open(path, CLOCK)
    assert UploadQueue(again.database).waiting_count() == 1
    again.close()


def test_a_file_without_checksums_is_an_earlier_version_not_a_damaged_one(path: Path) -> None:
    earlier = Database(path, SCHEMA.replace("    checksum  INTEGER", "    unused    INTEGER"))
    row = "INSERT INTO event (id, type, source, created_s, worth, body) VALUES (?, 'sensor', 'door', 1, 3, ?)"
    for new in (event(), event(), event()):
        earlier.write(lambda connection, new=new: connection.execute(row, (str(new.id), new.body())).rowcount)
    earlier.close()
    outbox = Outbox.open(path, CLOCK)
    assert outbox.set_aside is None
    assert outbox.pending_count() == 3
    assert outbox.put(event()) == 4
    outbox.close()
    assert check(path) == []


def test_billions_of_numbers_that_are_not_there_cost_no_memory_and_no_time(path: Path) -> None:
    """What a damaged page says of them may be anything."""
    old_id, _ = filled(path, count=20, acked=5)
    far = 4_000_000_000
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM event WHERE sequence BETWEEN 3 AND 4")
        connection.execute("INSERT INTO gone VALUES (3, 4, 'x'), (1000, 2000000000, 'x')")
        connection.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'event'", (far,))
    tracemalloc.start()
    remains = read_remains(path, given=0, schema=SCHEMA)
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert remains.outbox_id == str(old_id)
    assert [row[0] for row in remains.pending] == list(range(6, 21))
    assert remains.unreadable == [(21, 999), (2_000_000_001, far)]
    assert remains.unreadable_count == 979 + 2_000_000_000 - 1 + 1
    assert most_bytes < 5_000_000
    (_, lost) = losses(remains, path)
    assert lost.ranges == ((21, 999), (2_000_000_001, far))


def test_a_part_that_cannot_be_read_costs_only_itself(path: Path) -> None:
    """It is read in halves: a few pages of thousands of events are told number by number, nothing around them."""
    old_id, ids = filled(path, count=1500, acked=0)
    pages = path.stat().st_size // PAGE
    for page in (pages // 3, pages // 2):
        spoil(path, page, b"\xff" * PAGE)
    _, moved, unreadable = account(path, old_id, ids, acked=0)
    assert len(moved) + len(unreadable) == 1500
    assert 0 < len(unreadable) <= 40


def test_a_table_whose_root_is_gone_is_given_up_in_the_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.salvage._PATIENCE", 50)
    filled(path, count=200, acked=0)
    with sqlite3.connect(path) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'event'").fetchone()
    spoil(path, root - 1, b"\xff" * PAGE)
    remains = read_remains(path, given=3_000_000_000, schema=SCHEMA)
    assert remains.pending == []
    assert remains.unreadable == [(1, 3_000_000_000)]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE event SET body = CAST(x'7b22ff22' || substr(body, 4) AS TEXT) WHERE sequence = 12",
        "UPDATE event SET source = CAST(x'ff' AS TEXT) WHERE sequence = 12",
        "UPDATE upload SET path = CAST(x'2fff' AS TEXT)",
        "INSERT INTO meta VALUES ('note', CAST(x'ff' AS TEXT))",
    ],
)
def test_noise_in_a_text_does_not_keep_the_edge_from_starting(path: Path, tmp_path: Path, damage: str) -> None:
    """SQLite's check does not look at letters; Python refuses to give out such a text at all."""
    file = StoredFile("ab" * 32, tmp_path / "a.jpg", "snapshot", "image/jpeg", 1)
    outbox = Outbox.open(path, CLOCK)
    for _ in range(20):
        outbox.put(event(files=(file,)))
    outbox.close()
    with sqlite3.connect(path) as connection:
        connection.execute(damage)
    again = Outbox.open(path, CLOCK)
    assert again.set_aside is not None
    assert again.pending_count() == (19 if "UPDATE event" in damage else 20)
    again.close()
    assert check(path) == []


def test_noise_that_is_met_while_it_runs_ends_the_agent_and_is_not_told_itself(path: Path) -> None:
    outbox = Outbox.open(path, CLOCK)
    outbox.put(event("secret" * 9))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE event SET body = body || CAST(x'ff' AS TEXT)")
    with pytest.raises(OutboxCorrupt, match="not UTF-8") as refused:
        outbox.pending()
    assert outbox.damage is not None
    assert "secret" not in str(refused.value)
    outbox.close()
