"""How a stream's word and the view's word become one state: a stream that is not well counts more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from contract.status import CameraStatus
from edge.agent import CameraStates
from edge.clock import SystemClock
from edge.config import CameraSettings
from edge.health import CameraMeter
from edge.outbox import Outbox
from edge.reporting import Reporter

CLOCK = SystemClock()
CORNERS = [[0.1, 0.1], [0.2, 0.1], [0.2, 0.2]]


def camera(**settings: object) -> CameraSettings:
    raw = {"id": "gate", "source": "rtsp://camera/1", "analyzers": ["falling"], **settings}
    return CameraSettings.model_validate(raw)


@dataclass
class Told:
    """The states under test, what was published as retained status, and the outbox with the history."""

    states: CameraStates
    published: list[tuple[str, str]]
    outbox: Outbox

    def history(self) -> list[tuple[str | None, str]]:
        bodies = [json.loads(event.body)["data"] for event in self.outbox.events(after=0, limit=100)]
        return [(body.get("previous"), body["state"]) for body in bodies]


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    outbox = Outbox.open(tmp_path / "outbox.db", CLOCK)
    published: list[tuple[str, str]] = []

    def publish(_: str, status: CameraStatus) -> None:
        published.append((status.state, status.reason))

    reporter = Reporter("west", "box", outbox, CLOCK)
    yield Told(CameraStates(camera(), CameraMeter("gate", CLOCK), reporter, publish), published, outbox)
    outbox.close()


def test_the_view_speaks_while_the_stream_is_well(told: Told) -> None:
    told.states.told_by_stream("up", "")
    told.states.told_by_view("blurred", "drops")
    told.states.told_by_view("up", "")
    assert told.published == [("up", ""), ("blurred", "drops"), ("up", "")]
    assert told.history() == [(None, "up"), ("up", "blurred"), ("blurred", "up")]


def test_a_stream_that_comes_back_brings_the_view_s_trouble_back(told: Told) -> None:
    told.states.told_by_stream("up", "")
    told.states.told_by_view("moved", "turned")
    told.states.told_by_stream("down", "no frame")
    told.states.told_by_stream("up", "")
    assert [state for state, _ in told.published] == ["up", "moved", "down", "moved"]


def test_a_blind_camera_stays_blind_whatever_its_view_said(told: Told) -> None:
    told.states.told_by_stream("blind", "dark")
    told.states.told_by_view("up", "")
    assert told.published == [("blind", "dark")]


@pytest.mark.parametrize(
    "drawn",
    [
        {"falling": {"ignore": [CORNERS]}},
        {"plates": {"lanes": [{"name": "in", "polygon": CORNERS}]}},
        {"privacy_masks": [CORNERS]},
    ],
)
def test_a_new_drawing_means_a_view_to_be_learned_anew(drawn: dict[str, object]) -> None:
    assert camera().drawing == camera(falling={"sensitivity": "high"}).drawing == ""
    assert camera(**drawn).drawing not in {"", camera(privacy_masks=[CORNERS[::-1]]).drawing}
