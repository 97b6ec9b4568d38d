"""Train the reader on cached shards; resumable; the shards may still be growing.

    python -m models.plate_read.train --cache DIR --checkpoint FILE --minutes 40 [--device cpu]

The learning rate follows the share of the minutes that is used up, so a run ends when it is told to, wherever it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edge.plates.alphabet import ALPHABET, BLANK
from edge.plates.grammar import REGIONS
from models.plate_read.net import ReaderNet, mean_of, normalise
from models.plate_read.samples import LONGEST
from models.training import Run, RunSettings, prepare_torch, train_until

EMA = 0.999
REAL_SHARE = 0.14
"""Share of real samples (plates, hard negatives) in a batch: most plates are of one province; more would teach that."""


@dataclass(frozen=True)
class Pool:
    """Crops (N, 32, 128, 3) uint8 and labels (N, 11) int16 of many shards, memory mapped."""

    crops: list[NDArray[np.uint8]]
    labels: list[NDArray[np.int16]]

    @classmethod
    def read(cls, cache: Path, prefix: str) -> Pool:
        files = sorted(cache.glob(f"{prefix}-*.labels.npy"))
        crops = [np.load(str(path).replace(".labels.", ".crops."), mmap_mode="r") for path in files]
        return cls(crops, [np.load(path) for path in files])

    def draw(self, rng: np.random.Generator, count: int) -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
        """Some samples of a few shards (reading whole pages is quicker than single ones)."""
        shards = rng.integers(len(self.crops), size=count)
        places = [int(rng.integers(len(self.labels[shard]))) for shard in shards]
        crops = np.stack([self.crops[shard][place] for shard, place in zip(shards, places, strict=True)])
        return crops, np.stack([self.labels[shard][place] for shard, place in zip(shards, places, strict=True)])


def augment(crops: Tensor, generator: torch.Generator) -> Tensor:
    """Changes that make a cached crop new at each use: place, sharpness, light, noise, a covered patch."""
    values = _sharpen(_blur(_bleed(_move(crops.float(), generator), generator), generator), generator)
    count = len(values)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator) * (high - low) + low

    values = (values - 127) * uniform(0.7, 1.25, 1, 1, 1) + 127 + uniform(-25, 25, 1, 1, 1)
    values = values * uniform(0.9, 1.1, 1, 1, 3)
    values = values + torch.randn(values.shape, generator=generator) * uniform(0, 7, 1, 1, 1)
    for index in range(count // 16):
        x = int(torch.randint(0, 120, (1,), generator=generator))
        y = int(torch.randint(0, 28, (1,), generator=generator))
        values[index, y : y + 6, x : x + 6] = float(torch.rand(1, generator=generator)) * 255
    return values.clamp(0, 255)


def _move(values: Tensor, generator: torch.Generator) -> Tensor:
    """Scale, shift, shear and turn (N, H, W, 3) a little, about as far as a detector's corners are off."""
    count = len(values)
    spread = torch.tensor([[0.025, 0.02, 0.025], [0.015, 0.05, 0.06]])
    far = 1 + (torch.rand(count, 1, 1, generator=generator) < 0.25).float()  # a detector is sometimes quite wrong
    matrix = torch.eye(2, 3) + torch.randn(count, 2, 3, generator=generator) * spread * far
    grid = nn.functional.affine_grid(matrix, [count, 3, *values.shape[1:3]], align_corners=False)
    moved = nn.functional.grid_sample(
        values.permute(0, 3, 1, 2), grid, padding_mode="border", align_corners=False
    ).permute(0, 2, 3, 1)
    return torch.where(torch.rand(count, 1, 1, 1, generator=generator) < 0.6, moved, values)


def _blur(values: Tensor, generator: torch.Generator) -> Tensor:
    """In each quarter of (N, H, W, 3), two times in five, lose detail by seeing it smaller."""

    def seen_smaller(part: Tensor) -> Tensor:
        if float(torch.rand(1, generator=generator)) > 0.4:
            return part
        share = float(torch.rand(1, generator=generator)) * 0.5 + 0.4
        small = nn.functional.interpolate(part.permute(0, 3, 1, 2), scale_factor=share, mode="area")
        return nn.functional.interpolate(small, size=list(part.shape[1:3]), mode="bilinear").permute(0, 2, 3, 1)

    return torch.cat([seen_smaller(part) for part in values.chunk(4)])


def _bleed(values: Tensor, generator: torch.Generator) -> Tensor:
    """In each quarter, one time in four, bright strokes bleed over dark ones (headlights), or the other way round."""

    def bled(part: Tensor) -> Tensor:
        chance, amount, bright = torch.rand(3, generator=generator).tolist()
        if chance > 0.25:
            return part
        sign = 1.0 if bright < 0.6 else -1.0
        wide = nn.functional.max_pool2d(sign * part.permute(0, 3, 1, 2), 3, 1, 1).permute(0, 2, 3, 1) * sign
        return part.lerp(wide, 0.9 * amount)

    return torch.cat([bled(part) for part in values.chunk(4)])


def _sharpen(values: Tensor, generator: torch.Generator) -> Tensor:
    """In each quarter, one time in four, the camera's own over-sharpening, clipped as its pictures are."""

    def sharpened(part: Tensor) -> Tensor:
        chance, amount = torch.rand(2, generator=generator).tolist()
        if chance > 0.25:
            return part
        soft = nn.functional.avg_pool2d(part.permute(0, 3, 1, 2), 3, 1, 1, count_include_pad=False)
        return (part + 2 * amount * (part - soft.permute(0, 2, 3, 1))).clamp(0, 255)

    return torch.cat([sharpened(part) for part in values.chunk(4)])


def losses(outputs: tuple[Tensor, Tensor, Tensor], labels: Tensor) -> dict[str, Tensor]:
    """CTC over the samples with a text to learn, cross entropy of colour (where known) and of layout."""
    steps, colours, layouts = outputs
    lengths = labels[:, LONGEST]
    taught = lengths >= 0
    log_probs = steps[taught].float().log_softmax(2).transpose(0, 1)
    read = torch.full((log_probs.shape[1],), log_probs.shape[0], dtype=torch.long)
    text = nn.functional.ctc_loss(
        log_probs, labels[taught, :LONGEST], read, lengths[taught], BLANK, reduction="none", zero_infinity=True
    )
    return {
        "text": text.mean() / LONGEST,
        "colour": nn.functional.cross_entropy(colours.float(), labels[:, LONGEST + 1], ignore_index=-1),
        "layout": nn.functional.cross_entropy(layouts.float(), labels[:, LONGEST + 2]),
    }


class Trainer(Run):
    """A run of the reader."""

    net: ReaderNet
    mean: ReaderNet

    def __init__(self, settings: RunSettings, alphabet: str = ALPHABET) -> None:
        super().__init__(ReaderNet(alphabet), settings)
        self.alphabet = alphabet

    def state(self) -> dict[str, Any]:
        return super().state() | {"alphabet": self.alphabet}

    def begin_from(self, paths: Sequence[Path]) -> None:
        """The averaged weights of earlier runs, as the start of this one, also when they knew other characters."""
        states: list[dict[str, Any]] = [torch.load(path, map_location=self.device, weights_only=True) for path in paths]
        mean = mean_of([state["mean"] for state in states])
        weights = mean | self._known_characters(mean, states[-1].get("alphabet", ALPHABET))
        self.net.load_state_dict(weights)
        self.mean.load_state_dict(weights)

    def _known_characters(self, weights: dict[str, Tensor], alphabet: str) -> dict[str, Tensor]:
        """The last layer with the rows of this run's characters; those that `alphabet` lacks begin at random."""
        wanted = {place + 1: alphabet.index(c) + 1 for place, c in enumerate(self.alphabet) if c in alphabet}
        rows, sources = [BLANK, *wanted], [BLANK, *wanted.values()]
        found = {}
        for name in ("characters.weight", "characters.bias"):
            found[name] = self.net.state_dict()[name].clone()
            found[name][rows] = weights[name][sources]
        return found

    def learn(self, crops: Tensor, labels: Tensor, share: float) -> dict[str, float]:
        """One step; `share` of the run that is over decides the rate."""
        self.begin_step(share)
        with self.autocast:
            outputs = self.net(normalise(crops).to(self.device, memory_format=torch.channels_last))
        parts = losses(outputs, labels.to(self.device))
        total = parts["text"] + 0.1 * parts["colour"] + 0.1 * parts["layout"]
        total.backward()
        self.end_step(len(crops))
        return {name: float(value.detach()) for name, value in parts.items()}


class Feed:
    """Batches of a cache that may still be growing."""

    def __init__(self, cache: Path, batch: int, rng: np.random.Generator, generator: torch.Generator) -> None:
        self._cache, self._batch, self._rng, self._generator = cache, batch, rng, generator
        self.refresh()

    def refresh(self) -> int:
        """Look for new shards; returns how many drawn ones there are."""
        self._drawn, self._real = Pool.read(self._cache, "drawn"), Pool.read(self._cache, "real")
        return len(self._drawn.crops)

    def next(self) -> tuple[Tensor, Tensor]:
        """Crops, changed anew, and their labels."""
        crops, labels = self._drawn.draw(self._rng, self._batch)
        if self._real.crops:
            part = self._real.draw(self._rng, round(self._batch * REAL_SHARE))
            crops, labels = np.concatenate([crops, part[0]]), np.concatenate([labels, part[1]])
        fresh = augment(torch.from_numpy(crops), self._generator)
        return fresh, torch.from_numpy(labels.astype(np.int64))


@click.command()
@click.option("--cache", type=click.Path(path_type=Path, exists=True), required=True, help="Folder of the shards.")
@click.option("--checkpoint", type=click.Path(path_type=Path), required=True, help="Resumed from when it is there.")
@click.option(
    "--begin-from",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="Checkpoint whose weights a new run begins with; of several, their average.",
)
@click.option("--minutes", default=40.0, show_default=True, help="Training time in all, earlier runs included.")
@click.option("--batch", default=128, show_default=True)
@click.option("--rate", default=2e-3, show_default=True)
@click.option("--device", default="cpu", show_default=True)
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16"]),
    default="float32",
    show_default=True,
    help="bfloat16 pays on CPUs with AMX and on GPUs; without it, it is three times slower.",
)
@click.option("--threads", default=1, show_default=True)
@click.option("--seed", default=7, show_default=True)
@click.option("--region", type=click.Choice(sorted(REGIONS)), default="CN", show_default=True, help="Whose plates.")
def main(
    cache: Path,
    checkpoint: Path,
    begin_from: tuple[Path, ...],
    minutes: float,
    batch: int,
    rate: float,
    device: str,
    precision: str,
    threads: int,
    seed: int,
    region: str,
) -> None:
    """Train until MINUTES are used up; a checkpoint each two minutes."""
    prepare_torch(threads, seed)
    trainer = Trainer(RunSettings(device, rate, precision, EMA), REGIONS[region].alphabet)
    if checkpoint.exists():
        trainer.load(checkpoint)
    elif begin_from:
        trainer.begin_from(begin_from)
    rng = np.random.default_rng((seed, trainer.step))
    feed = Feed(cache, batch, rng, torch.Generator().manual_seed(seed + trainer.step))
    train_until(trainer, checkpoint, minutes, lambda share: trainer.learn(*feed.next(), share), feed.refresh)


if __name__ == "__main__":
    main()
