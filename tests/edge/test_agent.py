"""The whole agent on real video: files, an RTSP camera, a broker, bad input."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from peers import Acker, wait_until
from services import Mosquitto, free_port, wait_for_port

from contract.commands import Command, ReplayRange
from contract.envelope import Envelope, parse_event
from contract.events import EventType, SensorData
from contract.topics import EdgeTopics
from edge import agent as agent_module
from edge.__main__ import main
from edge.agent import Agent
from edge.clock import SystemClock
from edge.config import parse
from edge.errors import OutboxError
from edge.evidence.queue import UploadQueue
from edge.outbox import Outbox, check
from edge.types import Finding, Frame, Picture
from simulator.video import encode

CLOCK = SystemClock()
ROOT = Path(__file__).parents[2]
TOPICS = EdgeTopics("west", "box")


@dataclass
class FlashAnalyzer:
    """A real analyzer of the simplest kind: a finding each time the picture turns bright. Raises at `breaks_at`."""

    camera_id: str
    breaks_at: int | None = None
    _bright: bool = False
    _frames: int = field(default=0)

    def observe(self, frame: Frame) -> Sequence[Finding]:
        self._frames += 1
        if self._frames == self.breaks_at:
            raise ZeroDivisionError("a bug in an analyzer")
        bright = float(frame.luma.mean()) > 150
        began, self._bright = bright and not self._bright, bright
        if not began:
            return []
        data = SensorData(sensor=self.camera_id, kind="flash", alarm=True, value=round(frame.stream_time_s, 3))
        pictures = (Picture("snapshot", frame.bgr()),)
        at_s = frame.stream_time_s
        return [Finding(self.camera_id, EventType.SENSOR, frame.captured_at, at_s, at_s, data, pictures)]

    def finish(self) -> Sequence[Finding]:
        return []


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Four seconds, dark, with two flashes at 1.0 s and 3.0 s."""
    rng = np.random.default_rng(1)

    def frames() -> Iterator[Any]:
        for index in range(100):
            level = 220 if 25 <= index < 30 or 75 <= index < 80 else 40
            yield rng.normal(level, 4, (120, 160, 3)).clip(0, 255).astype(np.uint8)

    path = tmp_path / "flashes.mp4"
    encode(frames(), path, fps=25, bitrate_kbps=800, gop=25)
    return path


@pytest.fixture
def flashes(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Makes `falling` find flashes; returns where a camera's analyzer shall break: camera id -> frame."""
    breaks: dict[str, int] = {}
    table = agent_module.ANALYZERS | {"falling": lambda camera, _: FlashAnalyzer(camera.id, breaks.get(camera.id))}
    monkeypatch.setattr(agent_module, "ANALYZERS", table)
    return breaks


def make_agent(tmp_path: Path, cameras: list[dict[str, Any]], **sections: Any) -> Agent:
    config = {"site": "west", "edge": "box", "data_dir": "data", "cameras": cameras, **sections}
    return Agent(parse(yaml.safe_dump(config), tmp_path / "agent.yaml"), CLOCK, random.Random(5), lambda: "the log")


def events_of(agent: Agent) -> list[Envelope]:
    outbox = Outbox.open(agent.outbox.path, CLOCK)
    events = [parse_event(one.payload(outbox.outbox_id, False)) for one in outbox.events(limit=1000)]
    outbox.close()
    return events


def camera(video: Path, name: str = "cam", **more: Any) -> dict[str, Any]:
    return {"id": name, "source": str(video), "analyzers": ["falling"], **more}


def stable(event: Envelope) -> dict[str, Any]:
    """What must be the same each time: all but ids and wall-clock fields."""
    body = event.model_dump(mode="json", exclude={"id", "outboxid", "expires"})
    if event.event_type is EventType.EVIDENCE:
        del body["time"], body["data"]["event_id"]
    return body


def test_a_file_gives_events_with_picture_and_clip_and_the_same_again(
    tmp_path: Path, video: Path, flashes: dict[str, int]
) -> None:
    runs = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        agent = make_agent(folder, [camera(video)])
        assert agent.run(once=True) == 0
        runs.append(events_of(agent))
        assert check(agent.outbox.path) == []
    first = runs[0]
    assert [event.event_type for event in first] == ["sensor", "sensor", "evidence", "evidence"]
    assert [event.data["value"] for event in first[:2]] == [1.0, 3.0]
    assert [event.data["event_id"] for event in first[2:]] == [str(event.id) for event in first[:2]]
    assert list(map(stable, first)) == list(map(stable, runs[1]))
    snapshot, clip = first[0].data["evidence"][0], first[2].data["evidence"][0]
    assert (snapshot["role"], clip["role"]) == ("snapshot", "clip")
    stored = tmp_path / "0" / "data" / "evidence" / clip["sha256"][:2] / f"{clip['sha256']}.mp4"
    with av.open(str(stored)) as container:
        assert sum(1 for _ in container.decode(video=0)) > 50


def test_a_broken_analyzer_stops_its_file_and_no_other(tmp_path: Path, video: Path, flashes: dict[str, int]) -> None:
    flashes["bad"] = 50
    agent = make_agent(tmp_path, [camera(video, "bad"), camera(video, "good")])
    assert agent.run(once=True) == 1
    found = [(event.source, event.data["value"]) for event in events_of(agent) if event.event_type == "sensor"]
    assert sorted(found) == [("/west/box/bad", 1.0), ("/west/box/good", 1.0), ("/west/box/good", 3.0)]


def test_masks_and_a_full_quota(tmp_path: Path, video: Path, flashes: dict[str, int]) -> None:
    masks = [[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]]
    agent = make_agent(tmp_path, [camera(video, privacy_masks=masks)])
    assert agent.run(once=True) == 0
    digest = events_of(agent)[0].data["evidence"][0]["sha256"]
    stored = tmp_path / "data" / "evidence" / digest[:2] / f"{digest}.jpg"
    with av.open(str(stored)) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="gray")
    assert picture[:, :70].max() < 30
    assert picture[:, 90:].min() > 150


def test_evidence_that_cannot_be_stored_does_not_hold_the_event_back(
    tmp_path: Path, video: Path, flashes: dict[str, int]
) -> None:
    agent = make_agent(tmp_path, [camera(video)])
    (tmp_path / "data" / "evidence" / "tmp").rmdir()
    assert agent.run(once=True) == 0
    events = events_of(agent)
    assert [event.data["value"] for event in events if event.event_type == "sensor"] == [1.0, 3.0]
    failed = [event.data["failed"] for event in events if event.event_type == "evidence"]
    assert len(failed) == 4, "a picture and a clip of each"
    assert all("cannot write" in reason or "clip" in reason for reason in failed)


def test_a_full_disk_at_the_start_does_not_keep_the_agent_from_starting(
    tmp_path: Path, video: Path, flashes: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that no event names can be offered at the next start as well."""

    def full(*_: object) -> int:
        raise OutboxError("the disk is full")

    monkeypatch.setattr(UploadQueue, "add_strays", full)
    agent = make_agent(tmp_path, [camera(video)])
    assert agent.run(once=True) == 0
    assert len([event for event in events_of(agent) if event.event_type == "sensor"]) == 2


def test_cameras_do_not_wait_until_all_files_of_evidence_are_looked_at(
    tmp_path: Path, video: Path, flashes: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """There may be half a million; the agent ends in the middle of it, too."""
    ended: list[bool] = []

    def endless(_uploads: object, _folder: Path, _now_s: float, stop: threading.Event) -> int:
        ended.append(stop.wait(60))
        return 0

    monkeypatch.setattr(UploadQueue, "add_strays", endless)
    agent = make_agent(tmp_path, [camera(video)])
    assert agent.run(once=True) == 0
    assert len([event for event in events_of(agent) if event.event_type == "sensor"]) == 2
    assert ended == [True]


@pytest.mark.services
def test_a_live_camera_its_states_commands_and_delivery(
    tmp_path: Path, video: Path, flashes: dict[str, int], mosquitto: Mosquitto
) -> None:
    acker = Acker(mosquitto.port, TOPICS)
    with rtsp_camera(video) as url:
        agent = make_agent(
            tmp_path, [{"id": "cam", "source": url, "analyzers": ["falling"]}],
            broker={"url": mosquitto.url}, health={"interval_s": 0.5},
        )  # fmt: skip
        running = threading.Thread(target=agent.run)
        running.start()
        wait_until(lambda: (acker.last(TOPICS.camera_status("cam")) or {}).get("state") == "up", "the camera is up", 20)
        wait_until(lambda: [event for event in acker.events if event.event_type == "sensor"], "a flash", 20)
        acker.publish(TOPICS.command("snapshot"), command("snapshot", "c-1", camera="cam"))
        wait_until(lambda: acker.last(TOPICS.reply("c-1")), "the snapshot's reply")
        reply = acker.last(TOPICS.reply("c-1"))
        assert reply is not None
        assert list((tmp_path / "data" / "evidence").glob(f"*/{reply['evidence_sha256']}.jpg"))
        acker.publish(TOPICS.command("clip"), command("clip", "c-2", camera="cam", seconds=2))
        acker.publish(TOPICS.command("snapshot"), command("snapshot", "c-3", camera="none"))
        acker.publish(TOPICS.command("test-event"), command("test-event", "c-4"))
        acker.publish(TOPICS.command("logs"), command("logs", "c-5"))
        ranges = (ReplayRange(outbox_id=str(agent.outbox.outbox_id), from_sequence=1, to_sequence=1),)
        acker.publish(TOPICS.command("replay"), command("replay", "c-6", ranges=ranges))
        for identity in ("c-2", "c-3", "c-4", "c-5", "c-6"):
            wait_until(lambda identity=identity: acker.last(TOPICS.reply(identity)), f"reply {identity}", 20)
        answers = {
            identity: acker.last(TOPICS.reply(identity)) or {} for identity in ("c-2", "c-3", "c-4", "c-5", "c-6")
        }
        assert [answer["ok"] for answer in answers.values()] == [True, False, True, True, True]
        assert "no camera 'none'; there are cam" in answers["c-3"]["text"]
        wait_until(lambda: [event for event in acker.events if event.replayed and event.sequence == 1], "the replay")
        wait_until(lambda: (acker.last(TOPICS.health) or {"cameras": [{"fps": 0}]})["cameras"][0]["fps"] > 5, "health")
        health = acker.last(TOPICS.health)
        assert health is not None
        assert health["memory_mb"] > 10
    wait_until(lambda: (acker.last(TOPICS.camera_status("cam")) or {}).get("state") == "down", "the camera is gone", 30)
    agent.stop()
    running.join(30)
    assert not running.is_alive()
    wait_until(lambda: (acker.last(TOPICS.status) or {})["state"] == "stopping", "stopping is said")
    states = [event.data["state"] for event in acker.events if event.event_type == "camera" and not event.replayed]
    assert states[0] == "up"
    assert "down" in states
    assert set(acker.sequences()) == set(range(1, len(set(acker.sequences())) + 1))
    acker.stop()


@contextmanager
def rtsp_camera(video: Path) -> Iterator[str]:
    """The simulator's camera as its own process, looping; gives its address."""
    port = free_port()
    arguments = [sys.executable, "-m", "simulator", "camera", str(video), "--port", str(port), "--loop"]
    process = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        wait_for_port(port, process, 30)
        yield f"rtsp://127.0.0.1:{port}/main"
    finally:
        process.kill()
        process.wait()


def command(name: str, identity: str, **more: Any) -> str:
    now = datetime.now(UTC)
    expires = now + timedelta(seconds=60)
    return Command.model_validate(
        {"id": identity, "name": name, "issued_at": now, "expires": expires, **more}
    ).model_dump_json()


def edge(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, **options
    )


def test_check_says_what_is_wrong(tmp_path: Path, video: Path) -> None:
    config = {
        "site": "west", "edge": "box", "data_dir": "data", "models_dir": str(tmp_path / "no-models"),
        "broker": {"url": "mqtt://127.0.0.1:9"}, "collector": {"url": "http://127.0.0.1:9"},
        "cameras": [
            camera(video, "good"), camera(tmp_path / "none.mp4", "missing"),
            {"id": "dead", "source": "rtsp://me:secret@127.0.0.1:9/main", "analyzers": ["plates"], "timeout_s": 1},
        ],
    }  # fmt: skip
    path = tmp_path / "agent.yaml"
    path.write_text(yaml.safe_dump(config))
    done = edge("check", str(path), "--show")
    assert done.returncode == 1
    said = done.stdout
    assert "secret" not in said + done.stderr
    assert "ok   camera good" in said
    assert "160 x 120 pixels of h264" in said
    assert "BAD  camera missing" in said
    assert "there is no such file" in said
    assert "BAD  camera dead" in said
    assert "BAD  analyzers of dead" in said
    assert "manifest.json" in said
    assert "BAD  broker: broker mqtt://127.0.0.1:9: not reached" in said
    assert "BAD  collector: collector http://127.0.0.1:9" in said


@pytest.mark.services
def test_check_is_content_when_all_is_there(tmp_path: Path, video: Path, mosquitto_url: str) -> None:
    config = {"site": "west", "edge": "box", "data_dir": "data", "broker": {"url": mosquitto_url}}
    path = tmp_path / "agent.yaml"
    path.write_text(yaml.safe_dump(config | {"cameras": [camera(video) | {"analyzers": ["plates"]}]}))
    done = edge("check", str(path))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, f"{path}: all well"), done.stdout
    assert "TLS" not in done.stdout  # on this box nobody is on the way
    elsewhere = mosquitto_url.replace("127.0.0.1", "0.0.0.0")  # leads here too, but only some systems say so
    path.write_text(yaml.safe_dump(config | {"broker": {"url": elsewhere}, "cameras": [camera(video)]}))
    done = edge("check", str(path))
    assert done.returncode == 0
    assert f"broker: {elsewhere} admits us (MQTT 5), but without TLS" in done.stdout
    assert "use mqtts://" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("run", "no-such.yaml"), "no-such.yaml: cannot be read"),
        (("check", "no-such.yaml"), "no-such.yaml: cannot be read"),
        (("run",), "give a CONFIG file, or --source with --analyzer"),
        (("run", "--once", "--source", "x.mp4", "--analyzer", "birds"), "'birds' is not one of 'falling', 'plates'"),
        (("run", "--source", "foo://x", "--analyzer", "plates"), "begins with rtsp://"),
        (("outbox", "check", "no-such.db"), "there is no such file"),
        (("outbox", "list", "no-such.db"), "there is no such file"),
        (("outbox", "check", "."), "this is a folder; give the outbox's file, such as outbox.db"),
        (("outbox", "list", "."), "this is a folder; give the outbox's file, such as outbox.db"),
    ],
)
def test_bad_input_on_the_command_line_is_told(arguments: tuple[str, ...], expected: str) -> None:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code != 0
    assert expected in done.output
    assert isinstance(done.exception, SystemExit), "an error message, not an exception"


def test_a_file_that_is_not_video_is_told(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("this is not video")
    done = edge("run", "--once", "--source", str(tmp_path / "text.mp4"), "--analyzer", "plates")
    assert done.returncode == 1
    assert "not a video file" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_sigterm_ends_the_agent_orderly(tmp_path: Path, video: Path) -> None:
    path = tmp_path / "agent.yaml"
    cameras = [camera(video, realtime=True) | {"analyzers": ["plates"]}]
    path.write_text(yaml.safe_dump({"site": "west", "edge": "box", "data_dir": "data", "cameras": cameras}))
    process = subprocess.Popen(
        [sys.executable, "-m", "edge", "run", str(path)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    assert "camera cam: up" in line
    begin = time.monotonic()
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(15) == 0
    assert time.monotonic() - begin < 10
    listed = edge("outbox", "list", "--json", str(tmp_path / "data" / "outbox.db"))
    assert json.loads(listed.stdout) == []
    assert edge("outbox", "check", str(tmp_path / "data" / "outbox.db")).returncode == 0
