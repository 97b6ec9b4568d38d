"""Rendered traffic through the real detector, reader, grammar and vote: what is read is what was driven."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import cv2
import numpy as np
import pytest
from plate_fonts import needs_fonts

from contract.events import PlatePassageData
from edge.inference import ModelStore
from edge.plates.analyzer import PlatesAnalyzer
from edge.plates.settings import PlatesSettings
from edge.types import Finding, Frame
from simulator.scenes import CameraSpec, Scene, build_scene
from simulator.truth import PassageTruth

START = datetime(2026, 5, 1, 8, tzinfo=UTC)


pytestmark = needs_fonts


def frames(scene: Scene, first: int = 0, last: int | None = None) -> Iterator[Frame]:
    """The scene as a source would give it, its pictures through JPEG as a stand-in for the encoder."""
    for index in range(first, scene.frame_count if last is None else last):
        packed = cv2.imencode(".jpg", scene.frame(index), [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
        picture = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
        time_s = index / scene.fps
        luma = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
        yield Frame("gate", index, time_s, START + timedelta(seconds=time_s), luma, lambda picture=picture: picture)


def checkpoint(seed: int, duration_s: float) -> Scene:
    return build_scene(CameraSpec(id="gate", scene="checkpoint", fps=12.5, duration_s=duration_s), seed)


def analyzer(scene: Scene) -> PlatesAnalyzer:
    numbers = count(1)
    settings = PlatesSettings.model_validate(scene.installation()["plates"])
    return PlatesAnalyzer("gate", settings, ModelStore(), lambda: f"p{next(numbers)}")


def watch(scene: Scene, reader: PlatesAnalyzer) -> list[Finding]:
    found: list[Finding] = []
    for frame in frames(scene):
        found += reader.observe(frame)
    return [*found, *reader.finish()]


def data(finding: Finding) -> PlatePassageData:
    assert isinstance(finding.data, PlatePassageData)
    return finding.data


@pytest.mark.e2e
def test_seven_seconds_of_traffic_are_read() -> None:
    scene = checkpoint(seed=4, duration_s=7.2)
    reader = analyzer(scene)
    found = watch(scene, reader)
    truth = [record for record in scene.truth() if isinstance(record, PassageTruth)]
    finals = {data(f).passage_id: data(f) for f in found if data(f).stage == "final"}
    assert len(finals) == sum(data(f).stage == "final" for f in found), "one final each"
    assert len(truth) >= 2
    read = {d.plate.text for d in finals.values() if d.plate is not None}
    assert read == {record.plate for record in truth}
    assert len(finals) <= len(truth)
    _check_order(found)
    _check_evidence(found)
    lanes = {record.plate: (record.lane, record.direction) for record in truth}
    for passage in finals.values():
        if passage.plate is not None and passage.plate.text in lanes:
            assert (passage.lane, passage.direction) == lanes[passage.plate.text]
    assert reader.work.looks < 0.7 * reader.work.frames


def _check_order(found: list[Finding]) -> None:
    """The provisional comes before its final and shares its id."""
    provisional = [data(f).passage_id for f in found if data(f).stage == "provisional"]
    assert provisional
    for passage_id in provisional:
        stages = [data(f).stage for f in found if data(f).passage_id == passage_id]
        assert stages == ["provisional", "final"]


def _check_evidence(found: list[Finding]) -> None:
    """Snapshot and rectified plate come from the same frame: the plate's colour is at the corners' place."""
    for finding in found:
        snapshot, plate = finding.pictures
        corners = data(finding).corners
        assert corners is not None
        height, width = snapshot.bgr.shape[:2]
        x = [round(point[0] * width) for point in corners]
        y = [round(point[1] * height) for point in corners]
        seen = snapshot.bgr[min(y) : max(y), min(x) : max(x)].reshape(-1, 3).mean(0)
        assert np.abs(seen - plate.bgr.reshape(-1, 3).mean(0)).max() < 45


def interrupted(scene: Scene, at_s: float, away_s: float, *, anew: bool) -> Iterator[Frame]:
    """The scene without the seconds that the camera was away; `anew`: its stream time begins again after that."""
    for frame in frames(scene):
        if frame.stream_time_s < at_s:
            yield frame
        elif frame.stream_time_s >= at_s + away_s:
            yield replace(frame, stream_time_s=frame.stream_time_s - (at_s + away_s if anew else 0.0))


@pytest.mark.e2e
@pytest.mark.parametrize("anew", [False, True], ids=["stalled", "connected anew"])
def test_an_interruption_does_not_make_two_vehicles_of_one(anew: bool) -> None:
    scene = checkpoint(seed=4, duration_s=7.2)
    reader = analyzer(scene)
    found = [finding for frame in interrupted(scene, 2.0, 0.8, anew=anew) for finding in reader.observe(frame)]
    found += reader.finish()
    finals = [data(finding) for finding in found if data(finding).stage == "final"]
    truth = {record.plate for record in scene.truth() if isinstance(record, PassageTruth)}
    assert sorted(d.plate.text for d in finals if d.plate is not None) == sorted(truth)
    assert any(
        d.first_seen < START + timedelta(seconds=2) and d.last_seen > START + timedelta(seconds=2.8) for d in finals
    )


@pytest.mark.e2e
def test_a_camera_that_was_away_for_long_closes_what_was_open() -> None:
    scene = checkpoint(seed=4, duration_s=7.2)
    reader = analyzer(scene)
    for frame in frames(scene, first=15, last=32):
        reader.observe(frame)
    away = next(frames(scene))
    closed = reader.observe(replace(away, captured_at=START + timedelta(minutes=5)))
    assert [data(finding).stage for finding in closed].count("final") >= 1
    assert all(finding.started_s >= 15 / scene.fps for finding in closed), "in the stream time of what showed it"
    read = {d.plate.text for d in map(data, closed) if d.plate is not None}
    assert read
    assert read <= {record.plate for record in scene.truth() if isinstance(record, PassageTruth)}


def test_an_empty_street_costs_only_looks_now_and_then() -> None:
    reader = PlatesAnalyzer("gate", PlatesSettings(), ModelStore())
    rng = np.random.default_rng(1)
    street = rng.integers(90, 110, (360, 640), dtype=np.uint8)
    for index in range(250):
        picture = np.clip(street + rng.normal(0, 2, street.shape), 0, 255).astype(np.uint8)
        bgr = np.dstack([picture] * 3)
        frame = Frame("gate", index, index / 25, START, picture, lambda bgr=bgr: bgr)
        assert reader.observe(frame) == []
    assert reader.finish() == []
    assert reader.work.looks <= 5
    assert reader.work.reads == 0
