"""The agent's connection to an MQTT broker, 5 or 3.1.1, served by the thread that uses it.

The only file of the agent that knows the MQTT client.
"""

from __future__ import annotations

import os
import selectors
import socket
import ssl
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.config import BrokerSettings
from edge.errors import ConfigError, DeliveryError

_CONNECT_TIMEOUT_S = 10.0
_WILL_DELAY_S = 5
_SESSION_EXPIRY_S = 7 * 86_400
_MOST_UNCONFIRMED, _KEPT_FREE = 65_535, 10
UNHEARD = "No matching subscribers"
"""MQTT 5: the broker took a message and threw it away, because the collector is not subscribed (it was never there, or
the broker has lost its session)."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message from the broker; `mid` and `qos` are for its acknowledgement."""

    topic: str
    payload: bytes
    retain: bool
    mid: int
    qos: int


class Link:
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
        self._received: list[Received] = []
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

    def take_received(self) -> list[Received]:
        """Messages that came since the last call."""
        taken, self._received = self._received, []
        return taken

    def acknowledge(self, message: Received) -> None:
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
        self._confirmed.append((mid, reason.getName() if reason.is_failure or reason.getName() == UNHEARD else None))

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._received.append(Received(message.topic, bytes(message.payload), message.retain, message.mid, message.qos))


def probe(broker: BrokerSettings) -> None:
    """Connect once and leave: is the broker there, does it know us? Raises DeliveryError."""
    link = Link(broker, f"watchpost-check-{uuid4().hex[:8]}", keep_session=False)
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
