"""The falling-object classifier: one small encoder for all nine patches, joined over time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edge.falling.detector import CLASSES, STACK

_CODE = 24


class FallNet(nn.Module):
    """(n, 9, 3, 32, 32) patches → (n, 3) logits. About 23 k parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 8, 5, stride=2, padding=2), nn.BatchNorm2d(8), nn.ReLU(inplace=True),
            nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16), nn.ReLU(inplace=True),
            nn.Conv2d(16, _CODE, 3, stride=2, padding=1), nn.BatchNorm2d(_CODE), nn.ReLU(inplace=True),
            nn.Conv2d(_CODE, _CODE, 4), nn.ReLU(inplace=True),
        )  # fmt: skip
        self.time = nn.Sequential(nn.Conv1d(_CODE, 24, 3, padding=1), nn.ReLU(inplace=True))
        self.head = nn.Sequential(
            nn.Dropout(0.2), nn.Linear(48, 32), nn.ReLU(inplace=True), nn.Linear(32, len(CLASSES))
        )

    def forward(self, patches: Tensor) -> Tensor:
        """Logits in the order of `edge.falling.detector.CLASSES`."""
        codes = self.encoder(patches.reshape(-1, 3, 32, 32)).reshape(-1, STACK, _CODE)
        over_time = self.time(codes.transpose(1, 2))
        joined = torch.cat([over_time.mean(dim=2), over_time.amax(dim=2)], dim=1)
        logits: Tensor = self.head(joined)
        return logits
