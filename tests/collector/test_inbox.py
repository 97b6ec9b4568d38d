"""What waits for the store in the collector's memory is bounded, and what found no room comes later."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest
from collector_process import wait_until
from services import Mosquitto

from collector.messages import Incoming
from collector.mqtt import INBOX_BYTES, Inbox, Link
from collector.mqtt_address import BrokerAddress
from collector.mqtt_client import SwiftClient

_TOPIC = "watchpost/v1/west/gate-1/event/sensor/door"
_LARGE = 250_000
_MANY = 2 * INBOX_BYTES // _LARGE


async def _until(reached: Callable[[], bool]) -> None:
    await asyncio.to_thread(wait_until, reached, 60)


async def _comes_to_rest(inbox: Inbox) -> int:
    """Bytes in it, when for a second no more have come."""
    seen = -1
    async with asyncio.timeout(60):
        while inbox.size_bytes != seen:
            seen = inbox.size_bytes
            await asyncio.sleep(1)
    return seen


@pytest.fixture
async def link(mosquitto: Mosquitto) -> AsyncIterator[Link]:
    """The collector's connection, with nobody who takes what comes."""
    found = Link(BrokerAddress.parse(mosquitto.url, "5"), "collector", asyncio.get_running_loop())
    found.start()
    yield found
    await asyncio.to_thread(found.stop)


@pytest.fixture
async def sender(mosquitto: Mosquitto, link: Link) -> AsyncIterator[SwiftClient]:
    """An edge whom the collector has begun to hear; its first message is in the inbox."""
    client = BrokerAddress.parse(mosquitto.url, "5").client("sender", session=False)
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()
    await asyncio.wait_for(link.connected.wait(), 60)
    client.publish(_TOPIC, b"first", qos=1, retain=True)  # retained: it comes whenever the collector subscribes
    await _until(lambda: len(link.inbox) > 0)
    yield client
    client.disconnect()
    client.loop_stop()


@pytest.mark.services
@pytest.mark.parametrize("qos", [0, 1])
async def test_large_messages_do_not_fill_the_memory_while_the_store_is_away(
    link: Link, sender: SwiftClient, qos: int
) -> None:
    for number in range(_MANY):
        sender.publish(_TOPIC, b"%06d" % number + bytes(_LARGE - 6), qos=qos)
    held = await _comes_to_rest(link.inbox)
    assert INBOX_BYTES <= held <= INBOX_BYTES + len(_TOPIC) + _LARGE
    came: set[bytes] = set()
    async with asyncio.timeout(60):
        while len(came) < _MANY:  # what waited in the network and at the broker
            taken = await link.inbox.take(500)
            link.confirm(taken)
            came |= {message.payload[:6] for message in taken if message.payload != b"first"}
    await _until(lambda: link.inbox.size_bytes == 0)


async def test_a_message_larger_than_all_room_passes_alone() -> None:
    inbox = Inbox(asyncio.get_running_loop(), most_bytes=100)
    sizes = [1000, 1, 1]
    putting = threading.Thread(target=lambda: [inbox.put(Incoming("a", bytes(size))) for size in sizes])
    putting.start()
    taken = await asyncio.wait_for(inbox.take(1), 60)
    taken += await asyncio.wait_for(inbox.take(1), 60)
    await asyncio.to_thread(putting.join, 60)
    assert [len(message.payload) for message in taken] == [1000, 1]
    assert (len(inbox), inbox.size_bytes) == (1, 2)


async def test_who_waits_for_room_is_let_go_at_the_end() -> None:
    inbox = Inbox(asyncio.get_running_loop(), size=1)
    inbox.put(Incoming("a", b""))
    waiting = threading.Thread(target=inbox.put, args=(Incoming("b", b""),), daemon=True)
    waiting.start()
    inbox.close()
    await asyncio.to_thread(waiting.join, 60)
    assert not waiting.is_alive()
    assert len(inbox) == 1
