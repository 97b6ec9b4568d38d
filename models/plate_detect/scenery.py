"""Real scenes for training: cut and turned at random, with drawn plates in place of the real ones, or with none."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import Bgr
from models.pictures import read_picture
from models.plate_read.samples import Generator, in_training_split
from models.plate_read.transplant import Donor, fit, transplant
from simulator.plates.draw import PlateStyle, draw_plate, random_style
from simulator.plates.glyphs import PictureGlyphs

Quads = NDArray[np.float32]
"""(n, 4, 2) corners of n plates."""
GREY = 114
_VISIBLE = 0.75
"""Of a plate at the edge so much must be inside to count; of others what is inside is painted over."""


@dataclass(frozen=True, slots=True)
class RealScene:
    """A real picture with its plates. `focus` (4, 2): what a cut is made around, a plate or what was taken for one."""

    picture: Bgr
    quads: Quads
    focus: NDArray[np.float32]
    donor: Donor | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """Size in pixels of a cut (width, height), and how wide its focus shall be in it."""

    size: tuple[int, int]
    focus_px: float


def read_real_scenes(folder: Path, glyphs: Path | None) -> list[RealScene]:
    """The training split's pictures of a labelled folder; where the light of a plate could be told, with its donor."""
    source = PictureGlyphs(glyphs) if glyphs else random_style(np.random.default_rng(0), "training").glyphs
    scenes = []
    with (folder / "labels.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if not in_training_split(int(Path(row["file"]).stem), folder.name):
                continue
            picture = read_picture(folder / row["file"])
            corners = [[float(row[corner + axis]) for axis in "xy"] for corner in ("tl", "tr", "br", "bl")]
            quad = np.array(corners, np.float32)
            plain = PlateStyle(source, bolts=2)
            donor = fit(picture, quad, draw_plate(row["plate"], "small_blue", plain, scale=0.5))
            quad = quad if donor is None else donor.corners
            scenes.append(RealScene(picture, quad[None], quad, donor))
    return scenes


def read_mined(path: Path) -> list[RealScene]:
    """What `models.plate_detect.mine` found: places that were taken for plates. Raises FileNotFoundError."""
    scenes: list[RealScene] = []
    pictures: dict[str, Bgr] = {}
    with path.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["file"] not in pictures:
                pictures[row["file"]] = read_picture(Path(row["file"]))
            x1, y1, x2, y2 = (float(row[name]) for name in ("x1", "y1", "x2", "y2"))
            focus = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float32)
            plates = np.array([float(value) for value in row["plates"].split()], np.float32).reshape(-1, 4, 2)
            scenes.append(RealScene(pictures[row["file"]], plates, focus))
    return scenes


def with_drawn_plate(scene: RealScene, plates: Generator, rng: np.random.Generator) -> RealScene:
    """The scene with a drawn plate of any kind in the place of its own, lit like it. It must have a donor."""
    assert scene.donor is not None
    text, kind = plates.text_and_kind(0.2)
    bare = replace(scene.donor, picture=erased(scene.picture, scene.quads, rng))
    picture, corners = transplant(bare, plates.plate(text, kind), kind == "small_blue", rng)
    return RealScene(picture, corners[None], corners)


def without_plates(scene: RealScene, rng: np.random.Generator) -> RealScene:
    """The scene with its plates painted over."""
    return RealScene(erased(scene.picture, scene.quads, rng), np.zeros((0, 4, 2), np.float32), scene.focus)


def erased(picture: Bgr, quads: Quads, rng: np.random.Generator) -> Bgr:
    """The plates filled from around them, or with one shade as an empty holder."""
    picture = picture.copy()
    for quad in quads:
        grown = (quad - quad.mean(0)) * (1.08, 1.2) + quad.mean(0)
        margin = np.ptp(grown, 0) * (0.2, 0.6) + 4
        left, top = np.maximum(grown.min(0) - margin, 0).astype(int)
        right, bottom = np.minimum(grown.max(0) + margin, picture.shape[1::-1]).astype(int)
        part = picture[top:bottom, left:right]
        mask = np.zeros(part.shape[:2], np.uint8)
        cv2.fillConvexPoly(mask, (grown - (left, top)).astype(np.int32), 255)
        if rng.random() < 0.3:
            part[mask > 0] = rng.uniform(0, 1) * part[mask == 0].mean(0)
            continue
        scale = min(1.0, 96 / part.shape[1])
        small = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        hole = cv2.resize(mask, small.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        filled = cv2.resize(cv2.inpaint(small, hole, 3, cv2.INPAINT_TELEA), part.shape[1::-1]).astype(np.float32)
        filled += rng.normal(0, 3, (*filled.shape[:2], 1)).astype(np.float32)
        part[mask > 0] = filled.clip(0, 255).astype(np.uint8)[mask > 0]
    return picture


def cut(scene: RealScene, wanted: Cut, ground: Bgr, rng: np.random.Generator) -> tuple[Bgr, Quads]:
    """A part of the scene around its focus, turned and sheared a little; where the scene ends `ground` shows."""
    width, height = wanted.size
    scale = wanted.focus_px / max(float(np.ptp(scene.focus[:, 0])), 4.0)
    covers = max if rng.random() < 0.5 else min
    least = 0.9 * covers(width / scene.picture.shape[1], height / scene.picture.shape[0])
    scale = min(max(scale, least), 2.0)
    strong = 3.0 if rng.random() < 0.25 else 1.0
    turn = _turn(
        math.radians(float(rng.normal(0, 4 * strong))), float(rng.normal(0, 0.06 * strong)), rng.random() < 0.5
    )
    seen = np.abs(turn) @ np.ptp(scene.focus, 0) * scale / 2
    centre = [_inside(rng, float(half), side) for half, side in zip(seen, wanted.size, strict=True)]
    scaled = scene.picture
    if scale < 1:
        scaled = np.asarray(cv2.resize(scaled, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    factor = np.array(scaled.shape[1::-1]) / scene.picture.shape[1::-1]
    turn = turn if scale < 1 else turn * scale
    shift = np.array(centre) - turn @ ((scene.focus.min(0) + scene.focus.max(0)) / 2 * factor)
    matrix = np.column_stack([turn, shift])
    view = ground.copy()
    cv2.warpAffine(scaled, matrix, wanted.size, dst=view, borderMode=cv2.BORDER_TRANSPARENT)
    quads = (scene.quads * factor) @ turn.T + shift
    if np.linalg.det(turn) < 0:
        quads = quads[:, [1, 0, 3, 2]]
    return _keep_visible(np.asarray(view, np.uint8), np.asarray(quads, np.float32))


def _keep_visible(view: Bgr, quads: Quads) -> tuple[Bgr, Quads]:
    size = np.array(view.shape[1::-1])
    kept = []
    for quad in quads:
        shown = np.prod(np.maximum(np.minimum(quad.max(0), size) - np.maximum(quad.min(0), 0), 0)) / np.prod(
            np.ptp(quad, 0)
        )
        if shown >= _VISIBLE:
            kept.append(quad)
        elif shown > 0:
            cv2.fillConvexPoly(view, quad.astype(np.int32), (GREY,) * 3)
    return view, np.array(kept, np.float32).reshape(-1, 4, 2)


def mosaic(parts: Sequence[tuple[Bgr, Quads]], at: tuple[int, int], side: int) -> tuple[Bgr, Quads]:
    """Four cuts around the point `at` (x, y), in the order top left, top right, bottom left, bottom right."""
    picture = np.full((side, side, 3), GREY, np.uint8)
    quads = []
    for (view, inside), (x, y) in zip(parts, ((0, 0), (at[0], 0), (0, at[1]), at), strict=True):
        picture[y : y + view.shape[0], x : x + view.shape[1]] = view
        quads.append(inside + np.array([x, y], np.float32))
    return picture, np.concatenate(quads).astype(np.float32)


def _turn(angle: float, shear: float, mirrored: bool) -> NDArray[np.float64]:
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    turn = turn @ np.array([[1.0, shear], [0.0, 1.0]])
    return np.asarray(turn @ np.diag([-1.0, 1.0]) if mirrored else turn, np.float64)


def _inside(rng: np.random.Generator, half: float, side: int) -> float:
    """Somewhere that what reaches `half` to both ways is inside, if it can be."""
    return float(rng.uniform(half, side - half)) if 2 * half < side else side / 2
