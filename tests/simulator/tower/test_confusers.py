"""What moves and is no fall: each kind is seen, moves as it should, and repeats with its seed."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from simulator.scenes import FIRST_TRAINING_SEED as TRAINING
from simulator.scenes import CameraSpec
from simulator.tower import TowerOptions, TowerScene, build_tower
from simulator.tower.airborne import random_balloons
from simulator.tower.distractors import Mover, random_leaf
from simulator.tower.drips import random_drips
from simulator.tower.falls import Shot
from simulator.tower.flights import EVALUATION_BREEDS, TRAINING_BREEDS, random_flight
from simulator.tower.geometry import random_camera, random_layout
from simulator.tower.lifts import random_lifts
from simulator.tower.physics import GRAVITY_MPS2
from simulator.tower.stage import Stage

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
    assert max(changes) > 5, "without noise nothing else changes"
    assert np.array_equal(pictures[3], scene.frame(int(frames[3]))), "the same frame again is the same picture"


def _stage(seed: int = 41) -> Stage:
    """Where things move, without the house, which takes most of the time."""
    rng = np.random.default_rng(seed)
    layout = random_layout(rng, 9)
    spec = CameraSpec.model_validate({"id": "c", "scene": "tower", "fps": 12.5, "duration_s": 20, **SIZE})
    camera = random_camera(rng, layout, (480, 270))
    return Stage(spec, TowerOptions(busy=4), camera, layout, Shot(12.5, 0.005), (4.0, 0.0, 1.0), seed >= TRAINING)


@cache
def _flights() -> list[Mover]:
    stage, rng = _stage(), np.random.default_rng(7)
    flights = (random_flight(rng, stage, 0) for _ in range(80))
    return [bird for bird in flights if bird is not None and len(bird.poses) > 12]


def test_birds_keep_to_what_birds_can_do() -> None:
    birds = _flights()
    assert len(birds) > 20
    for bird in birds:
        places = np.array([(pose.x, pose.y) for pose in bird.poses])
        lengths = np.array([pose.length_px for pose in bird.poses])
        speed = np.hypot(*np.diff(places, axis=0).T) * 12.5 / lengths[1:]
        assert speed.max() * 0.14 < 40, "metres a second, for the shortest bird"


def test_some_birds_dive_and_level_out() -> None:
    down = [np.diff([pose.y for pose in bird.poses]) for bird in _flights()]
    diving = [steps for steps in down if steps.max() > 3]
    level = [steps for steps in diving if steps.max() > 3 * abs(steps[-1])]
    assert len(diving) > len(level) > 3


def test_a_lift_starts_runs_and_stops_softly() -> None:
    lift = random_lifts(np.random.default_rng(3), _stage())[0]
    height = np.array([lift.height_at(moment) for moment in np.arange(0, 20, 0.02).tolist()])
    speed = np.diff(height) / 0.02
    assert 0.5 < np.abs(speed).max() < 4.1
    assert np.abs(np.diff(speed)).max() / 0.02 < 0.25 * GRAVITY_MPS2
    assert (np.abs(speed) < 1e-9).any(), "it stands between two runs"


def test_a_drop_falls_freely() -> None:
    drops = random_drips(np.random.default_rng(3), _stage(), ((0.0, 24.0, 0.4), (3.0, 15.0, 0.4)))
    assert len(drops) > 10
    assert len({drop.first_frame for drop in drops}) > 5, "one after the other"
    steps = np.diff([pose.y for pose in drops[0].poses])
    assert (np.diff(steps[:5]) > 0).all(), "faster and faster"


def test_training_has_birds_leaves_and_balloons_of_its_own() -> None:
    assert not {breed.body for breed in TRAINING_BREEDS} & {breed.body for breed in EVALUATION_BREEDS}
    drawn = []
    for seed in (41, TRAINING + 41):
        rng, stage = np.random.default_rng(5), _stage(seed)
        movers = [random_leaf(rng, stage, 0, plastic=bool(number % 2)) for number in range(20)]
        movers += [balloon for _ in range(8) for balloon in random_balloons(rng, stage, 0)]
        drawn.append({thing.pyramid[0].tobytes() for mover in movers if mover is not None for thing in mover.things})
    assert min(len(pictures) for pictures in drawn) > 5
    assert not drawn[0] & drawn[1]


def test_a_steep_camera_sees_no_ground_in_the_sky() -> None:
    options = {"falls": 0, "distractors": [], "clock": False}
    spec = {"id": "c", "scene": "tower", "options": options, "width": 640, "height": 360}
    top = build_tower(CameraSpec.model_validate(spec), 500_008).frame(0)[4:20].reshape(-1, 3).astype(int)
    green = (top[:, 1] > top[:, 0] + 12) & (top[:, 1] > top[:, 2] + 12)
    assert green.mean() < 0.2
