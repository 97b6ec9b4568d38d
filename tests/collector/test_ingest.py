"""Batches into the store: once each, acknowledged after the commit, with their alerts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import pytest
from sample_events import SHA, SampleEdge, later_us, payload
from sqlalchemy import Table, func, select

from collector.alerts import CLOSED
from collector.database import Database
from collector.gaps import GapPatience, look, missing
from collector.ingest import Outcome, ingest
from collector.intake import Intake, reingest
from collector.messages import Incoming, understand
from collector.pulse import Pulse
from collector.ranges import gaps, merge
from collector.reading import evidence_of
from collector.schema import alert_steps, alerts, cameras, dead_letters, edges, events, messages, received_ranges
from contract.envelope import MAX_EVENT_BYTES

NOW = later_us(60)


async def take(database: Database, *incoming: Incoming, now_us: int = NOW, again: bool = False) -> Outcome:
    return await ingest(database, [one for message in incoming for one in understand(message)], now_us, again=again)


async def rows(database: Database, table: Table) -> list[Any]:
    async with database.read() as connection:
        return list(await connection.execute(select(table).order_by(*table.primary_key.columns)))


async def count(database: Database, table: Table) -> int:
    async with database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def test_an_event_is_stored_acknowledged_and_alerted(database: Database) -> None:
    edge = SampleEdge()
    fall = edge.fall()
    outcome = await take(database, edge.incoming(fall))
    assert json.loads(outcome.acks["watchpost/v1/west/gate-1/ack"].model_dump_json(by_alias=True)) == {
        "ranges": [{"outbox_id": str(edge.outbox_id), "from": 1, "to": 1}],
        "refused": [],
    }
    (stored,) = await rows(database, events)
    assert json.loads(stored.payload) == fall
    assert (stored.type, stored.source, stored.occurred_us) == ("falling_object", "tower", later_us(1))
    (alert,) = await rows(database, alerts)
    assert (alert.severity, alert.state, alert.late) == ("critical", "new", False)
    assert alert.title == "Object fell from floor 7, column 3 at tower"
    told, state = await rows(database, messages)
    assert told.topic == "watchpost/v1/west/alert/critical/falling_object"
    assert json.loads(told.payload)["event_id"] == fall["id"]
    assert state.topic == f"watchpost/v1/west/alert-state/{alert.alert_id}"
    assert state.retain


async def test_alerts_of_a_batch_are_told_in_order_and_a_later_reading_corrects_its_own(database: Database) -> None:
    edge = SampleEdge()
    sent = [edge.passage("京A12345", passage_id=f"p{number}", stage="provisional") for number in range(3)]
    sent += [edge.passage("京B99999", passage_id="p1"), edge.fall()]
    assert (await take(database, *map(edge.incoming, sent))).tally.alerts == 4
    known = [edge.passage("京C77777", passage_id="p2"), edge.passage(passage_id="p3"), edge.passage(passage_id="p0")]
    assert (await take(database, *map(edge.incoming, known))).tally.alerts == 1
    titles = {alert.alert_key.rpartition(":")[2]: alert.title for alert in await rows(database, alerts)}
    assert [titles[name][6:10] for name in ("p0", "p1", "p2")] == ["京A·1", "京B·9", "京C·7"]
    told = [json.loads(row.payload) for row in await rows(database, messages) if not row.retain]
    raisers = [*(event["id"] for event in (*sent[:3], sent[4])), known[1]["id"]]
    assert [alert["event_id"] for alert in told] == raisers
    assert await count(database, alert_steps) == 5


async def test_events_of_a_backlog_are_each_as_if_they_had_come_alone(database: Database) -> None:
    edge = SampleEdge()
    sent = [edge.fall(), edge.sensor(alarm=False), edge.passage(), {**edge.sensor(alarm=False), "data": {}}]
    foreign = {**edge.sensor(alarm=False), "edge": "gate-2"}
    batch = Incoming("watchpost/v1/west/gate-1/backlog", json.dumps([*sent, foreign], ensure_ascii=False).encode())
    outcome = await take(database, batch)
    ack = outcome.acks["watchpost/v1/west/gate-1/ack"]
    assert [(one.from_sequence, one.to_sequence) for one in ack.ranges] == [(1, 3)]
    assert sorted(one.sequence for one in ack.refused) == [4, 5]
    assert [json.loads(row.payload) for row in await rows(database, events)] == sent[:3]
    assert sorted(row.kind for row in await rows(database, dead_letters)) == ["foreign", "malformed"]
    assert {row.topic for row in await rows(database, dead_letters)} == {"watchpost/v1/west/gate-1/event/sensor/hall"}
    assert (await take(database, edge.incoming(sent[0]))).tally.duplicates == 1
    assert (await take(database, Incoming(batch.topic, b'[{"a": 1e999}]'))).tally.set_aside == 1


async def test_duplicates_are_acknowledged_again_and_change_nothing(database: Database) -> None:
    edge = SampleEdge()
    message = edge.incoming(edge.fall())
    await take(database, message, message)
    outcome = await take(database, message)
    assert outcome.acks["watchpost/v1/west/gate-1/ack"].ranges[0].to_sequence == 1
    assert outcome.tally.duplicates == 1
    assert [await count(database, table) for table in (events, alerts, messages)] == [1, 1, 2]


async def test_order_of_arrival_does_not_matter(database: Database) -> None:
    edge = SampleEdge()
    sent = [edge.incoming(edge.sensor(alarm=False)) for _ in range(9)]
    for index in (8, 0, 4, 2, 6, 1, 7, 3, 5):
        await take(database, sent[index])
    (covered,) = await rows(database, received_ranges)
    assert (covered.low, covered.high) == (1, 9)


async def test_merge_and_gaps() -> None:
    assert merge([(5, 6), (1, 2), (3, 3), (6, 8)]) == [(1, 3), (5, 8)]
    assert gaps([(3, 4), (7, 9)]) == [(1, 2), (5, 6)]


async def test_an_event_is_never_stored_twice_even_after_it_expired(database: Database) -> None:
    edge = SampleEdge()
    message = edge.incoming(edge.sensor(alarm=False))
    await take(database, message)
    async with database.write() as connection:
        await connection.execute(events.delete())
    assert (await take(database, message)).tally.duplicates == 1
    assert await count(database, events) == 0


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"\x00\xff\x13", "not"),
        (b"[1, 2]", "object"),
        (b'{"a":' * 5000, "not JSON"),
        (b"{}" + b" " * 300_000, "bytes"),
    ],
)
async def test_a_malformed_message_is_kept_aside_once(database: Database, raw: bytes, word: str) -> None:
    message = Incoming("watchpost/v1/west/gate-1/event/sensor/hall", raw)
    await take(database, message)
    outcome = await take(database, message)
    (letter,) = await rows(database, dead_letters)
    assert (letter.kind, letter.times, letter.payload) == ("malformed", 2, raw[:MAX_EVENT_BYTES])
    assert word in letter.reason
    assert outcome.acks == {}


async def test_a_malformed_event_with_a_readable_number_is_refused(database: Database) -> None:
    edge = SampleEdge()
    broken = edge.fall()
    del broken["data"]["path"]
    outcome = await take(database, edge.incoming(broken))
    (refused,) = outcome.acks["watchpost/v1/west/gate-1/ack"].refused
    assert (refused.outbox_id, refused.sequence) == (edge.outbox_id, 1)
    assert "path" in refused.reason
    await take(database, edge.incoming(edge.sensor()))
    async with database.read() as connection:
        assert await missing(connection) == {str(edge.outbox_id): []}


@pytest.mark.parametrize("level", ["event/sensor/door", "backlog", "health", "status", "birth"])
async def test_of_what_is_larger_than_a_message_may_be_only_the_beginning_is_kept(
    database: Database, level: str
) -> None:
    edge = SampleEdge()
    large = edge.sensor(text="x" * MAX_EVENT_BYTES)
    now = {"at": large["time"], "expires": large["time"], "connection_id": str(edge.outbox_id), "state": "online"}
    said = large if "event" in level or level == "backlog" else now | {"more": "x" * MAX_EVENT_BYTES}
    outcome = await take(database, Incoming(f"watchpost/v1/west/gate-1/{level}", payload(said)))
    assert (outcome.tally.set_aside, outcome.tally.stored) == (1, 0)
    assert outcome.tally.refused == (1 if "event" in level else 0), "or its edge sends it for ever"
    async with database.read() as connection:
        (letter,) = (await connection.execute(select(dead_letters))).all()
        assert (await connection.execute(select(edges))).all() == []
    assert len(letter.payload) == MAX_EVENT_BYTES
    assert f"more than the {MAX_EVENT_BYTES}" in letter.reason


async def test_an_alert_with_thousands_of_files_is_a_message_that_a_broker_takes(database: Database) -> None:
    edge = SampleEdge()
    files = tuple(
        {"sha256": f"{number:064x}", "role": "clip", "media_type": "video/mp4", "size_bytes": number}
        for number in range(1, 1700)
    )
    event = edge.incoming(edge.fall(evidence=files))
    assert 0.9 * MAX_EVENT_BYTES < len(event.payload) <= MAX_EVENT_BYTES
    await take(database, event)
    async with database.read() as connection:
        told = (await connection.execute(select(messages.c.payload))).scalars().all()
    assert told
    assert max(len(text) for text in told) < MAX_EVENT_BYTES / 2


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400], ids=["NaN", "infinity", "huge"])
async def test_numbers_that_are_no_json_are_refused(database: Database, value: float) -> None:
    edge = SampleEdge()
    strange = edge.sensor()
    strange["data"]["more"] = value
    outcome = await take(database, edge.incoming(strange))
    assert outcome.tally.stored + outcome.tally.refused == 1  # a whole number of any size is JSON
    assert outcome.tally.stored == (1 if isinstance(value, int) else 0)


async def test_absurd_numbers_do_not_reach_the_database(database: Database) -> None:
    edge = SampleEdge()
    huge = edge.dropped([(1, 2**70)])
    large = edge.fall(evidence=({"sha256": SHA, "role": "clip", "media_type": "video/mp4", "size_bytes": 2**70},))
    outcome = await take(
        database, edge.incoming(huge), edge.incoming(large), edge.incoming(edge.sensor(sequence=2**70))
    )
    assert (outcome.tally.stored, outcome.tally.set_aside) == (0, 3)


async def test_an_edge_cannot_speak_for_another(database: Database) -> None:
    victim, thief = SampleEdge(edge="gate-1"), SampleEdge(edge="gate-2")
    await take(database, victim.incoming(victim.sensor()))
    forged = Incoming("watchpost/v1/west/gate-2/event/sensor/hall", payload(victim.sensor(alarm=False)))
    stolen = thief.sensor(outboxid=str(victim.outbox_id), sequence=3)
    outcome = await take(database, forged, thief.incoming(stolen))
    assert [letter.kind for letter in await rows(database, dead_letters)] == ["foreign", "foreign"]
    assert "watchpost/v1/west/gate-1/ack" not in outcome.acks
    assert len(outcome.acks["watchpost/v1/west/gate-2/ack"].refused) == 2
    victim.sequence = 1  # and the true events 2 and 3 still come in
    await take(database, victim.incoming(victim.sensor()), victim.incoming(victim.sensor()))
    assert [row.sequence for row in await rows(database, events)] == [1, 2, 3]


async def test_a_newer_schema_is_set_aside_whole_and_ingested_again(database: Database) -> None:
    edge = SampleEdge()
    newer = edge.incoming(edge.sensor(type="watchpost.sensor.v2"))
    outcome = await take(database, newer)
    assert outcome.tally.refused == 1
    (letter,) = await rows(database, dead_letters)
    assert (letter.kind, letter.payload) == ("newer", newer.payload)
    assert len(await reingest(database, [newer], NOW)) == 1
    assert await count(database, events) == 0  # this version still does not understand it
    understood_now = Incoming(newer.topic, newer.payload.replace(b".v2", b".v1"))
    await reingest(database, [understood_now], NOW)
    assert (await count(database, events), await count(database, alerts)) == (1, 1)
    await reingest(database, [understood_now], NOW)
    assert (await count(database, events), await count(database, alerts)) == (1, 1)


async def test_unknown_keys_of_a_newer_edge_are_kept(database: Database) -> None:
    edge = SampleEdge()
    event = edge.sensor()
    event["data"]["battery"] = 0.5
    await take(database, edge.incoming(event))
    (stored,) = await rows(database, events)
    assert json.loads(stored.payload)["data"]["battery"] == 0.5


async def test_one_alert_per_passage_with_a_masked_plate(database: Database) -> None:
    edge = SampleEdge()
    await take(database, edge.incoming(edge.passage("京A12345", stage="provisional")))
    await take(database, edge.incoming(edge.passage("京A12346", stage="final")))
    (alert,) = await rows(database, alerts)
    assert (alert.severity, alert.state) == ("info", "resolved")
    assert alert.title == "Plate 京A·1**46 passed lane-1, lane 1"
    (told,) = await rows(database, messages)
    assert "京A·1**45" in told.payload
    assert "12345" not in told.payload


@pytest.mark.parametrize(
    ("make", "severity"),
    [
        (lambda edge: edge.fall(), "critical"),
        (lambda edge: edge.fall("suspected"), "warning"),
        (lambda edge: edge.hit(), "critical"),
        (lambda edge: edge.sensor("smoke"), "critical"),
        (lambda edge: edge.sensor("manhole"), "warning"),
        (lambda edge: edge.sensor("smoke", alarm=False), None),
        (lambda edge: edge.camera("blurred"), None),
        (lambda edge: edge.camera("blind"), "warning"),
    ],
)
async def test_severities(database: Database, make: Any, severity: str | None) -> None:
    edge = SampleEdge()
    await take(database, edge.incoming(make(edge)))
    assert [row.severity for row in await rows(database, alerts)] == ([severity] if severity else [])


@pytest.mark.parametrize(("late", "after_s", "expected"), [(False, 3600, False), (True, 60, False), (True, 3600, True)])
async def test_a_hit_that_was_matched_long_after_is_history(
    database: Database, late: bool, after_s: float, expected: bool
) -> None:
    edge = SampleEdge()
    hit = edge.hit()
    hit["data"]["late"] = late
    await ingest(database, understand(edge.incoming(hit)), later_us(after_s))
    (alert,) = await rows(database, alerts)
    assert alert.late is expected


async def test_a_camera_that_comes_back_closes_its_alert(database: Database) -> None:
    edge = SampleEdge()
    down, up = edge.camera("down"), edge.camera("up")
    await take(database, edge.incoming(down))
    await take(database, edge.incoming(up))
    (alert,) = await rows(database, alerts)
    assert alert.state == "resolved"
    assert [step.state for step in await rows(database, alert_steps)] == ["new", "resolved"]
    assert [(message.retain, message.payload == "") for message in await rows(database, messages)][-1] == (True, True)


async def test_an_old_camera_event_that_comes_late_raises_nothing(database: Database) -> None:
    edge = SampleEdge()
    down, up = edge.camera("down", replayed=True), edge.camera("up")
    await take(database, edge.incoming(up))
    await take(database, edge.incoming(down))
    assert await count(database, alerts) == 0
    assert [row.event_sequence for row in await rows(database, cameras)] == [2]


async def test_a_replayed_event_alerts_as_late(database: Database) -> None:
    edge = SampleEdge()
    await take(database, edge.incoming(edge.fall(replayed=True)))
    assert [row.late for row in await rows(database, alerts)] == [True]
    assert json.loads((await rows(database, messages))[0].payload)["late"] is True


async def test_a_clip_that_comes_later_belongs_to_its_event(database: Database) -> None:
    edge = SampleEdge()
    fall = edge.fall(evidence=({"sha256": SHA, "role": "snapshot", "media_type": "image/jpeg", "size_bytes": 5},))
    await take(database, edge.incoming(fall))
    await take(database, edge.incoming(edge.clip(fall["id"])))
    async with database.read() as connection:
        proofs = await evidence_of(connection, [fall["id"]])
    assert sorted(proof["role"] for proof in proofs[fall["id"]]) == ["clip", "snapshot"]


async def test_a_gap_is_asked_for_then_alerted_then_closed(database: Database) -> None:
    edge = SampleEdge()
    first, lost, third = (edge.incoming(edge.sensor(alarm=False)) for _ in range(3))
    await take(database, first, third)
    patience = GapPatience(ask_after_s=10, ask_again_s=60, alert_after_s=60)
    for second in (0, 11, 12, 70, 71, 140):
        await look(database, later_us(second), patience)
    asked = [row for row in await rows(database, messages) if "/command/replay" in row.topic]
    assert len(asked) == 3  # after 11, 71 and 140 s
    assert json.loads(asked[0].payload)["ranges"] == [
        {"outbox_id": str(edge.outbox_id), "from_sequence": 2, "to_sequence": 2}
    ]
    (alert,) = await rows(database, alerts)
    assert (alert.type, alert.severity, alert.event_id) == ("gap", "warning", None)
    await take(database, lost)
    await look(database, later_us(150), patience)
    assert {row.state for row in await rows(database, alerts)} <= CLOSED


async def test_what_an_edge_dropped_is_no_gap(database: Database) -> None:
    edge = SampleEdge()
    first = edge.incoming(edge.sensor(alarm=False))
    edge.sequence = 40
    await take(database, first, edge.incoming(edge.dropped([(2, 40)])))
    async with database.read() as connection:
        assert await missing(connection) == {str(edge.outbox_id): []}


async def test_the_old_connections_will_does_not_hide_the_new_one(database: Database) -> None:
    old, new = str(uuid4()), str(uuid4())
    for state, connection_id in (("online", old), ("online", new), ("offline", old)):
        content = {"state": state, "connection_id": connection_id, "at": "2026-03-01T08:00:00Z"}
        await take(database, Incoming("watchpost/v1/west/gate-1/status", payload(content)))
    (edge,) = await rows(database, edges)
    assert (edge.state, edge.connection_id) == ("online", new)


async def test_nothing_is_kept_of_a_batch_that_fails(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> int:
        raise RuntimeError("power cut")

    edge = SampleEdge()
    message = edge.incoming(edge.fall())
    with monkeypatch.context() as patched:
        patched.setattr("collector.alert_store.raise_new", fail)
        with pytest.raises(RuntimeError, match="power cut"):
            await take(database, message)
    assert [await count(database, table) for table in (events, received_ranges, alerts)] == [0, 0, 0]
    await take(database, message)
    assert [await count(database, table) for table in (events, received_ranges, alerts)] == [1, 1, 1]


class _Line:
    """A broker's side that only notes; `send` can be made to fail like a process that is killed there."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.confirmed: list[Incoming] = []
        self.killed = False

    def send(self, topic: str, _payload: str) -> None:
        if self.killed:
            raise SystemExit
        self.sent.append(topic)

    def confirm(self, messages: Iterable[Incoming]) -> None:
        self.confirmed.extend(messages)

    def serve_site(self, _site: str) -> None:
        pass


async def test_a_crash_between_commit_and_ack_loses_and_doubles_nothing(database: Database) -> None:
    edge = SampleEdge()
    message = edge.incoming(edge.fall())
    line = _Line()
    intake = Intake(database, line, Pulse(), lambda: NOW)  # type: ignore[arg-type]
    line.killed = True
    with pytest.raises(SystemExit):
        await intake.process([message])
    assert (await count(database, events), line.confirmed) == (1, [])
    line.killed = False
    await intake.process([message])  # not confirmed, so the broker sends it again
    assert line.sent == ["watchpost/v1/west/gate-1/ack"]
    assert line.confirmed == [message]
    assert [await count(database, table) for table in (events, alerts)] == [1, 1]


async def test_a_value_the_database_refuses_does_not_hold_up_the_others(database: Database) -> None:
    edge = SampleEdge()
    poison = edge.sensor(kind="smoke\x00detector")
    line = _Line()
    intake = Intake(database, line, Pulse(), lambda: NOW)  # type: ignore[arg-type]
    batch = [edge.incoming(edge.sensor()), edge.incoming(poison), edge.incoming(edge.sensor())]
    await intake.process(batch)
    assert line.confirmed == batch
    assert await count(database, events) + await count(database, dead_letters) == 3
    assert [row.sequence for row in await rows(database, events)][-1] == 3
