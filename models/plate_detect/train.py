"""Train the detector on cached scenes; resumable; the shards may still be growing.

python -m models.plate_detect.train --cache DIR --checkpoint FILE --minutes 30 [--device cpu]
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edge.plates.detector import CLOSE_UP, CORNER_SCALE, STRIDE, CloseUp, close_up, on_larger_ground
from models.plate_detect.net import DetectorNet, normalise
from models.training import Run, RunSettings, prepare_torch, train_until
from simulator.plates import degrade

EMA = 0.998
SEED = 7
"""Of the run; the cache has its own."""


@dataclass(frozen=True)
class Pool:
    """Pictures (N, 320, 320, 3) uint8 and corners (N, 4, 4, 2) float32 of many shards, memory mapped."""

    pictures: list[NDArray[np.uint8]]
    corners: list[NDArray[np.float32]]

    @classmethod
    def read(cls, cache: Path) -> Pool:
        files = sorted(cache.glob("scenes-*.corners.npy"))
        pictures = [np.load(str(path).replace(".corners.", ".pictures."), mmap_mode="r") for path in files]
        return cls(pictures, [np.load(path) for path in files])

    def draw(self, rng: np.random.Generator, count: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Random pictures, half of them mirrored (the corners keep their order clockwise from top left)."""
        pictures, corners = [], []
        for shard in rng.integers(len(self.pictures), size=count):
            place = int(rng.integers(len(self.corners[shard])))
            picture, quads = self.pictures[shard][place], self.corners[shard][place]
            if rng.random() < 0.5:
                picture, quads = mirror(picture, quads)
            pictures.append(picture)
            corners.append(quads)
        return np.stack(pictures), np.stack(corners)


def mirror(picture: NDArray[np.uint8], quads: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Left and right exchanged: the top right corner becomes the top left one."""
    turned = quads.copy()
    turned[..., 0] = picture.shape[1] - turned[..., 0]
    return picture[:, ::-1], turned[:, [1, 0, 3, 2]]


def close_ups(
    rng: np.random.Generator, pictures: NDArray[np.uint8], corners: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The device's second look (128 x 192) at a plate, or at what is none, around corners as inexact as the first's.

    Of the larger plates a third is seen as a cut at its box, kept small, on a ground of its repeated edge.
    """
    views, quads = [], []
    for picture, plates in zip(pictures, corners, strict=True):
        known = plates[~np.isnan(plates[:, 0, 0])]
        inside = np.full_like(plates, np.nan)
        if len(known) == 0 or rng.random() < 0.3:
            view = close_up(picture, _something(rng, picture))
        else:
            quad = known[int(rng.integers(len(known)))]
            boxed = np.ptp(quad[:, 0]) > 48 and rng.random() < 0.33
            view = _boxed(rng, picture, quad) if boxed else _guessed(rng, picture, quad)
        views.append(view.pixels)
        inside[: len(known)] = (known - np.array(view.origin)) * np.array(view.scale)
        middles = inside.mean(1)
        inside[((middles < 0) | (middles > np.array(CLOSE_UP))).any(1)] = np.nan
        quads.append(inside)
    return np.stack(views), np.stack(quads)


def _guessed(rng: np.random.Generator, picture: NDArray[np.uint8], quad: NDArray[np.float32]) -> CloseUp:
    guess = (quad - quad.mean(0)) * np.exp(rng.normal(0, 0.1, 2)) + quad.mean(0)
    return close_up(picture, (guess + rng.normal(0, 0.05, (1, 2)) * np.ptp(quad, 0)).astype(np.float32))


def _boxed(rng: np.random.Generator, picture: NDArray[np.uint8], quad: NDArray[np.float32]) -> CloseUp:
    """The plate's box cut out, made 60 to 130 px wide and then as the device looks at such a cut."""
    margin = np.ptp(quad, 0) * rng.uniform(-0.02, 0.1, (2, 2))
    low = np.clip(quad.min(0) - margin[0], 0, np.array(picture.shape[1::-1]) - 8).astype(int)
    high = np.maximum(np.ceil(quad.max(0) + margin[1]).astype(int), low + 6)
    crop = picture[low[1] : high[1], low[0] : high[0]]
    width = int(rng.uniform(60, 130))
    height = max(6, round(width * rng.choice([24 / 94, crop.shape[0] / crop.shape[1]])))
    small = np.asarray(cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    if rng.random() < 0.5:
        small = degrade.jpeg(small, int(rng.uniform(40, 95)))
    view = on_larger_ground(small, int(rng.uniform(70, 120)))
    resized = np.array([width / crop.shape[1], height / crop.shape[0]])
    origin = low + np.array(view.origin) / resized
    scale = np.array(view.scale) * resized
    return CloseUp(view.pixels, (float(origin[0]), float(origin[1])), (float(scale[0]), float(scale[1])))


def _something(rng: np.random.Generator, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Corners of the box with the most upright edges among some anywhere: lettering, lamps, grilles, leaves."""
    edges = np.abs(np.diff(picture[:, :, 1].astype(np.int16), axis=1))
    best, most = np.zeros((4, 2), np.float32), -1.0
    for _ in range(int(rng.integers(1, 16))):
        half = math.exp(rng.uniform(math.log(10), math.log(60))) * np.array([1, rng.uniform(0.2, 0.6)])
        middle = rng.uniform(half, np.maximum(half + 1, np.array(picture.shape[1::-1]) - half))
        (left, top), (right, bottom) = (middle - half).astype(int), (middle + half).astype(int)
        found = float(edges[max(0, top) : bottom, max(0, left) : right].mean())
        if found > most:
            best, most = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32), found
    return best


def augment(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Brightness, contrast and colour of the whole picture."""
    count = len(pictures)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator) * (high - low) + low

    values = (pictures.float() - 114) * uniform(0.7, 1.3, 1, 1, 1) + 114 + uniform(-30, 30, 1, 1, 1)
    return (values * uniform(0.88, 1.12, 1, 1, 3)).clamp(0, 255)


@dataclass(frozen=True)
class Targets:
    """Heat (N, 1, h, w); offsets (N, 8, h, w) and their weights (N, 1, h, w), 0 away from plates' centres."""

    heat: Tensor
    offsets: Tensor
    weights: Tensor


def targets(corners: NDArray[np.float32], rows: int, columns: int) -> Targets:
    """What the net should say for these plates. Heat falls off with the plate's own size."""
    count = len(corners)
    heat = np.zeros((count, 1, rows, columns), np.float32)
    offsets = np.zeros((count, 8, rows, columns), np.float32)
    weights = np.zeros((count, 1, rows, columns), np.float32)
    ys, xs = np.mgrid[:rows, :columns]
    centres = (np.stack([xs, ys], -1) + 0.5) * STRIDE
    for index in range(count):
        for quad in corners[index]:
            if np.isnan(quad[0, 0]):
                continue
            size = np.maximum(np.ptp(quad, 0), 6)
            away = (centres - quad.mean(0)) / np.maximum(size * (0.13, 0.2), 0.55 * STRIDE)
            spread = np.exp(-0.5 * (away**2).sum(-1))
            spread[np.unravel_index(spread.argmax(), spread.shape)] = 1.0
            near = (spread > 0.35) & (spread > heat[index, 0])
            heat[index, 0] = np.maximum(heat[index, 0], spread)
            relative = ((quad[:, None, None] - centres) / CORNER_SCALE).transpose(0, 3, 1, 2).reshape(8, rows, columns)
            offsets[index][:, near] = relative[:, near]
            weights[index, 0][near] = (spread * CORNER_SCALE / (0.5 * size[0] + 12))[near]
    return Targets(torch.from_numpy(heat), torch.from_numpy(offsets), torch.from_numpy(weights))


def losses(outputs: tuple[Tensor, Tensor], target: Targets) -> dict[str, Tensor]:
    """Focal loss of the heat (as CenterNet), weighted absolute error of the corners in shares of the plate's width."""
    logits, offsets = outputs[0].float(), outputs[1].float()
    probability = torch.sigmoid(logits)
    found = target.heat >= 0.999
    plates = found.sum().clamp(min=1)
    hit = nn.functional.logsigmoid(logits) * (1 - probability) ** 2
    miss = nn.functional.logsigmoid(-logits) * probability**2 * (1 - target.heat) ** 4
    heat = -(torch.where(found, hit, miss)).sum() / plates
    error = (offsets - target.offsets).abs().mean(1, keepdim=True) * target.weights
    return {"heat": heat, "corners": error.sum() / target.weights.sum().clamp(min=1e-3)}


class Trainer(Run):
    """A run of the detector."""

    def __init__(self, settings: RunSettings) -> None:
        super().__init__(DetectorNet(), settings)

    def start_from(self, path: Path) -> None:
        """The averaged weights of another run's checkpoint; what this net has besides stays as it is."""
        weights = torch.load(path, map_location=self.device, weights_only=True)["mean"]
        self.net.load_state_dict(weights, strict=False)
        self.mean.load_state_dict(self.net.state_dict())

    def learn(self, batches: list[tuple[Tensor, Targets]], share: float) -> dict[str, float]:
        """One step on batches of different sizes; `share` of the run that is over decides the rate."""
        self.begin_step(share)
        shown: dict[str, float] = {}
        for name, (pictures, target) in zip(("", "close "), batches, strict=True):
            with self.autocast:
                outputs = self.net(normalise(pictures).to(self.device, memory_format=torch.channels_last))
            moved = Targets(*(tensor.to(self.device) for tensor in (target.heat, target.offsets, target.weights)))
            parts = losses(outputs, moved)
            (parts["heat"] + 4 * parts["corners"]).backward()
            shown |= {name + part: float(value.detach()) for part, value in parts.items()}
        self.end_step(sum(len(pictures) for pictures, _ in batches))
        return shown


class Feed:
    """Batches of a cache that may still be growing."""

    def __init__(self, cache: Path, batch: int, rng: np.random.Generator, generator: torch.Generator) -> None:
        self._cache, self._batch, self._rng, self._generator = cache, batch, rng, generator
        self.refresh()

    def refresh(self) -> int:
        """Look for new shards; returns how many there are."""
        self._pool = Pool.read(self._cache)
        return len(self._pool.pictures)

    def next(self) -> list[tuple[Tensor, Targets]]:
        """Whole scenes and close-ups, changed anew, with what the net should say."""
        scenes = self._pool.draw(self._rng, self._batch)
        return [
            (
                augment(torch.from_numpy(pictures), self._generator),
                targets(corners, *np.array(pictures.shape[1:3]) // STRIDE),
            )
            for pictures, corners in (scenes, close_ups(self._rng, *scenes))
        ]


@click.command()
@click.option("--cache", type=click.Path(path_type=Path, exists=True), required=True, help="Folder of the shards.")
@click.option("--checkpoint", type=click.Path(path_type=Path), required=True, help="Resumed from when it is there.")
@click.option("--start", type=click.Path(path_type=Path, exists=True), help="Begin with this checkpoint's weights.")
@click.option("--minutes", default=30.0, show_default=True, help="Training time in all, earlier runs included.")
@click.option("--batch", default=24, show_default=True)
@click.option("--rate", default=2e-3, show_default=True)
@click.option("--device", default="cpu", show_default=True)
@click.option("--precision", type=click.Choice(["float32", "bfloat16"]), default="float32", show_default=True)
@click.option("--threads", default=1, show_default=True)
def main(
    cache: Path,
    checkpoint: Path,
    start: Path | None,
    minutes: float,
    batch: int,
    rate: float,
    device: str,
    precision: str,
    threads: int,
) -> None:
    """Train until MINUTES are used up; a checkpoint each two minutes."""
    prepare_torch(threads, SEED)
    trainer = Trainer(RunSettings(device, rate, precision, EMA))
    if checkpoint.exists():
        trainer.load(checkpoint)
    elif start is not None:
        trainer.start_from(start)
    rng = np.random.default_rng((SEED, trainer.step))
    feed = Feed(cache, batch, rng, torch.Generator().manual_seed(SEED + trainer.step))
    train_until(trainer, checkpoint, minutes, lambda share: trainer.learn(feed.next(), share), feed.refresh)


if __name__ == "__main__":
    main()
