"""What the training runs of the plate models share: a resumable state with averaged weights, the rate, the clock."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import onnx
import torch
from torch import Tensor, nn

_WARM_STEPS = 200
_SAVE_EVERY_S = 120.0
_SHOW_EVERY = 50


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How a run learns. `average` is the share of the averaged weights that stays at each step."""

    device: str
    rate: float
    precision: str = "float32"
    average: float = 0.999


class Run:
    """The state of one run: what a checkpoint holds. A subclass learns from a batch of its own kind."""

    def __init__(self, net: nn.Module, settings: RunSettings) -> None:
        self.net = net.to(settings.device, memory_format=torch.channels_last)
        self.mean = copy.deepcopy(self.net)
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=settings.rate, weight_decay=0.02)
        self.settings = settings
        self.device = settings.device
        kind = torch.device(settings.device).type
        self.autocast = torch.autocast(kind, torch.bfloat16, enabled=settings.precision == "bfloat16")
        self.seconds = 0.0
        self.step = 0
        self.seen = 0

    def state(self) -> dict[str, Any]:
        """What is saved."""
        return {
            "net": self.net.state_dict(),
            "mean": self.mean.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "seconds": self.seconds,
            "step": self.step,
            "seen": self.seen,
        }

    def save(self, path: Path) -> None:
        """Write the checkpoint beside itself, then move it there: a broken run leaves the last good one."""
        torch.save(self.state(), path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint of this run."""
        state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.mean.load_state_dict(state["mean"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.seconds, self.step, self.seen = state["seconds"], state["step"], state["seen"]

    def begin_step(self, share: float) -> None:
        """Set the rate: a short warm-up, then a cosine over the share of the run that is over."""
        warm = min(1.0, (self.step + 1) / _WARM_STEPS)
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.rate * warm * (0.02 + 0.98 * (1 + math.cos(math.pi * min(1.0, share))) / 2)
        self.net.train()
        self.optimiser.zero_grad(set_to_none=True)

    def end_step(self, seen: int) -> None:
        """Follow the gradients of `seen` samples."""
        nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        self._follow()
        self.step += 1
        self.seen += seen

    def _follow(self) -> None:
        keep = min(self.settings.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, now in zip(self.mean.state_dict().values(), self.net.state_dict().values(), strict=True):
                if mean.dtype.is_floating_point:
                    mean.lerp_(now, 1 - keep)
                else:
                    mean.copy_(now)


def prepare_torch(threads: int, seed: int) -> None:
    """Before anything is made: threads, denormals flushed, the seed."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(seed)


def train_until(
    run: Run, checkpoint: Path, minutes: float, learn: Callable[[float], dict[str, float]], refresh: Callable[[], int]
) -> None:
    """Let `learn` take steps until the minutes are used up, earlier runs included; a checkpoint each two minutes.

    On a processor they are minutes of its time: a run that has to wait for others learns as long as one that has not.
    `learn` is given the share of the run that is over and returns losses to show; `refresh` looks for new shards at
    each checkpoint and returns how many there are.
    """
    clock = time.process_time if torch.device(run.device).type == "cpu" else time.monotonic
    saved, began, base = time.monotonic(), clock(), run.seconds
    shards = refresh()
    while run.seconds < 60 * minutes:
        parts = learn(run.seconds / (60 * minutes))
        run.seconds = base + clock() - began
        if run.step % _SHOW_EVERY == 0:
            shown = " ".join(f"{name} {value:.3f}" for name, value in parts.items())
            click.echo(
                f"{run.seconds / 60:6.1f} of {minutes:.0f} min, step {run.step}, {run.seen} seen, "
                f"{shards} shards: {shown}"
            )
        if time.monotonic() - saved > _SAVE_EVERY_S:
            run.save(checkpoint)
            saved = time.monotonic()
            shards = refresh()
    run.save(checkpoint)


@dataclass(frozen=True, slots=True)
class Signature:
    """Names of an exported net's tensors, and which axes of its input may vary."""

    inputs: str
    outputs: tuple[str, ...]
    axes: dict[int, Any]


def export_onnx(net: nn.Module, example: Tensor, target: Path, signature: Signature, trained: str) -> None:
    """Write the net as ONNX with a note of its training, which goes from the file into the manifest."""
    torch.onnx.export(
        net,
        (example,),
        str(target),
        input_names=[signature.inputs],
        output_names=list(signature.outputs),
        dynamic_shapes={signature.inputs: signature.axes},
        opset_version=18,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    model = onnx.load(str(target))
    onnx.helper.set_model_props(model, {"trained": trained})
    model.ir_version = min(model.ir_version, 10)
    onnx.save(model, str(target))
