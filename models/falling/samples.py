"""Draws training samples directly: patches along a path, without rendering, encoding and searching a whole video.

A sample is a little scene of one window: a piece of a photograph as background, a thing (or a bird, a leaf, a drop, a
lit window, a swaying texture) drawn into the pictures before, at and after each of nine moments, the camera's blur,
noise and a compression of 8x8 blocks like H.264's. Hundreds come from the time one encoded scene takes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.falling.detector import STACK, stack_patches
from edge.falling.motion import PATCH
from models.pictures import read_picture
from simulator.tower.distractors import Mover, random_bird, random_insect
from simulator.tower.falls import Shot
from simulator.tower.objects import TRAINING_SHAPES, Pose, Thing, draw_object, make_thing, thing_of

Bgr = NDArray[np.uint8]
Luma = NDArray[np.uint8]
_WINDOW = 96
_CENTRE = _WINDOW // 2
_FPS = 25.0
_GAP_S = 0.09

Actor = Callable[[Bgr, int, float], None]
"""Draws into a window centred on the sighting number n, `offset_s` seconds before or after it."""


@dataclass(frozen=True)
class Cast:
    """What can be drawn: things of the training shapes, and pieces of photographs."""

    things: tuple[Thing, ...]
    photos: tuple[Bgr, ...]


def make_cast(rng: np.random.Generator, photos: list[Path], things: int = 80) -> Cast:
    """Things and half-size photographs to draw samples from."""
    chosen = [photos[i] for i in rng.permutation(len(photos))[:60]]
    pictures = tuple(
        np.asarray(cv2.resize(read_picture(path), None, fx=0.7, fy=0.7), dtype=np.uint8) for path in chosen
    )
    return Cast(tuple(make_thing(rng, TRAINING_SHAPES) for _ in range(things)), pictures)


def draw_sample(rng: np.random.Generator, cast: Cast, label: int) -> NDArray[np.float32]:
    """(9, 3, 32, 32) as the classifier sees it; label 0 object, 1 bird, insect, leaf, rain or snow, 2 background."""
    actor, path = _ACTORS[label][int(rng.integers(len(_ACTORS[label])))](rng, cast)
    photo = cast.photos[int(rng.integers(len(cast.photos)))]
    light = float(rng.choice([1.0, 1.0, 0.8, 0.5]))
    noise, quality = float(rng.uniform(0.3, 2.5)), int(rng.integers(25, 80))
    start = np.array([rng.uniform(0.15, 0.85) * photo.shape[1], rng.uniform(0.1, 0.4) * photo.shape[0]])
    patches = np.zeros((STACK, 3, PATCH, PATCH), dtype=np.uint8)
    for n in range(STACK):
        still = _window(photo, start + path[n])
        jitter = rng.integers(-1, 2, 2)
        for k, offset in enumerate((-_GAP_S, 0.0, _GAP_S)):
            picture = still.copy()
            actor(picture, n, offset)
            patches[n, k] = _as_seen(picture, light, noise, quality, jitter, rng)
    return stack_patches(patches)


def _window(photo: Bgr, centre: NDArray[np.float64]) -> Bgr:
    """A piece of the photo around a place, mirrored at its edges."""
    height, width = photo.shape[:2]
    x, y = (int(value) % (2 * size) for value, size in zip(centre, (width, height), strict=True))
    x, y = (min(value, 2 * size - 1 - value) for value, size in ((x, width), (y, height)))
    left, top = min(max(x - _CENTRE, 0), width - _WINDOW), min(max(y - _CENTRE, 0), height - _WINDOW)
    return photo[top : top + _WINDOW, left : left + _WINDOW]


def _as_seen(
    picture: Bgr, light: float, noise: float, quality: int, jitter: NDArray[np.int_], rng: np.random.Generator
) -> Luma:
    luma = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32) * light
    luma += rng.normal(0, noise, luma.shape)
    _, coded = cv2.imencode(".jpg", np.clip(luma, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)
    left, top = (_CENTRE - PATCH // 2 + jitter).tolist()
    return decoded[top : top + PATCH, left : left + PATCH]


def _speed_path(rng: np.random.Generator, start: float, end: float, aside: float) -> NDArray[np.float64]:
    """(9, 2) places of the sightings along a path whose speed grows from start to end, working pixels a second."""
    seconds = np.linspace(0, float(rng.uniform(0.5, 2.5)), STACK)
    along = start * seconds + (end - start) * seconds**2 / (2 * seconds[-1])
    return np.column_stack([aside * seconds, along])


def _object(rng: np.random.Generator, cast: Cast) -> tuple[Actor, NDArray[np.float64]]:
    """A thing of 2 to 14 working pixels that tumbles and falls; a light one swings."""
    thing = cast.things[int(rng.integers(len(cast.things)))]
    size = float(np.exp(rng.uniform(np.log(1.6), np.log(13.0)))) / float(np.sqrt(thing.fill))
    start = float(rng.uniform(5, 80))
    end = start * float(rng.uniform(1.0, 1.3)) if thing.body.flutter_mps2 else start + float(rng.uniform(60, 350))
    aside = float(rng.normal(0, 12))
    speeds = np.linspace(start, end, STACK)
    angle, turn, roll = rng.uniform(0, 6.28), rng.normal(0, 6), rng.normal(0, 5)
    seconds = np.linspace(0, 1.5, STACK)
    exposure = float(rng.uniform(0.002, 0.02))
    grow = np.linspace(1.0, float(rng.uniform(1.0, 2.0)), STACK)

    def actor(picture: Bgr, n: int, offset: float) -> None:
        t = seconds[n] + offset
        flat = max(0.35, abs(np.cos(roll * t)))
        y = _CENTRE + speeds[n] * offset
        lit = 1 + 0.25 * float(np.sin(roll * t + 1))
        pose = Pose(
            _CENTRE + aside * offset, float(y), float(size * grow[n]), float(angle + turn * t), float(flat),
            (aside * exposure, float(speeds[n]) * exposure), float(turn * exposure),
        )  # fmt: skip
        draw_object(picture, thing, pose, (lit, lit, lit), 0.5)

    return actor, _speed_path(rng, start, end, aside)


def _bird(rng: np.random.Generator, _cast: Cast) -> tuple[Actor, NDArray[np.float64]]:
    """The simulator's birds, in frames of their own."""
    return _mover(random_bird(rng, (640, 360), Shot(_FPS, 0.01), 0))


def _insect(rng: np.random.Generator, _cast: Cast) -> tuple[Actor, NDArray[np.float64]]:
    return _mover(random_insect(rng, (640, 360), Shot(_FPS, 0.01), 0, night=bool(rng.random() < 0.3)))


def _mover(mover: Mover) -> tuple[Actor, NDArray[np.float64]]:
    poses, things, shown = mover.poses, mover.things, mover.shown
    count = len(poses)
    picked = np.rint(np.linspace(0, count - 1, STACK)).astype(int)
    places = np.array([(pose.x, pose.y) for pose in poses])

    def actor(picture: Bgr, n: int, offset: float) -> None:
        i = int(np.clip(picked[n] + round(offset * _FPS), 0, count - 1))
        dx, dy = places[i] - places[picked[n]]
        pose = poses[i]
        moved = Pose(_CENTRE + dx, _CENTRE + dy, pose.length_px, pose.angle, pose.squash, pose.motion_px, pose.spin)
        draw_object(picture, things[shown[i]], moved, (1.0, 1.0, 1.0), mover.softness_px)

    return actor, places[picked] - places[0]


def _leaf(rng: np.random.Generator, _cast: Cast) -> tuple[Actor, NDArray[np.float64]]:
    """Small, dark green to brown, turning over as it sinks."""
    length = float(rng.uniform(1.5, 5))
    sprite = np.zeros((64, 64, 4), np.float32)
    tone = rng.uniform([20, 50, 30], [60, 130, 130]).astype(np.float32)
    cv2.ellipse(sprite, (32, 32), (13, 30), 0, 0, 360, (*tone.tolist(), 1.0), -1, cv2.LINE_AA)
    thing = thing_of(sprite)
    speed, aside, rate = float(rng.uniform(5, 50)), float(rng.normal(0, 25)), float(rng.uniform(4, 14))
    seconds = np.linspace(0, 1.5, STACK)

    def actor(picture: Bgr, n: int, offset: float) -> None:
        t = seconds[n] + offset
        flat = 0.2 + 0.8 * abs(float(np.sin(rate * t)))
        pose = Pose(_CENTRE + aside * offset, _CENTRE + speed * offset, length, float(2 * t), flat)
        draw_object(picture, thing, pose, (1.0, 1.0, 1.0), 0.6)

    return actor, _speed_path(rng, speed, speed, aside)


def _drop(rng: np.random.Generator, _cast: Cast) -> tuple[Actor, NDArray[np.float64]]:
    """A track of rain or snow: a different drop in each picture, and its neighbours."""
    rain = rng.random() < 0.6
    speed = float(rng.uniform(250, 900) if rain else rng.uniform(20, 160))
    streak, alpha = (int(rng.uniform(3, 16)), 0.35) if rain else (0, 0.7)
    crowd = int(rng.integers(1, 7))
    seed = int(rng.integers(1 << 30))
    tone = float(rng.uniform(170, 250))

    def actor(picture: Bgr, n: int, offset: float) -> None:
        own = np.random.default_rng([seed, n])
        layer = picture.copy()
        for i in range(crowd):
            x = _CENTRE + (0 if i == 0 else own.uniform(-40, 40))
            y = _CENTRE + (0 if i == 0 else own.uniform(-40, 40)) + speed * offset
            width = int(own.integers(1, 3))
            cv2.line(layer, (int(x), int(y)), (int(x + 1), int(y + streak)), (tone, tone, tone), width, cv2.LINE_AA)
        cv2.addWeighted(layer, alpha, picture, 1 - alpha, 0, dst=picture)

    return actor, _speed_path(rng, speed / 3, speed / 3, 0.0)


def _vehicle(rng: np.random.Generator, cast: Cast) -> tuple[Actor, NDArray[np.float64]]:
    """A part of something large: a textured body with an edge near the centre moves through the window."""
    photo = cast.photos[int(rng.integers(len(cast.photos)))]
    top, left = (int(rng.integers(0, size - 160)) if size > 170 else 0 for size in photo.shape[:2])
    body = photo[top : top + 160, left : left + 160]
    speed = np.array([rng.normal(0, 60), rng.uniform(10, 150)])
    size = rng.integers(24, 90, 2)
    side = rng.choice([-1, 1], 2)
    gain = float(rng.uniform(0.5, 1.4))

    def actor(picture: Bgr, _n: int, offset: float) -> None:
        corner = _CENTRE + speed * offset + np.where(side > 0, 0, -size)
        x0, y0 = np.clip(corner, 0, _WINDOW).astype(int)
        x1, y1 = np.clip(corner + size, 0, _WINDOW).astype(int)
        if x1 > x0 and y1 > y0:
            part = body[: y1 - y0, : x1 - x0]
            picture[y0 : y0 + part.shape[0], x0 : x0 + part.shape[1]] = cv2.convertScaleAbs(part, alpha=gain)

    return actor, np.linspace(0, 1.0, STACK)[:, None] * speed


def _sway(rng: np.random.Generator, _cast: Cast) -> tuple[Actor, NDArray[np.float64]]:
    """Leaves of a tree, laundry, a flag: the texture itself moves to and fro."""
    reach, rate, phase = rng.uniform(0.7, 4, 2), float(rng.uniform(2, 12)), rng.uniform(0, 6.28)
    waves = float(rng.uniform(8, 60))
    rows, columns = np.mgrid[0:_WINDOW, 0:_WINDOW].astype(np.float32)
    patchy = cv2.GaussianBlur(rng.normal(0, 1, (_WINDOW, _WINDOW)).astype(np.float32), (0, 0), 2.0)
    leaves = np.clip(patchy / patchy.std() * 45, -80, 80)[..., None]

    def actor(picture: Bgr, n: int, offset: float) -> None:
        t = 0.2 * n + offset
        bend = np.sin(rate * t + phase + rows / waves + columns / (1.4 * waves)).astype(np.float32)
        x, y = columns + np.float32(reach[0]) * bend, rows + np.float32(reach[1]) * bend
        textured = np.clip(picture.astype(np.float32) * 0.5 + 40 + leaves, 0, 255).astype(np.uint8)
        picture[:] = cv2.remap(textured, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)

    return actor, _speed_path(rng, 10, float(rng.uniform(10, 80)), 0.0)


def _flash(rng: np.random.Generator, _cast: Cast) -> tuple[Actor, NDArray[np.float64]]:
    """A pane, a glint or a shadow's edge that lights up and goes."""
    extent = rng.integers(2, 24, 2)
    gain = float(rng.uniform(-50, 80))
    drift = np.array([rng.normal(0, 10), rng.uniform(0, 60)])
    seed = int(rng.integers(1 << 30))

    def actor(picture: Bgr, n: int, offset: float) -> None:
        own = np.random.default_rng([seed, n])
        strength = gain * (1.0 if offset == 0 else float(own.uniform(-0.2, 0.6)))
        x, y = (_CENTRE - extent / 2 + own.integers(-2, 3, 2) + drift * offset).astype(int)
        area = picture[y : y + extent[1], x : x + extent[0]]
        area[:] = np.clip(area.astype(np.float32) + strength, 0, 255).astype(np.uint8)

    return actor, np.linspace(0, 1.0, STACK)[:, None] * drift


_ACTORS = ((_object,), (_bird, _bird, _insect, _leaf, _drop), (_vehicle, _vehicle, _sway, _sway, _flash))
