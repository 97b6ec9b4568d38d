"""What moves and is no fall: each kind is seen, moves as it should, and repeats with its seed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from simulator.scenes import FIRST_TRAINING_SEED, CameraSpec
from simulator.tower import TowerScene, build_tower
from simulator.tower.flights import EVALUATION_BREEDS, TRAINING_BREEDS
from simulator.tower.lifts import Lift
from simulator.tower.physics import GRAVITY_MPS2

SIZE = {"width": 480, "height": 270}


def _scene(mover: str, conditions: tuple[str, ...] = ("day",), seed: int = 41, busy: float = 4) -> TowerScene:
    options = {"falls": 0, "floors": 9, "distractors": [mover], "busy": busy, "clock": False}
    spec = {"id": "c", "scene": "tower", "fps": 12.5, "duration_s": 20, "conditions": conditions, "options": options}
    return build_tower(CameraSpec.model_validate({**spec, **SIZE}), seed)


@pytest.mark.parametrize(
    ("mover", "what", "conditions"),
    [
        ("swoops", "bird", ("day",)),
        ("drips", "drip", ("day",)),
        ("lifts", "lift", ("day",)),
        ("headlights", "headlight", ("night",)),
        ("sun_spots", "sun_spot", ("day",)),
        ("balloons", "balloon", ("day",)),
        ("drones", "drone", ("day",)),
        ("fireworks", "firework", ("night",)),
        ("webs", "web", ("night",)),
        ("hail", "hail", ("rain",)),
    ],
)
def test_each_kind_is_seen_when_its_record_says(mover: str, what: str, conditions: tuple[str, ...]) -> None:
    scene = _scene(mover, conditions)
    records = [record for record in scene.truth() if record.kind == "distractor" and record.what == what]
    assert records, f"nothing came of {mover}"
    scene.noise.add = lambda picture, index: None  # type: ignore[method-assign]
    longest = max(records, key=lambda record: record.t_last_s - record.t_first_s)
    frames = np.linspace(longest.t_first_s, min(longest.t_last_s, 19.8), 9) * 12.5
    pictures = [scene.frame(int(index)).astype(int) for index in frames]
    changes = [int(np.abs(a - b).max()) for a, b in pairwise(pictures)]
    assert max(changes) > 12
    assert np.array_equal(pictures[3], scene.frame(int(frames[3]))), "the same frame again is the same picture"


def test_birds_keep_to_what_birds_can_do() -> None:
    scene = _scene("swoops", busy=12)
    birds = [mover for mover in scene.movers if mover.what == "bird" and len(mover.poses) > 8]
    assert len(birds) > 10
    for bird in birds:
        places = np.array([(pose.x, pose.y) for pose in bird.poses])
        lengths = np.array([pose.length_px for pose in bird.poses])
        speed = np.hypot(*np.diff(places, axis=0).T) * 12.5 / lengths[1:]
        assert speed.max() * 0.14 < 40, "metres a second, for the shortest bird"


def test_a_diving_bird_falls_freely_and_then_levels_out() -> None:
    scene = _scene("swoops", busy=20)
    falls, levels = 0, 0
    for bird in scene.movers:
        down = np.diff([pose.y for pose in bird.poses])
        if len(down) > 12 and down[:-4].max() > 3 * abs(down[-1]) and down.max() > 2:
            levels += 1
        falls += len(down) > 12 and down.max() > 2
    assert falls > levels > 0


def test_a_lift_starts_runs_and_stops_softly() -> None:
    lift = _scene("lifts", busy=1).effects.lifts[0]
    assert isinstance(lift, Lift)
    t = np.arange(0, 20, 0.02)
    height = np.array([lift.height_at(float(moment)) for moment in t])
    speed = np.diff(height) / 0.02
    assert 0.5 < np.abs(speed).max() < 4.1
    assert np.abs(np.diff(speed)).max() / 0.02 < 0.25 * GRAVITY_MPS2
    assert (np.abs(speed) < 1e-9).any(), "it stands between two runs"


def test_training_has_birds_leaves_and_balloons_of_its_own() -> None:
    assert not {breed.body for breed in TRAINING_BREEDS} & {breed.body for breed in EVALUATION_BREEDS}
    for mover in ("leaves", "balloons"):
        measured, trained = _scene(mover, seed=41), _scene(mover, seed=FIRST_TRAINING_SEED + 41)
        pictures = [
            {thing.pyramid[0].tobytes() for m in scene.movers for thing in m.things} for scene in (measured, trained)
        ]
        assert pictures[0]
        assert pictures[1]
        assert not pictures[0] & pictures[1]


def test_a_steep_camera_sees_no_ground_in_the_sky() -> None:
    options = {"falls": 0, "distractors": [], "clock": False}
    spec = {"id": "c", "scene": "tower", "options": options, "width": 640, "height": 360}
    top = build_tower(CameraSpec.model_validate(spec), 500_008).frame(0)[4:20].reshape(-1, 3).astype(int)
    green = (top[:, 1] > top[:, 0] + 12) & (top[:, 1] > top[:, 2] + 12)
    assert green.mean() < 0.2
