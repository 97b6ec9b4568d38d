"""Due times and channels that administrators change: over the configuration, in force at once, recorded, and no secret
is told.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from collector_api import Api, started
from pydantic import SecretStr
from sample_events import SampleEdge
from sqlalchemy import select

from collector import duty_changes
from collector.access import Role
from collector.channels import Channel
from collector.database import Database
from collector.duty import ChannelRule, Duty, Standing
from collector.ingest import ingest
from collector.instants import SECOND_US
from collector.messages import understand
from collector.notifier import Notifier
from collector.pulse import Pulse
from collector.schema_alerts import notifications
from collector.workflow import Due

QUICK = {"acknowledge_s": 30, "arrive_s": 300, "close_s": 1800}
MAIL = "mailto://li:secret@127.0.0.1:9?from=watchpost@example.org&to=duty@example.org&mode=insecure"
ROOM = Channel(name="room", address=SecretStr(MAIL))
LEADER = Channel(name="leader", address_file=Path("/nowhere/leader.address"), severities=("critical",), after_s=120)
RULE = {"severities": ["critical"], "after_s": 60, "overdue": True}


@pytest.fixture
async def api(tmp_path: Path, migrated_sqlite: Path) -> AsyncIterator[Api]:
    async with started(tmp_path, migrated_sqlite, duty=Duty(channels=(ROOM, LEADER))) as found:
        yield found


async def ask(api: Api, method: str, path: str, body: Any = None, role: Role = Role.ADMIN) -> tuple[int, Any]:
    async with await api.client(role) as client:
        answer = await client.request(method, f"/api/v1/duty{path}", json=body)
    return answer.status_code, answer.json()


async def told_of(api: Api) -> list[tuple[str, str, int]]:
    query = select(notifications).order_by(notifications.c.notification_id)
    async with api.collector.database.read() as connection:
        rows = (await connection.execute(query)).all()
    return [(row.channel, row.occasion, row.next_us - row.created_us) for row in rows]


async def test_changed_due_times_hold_for_new_alerts_and_at_the_next_step(api: Api) -> None:
    edge = SampleEdge()
    await take(api, edge, edge.fall())
    status, duty = await ask(api, "PUT", "/due/critical", QUICK)
    assert status == 200
    assert (duty["due"][0]["due"]["acknowledge_s"], duty["due"][0]["configured"]["acknowledge_s"]) == (30, 60)
    await take(api, edge, edge.sensor("help_button"))
    alarm, fall = (await api.get("/api/v1/alerts")).json()["items"]
    assert [lasts(alarm), lasts(fall)] == [30, 60]
    async with await api.client(Role.OPERATOR) as client:
        stepped = await client.post(f"/api/v1/alerts/{fall['alert_id']}/steps", json={"state": "acknowledged"})
    assert lasts(stepped.json()) == 300
    status, duty = await ask(api, "DELETE", "/due/critical")
    assert duty["due"][0]["due"]["acknowledge_s"] == 60
    assert duty["due"][0]["changed_by"] is None
    assert (await ask(api, "DELETE", "/due/critical"))[0] == 404


def lasts(alert: dict[str, Any]) -> float:
    """Seconds from raised to due."""
    return (datetime.fromisoformat(alert["due_at"]) - datetime.fromisoformat(alert["raised_at"])).total_seconds()


async def take(api: Api, edge: SampleEdge, *events: dict[str, Any]) -> None:
    """As if the broker had brought them to the running collector, a second later."""
    api.now_us += SECOND_US
    understood = [one for event in events for one in understand(edge.incoming(event))]
    await ingest(api.collector.database, understood, api.now_us, duty=api.collector.duty.now)


@pytest.mark.parametrize(
    ("path", "body", "word"),
    [
        ("/due/critical", QUICK | {"arrive_s": 10}, "same moment"),
        ("/due/critical", QUICK | {"acknowledge_s": 0}, "acknowledge_s"),
        ("/due/info", QUICK, "severity"),
        ("/channels/room", RULE | {"severities": []}, "severities"),
        ("/channels/room", RULE | {"after_s": -1}, "after_s"),
    ],
)
async def test_what_cannot_be_meant_is_refused(api: Api, path: str, body: Any, word: str) -> None:
    status, problem = await ask(api, "PUT", path, body)
    assert (status, problem["status"]) == (422, 422)
    assert word in problem["detail"]


async def test_what_is_near_and_what_is_one_case_are_changed_and_put_back(api: Api) -> None:
    status, duty = await ask(api, "PUT", "/limits/again_sensor_s", {"value": 0})
    (item,) = [one for one in duty["limits"] if one["name"] == "again_sensor_s"]
    assert (status, item["value"], item["configured"], item["changed_at"] is not None) == (200, 0, 600, True)
    assert api.collector.duty.now.rules.group_within_s["sensor"] == 0
    async with api.collector.database.read() as connection:
        followed = await duty_changes.in_force(connection, api.collector.duty.configured)
    assert followed == api.collector.duty.now, "another collector on the store takes it over"
    assert (await ask(api, "PUT", "/limits/near_m", {"value": 120}))[0] == 200
    assert api.collector.duty.now.nearest.within_m == 120
    assert (await ask(api, "DELETE", "/limits/near_m"))[0] == 200
    assert api.collector.duty.now == replace(api.collector.duty.configured, rules=api.collector.duty.now.rules)
    assert (await ask(api, "DELETE", "/limits/near_m"))[0] == 404
    for name, value in (("near_m", 0), ("heard_s", 90_000), ("near_m", 1.5), ("nowhere", 3)):
        assert (await ask(api, "PUT", f"/limits/{name}", {"value": value}))[0] == 422, name
    assert (await ask(api, "PUT", "/limits/near_m", {"value": 9}, Role.OPERATOR))[0] == 403
    acts = (await api.get("/api/v1/audit", Role.AUDITOR, action="set-limit")).json()["items"]
    assert [act["reason"] for act in acts] == ["as configured", "120", "0"]


async def test_a_channel_is_told_as_changed_and_nothing_while_it_is_paused(api: Api) -> None:
    edge = SampleEdge()
    await take(api, edge, edge.sensor("manhole"))
    assert [channel for channel, *_ in await told_of(api)] == ["room"]
    await ask(api, "PUT", "/channels/room", RULE)
    await take(api, edge, edge.fall(), edge.sensor("charging_post"))
    assert (await told_of(api))[1:] == [
        ("room", "unacknowledged", 60 * SECOND_US),
        ("leader", "unacknowledged", 120 * SECOND_US),
    ]
    await ask(api, "PUT", "/channels/leader", RULE | {"paused": True})
    await take(api, edge, edge.sensor("smoke"))
    assert [channel for channel, *_ in (await told_of(api))[3:]] == ["room"]
    api.now_us += 600 * SECOND_US
    notifier = Notifier(api.collector.database, Pulse(), lambda: api.now_us, api.collector.duty)
    await notifier.send_some()
    _, duty = await ask(api, "GET", "", role=Role.OPERATOR)
    room, leader = duty["channels"]
    assert (room["waiting"], leader["waiting"], leader["given_up"]) == (3, 0, 1)
    assert leader["rule"]["paused"] is True
    async with api.collector.database.read() as connection:
        errors = {row.channel: row.error for row in await connection.execute(select(notifications))}
    assert errors["leader"] == "an administrator has paused this channel"


async def test_the_channels_secrets_are_never_told(api: Api) -> None:
    status, duty = await ask(api, "GET", "", role=Role.AUDITOR)
    assert status == 200
    assert "secret" not in str(duty)
    assert "127.0.0.1" not in str(duty)
    assert [(one["name"], one["way"]) for one in duty["channels"]] == [("room", "mail"), ("leader", None)]
    assert "cannot read" in duty["channels"][1]["trouble"]
    assert (await ask(api, "GET", "", role=Role.VIEWER))[0] == 403
    status, result = await ask(api, "POST", "/channels/room/test")
    assert (status, result["taken"]) == (200, False)  # nobody listens there
    assert result["error"]
    assert "secret" not in result["error"]
    status, problem = await ask(api, "POST", "/channels/nobody/test")
    assert status == 404
    assert "it has: room, leader" in problem["detail"]


async def test_every_change_is_recorded(api: Api) -> None:
    await ask(api, "PUT", "/due/warning", QUICK)
    await ask(api, "PUT", "/channels/room", RULE)
    await ask(api, "POST", "/channels/leader/test")
    items = (await api.get("/api/v1/audit", Role.AUDITOR)).json()["items"]
    assert {(act["action"], act["subject"], act["reason"]) for act in items} >= {
        ("set-due", "/api/v1/duty/due/warning", "acknowledge 30 s, arrive 300 s, close 1800 s"),
        ("set-channel", "/api/v1/duty/channels/room", "critical, after 60 s, overdue too"),
        ("test-channel", "/api/v1/duty/channels/leader/test", None),
    }


async def test_another_collector_on_the_same_store_follows(database: Database) -> None:
    """And a channel that is no longer in the file is not made up from what the store has of it."""
    standing = Standing(Duty(channels=(ROOM,)))
    quick = Due(**QUICK)
    async with database.write() as connection:
        await duty_changes.set_due(database, connection, "warning", quick, by="li", now_us=1)
        for name in ("room", "gone"):
            rule = ChannelRule(("critical",), 60, overdue=True)
            await duty_changes.set_rule(database, connection, name, rule, by="li", now_us=1)
            await duty_changes.set_rule(database, connection, name, replace(rule, after_s=90), by="wu", now_us=2)
    await duty_changes.refresh(database, standing)
    assert standing.now.rules.due["warning"] == quick
    assert standing.now.rules.due["critical"] == standing.configured.rules.due["critical"]
    assert [(one.name, one.after_s, one.overdue) for one in standing.now.channels] == [("room", 90, True)]
    assert standing.configured.channels[0].after_s == 0


async def test_a_test_message_says_that_it_is_one(tmp_path: Path, migrated_sqlite: Path) -> None:
    posted: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        posted.append(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    (tmp_path / "key").write_text("a key")
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/alerts"
    hook = Channel.model_validate({"name": "dispatch", "webhook": url, "secret_file": tmp_path / "key"})
    async with server, started(tmp_path, migrated_sqlite, duty=Duty(channels=(hook,))) as api:
        status, result = await ask(api, "POST", "/channels/dispatch/test")
    assert (status, result) == (200, {"taken": True, "error": None})
    (told,) = [json.loads(body) for body in posted]
    assert told["titles"]["en"].startswith("Test alarm at test: admin")
