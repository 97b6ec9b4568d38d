"""A vehicle as the camera sees it from one distance: its shell and side drawn point by point, lit and cut out.

Points are painted from the far end to the near one, so that nearer ones cover farther ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.checkpoint.light import Light, shade
from simulator.checkpoint.paint import Skin
from simulator.checkpoint.vehicles import Shell
from simulator.checkpoint.view import View

Array = NDArray[np.float32]
Picture = NDArray[np.uint8]

MOST_PIXELS_PER_METRE = 210.0
_COARSE = (90, 28)
_DENSITY = 1.7
"""Points per pixel along each direction: fewer leave holes, more cost time."""


@dataclass(frozen=True)
class Placed:
    """A vehicle in the world: `x` of its middle, `near` the Y of the end that faces the camera."""

    x: float
    near: float

    def world(self, points: Array) -> Array:
        """Vehicle coordinates (l, y, z) to world coordinates (X, Y, Z)."""
        return np.stack([self.x + points[..., 1], self.near + points[..., 0], points[..., 2]], axis=-1)


@dataclass(frozen=True)
class Sprite:
    """A cut-out (h, w, 4) premultiplied, and the pixels of its anchors (4, 2) in it; the shadow lies on the road."""

    picture: Picture
    anchors: Array
    shadow: Picture
    shadow_anchors: Array


def anchor_points(shell: Shell) -> Array:
    """Four points that carry a sprite from one distance to the next: the lower edge of the end, and the roof's front."""
    w, roof = shell.half_width, float(shell.centre[int(np.argmax(shell.centre[:, 1] > 0.97 * shell.height)), 0])
    low = float(shell.centre[0, 1])
    h = shell.height
    return np.array([[0, -w, low], [0, w, low], [roof, w, h], [roof, -w, h]], np.float32)


def ground_points(shell: Shell) -> Array:
    """Four points on the road below the vehicle."""
    w, n = shell.half_width + 0.8, shell.length
    return np.array([[-0.6, -w, 0], [-0.6, w, 0], [n + 0.6, w, 0], [n + 0.6, -w, 0]], np.float32)


def draw_sprite(view: View, light: Light, shell: Shell, skin: Skin, side: Skin, placed: Placed) -> Sprite:
    """The vehicle at this place, at most `MOST_PIXELS_PER_METRE`."""
    true_scale = view.pixels_per_metre(np.array([placed.x, placed.near, 0.5]))
    shrink = min(1.0, MOST_PIXELS_PER_METRE / true_scale)
    coarse = placed.world(shell.grid(*_COARSE))
    pixels, _ = view.project(coarse)
    box = _bounds(pixels, margin=6 / shrink)
    size = (max(8, int(box[2] * shrink)), max(8, int(box[3] * shrink)))
    canvas = np.zeros((size[1] * size[0], 4), np.uint8)
    place = (pixels - np.array(box[:2], np.float32)) * shrink
    _splat(canvas, size, _side_points(view, light, shell, side, placed, box, shrink))
    _splat(canvas, size, _shell_points(view, light, coarse, place, skin, true_scale * shrink, shell))
    picture = cv2.GaussianBlur(canvas.reshape(size[1], size[0], 4), (3, 3), 0.7)
    anchors, _ = view.project(placed.world(anchor_points(shell)))
    shadow, shadow_anchors = _shadow(light, shell)
    return Sprite(picture, (anchors - np.array(box[:2], np.float32)) * shrink, shadow, shadow_anchors)


def _bounds(pixels: Array, margin: float) -> tuple[float, float, float, float]:
    low, high = pixels.reshape(-1, 2).min(0) - margin, pixels.reshape(-1, 2).max(0) + margin
    return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])


@dataclass(frozen=True)
class _Points:
    """Pixel places (n, m, 2) and colours (n, m, 3), rows from near to far."""

    place: Array
    colour: Array


def _normals(points: Array, flip: float) -> Array:
    across, along = np.gradient(points, axis=1), np.gradient(points, axis=0)
    normal = flip * np.cross(across, along)
    return (normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)).astype(np.float32)


def _towards(view: View, points: Array) -> Array:
    direction = view.position.astype(np.float32) - points
    return (direction / np.linalg.norm(direction, axis=-1, keepdims=True)).astype(np.float32)


def _shell_points(
    view: View, light: Light, coarse: Array, place: Array, skin: Skin, scale: float, shell: Shell
) -> _Points:
    normals, towards = _normals(coarse, 1.0), _towards(view, coarse)
    seen = (normals * towards).sum(-1).max(axis=1) > -0.05
    last = int(np.flatnonzero(seen).max()) + 2 if seen.any() else len(coarse)
    keep = min(last, len(coarse))
    rows = int(shell.arc * keep / len(coarse) * scale * _DENSITY)
    columns = int(2 * shell.half_width * scale * _DENSITY)
    diffuse, mirrored = shade(light, normals[:keep], towards[:keep])
    occlusion = np.clip(0.45 + coarse[:keep, :, 2:3] * 1.2, 0.45, 1.0)
    return _lit(_Lit(place[:keep], diffuse * occlusion, mirrored), _top(skin, keep / len(coarse)), (columns, rows))


@dataclass(frozen=True)
class _Lit:
    place: Array
    diffuse: Array
    mirrored: Array


def _top(skin: Skin, share: float) -> Skin:
    rows = max(2, int(share * len(skin.colour)))
    return Skin(skin.colour[:rows], skin.gloss[:rows], skin.glow[:rows])


def _lit(lit: _Lit, skin: Skin, size: tuple[int, int]) -> _Points:
    def grown(field: Array) -> Array:
        return cv2.resize(field, size, interpolation=cv2.INTER_LINEAR)

    colour = grown(skin.colour) * grown(lit.diffuse)
    colour += grown(skin.gloss)[..., None] * grown(lit.mirrored)
    colour += grown(skin.glow)
    return _Points(grown(lit.place), colour)


def _side_points(
    view: View,
    light: Light,
    shell: Shell,
    side: Skin,
    placed: Placed,
    box: tuple[float, float, float, float],
    shrink: float,
) -> _Points:
    """The side that the camera sees: from the shell's edge down to the sill."""
    sign = -1.0 if placed.x > view.x else 1.0
    edge = shell.grid(_COARSE[0], 3)[:, 0 if sign < 0 else 2]
    body = edge[(edge[:, 2] > 0.3)]
    level = np.linspace(0, 1, 14, dtype=np.float32)[None, :, None]
    sill = np.stack([body[:, 0], sign * np.full(len(body), shell.half_width * 0.99), np.full(len(body), 0.2)], -1)
    grid = body[:, None] * (1 - level) + sill[:, None] * level
    bulge = np.sin(level * np.pi) * 0.04
    grid[..., 1] = np.where(level[..., 0] > 0.35, sign * shell.half_width * 0.99, grid[..., 1]) + sign * bulge[..., 0]
    world = placed.world(grid.astype(np.float32))
    normals = np.zeros_like(world)
    normals[..., 0], normals[..., 2] = sign, 0.15
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    diffuse, mirrored = shade(light, normals, _towards(view, world))
    pixels, _ = view.project(world)
    place = (pixels - np.array(box[:2], np.float32)) * shrink
    lit = _Lit(place, diffuse * np.clip(0.4 + world[..., 2:3], 0.4, 1), mirrored)
    scale = view.pixels_per_metre(np.array([placed.x, placed.near, 0.5])) * shrink
    dense = (int(shell.height * scale * _DENSITY * 0.8), int(shell.length * scale * _DENSITY * 0.8))
    u = cv2.resize(grid[..., 0].astype(np.float32), dense) / shell.length * side.colour.shape[1]
    v = (1 - cv2.resize(grid[..., 2].astype(np.float32), dense) / shell.height) * side.colour.shape[0]
    taken = Skin(
        cv2.remap(side.colour, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        cv2.remap(side.gloss, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.zeros((1, 1, 3), np.float32),
    )
    return _lit(lit, taken, dense)


def _splat(canvas: Picture, size: tuple[int, int], points: _Points) -> None:
    """Write the points' colours at their pixels, the far rows first."""
    x = points.place[::-1, :, 0].astype(np.int32)
    y = points.place[::-1, :, 1].astype(np.int32)
    inside = (x >= 0) & (y >= 0) & (x < size[0]) & (y < size[1])
    colour = np.clip(points.colour[::-1], 0, 255).astype(np.uint8)
    packed = np.dstack([colour, np.full(x.shape, 255, np.uint8)]).view(np.uint32)[..., 0]
    canvas.view(np.uint32)[:, 0][(y * size[0] + x)[inside]] = packed[inside]


def _shadow(light: Light, shell: Shell) -> tuple[Picture, Array]:
    """Darkness on the road (h, w) 0..255: under the vehicle, and where it keeps the sun off."""
    per_metre = 24.0
    n, w = shell.length + 6.0, 2 * shell.half_width + 6.0
    size = (int(w * per_metre), int(n * per_metre))

    def pixel(points: Array) -> NDArray[np.int32]:
        flat = np.stack([(points[..., 1] + w / 2) * per_metre, (points[..., 0] + 3.0) * per_metre], -1)
        return np.round(flat).astype(np.int32)

    below = np.zeros((size[1], size[0]), np.float32)
    hw, length = shell.half_width * 0.97, shell.length
    cv2.fillConvexPoly(
        below, pixel(np.array([[0.1, -hw], [0.1, hw], [length - 0.1, hw], [length - 0.1, -hw]], np.float32)), 1.0
    )
    below = cv2.GaussianBlur(below, (0, 0), 0.16 * per_metre) * (0.82 if not light.night else 0.7)
    if light.sun_level > 0.12 and not light.night:
        grid = shell.grid(60, 9)
        cast = grid[..., :2].copy()
        cast[..., 0] -= grid[..., 2] * light.sun[1] / light.sun[2]
        cast[..., 1] -= grid[..., 2] * light.sun[0] / light.sun[2]
        sunless = np.zeros_like(below)
        hull = cv2.convexHull(pixel(cast.reshape(-1, 2)))
        cv2.fillConvexPoly(sunless, hull, 1.0)
        sunless = (
            cv2.GaussianBlur(sunless, (0, 0), 0.05 * per_metre) * light.sun_level / (light.sun_level + light.sky_level)
        )
        below = np.maximum(below, sunless)
    corners = np.array(
        [[-3.0, -w / 2, 0], [-3.0, w / 2, 0], [length + 3.0, w / 2, 0], [length + 3.0, -w / 2, 0]], np.float32
    )
    return np.clip(below * 255, 0, 255).astype(np.uint8), corners
