"""Light that wanders over the facade: headlights at night, and by day the sun thrown back by a pane that is moved."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.scenes import Bgr
from simulator.tower.geometry import FacadeCamera, Floats
from simulator.tower.stage import Stage
from simulator.truth import DistractorTruth


@dataclass(frozen=True)
class Beam:
    """A patch of light on the facade. `path_m` (n, 2): its middle (X, Y) in each frame from `first_frame` on.

    `size_m` (width, height); `strength` (b, g, r) is what it adds to a white wall.
    """

    what: str
    camera: FacadeCamera
    first_frame: int
    path_m: Floats
    size_m: tuple[float, float]
    strength: tuple[float, float, float]
    mask: NDArray[np.float32]

    def draw(self, canvas: Bgr, albedo: Bgr, frame: int) -> None:
        """Light up what is there: `albedo` (h, w, 3) is the house as by day. In place."""
        number = frame - self.first_frame
        if not 0 <= number < len(self.path_m):
            return
        x, y = self.path_m[number]
        wide, high = self.size_m[0] / 2, self.size_m[1] / 2
        world = np.array([[x - wide, y + high, 0], [x + wide, y + high, 0], [x - wide, y - high, 0]])
        corners = (self.camera.project(world) - 0.5).astype(np.float32)
        every = np.concatenate([corners, corners[1:2] + corners[2:3] - corners[:1]])
        x0, y0 = np.maximum(np.floor(every.min(axis=0)).astype(int), 0)
        x1, y1 = np.ceil(every.max(axis=0)).astype(int) + 1
        region, bare = canvas[y0:y1, x0:x1], albedo[y0:y1, x0:x1]
        if region.shape[0] < 2 or region.shape[1] < 2:
            return
        rows, columns = self.mask.shape
        source = np.array([[0, 0], [columns - 1, 0], [0, rows - 1]], np.float32)
        place = cv2.getAffineTransform(source, corners - np.array([x0, y0], np.float32))
        weight = cv2.warpAffine(self.mask, place, (region.shape[1], region.shape[0]), flags=cv2.INTER_LINEAR)
        light = cv2.multiply(cv2.merge([weight * part for part in self.strength]), bare, scale=1 / 255, dtype=cv2.CV_8U)
        cv2.add(region, light, dst=region)

    def truth(self, fps: float) -> DistractorTruth:
        """The record of it."""
        last = self.first_frame + len(self.path_m) - 1
        return DistractorTruth(
            what=self.what, t_first_s=round(self.first_frame / fps, 4), t_last_s=round(last / fps, 4)
        )


def random_headlights(rng: np.random.Generator, stage: Stage, first_frame: int) -> list[Beam]:
    """A car's light: passing along the street, turning, or coming up a ramp, when it slides down or up the facade."""
    layout, fps = stage.layout, stage.shot.fps
    style = str(rng.choice(["pass", "turn", "ramp", "ramp"]))
    seconds = {"pass": rng.uniform(2, 6), "turn": rng.uniform(0.8, 2.5), "ramp": rng.uniform(0.8, 3)}[style]
    t = np.arange(max(4, int(seconds * fps))) / fps
    part = t / t[-1]
    side = float(rng.choice([-1.0, 1.0]))
    reach = layout.width_m * (0.7 if style != "ramp" else rng.uniform(0.05, 0.3))
    x = rng.normal(0, 0.2) * layout.width_m * (style == "ramp") + side * reach * (2 * part - 1)
    high = layout.height_m * rng.uniform(0.15, 0.8)
    y = np.full(len(t), min(high, layout.height_m * 0.35))
    if style == "ramp":
        y = high + float(rng.choice([-1.0, 1.0])) * layout.height_m * rng.uniform(0.2, 0.5) * (part - 0.5) ** 1
        y -= rng.uniform(0, 1) * 2.0 * t**2
    power = float(rng.uniform(60, 200))
    tint = (power * 0.95, power, power) if rng.random() < 0.5 else (power * 0.6, power * 0.85, power)
    size = (float(rng.uniform(3, 10)), float(rng.uniform(1.5, 5)))
    gap = float(rng.uniform(1.5, 4)) if rng.random() < 0.5 else 0.0
    return [
        Beam("headlight", stage.camera, first_frame, np.column_stack([x + offset, y]), size, tint, _pool(0.25))
        for offset in ((-gap / 2, gap / 2) if gap else (0.0,))
    ]


def random_sun_spot(rng: np.random.Generator, stage: Stage, first_frame: int) -> Beam:
    """The sun from a pane, a windscreen or a phone: a small bright patch that darts at 2 to 25 m/s along a curve."""
    layout, fps = stage.layout, stage.shot.fps
    t = np.arange(int(rng.uniform(0.5, 2.5) * fps) + 4) / fps
    heading = rng.uniform(0, 2 * np.pi) + rng.normal(0, 0.8) * t
    speed = rng.uniform(2, 25) * (1 - 0.8 * np.cos(np.pi * t / t[-1]) ** 8)
    step = np.column_stack([np.cos(heading), np.sin(heading)]) * speed[:, None] / fps
    way = np.cumsum(step, axis=0)
    middle = np.array([rng.uniform(-0.4, 0.4) * layout.width_m, layout.height_m * rng.uniform(0.2, 0.85)])
    size = (float(rng.uniform(0.25, 1.6)), float(rng.uniform(0.25, 1.8)))
    power = float(rng.uniform(50, 170))
    path = middle + way - way[len(way) // 2]
    tint = (power * 0.85, power * 0.95, power)
    return Beam("sun_spot", stage.camera, first_frame, path, size, tint, _pool(0.6))


def _pool(hard: float) -> NDArray[np.float32]:
    """(48, 64): light with a sharp upper edge that fades downwards; `hard` 0..1 makes its rim sharper."""
    y, x = np.mgrid[-1:1:48j, -1:1:64j]
    inner = 1 - np.clip((np.hypot(x, y) - hard) / (1 - hard), 0, 1)
    cut = np.clip((y + 0.55) / (0.12 + 0.2 * (1 - hard)), 0, 1)
    pool: NDArray[np.float32] = (inner**1.5 * cut).astype(np.float32)
    return pool
