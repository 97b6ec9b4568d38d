"""A rehearsal: rendered cameras played to the real agent, through a real broker, into the real collector.

Every program is its own process; what is asked of them is what anybody can ask: MQTT, the HTTP API, the agent's own
command line. The truth stays here.
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import yaml

from contract.alerts import AlertMessage
from contract.envelope import Envelope
from contract.topics import ALERTS_OF_ALL
from simulator.render import RenderedCamera, RenderedScenario
from simulator.scoring import Count, Delivery, Match, Played, score_delivery, score_falls, score_passages
from simulator.stack import HOST, Stack, StackError, accepts, call, free_port, hold
from simulator.subscriber import Subscriber
from simulator.truth import read_truth

SITE = "demo"
EDGE = "edge-1"
ANALYZERS = {"tower": "falling", "checkpoint": "plates"}
PAGE_SIZE = 500
LEAD_OUT_S = 3.0
"""After the last frame: time for the last clip's seconds and the last alert."""


@dataclass(frozen=True, slots=True)
class HeardAlert:
    """An alert and when it reached a subscriber (seconds since the epoch)."""

    at_s: float
    alert: AlertMessage


@dataclass(frozen=True, slots=True)
class Score:
    """The score table of one rehearsal."""

    scenario: str
    counts: tuple[Count, ...]
    delivery: Delivery


@dataclass
class Rehearsal:
    """Starts everything for one rendered scenario. A context manager; leaving it ends all processes in order.

    What the folder held before is removed; entering raises FolderInUse while another run works there.
    """

    rendered: RenderedScenario
    folder: Path
    loop: bool = False
    alerts: list[HeardAlert] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stack = Stack(self.folder)
        self.mqtt_port = free_port(1883)
        self.page_port = free_port(8400)
        self._camera_ports = {camera.id: free_port(8554 + i) for i, camera in enumerate(self.rendered.cameras)}
        self.address = f"http://{HOST}:{self.page_port}"
        self.mqtt_url = f"mqtt://{HOST}:{self.mqtt_port}"
        self.sign_in_link = ""

    def __enter__(self) -> Rehearsal:
        with ExitStack() as undo:  # a part that does not start must not leave the others running
            undo.enter_context(hold(self.folder))
            shutil.rmtree(self.folder, ignore_errors=True)
            undo.enter_context(self._stack)
            self._start(undo)
            self._ended = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.close()

    @property
    def authorization(self) -> dict[str, str]:
        """HTTP headers of an operator's token, for the collector's API, and what plates are looked at for."""
        return {"Authorization": f"Bearer {self._token}", "Watchpost-Reason": "scoring a rehearsal"}

    @property
    def store_option(self) -> list[str]:
        """Where the collector keeps its things, for its own commands."""
        return ["--data", str(self.folder / "collector")]

    @property
    def _watch_key(self) -> Path:
        return self.folder / "watchlist.key"

    def hear(self, timeout_s: float) -> HeardAlert | None:
        """Wait for the next alert; StackError when a program has died meanwhile."""
        heard = self._subscriber.take(timeout_s)
        self._stack.check()
        if heard is None:
            return None
        alert = HeardAlert(heard.at_s, AlertMessage.model_validate_json(heard.payload))
        self.alerts.append(alert)
        return alert

    def seconds_to_first_play(self) -> float:
        """From the agent's start to its first PLAY; StackError when it never asked for one."""
        started = [at for camera in self.rendered.cameras if (at := self._started_at(camera.id))]
        if not started:
            raise StackError("no camera was ever played; the agent did not connect")
        return min(started).timestamp() - self._agent_started_s

    def play_to_the_end(self, tell: Callable[[HeardAlert], None], watch: Callable[[], None] = lambda: None) -> Score:
        """Hear alerts until every video has been played, end the agent, wait for its last event, and score.

        `watch` is called about twice a second while the agent runs.
        """
        longest = max(camera.duration_s for camera in self.rendered.scenario.cameras)
        deadline = time.monotonic() + 60 + longest
        while (left := self._seconds_left()) > 0:
            if time.monotonic() > deadline:
                raise StackError(f"the cameras were not played: no ledger says so; see {self.folder}")
            self._hear_and_tell(min(left, 0.5), tell)
            watch()
        self._stack.stop("agent")
        self._wait_until_delivered(tell)
        return self.score()

    def score(self) -> Score:
        """Compare what the collector holds now with the truth and with the agent's outbox."""
        events = list(self.events())
        played = [self._played(camera) for camera in self.rendered.cameras]
        results = [score_falls(one, events) for one in played if self._scene(one.camera) == "tower"]
        results += [score_passages(one, events) for one in played if self._scene(one.camera) == "checkpoint"]
        matches = [match for _, found in results for match in found]
        delays = tuple(self._delays(matches, events))
        return Score(
            scenario=self.rendered.scenario.name,
            counts=tuple(count for count, _ in results),
            delivery=score_delivery(self.sent(), events, delays),
        )

    def events(self) -> Iterator[Envelope]:
        """All events that the collector holds, through its API."""
        cursor: str | None = None
        while True:
            page = self._get("/api/v1/events", {"limit": PAGE_SIZE, "order": "sequence", "cursor": cursor})
            yield from (Envelope.model_validate(item["event"]) for item in page["items"])
            cursor = page["next_cursor"]
            if not cursor:
                return

    def sent(self) -> dict[str, int]:
        """What the agent put into its outbox: event id → sequence."""
        listing = json.loads(call(["edge", "outbox", "list", "--json", str(self.folder / "agent" / "outbox.db")]))
        return {item["id"]: item["sequence"] for item in listing}

    def _start(self, undo: ExitStack) -> None:
        self._stack.start("broker", ["simulator", "broker", "--host", HOST, "--port", str(self.mqtt_port)])
        self._stack.wait_for("broker", lambda: accepts(self.mqtt_port))
        self._subscriber = undo.enter_context(Subscriber(self.mqtt_url, ALERTS_OF_ALL))
        data = self.store_option
        edge_token = call(["collector", "token", "create", EDGE, "--role", "edge", *data])
        self._token = call(["collector", "token", "create", "score", "--role", "operator", *data])
        self.sign_in_link = call(["collector", "sign-in-link", "--base-url", self.address, *data])
        mqtt = ["--mqtt-url", self.mqtt_url, "--mqtt-protocol", "3.1.1"]
        if self.loop:  # a demo has a watch list; a score has not, it would count hits as passages told twice
            self._watch_key.write_text(secrets.token_hex(32), encoding="ascii")
            self._watch_key.chmod(0o600)
            data += ["--watchlist-key", str(self._watch_key)]
        self._stack.start(
            "collector", ["collector", "run", *data, *mqtt, "--host", HOST, "--port", str(self.page_port)]
        )
        self._stack.wait_for("collector", lambda: accepts(self.page_port))
        for camera in self.rendered.cameras:
            self._start_camera(camera)
        config = self._write_agent_config(edge_token)
        self._agent_started_s = time.time()
        self.agent_pid = self._stack.start("agent", ["edge", "run", str(config)]).process.pid

    def _start_camera(self, camera: RenderedCamera) -> None:
        port = self._camera_ports[camera.id]
        options = ["--port", str(port), "--path", "/main", "--start", "first-play"]
        options += ["--ledger", str(self._ledger(camera.id)), *(["--loop"] if self.loop else [])]
        self._stack.start(camera.id, ["simulator", "camera", str(camera.video), *options])
        self._stack.wait_for(camera.id, lambda: accepts(port))

    def _write_agent_config(self, token: str) -> Path:
        token_file = self.folder / "edge.token"
        token_file.write_text(token, encoding="utf-8")
        token_file.chmod(0o600)
        path = self.folder / "agent.yaml"
        config: dict[str, Any] = {
            "site": SITE,
            "edge": EDGE,
            "data_dir": str(self.folder / "agent"),
            "broker": {"url": self.mqtt_url, "protocol": "3.1.1"},
            "collector": {"url": self.address, "token_file": str(token_file)},
            "cameras": [self._camera_config(camera) for camera in self.rendered.cameras],
        }
        if self.loop:
            config["watchlist"] = {"key_file": str(self._watch_key)}
        path.write_text(yaml.safe_dump(config, allow_unicode=True, sort_keys=False), encoding="utf-8")
        return path

    def _camera_config(self, camera: RenderedCamera) -> dict[str, Any]:
        analyzer = ANALYZERS[self._scene(camera.id)]
        installation = yaml.safe_load(camera.installation.read_text(encoding="utf-8")) or {}
        return {
            "id": camera.id,
            "source": f"rtsp://{HOST}:{self._camera_ports[camera.id]}/main",
            "analyzers": [analyzer],
            **installation,
        }

    def _scene(self, camera_id: str) -> str:
        return next(camera.scene for camera in self.rendered.scenario.cameras if camera.id == camera_id)

    def _ledger(self, camera_id: str) -> Path:
        return self.folder / f"{camera_id}.ledger.jsonl"

    def _played(self, camera: RenderedCamera) -> Played:
        """The truth of a camera's first play; StackError when it was never played."""
        started = self._started_at(camera.id)
        if started is None:
            raise StackError(f"{camera.id} was never played; the agent did not connect")
        return Played(camera.id, started, read_truth(camera.truth))

    def _started_at(self, camera_id: str) -> datetime | None:
        ledger = self._ledger(camera_id)
        lines = ledger.read_text(encoding="utf-8").splitlines() if ledger.exists() else []
        plays = [json.loads(line) for line in lines]
        return next((datetime.fromisoformat(line["at"]) for line in plays if line["kind"] == "play"), None)

    def _seconds_left(self) -> float:
        """Until the last frame of the longest camera and its lead-out; a camera not yet played counts whole."""
        left = []
        for camera in self.rendered.scenario.cameras:
            started = self._started_at(camera.id)
            passed = time.time() - started.timestamp() if started else 0.0
            left.append(camera.duration_s + LEAD_OUT_S - passed)
        return max(left)

    def _wait_until_delivered(self, tell: Callable[[HeardAlert], None], timeout_s: float = 20.0) -> None:
        """Until the collector holds all that the outbox has, or the time is over (then the score says what is lost)."""
        sent = set(self.sent())
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and sent - {str(event.id) for event in self.events()}:
            self._hear_and_tell(0.5, tell)
        while self._hear_and_tell(0.5, tell):
            pass

    def _hear_and_tell(self, timeout_s: float, tell: Callable[[HeardAlert], None]) -> bool:
        heard = self.hear(timeout_s)
        if heard is not None:
            tell(heard)
        return heard is not None

    def _delays(self, matches: list[Match], events: list[Envelope]) -> Iterator[float]:
        """Seconds from the last frame of a finding to its alert at the subscriber, for every finding that is true."""
        by_event = {str(heard.alert.event_id): heard for heard in self.alerts if not heard.alert.late}
        own = {str(match.event.id): match.event for match in matches}
        passages = {match.event.data["passage_id"] for match in matches if "passage_id" in match.event.data}
        own |= {str(event.id): event for event in events if event.data.get("passage_id") in passages}
        for event_id, event in own.items():
            if event_id in by_event:
                yield by_event[event_id].at_s - _last_frame_at(event)

    def _get(self, path: str, parameters: dict[str, Any]) -> dict[str, Any]:
        answer = httpx.get(
            self.address + path,
            params={key: value for key, value in parameters.items() if value is not None},
            headers=self.authorization,
            timeout=10,
        )
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body


def _last_frame_at(event: Envelope) -> float:
    """When the last frame that the finding rests on was captured, seconds since the epoch."""
    if "last_seen" in event.data:
        return datetime.fromisoformat(event.data["last_seen"]).timestamp()
    return event.time.timestamp() + float(event.data.get("duration_s", 0.0))
