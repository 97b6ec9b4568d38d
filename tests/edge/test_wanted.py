"""A configuration that the centre asks for: judged, tried, kept when good, taken back when not."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from peers import Acker, wait_until
from services import Mosquitto

from contract.commands import ConfigDesired, ConfigReported
from contract.topics import EdgeTopics
from edge.config import AgentConfig, load
from edge.wanted import MOST_STARTS, Wanted

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CAMERA = {"id": "lane-1", "source": "rtsp://127.0.0.1:9/a", "analyzers": ["plates"]}


def desired(revision: int, **sections: Any) -> ConfigDesired:
    config = {"cameras": [CAMERA], **sections}
    canonical = json.dumps(config, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return ConfigDesired(revision=revision, sha256=hashlib.sha256(canonical.encode()).hexdigest(), config=config)


@pytest.fixture
def own(tmp_path: Path) -> AgentConfig:
    file = tmp_path / "agent.yaml"
    file.write_text(yaml.safe_dump({"site": "west", "edge": "gate-1", "data_dir": "data", "cameras": [CAMERA]}))
    return load(file)


def take(wanted: Wanted, asked: ConfigDesired) -> tuple[ConfigReported, bool]:
    """The report, and whether another run was asked for."""
    restarts: list[None] = []
    report = wanted.take(asked, NOW, lambda: restarts.append(None))
    return report, bool(restarts)


def test_a_good_one_is_tried_then_kept_and_runs_after_every_start(own: AgentConfig, tmp_path: Path) -> None:
    wanted = Wanted(own, tmp_path)
    assert wanted.choose() == own
    asked = desired(1, health={"interval_s": 7})
    report, restarted = take(wanted, asked)
    assert (report.revision, report.state, restarted) == (None, "default", True)
    assert wanted.choose().health.interval_s == 7
    assert wanted.choose().data_dir == own.data_dir
    report, restarted = take(wanted, asked)
    assert (report.revision, report.state, restarted) == (1, "applied", False)
    wanted.confirm()
    for _ in range(MOST_STARTS + 1):
        assert Wanted(own, tmp_path).choose().health.interval_s == 7


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        (desired(1, health={"interval_s": -1}), "health.interval_s"),
        (desired(1, broker={"url": "mqtt://elsewhere"}), "broker: only this edge's own file"),
        (desired(1, privacy={"plates": "clear"}), "privacy: only this edge's own file"),
        (desired(1, no_such_section={}), "no_such_section"),
        (desired(1).model_copy(update={"sha256": "0" * 64}), "sha256 is"),
    ],
)
def test_a_bad_one_is_refused_with_the_reason(
    own: AgentConfig, tmp_path: Path, asked: ConfigDesired, word: str
) -> None:
    wanted = Wanted(own, tmp_path)
    wanted.choose()
    report, restarted = take(wanted, asked)
    assert (report.state, restarted) == ("refused", False)
    assert word in report.errors[0]
    assert Wanted(own, tmp_path).choose() == own


def test_one_that_never_runs_long_is_taken_back_and_not_tried_again(own: AgentConfig, tmp_path: Path) -> None:
    good, bad = desired(1, health={"interval_s": 7}), desired(2, health={"interval_s": 8})
    wanted = Wanted(own, tmp_path)
    take(wanted, good)
    wanted.choose()
    wanted.confirm()
    take(wanted, bad)
    for _ in range(MOST_STARTS):
        assert Wanted(own, tmp_path).choose().health.interval_s == 8
    after = Wanted(own, tmp_path)
    assert after.choose().health.interval_s == 7
    report, restarted = take(after, bad)
    assert (report.revision, report.state, restarted) == (1, "refused", False)
    assert "3 times" in report.errors[0]
    assert "not newer than 1" in take(after, desired(1, health={"interval_s": 9}))[0].errors[0]


@pytest.mark.services
def test_the_agent_takes_it_over_the_broker_and_says_what_runs(mosquitto: Mosquitto, tmp_path: Path) -> None:
    topics = EdgeTopics("west", "gate-1")
    file = tmp_path / "agent.yaml"
    content = {
        "site": "west", "edge": "gate-1", "data_dir": "data", "cameras": [CAMERA], "broker": {"url": mosquitto.url},
    }  # fmt: skip
    file.write_text(yaml.safe_dump(content))
    acker = Acker(mosquitto.port, topics)
    with (tmp_path / "log").open("wb") as log:
        agent = subprocess.Popen([sys.executable, "-m", "edge", "run", str(file)], stdout=log, stderr=log)
    try:
        wait_until(lambda: acker.last(topics.birth), "the agent is there", 40)
        asked = desired(1, cameras=[CAMERA, {**CAMERA, "id": "lane-2"}])
        acker.publish(topics.config_desired, asked.model_dump_json(), retain=True)
        wait_until(lambda: (acker.last(topics.config_reported) or {}).get("revision") == 1, "it runs", 40)
        birth = acker.last(topics.birth)
        assert birth is not None
        assert [camera["id"] for camera in birth["cameras"]] == ["lane-1", "lane-2"]
        bad = desired(2, cameras=[])
        acker.publish(topics.config_desired, bad.model_dump_json(), retain=True)
        wait_until(lambda: (acker.last(topics.config_reported) or {}).get("state") == "refused", "it is refused", 20)
        report = acker.last(topics.config_reported)
        assert report is not None
        assert report["revision"] == 1
        assert "cameras" in report["errors"][0]
    finally:
        agent.terminate()
        agent.wait(30)
        acker.stop()
