"""How long things are kept: default 30 days, holds and open cases longer, every deletion recorded, files gone too."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from collector_api import WHY, Api, started
from sample_events import SampleEdge
from sqlalchemy import Table, func, select

from collector import retention
from collector.access import Role
from collector.retention import DAY_US, Deleted, Kind, expire
from collector.schema import alerts, dead_letters, event_evidence, events, evidence
from collector.schema_vehicles import passages

KEY = b"a key for tests"
PICTURE = b"\xff\xd8\xff" + bytes(range(256)) * 4
HASH = hashlib.sha256(PICTURE).hexdigest()


@pytest.fixture
async def api(tmp_path: Path, migrated_sqlite: Path) -> AsyncIterator[Api]:
    async with started(tmp_path, migrated_sqlite) as found:
        yield found


async def count(api: Api, table: Table) -> int:
    async with api.collector.database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def expired(api: Api) -> Deleted:
    return await expire(api.collector.database, api.collector.evidence, KEY, api.now_us)


async def with_picture(api: Api, edge: SampleEdge) -> None:
    """A passage and the file that proves it."""
    passage = edge.passage()
    passage["data"]["evidence"][0]["sha256"] = HASH
    await api.take(edge, passage)
    async with await api.client(Role.EDGE) as client:
        answer = await client.put(f"/api/v1/evidence/{HASH}", content=PICTURE, headers={"Content-Type": "image/jpeg"})
        assert answer.status_code == 201


async def test_messages_that_were_set_aside_go_too(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """They may tell of plates; and a device gone wrong must not fill the disk."""
    edge = SampleEdge()
    newer = [edge.sensor(type="watchpost.sensor.v9") for _ in range(2)]
    for number in range(6):
        api.now_us += 1_000_000
        await api.take(edge, *newer, edge.sensor(alarm=f"no {number}"))
    assert await count(api, dead_letters) == 8
    monkeypatch.setattr(retention, "MOST_LETTERS", 4)
    monkeypatch.setattr(retention, "BATCH", 1)
    assert (await expired(api)).rows[Kind.OTHERS] == 2
    async with api.collector.database.read() as connection:
        kinds = (await connection.execute(select(dead_letters.c.kind).order_by(dead_letters.c.last_us))).scalars().all()
    assert sorted(kinds) == ["malformed"] * 4 + ["newer"] * 2
    api.now_us += 31 * DAY_US
    assert (await expired(api)).rows[Kind.OTHERS] == 6
    assert await count(api, dead_letters) == 0


async def test_much_that_expires_at_once_leaves_time_for_others(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    edge = SampleEdge()
    await api.take(edge, *(edge.sensor(alarm=False) for _ in range(5)))
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(retention.asyncio, "sleep", rest)
    api.now_us += 31 * DAY_US
    assert (await expired(api)).rows[Kind.SENSORS] == 5
    assert [seconds > 0 for seconds in rests] == [True] * 3


async def test_after_thirty_days_rows_and_files_are_gone_and_it_is_written_down(api: Api) -> None:
    await with_picture(api, SampleEdge())
    path = api.collector.evidence.path(HASH)
    api.now_us += 29 * DAY_US
    assert not any((await expired(api)).rows.values())
    assert path.exists()
    api.now_us += 2 * DAY_US
    deleted = await expired(api)
    assert (deleted.rows[Kind.PASSAGES], deleted.files) == (1, 1)
    assert not path.exists()
    assert [await count(api, table) for table in (events, passages, event_evidence, evidence)] == [0, 0, 0, 0]
    (act,) = (await api.get("/api/v1/audit", Role.AUDITOR, action="expire", **WHY)).json()["items"]
    assert act["who"] == "collector"
    assert "rows=1&files=1" in act["subject"]
    assert (await api.get("/api/v1/audit/check", Role.AUDITOR)).json()["checkpoints"] == 1


async def test_a_file_that_no_event_names_stays_no_longer_than_an_event(api: Api) -> None:
    async with await api.client(Role.EDGE) as client:
        answer = await client.put(f"/api/v1/evidence/{HASH}", content=PICTURE, headers={"Content-Type": "image/jpeg"})
        assert answer.status_code == 201
    api.now_us += 29 * DAY_US
    assert (await expired(api)).files == 0
    api.now_us += 2 * DAY_US
    assert (await expired(api)).files == 1
    assert not api.collector.evidence.path(HASH).exists()


async def test_an_open_case_and_a_hold_keep_their_event(api: Api) -> None:
    edge = SampleEdge()
    open_fall, held_fall = edge.fall(), edge.fall()
    await api.take(edge, open_fall, held_fall)
    async with await api.client(Role.OPERATOR) as client:
        items = (await client.get("/api/v1/alerts", params={"type": "falling_object"})).json()["items"]
        held = next(item["alert_id"] for item in items if item["event_id"] == held_fall["id"])
        step = {"state": "dismissed", "reason": "a bird", "cause": "bird"}
        assert (await client.post(f"/api/v1/alerts/{held}/steps", json=step)).status_code == 201
        body = {"kind": "alert", "subject": held, "reason": "evidence in case 9"}
        hold = (await client.post("/api/v1/holds", json=body)).json()
        assert (await client.post("/api/v1/holds", json={**body, "subject": "none"})).status_code == 404
    api.now_us += 400 * DAY_US
    await expired(api)
    assert (await count(api, events), await count(api, alerts)) == (2, 2)
    async with await api.client(Role.ADMIN) as admin:
        assert (await admin.delete(f"/api/v1/holds/{hold['hold_id']}")).json()["released_by"]
        assert (await admin.delete(f"/api/v1/holds/{hold['hold_id']}")).status_code == 404
    await expired(api)
    assert (await count(api, events), await count(api, alerts)) == (1, 1)
    assert (await api.get(f"/api/v1/events/{open_fall['id']}")).status_code == 200


async def test_a_file_that_two_events_share_goes_with_the_last(api: Api) -> None:
    edge = SampleEdge()
    await with_picture(api, edge)
    hit = edge.hit(evidence=None)
    hit["data"]["evidence"] = [{"sha256": HASH, "role": "plate", "media_type": "image/jpeg", "size_bytes": 9}]
    await api.take(edge, hit)
    api.now_us += 31 * DAY_US
    assert (await expired(api)).files == 0, "the hit is still open"
    assert api.collector.evidence.path(HASH).exists()


async def test_each_kind_has_its_own_time_and_a_change_is_recorded(api: Api) -> None:
    edge = SampleEdge()
    await api.take(edge, edge.sensor(alarm=False), edge.passage())
    async with await api.client(Role.ADMIN) as admin:
        assert (await admin.put("/api/v1/retention/sensor", json={"days": 3})).json()["days"] == 3
        assert (await admin.put("/api/v1/retention/audit", json={"days": 3})).status_code == 422
        assert (await admin.put("/api/v1/retention/nothing", json={"days": 3})).status_code == 422
    assert (await api.get("/api/v1/retention", Role.VIEWER)).json()[3] == {
        "kind": "sensor",
        "days": 3,
        "standard": 30,
        "fewest": 1,
    }
    api.now_us += 4 * DAY_US
    assert (await expired(api)).rows[Kind.SENSORS] == 1
    assert await count(api, events) == 1
    assert len((await api.get("/api/v1/audit", Role.AUDITOR, action="set-retention")).json()["items"]) == 1
