"""Plates to choose a run by, so that held-out pictures decide nothing: all provinces, small, over-lit, aliased.

    python -m models.plate_read.development --glyphs DIR [--models DIR]

Drawn from seeds that no shard has. `glyphs` are the standard's shapes, which training has seen too, as real plates bear
them; `fonts` are the simulator's, which it has not.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import cv2
import numpy as np

from edge.inference import ModelStore
from edge.plates.alphabet import PROVINCES
from edge.plates.grammar import CHINA
from edge.plates.recognition import Recogniser
from edge.types import Bgr
from models.plate_read.evaluate import Case, Tally, drawn_cases, measure
from simulator.plates import degrade
from simulator.plates.draw import draw_plate, random_style, varied_style
from simulator.plates.glyphs import PictureGlyphs
from simulator.plates.kinds import PlateKind, random_plate

_CORNERS_OFF = 0.012
"""Standard deviation of the corners, in plate widths."""
_PAIRS = 12


def cases(name: str, seed: int, each: int, pictures: PictureGlyphs | None, aliased: bool) -> Iterator[Case]:
    """`each` plates of every province, 60 to 130 px wide, in glyph pictures or, without, in the simulator's fonts."""
    rng = np.random.default_rng(seed)
    for province in PROVINCES:
        for _ in range(each):
            kind: PlateKind = "small_blue" if rng.random() < 0.8 else "large_yellow"
            text = province + random_plate(rng, kind)[0][1:].replace("O", "A")
            style = varied_style(rng, pictures) if pictures else random_style(rng, "simulator")
            plate = degrade.surface(draw_plate(text, kind, style, scale=0.5), rng, 0.4)
            view = degrade.random_view(rng, 60, 130)
            size = int(view.width_px * 1.5) + 10
            corners = degrade.quad_of(view, 440 / 140, (size / 2, size / 2))
            ground = np.full((size, size, 3), rng.uniform(20, 220), np.uint8)
            picture = spoilt(degrade.place(plate, ground, corners), rng, view.width_px, aliased)
            found = corners + rng.normal(0, 1, (4, 2)) * _CORNERS_OFF * view.width_px
            yield Case((name,), picture, np.asarray(found, np.float32), text, 0, 1)


def spoilt(picture: Bgr, rng: np.random.Generator, width_px: float, aliased: bool) -> Bgr:
    """Over-lit in linear light, perhaps sampled at points, sharpened, noisy, compressed."""
    picture = degrade.glow(picture, float(rng.uniform(0.3, 1.0)) * width_px / 110, float(rng.uniform(0.9, 2.6)))
    if aliased:
        picture = degrade.aliased(picture, float(rng.choice([1, 1.5])), float(rng.choice([1, 2, 2])))
    if rng.random() < 0.6:
        picture = degrade.sharpen(picture, float(rng.uniform(0.3, 2.0)))
    return degrade.jpeg(degrade.noise(picture, rng, 2), int(rng.uniform(50, 95)))


def show(name: str, tally: Tally) -> None:
    """Print one set and its commonest wrong provinces."""
    pairs = Counter(f"{truth[0]}→{read[:1]}" for truth, read in tally.wrong if truth[0] != read[:1])
    shares = tally.as_metrics()
    told = ", ".join(f"{pair} {count}" for pair, count in pairs.most_common(_PAIRS))
    click.echo(f"{name:24} {tally.plates:5} {shares['exact']:7.3f} {shares['without_first']:7.3f}  {told}")


@click.command()
@click.option("--glyphs", type=click.Path(path_type=Path, exists=True), required=True, help="Folder of 140_*.jpg.")
@click.option("--models", type=click.Path(path_type=Path, exists=True), help="Folder with manifest.json.")
def main(glyphs: Path, models: Path | None) -> None:
    """Print how many plates of each set are read exactly, with and without the first character."""
    cv2.setNumThreads(1)
    pictures = PictureGlyphs(glyphs)
    tallies: dict[str, Tally] = defaultdict(Tally)
    recogniser = Recogniser.of(CHINA, ModelStore(models))
    measure(recogniser, cases("over-lit, glyphs", 5, 6, pictures, False), tallies)
    measure(recogniser, cases("over-lit, fonts", 6, 4, None, False), tallies)
    measure(recogniser, cases("aliased too, glyphs", 7, 12, pictures, True), tallies)
    measure(recogniser, (replace(case, groups=("all kinds, fonts",)) for case in drawn_cases(12, seed=31)), tallies)
    for name, tally in tallies.items():
        show(name, tally)


if __name__ == "__main__":
    main()
