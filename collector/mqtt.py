"""The broker's side: paho on its own thread, confirmations by hand, publishing that can be awaited.

A message is confirmed to the broker (PUBACK) only by `confirm`, after the store has committed. What the broker sends is
bounded: by the receive maximum in MQTT 5, and in every protocol by `Inbox`, which makes paho's thread wait.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import ssl
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any, Literal
from uuid import uuid4

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from pydantic import ValidationError

from collector.messages import Incoming
from collector.mqtt_address import BrokerAddress
from contract.status import CollectorStatus
from contract.topics import (
    BACKLOG_OF_ALL,
    BIRTH_OF_ALL,
    CAMERA_STATUS_OF_ALL,
    CONFIG_REPORTED_OF_ALL,
    EVENTS_OF_ALL,
    HEALTH_OF_ALL,
    POSITIONS_OF_ALL,
    STATUS_OF_ALL,
    SiteTopics,
)

log = logging.getLogger(__name__)

EVENTS = ((EVENTS_OF_ALL, 1), (BACKLOG_OF_ALL, 1))
SHARE = "$share/collectors/"
"""Before a topic: the broker gives each message to one of the collectors."""
STATES = (
    (STATUS_OF_ALL, 1),
    (BIRTH_OF_ALL, 1),
    (CAMERA_STATUS_OF_ALL, 1),
    (CONFIG_REPORTED_OF_ALL, 1),
    (HEALTH_OF_ALL, 0),
    (POSITIONS_OF_ALL, 0),
)
OWN_STATUS = "/collector/status"
INBOX_SIZE = 4000
"""Messages: enough for eight batches, and a bound on what each costs beside its bytes."""
INBOX_BYTES = 64 * 1024 * 1024
"""A broker passes 256 KiB in one message: 4,000 of those, while the database is away, would be a gigabyte."""
TAKEN_BYTES = 500_000
"""About as much as 500 single events: a transaction stays short, or live events would wait behind it."""
MOST_SITES = 250
"""Each has a connection of its own, with a thread and three descriptors: a box that means harm may invent sites."""
CONFIRM_TIMEOUT_S = 10.0
LEAVE_TIMEOUT_S = 1.5


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be published with QoS 1."""

    topic: str
    payload: str
    retain: bool = False
    expires_in_s: int | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What confirms a message: only on the connection that brought it."""

    connection: int
    message_id: int
    qos: int


class Inbox:
    """Hands messages from paho's thread to the event loop, in batches.

    Takes no more while it holds `size` messages or `most_bytes` of them, so it exceeds the latter by one at most.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, size: int = INBOX_SIZE, most_bytes: int = INBOX_BYTES) -> None:
        self._loop = loop
        self._messages: deque[Incoming] = deque()
        self._size = size
        self._most_bytes = most_bytes
        self._held = 0
        self._held_bytes = 0
        self._room = threading.Condition()
        self._filled = asyncio.Event()
        self._woken = False
        self._closed = False

    def put(self, message: Incoming) -> None:
        """From paho's thread; waits while the inbox is full, so that the broker has to wait too."""
        with self._room:
            while not self._closed and (self._held >= self._size or self._held_bytes >= self._most_bytes):
                self._room.wait()
            if self._closed:
                return
            self._held += 1
            self._held_bytes += _size_of(message)
        self._messages.append(message)
        if not self._woken and not self._loop.is_closed():  # once for all that come while the loop is busy
            self._woken = True
            self._loop.call_soon_threadsafe(self._filled.set)

    async def take(self, most: int, most_bytes: int = TAKEN_BYTES) -> list[Incoming]:
        """The next 1 to `most` messages, in the order of arrival; fewer where they are large."""
        while not self._messages:
            self._filled.clear()
            self._woken = False
            if not self._messages:
                await self._filled.wait()
        taken: list[Incoming] = []
        room = most_bytes
        while self._messages and len(taken) < most and room > 0:
            taken.append(self._messages.popleft())
            room -= len(taken[-1].payload)
        with self._room:
            self._held -= len(taken)
            self._held_bytes -= sum(map(_size_of, taken))
            self._room.notify_all()
        return taken

    def close(self) -> None:
        """Let a waiting thread go; what it wanted to put was not confirmed and comes again."""
        with self._room:
            self._closed = True
            self._room.notify_all()

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def size_bytes(self) -> int:
        """Topics and payloads of what is held."""
        return self._held_bytes


def _size_of(message: Incoming) -> int:
    return len(message.topic) + len(message.payload)


class Link:
    """The collector's connection to the broker."""

    def __init__(
        self, address: BrokerAddress, client_id: str, loop: asyncio.AbstractEventLoop, *, share: bool = False
    ) -> None:
        """With `share` others take events too. Then the broker must not keep them for us when we are gone."""
        self.address = address
        self._share = share
        self.inbox = Inbox(loop)
        self.connected = asyncio.Event()
        self.last_error: str | None = None
        self._loop = loop
        self._connection = 0
        self._refused = False
        self._subscribed = threading.Event()
        self._confirmed: set[int | None] = set()
        """Numbers of the messages that the broker has confirmed since the last `publish` began."""
        self._heard = asyncio.Event()
        self._client_id = client_id
        self._presences: dict[str, Presence] = {}
        self._too_many = False
        self._client = address.client(client_id, session=not share)
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.on_taken = self._on_taken
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe

    def start(self) -> None:
        """Begin to connect; a broker that is not there yet is waited for."""
        self.address.connect(self._client, session=not self._share)

    def stop(self) -> None:
        """Say goodbye for every site and disconnect. Blocks for at most `LEAVE_TIMEOUT_S`: call it from a thread.

        All connections leave at the same time, and one whose broker does not answer is left behind: its thread is a
        daemon, so it does not keep the process.
        """
        self.inbox.close()
        farewells = [*(presence.stop for presence in self._presences.values()), self._leave]
        threads = [threading.Thread(target=farewell, daemon=True) for farewell in farewells]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + LEAVE_TIMEOUT_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in threads):
            log.warning("%s did not answer the goodbye within %g s; left without it", self.address, LEAVE_TIMEOUT_S)

    def _leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def serve_site(self, site: str) -> None:
        """Show on `collector/status` of this site that its collector is there; of too many sites only of the first.

        Edges of the others are acknowledged as well, and hear later that a collector was away.
        """
        if len(self._presences) >= MOST_SITES and site not in self._presences:
            if not self._too_many:
                log.error(
                    "site %s, and others after it: edges cannot see that a collector is there; for %d sites they"
                    " can. Are these sites yours?",
                    site,
                    MOST_SITES,
                )
            self._too_many = True
        elif site not in self._presences:
            self._presences[site] = Presence(self.address, f"{self._client_id}-{site}", site)
            if self._subscribed.is_set():
                self._presences[site].show()

    def confirm(self, messages: Iterable[Incoming]) -> None:
        """Tell the broker that these messages are ours now (PUBACK)."""
        receipts = [message.receipt for message in messages if isinstance(message.receipt, Receipt)]
        connection = self._connection
        self._client.ack_all(one.message_id for one in receipts if one.qos > 0 and one.connection == connection)

    def send(self, topic: str, payload: str) -> None:
        """Publish without waiting; given up when not connected, because then nothing was confirmed either."""
        if self.connected.is_set():
            self._client.publish(topic, payload, qos=1)

    async def publish(self, messages: Sequence[Outgoing]) -> int:
        """Publish in this order and return how many of the first ones the broker has confirmed: all, or some by now.

        One caller at a time. Raises ConnectionError when it has confirmed none.
        """
        self._confirmed.clear()
        sent: list[int | None] = []
        with self._client.together():
            sent += [self._publish(message) for message in messages if self.connected.is_set()]
        try:
            async with asyncio.timeout(CONFIRM_TIMEOUT_S):
                while self.connected.is_set() and not self._confirmed.issuperset(sent):
                    self._heard.clear()
                    if not self._confirmed.issuperset(sent):
                        await self._heard.wait()
        except TimeoutError:
            log.warning("%s has not confirmed all messages within %g s", self.address, CONFIRM_TIMEOUT_S)
        done = next((place for place, mid in enumerate(sent) if mid not in self._confirmed), len(sent))
        if messages and done == 0:
            raise ConnectionError(f"{self.address} does not confirm what is published")
        return done

    def _publish(self, message: Outgoing) -> int | None:
        """Hand it to the client at once, so that messages leave in their order; its number, None when not taken."""
        properties = None
        if message.expires_in_s is not None and self.address.protocol == "5":
            properties = _expiry(message.expires_in_s)
        sent = self._client.publish(message.topic, message.payload, 1, message.retain, properties)
        return sent.mid if sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    def _on_connect(
        self, client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        if reason.is_failure:
            self._refused = True
            self.last_error = f"{self.address} refuses the connection: {reason}; check user name and password"
            log.error("%s; trying again", self.last_error)
            return
        self._refused = False
        self.last_error = None
        self._connection += 1
        prefix = SHARE if self._share else ""
        client.subscribe([*((prefix + topic, qos) for topic, qos in EVENTS), *STATES])
        log.info("connected to %s (MQTT %s)", self.address, self.address.protocol)
        self._call(self.connected.set)

    def _on_subscribe(self, _client: Client, _data: object, _mid: int, _reasons: object, _more: object) -> None:
        """Only now an event reaches us: edges that hear of it send again what nobody has heard."""
        self._subscribed.set()
        for presence in tuple(self._presences.values()):
            presence.show()

    def _on_connect_fail(self, _client: Client, _data: object) -> None:
        error = sys.exc_info()[1]  # paho calls from where it has caught it, and gives it in no other way
        if isinstance(error, ssl.SSLError):
            self.last_error = f"{self.address}: TLS failed ({error}); check --mqtt-ca-file and the broker's name"
        else:
            self.last_error = f"no broker answers at {self.address} ({error})"
        log.warning("%s; trying again", self.last_error)

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: DisconnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        if reason.is_failure and not self._refused:  # after a refusal this says nothing new
            self.last_error = f"the connection to {self.address} ended: {reason}"
            log.warning("%s; connecting again", self.last_error)
        self._subscribed.clear()
        self._call(self.connected.clear)
        self._call(self._heard.set)  # nothing more comes for what waits

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._on_taken(message.topic, bytes(message.payload), message.mid, message.qos)

    def _on_taken(self, topic: str, payload: bytes, message_id: int, qos: int) -> None:
        incoming = Incoming(topic, payload, Receipt(self._connection, message_id, qos))
        if topic.endswith(OWN_STATUS):  # `collector` stands where an edge's name would: this is from ourselves
            self.confirm([incoming])
            return
        self.inbox.put(incoming)

    def _on_publish(
        self, _client: Client, _data: object, mid: int, reason: ReasonCode, _more: Properties | None
    ) -> None:
        if reason.is_failure:  # some brokers end the connection after it, without another word
            self._refused = True
            self.last_error = (
                f"{self.address} refuses what is published: {reason}; check the ACL of the collector's user"
            )
            log.error("%s; trying again", self.last_error)
            return
        self._confirmed.add(mid)
        if not self._heard.is_set():
            self._call(self._heard.set)

    def _call(self, function: Any, *arguments: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)


@functools.lru_cache(maxsize=64)  # made once for all messages of a second: paho takes long for it
def _expiry(seconds: int) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.MessageExpiryInterval = seconds
    return properties


class Presence:
    """`collector/status` of one site, retained. A connection has only one will, so each site has a small connection."""

    def __init__(self, address: BrokerAddress, client_id: str, site: str) -> None:
        self._topic = SiteTopics(site).collector_status
        self._connection_id = uuid4()
        self._shown = False
        self._client = address.client(client_id, session=False)
        self._client.will_set(self._topic, self._payload("offline"), qos=1, retain=True)
        self._client.on_connect = self._announce
        self._client.on_message = self._on_status
        address.connect(self._client, session=False)

    def show(self) -> None:
        """Say that events are heard, from now on. Said again after each subscription: edges take notice each time."""
        self._shown = True
        if self._client.is_connected():
            self._say_online()

    def stop(self) -> None:
        """Say that the collector goes, and go."""
        if self._client.is_connected():
            sent = self._client.publish(self._topic, self._payload("offline"), qos=1, retain=True)
            if sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:  # otherwise the connection has just ended: the will says it
                sent.wait_for_publish(LEAVE_TIMEOUT_S / 2)
        self._client.disconnect()
        self._client.loop_stop()

    def _announce(
        self, client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        if reason.is_failure:
            return
        client.subscribe(self._topic, 1)
        if self._shown:
            self._say_online()

    def _on_status(self, client: Client, _data: object, message: MQTTMessage) -> None:
        """Another collector of this site, or an earlier run of this one, is gone; we are not.

        Edges hear that and send again what only it may have had.
        """
        client.ack(message.mid, message.qos)
        try:
            status = CollectorStatus.model_validate_json(message.payload)
        except ValidationError:
            return  # whoever wrote that, it is not about us
        if status.state == "offline" and status.connection_id != self._connection_id and self._shown:
            self._say_online()

    def _say_online(self) -> None:
        self._client.publish(self._topic, self._payload("online"), qos=1, retain=True)

    def _payload(self, state: Literal["online", "offline"]) -> str:
        now = datetime.now(UTC)
        status = CollectorStatus(state=state, connection_id=self._connection_id, at=now, takes_backlog=True)
        return status.model_dump_json()


def publish_retained(address: BrokerAddress, messages: Sequence[tuple[str, str]], timeout_s: float = 10.0) -> None:
    """Publish retained messages (topic, payload) over a connection of its own; returns when the broker has them.

    Raises ConnectionError: nobody answers, or the broker refuses us or a message.
    """
    client = address.client(f"watchpost-admin-{uuid4().hex[:8]}", session=False)
    told: SimpleQueue[str | None] = SimpleQueue()
    client.on_connect = lambda _client, _data, _flags, reason, _more: told.put(_refusal(reason))
    client.on_connect_fail = lambda _client, _data: told.put(f"no broker answers ({sys.exc_info()[1]})")
    client.on_publish = lambda _client, _data, _mid, reason, _more: told.put(_refusal(reason))
    address.connect(client, session=False)
    try:
        _expect(address, told, timeout_s)
        for topic, payload in messages:
            client.publish(topic, payload, qos=1, retain=True)
            _expect(address, told, timeout_s)
    finally:
        client.disconnect()
        client.loop_stop()


def _refusal(reason: ReasonCode) -> str | None:
    return f"the broker refuses: {reason}; check user name, password and ACL" if reason.is_failure else None


def _expect(address: BrokerAddress, told: SimpleQueue[str | None], timeout_s: float) -> None:
    try:
        problem = told.get(timeout=timeout_s)
    except Empty as error:
        raise ConnectionError(f"{address}: no answer within {timeout_s:g} s") from error
    if problem is not None:
        raise ConnectionError(f"{address}: {problem}")
