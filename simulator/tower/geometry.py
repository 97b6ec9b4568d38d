"""The camera before the facade, and the facade's floors and columns.

World: X to the right along the facade, Y up, Z out of the facade towards the camera, all in metres; the facade is the
plane Z = 0, its middle stands at X = 0, the ground at Y = 0. Pictures: x to the right, y down, in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FacadeLayout:
    """Floors count from 1 at the ground, columns (flats) from 1 at the left; `column_edges_m` has one edge more."""

    floors: int
    floor_height_m: float
    column_edges_m: tuple[float, ...]

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return len(self.column_edges_m) - 1

    @property
    def height_m(self) -> float:
        """Roof above the ground."""
        return self.floors * self.floor_height_m

    @property
    def width_m(self) -> float:
        """From the left edge to the right one."""
        return self.column_edges_m[-1] - self.column_edges_m[0]

    def slab_m(self, floor: int) -> float:
        """Height of the slab at the bottom of `floor`; `floors + 1` is the roof."""
        return (floor - 1) * self.floor_height_m


@dataclass(frozen=True)
class FacadeCamera:
    """A pinhole camera. `rotation` (3, 3) turns world directions into (right, down, forward)."""

    width: int
    height: int
    focal_px: float
    position_m: Floats
    rotation: Floats

    def to_camera(self, points: Floats) -> Floats:
        """World points (n, 3) in metres -> (right, down, forward) in metres."""
        turned: Floats = (np.atleast_2d(points) - self.position_m) @ self.rotation.T
        return turned

    def project(self, points: Floats) -> Floats:
        """World points (n, 3) in metres -> picture (n, 2) in pixels, for points before the camera."""
        seen = self.to_camera(points)
        centre = np.array([self.width / 2, self.height / 2])
        projected: Floats = seen[:, :2] / seen[:, 2:] * self.focal_px + centre
        return projected

    def pixels_per_metre(self, points: Floats) -> Floats:
        """Scale (n,) across the line of sight at world points (n, 3)."""
        scale: Floats = self.focal_px / self.to_camera(points)[:, 2]
        return scale

    def facade_homography(self) -> Floats:
        """(3, 3): (X, Y, 1) on the facade -> picture, homogeneous."""
        centre = np.array([[self.focal_px, 0, self.width / 2], [0, self.focal_px, self.height / 2], [0, 0, 1]])
        columns = np.column_stack([self.rotation[:, 0], self.rotation[:, 1], -self.rotation @ self.position_m])
        homography: Floats = centre @ columns
        return homography


def look(yaw: float, pitch: float, roll: float) -> Floats:
    """Rotation of a camera facing the facade, turned right by `yaw`, up by `pitch`, clockwise by `roll` (radians)."""
    forward = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), -np.cos(yaw) * np.cos(pitch)])
    right = np.array([np.cos(yaw), 0.0, np.sin(yaw)])
    down = np.cross(forward, right)
    turned_right = np.cos(roll) * right + np.sin(roll) * down
    return np.stack([turned_right, np.cross(forward, turned_right), forward])


def random_layout(rng: np.random.Generator, floors: int | None = None) -> FacadeLayout:
    """A house of 8 to 33 floors and 6 to 12 columns of flats, 2.8 to 3.2 m a floor."""
    count = floors if floors is not None else int(rng.integers(8, 34))
    widths = rng.uniform(3.0, 4.6, size=int(rng.integers(3, 7)))
    pattern = np.concatenate([widths, widths[::-1]]) if rng.random() < 0.7 else np.tile(widths, 2)
    edges = np.concatenate([[0.0], np.cumsum(pattern)])
    edges -= edges[-1] / 2
    return FacadeLayout(count, float(np.round(rng.uniform(2.8, 3.2), 2)), tuple(float(edge) for edge in edges))


def random_camera(rng: np.random.Generator, layout: FacadeLayout, size: tuple[int, int]) -> FacadeCamera:
    """A camera on a pole near the ground that sees the facade from a low floor up to a little sky above the roof."""
    width, height = size
    distance = max(18.0, layout.height_m * rng.uniform(0.45, 0.85))
    position = np.array([rng.uniform(-0.3, 0.3) * layout.width_m, rng.uniform(2.0, 5.0), distance])
    lowest = np.arctan2(rng.uniform(-1.0, 5.0) - position[1], distance)
    highest = np.arctan2(layout.height_m - position[1], distance)
    highest += np.deg2rad(rng.uniform(1.0, 5.0))
    opening = highest - lowest
    narrowest = 2 * np.arctan(0.62 * height / width * layout.width_m / distance)
    focal = height / 2 / np.tan(max(opening, narrowest) / 2)
    yaw = np.arctan2(-position[0], distance) + rng.normal(0, 0.03)
    rotation = look(yaw, (lowest + highest) / 2, rng.normal(0, 0.012))
    return FacadeCamera(width, height, float(focal), position, rotation)
