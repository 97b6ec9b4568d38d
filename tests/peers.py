"""The other side of the wire, for tests: the smallest collector that acknowledges, over a real broker."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from contract.acks import Ack, Refusal, to_ranges
from contract.envelope import Envelope, parse_event, read_event, split_backlog
from contract.topics import EdgeTopics


def wait_until(condition: Callable[[], object], what: str, timeout_s: float = 60.0) -> None:
    """Return as soon as the condition holds; fail the test after the time-out."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.01)


class Acker:
    """Subscribes to one edge with a kept session, keeps every event in memory and acknowledges it at once."""

    def __init__(
        self, port: int, topics: EdgeTopics, acknowledging: bool = True, name: str = "acker", password: str = ""
    ) -> None:
        self.acknowledging = acknowledging
        self.refuse: set[int] = set()
        self.events: list[Envelope] = []
        self.backlogs: list[int] = []
        """How many events each backlog message had."""
        self.others: list[tuple[str, dict[str, Any], bool]] = []
        """Every other message: topic, JSON, whether it came as retained."""
        self._topics = topics
        self._subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, name, clean_session=False)
        if password:
            self._client.username_pw_set(name, password)
        self._client.reconnect_delay_set(0.1, 0.5)
        self._client.on_connect = lambda client, *_: client.subscribe(f"{topics.prefix}/#", 1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(60)

    def sequences(self) -> list[int]:
        return [event.sequence for event in self.events]

    def last(self, topic: str) -> dict[str, Any] | None:
        """The newest message on a topic that is not an event's."""
        return next((body for name, body, _ in reversed(self.others) if name == topic), None)

    def publish(self, topic: str, payload: str, retain: bool = False, qos: int = 1) -> None:
        self._client.publish(topic, payload, qos, retain).wait_for_publish(10)

    def acknowledge(self, outbox_id: UUID, sequences: list[int]) -> None:
        self._client.publish(
            self._topics.ack, Ack(ranges=to_ranges(outbox_id, sequences)).model_dump_json(by_alias=True), 1
        )

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _take(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic == self._topics.backlog:
            items = [read_event(raw) for raw, _ in split_backlog(message.payload)]
            self.backlogs.append(len(items))
            for item in items:
                self._take_event(item)
        elif message.topic.startswith(f"{self._topics.prefix}/event/"):
            self._take_event(parse_event(message.payload))
        elif message.payload and "/sensor/" not in message.topic:
            self.others.append((message.topic, json.loads(message.payload), message.retain))

    def _take_event(self, event: Envelope) -> None:
        self.events.append(event)
        if event.sequence in self.refuse:
            refusal = Refusal(outbox_id=event.outboxid, sequence=event.sequence, reason="not understood")
            self._client.publish(self._topics.ack, Ack(refused=(refusal,)).model_dump_json(by_alias=True), 1)
        elif self.acknowledging:
            self.acknowledge(event.outboxid, [event.sequence])
