"""The watch list: proposed by one, approved by another, told to edges as keyed hashes only, through a real broker."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from collector_api import WHY, Api, started
from collector_process import CollectorProcess, MqttPeer, wait_until
from sample_events import SampleEdge
from services import Mosquitto

from collector import watch_entries
from collector.access import Role
from collector.instants import SECOND_US
from collector.schema import edges, messages
from contract.commands import Watchlist
from contract.plate_keys import PlateKey

KEY = PlateKey(bytes(range(32)))
NEW: dict[str, Any] = {"plate": "京a·12345", "reason": "stolen, case 7", "expires": "2099-01-01T00:00:00Z"}
ENTRIES = "/api/v1/watchlist/entries"
CSV = {"Content-Type": "text/csv"}


@pytest.fixture
async def api(tmp_path: Path, migrated_sqlite: Path) -> AsyncIterator[Api]:
    async with started(tmp_path, migrated_sqlite) as found:
        yield found


async def post(api: Api, name: str, path: str, body: dict[str, Any], role: Role = Role.OPERATOR) -> Any:
    async with await api.client(role, name=name) as client:
        return await client.post(path, json=body)


async def proposed(api: Api, author: str = "li", **changes: Any) -> str:
    answer = await post(api, author, ENTRIES, {**NEW, **changes})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["entry_id"])


async def test_nobody_approves_his_own_entry_and_viewers_propose_none(api: Api) -> None:
    entry = await proposed(api)
    decisions = f"{ENTRIES}/{entry}/decisions"
    async with await api.client(Role.OPERATOR, name="li2") as li2:
        shown = (await li2.get(f"{ENTRIES}/{entry}")).json()
        assert (shown["state"], shown["plate"], shown["may_decide"]) == ("proposed", "京A12345", True)
        approved = await li2.post(decisions, json={"action": "approve", "note": "seen the report"})
        assert (approved.json()["state"], approved.json()["decided_by"]) == ("approved", "li2")
        assert (await li2.post(decisions, json={"action": "approve"})).status_code == 409
        assert (await li2.post(decisions, json={"action": "withdraw"})).json()["state"] == "withdrawn"
    other = await proposed(api, "wu")
    async with api.collector.database.write() as connection:
        with pytest.raises(watch_entries.NotNow, match="somebody else"):
            await watch_entries.decide(connection, other, approve=True, by="wu", note=None, now_us=api.now_us)
    assert (await post(api, "v", ENTRIES, {**NEW, "plate": "沪B99999"}, Role.VIEWER)).status_code == 403
    acts = (await api.get("/api/v1/audit", Role.AUDITOR, **WHY)).json()["items"]
    told = {(act["who"], act["action"], act["reason"]) for act in acts}
    assert {("li", "propose", "stolen, case 7"), ("li2", "approve", "stolen, case 7")} <= told
    assert all(act["shown"] == ["京A12345"] for act in acts)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"plate": "??"}, 422),
        ({"reason": "x"}, 422),
        ({"expires": "2020-01-01T00:00:00Z"}, 409),
        ({"starts": "2099-02-01T00:00:00Z"}, 409),
        ({"plate": "京A12345"}, 409),
    ],
)
async def test_what_makes_no_sense_is_refused(api: Api, changes: dict[str, Any], status: int) -> None:
    await proposed(api)
    answer = await post(api, "wu", ENTRIES, {**NEW, "plate": "沪B99999", **changes})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_plates_of_the_list_take_a_reason_and_a_role(api: Api) -> None:
    entry = await proposed(api)
    for path in (ENTRIES, f"{ENTRIES}/{entry}"):
        assert "A12345" not in (await api.get(path, Role.VIEWER, **WHY)).text
        assert "A12345" not in (await api.get(path, Role.AUDITOR)).text
        assert "A12345" in (await api.get(path, Role.AUDITOR, **WHY)).text
    assert (await api.get("/api/v1/watchlist/export.csv")).status_code == 403


async def test_no_more_plates_than_edges_can_be_sent(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_entries, "MOST_WATCHED", 2)
    table = "plate,until,reason\n京A12345,2099-12-31,stolen\n沪B99999,2099-12-31,stolen\n"
    await proposed(api, "wang", plate="粤C77777")
    async with await api.client(Role.OPERATOR, name="li") as client:
        refused = await client.post("/api/v1/watchlist/import", content=table, headers=CSV)
        assert refused.status_code == 409
        assert "1 plates are on the watch list, and 2 are the most: end some before 2 more" in refused.json()["detail"]
        fits = "plate,until,reason\n京A12345,2099-12-31,stolen\n"
        assert (await client.post("/api/v1/watchlist/import", content=fits, headers=CSV)).status_code == 201


async def test_a_table_goes_in_and_comes_out(api: Api) -> None:
    table = "plate,until,reason\n京A12345,2099-12-31,stolen\n沪B99999,2099-12-31T00:00+08:00,wanted in case 9\n"
    async with await api.client(Role.OPERATOR, name="li") as client:
        assert len((await client.post("/api/v1/watchlist/import", content=table, headers=CSV)).json()["proposed"]) == 2
        again = await client.post("/api/v1/watchlist/import", content=table, headers=CSV)
        assert again.status_code == 409
        wrong = "plate,until,reason\n京A12346,soon,stolen\n?,2099-12-31,stolen\n"
        refused = await client.post("/api/v1/watchlist/import", content=wrong, headers=CSV)
        assert refused.status_code == 422
        assert "line 2" in refused.json()["detail"]
        assert "line 3" in refused.json()["detail"]
    out = (await api.get("/api/v1/watchlist/export.csv", **WHY)).text
    assert "京A12345" in out
    assert "wanted in case 9" in out
    (act,) = (await api.get("/api/v1/audit", Role.AUDITOR, action="export")).json()["items"]
    assert act["plates"] == 2


async def test_an_operator_of_one_site_has_nothing_looked_for_elsewhere(api: Api) -> None:
    async with await api.client(Role.OPERATOR, sites=("west",)) as client:
        assert (await client.post(ENTRIES, json=NEW)).status_code == 409
        assert (await client.post(ENTRIES, json={**NEW, "sites": ["east"]})).status_code == 409
        assert (await client.post(ENTRIES, json={**NEW, "sites": ["west"]})).status_code == 201
    await proposed(api, plate="沪B99999", sites=["east"])
    assert len((await api.get(ENTRIES)).json()["items"]) == 2
    async with await api.client(Role.OPERATOR, sites=("west",)) as client:
        assert len((await client.get(ENTRIES)).json()["items"]) == 1


@pytest.mark.parametrize("sites", [None, ["west", "east"]])
async def test_an_operator_of_one_site_ends_nothing_that_is_looked_for_elsewhere(
    api: Api, sites: list[str] | None
) -> None:
    entry = await proposed(api, sites=sites)
    async with await api.client(Role.OPERATOR, sites=("west",)) as client:
        (item,) = (await client.get(ENTRIES)).json()["items"]
        assert (item["may_decide"], item["may_withdraw"]) == (False, False)
        for action in ("approve", "refuse", "withdraw"):
            refused = await client.post(f"{ENTRIES}/{entry}/decisions", json={"action": action})
            assert refused.status_code == 403, action
            assert "A12345" not in refused.text
    (item,) = (await api.get(ENTRIES)).json()["items"]
    assert (item["state"], item["may_decide"], item["may_withdraw"]) == ("proposed", True, True)


async def test_who_asks_whether_a_plate_is_looked_for_is_written_down(api: Api) -> None:
    entry = await proposed(api)
    table = "plate,until,reason\n京B00001,2026-12-31,wanted\n京A12345,2026-12-31,for a friend\n".encode()
    async with await api.client(Role.OPERATOR, name="wu") as client:
        told = await client.post(ENTRIES, json={**NEW, "reason": "just asking"})
        assert (told.status_code, entry in told.json()["detail"]) == (409, True)
        assert (await client.post("/api/v1/watchlist/import", content=table, headers=CSV)).status_code == 409
    acts = (await api.get("/api/v1/audit", Role.AUDITOR, action="propose-again", **WHY)).json()["items"]
    assert [(act["who"], act["reason"], act["shown"]) for act in acts] == [
        ("wu", "for a friend", ["京A12345"]),
        ("wu", "just asking", ["京A12345"]),
    ]
    assert len((await api.get(ENTRIES)).json()["items"]) == 1, "nothing of the refused table is proposed"


async def test_sites_look_for_a_plate_without_knowing_of_each_other(api: Api) -> None:
    await proposed(api, sites=["east"])
    async with await api.client(Role.OPERATOR, sites=("west",)) as client:
        assert (await client.post(ENTRIES, json={**NEW, "sites": ["west"]})).status_code == 201
        assert (await client.post(ENTRIES, json={**NEW, "sites": ["west"]})).status_code == 409
    assert (await post(api, "zhou", ENTRIES, NEW)).status_code == 409, "all sites have this one among them"


@pytest.mark.parametrize("reason", ["=1+1", "＝1+1", "@SUM(A1)", "\t=1+1"])
async def test_no_spreadsheet_calculates_a_reason(api: Api, reason: str) -> None:
    table = f'plate,until,reason\n京A12345,2026-12-31,"{reason}"\n'.encode()
    async with await api.client(Role.OPERATOR) as client:
        assert (await client.post("/api/v1/watchlist/import", content=table, headers=CSV)).status_code == 201
        out = (await client.get("/api/v1/watchlist/export.csv", params=WHY)).text
        assert f",'{reason.strip()}," in out
        (entry,) = (await client.get(ENTRIES, params=WHY)).json()["items"]
        await client.post(f"{ENTRIES}/{entry['entry_id']}/decisions", json={"action": "withdraw"})
        assert (await client.post("/api/v1/watchlist/import", content=out.encode(), headers=CSV)).status_code == 201
        newest = (await client.get(ENTRIES, params=WHY)).json()["items"][0]
    assert newest["reason"] == reason.strip()


async def told(api: Api) -> list[tuple[str, Watchlist]]:
    """What the edges are told anew."""
    await watch_entries.tell_edges(api.collector.database, KEY, api.now_us)
    async with api.collector.database.write() as connection:
        rows = (await connection.execute(messages.select().where(messages.c.topic.endswith("/watchlist")))).all()
        await connection.execute(messages.delete())
    assert all(row.retain for row in rows)
    return [(row.topic.split("/")[3], Watchlist.model_validate_json(row.payload)) for row in rows]


async def test_edges_are_told_what_has_changed_and_only_that(api: Api) -> None:
    async with api.collector.database.write() as connection:
        await connection.execute(edges.insert(), [{"site": "west", "edge": "a"}, {"site": "east", "edge": "b"}])
    assert await told(api) == [], "a list that is published from a file is not overwritten"
    entry = await proposed(api, sites=["west"], expires="2026-03-01T09:00:00Z")
    assert sorted((edge, found.entries) for edge, found in await told(api)) == [("a", ()), ("b", ())]
    await post(api, "wu", f"{ENTRIES}/{entry}/decisions", {"action": "approve"})
    ((edge, found),) = await told(api)
    assert edge == "a"
    assert (found.key_id, found.entries[0].entry_id) == (KEY.key_id, entry)
    assert found.entries[0].exact == KEY.digest("exact", "京A12345")
    assert await told(api) == []
    api.now_us += 3600 * SECOND_US
    ((edge, over),) = await told(api)
    assert (edge, over.entries) == ("a", ())
    assert over.revision > found.revision


@pytest.mark.services
def test_an_approved_plate_reaches_a_real_edge_topic_without_the_plate(
    mosquitto: Mosquitto, tmp_path: Path, migrated_sqlite: Path, peer: MqttPeer
) -> None:
    (tmp_path / "key").write_text(KEY.secret.hex())
    running = CollectorProcess(tmp_path / "c", mosquitto.url, options=("--watchlist-key", str(tmp_path / "key")))
    running.data.mkdir()
    (running.data / "collector.db").write_bytes(migrated_sqlite.read_bytes())
    running.start()
    try:
        edge = SampleEdge()
        status = {"state": "online", "connection_id": str(uuid4()), "at": "2026-03-01T08:00:00Z"}
        peer.publish(f"watchpost/v1/{edge.site}/{edge.edge}/status", json.dumps(status).encode(), retain=True)
        with running.client("operator") as li, running.client("admin") as wu:
            entry = li.post(ENTRIES, json=NEW).json()["entry_id"]
            assert wu.post(f"{ENTRIES}/{entry}/decisions", json={"action": "approve"}).status_code == 201
            wait_until(lambda: any(one["entries"] for one in peer.on("/watchlist")), 20)
            wait_until(lambda: wu.get("/api/v1/watchlist/edges").json()["edges"][0]["entries"] == 1)
        assert "first administrator" in running.log
        heard = b"".join(content for topic, content, *_ in peer.heard if topic.endswith("/watchlist"))
        assert entry.encode() in heard
        assert b"12345" not in heard.replace(entry.encode(), b"")
    finally:
        running.end()
