"""Little scenes with known truth, drawn as luma pictures: a textured wall, noise, and what moves before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import Bgr, Frame, Luma

WIDTH, HEIGHT, FPS = 640, 360, 25.0
START = datetime(2026, 1, 1, tzinfo=UTC)

Place = Callable[[float], tuple[float, float] | None]
"""Seconds → centre in pixels, None when it is not there."""


def wall(seed: int = 1) -> NDArray[np.float32]:
    """(360, 640) a plastered wall with windows."""
    rng = np.random.default_rng(seed)
    picture = cv2.GaussianBlur(rng.uniform(90, 170, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), 3)
    for y in range(20, HEIGHT, 36):
        for x in range(30, WIDTH, 60):
            picture[y : y + 16, x : x + 22] = 60 + 30 * rng.random()
    return cv2.GaussianBlur(picture, (0, 0), 0.8)


def paint(picture: NDArray[np.float32], x: float, y: float, radius: float, shade: float) -> None:
    """A round spot with soft edges at a sub-pixel place."""
    layer = np.zeros_like(picture)
    cv2.circle(layer, (round(x * 16), round(y * 16)), round(radius * 16), 1.0, -1, cv2.LINE_AA, 4)
    picture += layer * (shade - picture)


def luma_pictures(
    seconds: float, places: list[Place], radius: float = 3.0, shade: float = 235.0, noise: float = 1.5,
    fps: float = FPS, sway: Callable[[float], tuple[float, float]] | None = None, seed: int = 2,
) -> Iterator[tuple[float, Luma]]:  # fmt: skip
    """(time, luma) of a scene; `sway` shakes the camera by (x, y) pixels."""
    rng = np.random.default_rng(seed)
    still = wall()
    for index in range(int(seconds * fps)):
        time_s = index / fps
        picture = still.copy()
        for place in places:
            at = place(time_s)
            if at is not None:
                paint(picture, at[0], at[1], radius, shade)
        if sway is not None:
            dx, dy = sway(time_s)
            matrix = np.array([[1, 0, dx], [0, 1, dy]], dtype=np.float64)
            picture = cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
        yield time_s, np.clip(picture + rng.normal(0, noise, picture.shape), 0, 255).astype(np.uint8)


def frames(pictures: Iterator[tuple[float, Luma]], start_index: int = 0) -> Iterator[Frame]:
    """The pictures as a source would deliver them."""
    for index, (time_s, luma) in enumerate(pictures, start_index):
        captured = START + timedelta(seconds=time_s)
        yield Frame("cam-1", index, time_s, captured, luma, lambda luma=luma: grey(luma))


def grey(luma: Luma) -> Bgr:
    """(h, w, 3) from (h, w)."""
    return np.repeat(luma[:, :, None], 3, axis=2)


def drop(x: float, y: float, release_s: float, pull: float, speed: float = 0.0) -> Place:
    """A free fall from (x, y): `pull` and `speed` in pixels per second (squared)."""

    def place(time_s: float) -> tuple[float, float] | None:
        t = time_s - release_s
        down = y + speed * t + pull * t * t / 2
        return (x, down) if t >= 0 and down < HEIGHT - 2 else None

    return place


def flight(x: float, y: float, vx: float, vy: float, start_s: float) -> Place:
    """A straight, steady flight."""

    def place(time_s: float) -> tuple[float, float] | None:
        t = time_s - start_s
        at = (x + vx * t, y + vy * t)
        return at if t >= 0 and 2 < at[0] < WIDTH - 2 and 2 < at[1] < HEIGHT - 2 else None

    return place
