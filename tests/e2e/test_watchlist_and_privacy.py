"""Watched plates on real video: told in time, told without broker and collector, told alone where plates are hashed."""

from __future__ import annotations

import json
import random
import signal
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from collector_process import CollectorProcess, MqttPeer
from peers import Acker, wait_until
from plate_fonts import needs_fonts
from services import Mosquitto

from collector.__main__ import main as collector_main
from contract.commands import Watchlist, WatchlistEntry
from contract.envelope import Envelope, parse_event
from contract.events import EventType, PlatePassageData, SensorData, WatchlistHitData
from contract.plate_keys import PlateKey
from contract.topics import EdgeTopics
from edge import agent as agent_module
from edge.agent import Agent, Tools
from edge.clock import SystemClock
from edge.config import CameraSettings, parse
from edge.inference import ModelStore
from edge.outbox import NewEvent, Outbox
from edge.plates.analyzer import PlatesAnalyzer
from edge.plates.settings import PlatesSettings
from edge.plates.speed import speed_class
from edge.privacy import PlatesHashed
from edge.sources.file import FileSource
from edge.types import Bgr, Finding, Frame, Picture
from simulator.checkpoint.scene import CheckpointScene
from simulator.scenes import CameraSpec, build_scene
from simulator.truth import PassageTruth
from simulator.video import encode

CLOCK = SystemClock()
TOPICS = EdgeTopics("west", "box")
KEY = PlateKey(bytes(range(32)))
HIT_WITHIN_S = 0.5


pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(300),
    needs_fonts,
]


@dataclass(frozen=True)
class Street:
    """Seven seconds of traffic as a video file, and who drove there."""

    video: Path
    installation: dict[str, Any]
    plates: tuple[str, ...]
    speeds_kmh: dict[str, float]
    speed: dict[str, Any]
    """Two lines 8 m apart, as an installer would draw and measure them."""


def _speed_scale(scene: CheckpointScene) -> dict[str, Any]:
    view, size = scene._view, np.array(scene.size)

    def line(ahead_m: float) -> list[list[float]]:
        ends = np.array([[view.x - 0.5, ahead_m, 0.0], [view.x + 0.5, ahead_m, 0.0]])
        return [[float(x), float(y)] for x, y in view.project(ends)[0] / size]

    return {"lines": [line(22.0), line(14.0)], "metres": 8.0, "camera_height_m": view.height}


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Street:
    scene = build_scene(CameraSpec(id="gate", scene="checkpoint", fps=12.5, duration_s=7.2), 4)
    assert isinstance(scene, CheckpointScene)
    path = tmp_path_factory.mktemp("street") / "gate.mp4"
    encode((scene.frame(index) for index in range(scene.frame_count)), path, fps=12.5, bitrate_kbps=6000, gop=25)
    plates = tuple(record.plate for record in scene.truth() if isinstance(record, PassageTruth))
    assert len(set(plates)) >= 2
    speeds = {vehicle.plate: 3.6 * abs(vehicle.speed_mps) for vehicle in scene._vehicles}
    return Street(path, scene.installation()["plates"], plates, speeds, _speed_scale(scene))


@dataclass
class Watched:
    """The real analyzer; notes when it was given the frame that made two readings of a plate agree."""

    analyzer: PlatesAnalyzer
    agreed: dict[str, float] = field(default_factory=dict)
    """Passage → monotonic seconds, before the frame was looked at."""

    def observe(self, frame: Frame) -> Sequence[Finding]:
        begun = time.monotonic()
        findings = self.analyzer.observe(frame)
        for passage in self.analyzer._tracker.open:
            if passage.vote.verdict().agreeing >= 2:
                self.agreed.setdefault(passage.id, begun)
        return findings

    def finish(self) -> Sequence[Finding]:
        return self.analyzer.finish()


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[Watched]:
    made: list[Watched] = []

    def build(camera: CameraSettings, tools: Tools) -> Watched:
        analyzer = PlatesAnalyzer(camera.id, camera.plates, tools.models, watch=tools.watch)
        made.append(Watched(analyzer))
        return made[-1]

    monkeypatch.setattr(agent_module, "ANALYZERS", {**agent_module.ANALYZERS, "plates": build})
    return made


def make_agent(folder: Path, street: Street, **sections: Any) -> Agent:
    camera = {"id": "gate", "source": str(street.video), "analyzers": ["plates"], "plates": street.installation}
    camera |= sections.pop("camera", {})
    config = {"site": "west", "edge": "box", "data_dir": "data", "cameras": [camera], **sections}
    folder.mkdir(exist_ok=True)
    return Agent(parse(yaml.safe_dump(config), folder / "agent.yaml"), CLOCK, random.Random(5), lambda: "")


def put_key(path: Path, key: PlateKey = KEY) -> str:
    path.touch(mode=0o600)
    path.write_text(key.secret.hex())
    return str(path)


def put_list(folder: Path, *plates: str) -> None:
    """As the agent has stored it when it came."""
    until = datetime.now(UTC) + timedelta(days=1)
    entries = tuple(
        WatchlistEntry(
            entry_id=f"entry-{number}",
            exact=KEY.digest("exact", plate),
            folded=KEY.digest("folded", plate),
            expires=until,
        )
        for number, plate in enumerate(plates)
    )
    found = Watchlist(list_id="stolen", revision=1, key_id=KEY.key_id, entries=entries)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "watchlist.json").write_text(found.model_dump_json())


def events_of(agent: Agent) -> list[Envelope]:
    outbox = Outbox.open(agent.outbox.path, CLOCK)
    events = [parse_event(one.payload(outbox.outbox_id, False)) for one in outbox.events(limit=1000)]
    outbox.close()
    return events


def of_type(events: Sequence[Envelope], event_type: EventType) -> list[Envelope]:
    return [event for event in events if event.event_type is event_type]


@pytest.fixture
def collector(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[CollectorProcess]:
    running = CollectorProcess(tmp_path / "collector", mosquitto.url)
    running.start()
    yield running
    running.end(signal.SIGKILL)


@pytest.mark.services
@pytest.mark.parametrize("plates", ["clear", "hashed"])
def test_a_watched_plate_is_told_within_half_a_second_and_becomes_an_alert(
    tmp_path: Path,
    street: Street,
    mosquitto: Mosquitto,
    collector: CollectorProcess,
    watched: list[Watched],
    plates: str,
) -> None:
    privacy = {"plates": plates, "key_file": put_key(tmp_path / "passages.key")} if plates == "hashed" else {}
    key = tmp_path / "list.key"
    table = tmp_path / "list.csv"
    assert CliRunner().invoke(collector_main, ["watchlist", "new-key", str(key)]).exit_code == 0
    table.write_text("plate,entry,until\n" + "".join(f"{p},e{n},2099-01-01\n" for n, p in enumerate(street.plates)))
    to = ["--edge", "west/box", "--mqtt-url", mosquitto.url]
    publish = ["watchlist", "publish", str(table), "--key-file", str(key), *to]
    assert CliRunner().invoke(collector_main, publish).exit_code == 0
    peer = MqttPeer(mosquitto.port, "watchpost/v1/west/#")
    agent = make_agent(
        tmp_path / "box", street, broker={"url": mosquitto.url}, watchlist={"key_file": str(key)},
        camera={"realtime": True}, delivery={"ack_timeout_s": 60}, privacy=privacy,
    )  # fmt: skip
    running = threading.Thread(target=agent.run)
    running.start()
    wait_until(lambda: len(peer.on("/alert/critical/watchlist_hit")) == len(street.plates), "every alert", 60)
    agent.stop()
    running.join(30)
    peer.stop()
    came = {}
    for topic, content, _, at_s in peer.heard:
        if "/event/watchlist_hit/gate" in topic:
            hit = json.loads(content)["data"]
            came[hit["passage_id"]] = at_s
            assert (hit["rule"], hit["late"]) == ("exact", False)
            assert hit["evidence"]
    [analyzer] = watched
    delays = sorted(at_s - analyzer.agreed[passage] for passage, at_s in came.items())
    told_ms = [round(1e3 * delay) for delay in delays]
    print(f"{plates}: watchlist_hit at an MQTT client after the second agreeing read: {told_ms} ms")
    assert len(delays) == len(street.plates) >= 2
    assert delays[0] > 0
    assert statistics.median(delays) < HIT_WITHIN_S
    titles = [alert["title"] for alert in peer.on("/alert/critical/watchlist_hit")]
    assert all("Watched plate" in title and "exact match" in title for title in titles)
    assert not any(plate in title for plate in street.plates for title in titles)


@pytest.mark.services
def test_a_hit_is_made_without_broker_and_collector_and_arrives_later(
    tmp_path: Path, street: Street, mosquitto: Mosquitto
) -> None:
    mosquitto.kill()
    put_list(tmp_path / "box" / "data", street.plates[0])
    section = {"key_file": put_key(tmp_path / "list.key")}
    alone = make_agent(tmp_path / "box", street, broker={"url": mosquitto.url}, watchlist=section)
    assert alone.run(once=True, drain_s=0.1) == 0
    [hit] = of_type(events_of(alone), EventType.WATCHLIST_HIT)
    assert hit.data["plate"]["text"] == street.plates[0]
    mosquitto.start()
    acker = Acker(mosquitto.port, TOPICS)
    dark = tmp_path / "dark.mp4"
    encode((np.zeros((120, 160, 3), np.uint8) for _ in range(10)), dark, fps=10, bitrate_kbps=100)
    again = make_agent(
        tmp_path / "box", street, broker={"url": mosquitto.url}, watchlist=section, camera={"source": str(dark)}
    )
    assert again.run(once=True) == 0
    acker.stop()
    [arrived] = of_type(acker.events, EventType.WATCHLIST_HIT)
    assert (arrived.id, arrived.sequence) == (hit.id, hit.sequence)


def _texts_in(bgr: Bgr) -> set[str]:
    """What our own detector and reader find in a picture, by showing it to them for a second."""
    luma = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), np.uint8)
    reader = PlatesAnalyzer("again", PlatesSettings(min_plate_width_px=24, relook_interval_s=0.05), ModelStore())
    found: list[Finding] = []
    for index in range(12):
        found += reader.observe(Frame("again", index, index * 0.1, datetime.now(UTC), luma, lambda: bgr))
    found += reader.finish()
    data = [finding.data for finding in found]
    return {
        one.plate.text for one in data if isinstance(one, PlatePassageData) and one.plate is not None and one.readable
    }


def _load(picture: Path) -> Bgr:
    return np.asarray(cv2.imread(str(picture)), np.uint8)


@pytest.mark.parametrize("event_type", [None, EventType.FALLING_OBJECT, EventType.SENSOR])
def test_every_plate_is_covered_in_pictures_of_any_event_and_of_none(
    street: Street, event_type: EventType | None
) -> None:
    video = cv2.VideoCapture(str(street.video))
    video.set(cv2.CAP_PROP_POS_FRAMES, 60)
    picture = np.asarray(video.read()[1], np.uint8)
    video.release()
    privacy = PlatesHashed(KEY, ModelStore())
    assert len(_texts_in(picture)) >= 2
    shown = privacy.cover(Picture("snapshot", picture), event_type)
    assert shown.shape == picture.shape
    assert _texts_in(shown) == set()
    assert (shown == picture).mean() > 0.9, "the rest of the picture stays"


class AsksOnce:
    """An analyzer that finds something in the first frame and wants a clip of it."""

    def __init__(self) -> None:
        self._asked = False

    def observe(self, frame: Frame) -> Sequence[Finding]:
        if self._asked:
            return ()
        self._asked = True
        data = SensorData(sensor="bell", kind="bell", alarm=True)
        return [Finding("gate", EventType.SENSOR, frame.captured_at, 0.0, 5.0, data, (), wants_clip=True)]

    def finish(self) -> Sequence[Finding]:
        return ()


def test_a_clip_of_hashed_plates_shows_the_traffic_and_no_plate(
    tmp_path: Path, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_module, "ANALYZERS", {"plates": lambda _camera, _tools: AsksOnce()})
    privacy = {"plates": "hashed", "key_file": put_key(tmp_path / "passages.key")}
    agent = make_agent(tmp_path / "box", street, privacy=privacy)
    assert agent.run(once=True) == 0
    [clip] = (tmp_path / "box" / "data" / "evidence").rglob("*.mp4")
    shown = [_texts_in(picture) for picture in _pictures_of(clip, every=9)]
    original = [_texts_in(picture) for picture in _pictures_of(street.video, every=9)]
    assert sum(map(len, original)) >= 4, "there is something to hide"
    assert set().union(*shown) == set()


def _pictures_of(path: Path, every: int) -> Iterator[Bgr]:
    """Each so-manieth picture of a video; a clip must not be empty."""
    video = cv2.VideoCapture(str(path))
    count = 0
    while (read := video.read())[0]:
        if count % every == 0:
            yield np.asarray(read[1], np.uint8)
        count += 1
    video.release()
    assert count > 2 * every


def test_hashed_plates_leave_neither_in_words_nor_in_pictures_but_watched_ones_do(
    tmp_path: Path, street: Street
) -> None:
    box = tmp_path / "box"
    wanted, *others = street.plates
    secret = PlateKey(bytes(range(1, 33)))
    put_list(box / "data", wanted)
    watchlist = {"key_file": put_key(tmp_path / "list.key")}
    privacy = {"plates": "hashed", "key_file": put_key(tmp_path / "passages.key", secret)}
    agent = make_agent(box, street, watchlist=watchlist, privacy=privacy)
    assert agent.run(once=True) == 0
    events = events_of(agent)
    finals = [event.data for event in of_type(events, EventType.PLATE_PASSAGE) if event.data["stage"] == "final"]
    assert {data["plate_digest"] for data in finals} == {secret.digest("passage", plate) for plate in street.plates}
    assert {data["plate_key_id"] for data in finals} == {secret.key_id}
    assert all(data["plate"] is None and data["readable"] and data["plate_kind"] for data in finals)
    [hit] = of_type(events, EventType.WATCHLIST_HIT)
    assert hit.data["plate"]["text"] == wanted
    _check_pictures(box, events, wanted, street.plates)
    kept = b"".join(path.read_bytes() for path in (box / "data").rglob("*") if path.is_file())
    assert wanted.encode() in kept, "the hit is in clear: the search below would find a plate"
    for plate in others:
        assert plate.encode() not in kept
        assert json.dumps(plate).strip('"').encode() not in kept


def _check_pictures(box: Path, events: Sequence[Envelope], wanted: str, plates: tuple[str, ...]) -> None:
    def pictures(event_type: EventType, role: str) -> list[Path]:
        shas = [
            ref["sha256"]
            for event in of_type(events, event_type)
            for ref in event.data["evidence"]
            if ref["role"] == role
        ]
        return [next((box / "data" / "evidence").rglob(f"{sha256}.jpg")) for sha256 in shas]

    assert pictures(EventType.PLATE_PASSAGE, "plate") == []
    covered = pictures(EventType.PLATE_PASSAGE, "snapshot")
    assert len(covered) >= len(plates)
    for picture in covered:
        assert _texts_in(_load(picture)) == set(), picture
    [shown] = pictures(EventType.WATCHLIST_HIT, "snapshot")
    assert _texts_in(_load(shown)) == {wanted}
    assert len(pictures(EventType.WATCHLIST_HIT, "plate")) == 1


def test_rendered_traffic_has_the_speed_that_was_driven(street: Street) -> None:
    settings = PlatesSettings.model_validate({**street.installation, "speed": street.speed})
    reader = Watched(PlatesAnalyzer("gate", settings, ModelStore()))
    measured: dict[str, float] = {}
    told: dict[str, str | None] = {}
    for frame in FileSource("gate", street.video).frames():
        for finding in reader.observe(frame):
            if isinstance(finding.data, PlatePassageData) and finding.data.plate and finding.data.stage == "final":
                told[finding.data.plate.text] = finding.data.speed_class
        for passage in reader.analyzer._tracker.open:
            if passage.gauge is not None and passage.gauge.kmh is not None:
                measured[passage.vote.verdict().text] = passage.gauge.kmh
    print({plate: (round(kmh), round(street.speeds_kmh[plate])) for plate, kmh in measured.items()}, told)
    assert len(measured) >= 2
    for plate, kmh in measured.items():
        assert kmh == pytest.approx(street.speeds_kmh[plate], rel=0.12)
        assert told.get(plate, speed_class(kmh)) == speed_class(kmh)
    assert set(told.values()) - {None}


def test_a_key_that_is_handed_over_later_finds_what_has_passed_before(tmp_path: Path, street: Street) -> None:
    box = tmp_path / "box"
    put_list(box / "data", street.plates[0])
    agent = make_agent(box, street, watchlist={"key_file": str(tmp_path / "list.key")}, health={"interval_s": 0.2})
    heard: list[NewEvent] = []
    agent.reporter.on_stored = lambda event, _sequence: heard.append(event)
    running = threading.Thread(target=agent.run)
    running.start()

    def finals() -> set[str]:
        passages = [event.data for event in heard if isinstance(event.data, PlatePassageData)]
        return {one.plate.text for one in passages if one.stage == "final" and one.plate is not None}

    wait_until(lambda: street.plates[0] in finals(), "the vehicle has passed", 60)
    assert not any(isinstance(event.data, WatchlistHitData) for event in heard)
    put_key(tmp_path / "list.key")
    wait_until(lambda: any(isinstance(event.data, WatchlistHitData) for event in heard), "the late hit")
    agent.stop()
    running.join(30)
    [hit] = [event for event in heard if isinstance(event.data, WatchlistHitData)]
    assert isinstance(hit.data, WatchlistHitData)
    assert hit.data.late
    assert hit.data.plate.text == street.plates[0]
    assert hit.occurred_at == hit.data.seen_at
    assert [ref.role for ref in hit.data.evidence] == ["snapshot", "plate"]
    assert [file.sha256 for file in hit.files] == [ref.sha256 for ref in hit.data.evidence]
    assert street.plates[0] in _texts_in(_load(hit.files[0].path)), "the picture shows the watched vehicle"
