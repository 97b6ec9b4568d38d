"""A real collector process on a real broker, for tests that go through both."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from sample_events import SampleEdge, payload
from services import free_port, wait_for_port

from collector import access
from collector.access import Role
from collector.database import Database, database_url
from collector.instants import system_clock

ROOT = Path(__file__).parents[1]
START_TIMEOUT_S = 120.0
"""Where many other programs run, its modules alone take a minute to load."""


@dataclass
class CollectorProcess:
    """`python -m collector run`, started, killed and started again over the same folder."""

    data: Path
    mqtt_url: str
    protocol: str = "5"
    database: str | None = None
    options: tuple[str, ...] = ()
    """More options of `run`."""
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        return (self.data / "log").read_text(errors="replace")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: str) -> str:
        """Run a collector command on the same store; its output."""
        store = ["--data", str(self.data), *(["--database", self.database] if self.database else [])]
        line = [sys.executable, "-m", "collector", *arguments, *store]
        return subprocess.run(line, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()

    def token(self, role: str) -> str:
        """As `collector token create` makes it, without the start of another program."""
        name = f"{role}-{time.monotonic_ns()}"
        return self.with_store(lambda store: access.create_token(store, name, Role(role), system_clock()))

    def sign_in_link(self, role: str) -> str:
        """As `collector sign-in-link` makes it."""
        code = self.with_store(lambda store: access.create_link_code(store, role, Role(role), system_clock()))
        return f"{self.url}/sign-in#{code}"

    def with_store(self, work: Callable[[Database], Awaitable[str]]) -> str:
        """Run `work` on the store beside the running process."""

        async def session() -> str:
            store = Database(database_url(self.database, self.data))
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(session())

    def client(self, role: str) -> httpx.Client:
        """An HTTP client with a token of this role."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.token(role)}"}, timeout=60)

    def start(self) -> None:
        """Start it; return when it takes events."""
        self.launch()
        wait_until(self.ready, START_TIMEOUT_S)

    def ready(self) -> bool:
        """Whether it takes events now, as it says within a few seconds."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=10).status_code == 200
        except httpx.TimeoutException:
            return False

    def launch(self) -> None:
        """Start it; return when it listens."""
        wait_for_port(self.port, self.spawn(), START_TIMEOUT_S)

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start it; return at once."""
        self.data.mkdir(parents=True, exist_ok=True)
        options = ["--data", str(self.data), "--mqtt-url", self.mqtt_url, "--mqtt-protocol", self.protocol]
        options += ["--port", str(self.port), *(["--database", self.database] if self.database else [])]
        options += self.options
        with (self.data / "log").open("ab") as log:
            line = [sys.executable, "-m", "collector", "run", *options]
            self.process = subprocess.Popen(line, cwd=ROOT, stdout=log, stderr=log)
        return self.process

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it; the exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(how)
        status = self.process.wait(60)
        self.process = None
        return status


class MqttPeer:
    """Edges and operators in one: publishes, and notes all that it hears."""

    def __init__(self, port: int, pattern: str = "watchpost/#") -> None:
        self.heard: list[tuple[str, bytes, bool, float]] = []
        """Topic, payload, retained, when (monotonic seconds)."""
        subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe(pattern, 1)
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_message = lambda _client, _data, message: self.heard.append(
            (message.topic, bytes(message.payload), message.retain, time.monotonic())
        )
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert subscribed.wait(60)

    def publish(self, topic: str, content: bytes, retain: bool = False) -> None:
        self._client.publish(topic, content, 1, retain).wait_for_publish(10)

    def on(self, part: str) -> list[dict[str, Any]]:
        """Content of the messages whose topic has this part."""
        return [json.loads(content) for topic, content, *_ in self.heard if part in topic and content]

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def wait_until(true: Callable[[], Any], timeout_s: float = 60.0) -> None:
    """Return when `true()`; fail when the time is over."""
    deadline = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not true after {timeout_s} s")
        time.sleep(0.05)


def told_at(peer: MqttPeer, count: int) -> float:
    """When this peer heard of the alert that came as the `count`th, monotonic seconds: it was committed before."""

    def heard() -> list[float]:
        return [at for topic, _, _, at in peer.heard if "/alert/" in topic]

    wait_until(lambda: len(heard()) >= count)
    return heard()[count - 1]


def publish(peer: MqttPeer, edge: SampleEdge, *envelopes: dict[str, Any]) -> None:
    """Publish events as this edge."""
    for envelope in envelopes:
        peer.publish(edge.topic(envelope), payload(envelope))


def heard_on(answer: httpx.Response) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(id, event, data) of each message of a live stream, as they come."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif not line:
            if "data" in fields:
                yield fields["id"], fields["event"], json.loads(fields["data"])
            fields = {}
