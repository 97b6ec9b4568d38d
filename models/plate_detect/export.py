"""Write plate_detect.onnx from a checkpoint; then run `python -m models.manifest`.

python -m models.plate_detect.export --checkpoint FILE [--out FILE] [--trained TEXT]
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import torch

from edge.plates.detector import MODEL
from models.plate_detect.net import DetectorNet, ExportedDetector
from models.training import Signature, export_onnx

TARGET = Path(__file__).resolve().parent / f"{MODEL}.onnx"


def export(state: dict[str, Any], target: Path, trained: str) -> None:
    """Export averaged weights; the note goes into the file and from there into the manifest."""
    net = DetectorNet()
    net.load_state_dict(state)
    wrapped = ExportedDetector(net).eval()
    example = torch.zeros((2, 192, 320, 3), dtype=torch.uint8)
    rows, columns = torch.export.Dim("rows", min=2, max=128), torch.export.Dim("columns", min=2, max=128)
    axes = {0: torch.export.Dim("batch", min=1, max=64), 1: 32 * rows, 2: 32 * columns}
    export_onnx(wrapped, example, target, Signature("pictures", ("heat", "corners"), axes), trained)


@click.command()
@click.option("--checkpoint", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--out", type=click.Path(path_type=Path), default=TARGET, show_default="beside this file")
@click.option("--trained", default="", help="What it was trained on, for the manifest.")
def main(checkpoint: Path, out: Path, trained: str) -> None:
    """Export the averaged weights of a checkpoint."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    note = f"{trained}; {state['seen']} samples in {state['seconds'] / 60:.0f} min".lstrip("; ")
    export(state["mean"], out, note)
    click.echo(f"{out}: {out.stat().st_size} bytes, trained: {note}")


if __name__ == "__main__":
    main()
