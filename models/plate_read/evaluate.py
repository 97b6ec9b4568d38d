"""Measure the exported reader on labelled folders and on drawn plates in fonts that training never used.

    python -m models.plate_read.evaluate FOLDER ... [--drawn N] [--models DIR] [--write]

A folder holds labels.csv (file, plate, kind, corners). Only plates outside the training split count. They are read as
the device reads them: at their corners, cut again where the first cut is not sure, along the grammar.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from edge.inference import ModelStore
from edge.plates.alphabet import ALPHABET, BLANK, PROVINCES
from edge.plates.grammar import REGIONS
from edge.plates.reader import COLOURS, PlateReader
from edge.plates.recognition import Recogniser
from edge.types import Bgr
from models.plate_read.samples import read_real
from simulator.plates import degrade
from simulator.plates.makers import MAKERS, PlateMaker

MODELS = Path(__file__).resolve().parents[1]
SPLITS = {
    "CN": "held out: ccpd600 from 0400, crops_a from 0250, all of other folders; drawn: simulator fonts",
    "eu": "drawn: simulator fonts, of families that training never used; no real plates were at hand",
}


def greedy(log_probs: NDArray[np.float32]) -> str:
    """The best path: repeats merged, blanks removed."""
    best = log_probs.argmax(1)
    kept = [int(code) for index, code in enumerate(best) if code != BLANK and (index == 0 or code != best[index - 1])]
    return "".join(ALPHABET[code - 1] for code in kept)


@dataclass
class Tally:
    """Counts of one row of the table."""

    plates: int = 0
    exact: int = 0
    tail: int = 0
    colour: int = 0
    rows: int = 0
    refused: int = 0
    wrong: list[tuple[str, str]] = field(default_factory=list)

    def as_metrics(self) -> dict[str, float]:
        shares = {"exact": self.exact, "without_first": self.tail, "colour": self.colour, "rows": self.rows}
        rounded = {name: round(count / max(1, self.plates), 4) for name, count in shares.items()}
        return {"plates": self.plates, **rounded, "called_no_plate": self.refused}


@dataclass(frozen=True, slots=True)
class Case:
    """A picture with one labelled plate, and the rows of the table that it counts in."""

    groups: tuple[str, ...]
    picture: Bgr
    corners: NDArray[np.float32]
    text: str
    colour: int
    rows: int


def real_cases(folder: Path) -> Iterable[Case]:
    """The held-out plates of a labelled folder."""
    for plate in read_real(folder, training=False):
        yield Case((folder.name,), plate.picture, plate.corners, plate.text, plate.colour, plate.rows)


Spoil = Callable[[Bgr, np.random.Generator, float], Bgr]
"""What happens to a picture in which the plate is so many pixels wide."""


def drawn_cases(count: int, seed: int = 999, severity: float = 0.5, region: str = "CN") -> Iterable[Case]:
    """`count` plates of each kind of a region in the simulator's fonts, 60 to 200 px wide, moderately degraded."""
    rng = np.random.default_rng(seed)
    maker = MAKERS[region]

    def spoil(picture: Bgr, rng: np.random.Generator, width_px: float) -> Bgr:
        return degrade.camera(picture, rng, width_px, severity)

    for kind in maker.kinds:
        for _ in range(count):
            yield drawn_case(rng, maker, kind, f"drawn {kind}", (60, 200), spoil, severity)


CONDITIONS: dict[str, tuple[tuple[float, float], Spoil]] = {
    "clean": ((100, 200), lambda picture, _rng, _width: picture),
    "36 to 50 px wide": ((36, 50), lambda picture, rng, _width: degrade.noise(picture, rng, 2)),
    "50 to 70 px wide": ((50, 70), lambda picture, rng, _width: degrade.noise(picture, rng, 2)),
    "70 to 100 px wide": ((70, 100), lambda picture, rng, _width: degrade.noise(picture, rng, 2)),
    "defocus": ((90, 160), lambda picture, _rng, width: degrade.defocus(picture, 0.012 * width)),
    "motion blur": ((90, 160), lambda picture, _rng, width: degrade.motion_blur(picture, 0.03 * width, 90)),
    "night": ((90, 160), lambda picture, rng, _width: degrade.low_light(picture, rng, 0.2)),
    "infrared": ((90, 160), lambda picture, rng, _width: degrade.infrared(picture, rng)),
    "overexposed": ((90, 160), lambda picture, rng, _width: degrade.overexposure(picture, rng)),
    "haze": ((90, 160), lambda picture, rng, _width: degrade.haze(picture, rng)),
    "JPEG quality 25": ((90, 160), lambda picture, _rng, _width: degrade.jpeg(picture, 25)),
    "over-lit strokes": ((80, 130), lambda picture, rng, _width: degrade.glow(picture, 0.9, float(rng.uniform(1, 2)))),
    "aliased": ((80, 130), lambda picture, _rng, _width: degrade.sharpen(degrade.aliased(picture, 1.5, 2.0), 1.0)),
}
"""One thing wrong at a time, with plates of these widths."""


def conditions(count: int, seed: int = 555, region: str = "CN") -> Iterable[Case]:
    """`count` plates of random kinds in each condition."""
    rng = np.random.default_rng(seed)
    maker = MAKERS[region]
    for name, (widths, spoil) in CONDITIONS.items():
        for _ in range(count):
            kind = maker.kinds[int(rng.integers(len(maker.kinds)))]
            yield drawn_case(rng, maker, kind, f"condition {name}", widths, spoil, 0.0)


def drawn_case(
    rng: np.random.Generator,
    maker: PlateMaker,
    kind: str,
    group: str,
    widths: tuple[float, float],
    spoil: Spoil,
    wear: float,
) -> Case:
    """A plate of this kind in the simulator's fonts on a plain ground."""
    text, _ = maker.random_plate(rng, kind)
    plate = degrade.surface(maker.draw(text, kind, rng, "simulator", 1.0), rng, wear)
    view = degrade.random_view(rng, *widths)
    size = int(view.width_px * 1.5) + 10
    corners = degrade.quad_of(view, plate.shape[1] / plate.shape[0], (size / 2, size / 2))
    ground = np.full((size, size, 3), rng.uniform(20, 220), np.uint8)
    picture = spoil(degrade.place(plate, ground, corners), rng, view.width_px)
    province = (f"province {text[0]}",) if text[0] in PROVINCES else ()
    return Case((group, *province), picture, corners, text, COLOURS.index(maker.colour(kind)), maker.rows(kind))


def measure(recogniser: Recogniser, cases: Iterable[Case], tallies: dict[str, Tally]) -> None:
    """Read each case at its labelled corners and count."""
    for case in cases:
        found = recogniser.recognise(case.picture, case.corners)
        text = found.reading.text
        for tally in (tallies[group] for group in case.groups):
            tally.plates += 1
            tally.exact += text == case.text
            tally.tail += text[1:] == case.text[1:]
            tally.colour += int(found.read.colours.argmax()) == case.colour
            tally.rows += found.rows == case.rows
            tally.refused += found.read.refused
            if text != case.text:
                tally.wrong.append((case.text, text))


def milliseconds(reader: PlateReader) -> float:
    """Median time of one crop on its thread (CPU time: a busy machine does not change it)."""
    crop = np.random.default_rng(0).integers(0, 255, (32, 128, 3), np.uint8)
    times = []
    for _ in range(200):
        began = time.thread_time()
        reader.read([crop])
        times.append(time.thread_time() - began)
    return 1000 * float(np.median(times))


def show(tallies: dict[str, Tally], errors: int) -> None:
    """Print the table, and the first errors of each row."""
    click.echo(f"{'set':28} {'plates':>6} {'exact':>7} {'no 1st':>7} {'colour':>7} {'rows':>7} {'refused':>7}")
    for name, tally in sorted(tallies.items()):
        row = tally.as_metrics()
        shares = " ".join(f"{row[key]:7.3f}" for key in ("exact", "without_first", "colour", "rows"))
        click.echo(f"{name:28} {tally.plates:6} {shares} {tally.refused:7}")
        for truth, read in tally.wrong[:errors]:
            click.echo(f"    {truth} read as {read or '(nothing)'}")


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--drawn", default=30, show_default=True, help="Drawn plates of each kind; 0 for none.")
@click.option("--models", type=click.Path(path_type=Path, exists=True), help="Folder with manifest.json.")
@click.option("--errors", default=0, show_default=True, help="Wrong readings to print for each row.")
@click.option("--write", is_flag=True, help="Write metrics.json into the model's folder.")
@click.option("--region", type=click.Choice(sorted(REGIONS)), default="CN", show_default=True, help="Whose plates.")
def main(folders: tuple[Path, ...], drawn: int, models: Path | None, errors: int, write: bool, region: str) -> None:
    """Print a table for each of FOLDERS and for drawn plates."""
    cv2.setNumThreads(1)
    store = ModelStore(models)
    model = REGIONS[region].reader
    tallies: dict[str, Tally] = defaultdict(Tally)
    recogniser = Recogniser.of(REGIONS[region], store)
    for folder in folders:
        measure(recogniser, real_cases(folder), tallies)
    measure(recogniser, drawn_cases(drawn, region=region), tallies)
    measure(recogniser, conditions(2 * drawn, region=region), tallies)
    show(tallies, errors)
    all_drawn = [tally for name, tally in tallies.items() if name.startswith("drawn")]
    if all_drawn:
        share = sum(tally.exact for tally in all_drawn) / sum(tally.plates for tally in all_drawn)
        click.echo(f"drawn plates of all kinds: {share:.3f} exact")
    cost = milliseconds(PlateReader(store, model))
    click.echo(f"{cost:.2f} ms of CPU time a crop")
    if write:
        words = [folder.name for folder in folders] + ["--drawn", str(drawn)]
        words += ["--region", region] if region != "CN" else []
        content: dict[str, Any] = {
            "model_sha256": store.infos()[0].sha256,
            "command": f"python -m models.plate_read.evaluate {' '.join(words)}",
            "machine": f"{platform.machine()}, one thread, Python {sys.version.split()[0]}",
            "split": SPLITS[region],
            "reading": "at the labelled corners, cut again where not sure, along the grammar",
            "cpu_milliseconds_a_crop": round(cost, 3),
            "sets": {name: tally.as_metrics() for name, tally in sorted(tallies.items())},
        }
        (MODELS / model / "metrics.json").write_text(
            json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
