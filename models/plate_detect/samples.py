"""Training pictures of the detector: drawn plates composited into photographs, and real scenes cut at random.

    python -m models.plate_detect.samples --cache DIR --backgrounds DIR [--glyphs DIR] [--real DIR] [--shards N]

In most of the real scenes a drawn plate of any kind is in the place of the real one, or none is: what a car has that
looks like a plate is then there without one. Hard negatives are drawn too: signs, name plates, lamps, grilles, road
marks, a camera's clock. Mosaics show several scenes from further away. Shards of 256 pictures, 320 x 320.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import Bgr
from models.plate_detect import negatives
from models.plate_detect.scenery import (
    Cut,
    RealScene,
    cut,
    mosaic,
    read_mined,
    read_real_scenes,
    with_drawn_plate,
    without_plates,
)
from models.plate_read.backgrounds import Backgrounds
from models.plate_read.samples import Generator
from simulator.fonts import faces, font_files
from simulator.plates import degrade
from simulator.plates.glyphs import draw_text

SIZE = 320
SHARD = 256
REAL_SHARE = 0.7
"""Of a shard's pictures, where there are real scenes."""
EUROPEAN_SHARE = 1 / 6
OVEREXPOSED_SHARE = 0.1
"""Of the pictures; a plate's own edge is then hard to see, and its corners follow from its characters."""
MOST = 4
"""Plates in one picture at most."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture (320, 320, 3) and the corners (n, 4, 2) of its plates, n <= 4."""

    picture: Bgr
    corners: NDArray[np.float32]


class SceneGenerator:
    """Draws scenes; every picture follows from `rng`."""

    def __init__(self, rng: np.random.Generator, glyphs: Path | None, backgrounds: Backgrounds) -> None:
        self.rng = self._rng = rng
        self._chinese = Generator(rng, glyphs, backgrounds)
        self._european = Generator(rng, None, backgrounds, region="eu")
        self._backgrounds = backgrounds

    def plates(self) -> Generator:
        """Chinese plates, and one time in six European ones: the detector is the same for all regions."""
        return self._european if self.rng.random() < EUROPEAN_SHARE else self._chinese

    def scene(self) -> Scene:
        """A photograph with signs, overlays and 0 to 3 plates in it, seen by a camera."""
        rng = self._rng
        picture = self.photo()
        for _ in range(int(rng.integers(4))):
            picture = self._sign(picture)
        for _ in range(int(rng.integers(3))):
            picture = negatives.add_one(picture, rng)
        quads: list[NDArray[np.float32]] = []
        for _ in range(int(rng.choice([0, 1, 1, 1, 2, 3]))):
            picture, quad = self._add_plate(picture, quads)
            if quad is not None:
                quads.append(quad)
        picture = self.night(picture, quads)
        widths = [float(np.ptp(quad[:, 0])) for quad in quads] or [60.0]
        picture = degrade.camera(picture, rng, min(widths), 0.7)
        if rng.random() < 0.35:
            picture = negatives.overlay(picture, rng)
        return Scene(picture, np.array(quads, np.float32).reshape(-1, 4, 2))

    def photo(self) -> Bgr:
        if self._rng.random() < 0.15:
            return self._backgrounds.patch(self._rng, SIZE, SIZE)
        pictures = self._backgrounds.pictures
        picture = pictures[int(self._rng.integers(len(pictures)))]
        side = int(min(*picture.shape[:2], self._rng.uniform(140, 700)))
        y = int(self._rng.integers(picture.shape[0] - side + 1))
        x = int(self._rng.integers(picture.shape[1] - side + 1))
        part = picture[y : y + side, x : x + side]
        if self._rng.random() < 0.5:
            part = part[:, ::-1]
        how = cv2.INTER_AREA if side > SIZE else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(part, (SIZE, SIZE), interpolation=how), np.uint8)

    def _add_plate(self, picture: Bgr, others: list[NDArray[np.float32]]) -> tuple[Bgr, NDArray[np.float32] | None]:
        rng = self._rng
        plates = self.plates()
        plate = degrade.surface(plates.plate(*plates.text_and_kind(0.3)), rng, float(rng.choice([0.4, 1.0])))
        view = degrade.random_view(rng, 18, 210 if not others else 80)
        half = 0.55 * view.width_px
        centre = (float(rng.uniform(half, SIZE - half)), float(rng.uniform(0.3 * half, SIZE - 0.3 * half)))
        corners = degrade.quad_of(view, plate.shape[1] / plate.shape[0], centre)
        if any(np.linalg.norm(corners.mean(0) - other.mean(0)) < np.ptp(other[:, 0]) + half for other in others):
            return picture, None
        if not others and rng.random() < 0.75:
            picture = self._mounting(picture, corners)
        return degrade.place(plate, picture, corners), corners

    def _mounting(self, picture: Bgr, corners: NDArray[np.float32]) -> Bgr:
        """What is around a plate: a car's body, bumper and lamps, roughly, or only a frame."""
        rng = self._rng
        picture = picture.copy()
        width, height = np.ptp(corners, 0)
        x, y = corners.mean(0)
        if rng.random() < 0.6:
            body = np.array(rng.choice([15, 60, 120, 190, 235]) + rng.normal(0, 12, 3)).clip(0, 255)
            w, up, down = width * rng.uniform(0.9, 2.4), height * rng.uniform(0.8, 4), height * rng.uniform(0.7, 2)
            _rectangle(picture, (x - w, y - up), (x + w, y + down), body)
            _rectangle(picture, (x - w, y + down * 0.6), (x + w, y + down), body * rng.uniform(0.2, 0.8))
            lamp = np.array(rng.choice([(40, 40, 190), (230, 240, 250), (60, 120, 230)]), np.float64)
            for side in (-1, 1):
                _rectangle(picture, (x + side * w * 0.7, y - up * 0.6), (x + side * w, y - up * 0.2), lamp)
            picture = degrade.noise(picture, rng, 3)
        grown = (corners - corners.mean(0)) * rng.uniform(1.04, 1.5, (1, 2)) + corners.mean(0)
        shade = rng.uniform(0, 90, 3) if rng.random() < 0.6 else rng.uniform(0, 255, 3)
        if rng.random() < 0.7:
            cv2.fillConvexPoly(picture, grown.astype(np.int32), [float(v) for v in shade], cv2.LINE_AA)
        return picture

    def _sign(self, picture: Bgr) -> Bgr:
        """A coloured board with lettering that is no plate's: too short, too long, or in lower case."""
        rng = self._rng
        latin = faces("latin", "training")
        files = font_files(latin[int(rng.integers(len(latin)))])
        letters = "ABCDEFGHKLMNPRSTUVWXYZ0123456789:-./abcdefghklmnoprstuvwxyz"
        count = int(rng.choice([1, 2, 3, 4, 11, 13, 16, 19]))
        text = "".join(letters[int(index)] for index in rng.integers(len(letters), size=count))
        ink = draw_text(files["a"], text, int(rng.uniform(10, 40)))
        pad = int(rng.uniform(2, 14))
        board = np.full((ink.shape[0] + 2 * pad, ink.shape[1] + 2 * pad, 3), rng.uniform(0, 255, 3), np.float32)
        inner = board[pad : pad + ink.shape[0], pad : pad + ink.shape[1]]
        inner += ink[:, :, None] / 255.0 * (np.array(rng.choice([0, 255], 3), np.float32) - inner)
        view = degrade.View(
            float(rng.uniform(15, 160)), roll_deg=float(rng.normal(0, 5)), shear=float(rng.normal(0, 0.1))
        )
        place = (float(rng.uniform(0, SIZE)), float(rng.uniform(0, SIZE)))
        quad = degrade.quad_of(view, board.shape[1] / board.shape[0], place)
        return degrade.place(np.asarray(board.clip(0, 255), np.uint8), picture, quad)

    def night(self, picture: Bgr, quads: list[NDArray[np.float32]]) -> Bgr:
        """Sometimes everything but the reflecting plates is dark."""
        if self._rng.random() > 0.12:
            return picture
        mask = np.full((SIZE, SIZE, 1), self._rng.uniform(0.05, 0.4), np.float32)
        for quad in quads:
            cv2.fillConvexPoly(mask, quad.astype(np.int32), float(self._rng.uniform(0.5, 1.0)))
        return np.asarray(picture * mask, np.uint8)


def _rectangle(picture: Bgr, low: tuple[float, float], high: tuple[float, float], colour: NDArray[np.float64]) -> None:
    ends = [(int(point[0]), int(point[1])) for point in (low, high)]
    cv2.rectangle(picture, ends[0], ends[1], [float(value) for value in colour], -1)


class RealSceneGenerator:
    """Draws pictures from real scenes: with their own plates, with drawn ones, with none; alone or four together."""

    def __init__(self, drawn: SceneGenerator, scenes: Sequence[RealScene], mined: Sequence[RealScene]) -> None:
        self._drawn = drawn
        self._rng = drawn.rng
        self._scenes = scenes
        self._donors = [scene for scene in scenes if scene.donor is not None]
        self._mined = mined

    def scene(self) -> Scene:
        """One picture with 0 to 4 plates."""
        rng = self._rng
        if rng.random() < 0.4:
            at = (int(rng.uniform(90, SIZE - 90)), int(rng.uniform(90, SIZE - 90)))
            sizes = [(w, h) for h in (at[1], SIZE - at[1]) for w in (at[0], SIZE - at[0])]
            picture, quads = mosaic([self._cut(size, 0.3) for size in sizes], at, SIZE)
        else:
            picture, quads = self._cut((SIZE, SIZE), 0.65)
        for _ in range(int(rng.choice([0, 0, 1, 2]))):
            picture = self._beside(picture, quads)
        picture = self._drawn.night(picture, list(quads)) if rng.random() < 0.5 else picture
        widths = [float(np.ptp(quad[:, 0])) for quad in quads] or [60.0]
        if rng.random() < OVEREXPOSED_SHARE:
            picture = degrade.overexposure(picture, rng)
        if rng.random() < 0.6:
            picture = degrade.camera(picture, rng, min(widths), 0.6)
        return Scene(picture, quads)

    def _cut(self, size: tuple[int, int], most: float) -> tuple[Bgr, NDArray[np.float32]]:
        rng = self._rng
        focus_px = float(np.exp(rng.uniform(np.log(18), np.log(most * min(size)))))
        ground = np.ascontiguousarray(self._drawn.photo()[: size[1], : size[0]])
        return cut(self._source(), Cut(size, focus_px), ground, rng)

    def _source(self) -> RealScene:
        rng = self._rng
        choice = rng.random()
        if choice < 0.3 and self._mined:
            return self._mined[int(rng.integers(len(self._mined)))]
        if choice < 0.75 and self._donors:
            return with_drawn_plate(self._donors[int(rng.integers(len(self._donors)))], self._drawn.plates(), rng)
        scene = self._scenes[int(rng.integers(len(self._scenes)))]
        return without_plates(scene, rng) if choice < 0.87 else scene

    def _beside(self, picture: Bgr, quads: NDArray[np.float32]) -> Bgr:
        """A drawn negative that hides no plate."""
        changed = negatives.add_one(picture, self._rng)
        for quad in quads:
            left, top = np.maximum(quad.min(0) - 3, 0).astype(int)
            right, bottom = (quad.max(0) + 4).astype(int)
            changed[top:bottom, left:right] = picture[top:bottom, left:right]
        return changed


def write_shard(path: Path, scenes: list[Scene]) -> None:
    """Pictures (N, 320, 320, 3) and corners (N, 4, 4, 2), NaN where no plate is; the corners complete the shard."""
    corners = np.full((len(scenes), MOST, 4, 2), np.nan, np.float32)
    for row, scene in zip(corners, scenes, strict=True):
        row[: len(scene.corners)] = scene.corners[:MOST]
    np.save(path.with_suffix(".pictures.npy"), np.stack([scene.picture for scene in scenes]))
    np.save(path.with_suffix(".corners.npy"), corners)


@click.command()
@click.option("--cache", type=click.Path(path_type=Path), required=True, help="Folder for the shards, outside git.")
@click.option("--backgrounds", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--glyphs", type=click.Path(path_type=Path, exists=True), help="Folder of glyph pictures 140_*.jpg.")
@click.option("--real", type=click.Path(path_type=Path, exists=True), multiple=True, help="Folders with labels.csv.")
@click.option("--mined", type=click.Path(path_type=Path, exists=True), multiple=True, help="Files of `mine`.")
@click.option("--shards", default=60, show_default=True, help="Shards of 256 pictures.")
@click.option("--seed", default=1, show_default=True)
def main(
    cache: Path,
    backgrounds: Path,
    glyphs: Path | None,
    real: tuple[Path, ...],
    mined: tuple[Path, ...],
    shards: int,
    seed: int,
) -> None:
    """Generate shards; those that are there already are kept."""
    cv2.setNumThreads(1)
    cache.mkdir(parents=True, exist_ok=True)
    scenery = Backgrounds.read(backgrounds)
    scenes = [scene for folder in real for scene in read_real_scenes(folder, glyphs)]
    hard = [scene for path in mined for scene in read_mined(path)]
    for number in range(seed, seed + shards):
        path = cache / f"scenes-{number:05d}"
        if path.with_suffix(".corners.npy").exists():
            continue
        rng = np.random.default_rng(number)
        generator = SceneGenerator(rng, glyphs, scenery)
        real_scenes = RealSceneGenerator(generator, scenes, hard)
        count = round(SHARD * REAL_SHARE) if scenes else 0
        drawn = [generator.scene() for _ in range(SHARD - count)]
        write_shard(path, drawn + [real_scenes.scene() for _ in range(count)])
        click.echo(f"{path.name}: {SHARD} pictures")


if __name__ == "__main__":
    main()
