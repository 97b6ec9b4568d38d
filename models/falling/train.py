"""Trains the falling-object classifier on harvested samples.

`python -m models.falling.train SAMPLES.npz ... --out DIR` (resumes from DIR/checkpoint.pt when it is there), then
`python -m models.falling.export DIR/checkpoint.pt`. Scenes, not samples, are split: one in eight is held out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edge.falling.detector import CLASSES
from edge.falling.figures import NAMES
from models.falling.network import FallNet

_BATCH = 128


@dataclass(frozen=True)
class Split:
    """Samples as tensors: patches (n, 9, 3, 32, 32), figures (n, F), labels (n,)."""

    patches: Tensor
    figures: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


def load(paths: tuple[Path, ...]) -> tuple[Split, Split]:
    """Training and held-out samples; a scene is in one of them only.

    Unknown figures become the usual ones; a harvest from before the last figures were invented has fewer.
    """
    parts = [np.load(path) for path in paths]
    held = np.concatenate([part["scenes"] % 8 == 7 for part in parts])
    patches, labels = (np.concatenate([part[key] for part in parts]) for key in ("patches", "labels"))
    figures = np.concatenate([_widened(part["figures"]) for part in parts])
    figures = np.where(np.isnan(figures), np.nanmean(figures, axis=0), figures)
    train, test = (
        [torch.from_numpy(array[chosen]) for array in (patches, figures, labels)] for chosen in (~held, held)
    )
    return Split(*train), Split(*test)


def _widened(figures: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, F) with unknown figures at the end where there are too few."""
    return np.pad(figures, ((0, 0), (0, len(NAMES) - figures.shape[1])), constant_values=np.nan)


def augment(patches: Tensor, rng: torch.Generator) -> Tensor:
    """Mirror, turn contrast round, scale it, shift the windows, add noise."""
    n = len(patches)

    def chance(share: float) -> Tensor:
        return torch.rand(n, generator=rng) < share

    patches = torch.where(chance(0.5)[:, None, None, None, None], patches.flip(4), patches)
    sign = torch.where(chance(0.5), -1.0, 1.0)
    gain = sign * torch.exp(0.3 * torch.randn(n, generator=rng))
    patches = patches * gain[:, None, None, None, None]
    dx, dy = (int(torch.randint(-2, 3, (1,), generator=rng)) for _ in range(2))
    patches = torch.roll(patches, (dy, dx), dims=(3, 4))
    return patches + 0.03 * torch.randn(patches.shape, generator=rng)


def blur_figures(figures: Tensor, usual: Tensor, rng: torch.Generator) -> Tensor:
    """Some noise; one path in ten without its figures, and each figure missing now and then: none may decide alone.

    How often a thing was seen says how many pictures a second the stream had, and that says nothing of the thing.
    """
    missing = (torch.rand(len(figures), 1, generator=rng) < 0.1) | (torch.rand(figures.shape, generator=rng) < 0.05)
    figures = figures + 0.05 * torch.randn(figures.shape, generator=rng)
    other_pace = 1.6 * torch.rand(len(figures), generator=rng) - 0.8
    figures[:, NAMES.index("sightings")] += other_pace
    figures[:, NAMES.index("pull_certainty")] += other_pace / 2
    return torch.where(missing, usual, figures)


def evaluate(net: FallNet, split: Split) -> dict[str, float]:
    """Accuracy, and how many objects and others are called objects at 0.5."""
    net.eval()
    with torch.no_grad():
        parts = [
            net(split.patches[i : i + 512].float(), split.figures[i : i + 512]).softmax(1)
            for i in range(0, len(split), 512)
        ]
    probability = torch.cat(parts)
    is_object, said = split.labels == 0, probability[:, 0] >= 0.5
    others = probability[~is_object, 0].sort(descending=True).values
    strict = {
        f"object_recall_at_{share:g}_false": round(
            float((probability[is_object, 0] > others[int(share * len(others))]).float().mean()), 4
        )
        for share in (0.01, 0.001)
    }
    return {
        "samples": len(split),
        "objects": int(is_object.sum()),
        "accuracy": round(float((probability.argmax(1) == split.labels).float().mean()), 4),
        "object_recall": round(float(said[is_object].float().mean()), 4),
        "false_object_share": round(float(said[~is_object].float().mean()), 4),
        **strict,
    }


@click.command()
@click.argument("samples", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--epochs", default=40, show_default=True)
@click.option("--device", default="cpu", show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--seed", default=0, show_default=True, help="Of first weights and order: nets for a committee differ.")
def main(samples: tuple[Path, ...], out: Path, epochs: int, device: str, threads: int, seed: int) -> None:
    """Train, keeping a checkpoint after every epoch."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(seed)
    out.mkdir(parents=True, exist_ok=True)
    train, test = load(samples)
    net = FallNet().to(device)
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-3)
    steps = epochs * max(1, len(train) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=4e-3, total_steps=steps + 1)
    first = _resume(out / "checkpoint.pt", net, optimiser, schedule)
    balance = 1.0 / torch.bincount(train.labels, minlength=len(CLASSES)).clamp(min=1).float().sqrt()
    loss_of = nn.CrossEntropyLoss(weight=(balance / balance.mean()).to(device), label_smoothing=0.03)
    with click.progressbar(range(first, epochs), label=f"{len(train)} samples") as progress:
        for epoch in progress:
            _epoch(net, train, optimiser, schedule, loss_of, 1000 * seed + epoch)
            torch.save(
                {"net": net.state_dict(), "optimiser": optimiser.state_dict(), "schedule": schedule.state_dict(),
                 "epoch": epoch + 1},
                out / "checkpoint.pt",
            )  # fmt: skip
    metrics = {"train": evaluate(net.cpu(), train), "held_out": evaluate(net.cpu(), test), "epochs": epochs,
               "parameters": sum(p.numel() for p in net.parameters())}  # fmt: skip
    (out / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    click.echo(json.dumps(metrics, indent=2))


def _resume(
    path: Path, net: FallNet, optimiser: torch.optim.Optimizer, schedule: torch.optim.lr_scheduler.LRScheduler
) -> int:
    if not path.is_file():
        return 0
    state = torch.load(path, weights_only=True)
    net.load_state_dict(state["net"])
    optimiser.load_state_dict(state["optimiser"])
    schedule.load_state_dict(state["schedule"])
    return int(state["epoch"])


def _epoch(
    net: FallNet,
    train: Split,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    loss_of: nn.Module,
    number: int,
) -> None:
    net.train()
    rng = torch.Generator().manual_seed(number)
    device = next(net.parameters()).device
    usual = train.figures.mean(dim=0)
    order = torch.randperm(len(train), generator=rng)
    for begin in range(0, len(order) - _BATCH + 1, _BATCH):
        picked = order[begin : begin + _BATCH]
        patches = augment(train.patches[picked].float(), rng)
        figures = blur_figures(train.figures[picked], usual, rng)
        loss = loss_of(net(patches.to(device), figures.to(device)), train.labels[picked].to(device))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


if __name__ == "__main__":
    main()
