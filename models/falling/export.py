"""Exports checkpoints to models/falling/falling.onnx: `python -m models.falling.export CHECKPOINT ...`.

Then `python -m models.manifest` writes its hash and shapes into the manifest.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import onnx
import torch
from torch import nn

from edge.falling.detector import STACK
from edge.falling.figures import NAMES
from edge.inference import describe
from models.falling.network import Committee, FallNet

_TARGET = Path(__file__).resolve().parent / "falling.onnx"


@click.command()
@click.argument("checkpoints", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", default=_TARGET, type=click.Path(dir_okay=False, path_type=Path), help="Instead of here.")
@click.option("--trained", default="", help="Note on the training that the manifest will show.")
def main(checkpoints: tuple[Path, ...], out: Path, trained: str) -> None:
    """Write the ONNX file, and check that it says what the nets say; of several trainings the mean is taken."""
    members = [_member(checkpoint) for checkpoint in checkpoints]
    net = members[0] if len(members) == 1 else Committee(members)
    net.eval()
    patches, figures = torch.randn(2, STACK, 3, 32, 32), torch.randn(2, len(NAMES))
    torch.onnx.export(
        net, (patches, figures), str(out), dynamo=False, opset_version=17,
        input_names=["patches", "figures"], output_names=["logits"],
        dynamic_axes={"patches": {0: "n"}, "figures": {0: "n"}, "logits": {0: "n"}},
    )  # fmt: skip
    model = onnx.load(str(out))
    onnx.helper.set_model_props(model, {"trained": trained})
    onnx.save(model, str(out))
    _check(net, (patches, figures), out)
    click.echo(f"{out}: {out.stat().st_size} bytes, {describe(out).inputs}")


def _member(checkpoint: Path) -> FallNet:
    net = FallNet()
    net.load_state_dict(torch.load(checkpoint, weights_only=True)["net"])
    return net


def _check(net: nn.Module, inputs: tuple[torch.Tensor, torch.Tensor], path: Path) -> None:
    import onnxruntime as ort  # noqa: PLC0415 (only this check runs the exported file directly)

    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    ours = net(*inputs).detach().numpy()
    theirs = session.run(None, {"patches": inputs[0].numpy(), "figures": inputs[1].numpy()})[0]
    if not np.allclose(ours, theirs, atol=1e-4):
        raise click.ClickException(f"the exported net differs by {np.abs(ours - theirs).max():.2e}")


if __name__ == "__main__":
    main()
