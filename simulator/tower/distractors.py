"""What moves before a tower and did not fall from it: birds, insects, leaves, plastic, laundry, people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.scenes import Bgr
from simulator.tower.falls import Shot
from simulator.tower.geometry import FacadeCamera, Floats
from simulator.tower.house import Balcony
from simulator.tower.objects import Pose, Shape, Sprite, Thing, draw_object, make_thing, thing_of
from simulator.tower.physics import Release, fall_path
from simulator.tower.stage import Stage
from simulator.tower.surroundings import overlay
from simulator.truth import DistractorTruth

Light = tuple[float, float, float]

_TRAINING_LEAF = Shape("leaf", "leaf", "cut",
              ((0.0, -0.5), (0.2, -0.2), (0.22, 0.1), (0.0, 0.5), (-0.22, 0.1), (-0.2, -0.2)), (),
              (0.05, 0.12), (0.8, 1.8), 5.0)  # fmt: skip
_TRAINING_PLASTIC = Shape("plastic", "bag", "crumpled", ((4, 0.25), (7, 0.15)), (), (0.3, 0.6), (0.6, 1.4), 5.0, 0.8)
_LEAF = Shape("leaf-lobed", "leaf", "cut",
              ((0.0, -0.5), (0.12, -0.3), (0.34, -0.28), (0.22, -0.04), (0.3, 0.2), (0.08, 0.24), (0.03, 0.5),
               (-0.03, 0.5), (-0.08, 0.24), (-0.3, 0.2), (-0.22, -0.04), (-0.34, -0.28), (-0.12, -0.3)), (),
              (0.06, 0.14), (0.8, 1.8), 5.0)  # fmt: skip
_PLASTIC = Shape("plastic-sheet", "bag", "crumpled", ((3, 0.32), (10, 0.12)), (), (0.3, 0.7), (0.6, 1.4), 5.0, 0.7)


@dataclass(frozen=True)
class Mover:
    """Something that crosses the picture: per frame from `first_frame` on a pose and which of `things` it shows."""

    what: str
    first_frame: int
    things: tuple[Thing, ...]
    shown: tuple[int, ...]
    poses: tuple[Pose, ...]
    softness_px: float
    glows: bool = False
    """Shines by itself: the light at its place does not count."""

    @property
    def last_frame(self) -> int:
        """Its last frame."""
        return self.first_frame + len(self.poses) - 1

    def draw(self, canvas: Bgr, frame: int, light: Light = (1.0, 1.0, 1.0)) -> tuple[int, int, int, int] | None:
        """Draw it as in frame number `frame`, in place; returns the changed box, None when it is not seen."""
        if not self.first_frame <= frame <= self.last_frame:
            return None
        number = frame - self.first_frame
        lit = (1.0, 1.0, 1.0) if self.glows else light
        return draw_object(canvas, self.things[self.shown[number]], self.poses[number], lit, self.softness_px)

    def truth(self, fps: float) -> DistractorTruth:
        """The record of it."""
        return DistractorTruth(
            what=self.what, t_first_s=round(self.first_frame / fps, 4), t_last_s=round(self.last_frame / fps, 4)
        )


def random_bird(rng: np.random.Generator, size: tuple[int, int], shot: Shot, first_frame: int) -> Mover:
    """A bird that crosses: straight, in an arc, gliding down, or diving along the facade."""
    width, height = size
    length = float(np.exp(rng.uniform(np.log(0.004), np.log(0.03)))) * width
    speed = length * rng.uniform(8, 20)
    style = rng.choice(["cross", "arc", "glide", "dive"])
    side = float(rng.choice([-1.0, 1.0]))
    count = int(rng.uniform(1.2, 4.0) * shot.fps)
    t = np.arange(count) / shot.fps
    x = width * rng.uniform(0.2, 0.8) + side * speed * (t - t[-1] / 2)
    y = height * rng.uniform(0.1, 0.75) + 0.0 * t
    if style == "arc":
        y += height * rng.uniform(-0.2, 0.2) * np.sin(t * rng.uniform(0.8, 2.0))
    elif style == "glide":
        y += speed * rng.uniform(0.2, 0.6) * (t - t[-1] / 2)
    elif style == "dive":
        x = width * rng.uniform(0.25, 0.75) + 0.0 * t
        y = height * rng.uniform(0.0, 0.3) + 0.0 * t
        across, down = _stoop(rng, t, speed)
        x, y = x + side * across, y + down
    y += length * 0.15 * np.sin(2 * np.pi * rng.uniform(2, 4) * t)
    wings = tuple(thing_of(_bird_sprite(lift)) for lift in (0.9, 0.45, 0.05, -0.35, -0.6))
    beat = rng.uniform(3, 8)
    flapping = np.ones(count, bool) if style in ("cross", "arc") else np.sin(1.7 * t + rng.uniform(0, 6)) > 0.4
    swing = np.where(flapping, np.sin(2 * np.pi * beat * t), 0.2)
    shown = np.clip(np.round((1 - swing) * 2), 0, 4).astype(int)
    dark = float(rng.uniform(0.4, 1.4))
    poses = poses_along(x, y, np.full(count, length), shot, tilt=0.4)
    lit = tuple(_tinted(wing, dark) for wing in wings)
    return Mover("bird", first_frame, lit, tuple(int(number) for number in shown), poses, 0.7)


def _stoop(rng: np.random.Generator, t: Floats, speed: float) -> tuple[Floats, Floats]:
    """Pixels across and down: faster and faster for a second or so, then levelled out with the speed it has gained."""
    gain, until = rng.uniform(0.4, 1.2), rng.uniform(0.5, 1.4)
    fastest = speed * (0.4 + gain * until)
    down = speed * (0.4 + gain * np.minimum(t, until)) * np.exp(-np.clip(t - until, 0, None) / 0.25)
    across = np.where(t < until, 0.25 * speed, np.sqrt(np.maximum(fastest**2 - down**2, (0.25 * speed) ** 2)))
    step = t[1] - t[0]
    return np.cumsum(across) * step, np.cumsum(down) * step


def _bird_sprite(lift: float) -> Sprite:
    """A bird from the side with its wings at `lift`; head to the right."""
    large = np.zeros((256, 256, 4), np.float32)
    body = np.array([[10, 128], [60, 112], [150, 104], [205, 108], [228, 118], [205, 130], [140, 142], [60, 136]])
    tip = 118 - lift * 105
    wing = np.array([[95, 118], [160, 112], [135, int((118 + tip) / 2)], [80, int(tip)], [70, int((118 + tip) / 2)]])
    cv2.fillPoly(large, [body.astype(np.int32)], (62, 64, 68, 1.0), cv2.LINE_AA)
    cv2.fillPoly(large, [wing.astype(np.int32)], (78, 80, 84, 1.0), cv2.LINE_AA)
    large[..., :3] *= large[..., 3:]
    return cv2.resize(large, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)


def _tinted(thing: Thing, factor: float) -> Thing:
    levels = tuple(
        (level * np.array([factor, factor, factor, 1], np.float32)).astype(np.float32) for level in thing.pyramid
    )
    return Thing(thing.shape, thing.length_m, thing.body, levels)


def random_insect(rng: np.random.Generator, size: tuple[int, int], shot: Shot, first_frame: int, night: bool) -> Mover:
    """An insect close to the lens: large, blurred, fast and never straight; bright where infrared lamps light it."""
    width, height = size
    length = rng.uniform(0.006, 0.03) * width
    count = int(rng.uniform(0.3, 1.6) * shot.fps) + 3
    t = np.arange(count) / shot.fps
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.35, count))
    speed = width * rng.uniform(0.2, 0.9) * (1 + 0.4 * np.sin(9 * t))
    x = width * rng.uniform(0.1, 0.9) + np.cumsum(np.cos(heading) * speed) / shot.fps
    y = height * rng.uniform(0.1, 0.9) + np.cumsum(np.sin(heading) * speed) / shot.fps
    sprite = np.zeros((64, 64, 4), np.float32)
    tone = 235.0 if night else 45.0
    cv2.ellipse(sprite, (32, 32), (13, 30), 0, 0, 360, (tone, tone, tone, 1.0), -1, cv2.LINE_AA)
    sprite *= np.float32(rng.uniform(0.35, 0.8))
    poses = poses_along(x, y, np.full(count, length), shot, tilt=1.0)
    return Mover("insect", first_frame, (thing_of(sprite),), (0,) * count, poses, float(length * 0.22))


def random_leaf(rng: np.random.Generator, stage: Stage, first_frame: int, *, plastic: bool = False) -> Mover | None:
    """A leaf that sails past, or plastic in the wind; None when the camera does not see it.

    Training has shapes of its own, as falling things have.
    """
    camera, layout, shot, wind_mps = stage.camera, stage.layout, stage.shot, stage.wind
    leaf, sheet = (_TRAINING_LEAF, _TRAINING_PLASTIC) if stage.training else (_LEAF, _PLASTIC)
    thing = make_thing(rng, (sheet if plastic else leaf,))
    away = float(rng.uniform(1.0, 0.75 * camera.position_m[2]))
    middle = np.array([0.0, layout.height_m * rng.uniform(0.15, 0.9), away])
    start = (float(rng.uniform(-0.5, 0.5) * layout.width_m - wind_mps[0] * 2), float(middle[1]), away)
    release = Release(start, (wind_mps[0], 0.0, wind_mps[2]))
    gusty = (wind_mps[0] * float(rng.uniform(0.6, 1.4)), float(rng.uniform(-0.3, 1.2 if plastic else 0.6)), wind_mps[2])
    times = np.arange(int(rng.uniform(3, 9) * shot.fps)) / shot.fps
    path = fall_path(release, thing.body, times, gusty) + _eddies(rng, times)
    spin = float(rng.normal(0, 3))
    walk = Walk("plastic" if plastic else "leaf", first_frame, path, thing.length_m)
    return seen_mover(walk, stage, (thing,), spin=spin)


def _eddies(rng: np.random.Generator, times: Floats) -> Floats:
    """(n, 3) metres: how the whirls before a facade carry light things about, up to 1.5 m/s of their own."""
    reach, rate, phase = rng.uniform(0.1, 0.9, (3, 3)), rng.uniform(0.3, 1.1, (3, 3)), rng.uniform(0, 6.28, (3, 3))
    carried: Floats = (reach * np.sin(rate * times[:, None, None] + phase)).sum(axis=2) - (reach * np.sin(phase)).sum(
        axis=1
    )
    return carried


@dataclass(frozen=True)
class Walk:
    """A way through the world: (n, 3) metres, one place a frame from `first_frame` on, of what is `length_m` long.

    `shown` says which of the things stands for it in each frame; left out, the first one. `glows` as in `Mover`.
    """

    what: str
    first_frame: int
    path_m: Floats
    length_m: float
    shown: tuple[int, ...] | None = None
    glows: bool = False


def seen_mover(
    walk: Walk, stage: Stage, things: tuple[Thing, ...], *, tilt: float | None = None, spin: float = 0.0
) -> Mover | None:
    """The part of a way that the camera sees, from its first to its last frame in view; None for less than 5 frames."""
    camera = stage.camera
    points = camera.project(walk.path_m) - 0.5
    before = camera.to_camera(walk.path_m)[:, 2] > 1.0
    inside = (points > -20) & (points < (camera.width + 20, camera.height + 20))
    seen = np.flatnonzero(before & inside.all(axis=1))
    if len(seen) < 5:
        return None
    part = slice(int(seen[0]), int(seen[-1]) + 1)
    sizes = walk.length_m * camera.pixels_per_metre(walk.path_m)[part]
    poses = poses_along(points[part, 0], points[part, 1], sizes, stage.shot, tilt=tilt, spin=spin)
    shown = walk.shown if walk.shown is not None else (0,) * len(walk.path_m)
    return Mover(walk.what, walk.first_frame + part.start, things, shown[part], poses, 0.7, walk.glows)


def poses_along(
    x: Floats, y: Floats, lengths: Floats, shot: Shot, *, tilt: float | None = None, spin: float = 0.0
) -> tuple[Pose, ...]:
    """Poses along a path: headed along it (`tilt` 1), partly, or turning by themselves (None)."""
    dx, dy = np.gradient(x), np.gradient(y)
    if tilt is None:
        angles = spin * np.arange(len(x)) / shot.fps
        squash = np.maximum(0.25, np.abs(np.cos(1.7 * spin * np.arange(len(x)) / shot.fps)))
    else:
        angles = tilt * np.arctan2(dy, np.abs(dx) + 1e-6) * np.sign(dx + 1e-9)
        squash = np.where(dx < 0, -1.0, 1.0) if tilt < 1 else np.ones(len(x))
    open_s = shot.fps * shot.exposure_s
    return tuple(
        Pose(float(a), float(b), float(c), float(d), float(e), (float(f) * open_s, float(g) * open_s), 0.0)
        for a, b, c, d, e, f, g in zip(x, y, lengths, angles, squash, dx, dy, strict=True)
    )


@dataclass(frozen=True)
class Hanging:
    """Laundry on a pole: `sprite` (h, w, 4) uint8 premultiplied at rest, `left`, `top` in the picture."""

    left: int
    top: int
    sprite: NDArray[np.uint8]
    grid: tuple[NDArray[np.float32], NDArray[np.float32]]
    phase: float
    flap_px: float

    def draw(self, canvas: Bgr, t_s: float) -> None:
        """Hang it into the picture as the wind moves it at `t_s`, in place."""
        height, width = self.sprite.shape[:2]
        gust = 0.35 + 0.65 * np.sin(0.6 * t_s + self.phase) ** 2
        loose = self.grid[1] / np.float32(height)
        swing = np.float32(self.flap_px * gust) * loose * np.sin(np.float32(4.3 * t_s + self.phase) + 2 * loose)
        sprite = cv2.remap(self.sprite, self.grid[0] + swing, self.grid[1], cv2.INTER_LINEAR)
        region = canvas[self.top : self.top + height, self.left : self.left + width]
        overlay(region, sprite.astype(np.uint8, copy=False))


_CLOTHES = (
    (200, 195, 190),
    (90, 70, 150),
    (150, 90, 60),
    (60, 60, 65),
    (190, 200, 225),
    (80, 140, 180),
    (215, 215, 220),
)


def hang_laundry(
    rng: np.random.Generator,
    camera: FacadeCamera,
    balconies: tuple[Balcony, ...],
    wind: float,
    light: Callable[[float, float], Light],
) -> list[Hanging]:
    """Clothes below the pole of some balconies, moved by `wind` (metres per second), lit by `light` (x, y)."""
    hung = []
    for balcony in balconies:
        if rng.random() > 0.3:
            continue
        x = balcony.left + rng.uniform(0.1, 0.5)
        while x < balcony.right - 0.5 and rng.random() < 0.8:
            wide, long = float(rng.uniform(0.35, 0.8)), float(rng.uniform(0.6, 1.2))
            piece = _hang(rng, camera, (x, balcony.slab + 2.35, 1.1), (wide, long), wind, light)
            if piece is not None:
                hung.append(piece)
            x += wide + rng.uniform(0.05, 0.4)
    return hung


def _hang(
    rng: np.random.Generator,
    camera: FacadeCamera,
    peg: tuple[float, float, float],
    size_m: tuple[float, float],
    wind: float,
    light: Callable[[float, float], Light],
) -> Hanging | None:
    x, y, z = peg
    corners = camera.project(
        np.array([[x, y, z], [x + size_m[0], y, z], [x + size_m[0], y - size_m[1], z], [x, y - size_m[1], z]])
    )
    scale = float(camera.pixels_per_metre(np.array([[x, y, z]]))[0])
    flap = min(6.0, 0.04 * wind * scale)
    low, high = (
        np.floor(corners.min(axis=0) - flap - 1).astype(int),
        np.ceil(corners.max(axis=0) + flap + 2).astype(int),
    )
    if (low < 0).any() or (high > (camera.width, camera.height)).any():
        return None
    large = np.zeros(((high[1] - low[1]) * 4, (high[0] - low[0]) * 4, 4), np.uint8)
    lit = np.array(light(float(corners[0, 0]), float(corners[0, 1])))
    colour = np.array(_CLOTHES[int(rng.integers(len(_CLOTHES)))]) * lit * rng.uniform(0.7, 1.0)
    cv2.fillConvexPoly(
        large, np.round((corners - low) * 4).astype(np.int32), (*np.clip(colour, 0, 255), 255.0), cv2.LINE_AA
    )
    folds = 1 + 0.12 * np.sin(np.arange(large.shape[1]) * 0.5 + rng.uniform(0, 6))
    large[..., :3] = np.clip(large[..., :3] * folds[None, :, None], 0, 255).astype(np.uint8)
    small = cv2.resize(large, (large.shape[1] // 4, large.shape[0] // 4), interpolation=cv2.INTER_AREA)
    sprite = cv2.GaussianBlur(small, (0, 0), 0.5).astype(np.uint8)
    rows, columns = np.mgrid[0 : sprite.shape[0], 0 : sprite.shape[1]].astype(np.float32)
    return Hanging(int(low[0]), int(low[1]), sprite, (columns, rows), float(rng.uniform(0, 6.28)), flap)


def random_person(
    rng: np.random.Generator, camera: FacadeCamera, balcony: Balcony, shot: Shot, span: tuple[int, int]
) -> Mover:
    """Someone on a balcony who walks to and fro behind the railing and leans; `span` is first and last frame."""
    count = span[1] - span[0] + 1
    t = np.arange(count) / shot.fps
    stroll = 0.5 + 0.35 * np.sin(t * rng.uniform(0.2, 0.6) + rng.uniform(0, 6))
    x = balcony.left + (balcony.right - balcony.left) * stroll
    world = np.column_stack([x, np.full(count, balcony.slab + 1.35) + 0.03 * np.sin(5 * t), np.full(count, 0.95)])
    points = camera.project(world) - 0.5
    lengths = 0.75 * camera.pixels_per_metre(world)
    sprite = np.zeros((64, 64, 4), np.float32)
    cloth = np.array(_CLOTHES[int(rng.integers(len(_CLOTHES)))]) * 0.7
    cv2.ellipse(sprite, (32, 48), (17, 26), 0, 0, 360, (*map(float, cloth), 1.0), -1, cv2.LINE_AA)
    cv2.circle(sprite, (32, 14), 10, (90.0, 115.0, 150.0, 1.0), -1, cv2.LINE_AA)
    cv2.ellipse(sprite, (32, 10), (10, 7), 0, 180, 360, (25.0, 25.0, 25.0, 1.0), -1, cv2.LINE_AA)
    poses = poses_along(points[:, 0], points[:, 1], lengths, shot)
    return Mover("person", span[0], (thing_of(sprite),), (0,) * count, poses, 0.7)
