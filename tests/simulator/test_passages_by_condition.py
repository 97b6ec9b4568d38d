"""`simulator passages`: its counts against a truth made by hand, and one short scene through all of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from plate_fonts import needs_fonts

from contract.events import EventType, PlatePassageData, PlateRead
from edge.types import Finding, Picture
from simulator import passages
from simulator.__main__ import main
from simulator.passages import Tally, Watched, count, scenario_of
from simulator.scoring import Played
from simulator.truth import PassageTruth

START = datetime(2026, 11, 1, 8, tzinfo=UTC)
FRAME = np.zeros((90, 160, 3), np.uint8)
CORNERS = ((0.4, 0.4), (0.6, 0.4), (0.6, 0.5), (0.4, 0.5))


def truth(at_s: float, plate: str) -> PassageTruth:
    return PassageTruth(
        id=f"passage-{at_s}", plate=plate, plate_kind="small_blue", colour="blue", t_first_s=at_s, t_last_s=at_s + 3,
        direction="approaching", lane="1", plate_px_min=60, plate_px_max=150,
    )  # fmt: skip


def final(at_s: float, text: str) -> Finding:
    read = PlateRead(text=text, region="CN", kind="small_blue" if text else "unknown", colour="blue", confidence=0.9)
    data = PlatePassageData(
        camera="cam",
        passage_id=f"p{at_s}{text}",
        stage="final",
        readable=bool(text),
        plate=read,
        first_seen=START + timedelta(seconds=at_s),
        last_seen=START + timedelta(seconds=at_s + 2),
        frames_read=3,
        corners=CORNERS,
    )
    pictures = (Picture("snapshot", FRAME), Picture("plate", FRAME))
    when = START + timedelta(seconds=at_s + 2)
    return Finding("cam", EventType.PLATE_PASSAGE, when, at_s, at_s + 2, data, pictures)


def test_right_wrong_missed_false_and_single_readings_are_counted() -> None:
    records = (truth(0, "京A12345"), truth(5, "沪B67890"), truth(10, "粤C24680"))
    readings = ((1.0, "京A12345"), (1.2, "京A12346"), (6.0, "沪B67890"), (1.0, "沪B67890"))
    findings = (final(0.5, "京A12345"), final(5.5, "沪B67891"), final(15, "川D11111"))
    tally = Tally()
    watched = Watched(Played("cam", START, records), findings, readings, proved=(True, False, True))
    cells = list(count(watched, tally))
    assert (tally.proofs, tally.proofs_show_it) == (3, 2)
    assert (tally.passages, tally.found, tally.exact, tally.false, tally.duplicate) == (3, 2, 1, 1, 0)
    assert (tally.readings, tally.readings_exact) == (4, 2)
    assert tally.figures()["passage_exact"] == round(1 / 3, 4)
    assert tally.figures()["single_frame_exact"] == 0.5
    assert [(one["expected"], one["read"][:6]) for one in tally.wrong] == [
        ("沪B67890", "沪B6789"[:6]),
        ("粤C24680", "missed"),
        ("nothing new", "川D1111"[:6]),
    ]
    assert len(cells) == 3


def test_scenes_of_each_condition_have_seeds_of_their_own() -> None:
    scenario = scenario_of(7, 3, ("day", "rain"))
    seeds = {scenario.camera_seed(camera) for camera in scenario.cameras}
    assert len(seeds) == 6
    assert [camera.conditions for camera in scenario.cameras[:1]] == [("day",)]
    assert scenario.cameras[3].conditions == ("day", "rain")


@pytest.mark.e2e
@needs_fonts
def test_a_short_scene_is_rendered_watched_and_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passages, "_DURATION_S", 6.5)
    target = tmp_path / "told.json"
    arguments = ["passages", "--seed", "4", "--scenes", "1", "--condition", "day", "--work", str(tmp_path)]
    done = CliRunner().invoke(main, [*arguments, "--json", str(target), "--failures", str(tmp_path / "sheets")])
    assert done.exit_code == 0, done.output
    day = json.loads(target.read_text(encoding="utf-8"))["conditions"]["day"]
    assert day["scenes"] == 1
    assert day["passages"] >= 1
    assert day["exact"] >= 1
    assert day["readings"] >= day["found"]
