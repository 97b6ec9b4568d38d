"""What stands around the tower: sky with clouds, other houses in the haze, trees in front."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.tower.geometry import FacadeCamera, FacadeLayout
from simulator.tower.look import Look, Sun
from simulator.tower.noise import fractal
from simulator.tower.relief import Block, Painter, reduced

Bgr = NDArray[np.uint8]
Picture = NDArray[np.float32]
"""(h, w, 3) float32, 0..255."""


def paint_sky(rng: np.random.Generator, size: tuple[int, int], sun: Sun) -> Picture:
    """Brighter towards the horizon, with clouds that are flat below."""
    width, height = size
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None] ** 1.3
    sky = np.array(sun.sky_top, np.float32) * (1 - down) + np.array(sun.sky_low, np.float32) * down
    field = fractal(rng, size, (width * 0.5, height * 0.28), 5)
    cloud = np.clip((field - 0.9 + 1.6 * sun.clouds) * 0.5, 0, 1)[..., None]
    white = np.array([242, 240, 238], np.float32) * (1 - 0.12 * np.clip(field[..., None], 0, 2))
    painted: Picture = sky * (1 - 0.85 * cloud) + white * 0.85 * cloud
    return painted.astype(np.float32)


def paint_neighbours(
    rng: np.random.Generator, camera: FacadeCamera, layout: FacadeLayout, look: Look, sky: Picture, lit_share: float
) -> tuple[Picture, Bgr]:
    """Other towers left, right and behind: (sky with them in the haze, their glow at night)."""
    painter = Painter(camera, 2)
    painter.day[...] = cv2.resize(np.clip(sky, 0, 255).astype(np.uint8), painter.day.shape[1::-1])
    spots = []
    for _ in range(int(rng.integers(2, 6))):
        side = float(rng.choice([-1.0, 1.0]))
        away = float(rng.uniform(15, 90))
        spots.append((away, side * (layout.width_m * 0.55 + rng.uniform(4, 70))))
    for away, x in sorted(spots, reverse=True):
        _paint_neighbour(rng, painter, look, (x, away), lit_share)
    _paint_horizon(rng, painter, look)
    return reduced(painter.day, 2).astype(np.float32), reduced(painter.glow, 2)


def _paint_neighbour(
    rng: np.random.Generator, painter: Painter, look: Look, spot: tuple[float, float], lit_share: float
) -> None:
    x, away = spot
    width, floors = float(rng.uniform(14, 34)), int(rng.integers(6, 34))
    haze = 1 - float(np.exp(-away / 130))
    sky = np.array(look.sun.sky_low)
    wall = np.array([1.0, 1.0, 1.0]) * rng.uniform(120, 190) + np.array([-8.0, 0.0, 8.0]) * rng.normal(0.5, 1)

    def hazy(colour: NDArray[np.float64]) -> tuple[float, float, float]:
        mixed = colour * (1 - haze) + sky * haze
        return (float(mixed[0]), float(mixed[1]), float(mixed[2]))

    left, top = x - width / 2, floors * 3.0
    face = np.array([[left, 0, -away], [left + width, 0, -away], [left + width, top, -away], [left, top, -away]])
    eye = float(painter.camera.position_m[0])
    edge = left + width if eye > left + width else left
    side = np.array([[edge, 0, -away], [edge, 0, -away - 14], [edge, top, -away - 14], [edge, top, -away]])
    painter.polygon(side, hazy(wall * 0.75))
    painter.polygon(face, hazy(wall))
    columns = max(3, int(width / 2.6))
    broad = rng.uniform(0.9, 2.0, columns)
    balcony = rng.random(columns) < 0.4
    for floor in range(floors):
        band = np.array([[left, floor * 3.0, -away], [left + width, floor * 3.0, -away],
                         [left + width, floor * 3.0 + 0.35, -away], [left, floor * 3.0 + 0.35, -away]])  # fmt: skip
        painter.polygon(band, hazy(wall * rng.uniform(0.86, 0.9)))
        for column in range(columns):
            x0, y0 = left + (column + 0.2) * width / columns, floor * 3.0 + 0.9
            pane = np.array([[x0, y0, -away], [x0 + broad[column], y0, -away],
                             [x0 + broad[column], y0 + 1.5, -away], [x0, y0 + 1.5, -away]])  # fmt: skip
            glow = (150.0, 195.0, 225.0) if rng.random() < lit_share * 0.8 else (0.0, 0.0, 0.0)
            painter.polygon(pane, hazy(wall * rng.uniform(0.25, 0.6)), glow=glow)
            if balcony[column]:
                block = Block(x0 - 0.3, x0 + broad[column] + 0.3, floor * 3.0, floor * 3.0 + 1.0, -away, -away + 1.0)
                painter.block(block, hazy(wall * rng.uniform(0.85, 1.0)), under=0.6)
            elif rng.random() < 0.4:
                unit = Block(x0, x0 + 0.8, y0 - 0.75, y0 - 0.2, -away, -away + 0.35)
                painter.block(unit, hazy(np.array([205.0, 208.0, 210.0])), under=0.6)


def _paint_horizon(rng: np.random.Generator, painter: Painter, look: Look) -> None:
    """Ground, and rows of trees and bushes that hide where the neighbours stand; nearer rows are lower and clearer."""
    sky = np.array(look.sun.sky_low)
    for away, tall in ((60.0, 9.0), (35.0, 6.0), (14.0, 3.0), (4.0, 1.2)):
        haze = 1 - float(np.exp(-away / 130))
        green = np.array([48.0, 78.0, 62.0]) * rng.uniform(0.6, 1.0)
        span = 2.2 * away + 70
        tone = green * (1 - haze) + sky * haze
        floor = np.array([[-span, -6, -away], [span, -6, -away], [span, 0.5 * tall, -away], [-span, 0.5 * tall, -away]])
        in_view = bool((painter.camera.to_camera(floor)[:, 2] > 1).all())
        if in_view:  # a camera that looks up steeply has the ground behind it
            painter.polygon(floor, (float(tone[0]), float(tone[1]), float(tone[2])))
        spots = np.column_stack(
            [rng.uniform(-span, span, 2600), tall * rng.uniform(0.2, 1, 2600) * rng.uniform(0.7, 1, 2600)]
        )
        leaves = np.empty((len(spots), 9, 3))
        lights = np.empty(len(spots))
        for number, spot in enumerate(spots[np.argsort(-spots[:, 1])]):
            lights[number] = rng.uniform(0.65, 1.2)
            leaves[number, :, :2] = rng.normal(0, 1, (9, 2)) * (0.02 * tall + 0.06) + spot
        leaves[..., 2] = -away
        if not in_view:
            continue
        outlines = painter.place(leaves.reshape(-1, 3)).reshape(-1, 9, 2)
        for outline, light in zip(outlines, lights, strict=True):
            painter.hull(outline, (float(tone[0] * light), float(tone[1] * light), float(tone[2] * light)))


def weathered(rng: np.random.Generator, picture: Picture, cover: NDArray[np.float32]) -> Picture:
    """The picture with the uneven tone that large walls have, where `cover` (h, w, 1) says so."""
    height, width = picture.shape[:2]
    tone = 0.035 * fractal(rng, (width, height), (width / 6, height / 6), 6)[..., None]
    weathered_picture: Picture = (picture * (1 + tone * cover)).astype(np.float32)
    return weathered_picture


@dataclass(frozen=True)
class Foliage:
    """Branches before the lens, at (left, top) of the picture.

    `layer` (h, w, 4) uint8, premultiplied, coverage last; `waves`: sine and cosine of each leaf's phase.
    """

    left: int
    top: int
    layer: NDArray[np.uint8]
    grid: tuple[NDArray[np.float32], NDArray[np.float32]]
    waves: tuple[NDArray[np.float32], NDArray[np.float32]]
    sway_px: float

    def covers(self, x: float, y: float) -> bool:
        """Whether the branches hide the picture's point, at rest."""
        column, row = round(x) - self.left, round(y) - self.top
        inside = 0 <= row < self.layer.shape[0] and 0 <= column < self.layer.shape[1]
        return bool(inside and self.layer[row, column, 3] > 127)

    def draw(self, canvas: Bgr, t_s: float) -> None:
        """Lay the branches over the picture as they stand at `t_s`, in place."""
        height, width = self.layer.shape[:2]
        gust = 0.6 + 0.4 * np.sin(0.43 * t_s) * np.sin(0.17 * t_s + 1)
        map_x = cv2.add(self.grid[0], self._swing(self.sway_px * gust, 2.1 * t_s))
        map_y = cv2.add(self.grid[1], self._swing(self.sway_px * gust * 0.6, 2.9 * t_s))
        layer = cv2.remap(self.layer, map_x, map_y, cv2.INTER_LINEAR).astype(np.uint8, copy=False)
        overlay(canvas[self.top : self.top + height, self.left : self.left + width], layer)

    def _swing(self, reach: float, angle: float) -> NDArray[np.float32]:
        """reach · sin(phase + angle), from the sine and cosine of the phase that are known already."""
        sine, cosine = self.waves
        swing = cv2.addWeighted(sine, reach * np.cos(angle), cosine, reach * np.sin(angle), 0)
        return swing.astype(np.float32, copy=False)


def overlay(region: Bgr, layer: NDArray[np.uint8]) -> None:
    """Lay a premultiplied (h, w, 4) uint8 layer over a region of the same size, in place."""
    clear = cv2.cvtColor(cv2.bitwise_not(layer[..., 3]), cv2.COLOR_GRAY2BGR)
    cv2.multiply(region, clear, dst=region, scale=1 / 255)
    cv2.add(region, cv2.cvtColor(layer, cv2.COLOR_BGRA2BGR), dst=region)


def grow_foliage(rng: np.random.Generator, size: tuple[int, int], sway_px: float) -> list[Foliage]:
    """Up to three crowns that reach into the picture from below or from a side; the tower's middle stays free."""
    width, height = size
    crowns = []
    for side in (-1, 1):
        if rng.random() < 0.75:
            across = width * (0.5 + side * rng.uniform(0.36, 0.56))
            crowns.append((across, height * rng.uniform(0.8, 1.05), height * rng.uniform(0.16, 0.34)))
    return [_grow_crown(rng, size, crown, sway_px) for crown in crowns]


def _grow_crown(
    rng: np.random.Generator, size: tuple[int, int], crown: tuple[float, float, float], sway_px: float
) -> Foliage:
    """Leaves in clumps, dark inside, lit from above; painted at twice the size."""
    x, y, radius = crown
    left, top = max(0, int(x - 1.8 * radius)), max(0, int(y - 1.8 * radius))
    right, bottom = min(size[0], int(x + 1.8 * radius)), size[1]
    width, height = max(8, right - left), max(8, bottom - top)
    large = np.zeros((height * 2, width * 2, 4), np.uint8)
    clumps = np.clip(rng.normal(0, 0.42, (70, 2)), -1.3, 1.3) * radius * 2 + (np.array([x - left, y - top]) * 2)
    hue = np.array([rng.uniform(35, 55), rng.uniform(75, 100), rng.uniform(55, 80)])
    leaf = max(2.0, radius * 0.035)
    for depth in range(3):
        for middle in clumps[rng.permutation(len(clumps))]:
            spots = middle + rng.normal(0, 0.16, (40, 2)) * radius
            for spot in spots:
                light = (0.35 + 0.32 * depth) * rng.uniform(0.6, 1.25) * (1.1 - 0.3 * (spot[1] / (2 * height)))
                colour = np.clip(hue * light, 0, 255)
                axes = (int(leaf * rng.uniform(0.6, 1.5)), max(1, int(leaf * rng.uniform(0.25, 0.7))))
                cv2.ellipse(large, (int(spot[0]), int(spot[1])), axes, float(rng.uniform(0, 180)), 0, 360,
                            (*map(float, colour), 255.0), -1, cv2.LINE_AA)  # fmt: skip
    layer = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)
    layer = cv2.GaussianBlur(layer, (0, 0), 0.7).astype(np.uint8)
    phase = fractal(rng, (width, height), (radius * 0.6, radius * 0.6), 3) * np.float32(1.6)
    rows, columns = _covered(layer[..., 3], int(np.ceil(2 * sway_px)) + 2)
    layer, phase = np.ascontiguousarray(layer[rows, columns]), phase[rows, columns]
    grid_y, grid_x = np.mgrid[0 : layer.shape[0], 0 : layer.shape[1]].astype(np.float32)
    waves = (np.sin(phase), np.cos(phase))
    return Foliage(left + columns.start, top + rows.start, layer, (grid_x, grid_y), waves, sway_px)


def _covered(coverage: NDArray[np.uint8], margin: int) -> tuple[slice, slice]:
    """Rows and columns that hold all that is covered, and `margin` pixels around it."""
    x, y, width, height = cv2.boundingRect(coverage)
    rows = slice(max(0, y - margin), min(coverage.shape[0], y + max(1, height) + margin))
    return rows, slice(max(0, x - margin), min(coverage.shape[1], x + max(1, width) + margin))
