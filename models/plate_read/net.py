"""The reader's net: dense convolutions, CTC over 32 steps, 3 x 32 x 128 in. Depthwise ones save nothing on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from edge.plates.alphabet import ALPHABET
from edge.plates.reader import COLOURS, LAYOUTS


def block(inputs: int, outputs: int, stride: int | tuple[int, int] = 1) -> nn.Sequential:
    """3 x 3 convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class ReaderNet(nn.Module):
    """(N, 3, 32, 128) normalised -> character logits (N, 32, C), colour logits (N, 6), layout logits (N, 3)."""

    def __init__(self, alphabet: str = ALPHABET) -> None:
        super().__init__()
        self.features = nn.Sequential(
            block(3, 24, 2),
            block(24, 48, 2),
            block(48, 56),
            block(56, 80, (2, 1)),
            block(80, 96),
        )
        self.columns = nn.Sequential(
            nn.Conv2d(96, 112, (4, 3), padding=(0, 1), bias=False), nn.BatchNorm2d(112), nn.ReLU(inplace=True)
        )
        self.context = nn.Sequential(
            nn.Conv2d(112, 112, (1, 5), padding=(0, 2), bias=False), nn.BatchNorm2d(112), nn.ReLU(inplace=True)
        )
        self.dropout = nn.Dropout(0.1)
        self.characters = nn.Conv2d(112, len(alphabet) + 1, 1)
        self.whole = nn.Linear(96 + 112, 48)
        self.colour = nn.Linear(48, len(COLOURS))
        self.layout = nn.Linear(48, len(LAYOUTS))

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        maps = self.features(crops)
        columns = self.columns(maps)
        steps = self.characters(self.dropout(columns + self.context(columns)))
        pooled = torch.cat([maps.mean((2, 3)), columns.mean((2, 3))], 1)
        whole = torch.relu(self.whole(pooled))
        return steps.squeeze(2).transpose(1, 2), self.colour(whole), self.layout(whole)


def normalise(crops: Tensor) -> Tensor:
    """(N, 32, 128, 3) 0..255 -> (N, 3, 32, 128): each crop to mean 0 and deviation 1, its colours kept relative."""
    values = crops.float() / 255.0
    mean = values.mean((1, 2, 3), keepdim=True)
    deviation = ((values - mean) ** 2).mean((1, 2, 3), keepdim=True).sqrt()
    return ((values - mean) / (deviation + 0.02)).permute(0, 3, 1, 2)


class ExportedReader(nn.Module):
    """What the device runs: uint8 crops (N, 32, 128, 3) -> log probabilities of characters, and the rest."""

    def __init__(self, net: ReaderNet, temperature: float = 1.0) -> None:
        super().__init__()
        self.net = net
        self.temperature = temperature

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        steps, colours, layouts = self.net(normalise(crops))
        return (steps / self.temperature).log_softmax(2), colours.softmax(1), layouts.softmax(1)


def mean_of(weights: list[dict[str, Any]]) -> dict[str, Any]:
    """Weights of the same net averaged one by one (Wortsman et al., "Model soups", 2022); counters from the last."""
    mean = dict(weights[-1])
    for name, value in mean.items():
        if value.dtype.is_floating_point:
            mean[name] = torch.stack([one[name] for one in weights]).mean(0)
    return mean
