"""The record of who looked at what: it grows, no change goes unseen, its content can expire, auditors search it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from collector_api import WHY, Api, started
from sample_events import SampleEdge
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from collector import audit
from collector.__main__ import main
from collector.access import Principal, Role
from collector.backup import back_up, put_back
from collector.database import Database, database_url
from collector.schema_audit import audit as log

KEY = b"a key for tests"
LI = Principal("li", Role.OPERATOR)


@pytest.fixture
async def api(tmp_path: Path, migrated_sqlite: Path) -> AsyncIterator[Api]:
    async with started(tmp_path, migrated_sqlite) as found:
        yield found


async def write(database: Database, count: int, at_us: int = 1) -> None:
    for number in range(count):
        async with database.write() as connection:
            await audit.record(
                connection, LI, "view", f"/{number}", now_us=at_us + number, reason="r", shown=["京A12345"]
            )


async def problems(database: Database) -> list[str]:
    async with database.read() as connection:
        return await audit.verify(connection, KEY)


async def test_the_chain_holds_and_nothing_can_be_changed_or_removed(database: Database) -> None:
    await write(database, 5)
    assert await problems(database) == []
    for statement in ("UPDATE audit SET who = 'eve'", "DELETE FROM audit", "UPDATE audit SET digest = '0', who = ''"):
        with pytest.raises(DBAPIError, match="only grows"):
            async with database.write() as connection:
                await connection.execute(text(statement))
    assert await problems(database) == []


async def test_side_by_side_appends_stay_in_one_chain(database: Database) -> None:
    await asyncio.gather(*(write(database, 5, 100 * number) for number in range(4)))
    async with database.read() as connection:
        numbers = list((await connection.execute(select(log.c.audit_id).order_by(log.c.audit_id))).scalars())
    assert numbers == list(range(1, 21))
    assert await problems(database) == []


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("UPDATE audit SET reason = 'other' WHERE audit_id = 3", "row 3: its content was changed"),
        ("DELETE FROM audit WHERE audit_id = 3", "rows 3 to 3 are missing"),
        ("DELETE FROM audit WHERE audit_id >= 4", "rows 4 to 5 are missing: the last checkpoint has signed them"),
        ("UPDATE audit SET erased_us = 1, who = '' WHERE audit_id = 2", None),
        ("UPDATE audit_checkpoints SET chain = '00'", "checkpoint 5: not signed with this key"),
    ],
)
async def test_who_gets_past_the_database_is_found_out(database: Database, harm: str, told: str | None) -> None:
    """Somebody with the database's own rights, who drops the triggers first."""
    await write(database, 5)
    async with database.write() as connection:
        await audit.checkpoint(connection, KEY, 9)
    dropped = "DROP TRIGGER audit_only_grows ON audit", "DROP TRIGGER audit_keeps", "DROP TRIGGER audit_only_erased"
    async with database.write() as connection:
        for statement in dropped[1:] if database.is_sqlite else dropped[:1]:
            await connection.execute(text(statement))
        await connection.execute(text(harm))
        found = await audit.verify(connection, KEY)
        await connection.rollback()  # the store is shared by tests on PostgreSQL
    assert (found == []) if told is None else any(told in one for one in found), found


async def test_expired_content_is_erased_and_the_chain_still_holds(database: Database) -> None:
    await write(database, 3, at_us=1)
    await write(database, 2, at_us=1000)
    async with database.write() as connection:
        assert await audit.erase(connection, 500, KEY, 2000) == 3
        assert await audit.erase(connection, 500, KEY, 2000) == 0
    async with database.read() as connection:
        rows = (await connection.execute(select(log).order_by(log.c.audit_id))).all()
    assert [row.who for row in rows] == ["", "", "", "li", "li"]
    assert all(row.shown is None and row.reason is None and row.salt == "" for row in rows[:3])
    assert await problems(database) == []
    await write(database, 1, at_us=3000)
    assert await problems(database) == []


async def test_auditors_find_who_looked_for_a_plate_and_their_look_is_recorded(api: Api) -> None:
    edge = SampleEdge()
    passage = edge.passage("京A12345")
    await api.take(edge, passage, edge.passage("沪B99999", "p2"))
    async with await api.client(Role.OPERATOR, name="li") as li, await api.client(Role.OPERATOR, name="wu") as wu:
        await li.get(f"/api/v1/events/{passage['id']}", params={"reason": "hit and run"})
        await wu.get("/api/v1/passages", params={"plate": "沪B9", "reason": "parking"})
        await wu.get("/api/v1/passages")  # masked: nobody was looked at
    assert (await api.get("/api/v1/audit", Role.OPERATOR)).status_code == 403
    assert (await api.get("/api/v1/audit", Role.AUDITOR, plate="京A12345")).status_code == 403
    (act,) = (await api.get("/api/v1/audit", Role.AUDITOR, plate="京A12345", **WHY)).json()["items"]
    assert (act["who"], act["action"], act["reason"], act["shown"]) == ("li", "view", "hit and run", ["京A12345"])
    (act,) = (await api.get("/api/v1/audit", Role.AUDITOR, who="wu")).json()["items"]
    assert (act["shown"], act["subject"]) == (["沪B·9**99"], "/api/v1/passages")
    assert "沪B9" not in (await api.get("/api/v1/audit", Role.AUDITOR)).text
    assert (await api.get("/api/v1/audit", Role.AUDITOR, words="PARK")).json()["items"][0]["who"] == "wu"
    searched = (await api.get("/api/v1/audit", Role.AUDITOR, action="search", **WHY)).json()["items"]
    assert "/api/v1/audit?plate=京A12345" in {one["subject"] for one in searched}
    verdict = (await api.get("/api/v1/audit/check", Role.AUDITOR)).json()
    assert verdict["problems"] == []
    assert verdict["rows"] >= 4


async def test_opening_an_open_hit_records_its_reason_by_itself(api: Api) -> None:
    edge = SampleEdge()
    await api.take(edge, edge.hit("京A12345"))
    (alert,) = (await api.get("/api/v1/alerts", type="watchlist_hit")).json()["items"]
    assert alert["plate"] == "京A·1**45"
    path = f"/api/v1/alerts/{alert['alert_id']}"
    assert (await api.get(path)).json()["plate"] == "京A12345"
    assert (await api.get(path, Role.VIEWER)).json()["plate"] == "京A·1**45"
    (act,) = (await api.get("/api/v1/audit", Role.AUDITOR, **WHY)).json()["items"]
    assert (act["action"], act["reason"], act["shown"]) == ("view", "watch list stolen, entry 17", ["京A12345"])
    async with await api.client(Role.OPERATOR) as client:
        await client.post(f"{path}/steps", json={"state": "dismissed", "reason": "misread", "cause": "misread"})
        assert (await client.get(path)).json()["plate"] == "京A·1**45", "a closed case takes a reason again"


def checked(folder: Path, *options: str) -> tuple[int, str]:
    found = CliRunner().invoke(main, ["check", "--data", str(folder), *options])
    return found.exit_code, found.output


def test_the_command_line_checks_the_record_and_a_backup_takes_the_key_along(
    tmp_path: Path, migrated_sqlite: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    (here / "collector.db").write_bytes(migrated_sqlite.read_bytes())

    async def fill() -> None:
        store = Database(database_url(None, here))
        await write(store, 3)
        async with store.write() as connection:
            await audit.checkpoint(connection, audit.signing_key(here), 9)
        await store.close()

    asyncio.run(fill())
    status, said = checked(here)
    assert (status, "audit log: 3 rows, nothing was changed" in said) == (0, True), said
    head = said.split("head ")[1].split()[0]
    assert checked(here, "--head", head)[0] == 0
    status, said = checked(here, "--head", f"2:{'0' * 64}")
    assert (status, "rows were changed or removed since" in said) == (1, True), said
    for head in ("x", "", "2", f"2:{'0' * 63}", f"-1:{'0' * 64}", f"9e9:{'0' * 64}", f"{'9' * 30}:{'0' * 64}"):
        status, said = checked(here, "--head", head)
        assert (status, "expected NUMBER:CHAIN" in said, "PROBLEM" in said) == (2, True, False), said
    url = database_url(None, here)
    back_up(url, here, tmp_path / "backup", 1, replace=False)
    put_back(database_url(None, there), there, tmp_path / "backup", replace=False)
    assert checked(there)[0] == 0
    (there / audit.KEY_FILE).write_text("another key")
    assert "not signed with this key" in checked(there)[1]


async def test_a_plate_is_masked_and_recorded_however_deep_a_device_has_put_it(api: Api) -> None:
    edge = SampleEdge()
    event = edge.sensor("camera_text", subject="京A12345")
    event["data"] |= {"seen": [{"by": "radar", "words": "京A12345 fast"}], "lane": {"沪B99999": 3}}
    event["vehicle"] = "苏C55555"
    await api.take(edge, event)
    for path in ("/api/v1/events", f"/api/v1/events/{event['id']}"):
        seen = (await api.get(path, Role.VIEWER)).text
        assert not [plate for plate in ("A12345", "B99999", "C55555") if plate in seen], path
        assert "radar" in seen
    assert "京A12345 fast" in (await api.get(f"/api/v1/events/{event['id']}", **WHY)).text
    (act,) = (await api.get("/api/v1/audit", Role.AUDITOR, action="view", **WHY)).json()["items"]
    assert act["shown"] == ["京A12345", "沪B99999", "苏C55555"]
