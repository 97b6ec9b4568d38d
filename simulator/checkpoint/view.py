"""The camera over the road: where a point of the world appears in the picture.

World: X to the right, Y along the road away from the camera, Z up, metres, origin on the road below the camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class View:
    """A pinhole camera at (`x`, 0, `height`), angles in radians: `pitch` down, `yaw` to the right, `roll` clockwise."""

    size: tuple[int, int]
    focal_px: float
    x: float
    height: float
    pitch: float
    yaw: float
    roll: float

    @cached_property
    def _rotation(self) -> NDArray[np.float64]:
        """Rows: the camera's right, down and forward axes in world coordinates."""
        cy, sy, cp, sp, cr, sr = (f(a) for a in (self.yaw, self.pitch, self.roll) for f in (np.cos, np.sin))
        forward = np.array([sy * cp, cy * cp, -sp])
        right = np.array([cy, -sy, 0.0])
        down = np.cross(forward, right)
        return np.array([cr * right + sr * down, cr * down - sr * right, forward])

    @property
    def position(self) -> NDArray[np.float64]:
        """Where the camera is."""
        return np.array([self.x, 0.0, self.height])

    def project(self, points: NDArray[np.floating]) -> tuple[Array, Array]:
        """World points (..., 3) to pixels (..., 2) and depth (...) in metres along the viewing axis."""
        seen = (points - self.position) @ self._rotation.T
        depth = np.maximum(seen[..., 2], 0.1)
        centre = np.array([self.size[0] / 2, self.size[1] / 2])
        pixels = seen[..., :2] / depth[..., None] * self.focal_px + centre
        return pixels.astype(np.float32), depth.astype(np.float32)

    def ground(self, scale: float = 1.0) -> tuple[Array, Array]:
        """World X and Y on the road of every pixel, (h, w) each; far away where a pixel looks above the horizon."""
        width, height = self.size
        u, v = np.meshgrid(np.arange(width, dtype=np.float64) + 0.5, np.arange(height, dtype=np.float64) + 0.5)
        rays = np.stack([(u - width / 2) / self.focal_px, (v - height / 2) / self.focal_px, np.ones_like(u)], axis=-1)
        world = rays @ self._rotation
        reach = scale * self.height / np.maximum(-world[..., 2], 1e-3)
        return (self.x + world[..., 0] * reach).astype(np.float32), (world[..., 1] * reach).astype(np.float32)

    def pixels_per_metre(self, point: NDArray[np.floating]) -> float:
        """Scale at a world point (3,)."""
        return float(self.focal_px / self.project(point)[1])
