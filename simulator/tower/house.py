"""Builds one tower: openings and what is attached to them, floor by floor, then paints it as the camera sees it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.tower.elevation import (
    Elevation,
    Opening,
    Rect,
    paint_stain,
    paint_wall,
    paint_window,
    random_lamp,
)
from simulator.tower.geometry import FacadeCamera, FacadeLayout
from simulator.tower.look import CellKind, Colour, Look
from simulator.tower.relief import Block, Painter, front, reduced

Bgr = NDArray[np.uint8]

_FACTOR = 3
_BALCONY_M = 1.25


@dataclass(frozen=True)
class Balcony:
    """An open balcony: laundry hangs and people stand here."""

    floor: int
    column: int
    left: float
    right: float
    slab: float


@dataclass(frozen=True)
class House:
    """The tower alone. `day`, `glow` (h, w, 3) uint8 at picture size, `cover` (h, w) float32 0..1: where it stands."""

    day: Bgr
    glow: Bgr
    cover: NDArray[np.float32]
    openings: tuple[Opening, ...]
    balconies: tuple[Balcony, ...]
    spouts: tuple[tuple[float, float, float], ...]
    """Where air conditioners drip from, (X, Y, Z) in metres."""


def build_house(
    rng: np.random.Generator, camera: FacadeCamera, layout: FacadeLayout, look: Look, lit_share: float
) -> House:
    """Paint the tower; `lit_share` of its windows glow at night."""
    scale = float(np.clip(4000 / layout.height_m, 24, 44)) * min(1.5, max(0.4, camera.height / 720))
    elevation = Elevation(layout, scale)
    paint_wall(rng, elevation, look)
    openings = _openings(rng, layout, look, lit_share)
    balconies = _balconies(layout, look)
    for opening in openings:
        paint_window(rng, elevation, look, opening)
    for balcony in balconies:
        elevation.shadow((balcony.left, balcony.slab - 0.15, balcony.right, balcony.slab + 1.0), _BALCONY_M, look)
    boxes = _air_conditioners(rng, elevation, look, openings)
    painter = Painter(camera, _FACTOR)
    cover = _warp(painter, elevation)
    _paint_side(painter, layout, look)
    for floor in range(layout.floors, 0, -1):
        _paint_floor(rng, painter, layout, look, floor, balconies)
        for box in (item for item, number in boxes if number == floor):
            _paint_air_conditioner(rng, painter, box)
        _paint_attachments(rng, painter, look, [item for item in openings if item.floor == floor])
    _paint_roof(painter, layout, look)
    covered = painter.day.max(axis=2) > 0
    cover = np.maximum(cover, covered.astype(np.float32))
    size = (camera.width, camera.height)
    small_cover = cv2.resize(cover, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    return House(
        day=reduced(painter.day, _FACTOR),
        glow=reduced(painter.glow, _FACTOR),
        cover=small_cover,
        openings=tuple(openings),
        balconies=tuple(balconies),
        spouts=tuple((box.right - 0.1, box.bottom, box.outer - 0.05) for box, _ in boxes),
    )


def _openings(rng: np.random.Generator, layout: FacadeLayout, look: Look, lit_share: float) -> list[Opening]:
    found = []
    for column, kind in enumerate(look.cells, start=1):
        left, right = layout.column_edges_m[column - 1], layout.column_edges_m[column]
        for floor in range(1, layout.floors + 1):
            for rect in _rects(kind, look, left, right, layout.slab_m(floor)):
                share = 0.25 if kind == "stairs" else lit_share
                found.append(Opening(rect, floor, column, random_lamp(rng, share)))
    return found


def _rects(kind: CellKind, look: Look, left: float, right: float, slab: float) -> list[Rect]:
    wide, high = look.window_m
    bottom = slab + look.sill_m
    middle = (left + right) / 2
    if kind == "window":
        return [(middle - wide / 2, bottom, middle + wide / 2, bottom + high)]
    if kind == "pair":
        half = min(0.42 * wide, (right - left) * 0.2)
        quarter = (right - left) / 4
        return [(x - half, bottom, x + half, bottom + high) for x in (middle - quarter, middle + quarter)]
    if kind == "stairs":
        return [(middle - 0.45, slab + 1.2, middle + 0.45, slab + 2.2)]
    inset = 0.25 if kind == "balcony" else 0.3
    return [(left + inset, slab + 0.1, right - inset, slab + 2.35)]


def _balconies(layout: FacadeLayout, look: Look) -> list[Balcony]:
    return [
        Balcony(floor, column, layout.column_edges_m[column - 1] + 0.12, layout.column_edges_m[column] - 0.12,
                layout.slab_m(floor))
        for column, kind in enumerate(look.cells, start=1)
        if kind == "balcony"
        for floor in range(2, layout.floors + 1)
    ]  # fmt: skip


def _air_conditioners(
    rng: np.random.Generator, elevation: Elevation, look: Look, openings: list[Opening]
) -> list[tuple[Block, int]]:
    """Outdoor units below or beside windows, with their shadow and streak on the wall."""
    boxes = []
    for opening in openings:
        left, bottom, right, _ = opening.rect
        if rng.random() > look.air_conditioners or opening.floor < 2 or right - left > 2.6:
            continue
        x = rng.uniform(left, max(left, right - 0.9))
        y = bottom - 0.85
        block = Block(x, x + 0.85, y, y + 0.58, 0.08, 0.42)
        elevation.shadow((block.left, block.bottom, block.right, block.top), 0.42, look)
        paint_stain(rng, elevation, look, (block.left, block.bottom, block.right, block.top))
        boxes.append((block, opening.floor))
    return boxes


def _warp(painter: Painter, elevation: Elevation) -> NDArray[np.float32]:
    """The elevation into the picture; returns where it lies, at the painter's size."""
    enlarge = np.diag([float(painter.factor), float(painter.factor), 1.0])
    matrix = enlarge @ painter.camera.facade_homography() @ elevation.to_facade()
    size = (painter.day.shape[1], painter.day.shape[0])
    painter.day[...] = cv2.warpPerspective(elevation.day, matrix, size, flags=cv2.INTER_LINEAR)
    painter.glow[...] = cv2.warpPerspective(elevation.glow, matrix, size, flags=cv2.INTER_LINEAR)
    return np.zeros(painter.day.shape[:2], np.float32)


def _paint_side(painter: Painter, layout: FacadeLayout, look: Look) -> None:
    """The wall round the corner, if the camera sees it."""
    eye = float(painter.camera.position_m[0])
    left, right = layout.column_edges_m[0], layout.column_edges_m[-1]
    if left <= eye <= right:
        return
    x = left if eye < left else right
    tone = 0.7 if look.sun.lit else 0.85
    wall = np.array([[x, 0, 0], [x, 0, -12], [x, layout.height_m, -12], [x, layout.height_m, 0]])
    painter.polygon(wall, (look.wall[0] * tone, look.wall[1] * tone, look.wall[2] * tone))
    for floor in range(1, layout.floors + 1):
        y = layout.slab_m(floor) + 1.0
        pane = np.array([[x, y, -4], [x, y, -6], [x, y + 1.4, -6], [x, y + 1.4, -4]])
        painter.polygon(pane, (70, 68, 66))


def _paint_floor(
    rng: np.random.Generator,
    painter: Painter,
    layout: FacadeLayout,
    look: Look,
    floor: int,
    balconies: list[Balcony],
) -> None:
    slab = layout.slab_m(floor)
    order = sorted(range(1, layout.columns + 1), key=lambda number: -abs(_middle(layout, number) - painter_x(painter)))
    for column in order:
        kind = look.cells[column - 1]
        left, right = layout.column_edges_m[column - 1] + 0.12, layout.column_edges_m[column] - 0.12
        if floor < 2:
            continue
        if kind == "balcony":
            _paint_balcony(rng, painter, look, next(b for b in balconies if (b.floor, b.column) == (floor, column)))
        elif kind == "enclosed":
            _paint_enclosed(rng, painter, look, (left, right), slab)


def painter_x(painter: Painter) -> float:
    """Where along the facade the camera stands."""
    return float(painter.camera.position_m[0])


def _middle(layout: FacadeLayout, column: int) -> float:
    return (layout.column_edges_m[column - 1] + layout.column_edges_m[column]) / 2


def _paint_balcony(rng: np.random.Generator, painter: Painter, look: Look, balcony: Balcony) -> None:
    light = _varied(rng, look.wall, 0.97, 0.03)
    slab, deep = balcony.slab, _BALCONY_M
    painter.block(Block(balcony.left, balcony.right, slab - 0.15, slab, 0, deep), light, under=0.42)
    rail = Block(balcony.left, balcony.right, slab, slab + 1.05, 0, deep)
    if look.railing == "solid":
        painter.block(rail, _varied(rng, look.accent, 1.0, 0.04), under=0.4)
        top = Block(balcony.left - 0.03, balcony.right + 0.03, slab + 1.0, slab + 1.08, 0, deep + 0.04)
        painter.block(top, light)
    elif look.railing == "glass":
        tint = np.array(look.sun.sky_top) * 0.5 + np.array([70, 72, 66])
        painter.block(rail, (float(tint[0]), float(tint[1]), float(tint[2])), opacity=0.55)
        _bars(painter, rail, 1.1, 0.05, look.frame)
    else:
        _bars(painter, rail, 0.13, 0.022, (60, 62, 64))
    if rng.random() < 0.35:
        _paint_plants(rng, painter, balcony)


def _bars(painter: Painter, rail: Block, spacing: float, width: float, colour: Colour) -> None:
    for x in np.arange(rail.left, rail.right + 1e-6, spacing):
        painter.line(np.array([x, rail.bottom, rail.outer]), np.array([x, rail.top, rail.outer]), width, colour)
    for y in (rail.top, rail.bottom + 0.08):
        painter.line(np.array([rail.left, y, rail.outer]), np.array([rail.right, y, rail.outer]), 0.05, colour)


def _paint_plants(rng: np.random.Generator, painter: Painter, balcony: Balcony) -> None:
    x = rng.uniform(balcony.left + 0.2, balcony.right - 0.5)
    for _ in range(14):
        spot = np.array([x + rng.normal(0, 0.25), balcony.slab + 1.0 + abs(rng.normal(0, 0.2)), _BALCONY_M + 0.05])
        offsets = rng.normal(0, 0.09, (5, 2))
        leaf = spot + np.column_stack([offsets, np.zeros(5)])
        hull = leaf[cv2.convexHull(leaf[:, :2].astype(np.float32), returnPoints=False)[:, 0]]
        green = rng.uniform(0.5, 1.2)
        painter.polygon(hull, (40 * green, 90 * green, 60 * green))


def _paint_enclosed(
    rng: np.random.Generator, painter: Painter, look: Look, span: tuple[float, float], slab: float
) -> None:
    """A glazed balcony: parapet, a row of panes, a slab above."""
    left, right = span
    deep = 1.0
    painter.block(
        Block(left, right, slab - 0.15, slab + 0.85, 0, deep), _varied(rng, look.wall, 0.95, 0.03), under=0.42
    )
    count = max(3, round((right - left) / 0.9))
    width = (right - left) / count
    sky = np.array(look.sun.sky_top) * 0.5 + np.array(look.sun.sky_low) * 0.5
    glass = Block(left, right, slab + 0.85, slab + 2.75, 0, deep)
    painter.block(glass, look.frame)
    lamp = random_lamp(rng, 0.3)
    for pane in range(count):
        mirrored = rng.uniform(0.15, 0.75)
        colour = np.array([58, 55, 50]) * (1 - mirrored) + sky * mirrored
        inner = Block(left + pane * width + 0.05, left + (pane + 1) * width - 0.05, slab + 0.9, slab + 2.68, 0, deep)
        painter.polygon(front(inner), (float(colour[0]), float(colour[1]), float(colour[2])), glow=lamp or (0, 0, 0))
        if rng.random() < 0.4:
            blind = Block(inner.left, inner.right, inner.top - rng.uniform(0.2, 1.4), inner.top, 0, deep)
            painter.polygon(front(blind), (190, 200, 205), glow=_dim(lamp), opacity=0.5)


def _dim(lamp: Colour | None) -> Colour:
    return (0, 0, 0) if lamp is None else (lamp[0] * 0.5, lamp[1] * 0.5, lamp[2] * 0.5)


def _paint_air_conditioner(rng: np.random.Generator, painter: Painter, box: Block) -> None:
    tone = _varied(rng, (206, 212, 214), 1.0, 0.06)
    painter.block(box, tone, under=0.45)
    x, y = box.left + 0.3, (box.bottom + box.top) / 2
    turn = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    fan = np.column_stack([x + 0.22 * np.cos(turn), y + 0.22 * np.sin(turn), np.full(14, box.outer)])
    painter.polygon(fan, (92, 92, 92))
    start = np.array([box.right, y, 0.2])
    painter.line(start, start + np.array([0.12, rng.uniform(0.4, 1.0), -0.15]), 0.05, (200, 205, 205))


def _paint_attachments(rng: np.random.Generator, painter: Painter, look: Look, openings: list[Opening]) -> None:
    """Cages and awnings of single windows."""
    for opening in openings:
        left, bottom, right, top = opening.rect
        if right - left > 2.6 or opening.floor < 2:
            continue
        if rng.random() < look.cages:
            cage = Block(left - 0.08, right + 0.08, bottom - 0.1, top + 0.05, 0.0, 0.45)
            painter.block(Block(cage.left, cage.right, cage.bottom, cage.bottom + 0.04, 0, 0.45), (120, 124, 126))
            steel = _varied(rng, (150, 154, 156), 1.0, 0.1)
            _bars(painter, cage, 0.12, 0.016, steel)
            painter.line(np.array([cage.left, cage.top, 0.0]), np.array([cage.left, cage.top, 0.45]), 0.02, steel)
        if rng.random() < look.awnings:
            tint = ((150, 110, 50), (70, 120, 60), (200, 200, 195), (60, 70, 160))[int(rng.integers(4))]
            roof = np.array([[left - 0.2, top + 0.35, 0], [right + 0.2, top + 0.35, 0],
                             [right + 0.2, top + 0.02, 0.8], [left - 0.2, top + 0.02, 0.8]])  # fmt: skip
            painter.polygon(roof, _varied(rng, tint, 0.55, 0.1))


def _paint_roof(painter: Painter, layout: FacadeLayout, look: Look) -> None:
    """The parapet of the roof, seen as a ledge from below."""
    left, right, top = layout.column_edges_m[0], layout.column_edges_m[-1], layout.height_m
    painter.block(Block(left - 0.3, right + 0.3, top - 0.1, top + 1.1, 0, 0.5), look.accent, under=0.4)


def _varied(rng: np.random.Generator, colour: Colour, factor: float, spread: float) -> Colour:
    tone = factor * (1 + float(rng.normal(0, spread)))
    return (min(255.0, colour[0] * tone), min(255.0, colour[1] * tone), min(255.0, colour[2] * tone))
