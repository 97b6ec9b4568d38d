"""Units, what each has to do, how fast they are, and how often cameras are right."""

from __future__ import annotations

import asyncio
import csv
import gc
import io
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from collector_api import Api, started
from sample_events import SampleEdge
from sqlalchemy import text

from collector.access import Role
from collector.schema import alerts

UNIT = {"unit": "patrol-1", "site": "west", "title": "巡逻一组", "kind": "patrol", "contact": "13800000000"}


@pytest.fixture
async def api(tmp_path: Path, migrated_sqlite: Path) -> AsyncIterator[Api]:
    async with started(tmp_path, migrated_sqlite) as found:
        yield found


async def open_alerts(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api.get("/api/v1/alerts", state="open")).json()["items"]
    return found


async def test_units_are_added_changed_and_taken_off_duty(api: Api) -> None:
    async with await api.client(Role.OPERATOR) as client:
        assert (await client.post("/api/v1/units", json=UNIT)).status_code == 201
        assert (await client.post("/api/v1/units", json=UNIT)).status_code == 409
        assert (await client.post("/api/v1/units", json={**UNIT, "unit": "Patrol 2"})).status_code == 422
        changed = await client.patch("/api/v1/units/patrol-1", json={"contact": "7", "on_duty": False})
        assert (changed.json()["contact"], changed.json()["title"], changed.json()["on_duty"]) == (
            "7",
            "巡逻一组",
            False,
        )
        assert (await client.get("/api/v1/units", params={"on_duty": True})).json() == []
        assert (await client.patch("/api/v1/units/nobody", json={})).status_code == 404
    async with await api.client(Role.VIEWER) as client:
        assert (await client.post("/api/v1/units", json=UNIT)).status_code == 403
        assert [unit["unit"] for unit in (await client.get("/api/v1/units")).json()] == ["patrol-1"]


async def test_a_task_goes_to_its_unit_and_its_times_are_counted(api: Api) -> None:
    edge = SampleEdge()
    await api.take(edge, edge.fall(), edge.sensor("manhole"))
    begun_us = api.now_us
    (fall,) = [alert for alert in await open_alerts(api) if alert["type"] == "falling_object"]
    steps = f"/api/v1/alerts/{fall['alert_id']}/steps"
    async with await api.client(Role.OPERATOR) as client:
        await client.post("/api/v1/units", json=UNIT)
        wrong = await client.post(steps, json={"state": "assigned", "unit": "nobody"})
        assert wrong.status_code == 409
        assert "'nobody' on duty at site west" in wrong.json()["detail"]
        for second, step in ((10, {"state": "assigned", "unit": "patrol-1"}), (100, {"state": "on_scene"})):
            api.now_us = begun_us + second * 1_000_000
            assert (await client.post(steps, json=step)).status_code == 201
        (tasks,) = (await client.get("/api/v1/tasks")).json()
        assert [task["alert_id"] for task in tasks["tasks"]] == [fall["alert_id"]]
        api.now_us = begun_us + 300_000_000
        await client.post(steps, json={"state": "resolved"})
        assert (await client.get("/api/v1/tasks")).json()[0]["tasks"] == []
        found = (await client.get("/api/v1/statistics/response", params={"zone": "Asia/Shanghai"})).json()
        own = {row["unit"]: row for row in found}
        assert own["patrol-1"]["acknowledged"] == {"median_s": 10.0, "p90_s": 10.0}
        assert (own["patrol-1"]["arrived"]["median_s"], own["patrol-1"]["done"]["median_s"]) == (100.0, 300.0)
        assert own["patrol-1"]["week"] == "2026-02-23"
        assert (own[None]["alerts"], own[None]["closed"]) == (1, 0)
        assert (await client.get("/api/v1/statistics/response", params={"zone": "Moon/Base"})).status_code == 422
        exported = await client.get("/api/v1/statistics/tasks.csv", params={"zone": "Asia/Shanghai"})
    lines = list(csv.DictReader(io.StringIO(exported.content.decode("utf-8-sig"))))
    assert {line["unit"]: line["closed_at"] for line in lines} == {"patrol-1": "2026-03-01 16:06:00+08:00", "": ""}
    assert {line["title"] for line in lines} == {"高空抛物：7 层 第 3 列（tower）", "井盖报警：hall"}


async def test_a_sensors_words_are_no_formula_in_a_spreadsheet(api: Api) -> None:
    edge = SampleEdge()
    alarm = edge.sensor("=cmd|calc")
    await api.take(edge, alarm)
    content = (await api.get("/api/v1/statistics/tasks.csv", language="en")).content.decode("utf-8-sig")
    assert "'=cmd" in content
    assert ",=cmd" not in content


async def test_reasons_of_dismissal_feed_the_quality_of_a_camera(api: Api) -> None:
    edge = SampleEdge()
    await api.take(edge, *(edge.fall() for _ in range(4)))
    outcomes: list[dict[str, Any]] = [
        {"state": "resolved"},
        {"state": "dismissed", "cause": "bird"},
        {"state": "dismissed", "cause": "maintenance"},
    ]
    async with await api.client(Role.OPERATOR) as client:
        for alert, step in zip(await open_alerts(api), outcomes, strict=False):
            assert (await client.post(f"/api/v1/alerts/{alert['alert_id']}/steps", json=step)).status_code == 201
        (tower,) = (await client.get("/api/v1/statistics/quality")).json()
    counted = {name: tower[name] for name in ("source", "valid", "false", "neither", "open", "causes")}
    assert counted == {
        "source": "tower",
        "valid": 1,
        "false": 1,
        "neither": 1,
        "open": 1,
        "causes": {"bird": 1, "maintenance": 1},
    }


async def test_a_comment_and_what_is_near_are_in_the_detail(api: Api) -> None:
    edge = SampleEdge()
    await api.take(edge, edge.sensor(), edge.hit("京A12345"), edge.passage("京B77777"), edge.fall())
    (fall,) = [alert for alert in await open_alerts(api) if alert["type"] == "falling_object"]
    async with await api.client(Role.OPERATOR) as client:
        path = f"/api/v1/alerts/{fall['alert_id']}/comments"
        assert (await client.post(path, json={"text": " \n"})).status_code == 422
        detail = (await client.post(path, json={"text": " the caretaker looks "})).json()
    assert [(step["kind"], step["reason"]) for step in detail["steps"]][-1] == ("comment", "the caretaker looks")
    near = {item["event"]["type"].split(".")[1] for item in detail["near"]}
    assert near == {"sensor", "watchlist_hit"}
    assert "12345" not in str(detail["near"])
    assert detail["causes"][0] == "bird"


async def many_alerts(api: Api, count: int) -> None:
    """Copies of one alert, a minute apart, resolved."""
    await api.take(SampleEdge(), SampleEdge().fall())
    own = {"alert_id": "'a' || n.i", "alert_key": "'k' || n.i", "state": "'resolved'", "closed_us": "raised_us"}
    names = [column.name for column in alerts.c]
    values = ", ".join(own.get(name, name) for name in names)
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)"
    copies = f"INSERT INTO alerts ({', '.join(names)}) {numbers} SELECT {values} FROM n, (SELECT * FROM alerts LIMIT 1)"
    async with api.collector.database.write() as connection:
        await connection.execute(text(copies), {"count": count})


@pytest.fixture
def no_cycles() -> Iterator[None]:
    """No search for cycles, which `collector.server` has made rare."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_cycles")
@pytest.mark.parametrize("path", ["response", "quality", "tasks.csv"])
async def test_figures_of_many_alerts_let_new_ones_through(api: Api, path: str) -> None:
    await many_alerts(api, 60_000)
    longest_s, before_s = 0.0, time.thread_time()

    async def watch() -> None:
        """The processor time that this thread, which has everything else to do, spends on one thing."""
        nonlocal longest_s, before_s
        while True:
            await asyncio.sleep(0.001)  # spinning, it would keep the other threads waiting
            now_s = time.thread_time()
            longest_s, before_s = max(longest_s, now_s - before_s), now_s

    watching = asyncio.create_task(watch())
    async with await api.client(Role.VIEWER) as client:
        assert (await client.get(f"/api/v1/statistics/{path}", params={"weeks": 53})).status_code == 200
    await asyncio.sleep(0.01)
    watching.cancel()
    assert longest_s < 0.15
