"""A vehicle as the camera sees it from one distance: its shell and side drawn point by point, lit and cut out.

Points are painted from the far end to the near one, so that nearer ones cover farther ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.checkpoint.light import Light, as_picture, shade
from simulator.checkpoint.paint import Skin
from simulator.checkpoint.vehicles import Shell
from simulator.checkpoint.view import View

Array = NDArray[np.float32]
Picture = NDArray[np.uint8]

MOST_PIXELS_PER_METRE = 170.0
_COARSE = (90, 28)
SHADOW_ROOM = 3.0
_NEAREST = 1.3
"""Y in metres; what is closer lies below the picture."""
_DENSITY = 1.35
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
    """A cut-out (h, w, 4) premultiplied; `anchors` (4, 2) are the pixels of the vehicle's points `carried` (4, 3)."""

    picture: Picture
    anchors: Array
    carried: Array


@dataclass(frozen=True)
class _Table:
    """Where a sprite is drawn: `box` is its left, top, width, height in the camera's pixels, scaled by `shrink`."""

    view: View
    light: Light
    shell: Shell
    placed: Placed
    box: tuple[float, float, float, float]
    shrink: float
    scale: float
    """Pixels of the sprite per metre at the vehicle's nearest visible point."""

    @property
    def size(self) -> tuple[int, int]:
        return max(8, int(self.box[2] * self.shrink)), max(8, int(self.box[3] * self.shrink))

    def place(self, world: Array) -> Array:
        """Pixels of the sprite (..., 2) of world points (..., 3)."""
        pixels, _ = self.view.project(world)
        return (pixels - np.array(self.box[:2], np.float32)) * self.shrink


def draw_sprite(view: View, light: Light, shell: Shell, skins: tuple[Skin, Skin], placed: Placed) -> Sprite | None:
    """What the camera sees of the vehicle (shell and side) at this place; None when nothing is in the picture."""
    coarse = placed.world(shell.grid(*_COARSE))
    normals = _normals(coarse)
    shown = _shown_rows(view, coarse, normals)
    if shown is None:
        return None
    first, last = shown
    pixels, depth = view.project(coarse[first:last])
    scale = view.focal_px / float(depth.min())
    shrink = min(1.0, MOST_PIXELS_PER_METRE / scale)
    box = _bounds(pixels, 8 / shrink, view.size)
    table = _Table(view, light, shell, placed, box, shrink, scale * shrink)
    # One cell more than the picture has: what falls outside lands there.
    canvas = np.zeros((table.size[1] * table.size[0] + 1, 4), np.uint8)
    _tyres(canvas, table)
    _splat(canvas, table.size, _side_points(table, skins[1]))
    _splat(canvas, table.size, _shell_points(table, coarse, normals, shown, skins[0]))
    _mirrors(canvas, table, skins[0])
    picture = cv2.GaussianBlur(canvas[:-1].reshape(table.size[1], table.size[0], 4), (3, 3), 0.7)
    carried = _carried(shell, first, last)
    return Sprite(np.asarray(picture, np.uint8), table.place(placed.world(carried)), carried)


def _shown_rows(view: View, coarse: Array, normals: Array) -> tuple[int, int] | None:
    """First and last row that faces the camera and has a part in the picture or close to it."""
    pixels, depth = view.project(coarse)
    width, height = view.size
    reach = np.array([0.12 * width, 0.25 * height])
    near = ((pixels > -reach) & (pixels < np.array(view.size) + reach)).all(-1) & (coarse[..., 1] > _NEAREST)
    facing = (normals * _towards(view, coarse)).sum(-1) > -0.05
    rows = np.flatnonzero(near.any(1) & facing.any(1) & (depth.min(1) > 1.0))
    if len(rows) < 4:
        return None
    return int(rows[0]), min(int(rows[-1]) + 2, len(coarse))


def _carried(shell: Shell, first: int, last: int) -> Array:
    """Four points that carry a sprite from one distance to the next: the lowest visible row, and the roof's front."""
    grid = shell.grid(*_COARSE)
    high = np.flatnonzero(grid[:, _COARSE[1] // 2, 2] > 0.97 * shell.height)
    roof = next((int(row) for row in high if row > first + 3), last - 1)
    row = min(max(roof, first + 3), last - 1)
    return np.array([grid[first, 0], grid[first, -1], grid[row, -1], grid[row, 0]], np.float32)


def _bounds(pixels: Array, margin: float, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Left, top, width, height around the points, not far beyond the picture."""
    room = np.array(size) * 0.3
    low = np.maximum(pixels.reshape(-1, 2).min(0) - margin, -room)
    high = np.minimum(pixels.reshape(-1, 2).max(0) + margin, np.array(size) + room)
    return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])


@dataclass(frozen=True)
class _Points:
    """Pixel places (n, m, 2) and colours (n, m, 3), rows from near to far."""

    place: Array
    colour: Array


@dataclass(frozen=True)
class _Lit:
    """A coarse grid: pixel places (n, m, 2), diffuse factor and mirrored light (n, m, 3)."""

    place: Array
    diffuse: Array
    mirrored: Array


def _normals(points: Array) -> Array:
    normal = np.cross(np.gradient(points, axis=1), np.gradient(points, axis=0))
    return np.asarray(normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9), np.float32)


def _towards(view: View, points: Array) -> Array:
    direction = view.position.astype(np.float32) - points
    return np.asarray(direction / np.linalg.norm(direction, axis=-1, keepdims=True), np.float32)


def _shell_points(table: _Table, coarse: Array, normals: Array, shown: tuple[int, int], skin: Skin) -> _Points:
    first, last = shown
    part, share = coarse[first:last], (last - first) / len(coarse)
    rows = max(8, int(table.shell.arc * share * table.scale * _DENSITY))
    columns = max(8, int(2 * table.shell.half_width * table.scale * _DENSITY))
    diffuse, mirrored = shade(table.light, normals[first:last], _towards(table.view, part))
    occlusion = np.clip(0.45 + part[..., 2:3] * 1.2, 0.45, 1.0)
    lit = _Lit(table.place(part), diffuse * occlusion, mirrored)
    return _lit(lit, _cut(skin, first / len(coarse), last / len(coarse)), (columns, rows))


def _cut(skin: Skin, start: float, end: float) -> Skin:
    rows = slice(int(start * len(skin.colour)), max(int(end * len(skin.colour)), int(start * len(skin.colour)) + 2))
    return Skin(skin.colour[rows], skin.gloss[rows], skin.glow[rows])


def _lit(lit: _Lit, skin: Skin, size: tuple[int, int]) -> _Points:
    def grown(field: Array) -> Array:
        return np.asarray(cv2.resize(field, size, interpolation=cv2.INTER_LINEAR), np.float32)

    colour = np.asarray(cv2.multiply(grown(skin.colour), grown(lit.diffuse)), np.float32)
    gloss = np.asarray(cv2.cvtColor(grown(skin.gloss), cv2.COLOR_GRAY2BGR), np.float32)
    cv2.accumulateProduct(gloss, grown(lit.mirrored), colour)
    if skin.glow.any():
        cv2.accumulate(grown(skin.glow), colour)
    return _Points(grown(lit.place), colour)


def _flank(shell: Shell, sign: float) -> Array:
    """The side as a grid (n, 14, 3) in vehicle coordinates: from the shell's edge over the waist to the sill."""
    edge = shell.grid(_COARSE[0], 3)[:, 0 if sign < 0 else 2]
    body = edge[(edge[:, 2] > 0.3) & (edge[:, 0] > 0.3)]
    ends = np.minimum(body[:, 0], shell.length - body[:, 0])
    waist = shell.half_width * (0.985 - 0.1 * np.exp(-np.maximum(ends - 0.2, 0) / 0.25))
    waist = np.maximum(waist, np.abs(body[:, 1]) * (body[:, 2] < 0.7))
    level = np.linspace(0, 1, 14, dtype=np.float32)[None]
    out = np.clip(level / 0.4, 0, 1) ** 0.8
    y = np.abs(body[:, 1:2]) * (1 - out) + waist[:, None] * out
    z = body[:, 2:3] * (1 - level) + 0.22 * level
    return np.stack([np.broadcast_to(body[:, 0:1], y.shape), sign * y, z], -1).astype(np.float32)


def _side_points(table: _Table, side: Skin) -> _Points:
    """The side that the camera sees."""
    shell, sign = table.shell, -1.0 if table.placed.x > table.view.x else 1.0
    grid = _flank(shell, sign)
    world = table.placed.world(grid)
    visible = np.flatnonzero(world[:, 0, 1] > _NEAREST)
    if len(visible) < 3:
        return _Points(np.zeros((1, 1, 2), np.float32), np.zeros((1, 1, 3), np.float32))
    grid, world = grid[visible], world[visible]
    normals = np.zeros_like(world)
    normals[..., 0], normals[..., 2] = sign, 0.15
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    diffuse, mirrored = shade(table.light, normals, _towards(table.view, world))
    lit = _Lit(table.place(world), diffuse * np.clip(0.4 + world[..., 2:3], 0.4, 1), mirrored)
    along = float(np.ptp(grid[..., 0]))
    dense = (
        max(8, int(shell.height * table.scale * _DENSITY * 0.7)),
        max(8, int(along * table.scale * _DENSITY * 0.7)),
    )
    u = cv2.resize(grid[..., 0], dense) / shell.length * side.colour.shape[1]
    v = (1 - cv2.resize(grid[..., 2], dense) / shell.height) * side.colour.shape[0]
    u, v = np.asarray(u, np.float32), np.asarray(v, np.float32)
    colour = cv2.remap(side.colour, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    gloss = cv2.remap(side.gloss, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    none = np.zeros((1, 1, 3), np.float32)
    return _lit(lit, Skin(np.asarray(colour, np.float32), np.asarray(gloss, np.float32), none), dense)


def _polygon(canvas: Picture, table: _Table, world: Array, colour: tuple[float, float, float]) -> None:
    """Fill a world polygon on the canvas, in place."""
    image = canvas[:-1].reshape(table.size[1], table.size[0], 4)
    points = np.round(table.place(world) * 8).astype(np.int32)
    cv2.fillConvexPoly(image, points, (*colour, 255.0), cv2.LINE_AA, 3)


def _tyres(canvas: Picture, table: _Table) -> None:
    """The tyres of the near axle, seen below the bumper."""
    shell, placed = table.shell, table.placed
    back = 0.75 if shell.kind not in ("truck", "bus") else 1.3
    if placed.near + back < _NEAREST:
        return
    for side in (-1.0, 1.0):
        outer, inner = side * shell.half_width * 0.93, side * (shell.half_width * 0.93 - 0.21)
        corners = [[back, inner, 0.02], [back, outer, 0.02], [back - 0.1, outer, 0.34], [back - 0.1, inner, 0.34]]
        grey = 6.0 if table.light.night else 17.0
        _polygon(canvas, table, placed.world(np.array(corners, np.float32)), (grey, grey, grey))


def _mirrors(canvas: Picture, table: _Table, skin: Skin) -> None:
    """The outside mirrors."""
    shell, placed = table.shell, table.placed
    if shell.end != "front" or placed.near + 1.2 < _NEAREST:
        return
    tall = {"car": (1.3, 1.0), "suv": (1.35, 1.15), "van": (0.95, 1.2), "truck": (0.3, 1.75), "bus": (0.2, 2.1)}[
        shell.kind
    ]
    body = skin.colour[len(skin.colour) // 2, skin.colour.shape[1] // 2]
    colour = np.array((30.0, 30.0, 30.0)) if shell.kind in ("truck", "bus") else body
    level = 0.3 if table.light.night else 0.78
    half, high = (0.11, 0.07) if shell.kind not in ("truck", "bus") else (0.1, 0.2)
    for side in (-1.0, 1.0):
        turn = np.linspace(0, 2 * np.pi, 16)
        y = side * (shell.half_width + half * 0.75) + half * np.cos(turn)
        ring = np.stack([np.full(16, tall[0]), y, tall[1] + high * np.sin(turn)], -1).astype(np.float32)
        blue, green, red = (float(c) * level for c in colour)
        _polygon(canvas, table, placed.world(ring), (blue, green, red))


def _splat(canvas: Picture, size: tuple[int, int], points: _Points) -> None:
    """Write the points' colours at their pixels, the far rows first."""
    places = points.place.astype(np.int32)
    x, y = places[..., 0], places[..., 1]
    outside = (x < 0) | (y < 0) | (x >= size[0]) | (y >= size[1])
    index = y * size[0] + x
    index[outside] = len(canvas) - 1
    colour = cv2.cvtColor(cv2.convertScaleAbs(points.colour), cv2.COLOR_BGR2BGRA)
    packed = colour.view(np.uint32)[..., 0]
    canvas.view(np.uint32)[:, 0][index[::-1]] = packed[::-1]


def draw_shadow(light: Light, shell: Shell) -> Picture:
    """Darkness on the road (h, w) 0..255, `SHADOW_ROOM` wider than the vehicle all around: under it, and cast."""
    per_metre = 24.0
    n, w = shell.length + 2 * SHADOW_ROOM, 2 * (shell.half_width + SHADOW_ROOM)
    size = (int(w * per_metre), int(n * per_metre))

    def pixel(points: Array) -> NDArray[np.int32]:
        flat = np.stack([(points[..., 1] + w / 2) * per_metre, (points[..., 0] + SHADOW_ROOM) * per_metre], -1)
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
    return as_picture(below * 255)
