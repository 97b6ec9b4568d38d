"""The tower scene: repeatable, true to its own records, and its floor lines fit its camera."""

from __future__ import annotations

import numpy as np
import pytest

from edge.falling.settings import FallingSettings
from simulator.scenes import CameraSpec, build_scene
from simulator.tower import TowerScene, build_tower
from simulator.truth import FallTruth, SceneTruth

SIZE = {"width": 640, "height": 360}


def _spec(**changes: object) -> CameraSpec:
    base: dict[str, object] = {"id": "t", "scene": "tower", "duration_s": 16, **SIZE}
    options = {"falls": 2, "floors": 12, "object_px": [4, 9], "clock": False}
    return CameraSpec.model_validate({**base, "options": options, **changes})


@pytest.fixture(scope="module")
def day() -> TowerScene:
    return build_tower(_spec(), 77)


def test_the_same_seed_gives_the_same_frames_in_any_order(day: TowerScene) -> None:
    again = build_scene(_spec(), 77)
    late = again.frame(200)
    np.testing.assert_array_equal(again.frame(3), day.frame(3))
    np.testing.assert_array_equal(late, day.frame(200))
    assert again.truth() == day.truth()
    other = build_tower(_spec(), 78)
    assert np.abs(other.frame(3).astype(int) - day.frame(3)).mean() > 5


def test_truth_tells_the_scene_and_every_fall(day: TowerScene) -> None:
    records = day.truth()
    assert isinstance(records[0], SceneTruth)
    assert (records[0].frames, records[0].width, records[0].condition) == (400, 640, ("day",))
    falls = [record for record in records if isinstance(record, FallTruth)]
    assert len(falls) == 2
    for fall in falls:
        assert 0 <= fall.t_release_s <= fall.t_first_s < fall.t_last_s < 16
        assert 1 <= fall.origin_floor <= 12
        times = [t for t, _, _ in fall.path]
        np.testing.assert_allclose(np.diff(times), 1 / 25, atol=2e-4)
        assert fall.path[-1][2] > fall.path[0][2], "things fall down"


@pytest.mark.parametrize("conditions", [["day"], ["day", "shake"], ["night"]])
def test_things_are_where_the_truth_says(conditions: list[str]) -> None:
    scene = build_tower(_spec(conditions=conditions), 91)
    checked = 0
    for fall in (record for record in scene.truth() if isinstance(record, FallTruth)):
        for t, x, y in fall.path[5:-2:6]:
            index = round(t * 25)
            with_it = scene.frame(index).astype(float)
            change = np.abs(with_it - scene.frame(index, falls=False)).sum(axis=2)
            others = [f for f in scene.falls if f.id != fall.id and f.first_frame <= index <= f.last_frame]
            if others or change.max() < 24:
                continue
            rows, columns = np.nonzero(change > 0.4 * change.max())
            near = 1 + 0.5 * fall.size_px
            assert abs(columns.mean() + 0.5 - x * 640) < near
            assert abs(rows.mean() + 0.5 - y * 360) < near
            checked += 1
    assert checked >= 5


def test_floor_lines_meet_the_facade(day: TowerScene) -> None:
    facade = day.installation()["falling"]["facade"]
    layout = day.layout
    assert facade["floor_height_m"] == layout.floor_height_m
    assert facade["camera_height_m"] == pytest.approx(day.camera.position_m[1], abs=0.01)
    floors = [line["floor"] for line in facade["floor_lines"]]
    assert floors == sorted(floors)
    assert floors[-1] == 13, "the roof closes the highest floor"
    to_facade = np.linalg.inv(day.camera.facade_homography())
    for line in facade["floor_lines"]:
        for end in (line["left"], line["right"]):
            x, y, w = to_facade @ np.array([end[0] * 640, end[1] * 360, 1.0])
            assert y / w == pytest.approx(layout.slab_m(line["floor"]), abs=0.02)
            assert layout.column_edges_m[0] - 0.1 < x / w < layout.column_edges_m[-1] + 0.1
    for line in facade["column_lines"]:
        x, _, w = to_facade @ np.array([line["top"][0] * 640, line["top"][1] * 360, 1.0])
        assert x / w == pytest.approx(layout.column_edges_m[line["column"] - 1], abs=0.02)
        assert line["top"][1] < line["bottom"][1]


def test_a_fall_starts_at_its_floor_and_column(day: TowerScene) -> None:
    to_facade = np.linalg.inv(day.camera.facade_homography())
    for record in (record for record in day.truth() if isinstance(record, FallTruth)):
        _, x, y = record.path[0]
        across, up, w = to_facade @ np.array([x * 640, y * 360, 1.0])
        floor = 1 + up / w / day.layout.floor_height_m
        assert record.origin_floor - 1 < floor < record.origin_floor + 2, "parallax lifts what is before the wall"
        left = day.layout.column_edges_m[record.origin_column - 1]
        assert left - 2 < across / w < left + 7


@pytest.mark.parametrize("conditions", [["rain"], ["snow"], ["night", "rain", "wind"]])
def test_weather_moves_from_frame_to_frame(conditions: list[str]) -> None:
    scene = build_tower(_spec(conditions=conditions, options={"falls": 0, "distractors": [], "floors": 8}), 5)
    first, second = scene.frame(10).astype(int), scene.frame(11).astype(int)
    assert first.shape == (360, 640, 3)
    assert (np.abs(first - second).max(axis=2) > 16).mean() > 0.0005
    assert {record.what for record in scene.truth() if record.kind == "distractor"} >= {conditions[-1]}


def test_infrared_has_no_colour() -> None:
    scene = build_tower(_spec(conditions=["night"], options={"falls": 0, "floors": 8, "night_look": "infrared"}), 5)
    picture = scene.frame(0)[40:].astype(int)
    assert np.ptp(picture, axis=2).max() <= 1


def test_an_installation_is_what_the_agent_takes(day: TowerScene) -> None:
    settings = FallingSettings.model_validate(day.installation()["falling"])
    assert settings.facade is not None
