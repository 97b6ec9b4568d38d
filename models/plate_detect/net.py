"""The detector's net: a small dense pyramid; for each cell of 8 px, is a plate's centre here, where are its corners."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def block(inputs: int, outputs: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """Two convolutions beside an identity; at the start they add nothing, so that weights of a net without it serve."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = block(channels, channels)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.norm.weight)

    def forward(self, features: Tensor) -> Tensor:
        added: Tensor = features + self.norm(self.second(self.first(features)))
        return torch.relu(added)


class DetectorNet(nn.Module):
    """(N, 3, H, W), H and W multiples of 32 -> logits (N, 1, H/8, W/8), corner offsets (N, 8, H/8, W/8)."""

    def __init__(self) -> None:
        super().__init__()
        self.eighth = nn.Sequential(block(3, 20, 4, 5), block(20, 32, 2), block(32, 32))
        self.sixteenth = nn.Sequential(block(32, 48, 2), block(48, 48))
        self.more_sixteenth = Residual(48)
        self.thirty_second = nn.Sequential(block(48, 64, 2), block(64, 64), block(64, 48))
        self.more_thirty_second = nn.Sequential(Residual(48), Residual(48), Residual(48))
        self.join_sixteenth = block(48, 48)
        self.narrow = nn.Conv2d(48, 32, 1)
        self.join_eighth = block(32, 48)
        self.heat = nn.Conv2d(48, 1, 1)
        self.corners = nn.Conv2d(48, 8, 1)
        nn.init.constant_(self.heat.bias, -4.0)  # plates are rare: start there

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        eighth = self.eighth(pictures)
        sixteenth = self.more_sixteenth(self.sixteenth(eighth))
        coarse = self.more_thirty_second(self.thirty_second(sixteenth))
        middle = self.join_sixteenth(sixteenth + nn.functional.interpolate(coarse, scale_factor=2.0))
        fine = self.join_eighth(eighth + nn.functional.interpolate(self.narrow(middle), scale_factor=2.0))
        return self.heat(fine), self.corners(fine)


def normalise(pictures: Tensor) -> Tensor:
    """(N, H, W, 3) 0..255 -> (N, 3, H, W) about -1..1."""
    return ((pictures.float() - 114.0) / 70.0).permute(0, 3, 1, 2)


class ExportedDetector(nn.Module):
    """What the device runs: uint8 pictures (N, H, W, 3) -> heat 0..1 (N, 1, H/8, W/8), offsets (N, 8, H/8, W/8)."""

    def __init__(self, net: DetectorNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        heat, corners = self.net(normalise(pictures))
        return torch.sigmoid(heat), corners
