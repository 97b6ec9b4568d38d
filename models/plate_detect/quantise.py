"""Try the detector with 8-bit weights and activations: what it gains in time, what it loses in finding.

    python -m models.plate_detect.quantise FOLDER ... --real CCPD [--out DIR]

Static quantisation as of the reader (`models.plate_read.quantise`); ranges found on whole pictures and close-ups of the
training half of CCPD. The shipped model stays as it is.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from edge.inference import ModelStore
from edge.plates.bench.labels import read_labels
from edge.plates.bench.measure import as_video_frame, video_side
from edge.plates.bench.scoring import Detections
from edge.plates.detector import MODEL, PlateDetector, close_up, letterbox
from edge.plates.stills import StillReader
from models.manifest import MODELS, write_manifest
from models.plate_read.quantise import Batches, quantise
from models.plate_read.samples import in_training_split

_PICTURES = 60
_SIDES = (640, 320)


def pictures(folder: Path) -> Iterator[NDArray[np.uint8]]:
    """What the net is shown of the training half: whole pictures at two sizes, and close-ups; (1, h, w, 3) each."""
    training = [one for one in read_labels(folder) if in_training_split(int(Path(one.file).stem), folder.name)]
    for labelled in training[:_PICTURES]:
        picture = labelled.read()
        for side in _SIDES:
            yield letterbox(picture, side).pixels[None]
        for place in (label.place for label in labelled.labels):
            if place is not None:
                yield close_up(picture, place).pixels[None]


def compare(stores: dict[str, ModelStore], folders: tuple[Path, ...]) -> None:
    """Print time of a video frame, size, and boxes found by detector and reader together, of each store's detector."""
    for name, store in stores.items():
        still, video = StillReader(store), PlateDetector(store, long_side=video_side())
        times: list[float] = []
        shown = []
        for folder in folders:
            found = Detections(0.5)
            for labelled in read_labels(folder):
                picture = labelled.read()
                places = [label.place for label in labelled.labels if label.place is not None]
                found.count(places, [plate.corners for plate in still.read_picture(picture)])
                frame = as_video_frame(picture)
                began = time.thread_time()
                video.glance(frame, 4, large=False)
                times.append(time.thread_time() - began)
            shown.append(f"{folder.name} recall {found.recall:.3f} precision {found.precision:.3f}")
        size_mb = store.path_of(MODEL).stat().st_size / 1e6
        click.echo(f"{name}: {1000 * np.median(times):.2f} ms a 1080p frame, {size_mb:.2f} MB, {', '.join(shown)}")


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--real", type=click.Path(path_type=Path, exists=True), required=True, help="Folder of CCPD.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the 8-bit model; left out: thrown away.")
@click.option("--models", type=click.Path(path_type=Path, exists=True), default=MODELS, help="Folder to start from.")
def main(folders: tuple[Path, ...], real: Path, out: Path | None, models: Path) -> None:
    """Compare 32-bit and 8-bit detectors on FOLDERS of labelled scenes."""
    cv2.setNumThreads(1)
    with TemporaryDirectory() as scratch:
        target = out or Path(scratch)
        quantise(
            models / MODEL / f"{MODEL}.onnx", target / MODEL / f"{MODEL}.onnx", Batches("pictures", pictures(real))
        )
        shutil.copytree(models / "plate_read", target / "plate_read", dirs_exist_ok=True)
        write_manifest(target)
        compare({"float32": ModelStore(models), "int8": ModelStore(target)}, folders)


if __name__ == "__main__":
    main()
