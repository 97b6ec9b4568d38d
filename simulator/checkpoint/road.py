"""The empty scene: asphalt, markings, island, verge, booth and barrier, painted once per camera."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.checkpoint.light import Light, as_picture
from simulator.checkpoint.noise import clouds, sample, tile
from simulator.checkpoint.view import View

Array = NDArray[np.float32]
Picture = NDArray[np.uint8]
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class RoadPlan:
    """Lanes side by side from `left` to the right, each `lane_width` metres; where the stop line and the booth are."""

    left: float
    lane_width: float
    lanes: int
    stop_line: float
    booth_at: float

    @property
    def right(self) -> float:
        return self.left + self.lanes * self.lane_width

    def middle(self, lane: int) -> float:
        """X of a lane's middle."""
        return self.left + (lane + 0.5) * self.lane_width


class RoadPainter:
    """Paints the background of one view."""

    def __init__(self, view: View, light: Light, plan: RoadPlan, rng: np.random.Generator) -> None:
        self._view, self._light, self._plan, self._rng = view, light, plan, rng
        self._x, self._y = view.ground()

    def paint(self) -> Picture:
        """(h, w, 3) uint8."""
        albedo = self._asphalt()
        self._markings(albedo)
        self._borders(albedo)
        lit = albedo * self._ground_light()
        self._backdrop(lit)
        self._booth(lit)
        soft = np.asarray(cv2.GaussianBlur(lit, (0, 0), 0.7), np.float32)
        return as_picture(soft * self._vignette())

    def _asphalt(self) -> Array:
        rng, x, y = self._rng, self._x, self._y
        fine, coarse = tile(rng, 512, 0.8), tile(rng, 512, 3.0)
        broad = sample(clouds(rng, (512, 512), 6), x, y, 14.0)
        grey = rng.uniform(92, 128) * (
            1 + 0.075 * sample(fine, x, y, 110.0) + 0.045 * sample(coarse, x, y, 60.0) + 0.05 * broad
        )
        for lane in range(self._plan.lanes):
            middle = self._plan.middle(lane)
            for track in (-0.78, 0.78):
                wander = 0.05 * np.sin(y * 0.6 + lane)
                grey *= 1 - 0.11 * np.exp(-(((x - middle - track - wander) / 0.24) ** 2))
            oil = 0.5 + 0.5 * np.clip(broad + 0.4, 0, 1.5)
            grey *= 1 - 0.13 * np.exp(-(((x - middle) / 0.3) ** 2)) * oil
        self._cracks(grey)
        if self._light.rain:
            puddle = np.clip(sample(clouds(rng, (512, 512), 5), x, y, 22.0) - 0.7, 0, 1)
            grey = grey * 0.72 + puddle * (70 if not self._light.night else 14)
        tone = np.array([1.03, 1.0, 0.975], np.float32)
        return np.asarray(grey[..., None] * tone, np.float32)

    def _cracks(self, grey: Array) -> None:
        """Fine wandering cracks, and a joint across."""
        rng = self._rng
        for _ in range(int(rng.integers(3, 8))):
            heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.35, 60))
            start = np.array([rng.uniform(self._plan.left, self._plan.right), rng.uniform(7, 26)])
            path = start + np.cumsum(0.05 * np.stack([np.cos(heading), np.sin(heading)], -1), axis=0)
            pixels, _ = self._view.project(np.column_stack([path, np.zeros(len(path))]))
            mask = np.zeros(grey.shape, np.uint8)
            cv2.polylines(mask, [np.round(pixels).astype(np.int32)], False, 255, 1, cv2.LINE_AA)
            grey *= 1 - 0.3 * (mask / 255.0).astype(np.float32)
        joint = rng.uniform(12, 22)
        grey *= 1 - 0.28 * np.exp(-(((self._y - joint) / 0.03) ** 2))

    def _worn(self, strength: float) -> Array:
        worn = sample(tile(self._rng, 512, 1.6), self._x, self._y, 45.0)
        return np.asarray(np.clip(strength + 0.22 * worn, 0, 0.95), np.float32)

    def _stripe(self, albedo: Array, inside: NDArray[np.bool_], colour: Colour, strength: float) -> None:
        share = (cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 0.8) * self._worn(strength))[..., None]
        albedo += (np.array(colour, np.float32) - albedo) * share

    def _markings(self, albedo: Array) -> None:
        plan, x, y = self._plan, self._x, self._y
        white = (206.0, 212.0, 214.0)
        for edge in (plan.left + 0.1, plan.right - 0.1):
            self._stripe(
                albedo, np.abs(x - edge) < 0.075, (70.0, 170.0, 214.0) if edge < plan.left + 1 else white, 0.72
            )
        for lane in range(1, plan.lanes):
            line = np.abs(x - plan.left - lane * plan.lane_width) < 0.075
            self._stripe(albedo, line & ((y < plan.stop_line + 14) | ((y % 6.0) < 2.0)), white, 0.7)
        across = (x > plan.left + 0.2) & (x < plan.right - 0.2)
        self._stripe(albedo, across & (np.abs(y - plan.stop_line) < 0.2), white, 0.68)
        for lane in range(plan.lanes):
            middle = plan.middle(lane)
            for bump in np.arange(plan.stop_line + 7, plan.stop_line + 9, 0.45):
                self._stripe(albedo, (np.abs(x - middle) < 1.2) & (np.abs(y - bump) < 0.09), (60.0, 168.0, 208.0), 0.62)

    def _borders(self, albedo: Array) -> None:
        plan, x, y = self._plan, self._x, self._y
        broad = sample(clouds(self._rng, (512, 512), 8), x, y, 40.0)
        blades = sample(tile(self._rng, 512, 1.2), x, y, 70.0)
        grass = np.array((52, 92, 78), np.float32) * (1 + 0.26 * blades + 0.2 * broad)[..., None]
        slab = np.array((138, 142, 142), np.float32) * (1 + 0.06 * blades + 0.05 * broad)[..., None]
        slab *= (1 - 0.3 * ((y % 1.2) < 0.03))[..., None]
        for outer, sign in ((plan.left - 0.25, -1.0), (plan.right + 0.25, 1.0)):
            beyond = (x - outer) * sign
            albedo[beyond > 0] = slab[beyond > 0]
            albedo[beyond > 1.5] = grass[beyond > 1.5]
            kerb = (beyond > -0.14) & (beyond <= 0.1)
            painted = np.where(
                (y % 1.6)[..., None] < 0.8, np.array((40, 168, 206), np.float32), np.array((38, 38, 38), np.float32)
            )
            albedo[kerb] = (painted * (1 + 0.08 * blades)[..., None])[kerb]
            albedo *= (1 - 0.4 * np.exp(-(((beyond + 0.2) / 0.07) ** 2)))[..., None].astype(np.float32)

    def _ground_light(self) -> Array:
        light, rng = self._light, self._rng
        level = np.full(self._x.shape, light.sky_level + light.sun_level * light.sun[2], np.float32)
        if light.sun_level > 0.12 and not light.night:
            leaves = sample(clouds(rng, (512, 512), 9, octaves=5), self._x, self._y, 26.0)
            where = np.clip(np.abs(self._x - rng.uniform(-3, 3)) / 5 - 0.35, 0, 1)
            shade = 1 / (1 + np.exp(-(leaves + where * 2 - 1.3) * 9))
            level -= light.sun_level * light.sun[2] * 0.85 * shade
        if light.night:
            pool_x, pool_y = rng.uniform(-4, 4), rng.uniform(14, 22)
            level += 0.2 * np.exp(-((self._x - pool_x) ** 2 + (self._y - pool_y) ** 2) / 70)
            level += light.lamp_level * 0.42 * np.exp(-((self._x**2) / 22 + ((self._y - 13) ** 2) / 60))
        return (level[..., None] * np.array(light.tint, np.float32)).astype(np.float32)

    def _backdrop(self, lit: Array) -> None:
        """Bushes and trees beyond the verges: upright leaves with darkness between them."""
        height, width = lit.shape[:2]
        leaves = clouds(self._rng, (width, height), 40, octaves=4, rough=0.7)
        masses = clouds(self._rng, (width, height), 9, octaves=2)
        for side, sign in ((self._plan.left - 3.2, -1.0), (self._plan.right + 3.2, 1.0)):
            depth = (self._x - side) * sign + 0.5 * masses
            share = np.clip(depth * 2.5, 0, 1)[..., None]
            tone = np.clip(0.42 + 0.3 * leaves + 0.14 * masses, 0.06, 1.1)[..., None]
            level = (self._light.sky_level + 0.7 * self._light.sun_level) * (1.25 if not self._light.night else 0.8)
            lit += (np.array((44, 104, 84), np.float32) * tone * level - lit) * share.astype(np.float32)

    def _booth(self, lit: Array) -> None:
        """A toll booth on the right island, and the barrier's post with its arm up."""
        plan, at = self._plan, self._plan.booth_at
        x0, x1, top = plan.right + 0.45, plan.right + 1.75, 2.5
        level = self._light.sky_level + 0.6 * self._light.sun_level + (0.25 if self._light.night else 0)
        front = self._wall((190, 196, 198), (110, 96, 84), level)
        side = self._wall((166, 172, 176), (92, 84, 76), level * 0.8)
        self._panel(lit, front, [[x0, at, top], [x1, at, top], [x1, at, 0], [x0, at, 0]])
        self._panel(lit, side, [[x0, at + 2.2, top], [x0, at, top], [x0, at, 0], [x0, at + 2.2, 0]])
        roof = np.full((32, 32, 3), 150.0 * level, np.float32)
        self._panel(
            lit,
            roof,
            [
                [x0 - 0.2, at + 2.4, top],
                [x1 + 0.2, at + 2.4, top],
                [x1 + 0.2, at - 0.2, top],
                [x0 - 0.2, at - 0.2, top],
            ],
        )
        post = np.full((32, 16, 3), (30, 120, 200), np.float32) * level
        px, py = plan.left - 0.55, plan.stop_line - 0.8
        self._panel(lit, post, [[px - 0.2, py, 1.1], [px + 0.2, py, 1.1], [px + 0.2, py, 0], [px - 0.2, py, 0]])
        arm = np.full((120, 12, 3), (225, 228, 228), np.float32)
        for band in range(0, 120, 30):
            arm[band : band + 15] = (40, 36, 190)
        self._panel(
            lit, arm * level, [[px - 0.05, py, 4.0], [px + 0.06, py, 4.0], [px + 0.06, py, 1.0], [px - 0.05, py, 1.0]]
        )

    def _wall(self, wall: Colour, glass: Colour, level: float) -> Array:
        panel = np.full((160, 90, 3), wall, np.float32)
        panel *= 1 + 0.03 * clouds(self._rng, (90, 160), 5)[..., None]
        bright = 1.7 if self._light.night else 0.75
        panel[22:88, 8:82] = (
            np.array(glass, np.float32) * bright * np.linspace(1.2, 0.8, 66, dtype=np.float32)[:, None, None]
        )
        panel[52:55, 8:82] = (70, 70, 70)
        panel[118:128] = (150, 70, 30)
        return panel * level

    def _panel(self, lit: Array, panel: Array, corners: list[list[float]]) -> None:
        pixels, depth = self._view.project(np.array(corners))
        if depth.min() < 1.0:
            return
        h, w = panel.shape[:2]
        matrix = cv2.getPerspectiveTransform(np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32), pixels)
        size = (lit.shape[1], lit.shape[0])
        share = cv2.warpPerspective(np.ones((h, w), np.float32), matrix, size)[..., None]
        lit += (cv2.warpPerspective(panel, matrix, size) - lit) * share

    def _vignette(self) -> Array:
        width, height = self._view.size
        u, v = np.meshgrid(np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32))
        return (1.02 - 0.13 * (u**2 + v**2))[..., None]
