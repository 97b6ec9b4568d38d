"""`privacy.plates: hashed` and the watch list's key: configuration, checks, what health says."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from peers import Acker, wait_until
from services import Mosquitto

from contract.commands import Watchlist
from contract.envelope import parse_event
from contract.events import EventType, PlatePassageData, PlateRead, SensorData
from contract.plate_keys import PlateKey
from contract.topics import EdgeTopics
from edge import agent as agent_module
from edge.__main__ import main
from edge.agent import Agent
from edge.clock import SystemClock
from edge.config import parse
from edge.errors import ConfigError
from edge.inference import ModelStore
from edge.outbox import Outbox
from edge.privacy import PlatesHashed
from edge.types import Finding, Frame, Picture
from simulator.video import encode

CLOCK = SystemClock()
NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)
TOPICS = EdgeTopics("west", "box")
KEY = PlateKey(bytes(range(32)))


class OnceAnalyzer:
    """One finding with a picture and the wish for a clip, at the first frame."""

    def __init__(self) -> None:
        self._told = False

    def observe(self, frame: Frame) -> Sequence[Finding]:
        told, self._told = self._told, True
        if told:
            return []
        data = SensorData(sensor="cam", kind="flash", alarm=True)
        pictures = (Picture("snapshot", frame.bgr()),)
        return [Finding("cam", EventType.SENSOR, frame.captured_at, 0.0, 0.1, data, pictures)]

    def finish(self) -> Sequence[Finding]:
        return []


@pytest.fixture
def video(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)

    def frames() -> Iterator[Any]:
        for _ in range(25):
            yield rng.normal(90, 4, (120, 160, 3)).clip(0, 255).astype(np.uint8)

    encode(frames(), tmp_path / "street.mp4", fps=25, bitrate_kbps=400, gop=25)
    return tmp_path / "street.mp4"


def put_key(path: Path, key: PlateKey = KEY, mode: int = 0o600) -> str:
    path.write_text(key.secret.hex())
    path.chmod(mode)
    return str(path)


def config_text(video: Path, **sections: Any) -> str:
    camera = {"id": "cam", "source": str(video), "analyzers": ["falling"]} | sections.pop("camera", {})
    return yaml.safe_dump({"site": "west", "edge": "box", "data_dir": "data", "cameras": [camera], **sections})


def make_agent(folder: Path, video: Path, **sections: Any) -> Agent:
    return Agent(parse(config_text(video, **sections), folder / "agent.yaml"), CLOCK, random.Random(5), lambda: "")


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"privacy": {"plates": "hashed"}}, "needs a key_file"),
        ({"privacy": {"plates": "blurred"}}, "'clear' or 'hashed'"),
        ({"privacy": {"plates": "hashed", "key_file": "k"}, "watchlist": {"key_file": "k"}}, "make another key"),
        ({"watchlist": {"keyfile": "k"}}, "did you mean 'key_file'"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(tmp_path: Path, sections: Any, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(config_text(tmp_path / "v.mp4", **sections), tmp_path / "agent.yaml")
    assert words in str(caught.value)


@pytest.mark.parametrize("content", [None, "no key", ""])
def test_without_its_key_an_agent_that_must_hash_does_not_start(
    tmp_path: Path, video: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "k").write_text(content)
    with pytest.raises(ConfigError, match=r"privacy\.key_file: .*watchlist new-key"):
        make_agent(tmp_path, video, privacy={"plates": "hashed", "key_file": "k"})


def test_check_looks_at_both_keys_and_warns_of_one_that_everybody_may_read(tmp_path: Path, video: Path) -> None:
    put_key(tmp_path / "list.key", mode=0o644)
    put_key(tmp_path / "passages.key")
    sections = {"watchlist": {"key_file": "list.key"}, "privacy": {"plates": "hashed", "key_file": "passages.key"}}
    (tmp_path / "agent.yaml").write_text(config_text(video, **sections))
    good = CliRunner().invoke(main, ["check", str(tmp_path / "agent.yaml")])
    assert good.exit_code == 0, good.output
    assert "!!   watchlist.key_file: watchlist.key_file: everybody on this machine" in good.output
    assert f"ok   privacy.key_file: key {KEY.key_id}" in good.output
    (tmp_path / "list.key").unlink()
    bad = CliRunner().invoke(main, ["check", str(tmp_path / "agent.yaml")])
    assert bad.exit_code == 1
    assert "BAD  watchlist.key_file" in bad.output
    assert KEY.secret.hex() not in good.output + bad.output


def passage(read: PlateRead | None, readable: bool) -> Finding:
    data = PlatePassageData(
        camera="gate", passage_id="p", stage="final", readable=readable, plate=read, first_seen=NOW, last_seen=NOW,
        frames_read=5,
    )  # fmt: skip
    frame = np.zeros((60, 80, 3), np.uint8)
    pictures = (Picture("snapshot", frame), Picture("plate", frame[:9, :40]))
    return Finding("gate", EventType.PLATE_PASSAGE, NOW, 0.0, 1.0, data, pictures)


def test_a_passage_keeps_kind_and_colour_and_loses_its_text() -> None:
    read = PlateRead(
        text="京A12345", kind="small_blue", colour="blue", confidence=0.9, alternatives=(("京A12346", 0.1),)
    )
    told = PlatesHashed(KEY, ModelStore()).discreet(passage(read, readable=True))
    written = told.data.model_dump_json()
    assert "12345" not in written
    assert "12346" not in written
    assert isinstance(told.data, PlatePassageData)
    assert told.data.plate_digest == KEY.digest("passage", "京A12345")
    assert (told.data.plate_kind, told.data.plate_colour, told.data.readable) == ("small_blue", "blue", True)
    assert [picture.role for picture in told.pictures] == ["snapshot"]


def test_an_unreadable_passage_has_no_hash_and_loses_what_it_may_have_been() -> None:
    read = PlateRead(text="", kind="unknown", colour="blue", confidence=0.0, alternatives=(("京A12346", 0.4),))
    told = PlatesHashed(KEY, ModelStore()).discreet(passage(read, readable=False))
    assert "12346" not in told.data.model_dump_json()
    assert isinstance(told.data, PlatePassageData)
    assert told.data.plate_digest is None


def test_a_clip_is_made_and_follows_its_event(tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_module, "ANALYZERS", {"falling": lambda _camera, _tools: OnceAnalyzer()})
    put_key(tmp_path / "k")
    agent = make_agent(tmp_path, video, privacy={"plates": "hashed", "key_file": "k"})
    assert agent.run(once=True) == 0
    outbox = Outbox.open(agent.outbox.path, CLOCK)
    flash, clip = (parse_event(one.payload(outbox.outbox_id, False)) for one in outbox.events(limit=10))
    outbox.close()
    assert [ref["role"] for ref in flash.data["evidence"]] == ["snapshot"]
    assert clip.event_type == EventType.EVIDENCE
    assert clip.data["event_id"] == str(flash.id)
    assert [ref["role"] for ref in clip.data["evidence"]] == ["clip"]
    assert len(list((tmp_path / "data").rglob("*.mp4"))) == 1


@pytest.mark.services
def test_lists_over_a_real_broker_are_taken_or_told_in_health(
    tmp_path: Path, video: Path, mosquitto: Mosquitto
) -> None:
    put_key(tmp_path / "list.key")
    put_key(tmp_path / "passages.key", PlateKey(bytes(32)))
    acker = Acker(mosquitto.port, TOPICS)
    agent = make_agent(
        tmp_path, video, broker={"url": mosquitto.url}, health={"interval_s": 0.2},
        camera={"realtime": True}, watchlist={"key_file": "list.key"},
        privacy={"plates": "hashed", "key_file": "passages.key"},
    )  # fmt: skip
    running = threading.Thread(target=agent.run)
    running.start()

    def problems() -> str:
        return " | ".join((acker.last(TOPICS.health) or {"problems": ["no health yet"]})["problems"])

    def send(revision: int, key: PlateKey = KEY) -> None:
        found = Watchlist(list_id="stolen", revision=revision, key_id=key.key_id, entries=())
        acker.publish(TOPICS.watchlist, found.model_dump_json(), retain=True)

    wait_until(lambda: "no watch list has come yet" in problems(), "the list is missed", 20)
    acker.publish(TOPICS.watchlist, '{"list_id": "stolen", "entries": 5}', retain=True)
    wait_until(lambda: "watch list refused" in problems(), "a bad list is told")
    send(2)
    wait_until(lambda: problems() == "", "a good list heals it")
    send(3, PlateKey(bytes(32)))
    wait_until(lambda: "revision 2 stays" in problems(), "a list of another key is told")
    send(1)
    wait_until(lambda: "publish it with a higher revision" in problems(), "an old list is told")
    agent.stop()
    running.join(20)
    acker.stop()
