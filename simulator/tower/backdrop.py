"""The unmoving part of a tower's picture under its light and weather, and how strongly things before it are lit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.tower.geometry import FacadeCamera, FacadeLayout
from simulator.tower.house import House, build_house
from simulator.tower.look import Look, Sun
from simulator.tower.sensor import Grain, vignette
from simulator.tower.surroundings import Picture, paint_neighbours, paint_sky, weathered

Bgr = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Light:
    """Time of day and weather as the renderer needs them."""

    night: bool
    infrared: bool
    rain: bool
    snow: bool

    @property
    def grain(self) -> Grain:
        """The sensor's noise at this light."""
        if self.infrared:
            return Grain(read=2.6, shot=4.0, blur_px=0.6, chroma=0.0)
        if self.night:
            return Grain(read=2.4, shot=4.5, blur_px=0.7, chroma=0.6)
        return Grain(read=0.9, shot=2.2, blur_px=0.45, chroma=0.35)

    def exposure_s(self, rng: np.random.Generator) -> float:
        """How long the shutter is open: what a camera chooses at this light."""
        longest, shortest = (25, 50) if self.night else (30, 110) if self.rain or self.snow else (100, 600)
        return float(1 / np.exp(rng.uniform(np.log(longest), np.log(shortest))))


@dataclass(frozen=True)
class Backdrop:
    """`still` (h, w, 3) uint8: all windows as they are at first; `glow` (h, w, 3) uint8: what lit windows add at night.

    `lit` (h/8, w/8, 3) float32: how brightly a thing at a place is lit.
    """

    still: Bgr
    glow: Bgr
    lit: NDArray[np.float32]
    house: House

    def light_at(self, x: float, y: float) -> tuple[float, float, float]:
        """Light (b, g, r) on a thing at a place in the picture, 1 for full daylight."""
        row = min(max(int(y / 8), 0), self.lit.shape[0] - 1)
        column = min(max(int(x / 8), 0), self.lit.shape[1] - 1)
        blue, green, red = self.lit[row, column]
        return float(blue), float(green), float(red)


def build_backdrop(
    rng: np.random.Generator, camera: FacadeCamera, layout: FacadeLayout, look: Look, light: Light
) -> Backdrop:
    """Paint sky, neighbours and tower, and put them into the light of day or night."""
    if light.rain or light.snow:
        look = replace(look, sun=_overcast(rng))
    size = (camera.width, camera.height)
    share = float(rng.uniform(0.2, 0.5)) if light.night else 0.0
    sky = paint_sky(rng, size, look.sun)
    behind, far_glow = paint_neighbours(rng, camera, layout, look, sky, share)
    house = build_house(rng, camera, layout, look, share)
    away = np.abs(behind - sky).max(axis=2, keepdims=True) > 6
    behind = weathered(rng, behind, away.astype(np.float32))
    cover = house.cover[..., None]
    day = behind * (1 - cover) + house.day * cover
    glow = np.clip(far_glow * (1 - cover) + house.glow, 0, 255)
    if light.night:
        still, lit = _at_night(rng, day, glow, cover, light)
    else:
        still, lit = _by_day(rng, day, light, look)
    lens = vignette(size, float(rng.uniform(0.08, 0.25)))
    softness = float(rng.uniform(0.45, 0.8)) * camera.width / 1280
    finished = cv2.GaussianBlur((still * lens).astype(np.float32), (0, 0), max(0.3, softness))
    shining = cv2.GaussianBlur((glow * lens).astype(np.float32), (0, 0), max(0.3, softness))
    small = cv2.resize(
        lit.astype(np.float32), (max(1, size[0] // 8), max(1, size[1] // 8)), interpolation=cv2.INTER_AREA
    )
    return Backdrop(_to_bytes(finished), _to_bytes(shining), small.astype(np.float32), house)


def _overcast(rng: np.random.Generator) -> Sun:
    grey = float(rng.uniform(150, 195))
    return Sun(False, (0.0, 0.0), 1.0, (grey + 6, grey, grey - 6), (grey + 22, grey + 18, grey + 14), 0.2)


def _by_day(rng: np.random.Generator, day: Picture, light: Light, look: Look) -> tuple[Picture, Picture]:
    lit = np.full(day.shape, 1.0 if look.sun.lit else 0.85, np.float32)
    if not (light.rain or light.snow):
        return day * float(rng.uniform(0.9, 1.0)), lit
    veil = float(rng.uniform(0.12, 0.3))
    grey = np.array(look.sun.sky_low, np.float32)
    return (day * 0.82 * (1 - veil) + grey * veil).astype(np.float32), lit * 0.75


def _at_night(
    rng: np.random.Generator, day: Picture, glow: Picture, cover: NDArray[np.float32], light: Light
) -> tuple[Picture, Picture]:
    """Street lamps from below or infrared lamps, dark sky, windows that shine and bloom."""
    height = day.shape[0]
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    grey = cv2.cvtColor(np.clip(day, 0, 255).astype(np.uint8), cv2.COLOR_BGR2GRAY).astype(np.float32)[..., None]
    bloom = cv2.GaussianBlur(glow.astype(np.float32), (0, 0), height / 60)
    if light.infrared:
        reach = 0.16 + 0.62 * down**1.5
        picture = grey * (cover * reach + (1 - cover) * 0.05) + 0.5 * glow + 0.3 * bloom
        picture = picture.mean(axis=2, keepdims=True).repeat(3, axis=2)
        return picture.astype(np.float32), np.broadcast_to(reach * 1.25, day.shape).astype(np.float32)
    gain = np.float32(rng.uniform(1.3, 2.8))
    lamp = np.array([0.115, 0.14, 0.185], np.float32) * gain * (0.6 + 0.6 * down**2)
    sky = (np.array([20, 16, 14], np.float32) + np.array([12, 15, 22], np.float32) * down) * gain**0.7
    ground = (0.6 * day + 0.4 * grey) * lamp
    picture = ground * cover + (0.55 * ground + 0.45 * sky) * (1 - cover) + 0.92 * glow + 0.35 * bloom
    lit = np.broadcast_to(lamp * 1.5, day.shape) + bloom / 255 * 1.2
    return picture.astype(np.float32), lit.astype(np.float32)


def _to_bytes(picture: NDArray[Any]) -> Bgr:
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)
