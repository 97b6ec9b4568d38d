"""What the detector takes for plates and is none, as training samples of the reader.

    python -m models.plate_read.hard_negatives --cache DIR --photos DIR --real DIR [--models DIR]

PHOTOS hold no plates at all; in REAL (labels.csv, training split only) what overlaps no label is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from edge.inference import ModelStore
from edge.plates.detector import PlateDetector, overlap
from edge.plates.rectify import Corners, rectify
from edge.types import Bgr
from models.plate_detect.samples import read_real_scenes
from models.plate_read.samples import NOT_A_PLATE, SHARD, Backgrounds, Generator, Sample, write_shard


def mine(detector: PlateDetector, scenes: Iterator[tuple[Bgr, NDArray[np.float32]]]) -> Iterator[tuple[Bgr, Corners]]:
    """Detections that overlap no labelled plate, with their pictures."""
    for picture, quads in scenes:
        for item in detector.detect(picture):
            if all(overlap(item.corners, quad) < 0.05 for quad in quads):
                yield picture, item.corners


@click.command()
@click.option("--cache", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--photos", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--real", type=click.Path(path_type=Path, exists=True), multiple=True)
@click.option("--models", type=click.Path(path_type=Path, exists=True))
@click.option("--min-score", default=0.2, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(cache: Path, photos: Path, real: tuple[Path, ...], models: Path | None, min_score: float, seed: int) -> None:
    """Write one shard `real-hard`: each false detection many times, at jittered corners."""
    cv2.setNumThreads(1)
    detector = PlateDetector(ModelStore(models), min_score=min_score)
    nothing = np.zeros((0, 4, 2), np.float32)
    photographs = ((picture, nothing) for picture in Backgrounds.read(photos).pictures)
    found = list(mine(detector, photographs))
    for folder in real:
        found += mine(detector, iter(read_real_scenes(folder)))
    if not found:
        raise click.ClickException("no false detections: lower --min-score")
    rng = np.random.default_rng(seed)
    generator = Generator(rng, None, Backgrounds(()))
    samples = []
    for index in range(min(SHARD, 12 * len(found))):
        picture, corners = found[index % len(found)]
        samples.append(Sample(rectify(picture, generator.jitter(corners), 1), "", -1, NOT_A_PLATE))
    write_shard(cache / f"real-hard-{seed:05d}", samples)
    click.echo(f"{len(found)} false detections, {len(samples)} samples")


if __name__ == "__main__":
    main()
