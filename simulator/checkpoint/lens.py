"""What comes between the street and the picture: plate pyramid, blur, glare, rain, sensor noise, the camera's clock."""

from __future__ import annotations

from datetime import datetime, timedelta

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.checkpoint.light import as_picture

Array = NDArray[np.float32]
Picture = NDArray[np.uint8]

_BANK = 6
_MARGIN = 64


class NoiseBank:
    """Sensor noise from a few fields made once, laid over each frame at another offset."""

    def __init__(self, size: tuple[int, int], deviation: float, rng: np.random.Generator) -> None:
        width, height = size
        self._size = size
        self._fields: list[tuple[Picture, Picture]] = []
        for _ in range(_BANK):
            grain = rng.standard_normal((height + _MARGIN, width + _MARGIN, 3)).astype(np.float32)
            grey = rng.standard_normal((height + _MARGIN, width + _MARGIN, 1)).astype(np.float32)
            soft = cv2.GaussianBlur(0.55 * grain + grey, (3, 3), 0.55) * deviation
            self._fields.append((_bytes(soft), _bytes(-soft)))

    def add(self, picture: Picture, index: int) -> None:
        """In place; which field and offset follow from the frame's number."""
        plus, minus = self._fields[(index * 5 + index // 7) % _BANK]
        dx, dy = (index * 37) % _MARGIN, (index * 23 + index // 3) % _MARGIN
        width, height = self._size
        cv2.add(picture, plus[dy : dy + height, dx : dx + width], picture)
        cv2.subtract(picture, minus[dy : dy + height, dx : dx + width], picture)


def _bytes(field: Array) -> Picture:
    return as_picture(np.round(field))


class RainBank:
    """Streaks of falling drops, each frame others."""

    def __init__(self, size: tuple[int, int], night: bool, rng: np.random.Generator) -> None:
        width, height = size
        self._size = size
        self._fields = [self._streaks((width + _MARGIN, height + _MARGIN), night, rng) for _ in range(_BANK)]

    @staticmethod
    def _streaks(size: tuple[int, int], night: bool, rng: np.random.Generator) -> Picture:
        width, height = size
        field = np.zeros((height, width), np.uint8)
        slant = rng.uniform(0.02, 0.2)
        for _ in range(int(width * height / 5200)):
            x, y, long = rng.uniform(0, width), rng.uniform(-40, height), rng.uniform(8, 46)
            bright = int(rng.uniform(8, 30) if night else rng.uniform(14, 52))
            near = rng.random() < 0.12
            end = (int(x + slant * long), int(y + long))
            cv2.line(field, (int(x), int(y)), end, bright, 2 if near else 1, cv2.LINE_AA)
        soft = cv2.GaussianBlur(field, (3, 3), 0.7)
        return np.asarray(cv2.merge([soft, soft, soft]), np.uint8)

    def add(self, picture: Picture, index: int) -> None:
        """In place."""
        field = self._fields[(index * 3 + index // 5) % _BANK]
        dx, dy = (index * 29) % _MARGIN, (index * 41) % _MARGIN
        cv2.add(picture, field[dy : dy + self._size[1], dx : dx + self._size[0]], picture)


def flare(radius: int) -> Picture:
    """A lamp that dazzles: core, veil and faint rays, (2r+1, 2r+1, 3) to be added."""
    axis = np.arange(-radius, radius + 1, dtype=np.float32) / radius
    u, v = np.meshgrid(axis, axis)
    distance = np.hypot(u, v)
    angle = np.arctan2(v, u)
    veil = 0.012 / (distance**2 + 0.008) + 0.18 * np.exp(-distance * 4.2)
    rays = 0.14 * np.exp(-distance * 3.0) * np.abs(np.cos(angle * 3 + 0.4)) ** 24
    fade = np.clip((1 - distance) * 2.2, 0, 1)
    level = np.clip((veil + rays) * fade, 0, 1.4)[..., None]
    return as_picture(level * np.array([205, 226, 240], np.float32))


def beam() -> Picture:
    """Light of two headlamps on the road, near the lamps at the top row; (128, 96, 3) to be added."""
    across, along = np.meshgrid(np.linspace(-1, 1, 96, dtype=np.float32), np.linspace(0, 1, 128, dtype=np.float32))
    wide = 0.22 + 0.55 * along
    spot = sum(np.exp(-(((across - side) / wide) ** 2) * 1.6) for side in (-0.3, 0.3))
    level = spot * np.exp(-along * 2.6) * np.clip(along * 9, 0, 1) * np.clip((1 - along) * 4, 0, 1)
    level *= np.clip((1 - np.abs(across)) * 5, 0, 1)
    return as_picture(level[..., None] * np.array([62, 74, 82], np.float32))


def pyramid(plate: Picture) -> list[Picture]:
    """The plate at falling sizes, so that it can be put small into a picture without its strokes breaking up."""
    levels = [plate]
    while levels[-1].shape[1] > 60:
        height, width = levels[-1].shape[:2]
        size = (max(8, int(width / 1.4)), max(4, int(height / 1.4)))
        levels.append(np.asarray(cv2.resize(levels[0], size, interpolation=cv2.INTER_AREA), np.uint8))
    return levels


def smear(dx: float, dy: float) -> Array | None:
    """Kernel of a movement by (dx, dy) pixels during the exposure; None when there is nothing to see."""
    length = float(np.hypot(dx, dy))
    if length < 0.8:
        return None
    half = min(12, int(np.ceil(length / 2)))
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    steps = np.linspace(-0.5, 0.5, 8 * half + 1)
    for x, y in np.stack([half + dx * steps, half + dy * steps], -1):
        x0, y0 = int(np.clip(x, 0, 2 * half - 1e-3)), int(np.clip(y, 0, 2 * half - 1e-3))
        fx, fy = x - x0, y - y0
        for yy, wy in ((y0, 1 - fy), (y0 + 1, fy)):
            for xx, wx in ((x0, 1 - fx), (x0 + 1, fx)):
                if yy <= 2 * half and xx <= 2 * half:
                    kernel[yy, xx] += max(wx * wy, 0.0)
    return np.asarray(kernel / kernel.sum(), np.float32)


class CameraClock:
    """The camera's own overlay: date, time and station, as checkpoint cameras burn them in."""

    def __init__(self, size: tuple[int, int], start: datetime, station: str) -> None:
        self._start, self._station = start, station
        self._scale = size[1] / 720
        self._place = (int(18 * self._scale), int(34 * self._scale))
        self._foot = (int(18 * self._scale), size[1] - int(18 * self._scale))

    def draw(self, picture: Picture, time_s: float) -> None:
        """In place."""
        now = self._start + timedelta(seconds=int(time_s))
        self._text(picture, now.strftime("%Y-%m-%d %H:%M:%S"), self._place)
        self._text(picture, self._station, self._foot)

    def _text(self, picture: Picture, text: str, place: tuple[int, int]) -> None:
        size, bold = 0.8 * self._scale, max(1, round(2 * self._scale))
        cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, (20, 20, 20), bold + 2, cv2.LINE_AA)
        cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, (245, 245, 245), bold, cv2.LINE_AA)
