"""What the detector takes for plates and is none, as training samples of the reader.

    python -m models.plate_read.hard_negatives --cache DIR --photos DIR --real DIR [--models DIR]

PHOTOS hold no plates at all; in REAL (labels.csv, training split only) what overlaps no label is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from edge.inference import ModelStore
from edge.plates.alphabet import LETTERS
from edge.plates.detector import PlateDetector, overlap
from edge.plates.rectify import Corners, rectify
from edge.types import Bgr
from models.pictures import read_picture
from models.plate_detect.mine import labelled
from models.plate_read.backgrounds import Backgrounds
from models.plate_read.samples import NOT_A_PLATE, SHARD, Generator, Sample, write_shard
from simulator.fonts import faces, font_files
from simulator.plates import degrade
from simulator.plates.glyphs import draw_text


def mine(detector: PlateDetector, scenes: Iterable[tuple[Bgr, NDArray[np.float32]]]) -> Iterator[tuple[Bgr, Corners]]:
    """Detections that overlap no labelled plate, with their pictures."""
    for picture, quads in scenes:
        for item in detector.detect(picture):
            if all(overlap(item.corners, quad) < 0.05 for quad in quads):
                yield picture, item.corners


def emblem(rng: np.random.Generator, ground: Bgr) -> Bgr:
    """A maker's name or a taxi's sign: a short word in capitals, often in a ring, or rings alone; (64, 160, 3)."""
    picture = np.asarray(cv2.resize(ground, (160, 64)), np.uint8).copy()
    ink = tuple(float(value) for value in rng.uniform(120, 255) + rng.normal(0, 15, 3))
    fill = tuple(float(value) for value in rng.uniform(0, 255, 3))
    centre, radii = (80, 32), (int(rng.uniform(30, 75)), int(rng.uniform(14, 30)))
    shape = rng.random()
    if shape < 0.5:
        cv2.ellipse(picture, centre, radii, 0, 0, 360, fill, -1, cv2.LINE_AA)
        cv2.ellipse(picture, centre, radii, 0, 0, 360, ink, int(rng.integers(1, 5)), cv2.LINE_AA)
    elif shape < 0.7:
        for step in range(int(rng.integers(1, 5))):
            cv2.circle(
                picture, (50 + 20 * step, 32), int(rng.uniform(10, 20)), ink, int(rng.integers(2, 5)), cv2.LINE_AA
            )
        return picture
    latin = faces("latin", "training")
    files = font_files(latin[int(rng.integers(len(latin)))])
    word = "".join(LETTERS[int(index)] for index in rng.integers(len(LETTERS), size=int(rng.integers(2, 7))))
    mask = draw_text(files["A"], word, int(rng.uniform(16, 34)))[:60, :150]
    top, left = (64 - mask.shape[0]) // 2, (160 - mask.shape[1]) // 2
    area = picture[top : top + mask.shape[0], left : left + mask.shape[1]]
    area[:] = (area + mask[:, :, None] / 255.0 * (np.array(ink) - area)).clip(0, 255).astype(np.uint8)
    return picture


def drawn_emblems(rng: np.random.Generator, backgrounds: Backgrounds, count: int) -> list[Sample]:
    """Emblems as the detector would cut them out."""
    generator = Generator(rng, None, backgrounds)
    box = np.array([[15, 10], [145, 10], [145, 54], [15, 54]], np.float32)
    found = []
    for _ in range(count):
        picture = degrade.camera(emblem(rng, backgrounds.patch(rng, 160, 64)), rng, 130)
        found.append(Sample(rectify(picture, generator.jitter(box), 1), "", -1, NOT_A_PLATE))
    return found


@click.command()
@click.option("--cache", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--photos", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--real", type=click.Path(path_type=Path, exists=True), multiple=True)
@click.option("--models", type=click.Path(path_type=Path, exists=True))
@click.option("--min-score", default=0.2, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(cache: Path, photos: Path, real: tuple[Path, ...], models: Path | None, min_score: float, seed: int) -> None:
    """Write shards `real-hard` (each false detection many times, at jittered corners) and `real-emblems`."""
    cv2.setNumThreads(1)
    detector = PlateDetector(ModelStore(models), min_score=min_score)
    nothing = np.zeros((0, 4, 2), np.float32)
    backgrounds = Backgrounds.read(photos)
    photographs = ((picture, nothing) for picture in backgrounds.pictures)
    found = list(mine(detector, photographs))
    for folder in real:
        found += mine(detector, ((read_picture(path), quads) for path, quads in labelled(folder)))
    if not found:
        raise click.ClickException("no false detections: lower --min-score")
    rng = np.random.default_rng(seed)
    write_shard(cache / f"real-emblems-{seed:05d}", drawn_emblems(rng, backgrounds, SHARD // 2))
    generator = Generator(rng, None, Backgrounds(()))
    samples = []
    for index in range(min(SHARD, 12 * len(found))):
        picture, corners = found[index % len(found)]
        samples.append(Sample(rectify(picture, generator.jitter(corners), 1), "", -1, NOT_A_PLATE))
    write_shard(cache / f"real-hard-{seed:05d}", samples)
    click.echo(f"{len(found)} false detections, {len(samples)} samples")


if __name__ == "__main__":
    main()
