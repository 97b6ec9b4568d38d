"""A backup holds database and evidence; a collector restored from it knows what it lacks and asks for it."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from sample_events import SampleEdge, later_us, payload
from services import require
from sqlalchemy import insert, select

from collector.__main__ import main
from collector.audit import KEY_FILE
from collector.backup import SENT_BEFORE, ask_again
from collector.database import Database, database_url
from collector.gaps import GapPatience, look, missing
from collector.ingest import ingest
from collector.messages import Incoming, understand
from collector.schema import alerts, edges, events, evidence, messages
from collector.workflow import CLOSED
from simulator.faults.services import PostgreSQL

PATIENCE = GapPatience(ask_after_s=2)
SHA = "ab" * 32


@pytest.fixture
async def store(tmp_path: Path) -> Database:
    database = Database(database_url(None, tmp_path / "data"))
    await database.migrate()
    return database


def collector(*arguments: str, data: Path) -> str:
    done = CliRunner().invoke(main, [*arguments, "--data", str(data)])
    assert done.exit_code == 0, done.output
    return done.output


async def take(store: Database, *incoming: Incoming) -> None:
    await ingest(store, [one for message in incoming for one in understand(message)], later_us(0))


async def asked(store: Database) -> list[dict[str, object]]:
    async with store.read() as connection:
        rows = (await connection.execute(select(messages).where(messages.c.topic.contains("/command/replay")))).all()
    return [json.loads(row.payload) for row in rows]


def put_evidence(folder: Path, name: str) -> None:
    path = folder / name[:2] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"picture")


async def test_what_came_after_the_backup_is_asked_for_even_if_nothing_new_comes(
    store: Database, tmp_path: Path
) -> None:
    edge = SampleEdge()
    data, copy = tmp_path / "data", tmp_path / "copy"
    await take(store, *(edge.incoming(edge.sensor(alarm=False)) for _ in range(3)))
    put_evidence(data / "evidence", SHA)
    told = await asyncio.to_thread(collector, "backup", str(copy), data=data)
    assert "1 evidence files" in told
    await take(store, *(edge.incoming(edge.sensor(alarm=False)) for _ in range(4)))
    await store.close()
    (data / "evidence" / SHA[:2] / SHA).unlink()
    await asyncio.to_thread(collector, "restore", str(copy), "--replace", data=data)
    assert (data / "evidence" / SHA[:2] / SHA).read_bytes() == b"picture"
    restored = Database(database_url(None, data))
    async with restored.read() as connection:
        assert len((await connection.execute(select(events))).all()) == 3
    (again,) = await asked(restored)
    assert again["ranges"] == [{"outbox_id": str(edge.outbox_id), "from_sequence": 1, "to_sequence": 3}]
    await take(restored, Incoming("watchpost/v1/west/gate-1/health", health(edge.outbox_id, 7)))
    async with restored.read() as connection:
        assert await missing(connection) == {str(edge.outbox_id): [(4, 7)]}
    await look(restored, later_us(0), PATIENCE)  # at once: what was acknowledged does not come by itself
    assert (await asked(restored))[-1]["ranges"] == [
        {"outbox_id": str(edge.outbox_id), "from_sequence": 4, "to_sequence": 7}
    ]
    await restored.close()


async def test_edges_repeat_what_had_come_without_its_evidence_however_old(store: Database) -> None:
    edge = SampleEdge()
    picture = {"sha256": SHA, "role": "snapshot", "media_type": "image/jpeg", "size_bytes": 7}
    sent = [edge.sensor(alarm=False) for _ in range(3)] + [edge.fall(evidence=(picture,))]
    sent += [edge.sensor(alarm=False) for _ in range(SENT_BEFORE + 100)]
    await take(store, *map(edge.incoming, sent))
    assert await ask_again(store, later_us(60)) == 1
    assert (await asked(store))[-1]["ranges"] == [
        {"outbox_id": str(edge.outbox_id), "from_sequence": 4, "to_sequence": len(sent)}
    ]
    async with store.write() as connection:
        row = {"sha256": SHA, "media_type": "image/jpeg", "size_bytes": 7, "stored_us": 1, "uploaded_by": "edge"}
        await connection.execute(evidence.insert().values(row))
    await ask_again(store, later_us(60))
    low = len(sent) - SENT_BEFORE + 1
    assert (await asked(store))[-1]["ranges"] == [
        {"outbox_id": str(edge.outbox_id), "from_sequence": low, "to_sequence": len(sent)}
    ]
    await store.close()


async def test_a_restore_never_overwrites_unasked_and_wants_a_whole_backup(store: Database, tmp_path: Path) -> None:
    await store.close()
    data = tmp_path / "data"
    runner = CliRunner()
    (tmp_path / "half").mkdir()
    cut = await asyncio.to_thread(runner.invoke, main, ["restore", str(tmp_path / "half"), "--data", str(data)])
    assert "holds no whole backup" in cut.output
    await asyncio.to_thread(collector, "backup", str(tmp_path / "copy"), data=data)
    again = await asyncio.to_thread(runner.invoke, main, ["backup", str(tmp_path / "copy"), "--data", str(data)])
    assert "is not empty" in again.output
    refused = await asyncio.to_thread(runner.invoke, main, ["restore", str(tmp_path / "copy"), "--data", str(data)])
    assert (refused.exit_code, "stop the collector" in refused.output) == (1, True)


def refused(*arguments: str, data: Path) -> str:
    done = CliRunner().invoke(main, [*arguments, "--data", str(data)])
    assert (done.exit_code, type(done.exception)) == (1, SystemExit), done.exception
    return done.output


async def test_a_backup_does_not_take_the_place_of_the_running_database(store: Database, tmp_path: Path) -> None:
    before = (tmp_path / "data" / "collector.db").stat().st_ino
    said = await asyncio.to_thread(refused, "backup", str(tmp_path / "data"), "--replace", data=tmp_path / "data")
    assert "own folder" in said
    assert (tmp_path / "data" / "collector.db").stat().st_ino == before


async def test_a_newer_backup_does_not_keep_what_retention_has_deleted(store: Database, tmp_path: Path) -> None:
    data, copy, other = tmp_path / "data", tmp_path / "copy", "cd" * 32
    for name in (SHA, other):
        put_evidence(data / "evidence", name)
    collector("backup", str(copy), data=data)
    (data / "evidence" / other[:2] / other).unlink()
    (copy / "evidence" / "cd" / "notes.txt").write_text("somebody else's")
    collector("backup", str(copy), "--replace", data=data)
    kept = sorted(path.name for path in (copy / "evidence").glob("??/*"))
    assert kept == [SHA, "notes.txt"]
    (data / "evidence").rename(tmp_path / "elsewhere")  # such as a disk that is not there
    collector("backup", str(copy), "--replace", data=data)
    assert sorted(path.name for path in (copy / "evidence").glob("??/*")) == kept


@pytest.mark.services
async def test_a_running_collector_on_postgresql_is_not_restored(postgresql: PostgreSQL, tmp_path: Path) -> None:
    for program in ("pg_dump", "pg_restore", "psql"):
        require(program)
    url, data, copy = postgresql.new_database(), tmp_path / "data", tmp_path / "copy"
    data.mkdir()
    running = Database(database_url(url, data))
    await running.migrate()
    CliRunner().invoke(main, ["backup", str(copy), "--data", str(data), "--database", url], catch_exceptions=False)
    restore = ["restore", str(copy), "--replace", "--data", str(data), "--database", url]
    async with running.read() as connection:
        await connection.execute(select(messages))
        refused = await asyncio.to_thread(CliRunner().invoke, main, restore)
    assert refused.exit_code == 1
    assert "in use by a collector; stop all of them first" in refused.output
    await running.close()
    done = await asyncio.to_thread(CliRunner().invoke, main, restore)
    assert done.exit_code == 0, done.output


async def test_the_check_finds_a_file_that_was_cut_off(store: Database, tmp_path: Path) -> None:
    data = tmp_path / "data"
    put_evidence(data / "evidence", SHA)
    row = {"sha256": SHA, "media_type": "image/jpeg", "size_bytes": 7, "stored_us": 1, "uploaded_by": "edge"}
    async with store.write() as connection:
        await connection.execute(evidence.insert().values(row))
    assert "1 files, 0 missing" in await asyncio.to_thread(collector, "check", data=data)
    (data / "evidence" / SHA[:2] / SHA).write_bytes(b"pict")
    assert SHA in await asyncio.to_thread(refused, "check", data=data)


async def test_a_running_collector_is_not_restored(store: Database, tmp_path: Path) -> None:
    """It would go on with a file that has no name any more: what it acknowledges would be lost."""
    data, copy = tmp_path / "data", tmp_path / "copy"
    await asyncio.to_thread(collector, "backup", str(copy), data=data)
    async with store.read() as connection:
        await connection.execute(select(events.c.row_id))
        assert "in use" in await asyncio.to_thread(refused, "restore", str(copy), "--replace", data=data)
    await store.close()
    await asyncio.to_thread(collector, "restore", str(copy), "--replace", data=data)


@pytest.mark.parametrize("manifest", ["", "[]", "{}", '{"database": "../collector.db"}'])
async def test_a_damaged_backup_is_told_and_replaces_nothing(store: Database, tmp_path: Path, manifest: str) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy"
    await asyncio.to_thread(collector, "backup", str(copy), data=data)
    await store.close()
    whole = (copy / "backup.json").read_text()
    (copy / "backup.json").write_text(manifest)
    assert "backup.json" in await asyncio.to_thread(refused, "restore", str(copy), "--replace", data=data)
    (copy / "backup.json").write_text(whole)
    (copy / "collector.db").write_bytes(b"rubbish" * 1000)
    assert "is damaged" in await asyncio.to_thread(refused, "restore", str(copy), "--replace", data=data)
    await asyncio.to_thread(collector, "check", data=data)


async def test_an_older_backup_stays_whole_until_the_newer_one_is(store: Database, tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy"
    await asyncio.to_thread(collector, "backup", str(copy), data=data)
    await store.close()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "collector.db").write_bytes(b"rubbish" * 1000)
    for wrong in ("broken", "typing-error"):
        await asyncio.to_thread(refused, "backup", str(copy), "--replace", data=tmp_path / wrong)
    assert sorted(path.name for path in copy.iterdir()) == ["backup.json", "collector.db"]
    await asyncio.to_thread(collector, "restore", str(copy), "--replace", data=data)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "made by a newer collector"),
        ("DROP TABLE alembic_version", "no collector's database"),
        ("DELETE FROM alembic_version", "made by a newer collector"),
    ],
)
async def test_a_database_that_this_program_cannot_use_replaces_nothing(
    store: Database, tmp_path: Path, statement: str, told: str
) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy"
    await asyncio.to_thread(collector, "backup", str(copy), data=data)
    await store.close()
    with closing(sqlite3.connect(copy / "collector.db")) as connection:
        connection.execute(statement)
        connection.commit()
    assert told in await asyncio.to_thread(refused, "restore", str(copy), "--replace", data=data)
    await asyncio.to_thread(collector, "check", data=data)


@pytest.mark.services
async def test_a_dump_of_a_newer_collector_replaces_nothing(postgresql: PostgreSQL, tmp_path: Path) -> None:
    require("pg_dump")
    url, data, copy = postgresql.new_database(), tmp_path / "data", tmp_path / "copy"
    data.mkdir()
    database = Database(database_url(url, data))
    await database.migrate()
    await database.close()
    await asyncio.to_thread(collector, "backup", str(copy), "--database", url, data=data)
    manifest = json.loads((copy / "backup.json").read_text())
    (copy / "backup.json").write_text(json.dumps(manifest | {"tables": "9999"}))
    said = await asyncio.to_thread(refused, "restore", str(copy), "--replace", "--database", url, data=data)
    assert "made by a newer collector" in said


def left_beside(data: Path) -> list[str]:
    paths = (path.relative_to(data.parent) for path in data.parent.rglob("*"))
    return sorted(path.as_posix() for path in paths if path.parts[0] != data.name)


@pytest.mark.parametrize("there", [False, True])
async def test_a_failed_backup_leaves_nothing_of_what_it_has_made(store: Database, tmp_path: Path, there: bool) -> None:
    """Late, when database and evidence are copied already: the signing key cannot be."""
    data, copy = tmp_path / "data", tmp_path / "copies" / "copy"
    (data / "evidence" / SHA[:2]).mkdir(parents=True)
    (data / "evidence" / SHA[:2] / SHA).write_bytes(b"picture")
    (data / KEY_FILE).mkdir()
    if there:
        copy.mkdir(parents=True)
    await asyncio.to_thread(refused, "backup", str(copy), data=data)
    assert left_beside(data) == (["copies", "copies/copy"] if there else [])


async def test_what_retention_deletes_meanwhile_does_not_end_a_backup(
    store: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy"
    for name in (SHA, "cd" * 32):
        put_evidence(data / "evidence", name)
    link = os.link

    def gone(source: Path, target: Path) -> None:
        if source.name == SHA:
            source.unlink()
        link(source, target)

    monkeypatch.setattr(os, "link", gone)
    assert "1 evidence files" in await asyncio.to_thread(collector, "backup", str(copy), data=data)
    await store.close()


async def test_an_event_that_comes_under_a_second_number_is_stored_once(store: Database) -> None:
    """Salvaged from a damaged outbox: the new one tells what became of the old one's numbers."""
    old, new = SampleEdge(), SampleEdge()
    first, second, third = (old.sensor(alarm=False) for _ in range(3))
    await take(store, old.incoming(first), old.incoming(third))
    moved = [new.sensor(alarm=False, id=event["id"]) for event in (second, third)]
    told = new.event("dropped", new.edge, {
        "outbox_id": str(old.outbox_id), "ranges": [[2, 3]], "counts": {}, "reason": "damaged",
    })  # fmt: skip
    await take(store, *(new.incoming(event) for event in (*moved, told)))
    async with store.read() as connection:
        stored = [row.event_id for row in await connection.execute(select(events).order_by(events.c.row_id))]
        assert stored == [first["id"], third["id"], second["id"], told["id"]]
        assert await missing(connection) == {str(old.outbox_id): [], str(new.outbox_id): []}
    await store.close()


async def test_no_edge_closes_the_gap_of_another(store: Database) -> None:
    victim, thief = SampleEdge(edge="gate-1"), SampleEdge(edge="gate-2")
    await take(store, victim.incoming(victim.sensor(alarm=False)))
    victim.sequence = 5
    await take(store, victim.incoming(victim.sensor(alarm=False)))
    told = thief.event("dropped", thief.edge, {
        "outbox_id": str(victim.outbox_id), "ranges": [[2, 5]], "counts": {}, "reason": "not mine",
    })  # fmt: skip
    await take(store, thief.incoming(told))
    async with store.read() as connection:
        assert (await missing(connection))[str(victim.outbox_id)] == [(2, 5)]
    await store.close()


def health(outbox: UUID, settled: int) -> bytes:
    return payload({
        "at": "2026-03-01T09:00:00Z", "uptime_s": 1, "memory_mb": 1, "disk_free_mb": 1, "outbox_depth": 0,
        "outbox_id": str(outbox), "outbox_settled": settled, "expires": "2026-03-01T09:02:00Z",
    })  # fmt: skip


async def test_no_edge_makes_a_gap_for_another(store: Database) -> None:
    victim = SampleEdge(edge="gate-1")
    await take(store, victim.incoming(victim.sensor(alarm=False)))
    await take(store, Incoming("watchpost/v1/west/gate-2/health", health(victim.outbox_id, 1000)))
    await look(store, later_us(90), PATIENCE)
    async with store.read() as connection:
        assert await missing(connection) == {str(victim.outbox_id): []}
    assert await asked(store) == []
    await take(store, Incoming("watchpost/v1/west/gate-1/health", health(victim.outbox_id, 1000)))
    async with store.read() as connection:
        assert await missing(connection) == {str(victim.outbox_id): [(2, 1000)]}
    await store.close()


async def test_a_gap_that_comes_again_is_alerted_again(store: Database) -> None:
    """An edge gets another disk and then its old one back: what only that one has is missing anew."""
    edge = SampleEdge(edge="gate-1")
    await take(store, edge.incoming(edge.sensor(alarm=False)))
    second, counts = 0, []
    for outbox_id in (edge.outbox_id, uuid4(), edge.outbox_id):
        await take(store, Incoming("watchpost/v1/west/gate-1/health", health(outbox_id, 9)))
        for _ in range(3):
            second += 61
            await look(store, later_us(second), PATIENCE)
        async with store.read() as connection:
            states = [row.state for row in await connection.execute(select(alerts).where(alerts.c.type == "gap"))]
        counts.append((len(states), sum(state not in CLOSED for state in states)))
    assert counts == [(1, 1), (1, 0), (2, 1)]
    await store.close()


@pytest.mark.parametrize("settled", [2**53 + 1, 2**63, 10**30])
async def test_a_number_that_nobody_counts_to_does_not_end_the_watch_over_gaps(store: Database, settled: int) -> None:
    edge = SampleEdge()
    await take(store, edge.incoming(edge.sensor(alarm=False)))
    await take(store, Incoming("watchpost/v1/west/gate-1/health", health(edge.outbox_id, settled)))
    async with store.write() as connection:  # as an earlier version has stored it
        said = health(edge.outbox_id, settled).decode()
        await connection.execute(insert(edges).values(site="west", edge="gate-1", birth=said))
    await look(store, later_us(90), PATIENCE)
    assert await asked(store) == []
    await store.close()
