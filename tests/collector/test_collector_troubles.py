"""The collector as a process when something it needs is away, wrong or frozen, and how it ends then."""

from __future__ import annotations

import hashlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from collector_process import START_TIMEOUT_S, CollectorProcess, MqttPeer, publish, wait_until
from sample_events import SHA, SampleEdge
from services import Mosquitto, PostgreSQL, free_port

from collector.mqtt import publish_retained
from collector.mqtt_address import BrokerAddress
from collector.watchlists import make_list
from contract.acks import Ack
from contract.commands import WatchlistEntry
from contract.envelope import MAX_EVENT_BYTES, join_backlog
from contract.plate_keys import KEY_BYTES, PlateKey
from contract.topics import EdgeTopics

pytestmark = pytest.mark.services
END_WITHIN_S = 10.0
"""After so long Docker kills what it has asked to end; alone on a machine it takes 3 s at most."""

StartCollector = Callable[..., CollectorProcess]


@pytest.fixture
def new_collector(tmp_path: Path) -> Iterator[StartCollector]:
    """`new_collector(mqtt_url, **fields)`: not yet started; killed after the test if it still runs."""
    made: list[CollectorProcess] = []

    def make(mqtt_url: str, **fields: object) -> CollectorProcess:
        made.append(CollectorProcess(tmp_path / f"collector-{len(made)}", mqtt_url, **fields))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for collector in made:
        collector.end(signal.SIGKILL)


@contextmanager
def live_stream(collector: CollectorProcess) -> Iterator[None]:
    """A client that listens to the live stream until the collector ends."""
    connected = threading.Event()

    def listen(token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.stream("GET", f"{collector.url}/api/v1/stream", headers=headers, timeout=60) as answer:
            for _ in answer.iter_lines():
                connected.set()

    client = threading.Thread(target=listen, args=(collector.token("viewer"),))
    client.start()
    assert connected.wait(60)
    yield
    client.join(60)
    assert not client.is_alive()


@contextmanager
def unfinished_upload(collector: CollectorProcess) -> Iterator[None]:
    """An edge that has sent the first half of its evidence and goes on never."""
    head = [
        f"PUT /api/v1/evidence/{SHA} HTTP/1.1",
        "Host: collector",
        f"Authorization: Bearer {collector.token('edge')}",
    ]
    head += ["Content-Type: image/jpeg", "Content-Length: 2000"]
    with socket.create_connection(("127.0.0.1", collector.port)) as edge:
        edge.sendall("\r\n".join([*head, "", "x" * 1000]).encode())
        time.sleep(0.2)
        yield


def trouble(collector: CollectorProcess) -> str:
    return httpx.get(f"{collector.url}/readyz", timeout=60).text


def ends_in_time(collector: CollectorProcess) -> None:
    asked = time.monotonic()
    assert collector.end() == 0
    assert time.monotonic() - asked < END_WITHIN_S
    assert "Traceback" not in collector.log


def test_it_ends_while_its_broker_is_away_and_clients_are_connected(
    running: CollectorProcess, mosquitto: Mosquitto, peer: MqttPeer
) -> None:
    edge = SampleEdge()
    publish(peer, edge, edge.fall())
    wait_until(lambda: peer.on("/west/collector/status"))
    with live_stream(running), unfinished_upload(running), httpx.Client(base_url=running.url) as idle:
        idle.get("/healthz")
        mosquitto.kill()
        wait_until(lambda: "no broker answers" in trouble(running))
        ends_in_time(running)


def test_it_ends_while_its_broker_is_frozen(running: CollectorProcess, mosquitto: Mosquitto, peer: MqttPeer) -> None:
    edge = SampleEdge()
    publish(peer, edge, *(edge.fall() for _ in range(20)))
    assert mosquitto.process is not None
    with live_stream(running):
        mosquitto.process.send_signal(signal.SIGSTOP)
        ends_in_time(running)


def test_it_ends_while_it_waits_for_its_database(new_collector: StartCollector) -> None:
    with socket.socket() as silent:  # takes connections and says nothing
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        silent.settimeout(START_TIMEOUT_S)
        database = f"postgresql://postgres@127.0.0.1:{silent.getsockname()[1]}/watchpost"
        collector = new_collector(f"mqtt://127.0.0.1:{free_port()}", database=database)
        collector.spawn()
        with silent.accept()[0]:  # held open: a connection that is dropped would be another trouble
            ends_in_time(collector)


def test_refused_credentials_are_told_and_tried_again(
    start_mosquitto: Callable[..., Mosquitto], new_collector: StartCollector
) -> None:
    broker = start_mosquitto(users={"collector": "right"})
    collector = new_collector(f"mqtt://collector:wrong@127.0.0.1:{broker.port}")
    collector.launch()
    wait_until(lambda: "refuses the connection: Not authorized; check user name and password" in trouble(collector))
    time.sleep(0.5)  # the broker closes the connection: that must not become the reason
    assert "refuses the connection" in trouble(collector)
    assert httpx.get(f"{collector.url}/healthz", timeout=60).json()["ok"]
    assert "refuses the connection" in collector.log
    assert "wrong" not in collector.log
    broker.stop()
    broker.users["collector"] = "wrong"
    broker.start()
    wait_until(lambda: '"ready":true' in trouble(collector))


def test_tls_to_a_broker_with_its_own_authority(
    start_mosquitto: Callable[..., Mosquitto], new_collector: StartCollector, certificates: Path
) -> None:
    pem = certificates / "cert.pem"
    broker = start_mosquitto(
        users={"collector": "pass/word"}, extra=f"certfile {pem}\nkeyfile {certificates / 'key.pem'}"
    )
    url = f"mqtts://collector:pass%2Fword@localhost:{broker.port}"
    trusting = new_collector(url, options=("--mqtt-ca-file", str(pem)))
    trusting.start()
    ends_in_time(trusting)
    careful = new_collector(url)
    careful.launch()
    wait_until(lambda: "TLS failed" in trouble(careful))
    assert "certificate verify failed" in trouble(careful)
    assert "--mqtt-ca-file" in trouble(careful)


def test_a_ca_file_that_is_none_is_named(certificates: Path) -> None:
    key = certificates / "key.pem"
    line = [sys.executable, "-m", "collector", "run", "--data", str(certificates), "--mqtt-ca-file", str(key)]
    done = subprocess.run([*line, "--mqtt-url", "mqtts://localhost"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "key.pem holds no certificate" in " ".join(done.stderr.split())


def test_events_wait_while_postgresql_is_away_and_arrive_when_it_is_back(
    mosquitto: Mosquitto, peer: MqttPeer, postgresql: PostgreSQL, new_collector: StartCollector
) -> None:
    collector = new_collector(mosquitto.url, database=postgresql.new_database())
    collector.start()
    edge = SampleEdge()
    publish(peer, edge, *(edge.fall() for _ in range(5)))
    wait_until(lambda: acknowledged(peer) == set(range(1, 6)))
    with collector.client("operator") as client:
        client.get("/api/v1/events").raise_for_status()
        postgresql.stop()
        try:
            publish(peer, edge, *(edge.passage(passage_id=f"p{number}") for number in range(20)))
            wait_until(lambda: "the database does not take events" in trouble(collector))
            answer = client.get("/api/v1/events")
            assert (answer.status_code, answer.json()["detail"][:12]) == (503, "the database")
            assert acknowledged(peer) == set(range(1, 6))
        finally:
            postgresql.start()
        wait_until(lambda: acknowledged(peer) == set(range(1, 26)))
        items = client.get("/api/v1/events", params={"order": "sequence"}).json()["items"]
        assert [item["event"]["sequence"] for item in items] == list(range(1, 26))
        wait_until(lambda: len(peer.on("/alert/")) == 25)
        wait_until(lambda: '"ready":true' in trouble(collector))
    assert "Traceback" not in collector.log
    ends_in_time(collector)


def acknowledged(peer: MqttPeer) -> set[int]:
    """Sequence numbers that an edge was told are safe."""
    ranges = [part for ack in peer.on("/ack") for part in ack["ranges"]]
    return {number for part in ranges for number in range(part["from"], part["to"] + 1)}


def test_thousands_of_bad_events_in_one_message_end_nobodys_connection(
    start_mosquitto: Callable[..., Mosquitto], new_collector: StartCollector
) -> None:
    """Each is refused by name: in one answer that were more than a broker takes, which would end it again and again."""
    broker = start_mosquitto(extra="message_size_limit 270000")
    collector = new_collector(broker.url)
    collector.start()
    peer, outbox, many = MqttPeer(broker.port), str(uuid4()), 3000
    bad = (b'{"outboxid": "%s", "sequence": %d}' % (outbox.encode(), number) for number in range(1, many + 1))
    peer.publish("watchpost/v1/west/strange/backlog", join_backlog(bad))
    good = SampleEdge()
    publish(peer, good, good.sensor(alarm=True))
    wait_until(lambda: 1 in acknowledged(peer))

    def acks() -> list[bytes]:
        return [content for topic, content, *_ in peer.heard if topic == "watchpost/v1/west/strange/ack"]

    def refused() -> set[int]:
        return {one.sequence for ack in acks() for one in Ack.model_validate_json(ack).refused}

    wait_until(lambda: refused() == set(range(1, many + 1)))
    assert max(map(len, acks())) <= MAX_EVENT_BYTES
    assert "connecting again" not in collector.log
    peer.stop()


def test_a_watch_list_of_thousands_passes_the_broker_as_it_is_shipped(
    start_mosquitto: Callable[..., Mosquitto],
) -> None:
    """A message that it does not take ends the connection, and all that waits behind it waits for ever."""
    shipped = (Path(__file__).parents[2] / "configs" / "mosquitto.conf").read_text(encoding="utf-8")
    (limit,) = [line for line in shipped.splitlines() if line.startswith("message_size_limit")]
    broker, key = start_mosquitto(extra=limit), PlateKey(b"k" * KEY_BYTES)
    until = datetime.now(UTC) + timedelta(days=1)
    hashes = [hashlib.sha256(b"%d" % number).hexdigest() for number in range(5000)]
    entries = [WatchlistEntry(entry_id=one[:12], exact=one, folded=one, expires=until) for one in hashes]
    content = make_list("list", 1, key, tuple(entries)).model_dump_json(exclude_none=True)
    assert len(content) > 1_000_000
    peer, topic = MqttPeer(broker.port), EdgeTopics("west", "gate-1").watchlist
    publish_retained(BrokerAddress.parse(broker.url, "5"), [(topic, content)])
    wait_until(lambda: [heard for heard in peer.heard if heard[:2] == (topic, content.encode())])
    peer.stop()
