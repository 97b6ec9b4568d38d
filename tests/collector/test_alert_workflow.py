"""What becomes of an alert: repetitions, steps, due times, and what MQTT hears of each."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sample_events import SampleEdge, later_us
from sqlalchemy import Table, select

from collector import alert_moves
from collector.alert_moves import Move, NoSuchAlert, WrongStep
from collector.alerts import draft
from collector.database import Database
from collector.duty import Duty
from collector.ingest import ingest
from collector.instants import to_instant
from collector.messages import EventMessage, understand
from collector.schema import alert_steps, alerts, messages
from collector.schema_alerts import alert_events, units
from collector.titles import titles

NOW = later_us(60)
DUTY = Duty()


async def take(database: Database, edge: SampleEdge, *sent: dict[str, Any], now_us: int = NOW) -> None:
    await ingest(database, [one for event in sent for one in understand(edge.incoming(event))], now_us)


async def rows(database: Database, table: Table) -> list[Any]:
    async with database.read() as connection:
        return list(await connection.execute(select(table).order_by(*table.primary_key.columns)))


async def step(database: Database, alert_id: str, move: Move, now_us: int = NOW) -> None:
    async with database.write() as connection:
        await alert_moves.step(connection, alert_id, move, by="li", now_us=now_us, duty=DUTY)


async def told(database: Database, part: str) -> list[Any]:
    """Payloads on topics with this part, in their order; an empty one is None."""
    found = [row for row in await rows(database, messages) if part in row.topic]
    return [json.loads(row.payload) if row.payload else None for row in found]


def fall(edge: SampleEdge, cell: str, certainty: str = "confirmed", second: float = 0.0) -> dict[str, Any]:
    event = edge.fall(certainty, time=to_instant(later_us(second)).isoformat())
    event["data"]["origin_cell"] = cell
    return event


@pytest.mark.parametrize("together", [True, False])
async def test_falls_from_one_window_are_one_alert_while_they_are_near_in_time(
    database: Database, together: bool
) -> None:
    edge = SampleEdge()
    sent = [fall(edge, "f7-c3", second=at) for at in (0, 90, 200, 400)]
    sent.append(fall(edge, "f8-c3", second=1))
    for batch in [sent] if together else [[event] for event in sent]:
        await take(database, edge, *batch)
    found = sorted(await rows(database, alerts), key=lambda alert: (alert.alert_group, alert.occurred_us))
    assert [(alert.alert_group[-5:], alert.event_count) for alert in found] == [
        ("f7-c3", 3),
        ("f7-c3", 1),
        ("f8-c3", 1),
    ]
    first = found[0].alert_id
    assert len([link for link in await rows(database, alert_events) if link.alert_id == first]) == 3
    news = [one for one in await told(database, "/alert/") if one["alert_id"] == first]
    assert [one["events"] for one in news] == [1, 2, 3]
    assert [one["event_id"] for one in news] == [event["id"] for event in sent[:3]]


async def test_what_was_suspected_and_is_confirmed_becomes_critical(database: Database) -> None:
    edge = SampleEdge()
    sure = fall(edge, "f7-c3", second=5)
    await take(database, edge, fall(edge, "f7-c3", "suspected"))
    await take(database, edge, sure)
    (alert,) = await rows(database, alerts)
    assert (alert.severity, alert.certainty, alert.event_id) == ("critical", "confirmed", sure["id"])
    assert alert.due_us == NOW + 60_000_000
    assert [row.topic.split("/")[4] for row in await rows(database, messages) if "/alert/" in row.topic] == [
        "warning",
        "critical",
    ]


async def test_a_camera_that_fails_again_goes_on_with_its_alert_without_noise(database: Database) -> None:
    edge = SampleEdge()
    for state in ("down", "up", "down"):
        await take(database, edge, edge.camera(state))
    (alert,) = await rows(database, alerts)
    assert (alert.state, alert.event_count, alert.closed_us) == ("new", 2, None)
    assert len(await told(database, "/alert/")) == 1
    await take(database, edge, edge.camera("up"), edge.camera("blind"), edge.camera("up"))
    assert [alert.state for alert in await rows(database, alerts)] == ["resolved", "resolved"]


async def test_an_alert_goes_from_new_to_closed_and_back(database: Database) -> None:
    edge = SampleEdge()
    await take(database, edge, edge.fall())
    (alert,) = await rows(database, alerts)
    key = alert.alert_id
    async with database.write() as connection:
        unit = {"unit": "patrol-1", "site": "west", "title": "Patrol 1", "kind": "patrol", "contact": ""}
        await connection.execute(units.insert(), [{**unit, "created_us": NOW}])
    for wrong in (Move("on_scene"), Move("assigned"), Move("assigned", unit="nobody"), Move("dismissed")):
        with pytest.raises(WrongStep):
            await step(database, key, wrong)
    moves = [Move("acknowledged"), Move("assigned", unit="patrol-1"), Move("on_scene"), Move("resolved", "cleared")]
    for second, move in enumerate(moves, 1):
        await step(database, key, move, NOW + second * 1_000_000)
    (done,) = await rows(database, alerts)
    times = [(us - NOW) // 1_000_000 for us in (done.acknowledged_us, done.arrived_us, done.closed_us)]
    assert (done.state, done.unit, done.due_us, times) == ("resolved", "patrol-1", None, [1, 3, 4])
    await step(database, key, Move("new"), NOW + 9_000_000)
    await step(database, key, Move("dismissed", cause="bird"), NOW + 10_000_000)
    kinds = [(row.kind, row.state, row.by) for row in await rows(database, alert_steps)]
    assert kinds[0] == ("raised", "new", None)
    assert kinds[-2:] == [("reopened", "new", "li"), ("state", "dismissed", "li")]
    states = [None if one is None else one["state"] for one in await told(database, "/alert-state/")]
    assert states == ["new", "acknowledged", "assigned", "on_scene", "resolved", None, "new", "dismissed", None]
    assert [one["unit"] for one in await told(database, "/alert-state/") if one][2] == "patrol-1"
    with pytest.raises(NoSuchAlert):
        await step(database, "none", Move("acknowledged"))


async def test_time_that_has_passed_is_noted_once(database: Database) -> None:
    edge = SampleEdge()
    await take(database, edge, edge.fall())
    (alert,) = await rows(database, alerts)
    assert alert.due_us == NOW + 60_000_000

    async def noted(now_us: int) -> bool:
        async with database.write() as connection:
            return await alert_moves.note_overdue(database, connection, alert.alert_id, now_us, DUTY)

    assert not await noted(alert.due_us - 1)
    assert await noted(alert.due_us)
    assert not await noted(alert.due_us + 1)
    assert [one["overdue"] for one in await told(database, "/alert-state/")] == [False, True]
    await step(database, alert.alert_id, Move("acknowledged"), NOW + 70_000_000)
    (after,) = await rows(database, alerts)
    assert (after.overdue_us, after.due_us) == (None, NOW + 600_000_000)


def title_of(edge: SampleEdge, event: dict[str, Any]) -> dict[str, str]:
    (message,) = understand(edge.incoming(event))
    assert isinstance(message, EventMessage)
    made = draft(message, to_instant(NOW))
    assert made is not None
    return {str(language): text for language, text in titles(made.type, made.parameters).items()}


def test_titles_in_both_languages() -> None:
    edge = SampleEdge()
    assert title_of(edge, edge.fall()) == {
        "en": "Object fell from floor 7, column 3 at tower",
        "zh": "高空抛物：7 层 第 3 列（tower）",
    }
    assert title_of(edge, edge.hit()) == {
        "en": "Watched plate 京A·1**45 at lane-1 (exact match)",
        "zh": "布控车辆 京A·1**45 经过 lane-1（完全一致）",
    }
    assert title_of(edge, edge.sensor("help_button")) == {
        "en": "Help button alarm at hall",
        "zh": "求助按钮报警：hall",
    }


@pytest.mark.parametrize(
    ("lane", "place"), [("1", "lane-1, lane 1"), ("lane-1", "lane-1"), ("exit", "lane-1, exit"), (None, "lane-1")]
)
def test_a_lane_is_not_called_lane_twice(lane: str | None, place: str) -> None:
    edge = SampleEdge()
    passage = edge.passage()
    passage["data"]["lane"] = lane
    assert title_of(edge, passage)["en"] == f"Plate 京A·1**45 passed {place}"


async def test_a_step_is_never_dated_before_the_one_before(database: Database) -> None:
    """The clock was set back: whoever has both tellings must know which is newer."""
    edge = SampleEdge()
    await take(database, edge, edge.camera("down"))
    (raised,) = await rows(database, alerts)
    await take(database, edge, edge.camera("up"), now_us=NOW - 5_000_000)
    (closed,) = await rows(database, alerts)
    await take(database, edge, edge.camera("down"), now_us=NOW - 9_000_000)
    (opened,) = await rows(database, alerts)
    assert (closed.state, opened.state) == ("resolved", "new")
    assert raised.state_us == NOW <= closed.state_us <= opened.state_us
