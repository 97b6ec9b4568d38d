"""The measuring ground of falls: seeds apart from training, tables that count, runs that go on where they were."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from falling_scenes import FPS, HEIGHT, WIDTH, drop, grey, luma_pictures

from edge.falling.settings import FallingSettings
from edge.inference import ModelStore
from models.falling.conditions import Share, condition_lines, condition_rows, fall_cameras
from models.falling.confusers import CONFUSERS, FIRST_SEED, chosen, confuser_camera, quiet_cameras, quiet_table
from models.falling.evaluate import main
from models.falling.funnel import follow, funnel_lines
from models.falling.plots import plot_origins, plot_quiet, plot_recall
from models.falling.words import hear, word_lines
from simulator.scenes import FIRST_TRAINING_SEED
from simulator.tower.options import TowerOptions
from simulator.truth import FallTruth
from simulator.video import encode


def test_confusers_have_seeds_of_their_own() -> None:
    seeds = [confuser_camera(kind, number, 10, 10).seed or 0 for kind in CONFUSERS for number in range(2000)]
    assert len(set(seeds)) == len(seeds), "no tower stands for two kinds"
    assert min(seeds) >= FIRST_SEED
    assert max(seeds) < FIRST_TRAINING_SEED
    towers = fall_cameras(("day", "rain"), 20_000, 1000, 40, 5, 12.5)
    assert max(camera.seed or 0 for camera in towers) < FIRST_SEED


def test_every_confuser_holds_no_fall_and_can_be_built_from_its_options() -> None:
    for kind in CONFUSERS:
        options = TowerOptions.model_validate(confuser_camera(kind, 0, 10, 10).options)
        assert options.falls == 0
        assert options.distractors == kind.movers
    with pytest.raises(ValueError, match="no confuser is called ufos; there are birds"):
        chosen(["birds", "ufos"])


def test_kinds_take_turns() -> None:
    cameras = quiet_cameras(CONFUSERS[:3], minutes=2, seconds=60, fps=10)
    assert [camera.id.rsplit("-", 1)[0] for camera in cameras] == ["birds", "insects", "insects-infrared"] * 2


def test_the_interval_of_a_share_is_wilsons() -> None:
    low, high = Share(9, 10).interval
    assert low == pytest.approx(0.5958, abs=1e-3)
    assert high == pytest.approx(0.9821, abs=1e-3)
    assert Share(0, 0).interval == (0.0, 1.0)
    assert str(Share(0, 0)) == "-"


def _fall(size: float, *, found: bool, error: float = 0.0, delay: float = 0.4) -> dict[str, object]:
    fall: dict[str, object] = {"size_px": size, "found": found, "suspected": not found}
    return {**fall, "delay_s": delay, "floor_error": error, "floor_covered": abs(error) < 1} if found else fall


def test_falls_are_counted_by_condition_and_size(tmp_path: Path) -> None:
    day = {"condition": "day", "seconds": 1800.0, "duplicates": 1, "false": ["why"]}
    rain = {"condition": "rain", "seconds": 1800.0, "duplicates": 0, "false": []}
    figures = [
        {**day, "falls": [_fall(3, found=True), _fall(3.9, found=False), _fall(4, found=True, error=2, delay=1.5)]},
        {**rain, "falls": [_fall(9, found=False), _fall(9, found=True, error=-1)]},
    ]
    rows = {row.condition: row for row in condition_rows(figures)}
    assert list(rows) == ["day", "rain", "all"]
    assert [(share.hits, share.count) for share in rows["day"].recall] == [(1, 2), (1, 1)]
    assert [(share.hits, share.count) for share in rows["all"].recall] == [(1, 2), (2, 3)]
    assert (rows["all"].floor_near.hits, rows["all"].floor_near.count) == (2, 3)
    assert (rows["all"].floor_covered.hits, rows["all"].in_time.hits) == (1, 2)
    assert (rows["all"].false, rows["all"].duplicates, rows["all"].suspected_instead) == (1, 1, 2)
    assert rows["rain"].most_a_day == pytest.approx(48 * 2.9957, rel=1e-3), "none in half an hour"
    assert len(condition_lines(list(rows.values()))) == 4
    plot_recall(list(rows.values()), tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 5000
    plot_origins(figures, tmp_path / "origins.png")
    assert (tmp_path / "origins.png").stat().st_size > 5000


def test_quiet_hours_are_counted_by_kind(tmp_path: Path) -> None:
    events = [{"certainty": "confirmed"}, {"certainty": "suspected"}, {"certainty": "suspected"}]
    figures = [
        {"kind": "birds", "seconds": 3600.0, "moved": {"bird": 30}, "events": events},
        {"kind": "hail", "seconds": 3600.0, "moved": {"hail": 1, "rain": 1}, "events": []},
    ]
    rows = quiet_table(figures)
    assert [(row.kind, row.moved, row.confirmed, row.suspected) for row in rows] == [
        ("birds", 30, 1, 2),
        ("hail", 2, 0, 0),
        ("all", 32, 1, 2),
    ]
    assert rows[1].most_a_day == pytest.approx(24 * 2.9957, rel=1e-3)
    plot_quiet(rows, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 5000


def test_a_stream_is_measured_once(tmp_path: Path) -> None:
    command = ["confusers", str(tmp_path), "--confuser", "lifts", "--minutes", "0.2", "--seconds", "12", "--fps", "5"]
    first, again = (CliRunner().invoke(main, command, catch_exceptions=False) for _ in range(2))
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert "lifts-500006: 12 s" in first.output
    assert "lifts-500006: 12 s" not in again.output, "its figures were taken from the folder"
    said = json.loads((tmp_path / "confusers.json").read_text(encoding="utf-8"))
    assert said["rows"][0]["hours"] == pytest.approx(12 / 3600)
    assert said["towers"][0]["frames"] == 60
    assert said["towers"][0]["moved"]["lift"] >= 1


def test_an_unknown_confuser_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["confusers", str(tmp_path), "--confuser", "ufos"])
    assert result.exit_code == 2
    assert "ufos" in result.output


def _truth(name: str, release_s: float, x: float, shown: bool) -> FallTruth:
    place = drop(x, 20, release_s, 230)
    times = np.arange(0, 6, 1 / FPS)
    path = [(t, *at) for t in times.tolist() if (at := place(t)) is not None]
    return FallTruth(
        id=name, t_release_s=release_s, t_first_s=path[0][0], t_last_s=path[-1][0], origin_floor=9, origin_column=1,
        object="stone" if shown else "ghost", size_px=6,
        path=tuple((t, px / WIDTH, py / HEIGHT) for t, px, py in path),
    )  # fmt: skip


def _recorded_fall(folder: Path) -> Path:
    clip = folder / "fall.mp4"
    pictures = (grey(luma) for _, luma in luma_pictures(6, [drop(200, 20, 2.5, 230)]))
    encode(pictures, clip, fps=FPS, bitrate_kbps=3000)
    return clip


def test_the_network_is_heard_on_falls_and_on_what_is_none(tmp_path: Path) -> None:
    clip, network = _recorded_fall(tmp_path), ModelStore().path_of("falling")
    with_truth = word_lines([network], hear([(clip, [_truth("there", 2.5, 200, True)], FallingSettings())]))
    assert with_truth[0].endswith(", 1 falls among them")
    assert "from 0.8: 1 falls, 0 false" in with_truth[1]
    without = word_lines([network], hear([(clip, [], FallingSettings())]))
    assert "from 0.8: 0 falls, 0 false" not in without[1]


def test_a_fall_is_followed_to_where_it_is_lost(tmp_path: Path) -> None:
    clip = _recorded_fall(tmp_path)
    truths = [_truth("there", 2.5, 200, True), _truth("not there", 3.0, 450, False)]
    there, ghost = follow(clip, truths, FallingSettings(), None)
    assert (there.stage, there.fall.object) == ("confirmed", "stone"), there.reason
    assert there.seen > 0.5
    assert (ghost.stage, ghost.seen) == ("not seen", 0.0)
    assert funnel_lines([there, ghost])[-1] == (
        "not seen 1, not tracked 0, not fitted 0, refused 0, suspected 0, confirmed 1"
    )
