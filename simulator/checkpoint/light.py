"""Light of a scene and how surfaces answer it: sun, sky, lamps, and what a car's paint mirrors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Light:
    """Levels are factors of a surface's own colour (blue, green, red); directions are unit vectors to the source."""

    night: bool
    rain: bool
    sun: tuple[float, float, float]
    sun_level: float
    sky_level: float
    tint: tuple[float, float, float]
    lamp_level: float
    """The camera's own lamp, from the camera's direction: what lights plates at night."""
    exposure_s: float
    noise: float
    """Standard deviation of the sensor's noise in grey values."""

    @property
    def mirror_level(self) -> float:
        """Brightness of the sky in what glass and paint mirror."""
        return 22.0 if self.night else 150.0 if self.rain else 225.0


def as_picture(levels: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Grey values of any range as a picture's bytes: what is too bright burns out."""
    return np.asarray(np.clip(levels, 0, 255), np.uint8)


def make_light(conditions: tuple[str, ...], rng: np.random.Generator) -> Light:
    """Light by the scenario's conditions, varied by the seed."""
    night, rain = "night" in conditions, "rain" in conditions
    azimuth, elevation = rng.uniform(-2.6, 2.6), rng.uniform(0.55, 1.05)
    sun = (
        float(np.sin(azimuth) * np.cos(elevation)),
        float(-np.cos(azimuth) * np.cos(elevation)),
        float(np.sin(elevation)),
    )
    warmth = rng.uniform(-0.03, 0.03)
    if night:
        tint = (0.86 + warmth, 0.98, 1.08 - warmth)
        return Light(True, rain, (0.2, -0.3, 0.93), 0.18, 0.14, tint, rng.uniform(0.34, 0.5), 1 / 220, 4.6)
    if rain:
        return Light(False, True, sun, 0.05, 0.80, (1.03, 1.0, 0.96), 0.0, 1 / 350, 2.8)
    sunny = rng.uniform(0.3, 0.8)
    return Light(False, False, sun, sunny, 1.02 - 0.55 * sunny, (0.97 + warmth, 1.0, 1.02 - warmth), 0.0, 1 / 600, 2.0)


def shade(light: Light, normals: Array, to_camera: Array) -> tuple[Array, Array]:
    """Diffuse factor (..., 3) and mirrored light (..., 3) in grey values for unit normals and view directions."""
    sun = np.array(light.sun, np.float32)
    facing = np.maximum(normals @ sun, 0.0)
    up = normals[..., 2]
    frontal = np.maximum((normals * to_camera).sum(-1), 0.0)
    level = light.sky_level * (0.62 + 0.38 * up) + light.sun_level * facing + light.lamp_level * frontal
    diffuse = level[..., None] * np.array(light.tint, np.float32)
    mirrored = 2 * frontal[..., None] * normals - to_camera
    fresnel = 0.08 + 0.92 * (1 - np.clip(frontal, 0, 1)) ** 4
    seen = _surroundings(light, mirrored) * fresnel[..., None]
    glint = np.maximum(mirrored @ sun, 0.0) ** 60 * light.sun_level * 420 * (0 if light.rain else 1)
    return diffuse.astype(np.float32), (seen + glint[..., None]).astype(np.float32)


def _surroundings(light: Light, direction: Array) -> Array:
    """What is seen in a direction: sky above, a dark band of trees and houses, the road below; grey values (..., 3)."""
    azimuth = np.arctan2(direction[..., 0], direction[..., 1])
    skyline = 0.16 + 0.07 * np.sin(3.1 * azimuth + 0.4) + 0.05 * np.sin(7.7 * azimuth) + 0.03 * np.sin(17 * azimuth + 2)
    rise = direction[..., 2] - skyline
    sky = 1 / (1 + np.exp(-np.clip(rise * 40, -30, 30)))
    ground = 1 / (1 + np.exp(np.clip((direction[..., 2] + 0.03) * 50, -30, 30)))
    high = light.mirror_level * (0.75 + 0.25 * np.clip(direction[..., 2], 0, 1))
    grey = sky * high + (1 - sky) * light.mirror_level * (0.2 + 0.22 * ground)
    blue = np.array([1.06, 1.0, 0.95], np.float32) if not light.night else np.array([0.8, 0.95, 1.1], np.float32)
    return np.asarray(grey[..., None] * blue, np.float32)
