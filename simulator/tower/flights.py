"""Birds in metres: level flights, glides, parachuting, dives that are pulled out of, and landings.

A bird that folds its wings falls as freely as a stone does, for a second or so; what tells it from one is what comes
after. Speeds, accelerations and turns are those of pigeons, crows and swifts.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from simulator.tower.distractors import Mover, Walk, seen_mover
from simulator.tower.geometry import Floats
from simulator.tower.objects import Points, Sprite, thing_of
from simulator.tower.physics import GRAVITY_MPS2
from simulator.tower.stage import Stage

_STEP_S = 1 / 200
_LIFTS = (0.9, 0.45, 0.05, -0.35, -0.6)
_FOLDED, _SPREAD = len(_LIFTS), len(_LIFTS) + 1


@dataclass(frozen=True, slots=True)
class Breed:
    """One kind of bird, seen from the side, head to the right: body and tail as polygons in the unit square.

    `wing` is how far the wings reach, `chord` how broad they are, both as parts of the length; `grey` (b, g, r).
    """

    name: str
    length_m: tuple[float, float]
    level_mps: tuple[float, float]
    beats_hz: tuple[float, float]
    body: Points
    wing: float
    chord: float
    grey: tuple[float, float, float]


TRAINING_BREEDS: tuple[Breed, ...] = (
    Breed("sparrow", (0.14, 0.18), (7, 11), (12, 15),
          ((0.04, 0.52), (0.25, 0.42), (0.6, 0.36), (0.82, 0.4), (0.92, 0.46), (0.8, 0.54), (0.5, 0.62), (0.2, 0.56)),
          0.5, 0.3, (70, 84, 100)),
    Breed("gull", (0.4, 0.6), (9, 13), (2.5, 3.5),
          ((0.05, 0.5), (0.3, 0.44), (0.7, 0.4), (0.9, 0.43), (0.97, 0.48), (0.85, 0.53), (0.5, 0.57), (0.2, 0.54)),
          1.0, 0.22, (205, 205, 205)),
)  # fmt: skip
EVALUATION_BREEDS: tuple[Breed, ...] = (
    Breed("pigeon", (0.29, 0.36), (10, 17), (5, 8),
          ((0.0, 0.53), (0.12, 0.46), (0.4, 0.38), (0.72, 0.37), (0.86, 0.4), (0.95, 0.48), (0.8, 0.56), (0.5, 0.63),
           (0.15, 0.57)), 0.75, 0.32, (105, 98, 95)),
    Breed("crow", (0.42, 0.52), (8, 13), (3.5, 5),
          ((0.0, 0.46), (0.02, 0.55), (0.3, 0.45), (0.65, 0.4), (0.85, 0.38), (1.0, 0.46), (0.82, 0.53), (0.5, 0.58),
           (0.25, 0.55)), 0.9, 0.34, (32, 30, 30)),
    Breed("swift", (0.16, 0.18), (10, 25), (7, 9),
          ((0.0, 0.44), (0.1, 0.5), (0.0, 0.56), (0.35, 0.54), (0.7, 0.54), (0.9, 0.5), (0.7, 0.44), (0.35, 0.45)),
          1.1, 0.16, (45, 48, 52)),
)  # fmt: skip

Flown = tuple[Floats, Floats]
"""(n, 2) metres along and up, and (n,) how it holds its wings: number of the sprite."""


def random_flight(rng: np.random.Generator, stage: Stage, first_frame: int) -> Mover | None:
    """One bird before the facade; None when the camera does not see it."""
    camera, layout = stage.camera, stage.layout
    breeds = TRAINING_BREEDS if stage.training else EVALUATION_BREEDS
    breed = breeds[int(rng.integers(len(breeds)))]
    style = (_level, _glide, _parachute, _dive, _dive, _land)[int(rng.integers(6))]
    flown, wings = style(rng, breed)
    away = 0.8 + 0.7 * float(camera.position_m[2]) * rng.random() ** 2
    middle = np.array([rng.uniform(-0.55, 0.55) * layout.width_m, layout.height_m * rng.uniform(0.2, 0.95), away])
    heading = float(rng.choice([0.0, np.pi])) + rng.normal(0, 0.35)
    way = flown - flown[len(flown) // 2]
    along = np.column_stack([np.cos(heading) * way[:, 0], way[:, 1], 0.5 * np.sin(heading) * way[:, 0]])
    path = _sampled(middle + along, stage.shot.fps)
    path[:, 2] = np.maximum(path[:, 2], 0.4)
    shown = tuple(int(number) for number in _sampled(wings[:, None], stage.shot.fps, nearest=True)[:, 0])
    tint = float(rng.uniform(0.7, 1.4))
    things = tuple(thing_of(_sprite(breed, lift, tint)) for lift in (*_LIFTS, None, 2.0))
    walk = Walk("bird", first_frame, path, float(rng.uniform(*breed.length_m)), shown)
    return seen_mover(walk, stage, things, tilt=0.95)


def _sampled(values: Floats, fps: float, *, nearest: bool = False) -> Floats:
    """(n, k) values of every step -> one row a frame."""
    count = max(2, int(len(values) * _STEP_S * fps))
    moments = np.arange(count) / fps / _STEP_S
    if nearest:
        held: Floats = values[np.minimum(moments.astype(int), len(values) - 1)]
        return held
    return np.stack([np.interp(moments, np.arange(len(values)), axis) for axis in values.T], axis=1)


def _clock(seconds: float) -> Floats:
    return np.arange(round(seconds / _STEP_S), dtype=np.float64) * _STEP_S


def _beating(rng: np.random.Generator, breed: Breed, t: Floats) -> Floats:
    swing = np.sin(2 * np.pi * rng.uniform(*breed.beats_hz) * t + rng.uniform(0, 6))
    return np.clip(np.round((1 - swing) * 2), 0, 4)


def _level(rng: np.random.Generator, breed: Breed) -> Flown:
    """Flapping across, rising and falling a little with each beat."""
    t = _clock(rng.uniform(2, 5))
    up = 0.4 * np.sin(rng.uniform(0.6, 1.8) * t) + 0.04 * np.sin(2 * np.pi * breed.beats_hz[0] * t)
    return np.column_stack([rng.uniform(*breed.level_mps) * t, up]), _beating(rng, breed, t)


def _glide(rng: np.random.Generator, breed: Breed) -> Flown:
    """Wings spread, sinking at a steady angle."""
    t = _clock(rng.uniform(1.5, 4))
    slope, speed = rng.uniform(0.1, 0.55), 0.9 * rng.uniform(*breed.level_mps)
    bend = rng.normal(0, 0.25)
    angle = slope + bend * t * 0.3
    path = np.cumsum(np.column_stack([np.cos(angle), -np.sin(angle)]) * speed * _STEP_S, axis=0)
    return path, np.full(len(t), _SPREAD)


def _parachute(rng: np.random.Generator, breed: Breed) -> Flown:
    """Down steeply with the wings held up in a V, nearly at one speed, as pigeons come off a roof."""
    t = _clock(rng.uniform(1.2, 3.0))
    slope, speed = rng.uniform(0.8, 1.35), rng.uniform(5, 10)
    ease = 1 - 0.6 * np.exp(-t / 0.35)
    path = np.cumsum(np.array([np.cos(slope), -np.sin(slope)]) * (speed * ease * _STEP_S)[:, None], axis=0)
    return path, np.where(rng.random() < 0.5, 0.0, _beating(rng, breed, t))


def _dive(rng: np.random.Generator, breed: Breed) -> Flown:
    """Off a ledge or out of flight with folded wings, then pulled out at 1.5 to 4 g and on."""
    speed = float(rng.choice([rng.uniform(0.5, 3), rng.uniform(4, 10)]))
    angle, folded_s = float(rng.uniform(0.0, 0.5)), float(rng.uniform(0.3, 1.3))
    pull, out = float(rng.uniform(15, 38)), float(rng.uniform(-0.35, 0.25))
    terminal = float(rng.uniform(30, 50))
    place, track, wings = np.zeros(2), [], []
    for t in _clock(folded_s + rng.uniform(1.2, 2.5)):
        folded = t < folded_s
        turn = 0.0 if folded else pull * (angle > out)
        speed += _STEP_S * (
            GRAVITY_MPS2 * np.sin(angle) * (folded or angle > out) - GRAVITY_MPS2 * (speed / terminal) ** 2
        )
        if folded or angle > out:
            angle += _STEP_S * (GRAVITY_MPS2 * np.cos(angle) - turn) / max(speed, 0.5)
        place = place + _STEP_S * speed * np.array([np.cos(angle), -np.sin(angle)])
        track.append(place)
        wings.append(_FOLDED if folded else _SPREAD if angle > out else -1)
    held, beat = np.array(wings), _beating(rng, breed, _clock(len(wings) * _STEP_S))
    return np.array(track), np.where(held < 0, beat, held)


def _land(rng: np.random.Generator, breed: Breed) -> Flown:
    """Down to a ledge, slowing all the way, flapping at the end; then it sits."""
    distance, slope = rng.uniform(8, 25), rng.uniform(0.4, 1.1)
    t = _clock(1.7 * distance / rng.uniform(*breed.level_mps))
    done = 1 - (1 - t / t[-1]) ** 1.7
    path = distance * done[:, None] * np.array([np.cos(slope), -np.sin(slope)])
    wings = np.where(t < 0.6 * t[-1], _SPREAD, _beating(rng, breed, t))
    rest = len(_clock(1.0))
    return np.concatenate([path, np.repeat(path[-1:], rest, 0)]), np.concatenate([wings, np.full(rest, _FOLDED)])


def _sprite(breed: Breed, lift: float | None, tint: float) -> Sprite:
    """`lift` of the wings seen from the side; None: folded; 2: spread, seen from below."""
    large = np.zeros((256, 256, 4), np.float32)
    grey = [float(min(255.0, part * tint)) for part in breed.grey]
    body = np.round(np.array(breed.body) * 255).astype(np.int32)
    cv2.fillPoly(large, [body], (*grey, 1.0), cv2.LINE_AA)
    lighter = (*(min(255.0, 1.2 * part + 8) for part in grey), 1.0)
    reach, half = breed.wing * 128, breed.chord * 128
    if lift == 2.0:
        for side in (-1, 1):
            wing = [(140 + half, 128), (125 + half * 0.6, 128 + side * 0.6 * reach), (95, 128 + side * reach),
                    (110 - half * 0.5, 128 + side * 0.5 * reach), (140 - half, 128)]  # fmt: skip
            cv2.fillPoly(large, [np.round(wing).astype(np.int32)], lighter, cv2.LINE_AA)
    elif lift is not None:
        tip = 118 - lift * reach
        wing = [(135 - half, 118), (135 + half, 112), (135, (118 + tip) / 2), (80, tip), (70, (118 + tip) / 2)]
        cv2.fillPoly(large, [np.round(wing).astype(np.int32)], lighter, cv2.LINE_AA)
    large[..., :3] *= large[..., 3:]
    return cv2.resize(large, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)
