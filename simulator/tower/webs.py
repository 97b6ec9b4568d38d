"""A spider's web on the housing: threads far out of focus, bright in the camera's own infrared; and its spider."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.scenes import Bgr
from simulator.tower.distractors import Mover, poses_along
from simulator.tower.geometry import Floats
from simulator.tower.objects import thing_of
from simulator.tower.stage import Stage

_REDUCED = 4
"""It is so far out of focus that a quarter of the size holds it."""
_MARGIN = 0.15


@dataclass(frozen=True)
class Web:
    """`layer` (h, w) uint8: brightness that it adds, a little larger than the picture.

    `waves` (2, n, 3): amplitude in pixels, hertz and phase of its swings across and down.
    """

    layer: NDArray[np.uint8]
    waves: Floats
    puff_hz: float

    def draw(self, canvas: Bgr, t_s: float) -> None:
        """Add the web as the wind moves it at `t_s`, in place."""
        height, width = canvas.shape[:2]
        puff = 0.3 + 0.7 * np.sin(np.pi * self.puff_hz * t_s) ** 4
        swing = puff * np.sum(
            self.waves[:, :, 0] * np.sin(2 * np.pi * self.waves[:, :, 1] * t_s + self.waves[:, :, 2]), 1
        )
        size = (width // _REDUCED, height // _REDUCED)
        shift = swing / _REDUCED - np.array([_MARGIN * size[0], _MARGIN * size[1]])
        matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
        moved = cv2.warpAffine(self.layer, matrix, size, flags=cv2.INTER_LINEAR)
        veil = cv2.resize(moved, (width, height), interpolation=cv2.INTER_LINEAR)
        cv2.add(canvas, cv2.cvtColor(veil, cv2.COLOR_GRAY2BGR), dst=canvas)


def random_web(rng: np.random.Generator, stage: Stage) -> Web:
    """Some loose threads, or a part of an orb web with its spiral."""
    width, height = stage.size
    size = (int(width * (1 + 2 * _MARGIN)) // _REDUCED, int(height * (1 + 2 * _MARGIN)) // _REDUCED)
    layer = np.zeros((size[1], size[0]), np.float32)
    hub = np.array([rng.uniform(-0.1, 1.1) * size[0], rng.uniform(-0.2, 0.6) * size[1]])
    angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(5, 14))))
    ends = [hub + 2 * size[0] * np.array([np.cos(angle), np.sin(angle)]) for angle in angles]
    lines = [np.stack([hub, end]) for end in ends]
    if rng.random() < 0.5:
        for radius in np.arange(0.15, 0.9, rng.uniform(0.08, 0.2)) * size[0]:
            ring = [hub + radius * rng.uniform(0.95, 1.05) * np.array([np.cos(a), np.sin(a)]) for a in angles]
            lines += [np.stack(pair) for pair in zip(ring, [*ring[1:], ring[0]], strict=True)]
    for line in lines:
        strand = np.zeros_like(layer)
        start, end = (tuple(place) for place in np.clip(line, -30_000, 30_000).astype(int).tolist())
        cv2.line(strand, start, end, float(rng.uniform(150, 700)), 1, cv2.LINE_AA)
        layer += cv2.GaussianBlur(strand, (0, 0), float(rng.uniform(0.6, 2.2)) * width / 960)
    waves = np.stack([rng.uniform(1.5, 9, (2, 4)) * width / 960, rng.uniform(0.3, 7, (2, 4)),
                      rng.uniform(0, 6.28, (2, 4))], axis=2)  # fmt: skip
    strength = 1.0 if stage.night else 0.35
    return Web(np.clip(strength * layer, 0, 190).astype(np.uint8), waves, float(rng.uniform(0.05, 0.25)))


def random_spider(rng: np.random.Generator, stage: Stage, first_frame: int) -> Mover:
    """It lets itself down on a thread, climbs, or walks: in jerks, with rests; large and without an outline."""
    width, height = stage.size
    fps = stage.shot.fps
    count = int(rng.uniform(3, 12) * fps)
    heading = float(rng.choice([np.pi / 2, np.pi / 2, -np.pi / 2, rng.uniform(0, 2 * np.pi)])) + rng.normal(0, 0.08)
    pace = rng.uniform(0.06, 0.5) * height
    moving = np.repeat(rng.random(count // 6 + 1) < 0.75, 6)[:count]
    speed = pace * moving * rng.uniform(0.7, 1.3, count)
    way = np.cumsum(speed)[:, None] * np.array([np.cos(heading), np.sin(heading)]) / fps
    t = np.arange(count) / fps
    swing = 0.01 * width * np.sin(2 * np.pi * 0.5 * t + rng.uniform(0, 6))
    start = np.array(
        [rng.uniform(0.1, 0.9) * width, (-0.05 if np.sin(heading) > 0.3 else rng.uniform(0.3, 1)) * height]
    )
    length = float(rng.uniform(0.02, 0.07) * width)
    sprite = np.zeros((64, 64, 4), np.float32)
    tone = float(rng.uniform(150, 250)) if stage.night else 40.0
    cv2.ellipse(sprite, (32, 32), (11, 17), 0, 0, 360, (tone, tone, tone, 1.0), -1, cv2.LINE_AA)
    for leg in range(8):
        angle = np.pi * (leg % 4 + 0.7) / 4.4 * (1 if leg < 4 else -1) + np.pi / 2
        tip = (int(32 + 30 * np.cos(angle)), int(32 + 30 * np.sin(angle)))
        cv2.line(sprite, (32, 32), tip, (0.6 * tone, 0.6 * tone, 0.6 * tone, 0.6), 2, cv2.LINE_AA)
    sprite *= np.float32(rng.uniform(0.5, 0.85))
    x, y = start[0] + way[:, 0] + swing, start[1] + way[:, 1]
    poses = poses_along(x, y, np.full(count, length), stage.shot, spin=0.3)
    return Mover("spider", first_frame, (thing_of(sprite),), (0,) * count, poses, 0.16 * length, glows=True)
