"""Batches are made ready while the store is at another one; many new rows go by COPY, which fails as an INSERT does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from sample_events import SampleEdge, later_us
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import intake as intakes
from collector.database import NONE_IS_THERE, Database
from collector.ingest import Outcome
from collector.intake import BATCH_SIZE, Intake
from collector.messages import Incoming
from collector.mqtt import Inbox
from collector.prepared import Prepared
from collector.pulse import Pulse
from collector.schema import cameras, dead_letters, events

NOW = later_us(60)
_MANY = 40


class _Line:
    """A broker's side that notes in `log` what happens, in its order."""

    def __init__(self, log: list[str]) -> None:
        self.inbox = Inbox(asyncio.get_running_loop())
        self.log = log
        self.confirmed: list[Incoming] = []
        self.all_confirmed = asyncio.Event()

    def send(self, _topic: str, _payload: str) -> None:
        self.log.append("acknowledged")

    def confirm(self, messages: Iterable[Incoming]) -> None:
        self.confirmed.extend(messages)
        if len(self.confirmed) == 2 * _MANY:
            self.all_confirmed.set()

    def serve_site(self, _site: str) -> None:
        pass


async def _count(database: Database) -> int:
    async with database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(events))).scalar_one())


async def test_the_next_batch_is_made_ready_while_one_is_stored(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[str] = []
    both_ready = asyncio.Event()

    def prepare(*arguments: Any) -> list[Prepared]:
        log.append("ready")
        if log.count("ready") == len(batches):
            both_ready.set()
        return made(*arguments)

    async def store(*arguments: Any, **more: Any) -> Outcome:
        log.append("begun")
        await asyncio.wait_for(both_ready.wait(), 10)  # never, if batches took turns with being made ready
        outcome = await kept(*arguments, **more)
        log.append("committed")
        return outcome

    made, kept = intakes.prepare, intakes.store
    monkeypatch.setattr(intakes, "prepare", prepare)
    monkeypatch.setattr(intakes, "store", store)
    monkeypatch.setattr(intakes, "BATCH_SIZE", _MANY)
    edge, line = SampleEdge(), _Line(log)
    batches = [[edge.incoming(edge.sensor(alarm=False)) for _ in range(_MANY)] for _ in range(2)]
    for message in (message for batch in batches for message in batch):
        line.inbox.put(message)
    running = asyncio.create_task(Intake(database, line, Pulse(), lambda: NOW).run())  # type: ignore[arg-type]
    await asyncio.wait_for(line.all_confirmed.wait(), 20)
    running.cancel()
    assert [step for step in log if step != "ready"] == ["begun", "committed", "acknowledged"] * 2
    assert line.confirmed == [message for batch in batches for message in batch]  # in their order
    assert await _count(database) == 2 * _MANY <= BATCH_SIZE


async def test_what_had_to_wait_for_the_store_is_history_when_it_is_stored(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_us = [NOW]

    async def away(*_: Any, **__: Any) -> Outcome:
        now_us[0] += 3600 * 1_000_000
        raise OSError("the database is away")

    monkeypatch.setattr(intakes, "store", away)
    edge, log = SampleEdge(), list[str]()
    intake = Intake(database, _Line(log), Pulse(), lambda: now_us[0])  # type: ignore[arg-type]
    await intake.process([edge.incoming(edge.fall() | {"expires": "2026-03-01T08:15:00Z"})])
    async with database.read() as connection:
        (stored,) = (await connection.execute(select(events))).all()
    assert (stored.received_us, stored.late) == (now_us[0], True)


def _rows(changes: dict[str, Any]) -> list[dict[str, Any]]:
    rows = [{"site": "west", "edge": "gate-1", "camera": f"camera-{n}", "since_us": n} for n in range(_MANY)]
    return [*rows[:-1], rows[-1] | changes]


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"camera": "camera-0"}, IntegrityError), ({"camera": "a\0b"}, DBAPIError), ({"since_us": 2**70}, DBAPIError)],
)
async def test_new_rows_are_all_there_or_none(
    database: Database, changes: dict[str, Any], error: type[DBAPIError]
) -> None:
    async def insert(connection: AsyncConnection) -> None:
        await database.insert_rows(connection, cameras, _rows({}), NONE_IS_THERE)
        await database.insert_rows(connection, cameras, _rows(changes), NONE_IS_THERE)

    if database.is_sqlite and "camera" in changes and "\0" in changes["camera"]:
        pytest.skip("SQLite takes a zero character")
    with pytest.raises((error, OverflowError) if database.is_sqlite else (error,)):
        await database.transact(insert)
    async with database.read() as connection:  # the connection can be used again
        assert (await connection.execute(select(func.count()).select_from(cameras))).scalar_one() == 0


async def test_a_value_the_database_refuses_is_set_aside_out_of_many(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite takes a zero character")
    edge, log = SampleEdge(), list[str]()
    intake = Intake(database, _Line(log), Pulse(), lambda: NOW)  # type: ignore[arg-type]
    poison = edge.incoming(edge.sensor(alarm=True, text="water\0level"))
    await intake.process([*(edge.incoming(edge.sensor(alarm=False)) for _ in range(_MANY)), poison])
    async with database.read() as connection:
        letters = (await connection.execute(select(dead_letters.c.kind))).all()
    assert (await _count(database) + len(letters)) == _MANY + 1


async def test_many_new_rows_go_by_copy(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []

    async def copy(_connection: object, table: str, *_rows: object) -> None:
        copied.append(table)

    monkeypatch.setattr("collector.database.copy_rows", copy)

    async def insert(connection: AsyncConnection) -> None:
        await database.insert_rows(connection, cameras, _rows({}), NONE_IS_THERE)
        await database.insert_rows(connection, cameras, _rows({"camera": "one-more"})[-1:], NONE_IS_THERE)

    await database.transact(insert)
    assert copied == ([] if database.is_sqlite else ["cameras"])
