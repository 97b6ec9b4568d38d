"""Delivery over MQTT 5 or 3.1.1: publishes what the outbox holds, and lets it forget only what was acknowledged.

One thread does everything here: it waits on the broker's socket and on a wake-up pipe, so no lock is needed and a new
event leaves within a millisecond. The MQTT client's session survives a reconnect (clean start false); each connection
has a `connection_id`, in the will as well, so that an old `offline` is never taken for a new one.
The only file of the agent that knows the MQTT client.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import random
import selectors
import socket
import ssl
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID, uuid4

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from pydantic import BaseModel, ValidationError
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_when_event_set,
    wait_random_exponential,
)

from contract.acks import Ack
from contract.commands import Command, ConfigDesired, ConfigReported, Reply
from contract.envelope import summarise
from contract.status import Birth, CameraStatus, CollectorStatus, Health, Status
from contract.topics import EdgeTopics, SiteTopics
from edge.clock import utc
from edge.config import BrokerSettings, DeliverySettings
from edge.errors import ConfigError, DeliveryError, OutboxError
from edge.outbox import Outbox
from edge.ports import Clock
from edge.window import Outgoing, Window

log = logging.getLogger(__name__)

_CONNECT_TIMEOUT_S = 10.0
_LONGEST_RETRY_S = 5.0
_WILL_DELAY_S = 5
_SESSION_EXPIRY_S = 7 * 86_400
_HURRY_S = 2.0
_BATCH = 100
_COMMANDS_REMEMBERED = 200
_POSTS_KEPT = 500
_CONFLICT_TOLD_S = 60.0
_CONNECTIONS_REMEMBERED = 100
_MOST_UNCONFIRMED, _KEPT_FREE = 65_535, 10
_UNHEARD = "No matching subscribers"
"""MQTT 5: the broker took a message and threw it away, because the collector is not subscribed (it was never there, or
the broker has lost its session)."""


class AgentSide(Protocol):
    """What delivery asks of the agent, always from its own thread: answer soon."""

    def birth(self, connection_id: UUID) -> Birth: ...

    def health(self) -> Health: ...

    def on_command(self, command: Command) -> None:
        """Do it, and answer with `Delivery.reply`, now or later."""
        ...

    def on_sensor(self, sensor: str, raw: dict[str, Any]) -> None:
        """Outbox a sensor's message. OutboxError: the broker keeps the message. ValidationError: it is refused."""
        ...

    def on_config(self, desired: ConfigDesired) -> ConfigReported: ...

    def on_watchlist(self, payload: bytes) -> None:
        """Judge a list as it came (empty: it was cleared). OutboxError: the broker keeps the message."""
        ...


@dataclass(frozen=True, slots=True)
class _Post:
    """A message that is not an event."""

    topic: str
    payload: str
    qos: int
    retain: bool
    expiry_s: int | None


class Delivery:
    """The connection to the broker; `start` and `stop` it. Other methods may be called from any thread."""

    def __init__(
        self,
        broker: BrokerSettings,
        settings: DeliverySettings,
        topics: EdgeTopics,
        outbox: Outbox,
        clock: Clock,
        health_interval_s: float,
        rng: random.Random,
    ) -> None:
        self._broker = broker
        self._confirm_by_broker = settings.confirm == "broker"
        self._topics = topics
        self._outbox = outbox
        self._clock = clock
        self._health_interval_s = health_interval_s
        self._rng = rng
        self._window = Window(outbox, clock, rng, settings.max_unacknowledged, settings.ack_timeout_s, settings.live_s)
        self._link = _Link(broker, f"watchpost-{topics.site}-{topics.edge}", keep_session=True)
        self._agent: AgentSide | None = None
        self._posts: queue.SimpleQueue[_Post] = queue.SimpleQueue()
        self._settled: queue.SimpleQueue[tuple[tuple[int, int], ...]] = queue.SimpleQueue()
        self._camera_status: dict[str, CameraStatus] = {}
        self._commands_seen: OrderedDict[str, None] = OrderedDict()
        self._sequence_of: dict[int, int] = {}
        self._collector_connection: UUID | None = None
        self._health_due_s = 0.0
        self._connections: deque[UUID] = deque(maxlen=_CONNECTIONS_REMEMBERED)
        self._started = utc(clock.now())
        self._conflict_s: float | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)
        self.connected = False
        self.on_collector_back: Callable[[], None] = lambda: None
        """Called, from delivery's thread, when the collector says that it listens."""
        self._problem: str | None = None
        self._refusal: str | None = None
        """What the broker or a message was refused for, last; None while all is well."""

    @property
    def alive(self) -> bool:
        """False before `start`, after `stop`, and when the thread died of a bug."""
        return self._thread.is_alive()

    def start(self, agent: AgentSide) -> None:
        """Begin; returns at once and never gives up."""
        self._agent = agent
        self._outbox.on_put(self._link.wake)
        self._thread.start()

    @property
    def problem(self) -> str | None:
        """What hinders delivery, and what to do. Where a broker refuses and then cuts us off, the refusal is told."""
        return self._refusal or self._problem

    def stop(self, timeout_s: float = 5) -> None:
        """Say `stopping`, disconnect and end the thread."""
        self._stopping.set()
        self._link.wake()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def set_camera_status(self, camera: str, status: CameraStatus) -> None:
        """Publish a camera's retained state now, and again at each connection."""
        self._camera_status[camera] = status
        self._post(self._topics.camera_status(camera), status, qos=1, retain=True)

    def reply(self, reply: Reply) -> None:
        """Answer a command."""
        self._post(self._topics.reply(reply.id), reply, qos=1, expiry_s=60)

    def look_again(self) -> None:
        """Old events are pending again."""
        self._window.rescan()
        self._link.wake()

    def _post(
        self, topic: str, message: BaseModel, qos: int, retain: bool = False, expiry_s: int | None = None
    ) -> None:
        if self._posts.qsize() < _POSTS_KEPT:
            self._posts.put(_Post(topic, message.model_dump_json(), qos, retain, expiry_s))
        self._link.wake()

    def _run(self) -> None:
        connect = Retrying(
            retry=retry_if_exception_type(DeliveryError),
            wait=wait_random_exponential(multiplier=0.5, max=_LONGEST_RETRY_S),
            stop=stop_when_event_set(self._stopping),
            sleep=sleep_using_event(self._stopping),
            before_sleep=self._note_failure,
            retry_error_callback=lambda _: None,
        )
        while not self._stopping.is_set():
            connection_id = connect(self._connect)
            if connection_id is not None:
                self._converse(connection_id)
                self._stopping.wait(self._pause_s())
        self._link.close()

    def _pause_s(self) -> float:
        """After a connection has ended: not all edges at once, and no duel with one that has our identity."""
        return self._rng.uniform(5, 15) if self._in_conflict() else self._rng.uniform(0, 0.5)

    def _note_failure(self, state: RetryCallState) -> None:
        if state.outcome is not None and not self._in_conflict():
            self._note(str(state.outcome.exception()))

    def _connect(self) -> UUID:
        connection_id = uuid4()
        offline = Status(state="offline", connection_id=connection_id, at=utc(self._clock.now()))
        self._link.connect(self._topics.status, offline.model_dump_json())
        return connection_id

    def _converse(self, connection_id: UUID) -> None:
        """From a connection's beginning to its end."""
        log.info("connected to %s (MQTT %s)", self._broker.url, self._broker.protocol)
        self.connected = True
        self._connections.append(connection_id)
        self._clear_problem()
        self._greet(connection_id)
        while self._link.pump(self._wait_s()):
            if self._stopping.is_set():
                self._say_goodbye(connection_id)
                break
            self._take_confirmations()
            self._take_messages()
            self._send_posts()
            self._send_events()
            self._send_health()
        self.connected = False
        if not self._stopping.is_set() and not self._in_conflict():
            self._note(self._link.why_disconnected())

    def _greet(self, connection_id: UUID) -> None:
        site = SiteTopics(self._topics.site)
        self._link.subscribe(
            [
                self._topics.ack,
                self._topics.config_desired,
                self._topics.watchlist,
                self._topics.commands,
                self._topics.sensors,
                self._topics.status,  # our own: another agent with our identity would write there
                site.collector_status,
            ]
        )
        self._publish(self._topics.status, Status(state="online", connection_id=connection_id, at=self._now()))
        self._publish(self._topics.birth, self._side.birth(connection_id))
        for camera, status in self._camera_status.copy().items():
            self._publish(self._topics.camera_status(camera), status)
        self._window.hurry(_HURRY_S)
        self._health_due_s = self._clock.monotonic()

    def _say_goodbye(self, connection_id: UUID) -> None:
        stopping = Status(state="stopping", connection_id=connection_id, at=self._now())
        self._publish(self._topics.status, stopping)
        self._link.disconnect()

    @property
    def _side(self) -> AgentSide:
        assert self._agent is not None, "start() first"  # noqa: S101 (an internal order, not input)
        return self._agent

    def _now(self) -> Any:
        return utc(self._clock.now())

    def _wait_s(self) -> float:
        return max(0.0, min(self._window.wait_s(), self._health_due_s - self._clock.monotonic()))

    def _publish(self, topic: str, message: BaseModel) -> None:
        """Publish a retained message."""
        self._link.publish(topic, message.model_dump_json().encode(), 1, retain=True)

    def _send_posts(self) -> None:
        while not self._posts.empty():
            post = self._posts.get()
            self._link.publish(post.topic, post.payload.encode(), post.qos, post.retain, post.expiry_s)

    def _send_health(self) -> None:
        if self._clock.monotonic() < self._health_due_s:
            return
        self._health_due_s = self._clock.monotonic() + self._health_interval_s
        self._link.publish(self._topics.health, self._side.health().model_dump_json().encode(), 0, expiry_s=120)

    def _send_events(self) -> None:
        room = self._link.receive_maximum - len(self._sequence_of)
        if room <= 0:
            return  # the broker's next confirmation makes some
        try:
            batch = self._window.take(min(_BATCH, room))
        except OutboxError as error:
            self._note(str(error))
            return
        for outgoing in batch:
            self._send_event(outgoing)

    def _send_event(self, outgoing: Outgoing) -> None:
        event = outgoing.event
        payload = event.payload(self._outbox.outbox_id, outgoing.replayed)
        mid = self._link.publish(self._topics.event(event.event_type, event.source), payload, 1)
        self._sequence_of[mid] = event.sequence

    def _take_confirmations(self) -> None:
        """The broker's PUBACKs; and what the outbox has meanwhile marked."""
        confirmed = []
        for mid, said in self._link.take_confirmed():
            sequence = self._sequence_of.pop(mid, None)
            if said == _UNHEARD and sequence is not None and not self._confirm_by_broker:
                self._window.unheard(sequence)
                continue
            refusal = None if said == _UNHEARD else said
            if refusal is not None:
                self._refusal = f"broker {self._broker.url} does not take our message: {refusal}; check its ACL"
                log.warning("%s", self._refusal)
            if sequence is not None:
                self._window.reached_broker(sequence)
                if refusal is None:
                    self._refusal = None
                    confirmed.append((sequence, sequence))
        if self._confirm_by_broker and confirmed:
            self._mark(tuple(confirmed))
        while not self._settled.empty():
            self._window.settled(self._settled.get())

    def _mark(self, ranges: tuple[tuple[int, int], ...]) -> None:
        def marked(done: Future[int]) -> None:
            error = done.exception()
            if error is None:
                self._settled.put(ranges)  # only now: before, the outbox would offer them again
                self._link.wake()
            else:
                log.error("acknowledgement not marked, these events will be sent again: %s", error)

        self._outbox.mark_acked(ranges).add_done_callback(marked)

    def _take_messages(self) -> None:
        for message in self._link.take_received():
            try:
                self._take_message(message)
            except OutboxError as error:
                self._note(str(error))
                continue  # not acknowledged: the broker sends it again at the next connection
            except ValidationError as error:
                self._note(f"message on {message.topic} refused: {summarise(error)}")
            except ValueError as error:
                self._note(f"message on {message.topic} refused: not JSON of this contract: {error}")
            self._link.acknowledge(message)

    def _take_message(self, message: mqtt.MQTTMessage) -> None:
        topics, topic, payload = self._topics, message.topic, message.payload
        last = topic.rpartition("/")[2]
        if topic == topics.ack:
            self._take_ack(Ack.model_validate_json(payload))
        elif topic == topics.watchlist:
            self._side.on_watchlist(bytes(payload))
        elif not payload:
            log.debug("%s was cleared", topic)
        elif topic == topics.sensor(last) and not message.retain:
            self._side.on_sensor(last, _json_object(payload))
        elif topic == topics.command(last):
            self._take_command(Command.model_validate_json(payload))
        elif topic == topics.config_desired:
            reported = self._side.on_config(ConfigDesired.model_validate_json(payload))
            self._publish(topics.config_reported, reported)
        elif topic == SiteTopics(topics.site).collector_status:
            self._take_collector_status(CollectorStatus.model_validate_json(payload), live=not message.retain)
        elif topic == topics.status:
            self._take_status(Status.model_validate_json(payload))

    def _take_ack(self, ack: Ack) -> None:
        ours = self._outbox.outbox_id
        ranges = tuple((one.from_sequence, one.to_sequence) for one in ack.ranges if one.outbox_id == ours)
        if ranges:
            self._mark(ranges)
        for refusal in ack.refused:
            if refusal.outbox_id == ours:
                log.error("the collector keeps event %d aside: %s", refusal.sequence, refusal.reason)
                done = self._outbox.mark_refused(refusal.sequence, refusal.reason)
                done.result()
                self._window.settled(((refusal.sequence, refusal.sequence),))

    def _take_command(self, command: Command) -> None:
        if command.id in self._commands_seen:
            return  # QoS 1 may deliver twice; a command is done once
        if command.expires <= self._now():
            late_s = (self._now() - command.expires) / timedelta(seconds=1)
            text = f"expired {late_s:.0f} s ago; not done (are both clocks right?)"
            self.reply(Reply(id=command.id, ok=False, text=text, at=self._now()))
            return
        self._side.on_command(command)
        self._commands_seen[command.id] = None
        while len(self._commands_seen) > _COMMANDS_REMEMBERED:
            self._commands_seen.popitem(last=False)

    def _take_collector_status(self, status: CollectorStatus, live: bool) -> None:
        """It says so after each subscription: what was published before that, nobody may have heard."""
        if status.state == "online" and (live or status.connection_id != self._collector_connection):
            self._collector_connection = status.connection_id
            self.on_collector_back()
            self._window.hurry(_HURRY_S)

    def _take_status(self, status: Status) -> None:
        """Our own `online` comes back to us; one that is not ours was written by an agent with our identity."""
        if status.state == "online" and status.connection_id not in self._connections and status.at > self._started:
            self._conflict_s = self._clock.monotonic()
            self._note(
                f"another agent is online as {self._topics.site}/{self._topics.edge}: give each edge its own name;"
                " until then they cut each other off"
            )

    def _in_conflict(self) -> bool:
        """Another agent with our identity was heard of lately: that stays the problem to tell."""
        return self._conflict_s is not None and self._clock.monotonic() - self._conflict_s < _CONFLICT_TOLD_S

    def _clear_problem(self) -> None:
        if not self._in_conflict():
            self._problem = None

    def _note(self, problem: str) -> None:
        self._problem = problem
        log.warning("%s", problem)


class _Link:
    """An MQTT client whose socket is served by the calling thread. `wake` alone may be called by others."""

    def __init__(self, broker: BrokerSettings, client_id: str, keep_session: bool) -> None:
        self._broker = broker
        self._keep_session = keep_session
        self._v5 = broker.protocol == "5"
        self._tls_is_set = False
        self._client = self._make_client(client_id)
        self._wake_reader, self._wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._connack: ReasonCode | None = None
        self._disconnect_reason: ReasonCode | None = None
        self.receive_maximum = _MOST_UNCONFIRMED
        """How many publications the broker takes before it confirms one."""
        self._confirmed: list[tuple[int, str | None]] = []
        self._received: list[mqtt.MQTTMessage] = []
        self._client.on_socket_open = _send_at_once
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message

    def _make_client(self, client_id: str) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if self._v5 else not self._keep_session,
            protocol=mqtt.MQTTv5 if self._v5 else mqtt.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(0)  # our window bounds it; paho's own 20 would make every drain wait
        return client

    def connect(self, will_topic: str | None = None, will: str = "") -> None:
        """Connect and wait for the broker's answer. Raises DeliveryError, which says what to do."""
        broker = self._broker
        self._prepare(will_topic, will)
        try:
            self._client.connect(broker.host, broker.port, broker.keepalive_s, **self._connect_options())
        except ssl.SSLError as error:
            raise DeliveryError(
                f"broker {broker.url}: TLS failed ({error}); check broker.ca_file and the name"
            ) from error
        except OSError as error:
            raise DeliveryError(f"broker {broker.url}: not reached ({error}); is it running there?") from error
        except ValueError as error:
            raise DeliveryError(f"broker {broker.url}: {error}") from error
        for _ in range(int(_CONNECT_TIMEOUT_S * 10)):
            alive = self.pump(0.1)
            if self._connack is not None or not alive:
                break
        self._check_answer()

    def _prepare(self, will_topic: str | None, will: str) -> None:
        broker = self._broker
        self._connack = self._disconnect_reason = None
        try:
            self._client.username_pw_set(broker.username, broker.password())
            if broker.tls and not self._tls_is_set:
                self._client.tls_set_context(_tls_context(broker))
                self._tls_is_set = True
        except (ConfigError, OSError) as error:  # a file that is not there, or not readable, or not PEM
            raise DeliveryError(f"broker {broker.url}: {error}") from error
        if will_topic is not None:
            properties = None
            if self._v5:
                properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
                properties.WillDelayInterval = _WILL_DELAY_S
            self._client.will_set(will_topic, will, qos=1, retain=True, properties=properties)

    def _connect_options(self) -> dict[str, Any]:
        if not self._v5:
            return {}
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = _SESSION_EXPIRY_S if self._keep_session else 0
        return {"clean_start": not self._keep_session, "properties": properties}

    def _check_answer(self) -> None:
        answer = self._connack
        if answer is not None and not answer.is_failure:
            return
        self._client.disconnect()
        if answer is None:
            raise DeliveryError(f"broker {self._broker.url}: no answer to CONNECT; is this an MQTT broker?")
        remedy = "check the broker's log"
        if answer.getName() in {"Bad user name or password", "Not authorized"}:
            remedy = "check broker.username, its password file, and that the broker knows this edge"
        elif answer.getName() == "Unsupported protocol version":
            remedy = "set broker.protocol to '3.1.1'"
        raise DeliveryError(f"broker {self._broker.url} refuses us: {answer.getName()}; {remedy}")

    def pump(self, timeout_s: float) -> bool:
        """Serve the socket once, waiting at most so long for something to do. False: the connection is gone."""
        sock = self._client.socket()
        if sock is None:
            return False
        pending = sock.pending() if isinstance(sock, ssl.SSLSocket) else 0
        writing = self._client.want_write()
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0))
            selector.register(self._wake_reader, selectors.EVENT_READ)
            ready = {key.fd: mask for key, mask in selector.select(0 if pending or self._received else timeout_s)}
        if self._wake_reader in ready:
            os.read(self._wake_reader, 4096)
        events = ready.get(sock.fileno(), 0)
        results = []
        if pending or events & selectors.EVENT_READ:
            results.append(self._client.loop_read())
        if events & selectors.EVENT_WRITE and self._client.socket() is not None:
            results.append(self._client.loop_write())
        results.append(self._client.loop_misc())
        return all(result == MQTTErrorCode.MQTT_ERR_SUCCESS for result in results)

    def wake(self) -> None:
        """Let `pump` return."""
        try:
            os.write(self._wake_writer, b"w")
        except BlockingIOError:
            return  # it is awake: the pipe is full of reasons

    def subscribe(self, topics: list[str]) -> None:
        self._client.subscribe([(topic, 1) for topic in topics])

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool = False, expiry_s: int | None = None) -> int:
        """Hand a message to the client; returns its message id. QoS 1 is repeated by the client over a reconnect."""
        properties = None
        if self._v5 and expiry_s is not None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = expiry_s
        return self._client.publish(topic, payload, qos, retain, properties).mid

    def take_confirmed(self) -> list[tuple[int, str | None]]:
        """Message ids that the broker has confirmed since the last call, with its reason where it refused."""
        taken, self._confirmed = self._confirmed, []
        return taken

    def take_received(self) -> list[mqtt.MQTTMessage]:
        """Messages that came since the last call."""
        taken, self._received = self._received, []
        return taken

    def acknowledge(self, message: mqtt.MQTTMessage) -> None:
        """Tell the broker that a message is safe here."""
        self._client.ack(message.mid, message.qos)

    def disconnect(self) -> None:
        """Leave orderly: what is queued goes out first (for at most 2 s), and the will is not sent."""
        for _ in range(20):
            if not self._client.want_write() and not self._client._out_messages:  # noqa: SLF001 (no public way)
                break
            if not self.pump(0.1):
                return
        self._client.disconnect()
        self.pump(0.1)

    def close(self) -> None:
        """After the last use. The pipe stays open: a late `wake` must not hit another file's descriptor."""
        self._client.disconnect()

    def why_disconnected(self) -> str:
        reason = self._disconnect_reason.getName() if self._disconnect_reason is not None else "the connection broke"
        return f"broker {self._broker.url}: disconnected ({reason}); trying again"

    def _on_connect(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, properties: Any) -> None:
        self._connack = reason
        said = getattr(properties, "ReceiveMaximum", _MOST_UNCONFIRMED)
        self.receive_maximum = max(1, said - _KEPT_FREE)  # some places stay for status and replies

    def _on_disconnect(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, _props: Any) -> None:
        self._disconnect_reason = reason

    def _on_publish(self, _client: mqtt.Client, _data: Any, mid: int, reason: ReasonCode, _properties: Any) -> None:
        self._confirmed.append((mid, reason.getName() if reason.is_failure or reason.getName() == _UNHEARD else None))

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._received.append(message)


def probe(broker: BrokerSettings) -> None:
    """Connect once and leave: is the broker there, does it know us? Raises DeliveryError."""
    link = _Link(broker, f"watchpost-check-{uuid4().hex[:8]}", keep_session=False)
    link.connect()
    link.disconnect()


def _send_at_once(_client: mqtt.Client, _data: Any, sock: Any) -> None:
    """An event must not wait for the next one to fill a TCP segment."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _tls_context(broker: BrokerSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(broker.ca_file) if broker.ca_file else None)
    if broker.cert_file is not None:
        context.load_cert_chain(broker.cert_file, broker.key_file)
    return context


def _json_object(payload: bytes | bytearray) -> dict[str, Any]:
    raw = json.loads(payload)
    if not isinstance(raw, dict):
        raise ValueError(f"expected an object, got {type(raw).__name__}")
    return raw
