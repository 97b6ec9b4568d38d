"""Delivery against a real Mosquitto."""

from __future__ import annotations

import json
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from peers import Acker, wait_until
from pydantic import ValidationError
from services import Mosquitto, require, wait_for_port

from contract.commands import Command, ConfigDesired, ConfigReported, Reply, Watchlist
from contract.events import EventType, SensorData
from contract.status import Birth, CameraStatus, CollectorStatus, Health
from contract.topics import EdgeTopics, SiteTopics
from edge.clock import SystemClock
from edge.config import BrokerSettings, DeliverySettings
from edge.delivery import Delivery
from edge.errors import DeliveryError, OutboxError
from edge.evidence.files import StoredFile
from edge.evidence.queue import UploadQueue
from edge.link import probe
from edge.outbox import NewEvent, Outbox
from edge.window import Window

pytestmark = pytest.mark.services
TOPICS = EdgeTopics("west", "gate-1")
CLOCK = SystemClock()
NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def sensor_event(number: int = 0, sensor: str = "door") -> NewEvent:
    data = SensorData(sensor=sensor, kind="contact", alarm=False, value=float(number))
    return NewEvent(uuid4(), EventType.SENSOR, "west", "gate-1", sensor, datetime.now(UTC), data)


@dataclass
class StandingClock:
    """Its monotonic time goes on only where a test says so."""

    at_s: float = 0.0

    def now(self) -> float:
        return CLOCK.now()

    def monotonic(self) -> float:
        return self.at_s


@dataclass
class Side:
    """The agent, as delivery sees it."""

    outbox: Outbox
    delivery: Delivery | None = None
    commands: list[Command] = field(default_factory=list)
    watchlists: list[Watchlist] = field(default_factory=list)
    sensor_errors: int = 0

    def birth(self, connection_id: UUID) -> Birth:
        return Birth(
            version="0", contract_version=1, connection_id=connection_id, outbox_id=self.outbox.outbox_id,
            outbox_depth=self.outbox.pending_count(), python="3", machine="test", at=datetime.now(UTC),
        )  # fmt: skip

    def health(self) -> Health:
        now = datetime.now(UTC)
        return Health(
            at=now, uptime_s=1, memory_mb=1, disk_free_mb=1, outbox_depth=0, expires=now + timedelta(minutes=2)
        )

    def on_command(self, command: Command) -> None:
        self.commands.append(command)
        assert self.delivery is not None
        self.delivery.reply(Reply(id=command.id, ok=True, text="done", at=datetime.now(UTC)))

    def on_sensor(self, sensor: str, raw: dict[str, Any]) -> None:
        if self.sensor_errors:
            self.sensor_errors -= 1
            raise OutboxError("the disk is full")
        data = SensorData.model_validate(raw | {"sensor": sensor})
        self.outbox.put(NewEvent(uuid4(), EventType.SENSOR, "west", "gate-1", sensor, datetime.now(UTC), data))

    def on_config(self, desired: ConfigDesired) -> ConfigReported:
        return ConfigReported(revision=desired.revision, state="refused", errors=("no",), at=datetime.now(UTC))

    def on_watchlist(self, payload: bytes) -> None:
        self.watchlists.append(Watchlist.model_validate_json(payload))


@dataclass
class Edge:
    outbox: Outbox
    side: Side
    delivery: Delivery


StartEdge = Callable[..., Edge]


@pytest.fixture
def start_edge(tmp_path: Path) -> Iterator[StartEdge]:
    """`start_edge(url, broker=..., **delivery settings)`; with a real outbox, stopped after the test."""
    running: list[Edge] = []

    def start(url: str, broker: dict[str, Any] | None = None, **settings: Any) -> Edge:
        outbox = Outbox.open(tmp_path / f"outbox-{len(running)}.sqlite3", CLOCK)
        delivery = Delivery(
            BrokerSettings(url=url, **(broker or {})), DeliverySettings(**settings), TOPICS, outbox, CLOCK,
            health_interval_s=0.5, rng=random.Random(7),
        )  # fmt: skip
        edge = Edge(outbox, Side(outbox, delivery), delivery)
        running.append(edge)
        delivery.start(edge.side)
        return edge

    yield start
    for edge in running:
        edge.delivery.stop()
        edge.outbox.close()


@pytest.fixture
def acker(mosquitto: Mosquitto) -> Iterator[Acker]:
    peer = Acker(mosquitto.port, TOPICS)
    yield peer
    peer.stop()


def test_old_events_go_together_to_a_collector_that_takes_that_and_alone_to_any_other(
    mosquitto: Mosquitto, acker: Acker, start_edge: StartEdge
) -> None:
    edge = start_edge(mosquitto.url, live_s=1)
    last = [edge.outbox.put(sensor_event(number)) for number in range(250)][-1]
    wait_until(lambda: edge.outbox.pending_count() == 0, "all are acknowledged")
    assert acker.backlogs == []
    for takes_backlog in (False, True):
        status = CollectorStatus(
            state="online", connection_id=uuid4(), at=datetime.now(UTC), takes_backlog=takes_backlog
        )
        acker.publish(SiteTopics("west").collector_status, status.model_dump_json())
        wait_until(lambda wanted=takes_backlog: edge.delivery._takes_backlog == wanted, "it has heard that")
        seen = len(acker.events)
        time.sleep(1.2)  # until they are older than news
        edge.outbox.mark_replay([(1, last)])
        edge.delivery.look_again()
        wait_until(lambda: edge.outbox.pending_count() == 0, "all are acknowledged again")
        again = acker.events[seen:]
        assert sorted(event.sequence for event in again) == list(range(1, last + 1))
        assert all(event.replayed for event in again)
        assert bool(acker.backlogs) == takes_backlog
    assert sum(acker.backlogs) == last
    assert max(acker.backlogs) == 100


def test_a_backlog_that_the_broker_refuses_goes_event_by_event(tmp_path: Path, start_edge: StartEdge) -> None:
    shipped = (Path(__file__).parents[2] / "configs" / "mosquitto.acl").read_text(encoding="utf-8")
    acl = shipped.replace("pattern write watchpost/v1/+/%u/backlog\n", "") + "user acker\ntopic readwrite #\n"
    assert "backlog" not in acl
    broker = Mosquitto(tmp_path / "broker", users={"gate-1": "box", "acker": "x"}, acl=acl)
    broker.start()
    try:
        acker = Acker(broker.port, TOPICS, password="x")
        password = tmp_path / "password"
        password.write_text("box")
        edge = start_edge(broker.url, {"username": "gate-1", "password_file": str(password)}, ack_timeout_s=1)
        status = CollectorStatus(state="online", connection_id=uuid4(), at=datetime.now(UTC), takes_backlog=True)
        acker.publish(SiteTopics("west").collector_status, status.model_dump_json(), retain=True)
        wait_until(lambda: edge.delivery._takes_backlog, "it has heard that")
        last = [edge.outbox.put(sensor_event(number)) for number in range(30)][-1]
        wait_until(lambda: edge.outbox.pending_count() == 0, "all are acknowledged")
        edge.outbox.mark_replay([(1, last)])
        edge.delivery.look_again()
        wait_until(lambda: edge.outbox.pending_count() == 0, "all are acknowledged again")
        assert acker.backlogs == []
        assert acker.sequences().count(last) >= 2  # more where an acknowledgement took longer than a second
        acker.stop()
    finally:
        broker.kill()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_events_arrive_and_are_forgotten_only_after_the_ack(
    mosquitto: Mosquitto, acker: Acker, start_edge: StartEdge, protocol: str
) -> None:
    acker.acknowledging = False
    edge = start_edge(mosquitto.url, {"protocol": protocol})
    sequences = [edge.outbox.put(sensor_event(number)) for number in range(20)]
    wait_until(lambda: acker.sequences()[:20] == sequences, "all events in order")
    assert edge.outbox.pending_count() == 20
    acker.acknowledge(uuid4(), sequences)  # of another outbox: not ours
    acker.acknowledge(edge.outbox.outbox_id, sequences[:15])
    wait_until(lambda: edge.outbox.pending_count() == 5, "15 are acknowledged")
    acker.acknowledge(edge.outbox.outbox_id, sequences)
    wait_until(lambda: edge.outbox.pending_count() == 0, "all are acknowledged")
    assert {event.outboxid for event in acker.events} == {edge.outbox.outbox_id}
    assert not any(event.replayed for event in acker.events)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_status_birth_health_and_stopping(
    mosquitto: Mosquitto, acker: Acker, start_edge: StartEdge, protocol: str
) -> None:
    edge = start_edge(mosquitto.url, {"protocol": protocol})
    edge.delivery.set_camera_status("cam", CameraStatus(state="up", since=datetime.now(UTC)))
    wait_until(lambda: acker.last(TOPICS.health), "health")
    wait_until(lambda: acker.last(TOPICS.camera_status("cam")), "camera status")
    status, birth = acker.last(TOPICS.status), acker.last(TOPICS.birth)
    assert status is not None
    assert birth is not None
    assert (status["state"], status["connection_id"]) == ("online", birth["connection_id"])
    edge.delivery.stop()
    wait_until(lambda: (acker.last(TOPICS.status) or {})["state"] == "stopping", "stopping is said")


def test_a_killed_connection_leaves_the_will(mosquitto: Mosquitto, acker: Acker, start_edge: StartEdge) -> None:
    edge = start_edge(mosquitto.url, {"protocol": "3.1.1"})
    wait_until(lambda: acker.last(TOPICS.status), "online")
    online = acker.last(TOPICS.status)
    assert online is not None
    sock = edge.delivery._link._client.socket()
    assert sock is not None
    sock.shutdown(2)

    def states() -> list[tuple[str, str]]:
        return [(body["state"], body["connection_id"]) for topic, body, _ in acker.others if topic == TOPICS.status]

    wait_until(lambda: ("offline", online["connection_id"]) in states(), "offline")
    wait_until(lambda: len({connection for _, connection in states()}) == 2, "online again")
    assert states()[-1][0] == "online" or states()[-2][0] == "online"


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize("wiped", [False, True])
def test_a_broker_restart_in_the_middle_loses_nothing(
    mosquitto: Mosquitto, acker: Acker, start_edge: StartEdge, protocol: str, wiped: bool
) -> None:
    edge = start_edge(mosquitto.url, {"protocol": protocol}, ack_timeout_s=1)
    stop = threading.Event()

    def produce() -> None:
        for number in range(300):
            edge.outbox.put(sensor_event(number))
            stop.wait(0.003)

    producer = threading.Thread(target=produce)
    producer.start()
    wait_until(lambda: len(acker.events) > 30, "some events came")
    mosquitto.kill()
    if wiped:
        mosquitto.wipe()
    stop.wait(0.2)
    mosquitto.start()
    producer.join()
    wait_until(lambda: edge.outbox.pending_count() == 0, "all acknowledged")
    assert set(acker.sequences()) == set(range(1, 301))
    assert edge.outbox.last_sequence() == 300


def test_a_lost_ack_makes_the_event_come_again(mosquitto: Mosquitto, acker: Acker, start_edge: StartEdge) -> None:
    acker.acknowledging = False
    edge = start_edge(mosquitto.url, ack_timeout_s=0.3)
    edge.outbox.put(sensor_event())
    wait_until(lambda: acker.events, "the event")
    acker.acknowledging = True
    wait_until(lambda: edge.outbox.pending_count() == 0, "sent again and acknowledged")
    assert acker.sequences()[:2] == [1, 1]
    assert set(acker.sequences()) == {1}


def test_live_events_overtake_the_backlog(mosquitto: Mosquitto, start_edge: StartEdge, tmp_path: Path) -> None:
    past = Outbox.open(tmp_path / "outbox-0.sqlite3", YesterdayClock())
    for number in range(2000):
        past.database.submit(lambda connection, number=number: _raw_insert(connection, number))
    past.close()
    acker = Acker(mosquitto.port, TOPICS, acknowledging=False)
    edge = start_edge(mosquitto.url, ack_timeout_s=120)
    wait_until(lambda: len(acker.events) == 400, "as much of the backlog as may be under way")
    live = edge.outbox.put(sensor_event(1))
    wait_until(lambda: len(acker.events) == 401, "the live event goes while the backlog waits")
    assert acker.sequences()[-1] == live
    acker.acknowledging = True
    acker.acknowledge(edge.outbox.outbox_id, acker.sequences())
    wait_until(lambda: edge.outbox.pending_count() == 0, "all acknowledged")
    acker.stop()
    order = acker.sequences()
    assert sorted(order) == list(range(1, 2002))
    assert [event.sequence for event in acker.events if not event.replayed] == [live]
    assert [number for number in order if number != live] == list(range(1, 2001))


class YesterdayClock(SystemClock):
    def now(self) -> float:
        return super().now() - 86_400


def _raw_insert(connection: Any, number: int) -> None:
    event = sensor_event(number)
    connection.execute(
        "INSERT INTO event (id, type, source, created_s, worth, body) VALUES (?, ?, ?, ?, 3, ?)",
        (str(event.id), "sensor", event.source, YesterdayClock().now(), event.body()),
    )


def test_at_most_the_window_is_unacknowledged(mosquitto: Mosquitto, acker: Acker, start_edge: StartEdge) -> None:
    acker.acknowledging = False
    edge = start_edge(mosquitto.url, max_unacknowledged=10)
    for number in range(30):
        edge.outbox.put(sensor_event(number))
    wait_until(lambda: len(acker.events) == 10, "the window's worth")
    edge.outbox.put(sensor_event(99))
    threading.Event().wait(0.3)
    assert len(acker.events) == 10
    acker.acknowledge(edge.outbox.outbox_id, list(range(1, 11)))
    wait_until(lambda: len(acker.events) == 20, "the next ones")


def test_a_live_event_does_not_wait_for_those_under_way(tmp_path: Path) -> None:
    """Who looks again from the beginning finds them first."""
    outbox = Outbox.open(tmp_path / "outbox.sqlite3", CLOCK)
    window = Window(outbox, StandingClock(), random.Random(1), size=10, ack_timeout_s=20, live_s=60)
    for number in range(6):
        outbox.put(sensor_event(number))
    assert len(window.take(10)) == 6
    window.rescan()
    new = [outbox.put(sensor_event(number)) for number in range(6)]
    assert [one.event.sequence for one in window.take(3)] == new[:3]
    window.rescan()
    assert [one.event.sequence for one in window.take(10)] == new[3:4], "and no more than the window holds"
    outbox.close()


def test_when_the_collector_is_back_edges_do_not_come_all_at_once(tmp_path: Path) -> None:
    """Each sends what is unanswered at a moment of its own within two seconds: a herd would be the next outage."""
    first_s: list[float] = []
    for edge in range(40):
        outbox, clock = Outbox.open(tmp_path / f"{edge}.db", CLOCK), StandingClock()
        window = Window(outbox, clock, random.Random(edge), size=500, ack_timeout_s=20, live_s=60)
        outbox.put(sensor_event())
        assert len(window.take(10)) == 1
        window.reached_broker(1)
        window.hurry(2.0)
        while not window.take(10):
            clock.at_s += 0.02
        first_s.append(clock.at_s)
        outbox.close()
    assert max(first_s) <= 2.02
    by_half_second = Counter(int(at_s / 0.5) for at_s in first_s)
    assert max(by_half_second.values()) <= 20
    assert len(by_half_second) >= 4


@pytest.mark.parametrize("state", ["online", "offline"])
def test_evidence_is_offered_again_to_a_collector_that_came_or_went(
    mosquitto: Mosquitto, acker: Acker, start_edge: StartEdge, tmp_path: Path, state: str
) -> None:
    """Whichever comes first, its request or its `online`: it may have been restored from a backup."""
    edge = start_edge(mosquitto.url)
    uploads = UploadQueue(edge.outbox.database)
    file = StoredFile("a" * 64, tmp_path / "a.jpg", "snapshot", "image/jpeg", 1)
    event = sensor_event()
    edge.outbox.put(NewEvent(event.id, event.event_type, "west", "gate-1", "door", NOW, event.data, files=(file,)))
    wait_until(lambda: edge.outbox.pending_count() == 0, "it is acknowledged")

    def offered() -> bool:
        uploads.mark_uploaded(file.sha256)
        edge.outbox.mark_replay([(1, 1)])
        return uploads.waiting_count() == 1

    assert [offered(), offered()] == [True, False]
    status = {"state": state, "connection_id": str(uuid4()), "at": "2026-03-01T08:00:00Z"}
    acker.publish(SiteTopics("west").collector_status, json.dumps(status), retain=True)
    wait_until(offered, "it has heard that")
    assert not offered()


def test_a_refused_event_is_not_sent_again(mosquitto: Mosquitto, acker: Acker, start_edge: StartEdge) -> None:
    acker.refuse = {2}
    edge = start_edge(mosquitto.url, ack_timeout_s=0.2)
    for number in range(3):
        edge.outbox.put(sensor_event(number))
    wait_until(lambda: edge.outbox.pending_count() == 0, "two acked, one refused")
    assert [event.state for event in edge.outbox.events()] == [1, 2, 1]


def test_confirm_broker_needs_no_collector(mosquitto: Mosquitto, start_edge: StartEdge) -> None:
    edge = start_edge(mosquitto.url, confirm="broker")
    for number in range(5):
        edge.outbox.put(sensor_event(number))
    wait_until(lambda: edge.outbox.pending_count() == 0, "the broker's word is enough")


def test_sensor_messages_become_events(mosquitto: Mosquitto, acker: Acker, start_edge: StartEdge) -> None:
    edge = start_edge(mosquitto.url)
    wait_until(lambda: acker.last(TOPICS.birth), "online")
    acker.publish(TOPICS.sensor("smoke-3"), '{"kind": "smoke", "alarm": true, "value": 7.5, "unit": "%"}')
    wait_until(lambda: acker.events, "the event")
    assert acker.events[0].data["sensor"] == "smoke-3"
    assert acker.events[0].type == "watchpost.sensor.v1"
    acker.publish(TOPICS.sensor("smoke-3"), "{nonsense")
    wait_until(lambda: edge.delivery.problem is not None, "the bad message is told")
    assert "smoke-3 refused" in str(edge.delivery.problem)
    acker.publish(TOPICS.sensor("smoke-3"), '{"kind": "smoke"}')
    wait_until(lambda: "alarm: Field required" in str(edge.delivery.problem), "what is missing is told")
    for odd in ('"\\ud800"', "[" * 400 + "]" * 400, "[" * 100_000):
        acker.publish(TOPICS.sensor("smoke-4"), f'{{"kind": "smoke", "alarm": true, "more": {odd}}}')
        wait_until(lambda: "smoke-4 refused" in str(edge.delivery.problem), "what is no text is told")
        acker.publish(TOPICS.sensor("smoke-3"), '{"kind": "smoke"}')
        wait_until(lambda: "alarm: Field required" in str(edge.delivery.problem), "and delivery goes on")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_sensor_that_says_too_much_holds_up_nobody(
    start_mosquitto: Callable[..., Mosquitto], start_edge: StartEdge, protocol: str
) -> None:
    """A broker that takes no larger messages ends the connection: again and again, if such an event waits."""
    broker = start_mosquitto(extra="message_size_limit 270000")
    acker = Acker(broker.port, TOPICS)
    try:
        edge = start_edge(broker.url, {"protocol": protocol})
        wait_until(lambda: acker.last(TOPICS.birth), "online")
        acker.publish(TOPICS.sensor("smoke-3"), json.dumps({"kind": "smoke", "alarm": True, "text": "x" * 269_900}))
        wait_until(lambda: "smoke-3 refused" in str(edge.delivery.problem), "that is told")
        assert "more than the 261888 that an event may have" in str(edge.delivery.problem)
        edge.outbox.put(sensor_event(1))
        wait_until(lambda: acker.events, "others are delivered")
        assert edge.outbox.last_sequence() == 1
    finally:
        acker.stop()


def test_a_sensor_message_that_cannot_be_stored_stays_with_the_broker(
    mosquitto: Mosquitto, acker: Acker, start_edge: StartEdge
) -> None:
    edge = start_edge(mosquitto.url, {"protocol": "3.1.1"})
    wait_until(lambda: acker.last(TOPICS.birth), "online")
    edge.side.sensor_errors = 10**6
    acker.publish(TOPICS.sensor("smoke-3"), '{"kind": "smoke", "alarm": true}')
    wait_until(lambda: edge.delivery.problem == "the disk is full", "refused for now")
    edge.side.sensor_errors = 0
    edge.delivery._untaken.clear()  # as if this program had ended
    sock = edge.delivery._link._client.socket()
    assert sock is not None
    sock.shutdown(2)
    wait_until(lambda: acker.events, "delivered again after the reconnect")


@pytest.mark.parametrize("qos", [0, 1])
def test_a_sensor_message_is_taken_when_there_is_room_again(
    mosquitto: Mosquitto, acker: Acker, start_edge: StartEdge, qos: int
) -> None:
    """Without waiting for the connection to break: it may last for days, and this may be a smoke alarm."""
    edge = start_edge(mosquitto.url)
    wait_until(lambda: acker.last(TOPICS.birth), "online")
    edge.side.sensor_errors = 2
    for alarm in ("true", "false"):
        acker.publish(TOPICS.sensor("smoke-3"), f'{{"kind": "smoke", "alarm": {alarm}}}', qos=qos)
    wait_until(lambda: len(acker.events) == 2, "delivered on the same connection")
    assert edge.side.sensor_errors == 0
    assert [event.data["alarm"] for event in acker.events] == [True, False], "in their order"
    assert not edge.delivery._untaken


def command(name: str, seconds_left: float = 60, identity: str = "c-1") -> str:
    now = datetime.now(UTC)
    return Command.model_validate(
        {"id": identity, "name": name, "issued_at": now, "expires": now + timedelta(seconds=seconds_left)}
    ).model_dump_json()


def test_commands_are_done_once_and_not_after_their_time(
    mosquitto: Mosquitto, acker: Acker, start_edge: StartEdge
) -> None:
    edge = start_edge(mosquitto.url)
    wait_until(lambda: acker.last(TOPICS.birth), "online")
    acker.publish(TOPICS.command("test-event"), command("test-event"))
    acker.publish(TOPICS.command("test-event"), command("test-event"))
    acker.publish(TOPICS.command("snapshot"), command("snapshot", seconds_left=-5, identity="c-2"))
    wait_until(lambda: acker.last(TOPICS.reply("c-2")), "the late one is answered")
    assert [one.id for one in edge.side.commands] == ["c-1"]
    late = acker.last(TOPICS.reply("c-2"))
    assert late is not None
    assert late["ok"] is False
    assert "expired" in late["text"]
    assert (acker.last(TOPICS.reply("c-1")) or {})["ok"] is True


def test_config_and_watchlist_are_handed_over(mosquitto: Mosquitto, acker: Acker, start_edge: StartEdge) -> None:
    desired = ConfigDesired(revision=3, sha256="0" * 64, config={"site": "west"})
    acker.publish(TOPICS.config_desired, desired.model_dump_json(), retain=True)
    acker.publish(TOPICS.watchlist, Watchlist(list_id="l", revision=1, key_id="k", entries=()).model_dump_json(), True)
    edge = start_edge(mosquitto.url)
    wait_until(lambda: acker.last(TOPICS.config_reported), "reported")
    assert (acker.last(TOPICS.config_reported) or {})["revision"] == 3
    wait_until(lambda: edge.side.watchlists, "watch list")


def test_bad_credentials_are_told_and_nothing_is_lost(
    start_mosquitto: Callable[..., Mosquitto], start_edge: StartEdge, tmp_path: Path
) -> None:
    broker = start_mosquitto(users={"gate-1": "right"})
    secret = tmp_path / "password"
    secret.write_text("wrong\n")
    settings = {"username": "gate-1", "password_file": str(secret)}
    edge = start_edge(broker.url, settings, confirm="broker")
    edge.outbox.put(sensor_event())
    wait_until(lambda: edge.delivery.problem, "told")
    assert "refuses us" in str(edge.delivery.problem)
    assert "broker.username" in str(edge.delivery.problem)
    with pytest.raises(DeliveryError, match="refuses us"):
        probe(BrokerSettings.model_validate({"url": broker.url} | settings))
    secret.write_text("right\n")
    wait_until(lambda: edge.outbox.pending_count() == 0, "delivered once the password is right")
    probe(BrokerSettings.model_validate({"url": broker.url} | settings))


def test_a_broker_that_is_not_there_is_told(start_edge: StartEdge) -> None:
    edge = start_edge("mqtt://127.0.0.1:9")
    edge.outbox.put(sensor_event())
    wait_until(lambda: edge.delivery.problem, "told")
    assert "not reached" in str(edge.delivery.problem)
    edge.delivery.stop()
    assert edge.outbox.pending_count() == 1


def test_two_agents_with_one_identity_are_told(mosquitto: Mosquitto, acker: Acker, start_edge: StartEdge) -> None:
    first = start_edge(mosquitto.url)
    wait_until(lambda: first.delivery.connected, "the first is online")
    assert first.delivery.problem is None
    second = start_edge(mosquitto.url)
    wait_until(
        lambda: any("another agent is online as west/gate-1" in str(one.delivery.problem) for one in (first, second)),
        "told",
    )


def test_tls_with_a_password(
    start_mosquitto: Callable[..., Mosquitto], start_edge: StartEdge, certificates: Path
) -> None:
    pem = certificates / "cert.pem"
    broker = start_mosquitto(users={"gate-1": "secret"}, extra=f"certfile {pem}\nkeyfile {certificates / 'key.pem'}")
    (certificates / "password").write_text("secret")
    url = broker.url.replace("mqtt://", "mqtts://")
    with pytest.raises(DeliveryError, match="TLS failed"):
        probe(BrokerSettings(url=url))
    settings = {"username": "gate-1", "password_file": str(certificates / "password"), "ca_file": str(pem)}
    edge = start_edge(url, settings, confirm="broker")
    for number in range(50):
        edge.outbox.put(sensor_event(number))
    wait_until(lambda: edge.outbox.pending_count() == 0, "delivered over TLS")


def test_the_shipped_acl_keeps_edges_apart(
    start_mosquitto: Callable[..., Mosquitto], start_edge: StartEdge, tmp_path: Path
) -> None:
    acl = (Path(__file__).parents[2] / "configs" / "mosquitto.acl").read_text()
    broker = start_mosquitto(users={"gate-1": "one", "gate-2": "two"}, acl=acl)
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    own = start_edge(broker.url, {"username": "gate-1", "password_file": str(tmp_path / "one")}, confirm="broker")
    own.outbox.put(sensor_event())
    wait_until(lambda: own.outbox.pending_count() == 0, "its own name is admitted")
    own.delivery.stop()
    false = start_edge(broker.url, {"username": "gate-2", "password_file": str(tmp_path / "two")}, confirm="broker")
    false.outbox.put(sensor_event())
    wait_until(lambda: "check its ACL" in str(false.delivery.problem), "another's name is refused and told")
    told = [str(false.delivery.problem)]
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:  # the broker cuts us off and lets us in again; the cause stays what is told
        told.append(str(false.delivery.problem))
    assert all("check its ACL" in problem for problem in told)
    assert false.outbox.pending_count() == 1


def test_the_shipped_configuration_starts_mosquitto(tmp_path: Path, certificates: Path) -> None:
    shipped = (Path(__file__).parents[2] / "configs" / "mosquitto.conf").read_text()
    broker = Mosquitto(tmp_path / "shipped", users={"gate-1": "one"}, acl="user gate-1\n")
    broker.folder.mkdir()
    passwords = broker._password_file()
    (broker.folder / "acl").write_text(broker.acl)
    for there, here in (
        ("/etc/mosquitto/certs/broker.pem", certificates / "cert.pem"),
        ("/etc/mosquitto/certs/broker.key", certificates / "key.pem"),
        ("/etc/mosquitto/watchpost.passwords", passwords),
        ("/etc/mosquitto/watchpost.acl", broker.folder / "acl"),
        ("/var/lib/mosquitto/", f"{broker.folder}/"),
        ("listener 8883", f"user root\nlistener {broker.port} 127.0.0.1"),
    ):
        assert there in shipped
        shipped = shipped.replace(there, str(here))
    config = broker.folder / "mosquitto.conf"
    config.write_text(shipped)
    process = subprocess.Popen([require("mosquitto"), "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        wait_for_port(broker.port, process)
    finally:
        process.kill()
        process.wait()


def test_payloads_are_cloudevents(mosquitto: Mosquitto, acker: Acker, start_edge: StartEdge) -> None:
    edge = start_edge(mosquitto.url)
    edge.outbox.put(sensor_event(4))
    wait_until(lambda: acker.events, "the event")
    event = acker.events[0]
    assert (event.specversion, event.source, event.event_type) == ("1.0", "/west/gate-1/door", EventType.SENSOR)
    assert json.loads(event.model_dump_json())["data"]["value"] == 4.0
    with pytest.raises(ValidationError):
        SensorData.model_validate({"sensor": "x"})
