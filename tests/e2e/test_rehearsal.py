"""The main job, whole: cameras by RTSP, agent, broker, collector, an operator's MQTT client, the score."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from contract.envelope import Envelope
from contract.events import EventType
from simulator.rehearsal import HeardAlert, Rehearsal, Score
from simulator.render import render_scenario
from simulator.scenario import Scenario
from simulator.scenes import CameraSpec
from simulator.score import BaselineMissed, check_baseline, figures

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

TOWER = CameraSpec(id="tower-1", scene="tower", width=960, height=540, duration_s=14, options={"falls": 1})
GATE = CameraSpec(id="gate-1", scene="checkpoint", width=960, height=540, duration_s=10)


@dataclass(frozen=True)
class Played:
    """What one rehearsal left behind."""

    score: Score
    events: list[Envelope]
    alerts: list[HeardAlert]
    evidence: dict[str, tuple[int, str]]
    """sha256 → HTTP status and the hash of what the collector gave for it."""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder: Path = tmp_path_factory.mktemp("rehearsal")
    scenario = Scenario(name="short", seed=11, cameras=(TOWER, GATE))
    rendered = render_scenario(scenario, folder / "scenes")
    with Rehearsal(rendered, folder / "run") as rehearsal:
        score = rehearsal.play_to_the_end(lambda _heard: None)
        events = list(rehearsal.events())
        evidence = {}
        for sha256 in {ref["sha256"] for event in events for ref in event.data.get("evidence", [])}:
            url = f"{rehearsal.address}/api/v1/evidence/{sha256}?original=true"
            answer = httpx.get(url, headers=rehearsal.authorization)
            evidence[sha256] = (answer.status_code, hashlib.sha256(answer.content).hexdigest())
        yield Played(score, events, rehearsal.alerts, evidence)


def test_every_event_reached_the_collector_once(played: Played) -> None:
    assert played.score.delivery.sent == len(played.events) > 3
    assert (played.score.delivery.lost, played.score.delivery.duplicated) == (0, 0)


def test_the_fall_and_the_vehicles_were_found(played: Played) -> None:
    falls, passages = played.score.counts
    assert (falls.found, falls.duplicate) == (1, 0)
    assert passages.found >= 1
    assert passages.duplicate == 0


def test_alerts_reached_the_operator_within_a_second(played: Played) -> None:
    p95 = played.score.delivery.delay_quantile(95)
    assert len(played.score.delivery.delays_s) >= 2
    assert p95 is not None
    assert p95 <= 2.0  # the goal is 1 s (make bench measures it); a busy test machine gets twice that


def test_all_evidence_is_at_the_collector_and_is_what_its_hash_says(played: Played) -> None:
    assert len(played.evidence) >= 4
    assert all(status == 200 and digest == sha256 for sha256, (status, digest) in played.evidence.items())


def test_the_fall_got_its_clip(played: Played) -> None:
    fall = next(event for event in played.events if event.event_type is EventType.FALLING_OBJECT)
    roles = {ref["role"] for ref in fall.data["evidence"]}
    later = [event for event in played.events if event.data.get("event_id") == str(fall.id)]
    assert "snapshot" in roles
    assert [ref["role"] for event in later for ref in event.data["evidence"]] == ["clip"]


def test_the_baseline_is_held_and_a_higher_one_is_missed(played: Played) -> None:
    check_baseline(played.score, {"falls_found": 1.0, "duplicate": 0})
    with pytest.raises(BaselineMissed, match="delay_p95_s"):
        check_baseline(played.score, {"delay_p95_s": 0.0})
    assert figures(played.score)["lost"] == 0
