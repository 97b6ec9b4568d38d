"""The fault matrix judges rightly, and a short round of it is clean."""

from __future__ import annotations

import hashlib
import json
import random
import socket
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from services import require

from contract.events import EventType, SensorData
from edge.clock import SystemClock
from edge.outbox import SCHEMA, NewEvent, Outbox
from edge.salvage import read_remains
from simulator.faults.catalogue import KINDS, pages_of_waiting
from simulator.faults.command import faults_command
from simulator.faults.count import Verdict, judge
from simulator.faults.ledger import Kept, Ledger, Promise, read_ledger
from simulator.faults.matrix import Injected, as_markdown, make_report
from simulator.faults.progress import Progress
from simulator.faults.proxy import FAIR, Proxy, Weather
from simulator.faults.store import SqliteStore

BOX = UUID(int=7)
CONTENT = b"\xff\xd8\xff evidence"
SHA = hashlib.sha256(CONTENT).hexdigest()


class Case:
    """A ledger and a collector's tables, both made by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ledger = Ledger(folder / "ledger")
        self.database = sqlite3.connect(folder / "collector.db")
        self.database.executescript(
            "CREATE TABLE events"
            " (row_id INTEGER PRIMARY KEY, event_id, outbox_id, sequence, edge, source, type, payload);"
            "CREATE TABLE evidence (sha256); CREATE TABLE alerts (event_id);"
            "CREATE TABLE received_ranges (outbox_id, low, high);"
        )
        self.promised: list[Promise] = []

    def promise(self, evidence: str | None = None, sequence: int | None = None) -> Promise:
        number = len(self.promised) + 1
        promise = Promise("edge-1", 0, number, uuid4(), evidence, float(number))
        self.ledger.begin(promise)
        self.ledger.done(promise, Kept(BOX, sequence or number))
        self.promised.append(promise)
        return promise

    def store(self, promise: Promise, sequence: int, outbox: UUID = BOX) -> None:
        row = (str(promise.event_id), str(outbox), sequence, "edge-1", "source-0", "sensor", "{}")
        self.database.execute(
            "INSERT INTO events (event_id, outbox_id, sequence, edge, source, type, payload) VALUES (?,?,?,?,?,?,?)",
            row,
        )

    def tell_dropped(self, low: int, high: int) -> None:
        payload = json.dumps({"data": {"outbox_id": str(BOX), "ranges": [[low, high]]}})
        row = (str(uuid4()), str(BOX), 99, "edge-1", "edge-1", "dropped", payload)
        self.database.execute(
            "INSERT INTO events (event_id, outbox_id, sequence, edge, source, type, payload) VALUES (?,?,?,?,?,?,?)",
            row,
        )

    def judge(self) -> Verdict:
        self.database.commit()
        book = read_ledger(self.folder / "ledger", "edge-1")
        return judge([book], SqliteStore(self.folder / "collector.db"), self.folder / "evidence")


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_all_well_is_all_well(case: Case) -> None:
    for number in (1, 2, 3):
        case.store(case.promise(), number)
    verdict = case.judge()
    assert len(verdict.promises) == 3
    bad = (verdict.lost, verdict.duplicated, verdict.out_of_order, verdict.given_up, verdict.bad_evidence)
    assert bad == ((),) * 5
    assert verdict.strangers == verdict.open_gaps == 0


def test_a_lost_one_is_lost_unless_its_edge_has_said_so(case: Case) -> None:
    lost, told = case.promise(), case.promise()
    case.tell_dropped(2, 2)
    verdict = case.judge()
    assert verdict.lost == (lost,)
    assert verdict.given_up == (told,)


def test_the_same_event_under_two_numbers_is_a_duplicate(case: Case) -> None:
    twice = case.promise()
    case.store(twice, 1)
    case.store(twice, 5, outbox=UUID(int=8))
    assert case.judge().duplicated == (twice,)


def test_two_alerts_of_one_event_are_a_duplicate(case: Case) -> None:
    twice = case.promise()
    case.store(twice, 1)
    case.database.executemany("INSERT INTO alerts VALUES (?)", [(str(twice.event_id),)] * 2)
    assert case.judge().duplicated == (twice,)


def test_a_later_event_with_an_earlier_number_is_out_of_order(case: Case) -> None:
    first, second = case.promise(), case.promise()
    case.store(second, 1)
    case.store(first, 2)
    assert case.judge().out_of_order == (second,)


def test_evidence_must_be_what_its_name_says(case: Case) -> None:
    absent, right, wrong = case.promise("a" * 64), case.promise(SHA), case.promise("b" * 64)
    for promise in (absent, right, wrong):
        case.store(promise, promise.number)
    case.database.executemany("INSERT INTO evidence VALUES (?)", [(SHA,), ("b" * 64,)])
    for name in (SHA, "b" * 64):
        path = case.folder / "evidence" / name[:2] / name
        path.parent.mkdir(parents=True)
        path.write_bytes(CONTENT)
    assert case.judge().bad_evidence == (absent, wrong)


def test_gaps_and_strangers_are_told(case: Case) -> None:
    case.database.executemany("INSERT INTO received_ranges VALUES (?, ?, ?)", [("x", 3, 4), ("x", 6, 9), ("y", 1, 2)])
    case.store(Promise("edge-1", 0, 1, uuid4(), None, 0.0), 1)
    verdict = case.judge()
    assert verdict.open_gaps == 3
    assert verdict.strangers == 1


def test_a_ledger_forgets_only_the_line_that_a_crash_has_cut_off(case: Case) -> None:
    whole = case.promise()
    path = case.folder / "ledger"
    path.write_bytes(path.read_bytes() + b"B 0 2 half")
    Ledger(path)
    assert [promise.event_id for promise in read_ledger(path, "edge-1").promises] == [whole.event_id]


def test_an_event_counts_to_the_fault_it_was_promised_in(case: Case) -> None:
    lost = [case.promise() for _ in range(3)]
    injected = [Injected("cut", 0.5, 1.0, 1.4, 1.5), Injected("kill", 1.6, 2.0, None, 3.5)]
    report = make_report(injected, case.judge(), {})
    assert (report["kinds"]["cut"]["lost"], report["kinds"]["kill"]["lost"]) == (1, 2)
    assert report["total"]["lost"] == len(lost)
    assert report["total"]["not_recovered"] == 1
    assert "| cut | 1 | 1 | 1 |" in as_markdown(report)


@pytest.fixture
def echo() -> Iterator[int]:
    """Port of a server that says back what it hears."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=_say_back, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


def _say_back(connection: socket.socket) -> None:
    try:
        while data := connection.recv(4096):
            connection.sendall(data)
    except OSError:
        return


def _has_ended(line: socket.socket) -> bool:
    try:
        return line.recv(10) == b""
    except ConnectionError:
        return True


def test_the_proxy_passes_falls_silent_cuts_and_resets(echo: int) -> None:
    proxy = Proxy(echo, random.Random(1))
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as line:
        line.sendall(b"one")
        assert line.recv(10) == b"one"
        proxy.weather = Weather(silent=True)
        line.sendall(b"two")
        line.settimeout(0.2)
        with pytest.raises(TimeoutError):
            line.recv(10)
        proxy.weather = FAIR
        line.settimeout(5)
        assert line.recv(10) == b"two", "what was sent into the silence comes after it"
        proxy.weather = Weather(cut=True)
        assert _has_ended(line)
    proxy.weather = Weather(reset_after=10)
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as line:
        line.sendall(b"1234567890")
        assert line.recv(10) == b"1234567890"
        line.sendall(b"and more")
        assert _has_ended(line)
    proxy.close()


@pytest.mark.services
@pytest.mark.e2e
def test_a_short_round_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    require("mosquitto")
    figures = tmp_path / "faults.json"
    kinds = [word for name in ("wiped", "collector: committed", "edge: committed") for word in ("--kind", name)]
    done = CliRunner().invoke(faults_command, ["--rounds", "3", "--seed", "5", *kinds, "--json", str(figures)])
    report = json.loads(figures.read_text())
    assert done.exit_code == 0, done.output
    assert report["total"]["faults"] == 3
    assert report["total"]["events"] > 20
    assert report["open_gaps"] == report["strangers"] == 0


def test_every_kind_has_its_own_name() -> None:
    names = [kind.name for kind in KINDS]
    assert len(names) == len(set(names))


def test_the_damaged_page_is_one_on_which_events_wait(tmp_path: Path) -> None:
    """Found for each of them: spoiled, it costs waiting events, and none that is settled is counted."""
    path = tmp_path / "outbox.db"
    outbox = Outbox.open(path, SystemClock())
    for number in range(60):
        data = SensorData(sensor="door", kind="contact", alarm=False, text="x" * 600)
        outbox.put(NewEvent(uuid4(), EventType.SENSOR, "west", "gate-1", "door", datetime.now(UTC), data))
        if number == 29:
            outbox.mark_acked([(1, 30)]).result()
    outbox.close()
    pages = pages_of_waiting(path)
    whole = path.read_bytes()
    assert len(pages) >= 5
    for page in pages:
        path.write_bytes(whole[: page * 4096] + b"\0" * 4096 + whole[(page + 1) * 4096 :])
        remains = read_remains(path, given=60, schema=SCHEMA)
        waiting = {number for low, high in remains.unreadable for number in range(low, high + 1) if number > 30}
        assert waiting
        assert len(waiting) + len(remains.pending) == 30


def test_what_is_told_as_lost_is_not_waited_for(case: Case) -> None:
    """But what comes under another number is: its record has no counts."""
    events = [case.promise() for _ in range(4)]
    case.store(events[0], 1)
    case.database.commit()
    ledger = case.folder / "ledger"
    progress = Progress(SqliteStore(case.folder / "collector.db"))
    assert progress.lacking(ledger, 100.0) == 3
    for low, high, counts in ((2, 2, {"unreadable": 1}), (3, 4, {})):
        data = {"outbox_id": str(BOX), "ranges": [[low, high]], "counts": counts}
        case.database.execute(
            "INSERT INTO events (event_id, outbox_id, sequence, edge, source, type, payload)"
            " VALUES (?, 'other', 1, 'edge-1', 'edge-1', 'dropped', ?)",
            (str(uuid4()), json.dumps({"data": data})),
        )
    case.database.commit()
    assert progress.lacking(ledger, 100.0) == 2
    assert progress.lacking(ledger, events[2].begun_s) == 0
