"""Measure the exported detector, and detector and reader together, on labelled folders of whole scenes.

    python -m models.plate_detect.evaluate FOLDER ... [--drawn N --backgrounds DIR] [--models DIR] [--write]

A folder holds labels.csv (file, plate, kind, corners). Only pictures outside the training split count. "exact": the
plate was found and read without a mistake, as the device reads.
"""

from __future__ import annotations

import csv
import json
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from edge.inference import ModelStore
from edge.plates.decoding import Decoder
from edge.plates.detector import PlateDetection, PlateDetector, overlap
from edge.plates.grammar import CHINA
from edge.plates.reader import PlateReader
from edge.plates.recognition import Recogniser
from edge.types import Bgr
from models.pictures import read_picture
from models.plate_detect.drawn import drawn_scenes, measure_drawn
from models.plate_read.backgrounds import Backgrounds
from models.plate_read.samples import in_training_split

METRICS = Path(__file__).resolve().parent / "metrics.json"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A picture's name with its labelled plates: corners (4, 2) and texts."""

    name: str
    picture: Bgr
    corners: list[NDArray[np.float32]]
    texts: list[str]


@dataclass
class Tally:
    """Counts over one folder."""

    plates: int = 0
    found: int = 0
    exact: int = 0
    boxes: int = 0
    unlabelled: int = 0
    unlabelled_called_plates: int = 0
    corner_errors: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def as_metrics(self) -> dict[str, float]:
        return {
            "plates": self.plates,
            "recall": round(self.found / max(1, self.plates), 4),
            "exact": round(self.exact / max(1, self.plates), 4),
            "boxes": self.boxes,
            "boxes_without_label": self.unlabelled,
            "of_which_the_reader_calls_plates": self.unlabelled_called_plates,
            "corner_error_share_of_width": round(float(np.mean(self.corner_errors or [0])), 4),
            "cpu_milliseconds_a_picture": round(1000 * float(np.median(self.seconds or [0])), 2),
        }


def read_scenes(folder: Path) -> Iterator[Labelled]:
    """The held-out pictures of a folder. Raises FileNotFoundError."""
    rows: dict[str, list[dict[str, str]]] = {}
    with (folder / "labels.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if not in_training_split(int(Path(row["file"]).stem), folder.name):
                rows.setdefault(row["file"], []).append(row)
    for file, plates in rows.items():
        picture = read_picture(folder / file)
        corners = [
            np.array([[float(row[c + a]) for a in "xy"] for c in ("tl", "tr", "br", "bl")], np.float32)
            for row in plates
        ]
        yield Labelled(file, picture, corners, [row["plate"] for row in plates])


class Evaluation:
    """Runs detector and reader over scenes and counts; pictures of failures go to `failures`, if given."""

    def __init__(self, detector: PlateDetector, reader: Recogniser, failures: Path | None) -> None:
        self._detector = detector
        self._reader = reader
        self._failures = failures

    def measure(self, folder: Path) -> Tally:
        """Count over one folder."""
        tally = Tally()
        for scene in read_scenes(folder):
            began = time.thread_time()
            detections = self._detector.detect(scene.picture)
            tally.seconds.append(time.thread_time() - began)
            self._count(scene, detections, tally, folder.name)
        return tally

    def _count(self, scene: Labelled, detections: list[PlateDetection], tally: Tally, group: str) -> None:
        results = [self._reader.recognise(scene.picture, item.corners) for item in detections]
        free = set(range(len(detections)))
        wrong = []
        for corners, text in zip(scene.corners, scene.texts, strict=True):
            tally.plates += 1
            best = max(free, key=lambda index: overlap(detections[index].corners, corners), default=None)
            if best is None or overlap(detections[best].corners, corners) < 0.4:
                wrong.append(f"{text} not found")
                continue
            free.remove(best)
            tally.found += 1
            read = results[best].reading.text
            tally.exact += read == text
            error = np.linalg.norm(detections[best].corners - corners, axis=1).mean() / np.ptp(corners[:, 0])
            tally.corner_errors.append(float(error))
            if read != text:
                wrong.append(f"{text} as {read}")
        tally.boxes += len(detections)
        tally.unlabelled += len(free)
        tally.unlabelled_called_plates += sum(results[index].read.not_a_plate < 0.5 for index in free)
        if (wrong or free) and self._failures is not None:
            self._save(scene, detections, f"{group}-{Path(scene.name).stem}")
            click.echo(f"  {group} {scene.name}: {'; '.join(wrong)} {len(free)} without label")

    def _save(self, scene: Labelled, detections: list[PlateDetection], name: str) -> None:
        assert self._failures is not None
        picture = scene.picture.copy()
        for corners in scene.corners:
            cv2.polylines(picture, [corners.astype(np.int32)], True, (0, 255, 255), 1)
        for item in detections:
            cv2.polylines(picture, [item.corners.astype(np.int32)], True, (0, 0, 255), 2)
        self._failures.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(self._failures / f"{name}.jpg"), picture)


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--models", type=click.Path(path_type=Path, exists=True), help="Folder with manifest.json.")
@click.option("--long-side", default=640, show_default=True)
@click.option("--min-score", default=0.4, show_default=True)
@click.option("--refine/--no-refine", default=True, show_default=True)
@click.option("--drawn", default=0, show_default=True, help="Scenes with a drawn plate of each kind; 0 for none.")
@click.option("--backgrounds", type=click.Path(path_type=Path, exists=True), help="Photographs for drawn scenes.")
@click.option("--failures", type=click.Path(path_type=Path), help="Folder for pictures of what went wrong.")
@click.option("--write", is_flag=True, help="Write metrics.json beside this file.")
def main(
    folders: tuple[Path, ...],
    models: Path | None,
    long_side: int,
    min_score: float,
    refine: bool,
    drawn: int,
    backgrounds: Path | None,
    failures: Path | None,
    write: bool,
) -> None:
    """Print a table for FOLDERS."""
    cv2.setNumThreads(1)
    store = ModelStore(models)
    detector = PlateDetector(store, long_side, min_score, refine=refine)
    evaluation = Evaluation(detector, Recogniser(PlateReader(store), Decoder(CHINA)), failures)
    tables = {folder.name: evaluation.measure(folder).as_metrics() for folder in folders}
    if drawn:
        scenes = drawn_scenes(Backgrounds.read(backgrounds), drawn)
        tables |= {name: tally.as_metrics() for name, tally in measure_drawn(detector, scenes).items()}
    for name, table in tables.items():
        click.echo(f"{name}: " + ", ".join(f"{key} {value}" for key, value in table.items()))
    if write:
        names = " ".join(folder.name for folder in folders) + (f" --drawn {drawn}" if drawn else "")
        content: dict[str, Any] = {
            "models_sha256": {info.name: info.sha256 for info in store.infos()},
            "command": f"python -m models.plate_detect.evaluate {names} --long-side {long_side}",
            "min_score": min_score,
            "machine": f"{platform.machine()}, one thread, Python {sys.version.split()[0]}",
            "split": "held out: ccpd600 from 0400, all of other folders; drawn: simulator fonts, training photographs",
            "reading": "at the detected corners, cut again where not sure, along the grammar",
            "sets": tables,
        }
        METRICS.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
