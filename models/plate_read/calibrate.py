"""Find the temperature that makes the reader's probabilities honest: of those that claim 0.8, eight in ten are right.

    python -m models.plate_read.calibrate [--drawn N] [--models DIR]

Guo et al., "On calibration of modern neural networks" (2017): one number divides the logits. It is found on drawn
plates, hard ones among them, in fonts that training never used, with the decoder as the device runs it; then
`python -m models.plate_read.export --temperature T` puts it into the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from edge.inference import ModelStore
from edge.plates.decoding import Decoder
from edge.plates.grammar import CHINA
from edge.plates.reader import PlateReader, RawRead
from edge.plates.recognition import appearance
from edge.plates.rectify import Corners, grow, rectify
from models.plate_read.evaluate import Case, drawn_cases

TEMPERATURES = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5, 1.7, 2.0)
BINS = 10


@dataclass(frozen=True, slots=True)
class Seen:
    """One plate as the net sees it, and its true text."""

    read: RawRead
    corners: Corners
    text: str


def see(reader: PlateReader, cases: Iterable[Case]) -> list[Seen]:
    """Read each case once, at its corners."""
    found = []
    for case in cases:
        [read] = reader.read([rectify(case.picture, grow(case.corners, 1.03), 2 if case.rows == 2 else 1)])
        found.append(Seen(read, case.corners, case.text))
    return found


def claims(seen: Sequence[Seen], temperature: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """For each plate the probability of its reading at this temperature, and whether the reading is right."""
    decoder = Decoder(CHINA)
    readings = []
    for one in seen:
        read = replace(one.read, log_probs=tempered(one.read.log_probs, temperature))
        readings.append(decoder.decode(read.log_probs, appearance(read, one.corners)))
    probabilities = np.array([reading.probability for reading in readings])
    return probabilities, np.array([reading.text == one.text for reading, one in zip(readings, seen, strict=True)])


def tempered(log_probs: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """(T, C) log probabilities flattened (temperature > 1) or sharpened."""
    scaled = log_probs / temperature
    return np.asarray(scaled - np.log(np.exp(scaled).sum(1, keepdims=True)), np.float32)


def penalty(probabilities: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Mean negative log likelihood of being right or wrong as often as claimed."""
    claimed = np.clip(probabilities, 1e-4, 1 - 1e-4)
    return float(-np.where(right, np.log(claimed), np.log(1 - claimed)).mean())


def calibration_error(probabilities: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Expected calibration error: mean distance between claim and truth over ten bins, weighted by their size."""
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    gaps = [abs(probabilities[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean() for b in set(bins)]
    return float(np.sum(gaps))


@click.command()
@click.option("--drawn", default=60, show_default=True, help="Drawn plates of each kind.")
@click.option("--models", type=click.Path(path_type=Path, exists=True), help="Folder with manifest.json.")
@click.option("--seed", default=77, show_default=True)
def main(drawn: int, models: Path | None, seed: int) -> None:
    """Print the penalty at each temperature and name the best."""
    cv2.setNumThreads(1)
    seen = see(PlateReader(ModelStore(models)), drawn_cases(drawn, seed, severity=1.0))
    results = {temperature: claims(seen, temperature) for temperature in TEMPERATURES}
    for temperature, (probabilities, right) in results.items():
        error = calibration_error(probabilities, right)
        click.echo(
            f"{temperature:5.2f}: penalty {penalty(probabilities, right):.4f}, calibration error {error:.4f}, "
            f"exact {right.mean():.4f}, claimed {probabilities.mean():.4f}"
        )
    best = min(results, key=lambda temperature: penalty(*results[temperature]))
    click.echo(f"best: --temperature {best} (relative to the model measured)")


if __name__ == "__main__":
    main()
