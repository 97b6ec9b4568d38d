"""What the reader makes of things that are no plates, by class: refused, unreadable, or claimed to be a plate.

    python -m models.plate_read.refusals [--count N] [--models DIR] [--seed N]

Each thing is drawn on a ground of its own (`models.plate_detect.negatives`: signs and advertisements in Chinese, camera
overlays, taxi signs, name plates, lamps, emblems, grilles, road marks), degraded as plates are, and cut out at its box,
as if the detector had taken it for a plate. Their words are new, their fonts are those of training.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import numpy as np

from edge.inference import ModelStore
from edge.plates.grammar import CHINA
from edge.plates.recognition import Recogniser
from edge.plates.rectify import Corners
from edge.types import Bgr
from models.plate_detect import negatives
from simulator.plates import degrade

Draw = Callable[[Bgr, np.random.Generator], Bgr]
THINGS: dict[str, Draw] = {
    "sign, advertisement": negatives.han_board,
    "camera overlay": negatives.overlay,
    "taxi sign": negatives.taxi_sign,
    "name plate": negatives.name_plate,
    "lamp": negatives.lamp,
    "emblem": negatives.emblem,
    "grille": negatives.grille,
    "road mark": negatives.road_mark,
}
_SIZE = (240, 320)
_LEAST_PX = (10, 30)
_CLAIM = 0.5
"""A text so probable is claimed: stills call it a plate whatever the detector doubts."""


@dataclass
class Tally:
    """What became of one class."""

    shown: int = 0
    refused: int = 0
    unreadable: int = 0
    doubtful: int = 0
    claimed: int = 0


def thing(draw: Draw, rng: np.random.Generator) -> tuple[Bgr, Corners] | None:
    """A picture with one such thing and the corners of its box; None when hardly anything of it is in the picture."""
    ground = np.full((*_SIZE, 3), rng.uniform(20, 220, 3), np.uint8)
    picture = draw(ground, rng)
    rows, columns = np.nonzero(np.abs(picture.astype(np.int16) - ground).max(axis=2) > 12)
    if not len(rows) or np.ptp(rows) < _LEAST_PX[0] or np.ptp(columns) < _LEAST_PX[1]:
        return None
    left, right, top, bottom = columns.min(), columns.max() + 1, rows.min(), rows.max() + 1
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    return degrade.camera(picture, rng, float(right - left), 0.5), corners


def measure(recogniser: Recogniser, draw: Draw, count: int, rng: np.random.Generator) -> Tally:
    """Show the reader so many things of a class."""
    tally = Tally()
    while tally.shown < count:
        seen = thing(draw, rng)
        if seen is None:
            continue
        found = recogniser.recognise(*seen)
        tally.shown += 1
        tally.refused += found.read.refused
        tally.unreadable += not found.read.refused and not found.reading.readable
        readable = not found.read.refused and found.reading.readable
        tally.claimed += readable and found.reading.probability >= _CLAIM
        tally.doubtful += readable and found.reading.probability < _CLAIM
    return tally


@click.command()
@click.option("--count", default=100, show_default=True, help="Things of each class.")
@click.option("--models", type=click.Path(path_type=Path, exists=True), help="Folder with manifest.json.")
@click.option("--seed", default=31, show_default=True)
def main(count: int, models: Path | None, seed: int) -> None:
    """Print a table by class."""
    cv2.setNumThreads(1)
    recogniser = Recogniser.of(CHINA, ModelStore(models))
    click.echo(f"{'':22} {'shown':>7} {'refused':>8} {'unreadable':>11} {'doubtful':>9} {'claimed':>8}")
    total = Tally()
    for number, (name, draw) in enumerate(THINGS.items()):
        tally = measure(recogniser, draw, count, np.random.default_rng((seed, number)))
        for key, value in vars(tally).items():
            setattr(total, key, getattr(total, key) + value)
        click.echo(_line(name, tally))
    click.echo(_line("all", total))


def _line(name: str, tally: Tally) -> str:
    counts = (tally.shown, tally.refused, tally.unreadable, tally.doubtful, tally.claimed)
    widths = (7, 8, 11, 9, 8)
    return f"{name:22} " + " ".join(f"{count:>{width}}" for count, width in zip(counts, widths, strict=True))


if __name__ == "__main__":
    main()
