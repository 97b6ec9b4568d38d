"""MQTT clients outside agent and collector: an operator's, which notes when each alert arrived, and one that speaks."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import urlsplit

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as it arrived; `at_s` in seconds since the epoch."""

    at_s: float
    topic: str
    payload: bytes


class Subscriber:
    """Subscribes to one pattern and queues what it hears. A context manager; its thread ends with it."""

    def __init__(self, url: str, pattern: str, protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv311) -> None:
        self._url = urlsplit(url)
        self._pattern = pattern
        self.heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=protocol)
        self._client.on_connect = self._subscribe
        self._client.on_message = self._note

    def __enter__(self) -> Subscriber:
        self._client.connect(self._url.hostname or "127.0.0.1", self._url.port or 1883, keepalive=30)
        self._client.loop_start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def take(self, timeout_s: float) -> Heard | None:
        """The next message, or None when none came in time."""
        try:
            return self.heard.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def _subscribe(
        self, client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        if not reason.is_failure:
            client.subscribe(self._pattern, qos=1)

    def _note(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        if message.payload:
            self.heard.put(Heard(time.time(), message.topic, bytes(message.payload)))


def publish(url: str, topic: str, payload: str) -> None:
    """Say one thing, QoS 1, not retained. Raises OSError when no broker answers or takes it."""
    address = urlsplit(url)
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311)
    if address.username:
        client.username_pw_set(address.username, address.password)
    admitted = threading.Event()
    client.on_connect = lambda *_: admitted.set()
    client.connect(address.hostname or "127.0.0.1", address.port or 1883, keepalive=30)
    client.loop_start()
    try:
        if not admitted.wait(PATIENCE_S):
            raise TimeoutError(f"the broker did not answer within {PATIENCE_S:g} s")
        said = client.publish(topic, payload, qos=1)
        said.wait_for_publish(PATIENCE_S)
        if not said.is_published():
            raise TimeoutError(f"the broker did not take it within {PATIENCE_S:g} s")
    finally:
        client.disconnect()
        client.loop_stop()
