"""The checkpoint scene: repeatable, true to its own truth, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from plate_fonts import needs_fonts

from edge.plates.settings import PlatesSettings
from simulator.checkpoint import CheckpointOptions
from simulator.scenes import CameraSpec, Scene, SceneError, build_scene
from simulator.truth import PassageTruth, SceneTruth

pytestmark = needs_fonts


def checkpoint(seed: int = 4, conditions: tuple[Any, ...] = ("day",), duration_s: float = 6, **options: Any) -> Scene:
    spec = CameraSpec(
        id="gate",
        scene="checkpoint",
        width=640,
        height=360,
        duration_s=duration_s,
        conditions=conditions,
        options=options,
    )
    return build_scene(spec, seed)


def passages(scene: Scene) -> list[PassageTruth]:
    return [record for record in scene.truth() if isinstance(record, PassageTruth)]


def test_a_frame_depends_on_seed_and_number_alone() -> None:
    first, second = checkpoint(), checkpoint()
    later = first.frame(60)
    assert later.shape == (360, 640, 3)
    assert later.dtype == np.uint8
    first.frame(3)
    assert np.array_equal(first.frame(60), later)
    assert np.array_equal(second.frame(60), later)
    assert not np.array_equal(checkpoint(seed=5).frame(60), later)


def test_the_scene_record_comes_first_and_passages_in_time() -> None:
    scene = checkpoint(duration_s=20)
    head, *rest = scene.truth()
    assert isinstance(head, SceneTruth)
    assert (head.frames, head.condition) == (500, ("day",))
    times = [record.t_first_s for record in rest if isinstance(record, PassageTruth)]
    assert times == sorted(times)
    assert scene.truth() == scene.truth()


def test_truth_at_hd_has_plates_of_readable_size() -> None:
    spec = CameraSpec(id="gate", scene="checkpoint", width=1280, height=720, duration_s=20)
    found = passages(build_scene(spec, 4))
    assert len(found) >= 5
    for passage in found:
        assert 60 <= passage.plate_px_min <= passage.plate_px_max <= 260
        assert 0 <= passage.t_first_s <= passage.t_last_s <= 20
        assert passage.direction == "approaching"
        assert passage.lane in ("lane-1", "lane-2")
    assert len({passage.plate for passage in found}) == len(found)


def test_a_leaving_lane_shows_rear_plates() -> None:
    spec = CameraSpec(
        id="gate", scene="checkpoint", width=1280, height=720, duration_s=20, options={"leaving_lanes": [2]}
    )
    by_lane = {passage.lane: passage.direction for passage in passages(build_scene(spec, 5))}
    assert by_lane == {"lane-1": "approaching", "lane-2": "leaving"}


def test_only_the_wanted_kinds_of_plates() -> None:
    found = passages(checkpoint(duration_s=60, plate_kinds=["police"]))
    assert {passage.plate_kind for passage in found} <= {"police"}
    assert all(passage.plate.endswith("警") and passage.colour == "white" for passage in found)


def test_conditions_look_like_what_they_are() -> None:
    day, night, rain = (checkpoint(conditions=c).frame(20).astype(float) for c in (("day",), ("night",), ("rain",)))
    assert night.mean() < 0.6 * day.mean()
    assert abs(rain.mean() - day.mean()) < 60
    flat = np.diff(day[200:300, 200:400, 1], axis=1)
    assert flat.std() > 2, "asphalt and sensor leave no flat areas"


def test_vehicles_are_where_truth_says() -> None:
    scene = checkpoint(duration_s=8)
    empty = np.median([scene.frame(index) for index in range(0, 200, 25)], axis=0)
    changed = [float((np.abs(scene.frame(i) - empty).max(-1) > 40).mean()) for i in range(50, 150, 25)]
    assert max(changed) > 0.05


def test_the_installation_fits_the_agents_settings() -> None:
    settings = PlatesSettings.model_validate(checkpoint(lanes=3).installation()["plates"])
    assert [lane.name for lane in settings.lanes] == ["lane-1", "lane-2", "lane-3"]


@pytest.mark.parametrize(
    ("options", "conditions", "says"),
    [
        ({"lane": 2}, ("day",), "options.lane: Extra inputs"),
        ({"lanes": 9}, ("day",), "options.lanes: .*less than or equal to 3"),
        ({"leaving_lanes": [3]}, ("day",), "there is no lane 3 of 2"),
        ({"plate_kinds": ["pink"]}, ("day",), "options.plate_kinds"),
        ({}, ("snow",), "a checkpoint has no snow"),
    ],
)
def test_what_it_cannot_show_is_refused(options: dict[str, Any], conditions: tuple[Any, ...], says: str) -> None:
    with pytest.raises(SceneError, match=says):
        checkpoint(conditions=conditions, **options)


def test_every_option_is_described() -> None:
    assert all(field.description for field in CheckpointOptions.model_fields.values())
