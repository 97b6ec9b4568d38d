"""The reader with 8-bit weights and activations: what it gains in time, what it loses in reading.

    python -m models.plate_read.quantise FOLDER ... --cache CACHE --source FLOAT.onnx [--out DIR]

Static quantisation of the convolutions (weights per channel), ranges found on 512 crops of the training cache. The
result goes to --out, a folder with a manifest of its own; the shipped model stays as it is. FLOAT.onnx is what
`models.plate_read.export --out` writes.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from edge.inference import ModelStore, describe
from edge.plates.decoding import Decoder
from edge.plates.grammar import CHINA
from edge.plates.reader import MODEL, PlateReader
from edge.plates.recognition import Recogniser
from models.manifest import write_manifest
from models.plate_read.evaluate import Tally, drawn_cases, measure, milliseconds, real_cases
from models.plate_read.train import Pool

_CROPS = 512
_BATCH = 32


class Batches(CalibrationDataReader):  # type: ignore[misc]  # the library has no types
    """Feeds batches of pictures (N, h, w, 3) uint8 to the input of this name."""

    def __init__(self, name: str, batches: Iterable[NDArray[np.uint8]]) -> None:
        self._name = name
        self._batches = iter(batches)

    def get_next(self) -> dict[str, Any] | None:
        """The next batch, None at the end."""
        batch = next(self._batches, None)
        return None if batch is None else {self._name: batch}


def quantise(source: Path, target: Path, batches: Batches) -> None:
    """Write the 8-bit model; the ranges of its activations are those of these pictures.

    The note of the source's training goes on with it, and says so.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        prepared = Path(folder) / source.name
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(target),
            batches,
            per_channel=True,
            reduce_range=True,  # 7 bits for weights: on x86 without VNNI pairs of products would overflow 16 bits
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=_ends(prepared),
        )
    model = onnx.load(str(target))
    onnx.helper.set_model_props(model, {"trained": f"{describe(source).trained}; 8 bits"})
    onnx.save(model, str(target))


def _ends(path: Path) -> list[str]:
    """The first and the last convolution: they cost little, and the picture and the scores keep all their steps."""
    names = [node.name for node in onnx.load(str(path)).graph.node if node.op_type == "Conv"]
    return [names[0], names[-1]]


def compare(stores: dict[str, ModelStore], folders: tuple[Path, ...], drawn: int) -> None:
    """Print time, size and exact readings of each store's reader."""
    for name, store in stores.items():
        reader = PlateReader(store)
        tallies: dict[str, Tally] = defaultdict(Tally)
        recogniser = Recogniser(reader, Decoder(CHINA))
        for folder in folders:
            measure(recogniser, real_cases(folder), tallies)
        measure(recogniser, drawn_cases(drawn), tallies)
        exact = {group: tallies[group].exact / tallies[group].plates for group in (f.name for f in folders)}
        all_drawn = [tally for group, tally in tallies.items() if group.startswith("drawn")]
        exact["drawn"] = sum(tally.exact for tally in all_drawn) / sum(tally.plates for tally in all_drawn)
        size_mb = store.path_of(MODEL).stat().st_size / 1e6
        shown = ", ".join(f"{group} {share:.3f}" for group, share in exact.items())
        click.echo(f"{name}: {milliseconds(reader):.2f} ms a crop, {size_mb:.2f} MB, exact: {shown}")


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--cache", type=click.Path(path_type=Path, exists=True), required=True, help="Folder of training shards.")
@click.option("--source", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the 8-bit model; left out: thrown away.")
@click.option("--drawn", default=20, show_default=True, help="Drawn plates of each kind.")
def main(folders: tuple[Path, ...], cache: Path, source: Path, out: Path | None, drawn: int) -> None:
    """Compare 32-bit and 8-bit readers on FOLDERS and on drawn plates."""
    cv2.setNumThreads(1)
    crops, _ = Pool.read(cache, "drawn").draw(np.random.default_rng(0), _CROPS)
    with TemporaryDirectory() as scratch:
        plain, target = Path(scratch) / "float", out or Path(scratch) / "int8"
        for folder in (plain, target):
            (folder / MODEL).mkdir(parents=True, exist_ok=True)
        shutil.copy(source, plain / MODEL / f"{MODEL}.onnx")
        batches = Batches("crops", np.split(crops, len(crops) // _BATCH))
        quantise(source, target / MODEL / f"{MODEL}.onnx", batches)
        for folder in (plain, target):
            write_manifest(folder)
        compare({"float32": ModelStore(plain), "int8": ModelStore(target)}, folders, drawn)


if __name__ == "__main__":
    main()
