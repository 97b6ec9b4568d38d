"""Reading ahead and confirming together change how often the socket is asked, not what arrives."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from pathlib import Path
from queue import SimpleQueue

import pytest
from paho.mqtt.client import Client, MQTTMessage
from services import Mosquitto

from collector.mqtt import Link, Outgoing
from collector.mqtt_address import BrokerAddress, Protocol
from collector.mqtt_client import ReadAhead, SwiftClient


def test_what_is_read_ahead_comes_out_in_the_pieces_asked_for() -> None:
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        ahead = ReadAhead(near)
        far.sendall(b"abcdefgh")
        assert ahead.recv(1) == b"a"
        assert ahead.pending() == 7
        assert [ahead.recv(3), ahead.recv(100)] == [b"bcd", b"efgh"]
        assert ahead.pending() == 0
        with pytest.raises(BlockingIOError):
            ahead.recv(1)
        far.sendall(b"xy")
        assert ahead.recv(2) == b"xy"


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_only_what_was_not_confirmed_comes_again(mosquitto: Mosquitto, protocol: Protocol) -> None:
    topic, many = f"numbers/{protocol}", 700
    address = BrokerAddress.parse(mosquitto.url, protocol)
    client, heard = _join(address, topic)
    assert isinstance(client.socket(), ReadAhead), "this paho makes its sockets in another way"
    sender = BrokerAddress.parse(mosquitto.url, "5").client("sender", session=False)
    sender.connect("127.0.0.1", mosquitto.port)
    sender.loop_start()
    for number in range(many):
        sender.publish(topic, str(number), qos=1)
    came: list[int] = []
    while len(came) < many:
        some = [heard.get(timeout=60), *(heard.get_nowait() for _ in range(heard.qsize()))]
        came += [int(message.payload) for message in some]
        client.ack_all(message.mid for message in some if int(message.payload) != 3)
    _leave(sender)
    _leave(client)  # what is to be confirmed goes before the goodbye
    client, heard = _join(address, topic)
    again = heard.get(timeout=60)
    time.sleep(0.3)
    _leave(client)
    assert sorted(came) == list(range(many))
    assert (int(again.payload), heard.qsize()) == (3, 0)


def _join(address: BrokerAddress, topic: str) -> tuple[SwiftClient, SimpleQueue[MQTTMessage]]:
    heard: SimpleQueue[MQTTMessage] = SimpleQueue()
    subscribed = threading.Event()
    client = address.client(f"reader-{address.protocol}", session=True)
    client.on_connect = lambda *_: client.subscribe(topic, 1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = lambda _client, _data, message: heard.put(message)
    address.connect(client, session=True)
    assert subscribed.wait(60)
    return client, heard


def _leave(client: Client) -> None:
    client.disconnect()
    client.loop_stop()


async def test_sites_that_somebody_invents_take_no_more_connections_than_there_are_for_sites(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.mqtt.MOST_SITES", 3)
    link = Link(BrokerAddress.parse(mosquitto.url, "5"), "crowded", asyncio.get_running_loop())
    before = threading.active_count()
    for number in range(20):
        link.serve_site(f"site-{number}")
    assert threading.active_count() - before <= 3, "a thread each"
    link.serve_site("site-1")
    await asyncio.to_thread(link.stop)


async def test_a_broker_that_lets_nothing_be_published_is_named_with_its_reason(tmp_path: Path) -> None:
    """It ends the connection after each refusal, without a reason."""
    broker = Mosquitto(tmp_path, users={"collector": "c"}, acl="user collector\ntopic read watchpost/v1/#\n")
    broker.start()
    link = Link(
        BrokerAddress.parse(broker.url.replace("//", "//collector:c@"), "5"), "mute", asyncio.get_running_loop()
    )
    try:
        link.start()
        async with asyncio.timeout(20):
            await link.connected.wait()
            with pytest.raises(ConnectionError):
                await link.publish([Outgoing("watchpost/v1/west/alert/a-1", "{}")])
        assert link.last_error is not None
        assert "Not authorized; check the ACL" in link.last_error
    finally:
        await asyncio.to_thread(link.stop)
        broker.kill()
