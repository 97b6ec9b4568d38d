"""Things that fall: their shapes, sizes and looks, and how one is drawn into a picture.

A shape is an outline with coloured parts in the unit square (the longest side is 1, standing upright). Shapes for
training and for measuring are different outlines of the same kinds, so that no score rests on a shape seen in training.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.scenes import Bgr
from simulator.tower.physics import Body

Sprite = NDArray[np.float32]
"""(n, n, 4) float32: blue, green, red premultiplied by coverage (0..255), coverage 0..1."""

Build = Literal["turned", "cut", "crumpled"]
Palette = tuple[tuple[int, int, int], ...]
"""Colours (b, g, r): of the body, then of its parts."""

_SPRITE_PX = 64
_DRAWN_PX = 256

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Shape:
    """An outline and what is known of the things that have it.

    `turned`: `outline` is (height, half width) of a body of revolution; `cut`: a polygon; `crumpled`: one rough blob of
    (lobes, jaggedness) pairs. `parts` are polygons painted over it with the palette's further colours.
    """

    name: str
    kind: str
    build: Build
    outline: Points
    parts: tuple[Points, ...]
    length_m: tuple[float, float]
    terminal_mps: tuple[float, float]
    flutter_mps2: float = 0.0
    opacity: float = 1.0


@dataclass(frozen=True)
class Thing:
    """One thing: a shape with its own size, colours and air resistance."""

    shape: Shape
    length_m: float
    body: Body
    pyramid: tuple[Sprite, ...]

    @cached_property
    def fill(self) -> float:
        """Covered part of the square with the thing's length as its side."""
        return float(self.pyramid[0][..., 3].mean())

    @property
    def size_m(self) -> float:
        """Square root of the area seen face on."""
        return self.length_m * float(np.sqrt(self.fill))


def _box(left: float, top: float, right: float, bottom: float) -> Points:
    return ((left, top), (right, top), (right, bottom), (left, bottom))


_LIGHT, _MEDIUM, _HEAVY = (1.6, 3.5), (9.0, 16.0), (22.0, 45.0)

TRAINING_SHAPES: tuple[Shape, ...] = (
    Shape(
        "bottle-slim",
        "bottle",
        "turned",
        ((-0.5, 0.06), (-0.3, 0.06), (-0.2, 0.14), (0.5, 0.14)),
        (_box(-0.5, -0.05, 0.5, 0.25),),
        (0.18, 0.32),
        (14, 26),
    ),
    Shape(
        "bottle-square",
        "bottle",
        "turned",
        ((-0.5, 0.09), (-0.42, 0.09), (-0.36, 0.2), (0.5, 0.2)),
        (_box(-0.5, 0.0, 0.5, 0.35),),
        (0.18, 0.3),
        (12, 22),
    ),
    Shape(
        "can-tall",
        "can",
        "turned",
        ((-0.5, 0.17), (-0.44, 0.22), (0.44, 0.22), (0.5, 0.17)),
        (_box(-0.5, -0.3, 0.5, 0.1),),
        (0.12, 0.17),
        (8, 22),
    ),
    Shape(
        "cigarette-short",
        "cigarette",
        "cut",
        _box(-0.07, -0.5, 0.07, 0.5),
        (_box(-0.07, 0.1, 0.07, 0.5),),
        (0.025, 0.05),
        (5, 9),
    ),
    Shape("bag-round", "bag", "crumpled", ((9, 0.22), (5, 0.2)), (), (0.25, 0.5), _LIGHT, 5.0, 0.85),
    Shape("bag-filled", "bag", "crumpled", ((5, 0.12), (3, 0.12)), (), (0.25, 0.45), _MEDIUM, 0.0, 1.0),
    Shape(
        "paper-sheet",
        "paper",
        "cut",
        ((-0.36, -0.5), (0.34, -0.47), (0.37, 0.5), (-0.33, 0.48)),
        (),
        (0.2, 0.32),
        (1.5, 2.6),
        7.0,
    ),
    Shape(
        "shoe-flat",
        "shoe",
        "cut",
        (
            (-0.18, -0.5),
            (0.1, -0.5),
            (0.19, -0.2),
            (0.14, 0.1),
            (0.2, 0.4),
            (0.08, 0.5),
            (-0.14, 0.5),
            (-0.2, 0.3),
            (-0.14, 0),
        ),
        (_box(-0.1, 0.1, 0.1, 0.4),),
        (0.24, 0.31),
        (14, 22),
    ),
    Shape("stone-rough", "stone", "crumpled", ((7, 0.16), (4, 0.1)), (), (0.04, 0.15), _HEAVY),
    Shape(
        "box-flat",
        "box",
        "cut",
        ((-0.5, -0.3), (0.5, -0.33), (0.48, 0.32), (-0.47, 0.3)),
        (_box(-0.06, -0.33, 0.06, 0.33),),
        (0.2, 0.45),
        (8, 14),
    ),
    Shape(
        "pot-wide",
        "pot",
        "turned",
        ((-0.5, 0.1), (-0.2, 0.3), (-0.1, 0.5), (0.0, 0.5), (0.05, 0.42), (0.5, 0.3)),
        (_box(-0.5, -0.5, 0.5, -0.1),),
        (0.18, 0.3),
        _HEAVY,
    ),
    Shape(
        "cup-cone", "cup", "turned", ((-0.5, 0.33), (0.5, 0.22)), (_box(-0.5, -0.2, 0.5, 0.2),), (0.09, 0.16), (6, 12)
    ),
    Shape(
        "cloth-shirt",
        "cloth",
        "cut",
        (
            (-0.2, -0.5),
            (0.2, -0.5),
            (0.5, -0.2),
            (0.38, -0.05),
            (0.24, -0.2),
            (0.26, 0.5),
            (-0.26, 0.5),
            (-0.24, -0.2),
            (-0.38, -0.05),
            (-0.5, -0.2),
        ),
        (),
        (0.5, 0.8),
        (3.0, 5.5),
        3.0,
    ),
    Shape(
        "fruit-round",
        "fruit",
        "turned",
        ((-0.46, 0.1), (-0.36, 0.34), (-0.1, 0.48), (0.1, 0.48), (0.36, 0.34), (0.46, 0.1)),
        (),
        (0.06, 0.12),
        (20, 32),
    ),
    Shape(
        "phone-plain",
        "phone",
        "cut",
        _box(-0.24, -0.5, 0.24, 0.5),
        (_box(-0.21, -0.44, 0.21, 0.44),),
        (0.13, 0.17),
        (16, 25),
    ),
    Shape("wrapper-bar", "wrapper", "crumpled", ((6, 0.3), (3, 0.3)), (), (0.1, 0.2), (1.8, 3.2), 6.0, 0.9),
)
"""Shapes for training only."""

EVALUATION_SHAPES: tuple[Shape, ...] = (
    Shape(
        "bottle-bulb",
        "bottle",
        "turned",
        ((-0.5, 0.08), (-0.38, 0.08), (-0.22, 0.2), (0.0, 0.16), (0.2, 0.2), (0.5, 0.19)),
        (_box(-0.5, -0.1, 0.5, 0.15),),
        (0.2, 0.33),
        (13, 25),
    ),
    Shape(
        "can-short",
        "can",
        "turned",
        ((-0.5, 0.3), (-0.42, 0.34), (0.42, 0.34), (0.5, 0.3)),
        (_box(-0.5, -0.2, 0.5, 0.3),),
        (0.09, 0.13),
        (8, 22),
    ),
    Shape(
        "cigarette-long",
        "cigarette",
        "cut",
        _box(-0.045, -0.5, 0.045, 0.5),
        (_box(-0.045, 0.2, 0.045, 0.5),),
        (0.05, 0.085),
        (5, 9),
    ),
    Shape("bag-tailed", "bag", "crumpled", ((3, 0.3), (11, 0.16)), (), (0.25, 0.5), _LIGHT, 5.0, 0.8),
    Shape(
        "bag-knotted",
        "bag",
        "turned",
        ((-0.5, 0.16), (-0.38, 0.07), (-0.3, 0.1), (0.0, 0.36), (0.3, 0.42), (0.5, 0.25)),
        (),
        (0.25, 0.45),
        _MEDIUM,
        0.0,
        1.0,
    ),
    Shape(
        "paper-folded",
        "paper",
        "cut",
        ((-0.3, -0.45), (0.05, -0.5), (0.34, -0.38), (0.28, 0.42), (0.0, 0.5), (-0.33, 0.46)),
        (((0.05, -0.5), (0.34, -0.38), (0.28, 0.42), (0.0, 0.5)),),
        (0.18, 0.32),
        (1.5, 2.6),
        7.0,
    ),
    Shape(
        "shoe-heeled",
        "shoe",
        "cut",
        ((-0.1, -0.5), (0.14, -0.44), (0.2, -0.1), (0.1, 0.14), (0.16, 0.5), (-0.04, 0.5), (-0.12, 0.2), (-0.2, -0.2)),
        (_box(-0.04, 0.2, 0.16, 0.5),),
        (0.22, 0.29),
        (14, 22),
    ),
    Shape(
        "stone-brick",
        "stone",
        "cut",
        ((-0.22, -0.5), (0.24, -0.48), (0.22, 0.5), (-0.25, 0.47)),
        (),
        (0.08, 0.24),
        _HEAVY,
    ),
    Shape(
        "box-cube",
        "box",
        "cut",
        ((-0.42, -0.3), (0.0, -0.5), (0.44, -0.28), (0.42, 0.3), (0.0, 0.5), (-0.44, 0.28)),
        (
            ((-0.42, -0.3), (0.0, -0.1), (0.0, 0.5), (-0.44, 0.28)),
            ((-0.42, -0.3), (0.0, -0.5), (0.44, -0.28), (0.0, -0.1)),
        ),
        (0.15, 0.4),
        (8, 14),
    ),
    Shape(
        "pot-tall",
        "pot",
        "turned",
        ((-0.5, 0.3), (-0.4, 0.34), (-0.36, 0.3), (0.5, 0.2)),
        (_box(-0.5, -0.5, 0.5, -0.36),),
        (0.18, 0.32),
        _HEAVY,
    ),
    Shape(
        "cup-lidded",
        "cup",
        "turned",
        ((-0.5, 0.04), (-0.32, 0.05), (-0.3, 0.3), (-0.22, 0.32), (0.5, 0.2)),
        (_box(-0.5, -0.5, 0.5, -0.22),),
        (0.12, 0.2),
        (6, 12),
    ),
    Shape(
        "cloth-towel",
        "cloth",
        "cut",
        ((-0.3, -0.5), (0.28, -0.46), (0.22, -0.1), (0.32, 0.2), (0.24, 0.5), (-0.32, 0.46), (-0.24, 0.1)),
        (_box(-0.32, 0.3, 0.32, 0.4),),
        (0.4, 0.9),
        (3.0, 5.5),
        3.0,
    ),
    Shape(
        "fruit-long",
        "fruit",
        "cut",
        (
            (0.1, -0.5),
            (0.2, -0.42),
            (0.16, -0.1),
            (0.2, 0.2),
            (0.1, 0.46),
            (0.02, 0.5),
            (-0.12, 0.3),
            (-0.18, 0.0),
            (-0.06, -0.3),
        ),
        (),
        (0.1, 0.2),
        (16, 26),
    ),
    Shape(
        "phone-ringed",
        "phone",
        "cut",
        (
            (-0.2, -0.5),
            (0.2, -0.5),
            (0.25, -0.45),
            (0.25, 0.45),
            (0.2, 0.5),
            (-0.2, 0.5),
            (-0.25, 0.45),
            (-0.25, -0.45),
        ),
        (_box(-0.18, -0.42, 0.02, -0.26),),
        (0.14, 0.17),
        (16, 25),
    ),
    Shape("wrapper-cup", "wrapper", "crumpled", ((4, 0.2), (7, 0.2)), (), (0.08, 0.18), (1.8, 3.2), 6.0, 0.9),
)
"""Shapes for demo, tests and measuring only."""

_PALETTES: dict[str, tuple[Palette, ...]] = {
    "leaf": (((50, 110, 70),), ((60, 130, 150),), ((40, 80, 60),)),
    "bottle": (
        ((90, 130, 60), (235, 235, 235)),
        ((190, 170, 140), (60, 60, 200)),
        ((40, 60, 90), (70, 190, 230)),
        ((215, 210, 200), (190, 90, 40)),
    ),
    "can": (((60, 40, 200), (230, 230, 230)), ((70, 150, 60), (235, 235, 235)), ((190, 190, 195), (160, 80, 30))),
    "cigarette": (((232, 236, 238), (70, 130, 200)), ((225, 228, 230), (120, 160, 200))),
    "bag": (((230, 232, 235),), ((60, 50, 210),), ((45, 45, 48),), ((200, 190, 110),), ((120, 190, 120),)),
    "paper": (((240, 243, 245), (215, 220, 225)), ((205, 225, 240), (180, 200, 220))),
    "shoe": (((40, 40, 45), (90, 90, 100)), ((225, 225, 225), (180, 60, 60)), ((60, 90, 150), (200, 200, 200))),
    "stone": (((120, 125, 130),), ((70, 90, 150),), ((160, 165, 170),)),
    "box": (((110, 150, 190), (140, 175, 210), (90, 130, 170)), ((215, 220, 225), (150, 90, 60), (190, 195, 200))),
    "pot": (((60, 95, 170), (50, 140, 60)), ((220, 225, 230), (60, 150, 80)), ((90, 90, 95), (40, 120, 60))),
    "cup": (((235, 238, 240), (90, 160, 90)), ((70, 100, 150), (225, 225, 225)), ((120, 190, 235), (250, 250, 250))),
    "cloth": (
        ((200, 120, 70), (235, 235, 235)),
        ((90, 90, 210), (230, 230, 250)),
        ((235, 238, 240), (200, 150, 120)),
        ((60, 55, 60), (150, 150, 150)),
    ),
    "fruit": (((60, 70, 200),), ((50, 200, 225),), ((70, 180, 130),), ((40, 130, 235),)),
    "phone": (((35, 35, 38), (80, 70, 60)), ((200, 205, 210), (40, 40, 45))),
    "wrapper": (((60, 70, 220), (230, 230, 230)), ((215, 220, 225),), ((200, 140, 60),)),
}


def make_thing(rng: np.random.Generator, shapes: tuple[Shape, ...], size_m: float | None = None) -> Thing:
    """A random thing of one of `shapes`; `size_m` (square root of the area) overrules the size it would have."""
    shape = shapes[int(rng.integers(len(shapes)))]
    palettes = _PALETTES[shape.kind]
    palette = palettes[int(rng.integers(len(palettes)))]
    pyramid = _pyramid(_paint(shape, palette, rng))
    body = Body(
        terminal_mps=float(rng.uniform(*shape.terminal_mps)),
        flutter_mps2=shape.flutter_mps2 * float(rng.uniform(0.5, 1.2)),
        flutter_hz=float(rng.uniform(0.6, 1.8)) if shape.flutter_mps2 else 0.0,
        flutter_phase=float(rng.uniform(0, 2 * np.pi)),
    )
    length = float(rng.uniform(*shape.length_m))
    if size_m is not None:
        length = size_m / float(np.sqrt(pyramid[0][..., 3].mean()))
    return Thing(shape, length, body, pyramid)


def _paint(shape: Shape, palette: Palette, rng: np.random.Generator) -> Sprite:
    """The shape at 256 px: parts, roundness, wrinkles and a grain, each thing a little different."""
    coverage = np.zeros((_DRAWN_PX, _DRAWN_PX), np.uint8)
    outline = _outline(shape, rng)
    cv2.fillPoly(coverage, [_to_pixels(outline)], 255, cv2.LINE_AA)
    tint = 1 + rng.normal(0, 0.04, 3)
    picture = np.full((_DRAWN_PX, _DRAWN_PX, 3), np.array(palette[0]) * tint, np.float32)
    for number, part in enumerate(shape.parts):
        colour = np.array(palette[min(number + 1, len(palette) - 1)]) * tint
        cv2.fillPoly(picture, [_to_pixels(np.array(part))], colour.tolist(), cv2.LINE_AA)
    picture *= _relief(shape, coverage, rng)[..., None]
    alpha = (coverage.astype(np.float32) / 255 * shape.opacity)[..., None]
    sprite: Sprite = np.concatenate([np.clip(picture, 0, 255) * alpha, alpha], axis=2).astype(np.float32)
    return cv2.resize(sprite, (_SPRITE_PX, _SPRITE_PX), interpolation=cv2.INTER_AREA).astype(np.float32)


def _outline(shape: Shape, rng: np.random.Generator) -> NDArray[np.float64]:
    points = np.array(shape.outline, dtype=np.float64)
    if shape.build == "turned":
        right = np.column_stack([points[:, 1], points[:, 0]])
        left = np.column_stack([-points[::-1, 1], points[::-1, 0]])
        return np.concatenate([right, left])
    if shape.build == "cut":
        return points
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    radius = np.ones_like(angles)
    for lobes, depth in shape.outline:
        radius += depth * rng.uniform(0.6, 1.2) * np.sin(lobes * angles + rng.uniform(0, 2 * np.pi))
    radius += rng.normal(0, 0.03, angles.shape)
    radius *= 0.5 / radius.max()
    stretch = rng.uniform(0.65, 1.0)
    return np.column_stack([stretch * radius * np.cos(angles), radius * np.sin(angles)])


def _relief(shape: Shape, coverage: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """Brightness (256, 256): round bodies are lit from one side with a glint, crumpled ones have folds."""
    across = np.linspace(-1, 1, _DRAWN_PX, dtype=np.float32)[None, :].repeat(_DRAWN_PX, axis=0)
    noise = rng.standard_normal((12, 12)).astype(np.float32)
    folds = cv2.resize(noise, (_DRAWN_PX, _DRAWN_PX), interpolation=cv2.INTER_CUBIC)
    if shape.build == "turned":
        depth = cv2.distanceTransform(coverage, cv2.DIST_L2, 3)
        round_body = 0.65 + 0.5 * np.sqrt(depth / max(1.0, float(depth.max())))
        side = float(rng.choice([-1.0, 1.0]))
        glint = 0.9 * np.exp(-(((across - side * 0.15) / 0.05) ** 2)) * rng.uniform(0, 1)
        relief = round_body * (1 + side * 0.25 * across) + glint + 0.04 * folds
    else:
        strength = 0.18 if shape.build == "crumpled" else 0.06
        relief = 1 + strength * folds + 0.12 * across * rng.normal()
    brightness: NDArray[np.float32] = np.clip(relief, 0.3, 2.0).astype(np.float32)
    return brightness


def _to_pixels(points: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.round((points + 0.5) * (_DRAWN_PX - 1)).astype(np.int32)


def _pyramid(sprite: Sprite) -> tuple[Sprite, ...]:
    levels = [sprite]
    while levels[-1].shape[0] > 2:
        half = levels[-1].shape[0] // 2
        levels.append(cv2.resize(levels[-1], (half, half), interpolation=cv2.INTER_AREA).astype(np.float32))
    return tuple(levels)


@dataclass(frozen=True, slots=True)
class Pose:
    """How a thing stands in one picture.

    `length_px` is its longest side face on; `angle` turns it in the picture, `squash` (0..1) is what turning out of the
    picture leaves of its width; `motion_px` (dx, dy) and `spin` (radians) are what it moves and turns while the shutter
    is open.
    """

    x: float
    y: float
    length_px: float
    angle: float = 0.0
    squash: float = 1.0
    motion_px: tuple[float, float] = (0.0, 0.0)
    spin: float = 0.0


def draw_object(
    canvas: Bgr,
    thing: Thing,
    pose: Pose,
    light: tuple[float, float, float] = (1.0, 1.0, 1.0),
    softness_px: float = 0.6,
) -> tuple[int, int, int, int] | None:
    """Draw `thing` into `canvas` ((h, w, 3) uint8, changed in place) with sub-pixel place, motion blur and coverage.

    `light` (b, g, r) multiplies its colours; `softness_px` is the lens's blur (sigma). Pixel centres are at whole
    numbers. Returns the changed (left, top, right, bottom), or None when it is outside of the picture.
    """
    reach = pose.length_px * 0.75 + 3 * softness_px + 2
    half_x, half_y = reach + abs(pose.motion_px[0]) / 2, reach + abs(pose.motion_px[1]) / 2
    height, width = canvas.shape[:2]
    left, right = int(np.floor(pose.x - half_x)), int(np.ceil(pose.x + half_x)) + 1
    top, bottom = int(np.floor(pose.y - half_y)), int(np.ceil(pose.y + half_y)) + 1
    if right <= 0 or bottom <= 0 or left >= width or top >= height:
        return None
    patch = exposed_sprite(thing, pose, (left, top), (right - left, bottom - top), softness_px)
    patch[..., :3] *= np.array(light, np.float32)
    inside = (max(left, 0), max(top, 0), min(right, width), min(bottom, height))
    patch = patch[inside[1] - top : inside[3] - top, inside[0] - left : inside[2] - left]
    blend(canvas[inside[1] : inside[3], inside[0] : inside[2]], patch)
    return inside


def exposed_sprite(
    thing: Thing, pose: Pose, origin: tuple[int, int], size: tuple[int, int], softness_px: float
) -> Sprite:
    """The thing as the shutter sees it, on a patch of `size` (w, h) whose first pixel is at `origin` (x, y)."""
    level = next((s for s in reversed(thing.pyramid) if s.shape[0] >= pose.length_px), thing.pyramid[0])
    moments = int(np.clip(np.ceil(1.5 * np.hypot(*pose.motion_px) + 3 * abs(pose.spin)), 1, 24))
    total = np.zeros((size[1], size[0], 4), np.float32)
    for moment in (np.arange(moments) + 0.5) / moments - 0.5:
        x = pose.x + moment * pose.motion_px[0] - origin[0]
        y = pose.y + moment * pose.motion_px[1] - origin[1]
        matrix = _placement(level.shape[0], pose, pose.angle + moment * pose.spin, x, y)
        total += cv2.warpAffine(level, matrix, size, flags=cv2.INTER_LINEAR)
    total /= moments
    if softness_px > 0:
        total = cv2.GaussianBlur(total, (0, 0), softness_px).astype(np.float32)
    return total


def _placement(sprite_px: int, pose: Pose, angle: float, x: float, y: float) -> NDArray[np.float64]:
    scale = pose.length_px / sprite_px
    cosine, sine = np.cos(angle) * scale, np.sin(angle) * scale
    turn = np.array([[cosine * pose.squash, -sine], [sine * pose.squash, cosine]])
    middle = (sprite_px - 1) / 2
    shift = np.array([x, y]) - turn @ np.array([middle, middle])
    return np.column_stack([turn, shift])


def blend(region: Bgr, patch: Sprite) -> None:
    """Lay a premultiplied patch over a region of the same size, in place."""
    mixed = region * (1 - patch[..., 3:]) + patch[..., :3]
    region[...] = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)


_ANY = Shape("drawn", "drawn", "cut", (), (), (1.0, 1.0), (10.0, 10.0))


def thing_of(sprite: Sprite) -> Thing:
    """A thing that is only drawn, never dropped: `sprite` (64, 64, 4) premultiplied."""
    return Thing(_ANY, 1.0, Body(terminal_mps=10.0), _pyramid(sprite))
