"""Write plate_read.onnx from a checkpoint; then run `python -m models.manifest`.

python -m models.plate_read.export --checkpoint FILE [--region NAME] [--out FILE] [--trained TEXT]
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import torch

from edge.plates.alphabet import ALPHABET
from edge.plates.grammar import REGIONS
from edge.plates.rectify import READER_HEIGHT, READER_WIDTH
from models.plate_read.net import ExportedReader, ReaderNet, mean_of
from models.training import Signature, export_onnx

MODELS = Path(__file__).resolve().parents[1]


def export(
    state: dict[str, Any], target: Path, trained: str, temperature: float = 1.0, alphabet: str = ALPHABET
) -> None:
    """Export averaged weights; the note goes into the file and from there into the manifest."""
    net = ReaderNet(alphabet)
    net.load_state_dict(state)
    wrapped = ExportedReader(net, temperature).eval()
    example = torch.zeros((2, READER_HEIGHT, READER_WIDTH, 3), dtype=torch.uint8)
    axes = {0: torch.export.Dim("batch", min=1, max=256)}
    export_onnx(wrapped, example, target, Signature("crops", ("log_probs", "colours", "layouts"), axes), trained)


@click.command()
@click.option(
    "--checkpoint",
    "checkpoints",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    required=True,
    help="Given more than once (a run and its fine-tuning), their weights are averaged.",
)
@click.option("--region", type=click.Choice(sorted(REGIONS)), default="CN", show_default=True, help="Whose plates.")
@click.option("--out", type=click.Path(path_type=Path), help="Left out, the region's folder under models/.")
@click.option(
    "--temperature",
    default=1.0,
    show_default=True,
    help="Divides the logits; see `python -m models.plate_read.calibrate`.",
)
@click.option("--trained", default="", help="What it was trained on, for the manifest.")
def main(checkpoints: tuple[Path, ...], region: str, out: Path | None, temperature: float, trained: str) -> None:
    """Export the averaged weights of one checkpoint, or the mean of several."""
    reader, alphabet = REGIONS[region].reader, REGIONS[region].alphabet
    target = out or MODELS / reader / f"{reader}.onnx"
    states = [torch.load(path, map_location="cpu", weights_only=True) for path in checkpoints]
    runs = " + ".join(f"{state['seen']} samples in {state['seconds'] / 60:.0f} min" for state in states)
    note = f"{trained}; {runs}".lstrip("; ")
    note += f", temperature {temperature}"
    export(mean_of([state["mean"] for state in states]), target, note, temperature, alphabet)
    click.echo(f"{target}: {target.stat().st_size} bytes, trained: {note}")


if __name__ == "__main__":
    main()
