"""Events that the outbox cannot take wait; the log repeats itself little and tells no secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.envelope import MAX_EVENT_BYTES
from contract.events import EventType, SensorData
from edge.clock import SystemClock
from edge.logs import JsonFormatter, RepeatFilter, set_up
from edge.outbox import Outbox, check
from edge.reporting import Reporter

CLOCK = SystemClock()


def limit_pages(outbox: Outbox, pages: int) -> None:
    """SQLite's own limit gives the very error of a full disk."""
    outbox.database.write(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchone())


def test_events_wait_in_memory_while_the_disk_is_full(tmp_path: Path) -> None:
    outbox = Outbox.open(tmp_path / "outbox.db", CLOCK)
    reporter = Reporter("west", "box", outbox, CLOCK)
    limit_pages(outbox, 30)
    data = SensorData(sensor="door", kind="contact", alarm=True, text="x" * 2000)
    ids = [reporter.report(EventType.SENSOR, "door", data) for _ in range(40)]
    assert 0 < reporter.waiting < 40
    assert "the disk is full" in str(reporter.problem)
    assert outbox.last_sequence() == 40 - reporter.waiting
    limit_pages(outbox, 1_000_000)
    reporter.retry()
    assert (reporter.waiting, reporter.problem, reporter.lost) == (0, None, 0)
    stored = [json.loads(event.body)["id"] for event in outbox.events()]
    assert stored == [str(identity) for identity in ids], "all, and in order"
    outbox.close()
    assert check(tmp_path / "outbox.db") == []


def test_what_memory_cannot_hold_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.reporting._WAITING_MAX", 5)
    outbox = Outbox.open(tmp_path / "outbox.db", CLOCK)
    reporter = Reporter("west", "box", outbox, CLOCK)
    outbox.close()
    for _ in range(8):
        reporter.report(EventType.SENSOR, "door", SensorData(sensor="door", kind="contact", alarm=True))
    assert (reporter.waiting, reporter.lost) == (5, 3)


def test_an_event_that_can_never_be_stored_holds_no_other_up(tmp_path: Path) -> None:
    outbox = Outbox.open(tmp_path / "outbox.db", CLOCK)
    reporter = Reporter("west", "box", outbox, CLOCK)
    for text in ("\ud800", "open"):
        reporter.report(EventType.SENSOR, "door", SensorData(sensor="door", kind="contact", alarm=True, text=text))
    assert (reporter.waiting, reporter.lost, outbox.last_sequence()) == (0, 1, 1)


def test_many_numbers_that_will_not_come_are_told_in_events_that_the_broker_takes(tmp_path: Path) -> None:
    """Passages given up between alarms leave a hole at every second number; a new collector asks for all of them."""
    outbox = Outbox.open(tmp_path / "outbox.db", CLOCK)
    reporter = Reporter("west", "box", outbox, CLOCK)
    far = 2**53 - 100_001
    holes = tuple((number, number) for number in range(far, far + 100_000, 2))
    reporter.report_dropped(outbox.dropped(holes, {"unreadable": len(holes)}, "damaged"))
    reporter.report_dropped(outbox.dropped(holes[:3], {}, "given up"))
    *parts, few = outbox.events()
    assert all(len(part.payload(outbox.outbox_id, True)) <= MAX_EVENT_BYTES for part in parts)
    told = [json.loads(part.body)["data"] for part in parts]
    assert [tuple(one) for data in told for one in data["ranges"]] == list(holes)
    assert sum(data["counts"]["unreadable"] for data in told) == len(holes)
    assert json.loads(few.body)["data"]["counts"] == {}
    assert reporter.lost == 0
    outbox.close()


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    """The root logger, put back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


def test_the_log_is_json_redacted_and_remembered(
    root_logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    recent = set_up("info", json_lines=True)
    for _ in range(3):
        logging.getLogger("edge.x").warning("camera %s is down", "rtsp://me:secret@host/main")
    logging.getLogger("edge.x").info("hello")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["text"] for line in lines] == ["camera rtsp://me:***@host/main is down", "hello"]
    assert (lines[0]["level"], lines[0]["logger"]) == ("warning", "edge.x")
    assert recent.text().count("is down") == 3
    assert "secret" not in recent.text()


def test_what_others_send_begins_no_line_of_its_own(
    root_logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    recent = set_up("info", json_lines=False)
    logging.getLogger("edge.x").info("watch list %s", "a\n08:00:00 ERROR   edge: all is lost\x1b[2J\x9b")
    assert capsys.readouterr().err.count("\n") == 1
    assert recent.text().endswith(r"watch list a\x0a08:00:00 ERROR   edge: all is lost\x1b[2J\x9b")


def test_held_back_lines_are_counted() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RepeatFilter(every_s=0.05))
    log = logging.Logger("repeats")
    log.addHandler(handler)
    for _ in range(4):
        log.error("full")
    handler.filters[0]._every_s = 0.0  # type: ignore[union-attr]
    log.error("full")
    assert stream.getvalue().splitlines() == ["full", "full (3 more like this held back)"]


def test_a_trace_stands_in_the_json_line() -> None:
    try:
        raise KeyError("x")
    except KeyError as error:
        record = logging.LogRecord("a", logging.ERROR, "f", 1, "broke", None, (KeyError, error, error.__traceback__))
    assert "KeyError" in json.loads(JsonFormatter().format(record))["trace"]
