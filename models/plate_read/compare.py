"""Hold the plate path against a public text reader, RapidOCR (PP-OCRv4), on the same pictures in the same run.

    python -m models.plate_read.compare --data FOLDER [--data FOLDER ...] [--most N] [--json FILE]

RapidOCR is no dependency of this project: `pip install rapidocr_onnxruntime` into an environment of its own, beside
what requirements.lock names. Its package carries its models (Apache-2.0). Its texts are normalised as labels are: upper
case, without dots and spaces; and of two lines, one above the other, the two together count too (double-row plates).
Both run on one thread; costs are CPU time of the process, medians.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import click
import cv2
import numpy as np

from edge.inference import ModelStore
from edge.plates.bench.labels import Label, LabelledPicture, normalise, read_labels
from edge.plates.bench.scoring import Readings, most_alike
from edge.plates.rectify import aspect, unwarp
from edge.plates.stills import StillReader, outline
from edge.types import Bgr

_HEIGHT_PX = 96
T = TypeVar("T")


class Counts:
    """Readings and costs of one reader over one folder."""

    def __init__(self) -> None:
        self.scene, self.crop = Readings(), Readings()
        self.scene_s: list[float] = []
        self.crop_s: list[float] = []

    def figures(self) -> dict[str, Any]:
        """As plain values; None for what the folder does not hold."""
        return {
            "scene_exact": self.scene.exact_share,
            "scene_without_province": self.scene.tail_share,
            "crop_exact": self.crop.exact_share,
            "crop_without_province": self.crop.tail_share,
            "ms_a_scene": _ms(self.scene_s),
            "ms_a_plate": _ms(self.crop_s),
        }


class Watchpost:
    """The product's own path."""

    name = "Watchpost"

    def __init__(self) -> None:
        self._store = ModelStore()
        self._reader = StillReader(self._store)

    def scene(self, picture: Bgr) -> list[str]:
        return [plate.text for plate in self._reader.read_picture(picture)]

    def crop(self, picture: Bgr, label: Label) -> str:
        if label.corners is None:
            return self._reader.read_crop(_cut(picture, label)).text
        return self._reader.read_at(picture, label.corners).text

    def megabytes(self) -> float:
        return sum(self._store.path_of(info.name).stat().st_size for info in self._store.infos()) / 1e6


class Rapid:
    """RapidOCR as it comes: detection, direction, recognition; for a plate cut out, its recognition alone."""

    name = "RapidOCR"

    def __init__(self) -> None:
        try:
            import rapidocr_onnxruntime  # noqa: PLC0415  only whoever compares has it
        except ModuleNotFoundError as error:
            raise click.ClickException(
                f"{error.name} is not installed here: pip install rapidocr_onnxruntime, into an environment of its own"
            ) from error
        threads = {f"{part}_{way}_op_num_threads": 1 for part in ("det", "cls", "rec") for way in ("intra", "inter")}
        self._engine = rapidocr_onnxruntime.RapidOCR(**threads)
        self._folder = Path(rapidocr_onnxruntime.__file__).parent / "models"

    def scene(self, picture: Bgr) -> list[str]:
        found, _ = self._engine(picture)
        boxes = [(np.array(box, np.float32), normalise(text)) for box, text, _ in found or []]
        stacked = [upper + lower for a, upper in boxes for b, lower in boxes if _is_above(a, b)]
        return [text for _, text in boxes] + stacked

    def crop(self, picture: Bgr, label: Label) -> str:
        corners = label.corners if label.corners is not None else outline(_cut(picture, label))
        source = picture if label.corners is not None else _cut(picture, label)
        width = round(_HEIGHT_PX * min(4.0, max(1.5, aspect(corners))))
        found, _ = self._engine.text_rec([unwarp(source, corners, width, _HEIGHT_PX)])
        return normalise(found[0][0]) if found else ""

    def megabytes(self) -> float:
        return sum(path.stat().st_size for path in self._folder.glob("*.onnx")) / 1e6


def _is_above(upper: np.ndarray, lower: np.ndarray) -> bool:
    """Whether one line of text lies right above another one."""
    height = float(np.ptp(lower[:, 1]))
    gap = float(lower[:, 1].mean() - upper[:, 1].mean())
    return 0.3 * height < gap < 2 * height and abs(float(lower[:, 0].mean() - upper[:, 0].mean())) < 1.5 * height


def _cut(picture: Bgr, label: Label) -> Bgr:
    if label.box is None:
        return picture
    left, top = np.maximum(np.floor(label.box.min(0)), 0).astype(int)
    right, bottom = np.ceil(label.box.max(0)).astype(int)
    return picture[top:bottom, left:right]


def measure(folder: Path, most: int, readers: list[Watchpost | Rapid]) -> dict[str, Counts]:
    """Every reader on every picture, one after the other, so that they meet the same machine."""
    counts = {reader.name: Counts() for reader in readers}
    pictures = read_labels(folder)
    step = max(1, -(-len(pictures) // most))
    for number, labelled in enumerate(pictures[::step]):
        picture = labelled.read()
        for reader in readers:
            if number == 0:
                _read(reader, labelled, picture, Counts())  # warms up
            _read(reader, labelled, picture, counts[reader.name])
    return counts


def _read(reader: Watchpost | Rapid, labelled: LabelledPicture, picture: Bgr, counts: Counts) -> None:
    if labelled.is_scene(picture):
        texts = _timed(counts.scene_s, lambda: reader.scene(picture))
        for label in labelled.labels:
            if label.text:
                counts.scene.count(label.text, most_alike(label.text, texts))
    for label in labelled.labels:
        if label.text and (label.place is not None or not labelled.is_scene(picture)):
            counts.crop.count(label.text, _timed(counts.crop_s, partial(reader.crop, picture, label)))


def _timed(times: list[float], work: Callable[[], T]) -> T:
    began = time.process_time()
    done = work()
    times.append(time.process_time() - began)
    return done


def _ms(times_s: list[float]) -> float | None:
    return round(1000 * median(times_s), 2) if times_s else None


@click.command()
@click.option("--data", "folders", multiple=True, required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--most", default=60, show_default=True, help="Pictures of a folder, evenly taken.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
def main(folders: tuple[Path, ...], most: int, json_file: Path | None) -> None:
    """Print a table, a row for each folder and reader."""
    cv2.setNumThreads(1)
    readers: list[Watchpost | Rapid] = [Watchpost(), Rapid()]
    told: dict[str, Any] = {}
    columns = (
        "scene_exact",
        "scene_without_province",
        "crop_exact",
        "crop_without_province",
        "ms_a_scene",
        "ms_a_plate",
    )
    click.echo(f"{'':12} {'':10} " + " ".join(f"{name:>22}" for name in columns))
    for folder in folders:
        told[folder.name] = {name: one.figures() for name, one in measure(folder, most, readers).items()}
        for name, figures in told[folder.name].items():
            cells = ["–" if figures[key] is None else f"{figures[key]}" for key in columns]
            click.echo(f"{folder.name:12} {name:10} " + " ".join(f"{cell:>22}" for cell in cells))
    sizes = {reader.name: round(reader.megabytes(), 2) for reader in readers}
    click.echo("models: " + ", ".join(f"{name} {size} MB" for name, size in sizes.items()))
    if json_file is not None:
        content = {"most": most, "mb": sizes, "folders": told}
        json_file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
