"""Training samples of the reader: generated crops, and real ones cut at jittered corners; written to a cache in shards.

    python -m models.plate_read.samples --cache DIR [--glyphs DIR] [--backgrounds DIR] [--real DIR ...] [--shards N]

Crops are cut by `edge.plates.rectify`, as on the device.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from edge.plates.alphabet import ALPHABET
from edge.plates.grammar import REGIONS
from edge.plates.reader import COLOURS, prepare
from edge.plates.rectify import READER_HEIGHT, READER_WIDTH, part_of, rectify
from edge.types import Bgr
from models.pictures import read_picture
from models.plate_detect import negatives
from models.plate_read.backgrounds import Backgrounds, lettering
from models.plate_read.transplant import Donor, choose, fit, transplant
from simulator.plates import degrade
from simulator.plates.draw import PlateStyle, draw_plate, random_style, varied_style
from simulator.plates.glyphs import PictureGlyphs
from simulator.plates.kinds import PlateKind
from simulator.plates.makers import MAKERS

SHARD = 4096
LONGEST = 8
ONE_ROW, TWO_ROWS, NOT_A_PLATE = range(3)
NO_TEXT = -2
"""Length of a sample whose text must not be learnt (a double row squeezed into one)."""
_DRILLED = ("small_blue", "large_yellow", "large_yellow_double")
_TRANSPLANTED = 0.35
"""Share of the plates drawn in the place of a real one, where there are real ones."""
_FAR_OFF, _FAR_OFF_SHARE = 2.4, 0.25
_AT_THE_EDGE, _WRITTEN_OVER = 0.03, 0.02
"""Shares of the plates that the picture's edge cuts, and of those whose picture bears a camera's overlay."""

WEIGHTS: dict[str, float] = {
    "small_blue": 30,
    "large_yellow": 9,
    "large_yellow_double": 11,
    "trailer_double": 5,
    "new_energy_small": 12,
    "new_energy_large": 5,
    "police": 6,
    "military": 5,
    "black": 7,
    "hongkong": 4,
    "macau": 3,
    "learner": 4,
    "embassy": 4,
    "consulate": 4,
    "aviation": 5,
    "emergency": 2,
    "armed_police": 9,
    "armed_police_double": 4,
    "military_double": 4,
    "police_double": 3,
    "tractor_double": 4,
}
KIND_WEIGHTS: dict[str, Mapping[str, float]] = {"CN": WEIGHTS}
"""By region; where there is none, all kinds are as frequent."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One crop with its labels. `colour` -1: not to be learnt."""

    crop: Bgr
    text: str | None
    colour: int
    layout: int


class Generator:
    """Draws samples; every picture follows from `rng`."""

    def __init__(
        self,
        rng: np.random.Generator,
        glyphs: Path | None,
        backgrounds: Backgrounds,
        donors: Sequence[Donor] = (),
        region: str = "CN",
        drill: bool = False,
        only: Sequence[str] = (),
    ) -> None:
        """`drill`: small, softly lit plates in the standard's own glyphs, where it is the fine strokes that count.

        `only`: these kinds and no others; none given: all of the region.
        """
        self._rng = rng
        self._drill = drill
        self._maker = MAKERS[region]
        self._two_rows = REGIONS[region].two_rows
        self._donors = donors
        self._pictures = PictureGlyphs(glyphs) if glyphs else None
        self._known = self._pictures.characters() if self._pictures else set()
        self._backgrounds = backgrounds
        kinds = KIND_WEIGHTS.get(region, dict.fromkeys(self._maker.kinds, 1.0))
        if drill:
            kinds = {kind: weight for kind, weight in kinds.items() if kind in _DRILLED}
        if only:
            kinds = {kind: weight for kind, weight in kinds.items() if kind in only}
        weights = np.array(list(kinds.values()))
        self._kinds = list(kinds)
        self._weights = weights / weights.sum()

    def sample(self) -> Sample:
        """One sample; about one in twelve is no plate."""
        if self._rng.random() < 0.08:
            return self._nothing()
        kind = self._kinds[int(self._rng.choice(len(self._kinds), p=self._weights))]
        text, _ = self._maker.random_plate(self._rng, kind)
        rows = self._maker.rows(kind)
        squeezed = rows == 2 and self._rng.random() < 0.3
        transplanted = bool(self._donors) and self._rng.random() < _TRANSPLANTED
        picture, corners, coloured = self.transplant(text, kind) if transplanted else self.scene(text, kind)
        if self._rng.random() < _AT_THE_EDGE:
            picture, corners = cut_by_edge(picture, corners, self._rng)
        if self._rng.random() < _WRITTEN_OVER:
            picture = negatives.overlay(picture, self._rng)
        crop = rectify(picture, self.jitter(corners), 1 if squeezed else rows, two_rows=self._two_rows)
        if self._rng.random() < 0.08:
            crop = _small(crop, self._rng)
        colour = COLOURS.index(self._maker.colour(kind)) if coloured else -1
        return Sample(crop, None if squeezed else text, colour, TWO_ROWS if rows == 2 else ONE_ROW)

    def scene(self, text: str, kind: str) -> tuple[Bgr, NDArray[np.float32], bool]:
        """A small picture with one plate, its corners, and whether its colour can be told."""
        rng = self._rng
        severity = float(rng.choice([0.3, 0.5, 0.7] if self._drill else [0.4, 0.7, 1.0, 1.2]))
        plate = degrade.surface(self.plate(text, kind), rng, severity)
        view = degrade.random_view(rng, 44, 150) if self._drill else degrade.random_view(rng)
        aspect = plate.shape[1] / plate.shape[0]
        width = int(view.width_px * 1.35) + 8
        corners = degrade.quad_of(view, aspect, (width / 2, width / 2))
        top, bottom = int(corners[:, 1].min() - 6), int(corners[:, 1].max() + 7)
        corners[:, 1] -= top
        background = self._backgrounds.patch(rng, width, max(8, bottom - top))
        holder = self._maker.holder(rng)
        if holder is not None:
            background = degrade.place(holder.picture, background, part_of(corners, holder.part))
        picture = degrade.place(plate, background, corners)
        if self._drill and rng.random() < 0.3:
            picture = degrade.overexposure(picture, rng)
        picture = degrade.camera(picture, rng, view.width_px, severity)
        spread = picture.reshape(-1, 3).astype(np.int16)
        coloured = bool(
            np.abs(spread[:, 0] - spread[:, 2]).mean() > 2 or np.abs(spread[:, 1] - spread[:, 2]).mean() > 2
        )
        return picture, corners, coloured

    def transplant(self, text: str, kind: str) -> tuple[Bgr, NDArray[np.float32], bool]:
        """The same as `scene`, but in a real picture, lit as the real plate was; sometimes from further away."""
        rng = self._rng
        picture, corners = transplant(choose(self._donors, rng), self.plate(text, kind), kind == "small_blue", rng)
        picture, corners, seen = further_away(picture, corners, rng, 36)
        if rng.random() < 0.6:
            picture = degrade.camera(picture, rng, seen, float(rng.choice([0.4, 0.8])))
        return picture, corners, True

    def plate(self, text: str, kind: str) -> Bgr:
        """A flat plate at half scale."""
        if self._pictures:
            return draw_plate(text, cast("PlateKind", kind), self.style(text), scale=0.5)
        return self._maker.draw(text, kind, self._rng, "training", 0.5)

    def text_and_kind(self, blue: float) -> tuple[str, str]:
        """Of the region's kinds each as likely, but the common one, where it has it, in this share at least."""
        common = "small_blue" in self._maker.kinds and self._rng.random() < blue
        kind = "small_blue" if common else self._maker.kinds[int(self._rng.integers(len(self._maker.kinds)))]
        return self._maker.random_plate(self._rng, kind)

    def style(self, text: str) -> PlateStyle:
        """A Chinese plate's style that can write the text, in glyph pictures or in fonts for training."""
        if self._pictures and (self._drill or self._rng.random() < 0.65) and set(text) <= self._known:
            return varied_style(self._rng, self._pictures)
        return random_style(self._rng, "training")

    def jitter(self, corners: NDArray[np.float32]) -> NDArray[np.float32]:
        """Corners as a detector finds them; sometimes only the box around them."""
        rng = self._rng
        if rng.random() < 0.25:
            left, top = corners.min(0)
            right, bottom = corners.max(0)
            corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
        width = float(np.ptp(corners[:, 0]))
        height = float(np.ptp(corners[:, 1]))
        common = rng.normal(0, 1, (1, 2)) * (0.016, 0.04)
        grow = (corners - corners.mean(0)) * rng.normal(0.015, 0.025, (1, 2))
        # Where a plate's own edge is not to be seen a detector is sometimes so far off that a character is cut.
        far = _FAR_OFF if rng.random() < _FAR_OFF_SHARE else 1.0
        own = rng.normal(0, 1, (4, 2)) * (0.014, 0.05) * (far, 1.0)
        return np.asarray(corners + grow + (common + own) * (width, height), np.float32)

    def _nothing(self) -> Sample:
        """A patch, lettering of a sign or of the camera's overlay, or a plate cut at a quite wrong place."""
        rng = self._rng
        choice = rng.random()
        if choice < 0.45:
            crop = self._backgrounds.patch(rng, READER_WIDTH, READER_HEIGHT)
        elif choice < 0.75:
            crop = lettering(rng, self._backgrounds.patch(rng, 200, 50))
        else:
            picture, corners, _ = self.scene(*self._maker.random_plate(rng, None))
            off = np.array([rng.choice([-1, 1]) * rng.uniform(0.45, 0.8), rng.choice([-1, 1]) * rng.uniform(0.0, 0.8)])
            crop = rectify(picture, np.asarray(corners + off * np.ptp(corners, 0), np.float32), 1)
        return Sample(prepare(degrade.camera(crop, rng, 100)), "", -1, NOT_A_PLATE)


def cut_by_edge(
    picture: Bgr, corners: NDArray[np.float32], rng: np.random.Generator
) -> tuple[Bgr, NDArray[np.float32]]:
    """The picture ends a little inside the plate, at its left or its right; the corners stay on the plate."""
    width = float(np.ptp(corners[:, 0]))
    lost = float(rng.uniform(0.01, 0.07)) * width
    if rng.random() < 0.6:
        first = max(0, round(float(corners[:, 0].min()) + lost))
        return picture[:, first:], np.asarray(corners - (first, 0), np.float32)
    return picture[:, : max(8, round(float(corners[:, 0].max()) - lost))], corners


@dataclass(frozen=True, slots=True)
class RealPlate:
    """A labelled plate of a real picture: the part of the picture around it and its corners there."""

    picture: Bgr
    corners: NDArray[np.float32]
    text: str
    colour: int
    rows: int
    cornered: bool = True
    """Whether the corners are the plate's own; else they are those of a picture that was cut out around it."""


REAL_COLOURS = {
    "blue": "blue",
    "green": "green",
    "yellow": "yellow",
    "yellow2": "yellow",
    "white": "white",
    "black": "black",
}


def in_training_split(index: int, folder: str) -> bool:
    """The split of the real sets: the first 400 of ccpd600 and the first 250 of crops_a are for training, no others."""
    return index < {"ccpd600": 400, "crops_a": 250}.get(folder, 0)


def read_real(folder: Path, training: bool) -> Iterator[RealPlate]:
    """The plates of `folder`/labels.csv on one side of the split. Raises FileNotFoundError."""
    with (folder / "labels.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            index = int(Path(row["file"]).stem)
            if in_training_split(index, folder.name) == training:
                yield _real_plate(folder, row)


def _real_plate(folder: Path, row: dict[str, str]) -> RealPlate:
    picture = read_picture(folder / row["file"])
    if row["tlx"]:
        corners = np.array([[float(row[c + a]) for a in "xy"] for c in ("tl", "tr", "br", "bl")], np.float32)
    else:
        height, width = picture.shape[:2]
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    margin = 0.3 * np.ptp(corners, 0)
    left, top = np.maximum(corners.min(0) - margin, 0).astype(int)
    right, bottom = np.minimum(corners.max(0) + margin, picture.shape[1::-1]).astype(int)
    part = picture[top:bottom, left:right].copy()
    colour = COLOURS.index(REAL_COLOURS.get(row["kind"], "blue"))
    rows = 2 if row["kind"].endswith("2") else 1
    return RealPlate(part, corners - np.array([left, top], np.float32), row["plate"], colour, rows, bool(row["tlx"]))


def further_away(
    picture: Bgr, corners: NDArray[np.float32], rng: np.random.Generator, least_px: float
) -> tuple[Bgr, NDArray[np.float32], float]:
    """Six times in ten the picture made smaller, the plate down to `least_px`; with its corners and its width."""
    seen = float(np.ptp(corners[:, 0]))
    wanted = float(np.exp(rng.uniform(np.log(least_px), np.log(max(1.2 * least_px, seen)))))
    if wanted >= seen or rng.random() > 0.6:
        return picture, corners, seen
    scale = wanted / seen
    smaller = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    return smaller, corners * scale, wanted


def _small(crop: Bgr, rng: np.random.Generator) -> Bgr:
    """A cut that was kept small, and compressed like that, before it was read."""
    width = int(rng.integers(60, 110))
    small = np.asarray(cv2.resize(crop, (width, width // 4), interpolation=cv2.INTER_AREA), np.uint8)
    small = degrade.jpeg(small, int(rng.uniform(60, 98)))
    return np.asarray(cv2.resize(small, (READER_WIDTH, READER_HEIGHT), interpolation=cv2.INTER_LINEAR), np.uint8)


def read_donors(folders: Sequence[Path], glyphs: Path | None) -> list[Donor]:
    """The real plates for training with labelled corners whose light could be told. Raises FileNotFoundError."""
    glyph_source = PictureGlyphs(glyphs) if glyphs else random_style(np.random.default_rng(0), "training").glyphs
    donors = []
    for plate in (plate for folder in folders for plate in read_real(folder, training=True)):
        if not plate.cornered or plate.colour != COLOURS.index("blue"):
            continue
        drawn = draw_plate(plate.text, "small_blue", PlateStyle(glyph_source, bolts=2), scale=0.5)
        donor = fit(plate.picture, plate.corners, drawn)
        donors += [donor] if donor is not None else []
    return donors


def real_sample(generator: Generator, rng: np.random.Generator, plate: RealPlate) -> Sample:
    """A real plate at jittered corners, sometimes made smaller, darker or noisier."""
    picture, corners, seen = further_away(plate.picture, plate.corners, rng, 50)
    if rng.random() < 0.5:
        picture = degrade.camera(picture, rng, seen, 0.5)
    crop = rectify(picture, generator.jitter(np.asarray(corners, np.float32)), 1 if plate.rows == 1 else 2)
    return Sample(crop, plate.text, plate.colour, ONE_ROW if plate.rows == 1 else TWO_ROWS)


def write_shard(path: Path, samples: list[Sample], alphabet: str = ALPHABET) -> None:
    """Crops (N, 32, 128, 3) and labels (N, 11): 8 codes, length, colour, layout. Labels last: they complete it."""
    labels = np.zeros((len(samples), LONGEST + 3), np.int16)
    for label, sample in zip(labels, samples, strict=True):
        codes = [alphabet.index(character) + 1 for character in sample.text or ""]
        label[: len(codes)] = codes
        label[LONGEST:] = (NO_TEXT if sample.text is None else len(codes), sample.colour, sample.layout)
    np.save(path.with_suffix(".crops.npy"), np.stack([sample.crop for sample in samples]))
    np.save(path.with_suffix(".labels.npy"), labels)


@click.command()
@click.option("--cache", type=click.Path(path_type=Path), required=True, help="Folder for the shards, outside git.")
@click.option("--glyphs", type=click.Path(path_type=Path, exists=True), help="Folder of glyph pictures 140_*.jpg.")
@click.option("--backgrounds", type=click.Path(path_type=Path, exists=True), help="Folder of pictures without plates.")
@click.option("--real", type=click.Path(path_type=Path, exists=True), multiple=True, help="Folders with labels.csv.")
@click.option("--shards", default=40, show_default=True, help="Shards of 4096 generated samples.")
@click.option("--seed", default=1, show_default=True, help="First seed; one for each shard.")
@click.option("--region", type=click.Choice(sorted(REGIONS)), default="CN", show_default=True, help="Whose plates.")
@click.option("--only", multiple=True, type=click.Choice(MAKERS["CN"].kinds), help="These kinds, for fine-tuning.")
@click.option("--drill", is_flag=True, help="Small, softly lit plates in the glyph pictures only, for fine-tuning.")
def main(
    cache: Path,
    glyphs: Path | None,
    backgrounds: Path | None,
    real: tuple[Path, ...],
    shards: int,
    seed: int,
    region: str,
    only: tuple[str, ...],
    drill: bool,
) -> None:
    """Generate shards; those that are there already are kept."""
    if region != "CN" and (glyphs or real or only):
        raise click.UsageError("--glyphs, --real and --only are for Chinese plates: leave them out for another region")
    cv2.setNumThreads(1)
    cache.mkdir(parents=True, exist_ok=True)
    scenery = Backgrounds.read(backgrounds)
    donors = read_donors(real, glyphs)
    if real:
        rng = np.random.default_rng(seed)
        generator = Generator(rng, glyphs, scenery)
        plates = [plate for folder in real for plate in read_real(folder, training=True)]
        samples = [real_sample(generator, rng, plates[i % len(plates)]) for i in range(2 * SHARD)]
        write_shard(cache / f"real-{seed:05d}", samples)
    for number in range(seed, seed + shards):
        path = cache / f"drawn-{number:05d}"
        if not path.with_suffix(".labels.npy").exists():
            generator = Generator(np.random.default_rng(number), glyphs, scenery, donors, region, drill, only)
            write_shard(path, [generator.sample() for _ in range(SHARD)], REGIONS[region].alphabet)
            click.echo(f"{path.name}: {SHARD} samples")


if __name__ == "__main__":
    main()
