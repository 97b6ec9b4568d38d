"""Training pictures of the detector: drawn plates composited into photographs, and real scenes cut at random.

    python -m models.plate_detect.samples --cache DIR --backgrounds DIR [--glyphs DIR] [--real DIR] [--shards N]

Hard negatives are among them: signs, lettering, a camera's clock. Shards of 256 pictures, 320 x 320.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import Bgr
from models.plate_read.samples import Backgrounds, Generator, in_training_split, lettering
from simulator.fonts import faces, font_files
from simulator.plates import degrade, random_plate
from simulator.plates.glyphs import draw_text
from simulator.plates.kinds import KINDS

SIZE = 320
SHARD = 256
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
        self._rng = rng
        self._plates = Generator(rng, glyphs, backgrounds)
        self._backgrounds = backgrounds

    def scene(self) -> Scene:
        """A photograph with signs, overlays and 0 to 3 plates in it, seen by a camera."""
        rng = self._rng
        picture = self._photo()
        for _ in range(int(rng.integers(4))):
            picture = self._sign(picture)
        quads: list[NDArray[np.float32]] = []
        for _ in range(int(rng.choice([0, 1, 1, 1, 2, 3]))):
            picture, quad = self._add_plate(picture, quads)
            if quad is not None:
                quads.append(quad)
        picture = self._night(picture, quads)
        widths = [float(np.ptp(quad[:, 0])) for quad in quads] or [60.0]
        picture = degrade.camera(picture, rng, min(widths), 0.7)
        if rng.random() < 0.35:
            picture = lettering(rng, picture)
        return Scene(picture, np.array(quads, np.float32).reshape(-1, 4, 2))

    def _photo(self) -> Bgr:
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
        text, kind = random_plate(rng, "small_blue" if rng.random() < 0.3 else KINDS[int(rng.integers(len(KINDS)))])
        plate = degrade.surface(self._plates.plate(text, kind), rng, float(rng.choice([0.4, 1.0])))
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

    def _night(self, picture: Bgr, quads: list[NDArray[np.float32]]) -> Bgr:
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


def read_real_scenes(folder: Path) -> list[tuple[Bgr, NDArray[np.float32]]]:
    """The training split's pictures of a labelled folder, with their plates' corners."""
    found: dict[str, list[list[list[float]]]] = {}
    with (folder / "labels.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if in_training_split(int(Path(row["file"]).stem), folder.name):
                corners = [[float(row[corner + axis]) for axis in "xy"] for corner in ("tl", "tr", "br", "bl")]
                found.setdefault(row["file"], []).append(corners)
    scenes = []
    for file, quads in found.items():
        picture = cv2.imread(str(folder / file))
        if picture is None:
            raise FileNotFoundError(f"{folder / file} is missing or not a picture")
        scenes.append((np.asarray(picture, np.uint8), np.array(quads, np.float32)))
    return scenes


def real_scene(rng: np.random.Generator, picture: Bgr, quads: NDArray[np.float32]) -> Scene:
    """A real picture at a random scale, cut so that its first plate is inside."""
    seen = float(np.ptp(quads[0][:, 0]))
    scale = float(np.exp(rng.uniform(np.log(24), np.log(200)))) / seen
    scale = max(scale, 0.9 * SIZE / min(picture.shape[:2])) if rng.random() < 0.9 else scale
    scale = min(scale, 1.3)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=how), np.uint8)
    corners = quads * scale
    low, high = corners[0].min(0), corners[0].max(0)
    offset = np.array([rng.uniform(high[axis] - SIZE, low[axis]) for axis in (0, 1)]).round()
    canvas = np.full((SIZE, SIZE, 3), 114, np.uint8)
    x, y = (int(value) for value in offset)
    part = scaled[max(0, y) : max(0, y + SIZE), max(0, x) : max(0, x + SIZE)]
    top, left = max(0, -y), max(0, -x)
    part = part[: SIZE - top, : SIZE - left]
    canvas[top : top + part.shape[0], left : left + part.shape[1]] = part
    corners = corners - offset.astype(np.float32)
    inside = ((corners.mean(1) > 0) & (corners.mean(1) < SIZE)).all(1)
    if rng.random() < 0.4:
        canvas = degrade.camera(canvas, rng, seen * scale, 0.5)
    return Scene(canvas, np.asarray(corners[inside], np.float32))


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
@click.option("--shards", default=60, show_default=True, help="Shards of 256 pictures; a quarter of them real scenes.")
@click.option("--seed", default=1, show_default=True)
def main(cache: Path, backgrounds: Path, glyphs: Path | None, real: tuple[Path, ...], shards: int, seed: int) -> None:
    """Generate shards; those that are there already are kept."""
    cv2.setNumThreads(1)
    cache.mkdir(parents=True, exist_ok=True)
    scenery = Backgrounds.read(backgrounds)
    scenes = [scene for folder in real for scene in read_real_scenes(folder)]
    for number in range(seed, seed + shards):
        path = cache / f"scenes-{number:05d}"
        if path.with_suffix(".corners.npy").exists():
            continue
        rng = np.random.default_rng(number)
        generator = SceneGenerator(rng, glyphs, scenery)
        count = SHARD // 4 if scenes else 0
        drawn = [generator.scene() for _ in range(SHARD - count)]
        cut = [real_scene(rng, *scenes[int(index)]) for index in rng.integers(max(1, len(scenes)), size=count)]
        write_shard(path, drawn + cut)
        click.echo(f"{path.name}: {SHARD} pictures")


if __name__ == "__main__":
    main()
