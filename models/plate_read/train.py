"""Train the reader on cached shards; resumable; the shards may still be growing.

    python -m models.plate_read.train --cache DIR --checkpoint FILE --minutes 40 [--device cpu]

The learning rate follows the share of the minutes that is used up, so a run ends when it is told to, wherever it runs
(on a processor: minutes of its time).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from models.plate_read.augment import augment
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
    chances: NDArray[np.float64]
    """Of all samples, one shard after another: the chance of being drawn, summed up to 1."""

    @classmethod
    def read(cls, cache: Path, prefix: str, weigh: Weigh | None = None) -> Pool:
        """The shards of this prefix; `weigh` gives each sample a weight, from the codes of first characters."""
        files = sorted(cache.glob(f"{prefix}-*.labels.npy"))
        crops = [np.load(str(path).replace(".labels.", ".crops."), mmap_mode="r") for path in files]
        labels = [np.load(path) for path in files]
        first = np.concatenate([part[:, 0] for part in labels]) if labels else np.zeros(0, np.int16)
        weights = np.ones(len(first)) if weigh is None else weigh(first)
        return cls(crops, labels, np.cumsum(weights) / max(weights.sum(), 1e-9))

    def draw(self, rng: np.random.Generator, count: int) -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
        """Some samples, each by its chance."""
        ends = np.cumsum([len(part) for part in self.labels])
        found = np.minimum(np.searchsorted(self.chances, rng.random(count)), ends[-1] - 1)
        shards = np.searchsorted(ends, found, side="right")
        places = found - np.concatenate([[0], ends])[shards]
        crops = np.stack([self.crops[shard][place] for shard, place in zip(shards, places, strict=True)])
        return crops, np.stack([self.labels[shard][place] for shard, place in zip(shards, places, strict=True)])


Weigh = Callable[[NDArray[np.int16]], NDArray[np.float64]]


def favouring(characters: str, times: float, alphabet: str = ALPHABET) -> Weigh:
    """Samples that begin with one of these characters are drawn so many times as often."""
    codes = [alphabet.index(character) + 1 for character in characters]
    return lambda first: np.where(np.isin(first, codes), times, 1.0)


def evenly(first: NDArray[np.int16]) -> NDArray[np.float64]:
    """A first character's share grows with the root of its number: real plates are nearly all of one province."""
    _, places, counts = np.unique(first, return_inverse=True, return_counts=True)
    return np.asarray(1 / np.sqrt(counts[places]), np.float64)


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

    def __init__(
        self,
        cache: Path,
        batch: int,
        rng: np.random.Generator,
        generator: torch.Generator,
        weigh: Weigh | None = None,
    ) -> None:
        self._cache, self._batch, self._rng, self._generator = cache, batch, rng, generator
        self._weigh = weigh
        self.refresh()

    def refresh(self) -> int:
        """Look for new shards; returns how many drawn ones there are."""
        self._drawn = Pool.read(self._cache, "drawn", self._weigh)
        self._real = Pool.read(self._cache, "real", evenly)
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
@click.option("--favour", default="", help="Drawn plates that begin with one of these characters are seen more often,")
@click.option("--times", default=2.5, show_default=True, help="so many times as often.")
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
    favour: str,
    times: float,
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
    weigh = favouring(favour, times, REGIONS[region].alphabet) if favour else None
    feed = Feed(cache, batch, rng, torch.Generator().manual_seed(seed + trainer.step), weigh)
    train_until(trainer, checkpoint, minutes, lambda share: trainer.learn(*feed.next(), share), feed.refresh)


if __name__ == "__main__":
    main()
