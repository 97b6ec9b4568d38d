"""What the camera adds: noise that follows the light, vignetting, exposure, shake, and the clock in the picture."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import cv2
import numpy as np
from numpy.typing import NDArray

Bgr = NDArray[np.uint8]

_BANK = 8
_FONT = cv2.FONT_HERSHEY_DUPLEX


@dataclass(frozen=True, slots=True)
class Grain:
    """Sensor noise: its deviation in grey levels is sqrt(read² + shot²·luma/255); `blur_px` is left by denoising."""

    read: float
    shot: float
    blur_px: float
    chroma: float


class NoiseBank:
    """Noise pictures made once for one background; a frame gets one of them, never that of the two before it."""

    def __init__(self, rng: np.random.Generator, background: Bgr, grain: Grain) -> None:
        luma = cv2.cvtColor(background, cv2.COLOR_BGR2GRAY).astype(np.float32)
        sigma = np.sqrt(grain.read**2 + grain.shot**2 * luma / 255)
        self._bank = [_noise(rng, sigma, grain) for _ in range(_BANK)]

    def add(self, picture: Bgr, index: int) -> None:
        """Add frame `index`'s noise in place."""
        brighter, darker = self._bank[_shuffled(index)]
        cv2.add(picture, brighter, dst=picture)
        cv2.subtract(picture, darker, dst=picture)


def _shuffled(index: int) -> int:
    """A fixed order of the bank: steps of 3, and a jump after every round."""
    return (3 * index + index // _BANK * 5) % _BANK


def _noise(rng: np.random.Generator, sigma: NDArray[np.float32], grain: Grain) -> tuple[Bgr, Bgr]:
    """What to add and what to take away: two bytes are faster than one with a sign."""
    height, width = sigma.shape
    luma = _blurred(rng.standard_normal((height, width), dtype=np.float32), grain.blur_px)
    coarse = rng.standard_normal((height // 4 + 1, width // 4 + 1, 3), dtype=np.float32)
    colour = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR) * np.float32(grain.chroma)
    noise = (luma[..., None] + colour) * sigma[..., None]
    whole = np.round(noise)
    return np.clip(whole, 0, 255).astype(np.uint8), np.clip(-whole, 0, 255).astype(np.uint8)


def _blurred(field: NDArray[np.float32], blur_px: float) -> NDArray[np.float32]:
    """Blurred, with the standard deviation of before."""
    if blur_px <= 0:
        return field
    soft = cv2.GaussianBlur(field, (0, 0), blur_px).astype(np.float32)
    return soft / np.float32(soft.std())


def vignette(size: tuple[int, int], strength: float) -> NDArray[np.float32]:
    """(h, w, 1): 1 in the middle, 1 - strength in the corners."""
    width, height = size
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    falloff: NDArray[np.float32] = (1 - strength * (x**2 + y**2) / 2)[..., None].astype(np.float32)
    return falloff


@dataclass(frozen=True)
class Shake:
    """A pole in gusts of wind: three swings each for (x, y, turn), as (amplitude, hertz, phase)."""

    swings: NDArray[np.float64]
    gust_hz: float

    def at(self, t_s: float) -> tuple[float, float, float]:
        """(dx, dy) in pixels and the turn in radians at `t_s`."""
        gust = 0.35 + 0.65 * np.sin(np.pi * self.gust_hz * t_s) ** 2
        value = gust * np.sum(
            self.swings[:, :, 0] * np.sin(2 * np.pi * self.swings[:, :, 1] * t_s + self.swings[:, :, 2]), 1
        )
        return float(value[0]), float(value[1]), float(value[2])

    def matrix(self, t_s: float, size: tuple[int, int]) -> NDArray[np.float64]:
        """(2, 3): still picture -> shaken picture."""
        dx, dy, turn = self.at(t_s)
        cosine, sine = np.cos(turn), np.sin(turn)
        centre = np.array([size[0] / 2, size[1] / 2])
        rotation = np.array([[cosine, -sine], [sine, cosine]])
        return np.column_stack([rotation, centre - rotation @ centre + np.array([dx, dy])])


def random_shake(rng: np.random.Generator, strength_px: float) -> Shake:
    """Swings at 0.5 to 6 Hz, together about `strength_px` at their strongest."""
    amplitude = rng.uniform(0.2, 0.6, (3, 3)) * strength_px
    amplitude[2] *= 2.0e-4
    return Shake(np.stack([amplitude, rng.uniform(0.5, 6, (3, 3)), rng.uniform(0, 6.28, (3, 3))], axis=2),
                 float(rng.uniform(0.05, 0.15)))  # fmt: skip


@dataclass(frozen=True)
class Exposure:
    """Slow light: clouds over the sun and the exposure that follows, as (depth, hertz, phase) each."""

    waves: NDArray[np.float64]

    def gain(self, t_s: float) -> float:
        """Brightness factor at `t_s`, around 1, in steps of 1/256."""
        value = 1 + float(np.sum(self.waves[:, 0] * np.sin(2 * np.pi * self.waves[:, 1] * t_s + self.waves[:, 2])))
        return round(value * 256) / 256

    def apply(self, picture: Bgr, t_s: float) -> None:
        """Brighten or darken in place."""
        gain = self.gain(t_s)
        if gain != 1.0:
            cv2.convertScaleAbs(picture, dst=picture, alpha=gain)


def random_exposure(rng: np.random.Generator, depth: float) -> Exposure:
    """Waves of 5 to 40 seconds and one faster one, together at most about `depth`."""
    return Exposure(np.array([
        [depth * 0.6, rng.uniform(0.025, 0.07), rng.uniform(0, 6.28)],
        [depth * 0.3, rng.uniform(0.07, 0.2), rng.uniform(0, 6.28)],
        [depth * 0.1, rng.uniform(0.3, 0.9), rng.uniform(0, 6.28)],
    ]))  # fmt: skip


def draw_clock(picture: Bgr, name: str, start: datetime, t_s: float) -> None:
    """Date and time at the top left, the camera's name at the bottom right, white with a dark rim."""
    height, width = picture.shape[:2]
    scale = height / 1100
    moment = (start + timedelta(seconds=t_s)).strftime("%Y-%m-%d %H:%M:%S")
    bold = max(1, round(2.2 * scale))
    span = cv2.getTextSize(name, _FONT, scale, bold)[0][0]
    places = (
        (moment, (round(24 * scale), round(46 * scale))),
        (name, (width - span - round(24 * scale), height - round(24 * scale))),
    )
    rim = max(1, round(scale * 1.6))
    for text, (x, y) in places:
        for dx, dy in ((-rim, 0), (rim, 0), (0, -rim), (0, rim)):
            cv2.putText(
                picture, text, (x + dx, y + dy), cv2.FONT_HERSHEY_DUPLEX, scale, (20, 20, 20), bold, cv2.LINE_AA
            )
        cv2.putText(picture, text, (x, y), cv2.FONT_HERSHEY_DUPLEX, scale, (245, 245, 245), bold, cv2.LINE_AA)
