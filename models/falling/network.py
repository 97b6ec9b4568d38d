"""The falling-object classifier: one small encoder for all nine patches, joined over time, and the path's figures."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edge.falling.detector import CLASSES, STACK
from edge.falling.figures import NAMES

_CODE = 24
_PATH = 32


class FallNet(nn.Module):
    """(n, 9, 3, 32, 32) patches and (n, F) figures → (n, 3) logits. About 25 k parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 8, 5, stride=2, padding=2), nn.BatchNorm2d(8), nn.ReLU(inplace=True),
            nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16), nn.ReLU(inplace=True),
            nn.Conv2d(16, _CODE, 3, stride=2, padding=1), nn.BatchNorm2d(_CODE), nn.ReLU(inplace=True),
            nn.Conv2d(_CODE, _CODE, 4), nn.ReLU(inplace=True),
        )  # fmt: skip
        self.time = nn.Sequential(nn.Conv1d(_CODE, 24, 3, padding=1), nn.ReLU(inplace=True))
        self.path = nn.Sequential(
            nn.BatchNorm1d(len(NAMES), affine=False),
            nn.Linear(len(NAMES), 48), nn.ReLU(inplace=True), nn.Linear(48, _PATH), nn.ReLU(inplace=True),
        )  # fmt: skip
        self.head = nn.Sequential(
            nn.Dropout(0.2), nn.Linear(48 + _PATH, 32), nn.ReLU(inplace=True), nn.Linear(32, len(CLASSES))
        )

    def forward(self, patches: Tensor, figures: Tensor) -> Tensor:
        """Logits in the order of `edge.falling.detector.CLASSES`."""
        codes = self.encoder(patches.reshape(-1, 3, 32, 32)).reshape(-1, STACK, _CODE)
        over_time = self.time(codes.transpose(1, 2))
        look = torch.cat([over_time.mean(dim=2), over_time.amax(dim=2)], dim=1)
        if self.training:  # either must be able to do without the other
            look = look * (torch.rand(len(look), 1, device=look.device) > 0.1)
        logits: Tensor = self.head(torch.cat([look, self.path(figures)], dim=1))
        return logits


class Committee(nn.Module):
    """Several trainings of the same net: the mean of their log probabilities errs less than any of them."""

    def __init__(self, members: Sequence[FallNet]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, patches: Tensor, figures: Tensor) -> Tensor:
        """Logits as of one `FallNet`."""
        return torch.stack([member(patches, figures).log_softmax(1) for member in self.members]).mean(dim=0)
