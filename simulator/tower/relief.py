"""What stands out of the facade, painted in perspective: slabs, railings, air conditioners, cages, awnings.

Pictures are painted at a multiple of the final size and reduced, so that edges come out as a lens would give them.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.tower.geometry import FacadeCamera, Floats
from simulator.tower.look import Colour

Bgr = NDArray[np.uint8]

_SHIFT = 4


@dataclass(frozen=True, slots=True)
class Block:
    """A box in world metres: from (left, bottom, near the wall) to (right, top, away from the wall)."""

    left: float
    right: float
    bottom: float
    top: float
    inner: float
    outer: float


class Painter:
    """Paints polygons given in world metres on a day picture and on the picture of what glows at night."""

    def __init__(self, camera: FacadeCamera, factor: int) -> None:
        self.camera = camera
        self.factor = factor
        shape = (camera.height * factor, camera.width * factor, 3)
        self.day: Bgr = np.zeros(shape, np.uint8)
        self.glow: Bgr = np.zeros(shape, np.uint8)

    def place(self, points: Floats) -> NDArray[np.int32]:
        """World points (n, 3) -> large picture (n, 2), fixed point with 4 bits of fraction."""
        pixels = self.camera.project(points) * self.factor - 0.5
        return np.round(pixels * (1 << _SHIFT)).astype(np.int32)

    def polygon(self, points: Floats, colour: Colour, glow: Colour = (0, 0, 0), opacity: float = 1.0) -> None:
        """A convex polygon."""
        pixels = self.place(points)
        self._fill(self.day, pixels, colour, opacity)
        self._fill(self.glow, pixels, glow, opacity)

    def hull(self, pixels: NDArray[np.int32], colour: Colour) -> None:
        """The convex hull of points of the large picture (n, 2), as `place` gives them; it does not glow."""
        outline = cv2.convexHull(pixels)
        cv2.fillConvexPoly(self.day, outline, colour, cv2.LINE_AA, _SHIFT)
        cv2.fillConvexPoly(self.glow, outline, (0, 0, 0), cv2.LINE_AA, _SHIFT)

    def _fill(self, picture: Bgr, pixels: NDArray[np.int32], colour: Colour, opacity: float) -> None:
        if opacity >= 1:
            cv2.fillConvexPoly(picture, pixels, colour, cv2.LINE_AA, _SHIFT)
            return
        x, y, width, height = cv2.boundingRect(pixels >> _SHIFT)
        x0, y0 = max(0, x - 1), max(0, y - 1)
        region = picture[y0 : max(0, y + height + 1), x0 : max(0, x + width + 1)]
        if region.size == 0:
            return
        painted = region.copy()
        cv2.fillConvexPoly(painted, pixels - (np.array([x0, y0]) << _SHIFT), colour, cv2.LINE_AA, _SHIFT)
        cv2.addWeighted(painted, opacity, region, 1 - opacity, 0, dst=region)

    def line(self, start: Floats, end: Floats, width_m: float, colour: Colour) -> None:
        """A bar; never thinner than one pixel of the large picture, then fainter instead."""
        middle = (start + end) / 2
        width = float(self.camera.pixels_per_metre(middle)[0]) * width_m * self.factor
        pixels = self.place(np.stack([start, end]))
        ends = [(int(x), int(y)) for x, y in pixels]
        cv2.line(self.day, ends[0], ends[1], colour, max(1, round(width)), cv2.LINE_AA, _SHIFT)
        cv2.line(self.glow, ends[0], ends[1], (0, 0, 0), max(1, round(width)), cv2.LINE_AA, _SHIFT)

    def block(self, block: Block, colour: Colour, opacity: float = 1.0, under: float = 0.5) -> None:
        """A box: the side turned to the camera, its underside (dark), its front."""
        eye = self.camera.position_m
        left, right, bottom, top = block.left, block.right, block.bottom, block.top
        inner, outer = block.inner, block.outer
        if eye[1] < bottom:
            self.polygon(_level(left, right, bottom, (inner, outer)), _shade(colour, under), opacity=opacity)
        if eye[0] < left:
            self.polygon(_side(left, bottom, top, (inner, outer)), _shade(colour, 0.74), opacity=opacity)
        if eye[0] > right:
            self.polygon(_side(right, bottom, top, (inner, outer)), _shade(colour, 0.82), opacity=opacity)
        self.polygon(front(block), colour, opacity=opacity)


def front(block: Block) -> Floats:
    """The four corners of a box's front."""
    z = block.outer
    return np.array(
        [
            [block.left, block.bottom, z],
            [block.right, block.bottom, z],
            [block.right, block.top, z],
            [block.left, block.top, z],
        ]
    )


def _level(left: float, right: float, y: float, depth: tuple[float, float]) -> Floats:
    inner, outer = depth
    return np.array([[left, y, inner], [right, y, inner], [right, y, outer], [left, y, outer]])


def _side(x: float, bottom: float, top: float, depth: tuple[float, float]) -> Floats:
    inner, outer = depth
    return np.array([[x, bottom, inner], [x, bottom, outer], [x, top, outer], [x, top, inner]])


def _shade(colour: Colour, factor: float) -> Colour:
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)


def reduced(picture: Bgr, factor: int) -> Bgr:
    """The large picture at final size."""
    height, width = picture.shape[:2]
    small: Bgr = cv2.resize(picture, (width // factor, height // factor), interpolation=cv2.INTER_AREA).astype(np.uint8)
    return small
