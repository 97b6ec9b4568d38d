"""The analyzer end to end on drawn scenes: one event per fall, from the right floor; none from a bird or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from falling_scenes import HEIGHT, Place, drop, flight, frames, grey, luma_pictures
from pydantic import ValidationError

from contract.events import FallingObjectData
from edge.errors import ModelError
from edge.falling.analyzer import FallingAnalyzer
from edge.falling.settings import ColumnLine, FacadeSettings, FallingSettings, FloorLine
from edge.inference import ModelStore
from edge.types import Finding, Frame

PULL = 9.81 * 20
"""Pixels per second squared: the wall is 20 pixels a metre, six floors of 60 pixels."""

FACADE = FacadeSettings(
    floor_height_m=3.0,
    floor_lines=tuple(FloorLine(floor=7 - k, left=(0.05, k / 6), right=(0.95, k / 6)) for k in range(1, 6)),
    column_lines=tuple(ColumnLine(column=1 + k, top=(k / 8, 0.02), bottom=(k / 8, 0.98)) for k in (0, 2, 4, 6)),
)  # fmt: skip
PLAIN = FallingSettings(use_classifier=False)


def watch(all_frames: Iterable[Frame], settings: FallingSettings = PLAIN) -> list[Finding]:
    analyzer = FallingAnalyzer("cam-1", settings, None)
    findings = [finding for frame in all_frames for finding in analyzer.observe(frame)]
    return findings + list(analyzer.finish())


def scene(seconds: float, places: list[Place], radius: float = 3.0) -> Iterable[Frame]:
    return frames(luma_pictures(seconds, places, radius=radius))


def data_of(finding: Finding) -> FallingObjectData:
    assert isinstance(finding.data, FallingObjectData)
    return finding.data


def test_a_fall_is_one_confirmed_event_from_its_floor_and_column() -> None:
    release_s, y = 1.5, 80.0
    settings = FallingSettings(facade=FACADE, use_classifier=False)
    findings = watch(scene(4.5, [drop(340, y, release_s, PULL)]), settings)
    assert len(findings) == 1
    data = data_of(findings[0])
    assert data.certainty == "confirmed"
    assert data.hypothesis == "free_fall"
    assert data.acceleration_g == pytest.approx(1.0, abs=0.15)
    assert data.origin_floor is not None
    true_floor = 7 - y / 60
    assert data.origin_floor.value == pytest.approx(true_floor, abs=0.3)
    assert data.origin_floor.low <= true_floor <= data.origin_floor.high
    assert data.origin_column is not None
    assert int(data.origin_column.value) == 1 + int(340 / 80)
    assert data.origin.y == pytest.approx(y / HEIGHT, abs=0.06)
    assert findings[0].started_s == pytest.approx(release_s, abs=0.45)
    assert data.size_px == pytest.approx(5.3, rel=0.5)
    assert "1.0" in data.why or "0.9" in data.why


NARROW = FallingSettings(
    use_classifier=False,
    facade=FacadeSettings(
        floor_lines=tuple(FloorLine(floor=7 - k, left=(0.05, k / 6), right=(0.35, k / 6)) for k in range(1, 6)),
        column_lines=(
            ColumnLine(column=1, top=(0.05, 0.02), bottom=(0.05, 0.98)),
            ColumnLine(column=2, top=(0.35, 0.02), bottom=(0.35, 0.98)),
        ),
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    ("offset", "certainty"), [((0.0, 0.0), "suspected"), (None, "confirmed")], ids=["drawing fits", "camera was moved"]
)
def test_what_falls_beside_the_drawn_facade_is_doubted_while_the_drawing_fits(
    offset: tuple[float, float] | None, certainty: str
) -> None:
    analyzer = FallingAnalyzer("cam-1", NARROW, None)
    analyzer.read_offset = lambda: offset
    pictures = scene(4.5, [drop(560, 80, 1.5, PULL)])
    findings = [finding for frame in pictures for finding in analyzer.observe(frame)]
    findings += analyzer.finish()
    assert [data_of(finding).certainty for finding in findings] == [certainty]


def test_the_event_comes_within_half_a_second_of_the_object_leaving() -> None:
    analyzer = FallingAnalyzer("cam-1", PLAIN, None)
    told_s = next(f.stream_time_s for f in scene(4.5, [drop(340, 60, 1.5, PULL)]) if analyzer.observe(f))
    left_s = 1.5 + np.sqrt(2 * (HEIGHT - 60) / PULL)
    assert told_s - left_s < 0.5


def test_without_a_facade_the_origin_is_given_in_the_picture_only() -> None:
    findings = watch(scene(4.5, [drop(200, 70, 1.5, PULL)]))
    assert [data_of(f).certainty for f in findings] == ["confirmed"]
    data = data_of(findings[0])
    assert data.origin_floor is None
    assert data.acceleration_g is None
    assert data.origin.y == pytest.approx(70 / HEIGHT, abs=0.06)
    assert data.origin.x == pytest.approx(200 / 640, abs=0.02)


def test_the_pictures_show_the_object_and_its_path() -> None:
    all_frames = list(scene(4.5, [drop(200, 70, 1.5, PULL)]))
    (finding,) = watch(all_frames)
    snapshot, path, _ = finding.pictures
    assert (snapshot.role, path.role) == ("snapshot", "path")
    assert any(np.array_equal(snapshot.bgr, grey(frame.luma)) for frame in all_frames)
    drawn = np.abs(path.bgr.astype(int) - snapshot.bgr).sum(axis=2) > 60
    rows, columns = np.nonzero(drawn)
    assert columns.min() > 200 - 30
    assert columns.max() < 200 + 30
    assert rows.max() > 300


def test_the_same_fall_in_a_mirror_is_one_event() -> None:
    both = [drop(340, 60, 1.5, PULL), drop(385, 90, 1.4, 0.8 * PULL)]
    assert len([f for f in watch(scene(4.5, both)) if data_of(f).certainty == "confirmed"]) == 1


@pytest.mark.parametrize(
    "places",
    [
        [],
        [flight(20, 60, 160, 25, 1.0)],
        [flight(600, 300, -90, -40, 1.0)],
        [flight(100, 40, 130, 130, 0.5)],
    ],
    ids=["nothing", "bird across", "bird rising", "bird gliding down"],
)
def test_no_fall_no_confirmed_event(places: list[Place]) -> None:
    assert [f for f in watch(scene(4.0, places)) if data_of(f).certainty == "confirmed"] == []


def test_repeated_pictures_change_nothing() -> None:
    once = list(scene(4.5, [drop(340, 60, 1.5, PULL)]))
    twice = []
    for frame in once:
        again = Frame(
            "cam-1", frame.index, frame.stream_time_s + 0.01, frame.captured_at, frame.luma, frame.convert, True
        )
        twice += [frame, again]
    first, second = watch(once), watch(twice)
    assert [data_of(f) for f in first] == [data_of(f) for f in second]
    assert len(first) == 1


def test_a_new_connection_closes_what_was_open_and_begins_anew() -> None:
    analyzer = FallingAnalyzer("cam-1", PLAIN, None)
    told = []
    for _ in range(2):
        for frame in scene(2.9, [drop(340, 60, 1.5, PULL)]):  # ends while the object is still in view
            told += list(analyzer.observe(frame))
    told += list(analyzer.finish())
    assert len(told) == 2


def test_a_hole_in_the_stream_is_not_bridged() -> None:
    analyzer = FallingAnalyzer("cam-1", PLAIN, None)
    told = []
    for frame in scene(4.5, [drop(340, 60, 1.5, PULL)]):
        late = frame.stream_time_s + (10.0 if frame.stream_time_s > 2.9 else 0.0)
        moved = Frame("cam-1", frame.index, late, frame.captured_at, frame.luma, frame.convert)
        told += list(analyzer.observe(moved))
    assert len(told) == 1
    assert told[0].ended_s < 3.0


def test_nothing_is_told_of_what_is_to_be_ignored() -> None:
    left = FallingSettings(use_classifier=False, ignore=(((0.4, 0.0), (0.7, 0.0), (0.7, 1.0), (0.4, 1.0)),))
    assert watch(scene(4.5, [drop(340, 60, 1.5, PULL)]), left) == []


def test_with_the_classifier_of_the_repository_the_fall_is_found_as_well() -> None:
    analyzer = FallingAnalyzer("cam-1", FallingSettings(facade=FACADE), ModelStore())
    findings = [f for frame in scene(4.5, [drop(340, 80, 1.5, PULL)]) for f in analyzer.observe(frame)]
    assert [data_of(f).certainty for f in findings] == ["confirmed"]
    assert "looks and moves like a falling object" in data_of(findings[0]).why


def test_a_missing_model_is_an_error_and_not_an_empty_street(tmp_path: Path) -> None:
    folder = tmp_path
    (folder / "manifest.json").write_text('{"models": {}}')
    with pytest.raises(ModelError, match="no model named falling"):
        FallingAnalyzer("cam-1", FallingSettings(), ModelStore(folder))


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        FallingSettings.model_validate({"floors": 3})
