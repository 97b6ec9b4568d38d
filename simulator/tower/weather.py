"""Rain and snow: drops and flakes in the space before the lens, each a streak as long as the shutter is open."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.tower.falls import Shot
from simulator.tower.geometry import Floats

Bgr = NDArray[np.uint8]
_SHIFT = 4
_TONE_STEP = 6
_REDUCED = 4
"""Near drops and flakes are out of focus: they are drawn on a picture of a quarter of the size."""


@dataclass(frozen=True)
class Precipitation:
    """Particles in an area a little larger than the picture; one that leaves below comes again above, elsewhere.

    All arrays (n,): `x`, `y` as fractions of the area, `vx`, `vy` in pixels per second, `width_px`, `tone` 0..255.
    """

    area_px: tuple[float, float]
    x: Floats
    y: Floats
    vx: Floats
    vy: Floats
    width_px: Floats
    tone: Floats
    swing_px: Floats
    near: NDArray[np.bool_]
    shot: Shot

    def draw(self, canvas: Bgr, t_s: float) -> None:
        """Add what is in the air at `t_s` to the picture, in place."""
        width, height = self.area_px
        sway = self.swing_px * np.sin(2.2 * t_s + 40 * self.x)
        rounds, y = np.divmod(self.y * height + self.vy * t_s, height)
        x = (self.x * width + 0.618 * width * rounds + self.vx * t_s + sway) % width - width * 0.05
        y -= height * 0.08
        open_s = self.shot.exposure_s
        ends = np.column_stack([x, y, x + self.vx * open_s, y + self.vy * open_s])
        sharp = np.zeros(canvas.shape[:2], np.uint8)
        self._streaks(sharp, ends, ~self.near, 1)
        small = np.zeros((canvas.shape[0] // _REDUCED, canvas.shape[1] // _REDUCED), np.uint8)
        self._streaks(small, ends, self.near, _REDUCED)
        blurred = cv2.resize(cv2.GaussianBlur(small, (0, 0), 0.8), (canvas.shape[1], canvas.shape[0]))
        veil = cv2.add(cv2.GaussianBlur(sharp, (3, 3), 0), blurred)
        cv2.add(canvas, cv2.cvtColor(veil, cv2.COLOR_GRAY2BGR), dst=canvas)

    def _streaks(self, veil: NDArray[np.uint8], ends: Floats, chosen: NDArray[np.bool_], reduced: int) -> None:
        """Streaks of one width and nearly one tone are drawn in one call: thousands of calls would cost most."""
        fixed = np.round(ends[chosen] / reduced * (1 << _SHIFT)).astype(np.int32).reshape(-1, 2, 2)
        widths = np.maximum(1, np.round(self.width_px[chosen] / reduced)).astype(int)
        tones = (self.tone[chosen] / _TONE_STEP).astype(int)
        kinds = widths * 256 + tones
        for kind in np.unique(kinds):
            width, tone = divmod(int(kind), 256)
            level = int((tone + 0.5) * _TONE_STEP)
            cv2.polylines(veil, list(fixed[kinds == kind]), False, (level,), width, cv2.LINE_AA, _SHIFT)


def random_rain(rng: np.random.Generator, size: tuple[int, int], shot: Shot, bright: float) -> Precipitation:
    """Drops 2 to 30 m away at 5 to 9 m/s; near ones are long and faint; `bright` is their tone on this scene."""
    count = int(rng.uniform(500, 1100))
    distance = 2 + 28 * rng.random(count) ** 0.7
    scale = size[1] * 1.1 / distance
    fall = rng.uniform(5, 9, count)
    slant = rng.normal(0, 0.15) + rng.normal(0, 0.04, count)
    return Precipitation(
        area_px=(size[0] * 1.1, size[1] * 1.16),
        x=rng.random(count),
        y=rng.random(count),
        vx=fall * slant * scale,
        vy=fall * scale,
        width_px=np.clip(0.003 * scale, 1, 2.4),
        tone=np.clip(bright * rng.uniform(0.3, 1.0, count) * np.clip(6 / distance, 0.25, 1), 4, 160),
        swing_px=np.zeros(count),
        near=distance < 3.2,
        shot=shot,
    )


def random_snow(rng: np.random.Generator, size: tuple[int, int], shot: Shot, bright: float) -> Precipitation:
    """Flakes 1.5 to 30 m away that sink at 0.8 to 1.6 m/s and swing."""
    count = int(rng.uniform(600, 1500))
    distance = 1.5 + 28 * rng.random(count) ** 0.8
    scale = size[1] * 1.1 / distance
    fall = rng.uniform(0.8, 1.6, count)
    drift = rng.normal(0, 0.6) + rng.normal(0, 0.25, count)
    return Precipitation(
        area_px=(size[0] * 1.1, size[1] * 1.16),
        x=rng.random(count),
        y=rng.random(count),
        vx=drift * scale,
        vy=fall * scale,
        width_px=np.clip(0.011 * scale, 1, 8),
        tone=np.clip(bright * rng.uniform(0.5, 1.0, count) * np.clip(distance / 8, 0.35, 1), 10, 200),
        swing_px=0.06 * scale,
        near=distance < 6,
        shot=shot,
    )


def random_hail(rng: np.random.Generator, size: tuple[int, int], shot: Shot, bright: float) -> Precipitation:
    """Stones of 8 to 15 mm that fall at 9 to 18 m/s, 2 to 30 m away: short bright streaks, each its own way."""
    count = int(rng.uniform(150, 500))
    distance = 2 + 28 * rng.random(count) ** 0.7
    scale = size[1] * 1.1 / distance
    fall = rng.uniform(9, 18, count)
    slant = rng.normal(0, 0.12) + rng.normal(0, 0.05, count)
    width = rng.uniform(0.008, 0.015, count) * scale
    return Precipitation(
        area_px=(size[0] * 1.1, size[1] * 1.16),
        x=rng.random(count),
        y=rng.random(count),
        vx=fall * slant * scale,
        vy=fall * scale,
        width_px=np.clip(width, 1, 6),
        tone=np.clip(bright * rng.uniform(0.5, 1.0, count) * np.clip(width, 0.25, 1), 8, 200),
        swing_px=np.zeros(count),
        near=distance < 3.5,
        shot=shot,
    )
