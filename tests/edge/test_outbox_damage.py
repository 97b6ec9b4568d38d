"""Damage in places where a start does not look, or that SQLite itself cannot name; and what the commands say of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner

from contract.events import EventType, SensorData
from contract.topics import EdgeTopics
from edge.__main__ import main
from edge.clock import SystemClock
from edge.errors import OutboxCorrupt
from edge.outbox import NewEvent, Outbox, check
from edge.salvage import checksum

CLOCK = SystemClock()


def event() -> NewEvent:
    data = SensorData(sensor="door", kind="contact", alarm=False, text="open")
    return NewEvent(uuid4(), EventType.SENSOR, "west", "gate-1", "door", datetime.now(UTC), data)


def filled(path: Path, count: int = 6, acked: int = 3) -> None:
    outbox = Outbox.open(path, CLOCK)
    for _ in range(count):
        outbox.put(event())
    outbox.mark_acked([(1, acked)]).result()
    outbox.close()


def say(*arguments: str) -> str:
    """What a command prints; it never ends with a traceback."""
    done = CliRunner().invoke(main, ["outbox", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.output


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


def test_names_that_are_no_text_are_damage(path: Path) -> None:
    """SQLite tells them in its error, which Python then could not read: the edge did not start any more."""
    filled(path)
    content = path.read_bytes()
    assert content.count(b"event_worth") == 2
    spoiled = content.replace(b"event_worth", b"event_\xa8\xa8\xa8\xa8\xa8").replace(b"CREATE INDEX ", b"CREBTE INDEX ")
    path.write_bytes(spoiled)
    assert "damaged" in say("check", str(path))
    assert "damaged" in say("list", str(path))
    outbox = Outbox.open(path, CLOCK)
    assert outbox.set_aside is not None
    assert outbox.pending_count() == 3, "what waits was salvaged"
    outbox.close()


@pytest.mark.parametrize(
    ("place", "spoiled"),
    [
        (0, bytes(4096)),
        (0, b"noise" * 800),
        (18, b"\7"),
        (44, bytes(3) + b"\x09"),
        (100, bytes(200)),
        (600, b"\xfe" * 900),
    ],
)
@pytest.mark.parametrize("logged", [False, True])
def test_a_spoiled_beginning_costs_no_event(
    path: Path, tmp_path: Path, place: int, spoiled: bytes, logged: bool
) -> None:
    """It tells what the file is and where its tables are, which an edge knows; some of it stopped every start."""
    filled(path)
    before = Outbox.open(path, CLOCK)
    waiting = [before.put(event()) for _ in range(2)] if logged else []
    copy = tmp_path / "copy" / "outbox.db"
    copy.parent.mkdir()
    for name in ("outbox.db", "outbox.db-wal", "outbox.db.mark"):
        if path.with_name(name).exists():
            copy.with_name(name).write_bytes(path.with_name(name).read_bytes())
    before.close()
    with copy.open("r+b") as file:
        file.seek(place)
        file.write(spoiled)
    assert "damaged" in say("check", str(copy)) or logged
    after = Outbox.open(copy, CLOCK)
    assert after.pending_count() == 3 + len(waiting)
    if after.set_aside is not None:  # a log may hold a sound page in its place
        ((_, told),) = after.losses()
        assert [(one.outbox_id, one.ranges) for one in told] == [(str(before.outbox_id), ((4, 6 + len(waiting)),))]
    after.close()
    assert check(copy) == []
    assert [one.name for one in copy.parent.glob("*") if one.name.endswith((".copy", ".new"))] == []


def test_a_damaged_id_is_damage(path: Path) -> None:
    filled(path)
    change(path, "UPDATE meta SET value = replace(value, '-', 'r') WHERE key = 'outbox_id'")
    assert "its id is damaged" in say("check", str(path))
    outbox = Outbox.open(path, CLOCK)
    assert outbox.set_aside is not None
    assert outbox.pending_count() == 3
    outbox.close()


def stale_index(path: Path) -> None:
    """Entries of an index that are not what the table holds: neither opening nor SQLite's quick check looks at them."""
    row = "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master WHERE name = 'event_settled'"
    with closing(sqlite3.connect(path)) as connection:
        kept = connection.execute(row).fetchone()
    change(path, "PRAGMA writable_schema = ON", "DELETE FROM sqlite_master WHERE name = 'event_settled'")
    change(path, "UPDATE event SET settled_s = settled_s + 1000 WHERE state <> 0")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", kept)
        connection.commit()


def test_damage_that_only_the_work_finds_is_found_by_the_next_start(path: Path) -> None:
    """Or the agent would end itself, start, be asked for the same again, and end itself for ever."""
    filled(path)
    stale_index(path)
    outbox = Outbox.open(path, CLOCK)
    assert outbox.set_aside is None
    old = outbox.outbox_id
    with pytest.raises(OutboxCorrupt):
        outbox.mark_replay([(1, 3)])
    assert outbox.damage is not None
    outbox.close()
    assert any("damaged" in problem for problem in check(path))
    outbox = Outbox.open(path, CLOCK)
    assert outbox.set_aside is not None
    assert outbox.outbox_id != old
    assert outbox.pending_count() == 3, "what waits was salvaged"
    outbox.close()
    outbox = Outbox.open(path, CLOCK)
    assert outbox.set_aside is None, "the new one is sound"
    outbox.close()


def test_the_check_tells_a_lost_end(path: Path, tmp_path: Path) -> None:
    filled(path)
    outbox = Outbox.open(path, CLOCK)
    outbox.put(event())
    copy = tmp_path / "copy.db"
    copy.write_bytes(path.read_bytes())  # without its log
    copy.with_name("copy.db.mark").write_bytes(path.with_name("outbox.db.mark").read_bytes())
    outbox.close()
    assert "numbers up to 7 were given, it knows only 6: its end is lost" in say("check", str(copy))
    assert "all invariants hold" in say("check", str(path))


@pytest.mark.parametrize("body", ["", "[]", "{}", "nonsense", "[" * 5000])
def test_a_damaged_event_is_listed_with_the_others(path: Path, body: str) -> None:
    filled(path, count=3)
    change(path, f"UPDATE event SET body = '{body}', state = 9 WHERE sequence = 2")
    lines = say("list", str(path)).splitlines()
    assert [line.split()[0] for line in lines] == ["1", "2", "3"]
    assert "damaged" in lines[1]
    assert "event 2" in say("check", str(path))


def test_an_event_type_of_a_newer_version_goes_out_all_the_same(path: Path) -> None:
    """Such as after a newer agent was taken back: the collector may know it."""
    filled(path)
    with closing(sqlite3.connect(path)) as connection:
        row = connection.execute("SELECT id, source, body FROM event WHERE sequence = 5").fetchone()
        given = ("drone", checksum(row[0], "drone", row[1], row[2]))
        connection.execute("UPDATE event SET type = ?, checksum = ? WHERE sequence = 5", given)
        connection.commit()
    outbox = Outbox.open(path, CLOCK)
    (strange,) = [one for one in outbox.pending() if one.sequence == 5]
    topic = EdgeTopics("west", "gate-1").event(strange.event_type, strange.source)
    assert topic == "watchpost/v1/west/gate-1/event/drone/door"
    outbox.close()


def test_noise_that_no_checksum_covers_is_damage_and_reaches_no_topic(path: Path) -> None:
    filled(path)
    change(path, "UPDATE event SET type = 'no+ise', checksum = NULL WHERE sequence = 5")
    outbox = Outbox.open(path, CLOCK)
    with pytest.raises(OutboxCorrupt):
        outbox.pending()
    outbox.close()
    outbox = Outbox.open(path, CLOCK)
    assert outbox.set_aside is not None
    assert len(outbox.pending()) == 2
    ((_, told),) = outbox.losses()
    assert [record.ranges for record in told] == [((4, 4), (6, 6)), ((5, 5),)]
    outbox.close()


def test_a_folder_with_a_strange_name_is_salvaged_too(tmp_path: Path) -> None:
    path = tmp_path / "100%20 #1?x" / "outbox.db"
    filled(path)
    change(path, "UPDATE event SET body = '{}' WHERE sequence = 4")
    outbox = Outbox.open(path, CLOCK)
    assert outbox.set_aside is not None
    assert outbox.pending_count() == 2
    outbox.close()
