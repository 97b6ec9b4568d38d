"""List what the present detector takes for plates and is none: hard negatives for `models.plate_detect.samples`.

    python -m models.plate_detect.mine FOLDER ... --out FILE.csv [--min-score S] [--exclude N ...] [--sheet FILE]

A folder is a set of photographs without plates, or has labels.csv (then only its training split is searched, and what
overlaps a label is left out). Photographs may show a plate after all: look at the sheet, and run again without those.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from edge.inference import ModelStore
from edge.plates.detector import PlateDetector, overlap
from edge.types import Bgr
from models.pictures import read_picture
from models.plate_read.samples import in_training_split

_TILE = (120, 60)


@dataclass(frozen=True, slots=True)
class Mistake:
    """A box (x1, y1, x2, y2) in a picture that holds these labelled plates (n, 4, 2)."""

    file: Path
    box: tuple[float, float, float, float]
    score: float
    plates: NDArray[np.float32]


def pictures(folder: Path) -> Iterator[tuple[Path, NDArray[np.float32]]]:
    """Each picture that may be learnt from, with its labelled plates (n, 4, 2)."""
    if (folder / "labels.csv").exists():
        yield from labelled(folder)
        return
    for path in sorted(folder.glob("*.jpg")):
        yield path, np.zeros((0, 4, 2), np.float32)


def labelled(folder: Path) -> Iterator[tuple[Path, NDArray[np.float32]]]:
    """The training split's pictures of `folder`/labels.csv with their plates (n, 4, 2). Raises FileNotFoundError."""
    plates: dict[str, list[list[float]]] = {}
    with (folder / "labels.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if in_training_split(int(Path(row["file"]).stem), folder.name):
                corners = [float(row[corner + axis]) for corner in ("tl", "tr", "br", "bl") for axis in "xy"]
                plates.setdefault(row["file"], []).append(corners)
    for file, quads in plates.items():
        yield folder / file, np.array(quads, np.float32).reshape(-1, 4, 2)


def mistakes(detector: PlateDetector, folder: Path) -> Iterator[Mistake]:
    """What the detector finds beside the labels. Raises FileNotFoundError."""
    for path, plates in pictures(folder):
        for item in detector.detect(read_picture(path)):
            if all(overlap(item.corners, plate) < 0.1 for plate in plates):
                (x1, y1), (x2, y2) = item.corners.min(0), item.corners.max(0)
                yield Mistake(path, (float(x1), float(y1), float(x2), float(y2)), item.score, plates)


def sheet(found: list[Mistake]) -> Bgr:
    """All of them as small pictures with their numbers."""
    tiles = []
    for number, item in enumerate(found):
        picture = read_picture(item.file)
        x1, y1, x2, y2 = item.box
        half = max(x2 - x1, 12.0)
        size = np.array(picture.shape[1::-1])
        reach = np.array([half, half / 2])
        middle = np.clip([(x1 + x2) / 2, (y1 + y2) / 2], 1, size - 1)
        low = np.clip(middle - reach, 0, size - 2).astype(int)
        high = np.clip(middle + reach, low + 2, size).astype(int)
        tile = np.asarray(cv2.resize(picture[low[1] : high[1], low[0] : high[0]], _TILE), np.uint8)
        cv2.putText(tile, f"{number} {item.score:.2f}", (1, 58), cv2.FONT_HERSHEY_SIMPLEX, 0.35, (0, 255, 255))
        tiles.append(tile)
    tiles += [np.zeros((_TILE[1], _TILE[0], 3), np.uint8)] * (-len(tiles) % 16)
    return np.vstack([np.hstack(tiles[start : start + 16]) for start in range(0, len(tiles), 16)])


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Table for `samples --mined`.")
@click.option("--models", type=click.Path(path_type=Path, exists=True), help="Folder with manifest.json.")
@click.option("--min-score", default=0.2, show_default=True)
@click.option("--exclude", type=int, multiple=True, help="Numbers on the sheet that are plates after all.")
@click.option("--sheet", "shown", type=click.Path(path_type=Path), help="Picture of all of them, to be looked at.")
def main(
    folders: tuple[Path, ...],
    out: Path,
    models: Path | None,
    min_score: float,
    exclude: tuple[int, ...],
    shown: Path | None,
) -> None:
    """Write the table, the surest mistakes first."""
    cv2.setNumThreads(1)
    detector = PlateDetector(ModelStore(models), min_score=min_score)
    found = sorted((item for folder in folders for item in mistakes(detector, folder)), key=lambda item: -item.score)
    if shown and found:
        cv2.imwrite(str(shown), sheet(found))
    with out.open("w", encoding="utf-8", newline="") as lines:
        table = csv.writer(lines)
        table.writerow(["file", "x1", "y1", "x2", "y2", "score", "plates"])
        for number, item in enumerate(found):
            if number not in exclude:
                plates = " ".join(f"{value:.1f}" for value in item.plates.reshape(-1))
                table.writerow([item.file.resolve(), *item.box, item.score, plates])
    click.echo(f"{out}: {len(found)} found")


if __name__ == "__main__":
    main()
