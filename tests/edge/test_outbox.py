"""The outbox: what is put is on disk, numbers have no gaps, and what is given up is told."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from contract.envelope import parse_event
from contract.events import DroppedData, EventType, FallingObjectData, PathPoint, PlatePassageData, SensorData
from edge.clock import SystemClock
from edge.database import Database
from edge.errors import OutboxCorrupt, OutboxError
from edge.evidence.files import StoredFile
from edge.evidence.queue import UploadQueue
from edge.outbox import SCHEMA, NewEvent, Outbox, check, events_of
from edge.outbox.changes import insert

CLOCK = SystemClock()
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


class HandClock(SystemClock):
    """Wall time is what the test says."""

    def __init__(self) -> None:
        self.wall_s = 1_000_000.0

    def now(self) -> float:
        return self.wall_s


def event(text: str = "", alarm: bool = False) -> NewEvent:
    data = SensorData(sensor="door", kind="contact", alarm=alarm, text=text)
    return NewEvent(uuid4(), EventType.SENSOR, "west", "gate-1", "door", NOW, data)


def fall(certainty: str) -> NewEvent:
    points = (PathPoint(t_s=0, x=0.5, y=0.1), PathPoint(t_s=1, x=0.5, y=0.9))
    data = FallingObjectData.model_validate(
        {"camera": "tower", "certainty": certainty, "confidence": 0.5, "hypothesis": "free_fall", "path": points,
         "duration_s": 1, "origin": points[0], "size_px": 4, "why": "x" * 2000}
    )  # fmt: skip
    return NewEvent(uuid4(), EventType.FALLING_OBJECT, "west", "gate-1", "tower", NOW, data)


def passage() -> NewEvent:
    data = PlatePassageData(
        camera="lane",
        passage_id="x" * 2000,
        stage="final",
        readable=False,
        first_seen=NOW,
        last_seen=NOW,
        frames_read=0,
    )
    return NewEvent(uuid4(), EventType.PLATE_PASSAGE, "west", "gate-1", "lane", NOW, data)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite3"


def test_a_stored_event_is_an_event_of_the_contract(path: Path) -> None:
    outbox = Outbox.open(path, CLOCK)
    new = event("hello")
    assert outbox.put(new) == 1
    stored = outbox.pending()[0]
    envelope = parse_event(stored.payload(outbox.outbox_id, replayed=True))
    assert (envelope.id, envelope.outboxid, envelope.sequence) == (new.id, outbox.outbox_id, 1)
    assert (envelope.time, envelope.replayed, envelope.event_type) == (NOW, True, EventType.SENSOR)
    assert envelope.parse_data() == new.data
    outbox.close()


def test_the_same_event_again_keeps_its_number(path: Path) -> None:
    outbox = Outbox.open(path, CLOCK)
    new = event()
    assert [outbox.put(new), outbox.put(event()), outbox.put(new)] == [1, 2, 1]
    outbox.close()
    assert check(path) == []


def test_identity_and_numbers_survive_a_reopen(path: Path) -> None:
    outbox = Outbox.open(path, CLOCK)
    first_id = outbox.outbox_id
    outbox.put(event())
    outbox.mark_acked([(1, 1)]).result()
    outbox.close()
    again = Outbox.open(path, CLOCK)
    assert again.outbox_id == first_id
    assert again.put(event()) == 2
    assert (again.pending_count(), again.last_sequence()) == (1, 2)
    again.close()


def test_concurrent_puts_share_commits_and_get_distinct_numbers(path: Path) -> None:
    outbox = Outbox.open(path, CLOCK)
    with ThreadPoolExecutor(16) as pool:
        numbers = list(pool.map(lambda number: outbox.put(event(str(number))), range(300)))
    assert sorted(numbers) == list(range(1, 301))
    outbox.close()
    assert check(path) == []


def test_one_bad_change_does_not_take_its_batch_with_it(path: Path) -> None:
    database = Database(path, SCHEMA)
    gate = threading.Event()
    database.submit(lambda _: gate.wait(5))  # the writer is busy: the next three share a batch
    insert = "INSERT INTO meta VALUES (?, 'x')"
    good = database.submit(lambda connection: connection.execute(insert, ("a",)).rowcount)
    bad = database.submit(lambda connection: connection.execute("INSERT INTO no_such_table VALUES (1)").rowcount)
    also_good = database.submit(lambda connection: connection.execute(insert, ("b",)).rowcount)
    gate.set()
    assert (good.result(5), also_good.result(5)) == (1, 1)
    with pytest.raises(OutboxError, match="no_such_table"):
        bad.result(5)
    assert database.read("SELECT key FROM meta ORDER BY key") == [("a",), ("b",)]
    database.close()
    with pytest.raises(OutboxError, match="closed"):
        database.write(lambda _: None)


def test_a_second_agent_on_the_same_outbox_is_refused(path: Path) -> None:
    outbox = Outbox.open(path, CLOCK)
    with pytest.raises(OutboxError, match="another agent is using it"):
        Outbox.open(path, CLOCK)
    outbox.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutboxError, match="cannot be made"):
        Outbox.open(tmp_path / "file" / "outbox.sqlite3", CLOCK)


@pytest.mark.parametrize(
    "damage", [b"this is no database at all, not even nearly" * 100, b"SQLite format 3\x00" + b"\xff" * 8000]
)
def test_a_damaged_file_is_set_aside(path: Path, damage: bytes) -> None:
    first = Outbox.open(path, CLOCK)
    first.put(event())
    first.close()
    path.write_bytes(damage)
    with pytest.raises(OutboxCorrupt):
        check(path)
    outbox = Outbox.open(path, CLOCK)
    assert outbox.set_aside is not None
    assert outbox.set_aside.read_bytes()[:30] == damage[:30]
    assert outbox.outbox_id != first.outbox_id
    assert outbox.put(event()) == 1
    outbox.close()


def test_settled_events_are_forgotten_after_their_time_and_written_down(path: Path) -> None:
    clock = HandClock()
    outbox = Outbox.open(path, clock, keep_days=1)
    for _ in range(5):
        outbox.put(event())
    outbox.mark_acked([(1, 2), (4, 4)]).result()
    clock.wall_s += 86_401
    outbox.tidy().result()
    assert [stored.sequence for stored in outbox.events()] == [3, 5]
    replay = outbox.mark_replay([(1, 5)])
    assert replay.marked == 0
    assert [(low, high) for low, high, _ in replay.missing] == [(1, 2), (4, 4)]
    outbox.close()
    assert check(path) == []


def test_a_replay_makes_settled_events_pending_again(path: Path) -> None:
    outbox = Outbox.open(path, CLOCK)
    for _ in range(4):
        outbox.put(event())
    outbox.mark_acked([(1, 3)]).result()
    outbox.mark_refused(4, "why not").result()
    assert outbox.pending_count() == 0
    assert outbox.mark_replay([(2, 9)]).marked == 3
    assert [(stored.sequence, stored.replay) for stored in outbox.pending()] == [(2, True), (3, True), (4, True)]
    outbox.close()


def test_an_event_put_while_the_boundary_is_read_is_live(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = Outbox.open(path, CLOCK)
    box.put(event("settled"))
    box.mark_acked([(1, 1)]).result()
    read = box.database.read
    numbers: list[int] = []

    def read_then_put(sql: str, parameters: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        rows = read(sql, parameters)
        if not numbers:
            numbers.append(0)  # the put reads too
            numbers.append(box.put(event("in between")))
        return rows

    monkeypatch.setattr(box.database, "read", read_then_put)
    boundary = box.live_boundary(CLOCK.now() - 60)
    assert numbers[1] >= boundary
    box.close()


def test_when_full_the_least_worth_goes_first_and_is_told(path: Path) -> None:
    outbox = Outbox.open(path, CLOCK, max_mb=1)
    kinds = [fall("confirmed"), passage(), fall("suspected"), event(alarm=True)]
    for _ in range(200):
        for kind in kinds:
            outbox.put(NewEvent(uuid4(), kind.event_type, kind.site, kind.edge, kind.source, NOW, kind.data))
    given_up = outbox.tidy().result()
    left = [parse_event(one.payload(outbox.outbox_id, False)).parse_data() for one in outbox.events(limit=2000)]
    told = [data for data in left if isinstance(data, DroppedData)]
    counts = sum((sum(data.counts.values()) for data in told), start=0)
    lost = [number for data in told for low, high in data.ranges for number in range(low, high + 1)]
    assert counts == len(lost) == len(set(lost)) == 800 - (len(left) - len(told)) > 0
    falls = [data.certainty for data in left if isinstance(data, FallingObjectData)]
    assert falls.count("confirmed") == 200, "confirmed falls go last"
    assert sum(isinstance(data, SensorData) for data in left) == 200, "and alarms"
    passages = sum(isinstance(data, PlatePassageData) for data in left)
    assert falls.count("suspected") < passages < 200, "suspected falls go first, then passages"
    assert given_up <= counts
    assert told[0].outbox_id == str(outbox.outbox_id)
    outbox.close()
    assert check(path) == []


def test_a_quota_that_cannot_be_kept_is_told_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody waits for the tidying that goes with each 64th event."""
    outbox = Outbox.open(path, CLOCK, max_mb=0.001)
    stuck = "CREATE TRIGGER stuck BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'stuck'); END"
    for times, statement in enumerate((stuck, "DROP TRIGGER stuck", stuck), start=1):
        outbox.database.write(lambda connection, statement=statement: connection.execute(statement).rowcount)
        for _ in range(130):
            outbox.put(event())
        outbox.database.write(lambda connection: connection.total_changes)  # what was queued before is done
        told = [record for record in caplog.records if "stuck" in record.getMessage()]
        assert len(told) == (times + 1) // 2
    outbox.close()


def test_check_finds_a_gap_and_a_false_body(path: Path) -> None:
    outbox = Outbox.open(path, CLOCK)
    for _ in range(5):
        outbox.put(event())
    outbox.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM event WHERE sequence = 3")
        connection.execute("UPDATE event SET body = json_set(body, '$.id', 'x') WHERE sequence = 4")
    problems = "\n".join(check(path))
    assert "numbers 3 to 3 are neither here nor written down as gone" in problems
    assert "event 4: its body has the id x" in problems


def test_evidence_is_queued_with_its_event_alarms_first(path: Path, tmp_path: Path) -> None:
    outbox = Outbox.open(path, CLOCK)
    uploads = UploadQueue(outbox.database)
    for number, new in enumerate([passage(), fall("confirmed")]):
        file = StoredFile(str(number) * 64, tmp_path / f"{number}.jpg", "snapshot", "image/jpeg", 10)
        file.path.write_bytes(b"0123456789")
        outbox.put(NewEvent(new.id, new.event_type, "west", "gate-1", new.source, NOW, new.data, None, (file,)))
    assert (uploads.next(time.time()) or pytest.fail("nothing is due")).file.sha256 == "1" * 64
    uploads.postpone("1" * 64, time.time() + 60, "away")
    assert (uploads.next(time.time()) or pytest.fail("nothing is due")).file.sha256 == "0" * 64
    uploads.mark_uploaded("0" * 64)
    assert uploads.next(time.time()) is None
    assert uploads.waiting_count() == 1
    outbox.close()
    assert check(path) == []
    (tmp_path / "1.jpg").unlink()
    assert "is not there" in check(path)[0]


PUTTING = """
import sys, threading
from pathlib import Path
sys.path[:0] = [{root!r}, {here!r}]
from test_outbox import CLOCK, event
from edge.outbox import Outbox
outbox = Outbox.open(Path(sys.argv[1]), CLOCK)
lock = threading.Lock()
def put():
    while True:
        new = event("x" * 200)
        sequence = outbox.put(new)
        with lock:
            print(sequence, new.id, flush=True)
for _ in range(4):
    threading.Thread(target=put).start()
"""


def test_kill_9_loses_nothing_that_put_has_returned(path: Path) -> None:
    root, here = str(Path(__file__).parents[2]), str(Path(__file__).parent)
    for round_number in range(3):
        program = PUTTING.format(root=root, here=here)
        process = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(50 + 20 * round_number)]
        os.kill(process.pid, signal.SIGKILL)
        lines += process.stdout.readlines()
        process.wait()
        promised = dict(line.split() for line in lines if line.endswith("\n") and len(line.split()) == 2)
        assert check(path) == []
        outbox = Outbox.open(path, CLOCK)
        held = {str(one.sequence): json.loads(one.body)["id"] for one in outbox.events(limit=100_000)}
        outbox.close()
        assert promised.items() <= held.items()


FILLING = """
import resource, sys
from pathlib import Path
sys.path[:0] = [{root!r}, {here!r}]
from test_outbox import CLOCK, event
from edge.outbox import Outbox
from edge.errors import OutboxError
outbox = Outbox.open(Path(sys.argv[1]), CLOCK)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
stored = []
try:
    for _ in range(10_000):
        stored.append(outbox.put(event("x" * 500)))
except OutboxError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(stored[-1], outbox.put(event("room again")))
outbox.close()
"""


def test_a_full_disk_is_told_and_the_outbox_goes_on_afterwards(path: Path) -> None:
    """A limit on the size of files behaves like a full disk: the write fails."""
    assert resource.RLIMIT_FSIZE is not None
    program = FILLING.format(root=str(Path(__file__).parents[2]), here=str(Path(__file__).parent))
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    error, numbers = done.stdout.splitlines()
    assert "the disk is full" in error
    assert "free space, or lower outbox.max_mb" in error
    last, next_one = map(int, numbers.split())
    assert next_one == last + 1, "a failed put leaves no gap"
    assert check(path) == []


class OutboxMachine(RuleBasedStateMachine):
    """Puts, acks, refusals, replays, forgetting, crashes and restarts in any order, against a model in memory."""

    numbers = Bundle("numbers")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = HandClock()
        self.generation = 0
        self.outbox = self._open()
        self.outbox_id = self.outbox.outbox_id
        self.states: dict[int, str] = {}
        self.ids: dict[int, str] = {}

    def _open(self) -> Outbox:
        return Outbox.open(self.folder / str(self.generation) / "outbox.sqlite3", self.clock, keep_days=1)

    @rule(target=numbers)
    def put(self) -> int:
        new = event()
        sequence = self.outbox.put(new)
        assert sequence == len(self.states) + 1
        self.states[sequence], self.ids[sequence] = "pending", str(new.id)
        return sequence

    @rule(low=numbers, width=st.integers(0, 3))
    def ack(self, low: int, width: int) -> None:
        settled = self.outbox.mark_acked([(low, low + width)]).result()
        now_settled = [n for n in range(low, low + width + 1) if self.states.get(n) == "pending"]
        assert settled == len(now_settled)
        self.states.update(dict.fromkeys(now_settled, "settled"))

    @rule(number=numbers)
    def refuse(self, number: int) -> None:
        self.outbox.mark_refused(number, "no").result()
        if self.states[number] == "pending":
            self.states[number] = "settled"

    @rule(number=consumes(numbers))
    def replay(self, number: int) -> None:
        replay = self.outbox.mark_replay([(number, number)])
        assert replay.marked == (self.states[number] == "settled")
        assert bool(replay.missing) == (self.states[number] == "gone")
        if self.states[number] == "settled":
            self.states[number] = "pending"

    @rule()
    def a_day_passes(self) -> None:
        self.clock.wall_s += 86_401
        self.outbox.tidy().result()
        self.states = {n: "gone" if state == "settled" else state for n, state in self.states.items()}

    @rule()
    def restart(self) -> None:
        self.outbox.close()
        self.outbox = self._open()

    @rule()
    def crash(self) -> None:
        """What a killed process leaves: the files as they are now, the log not yet folded in."""
        old = self.folder / str(self.generation)
        self.generation += 1
        shutil.copytree(old, self.folder / str(self.generation))
        self.outbox.close()
        self.outbox = self._open()

    @invariant()
    def agrees_with_the_model(self) -> None:
        held = {one.sequence: json.loads(one.body)["id"] for one in self.outbox.events(limit=10_000)}
        pending = [one.sequence for one in self.outbox.pending(limit=10_000)]
        assert self.outbox.outbox_id == self.outbox_id
        assert pending == [n for n, state in self.states.items() if state == "pending"]
        assert held == {n: self.ids[n] for n, state in self.states.items() if state != "gone"}

    def teardown(self) -> None:
        path = self.outbox.path
        self.outbox.close()
        assert check(path) == []
        shutil.rmtree(self.folder)


TestOutboxMachine = OutboxMachine.TestCase
TestOutboxMachine.settings = settings(max_examples=15, stateful_step_count=20, deadline=None, derandomize=True)


DEEP: list[object] = []
for _ in range(400):
    DEEP = [DEEP]


@pytest.mark.parametrize("odd", ["\ud800", DEEP], ids=["half a pair", "deep"])
def test_an_event_that_is_no_text_is_refused_and_harms_no_other(tmp_path: Path, odd: object) -> None:
    """A local sensor may send anything; its data may have more keys than we know."""
    outbox = Outbox.open(tmp_path / "outbox.db", CLOCK)
    data = SensorData.model_validate({"sensor": "door", "kind": "contact", "alarm": False, "more": odd})
    with pytest.raises(ValueError, match=r".*"):
        outbox.put(NewEvent(uuid4(), EventType.SENSOR, "west", "gate-1", "door", NOW, data))
    assert outbox.put(event()) == 1
    outbox.close()


def test_a_change_that_was_given_nonsense_fails_alone(tmp_path: Path) -> None:
    outbox = Outbox.open(tmp_path / "outbox.db", CLOCK)

    def broken(_connection: sqlite3.Connection) -> None:
        raise ValueError("nonsense")

    bad = outbox.database.submit(broken)
    endless = outbox.mark_acked([(1, 10**30)])  # no number of SQLite's
    assert outbox.put(event()) == 1
    assert isinstance(bad.exception(), ValueError)
    assert isinstance(endless.exception(), OverflowError)
    outbox.close()


@pytest.mark.parametrize("column", ["source", "body"])
def test_the_check_finds_a_changed_text(tmp_path: Path, column: str) -> None:
    path = tmp_path / "outbox.db"
    outbox = Outbox.open(path, CLOCK)
    outbox.put(event("open"))
    outbox.close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE event SET {column} = replace(replace({column}, 'open', 'shut'), 'door', 'gate')")
    assert ["checksum" in problem for problem in check(path)] == [True]


@pytest.mark.parametrize("statement", ["CREATE TABLE events (a)", None])
@pytest.mark.parametrize("look", [check, lambda path: list(events_of(path))])
def test_a_file_that_is_no_outbox_is_not_changed(
    tmp_path: Path, look: Callable[[Path], list[object]], statement: str | None
) -> None:
    path = tmp_path / "collector.db"
    path.touch()
    if statement is not None:
        with sqlite3.connect(path) as connection:
            connection.execute(statement)
    before = path.read_bytes()
    with pytest.raises(OutboxError, match="no outbox"):
        look(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def put_many(path: Path, count: int, text: str) -> None:
    """In one transaction."""

    def put_all(connection: sqlite3.Connection) -> None:
        for new in (event(text) for _ in range(count)):
            insert(connection, new, CLOCK.now(), new.body())

    outbox = Outbox.open(path, CLOCK)
    outbox.database.write(put_all)
    outbox.close()


def test_the_check_holds_a_page_of_events_in_memory(path: Path) -> None:
    put_many(path, 2000, "x" * 4000)
    tracemalloc.start()
    try:
        assert check(path) == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000, "2000 events have 8 MB"


def test_what_is_wrong_on_any_page_is_found_once_and_in_order(path: Path) -> None:
    put_many(path, 650, "open")
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM event WHERE sequence IN (1, 200, 201, 202, 600)")
        connection.execute("INSERT INTO gone VALUES (200, 203, 'given up'), (600, 600, 'given up')")
        connection.execute("UPDATE event SET body = replace(body, 'open', 'shut') WHERE sequence IN (2, 400, 401, 650)")
    assert check(path) == [
        "numbers 1 to 1 are neither here nor written down as gone",
        "numbers 203 to 203 are here (or gone) twice",
        *(f"event {number}: it is not what was written, says its checksum" for number in (2, 400, 401, 650)),
    ]
    assert [one.sequence for one in events_of(path)] == [n for n in range(2, 651) if n not in {200, 201, 202, 600}]
