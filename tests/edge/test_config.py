"""Configuration: the examples run as they are; a mistake is told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from edge.config import AgentConfig, load, parse
from edge.errors import ConfigError
from edge.falling.settings import ColumnLine, FacadeSettings, FloorLine
from edge.plates.settings import Lane
from edge.plates.speed import SpeedScale

ROOT = Path(__file__).parents[2]
GOOD = """\
site: west
edge: gate-1
data_dir: var
cameras:
  - id: lane-1
    source: rtsp://10.0.0.2/main
    username: viewer
    password_env: LANE_1
    analyzers: [plates]
  - {id: tower, source: tower.mp4, analyzers: [falling, plates]}
"""


def parse_here(text: str) -> AgentConfig:
    return parse(text, Path("/etc/watchpost/agent.yaml"))


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("agent*.yaml")), ids=lambda path: path.name)
def test_every_example_loads(path: Path) -> None:
    assert load(path).cameras


def test_the_commented_example_names_every_key() -> None:
    text = (ROOT / "configs" / "agent.yaml").read_text()
    config = load(ROOT / "configs" / "agent.yaml")
    sections = [config, config.delivery, config.outbox, config.evidence, config.health, config.logging]
    sections += [config.watchlist, config.privacy]
    sections += [
        config.cameras[0],
        config.cameras[0].falling,
        config.cameras[1].plates,
        config.broker,
        config.collector,
    ]
    kinds: list[type[BaseModel]] = [type(section) for section in sections if section is not None]
    kinds += [FacadeSettings, FloorLine, ColumnLine, Lane, SpeedScale]
    missing = [key for kind in kinds for key in kind.model_fields if f"{key}:" not in text]
    assert missing == []


def test_paths_start_at_the_file_and_passwords_come_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    config = parse_here(GOOD)
    assert config.data_dir == Path("/etc/watchpost/var")
    assert config.cameras[1].source == "/etc/watchpost/tower.mp4"
    lane = config.cameras[0]
    with pytest.raises(ConfigError, match="LANE_1 is not set"):
        lane.address(lane.source)
    monkeypatch.setenv("LANE_1", "p@ss/word")
    assert lane.address(lane.source) == "rtsp://viewer:p%40ss%2Fword@10.0.0.2/main"


def test_no_password_is_ever_shown() -> None:
    config = parse_here(GOOD.replace("rtsp://10.0.0.2/main", "rtsp://viewer:hunter2@10.0.0.2/main"))
    assert "hunter2" not in str(config.redacted())
    assert config.redacted()["cameras"][0]["source"] == "rtsp://viewer:***@10.0.0.2/main"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("source: rtsp", "sorce: rtsp"), ["agent.yaml:6: cameras.0.sorce: unknown key; did you mean 'source'?"]),
        (("site: west", "site: West Side"), ["agent.yaml:1: site: ", "found 'West Side'"]),
        (("data_dir: var\n", ""), ["data_dir: Field required"]),
        (("[plates]", "[plate]"), ["cameras.0.analyzers.0: Input should be 'falling' or 'plates', found 'plate'"]),
        (("id: tower", "id: lane-1"), ["the id 'lane-1' is used twice"]),
        (("edge: gate-1", "edge: collector"), ["'collector' is reserved"]),
        (("edge: gate-1", "edge: gate-1\nedge: gate-2"), ["agent.yaml:3: the key 'edge' stands twice"]),
        (("site: west", "site: [west"), ["not YAML", "line 2"]),
        (("data_dir: var", "data_dir: var\nbroker: {url: 'mqtt://me:secret@host'}"), ["broker.url", "without user"]),
        (("data_dir: var", "data_dir: var\nfrobnicate: 1"), ["frobnicate: unknown key; expected one of broker,"]),
        (("rtsp://", "foo://me:secret@"), ["agent.yaml:6: cameras.0.source: ", "begins with rtsp://"]),
        (("id: tower,", "id: tower, plates: {min_plate_width: 9},"), ["did you mean 'min_plate_width_px'?"]),
    ],
)
def test_a_mistake_names_file_line_key_and_expectation(change: tuple[str, str], expected: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_here(GOOD.replace(*change))
    for part in expected:
        assert part in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "just words", "- a\n- list"])
def test_what_is_no_configuration_is_told(text: str) -> None:
    with pytest.raises(ConfigError, match="expected keys such as site"):
        parse_here(text)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.yaml")


def test_a_bare_5_is_a_protocol() -> None:
    config = parse_here(GOOD + "broker: {url: 'mqtts://host', protocol: 5}\n")
    assert config.broker is not None
    assert (config.broker.protocol, config.broker.port, config.broker.tls) == ("5", 8883, True)
