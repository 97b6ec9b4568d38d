"""What people let fly: balloons that rise, drift and sink, and drones that hover, dash and come down."""

from __future__ import annotations

import cv2
import numpy as np

from simulator.tower.distractors import Mover, Walk, seen_mover
from simulator.tower.geometry import Floats
from simulator.tower.objects import Sprite, thing_of
from simulator.tower.stage import Stage

Colour = tuple[int, int, int]

_TRAINING_COLOURS: tuple[Colour, ...] = ((200, 120, 60), (90, 190, 90), (200, 200, 205))
_COLOURS: tuple[Colour, ...] = ((50, 50, 215), (60, 210, 240), (190, 90, 200), (225, 225, 230))


def random_balloons(rng: np.random.Generator, stage: Stage, first_frame: int) -> list[Mover]:
    """One balloon, or some that were let go together: up at 0.6 to 2.2 m/s, or sinking when the gas is out."""
    camera, layout, wind = stage.camera, stage.layout, stage.wind
    count = int(rng.choice([1, 1, 1, 2, 4]))
    climb = float(rng.choice([rng.uniform(0.6, 2.2), -rng.uniform(0.2, 1.1)], p=[0.65, 0.35]))
    t = np.arange(int(rng.uniform(8, 20) * stage.shot.fps)) / stage.shot.fps
    away = rng.uniform(0.8, 0.7 * camera.position_m[2])
    start = np.array([rng.uniform(-0.6, 0.6) * layout.width_m, layout.height_m * rng.uniform(0.1, 0.9), away])
    drift = np.array([0.8 * wind[0], climb, 0.5 * wind[2]]) + np.array([rng.normal(0, 0.3), 0, 0])
    colours = _TRAINING_COLOURS if stage.training else _COLOURS
    found = []
    for _ in range(count):
        sway = 0.25 * np.sin(rng.uniform(1, 3) * t + rng.uniform(0, 6))
        path = start + rng.normal(0, 0.5, 3) + t[:, None] * (drift + rng.normal(0, 0.12, 3))
        path[:, 0] += sway
        path[:, 2] = np.maximum(path[:, 2], 0.5)
        thing = thing_of(_balloon(colours[int(rng.integers(len(colours)))], long=stage.training))
        walk = Walk("balloon", first_frame, path, float(rng.uniform(0.45, 0.8)))
        found.append(seen_mover(walk, stage, (thing,)))
    return [mover for mover in found if mover is not None]


def _balloon(colour: Colour, *, long: bool) -> Sprite:
    """Body, knot and string; the body is a third of the picture's height."""
    large = np.zeros((256, 256, 4), np.float32)
    axes = (42, 66) if long else (52, 60)
    tone = [float(part) for part in colour]
    cv2.line(large, (128, 130), (133, 250), (170.0, 170.0, 170.0, 1.0), 3, cv2.LINE_AA)
    cv2.ellipse(large, (128, 66), axes, 0, 0, 360, (*tone, 1.0), -1, cv2.LINE_AA)
    glint = [min(255.0, part * 0.5 + 130) for part in tone]
    cv2.ellipse(large, (112, 46), (10, 16), 20, 0, 360, (*glint, 1.0), -1, cv2.LINE_AA)
    return cv2.resize(large, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)


def random_drone(rng: np.random.Generator, stage: Stage, first_frame: int) -> list[Mover]:
    """A drone between some places before the facade: dashes at 3 to 12 m/s, sinks at 1.5 to 5 m/s, hovers between."""
    path = _errand(rng, stage)
    size = float(rng.uniform(0.25, 0.6))
    grey = float(rng.choice([45, 75] if stage.training else [60, 185]))
    body = thing_of(_drone(grey, arms=6 if stage.training else 4))
    found = [seen_mover(Walk("drone", first_frame, path, size), stage, (body,))]
    if stage.night or rng.random() < 0.5:
        lamps = tuple(thing_of(_lamp(colour)) for colour in ((60, 60, 255), (90, 255, 90), (0, 0, 0)))
        blink = (np.arange(len(path)) / stage.shot.fps * rng.uniform(1, 2.5)) % 1
        shown = tuple(int(part) for part in np.where(blink < 0.35, 0, np.where(blink < 0.6, 1, 2)))
        found.append(seen_mover(Walk("drone", first_frame, path, 0.5 * size, shown, glows=True), stage, lamps))
    return [mover for mover in found if mover is not None]


def _errand(rng: np.random.Generator, stage: Stage) -> Floats:
    """(n, 3): from place to place with 2 to 4 m/s² at both ends, hovering 0.5 to 3 s between."""
    camera, layout, fps = stage.camera, stage.layout, stage.shot.fps

    def place() -> Floats:
        return np.array([rng.uniform(-0.6, 0.6) * layout.width_m, layout.height_m * rng.uniform(0.1, 1.0),
                         rng.uniform(1.5, 0.6 * camera.position_m[2])])  # fmt: skip

    here, parts = place(), []
    for _ in range(int(rng.integers(2, 5))):
        there = place()
        if rng.random() < 0.5:
            there[[0, 2]] = here[[0, 2]]  # straight up or down
        way = there - here
        limit = rng.uniform(3, 12) if abs(way[1]) < np.hypot(way[0], way[2]) else rng.uniform(1.5, 5)
        done = _eased(float(np.linalg.norm(way)), float(limit), float(rng.uniform(2, 4)), fps)
        parts.append(here + way * done[:, None])
        parts.append(np.repeat(there[None], int(rng.uniform(0.5, 3) * fps), axis=0))
        here = there
    path = np.concatenate(parts)
    t = np.arange(len(path)) / fps
    path[:, 0] += 0.06 * np.sin(2.1 * t)
    path[:, 1] += 0.05 * np.sin(3.3 * t + 1)
    return path


def _eased(distance: float, limit: float, rate: float, fps: float) -> Floats:
    """Part of the way done at each frame: speeding up at `rate`, on at `limit`, slowing down."""
    top = min(limit, float(np.sqrt(distance * rate)))
    ramp = top / rate
    total = ramp + distance / top
    t = np.arange(max(2, int(total * fps))) / fps
    up = 0.5 * rate * np.minimum(t, ramp) ** 2 + top * np.clip(t - ramp, 0, None)
    late = np.clip(t - (total - ramp), 0, ramp)
    done: Floats = np.clip((up - 0.5 * rate * late**2) / distance, 0, 1)
    return done


def _drone(grey: float, arms: int) -> Sprite:
    """Seen from below and the side: body, arms, the discs of the rotors half clear."""
    large = np.zeros((256, 256, 4), np.float32)
    for arm in range(arms):
        angle = 2 * np.pi * (arm + 0.5) / arms
        tip = (int(128 + 92 * np.cos(angle)), int(128 + 46 * np.sin(angle)))
        cv2.ellipse(large, tip, (34, 12), 0, 0, 360, (0.4 * grey, 0.4 * grey, 0.4 * grey, 0.4), -1, cv2.LINE_AA)
        cv2.line(large, (128, 128), tip, (grey, grey, grey, 1.0), 9, cv2.LINE_AA)
    cv2.ellipse(large, (128, 130), (34, 22), 0, 0, 360, (grey, grey, grey, 1.0), -1, cv2.LINE_AA)
    cv2.circle(large, (128, 148), 10, (25.0, 25.0, 25.0, 1.0), -1, cv2.LINE_AA)
    return cv2.resize(large, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)


def _lamp(colour: Colour) -> Sprite:
    """A light with its glare; black means that it is out."""
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    glare = np.clip(1.3 * np.exp(-12 * (x**2 + y**2)), 0, 1) * (max(colour) > 0)
    sprite = np.concatenate([np.array(colour) * glare[..., None], glare[..., None]], axis=2)
    return sprite.astype(np.float32)
