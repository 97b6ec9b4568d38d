"""The facade seen square on, as a picture in metres: wall, windows, shadows, dirt, and the lit windows of a night."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.tower.geometry import FacadeLayout
from simulator.tower.look import Colour, Look
from simulator.tower.noise import cells, fractal, smooth

Rect = tuple[float, float, float, float]
"""(left, bottom, right, top) on the facade, in metres."""

Bgr = NDArray[np.uint8]

_WARM: tuple[Colour, ...] = ((150, 205, 250), (185, 225, 252), (225, 240, 248), (130, 185, 245), (245, 240, 225))


@dataclass(frozen=True, slots=True)
class Opening:
    """A window or balcony door: rectangle, floor, column; `lamp` is its light's colour at night, None when dark."""

    rect: Rect
    floor: int
    column: int
    lamp: Colour | None


class Elevation:
    """Paints in metres; the picture's left edge is the facade's, its top the roof."""

    def __init__(self, layout: FacadeLayout, pixels_per_metre: float) -> None:
        self.layout = layout
        self.scale = pixels_per_metre
        self.left_m = layout.column_edges_m[0]
        self.size = (round(layout.width_m * pixels_per_metre), round(layout.height_m * pixels_per_metre))
        self.day: Bgr = np.zeros((self.size[1], self.size[0], 3), np.uint8)
        self.glow: Bgr = np.zeros_like(self.day)

    def to_facade(self) -> NDArray[np.float64]:
        """(3, 3): picture (column, row, 1) -> facade (X, Y, 1) in metres."""
        inverse = 1 / self.scale
        return np.array([[inverse, 0, self.left_m], [0, -inverse, self.layout.height_m], [0, 0, 1.0]])

    def box(self, rect: Rect) -> tuple[slice, slice]:
        """Rows and columns of a rectangle, at least one pixel, clipped."""
        left, bottom, right, top = rect
        x0, x1 = round((left - self.left_m) * self.scale), round((right - self.left_m) * self.scale)
        y0 = round((self.layout.height_m - top) * self.scale)
        y1 = round((self.layout.height_m - bottom) * self.scale)
        return slice(max(0, y0), max(y0 + 1, y1, 1)), slice(max(0, x0), max(x0 + 1, x1, 1))

    def fill(self, rect: Rect, colour: Colour) -> None:
        """One colour."""
        self.day[self.box(rect)] = np.clip(colour, 0, 255)

    def multiply(self, rect: Rect, factor: float | NDArray[np.float32]) -> None:
        """Brighten or darken."""
        region = self.day[self.box(rect)]
        region[...] = np.clip(region * factor, 0, 255).astype(np.uint8)

    def shadow(self, rect: Rect, depth_m: float, look: Look) -> None:
        """What a thing of this rectangle that stands out by `depth_m` shades."""
        if not look.sun.lit:
            left, bottom, right, _ = rect
            self.multiply((left - 0.1, bottom - 0.5 * depth_m, right + 0.1, bottom), 0.86)
            return
        dx, dy = look.sun.shift[0] * depth_m, look.sun.shift[1] * depth_m
        left, bottom, right, top = rect
        corners = [(left, bottom), (right, bottom), (right, top), (left, top)]
        points = np.array(corners + [(x + dx, y + dy) for x, y in corners])
        pixels = np.column_stack([points[:, 0] - self.left_m, self.layout.height_m - points[:, 1]]) * self.scale
        hull = cv2.convexHull(np.round(pixels).astype(np.int32))
        x, y, width, height = cv2.boundingRect(hull)
        x0, y0 = max(0, x), max(0, y)
        region = self.day[y0 : y + height, x0 : x + width]
        if region.size:
            mask = np.zeros(region.shape[:2], np.uint8)
            cv2.fillConvexPoly(mask, hull - np.array([x0, y0]), 255)
            shaded = region * np.array([look.sun.shade * 1.12, look.sun.shade * 1.02, look.sun.shade], np.float32)
            region[mask > 0] = np.clip(shaded, 0, 255).astype(np.uint8)[mask > 0]


def paint_wall(rng: np.random.Generator, elevation: Elevation, look: Look) -> None:
    """Material, joints, stripes, stains and streaks of rain water."""
    size, scale = elevation.size, elevation.scale
    tone = 1 + 0.025 * fractal(rng, size, (scale * 6, scale * 6), 4)
    tone += 0.03 * look.dirt * smooth(rng, size, (scale * 0.25, scale * 9))
    tone += _grain(rng, size, scale, look)
    hue = 1 + 0.005 * np.stack([smooth(rng, size, (scale * 8, scale * 8)) for _ in range(3)], axis=2)
    wall = np.array(look.wall, np.float32) * hue * tone[..., None]
    elevation.day[...] = np.clip(wall, 0, 255).astype(np.uint8)
    layout = elevation.layout
    left, right = layout.column_edges_m[0], layout.column_edges_m[-1]
    for floor in range(1, layout.floors + 2):
        slab = layout.slab_m(floor)
        if look.stripes:
            elevation.fill((left, slab - 0.12, right, slab + 0.18), look.accent)
        elevation.multiply((left, slab - 0.16, right, slab - 0.12), 0.82)
    for edge in layout.column_edges_m[1:-1]:
        if look.material != "brick":
            elevation.multiply((edge - 0.03, 0, edge + 0.03, layout.height_m), 0.8)


def _grain(rng: np.random.Generator, size: tuple[int, int], scale: float, look: Look) -> NDArray[np.float32]:
    if look.material == "tiles":
        return 0.035 * cells(rng, size, (scale * 0.1, scale * 0.05)) + 0.02 * cells(rng, size, (scale, scale * 0.5))
    if look.material == "brick":
        return 0.09 * cells(rng, size, (scale * 0.24, scale * 0.075))
    if look.material == "panels":
        return 0.03 * cells(rng, size, (scale * 1.2, scale * 1.0)) + 0.01 * cells(rng, size, (3, 3))
    return 0.02 * cells(rng, size, (2, 2))


def paint_window(rng: np.random.Generator, elevation: Elevation, look: Look, opening: Opening) -> None:
    """Frame, panes with what they mirror, curtains, reveal, sill and the streaks below it."""
    left, bottom, right, top = opening.rect
    elevation.fill((left - 0.05, bottom - 0.05, right + 0.05, top + 0.05), look.frame)
    mirrored = 0.25 + 0.35 * opening.floor / elevation.layout.floors
    count = max(1, round((right - left) / ((look.window_m[0]) / look.panes)))
    width = (right - left) / count
    open_pane = int(rng.integers(count)) if rng.random() < 0.22 else -1
    curtain = float(rng.uniform(0.2, 1.0)) if rng.random() < look.curtains else 0.0
    cloth = np.array([205, 215, 222]) * rng.uniform(0.5, 1.0) + rng.normal(0, 12, 3)
    for pane in range(count):
        rect = (left + pane * width + 0.03, bottom + 0.03, left + (pane + 1) * width - 0.03, top - 0.03)
        _paint_pane(rng, elevation, look, rect, 0.05 if pane == open_pane else mirrored * rng.uniform(0.5, 1.5))
        if curtain and pane != open_pane:
            _paint_curtain(rng, elevation, rect, curtain, cloth)
        if opening.lamp is not None:
            _light_pane(rng, elevation, rect, opening.lamp, curtain)
    elevation.multiply((left, top - 0.14, right, top), 0.5)
    side = (left, bottom, left + 0.08, top) if rng.random() < 0.5 else (right - 0.08, bottom, right, top)
    elevation.multiply(side, 0.72)
    elevation.fill(
        (left - 0.1, bottom - 0.12, right + 0.1, bottom - 0.04),
        (0.9 * look.wall[0], 0.9 * look.wall[1], 0.9 * look.wall[2]),
    )
    _streak(rng, elevation, look, (left, bottom - 0.12, right, bottom - 0.12), 1.6)


def _paint_pane(rng: np.random.Generator, elevation: Elevation, look: Look, rect: Rect, mirrored: float) -> None:
    inside = np.array([52, 48, 44]) * rng.uniform(0.5, 1.3)
    sky = np.array(look.sun.sky_top) * 0.5 + np.array(look.sun.sky_low) * 0.5
    colour = inside * (1 - mirrored) + sky * mirrored
    elevation.fill(rect, (float(colour[0]), float(colour[1]), float(colour[2])))
    region = elevation.day[elevation.box(rect)]
    rows = np.linspace(1.12, 0.85, region.shape[0], dtype=np.float32)[:, None, None]
    patchy = 1 + 0.12 * smooth(rng, (region.shape[1], region.shape[0]), (region.shape[1] * 0.8, region.shape[0] * 0.5))
    region[...] = np.clip(region * rows * patchy[..., None], 0, 255).astype(np.uint8)


def _paint_curtain(
    rng: np.random.Generator, elevation: Elevation, rect: Rect, share: float, cloth: NDArray[np.float64]
) -> None:
    left, bottom, right, top = rect
    edge = left + (right - left) * min(1.0, share + rng.normal(0, 0.15))
    if edge - left < 0.1:
        return
    region = elevation.day[elevation.box((left, bottom, edge, top))]
    folds = 1 + 0.1 * np.sin(np.arange(region.shape[1]) * rng.uniform(0.5, 1.1) + rng.uniform(0, 6))
    region[...] = np.clip(0.45 * region + 0.5 * cloth * folds[None, :, None], 0, 255).astype(np.uint8)


def _light_pane(rng: np.random.Generator, elevation: Elevation, rect: Rect, lamp: Colour, curtain: float) -> None:
    """A lit room: bright at the ceiling lamp, dimmer behind a curtain, things standing at the window."""
    region = elevation.glow[elevation.box(rect)]
    height, width = region.shape[:2]
    fall = np.linspace(1.0, 0.6, height, dtype=np.float32)[:, None]
    light = fall * (1 + 0.15 * smooth(rng, (width, height), (width * 0.5, height * 0.4)))
    light *= (0.75 if curtain > 0.5 else 1.0) * rng.uniform(0.75, 1.1)
    region[...] = np.clip(light[..., None] * np.array(lamp, np.float32), 0, 255).astype(np.uint8)


def _streak(rng: np.random.Generator, elevation: Elevation, look: Look, line: Rect, longest_m: float) -> None:
    """Dirt washed down from a ledge: starts strong, thins out, uneven from side to side."""
    left, bottom, right, _ = line
    length = float(rng.uniform(0.3, 1.0)) * longest_m
    rows, columns = elevation.box((left, bottom - length, right, bottom))
    region = elevation.day[rows, columns]
    if region.size == 0:
        return
    height, width = region.shape[:2]
    across = np.clip(smooth(rng, (width, 1), (max(2.0, 0.12 * elevation.scale), 1)), 0, 2)
    down = np.linspace(1, 0, height, dtype=np.float32)[:, None]
    region[...] = np.clip(region * (1 - 0.16 * look.dirt * across * down)[..., None], 0, 255).astype(np.uint8)


def paint_stain(rng: np.random.Generator, elevation: Elevation, look: Look, rect: Rect) -> None:
    """The streak below something that drips (an air conditioner)."""
    left, bottom, right, _ = rect
    middle = rng.uniform(left, right)
    _streak(rng, elevation, look, (middle - 0.15, bottom, middle + 0.15, bottom), 4.0)


def random_lamp(rng: np.random.Generator, share: float) -> Colour | None:
    """The light of a room at night; `share` of rooms is lit."""
    if rng.random() >= share:
        return None
    base = _WARM[int(rng.integers(len(_WARM)))]
    strength = float(rng.uniform(0.55, 1.0))
    return (base[0] * strength, base[1] * strength, base[2] * strength)
