"""Lifts in glass shafts on the facade: a cabin that starts, runs and stops, and its counterweight beside it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.scenes import Bgr
from simulator.tower.geometry import FacadeCamera, Floats
from simulator.tower.stage import Stage
from simulator.truth import DistractorTruth

Colour = tuple[float, float, float]
_SHIFT = 4
_OUT_M = 1.9
"""How far the shaft's glass stands before the wall."""


@dataclass(frozen=True)
class Lift:
    """One shaft. `stops`: (from second, from metre, to metre, top speed, acceleration) of each run, in time order."""

    camera: FacadeCamera
    left_m: float
    width_m: float
    top_m: float
    cabin_m: float
    stops: tuple[tuple[float, float, float, float, float], ...]
    light: Colour
    frame: Colour
    counterweight: bool

    def height_at(self, t_s: float) -> float:
        """The cabin floor's height in metres."""
        height = self.stops[0][1]
        for start, here, there, top, rate in self.stops:
            if t_s < start:
                break
            height = here + float(np.sign(there - here)) * _run(abs(there - here), top, rate, t_s - start)
        return height

    def build(self, still: Bgr) -> None:
        """Put the shaft itself into the unmoving picture: tinted glass, mullions, a bar at each floor."""
        right = self.left_m + self.width_m
        glass = self._quad(self.left_m, right, 0.0, self.top_m, _OUT_M)
        tinted = still.copy()
        cv2.fillConvexPoly(tinted, glass, (self.frame[0] * 0.9 + 20, self.frame[1] * 0.9 + 16, self.frame[2] * 0.9),
                           cv2.LINE_AA, _SHIFT)  # fmt: skip
        cv2.addWeighted(tinted, 0.55, still, 0.45, 0, dst=still)
        for x in (self.left_m, right):
            cv2.fillConvexPoly(still, self._quad(x - 0.06, x + 0.06, 0, self.top_m, _OUT_M), self.frame, cv2.LINE_AA,
                               _SHIFT)  # fmt: skip
        for y in np.arange(0.0, self.top_m + 0.01, 3.0):
            bar = self._quad(self.left_m, right, float(y) - 0.05, float(y) + 0.05, _OUT_M)
            cv2.fillConvexPoly(still, bar, self.frame, cv2.LINE_AA, _SHIFT)

    def draw(self, canvas: Bgr, t_s: float) -> None:
        """Draw cabin and counterweight as they stand at `t_s`, in place."""
        floor = self.height_at(t_s)
        left, right = self.left_m + 0.12, self.left_m + self.width_m - 0.12
        if self.counterweight:
            down = self.top_m - floor - 1.0
            self._box(canvas, (left, left + 0.3, down, down + 1.9), (38, 38, 40), 0.8)
        left += 0.35 if self.counterweight else 0.0
        self._box(canvas, (left, right, floor, floor + self.cabin_m), self.light, 0.8)
        dark = (self.frame[0] * 0.6, self.frame[1] * 0.6, self.frame[2] * 0.6)
        for bottom, top in ((floor - 0.25, floor + 0.1), (floor + self.cabin_m - 0.1, floor + self.cabin_m + 0.3)):
            self._box(canvas, (left, right, bottom, top), dark, 0.9)

    def truth(self, length_s: float) -> list[DistractorTruth]:
        """One record for each run."""
        return [
            DistractorTruth(what="lift", t_first_s=round(start, 3),
                            t_last_s=round(min(length_s, start + _duration(abs(there - here), top, rate)), 3))
            for start, here, there, top, rate in self.stops if start < length_s
        ]  # fmt: skip

    def _quad(self, left: float, right: float, bottom: float, top: float, z: float) -> NDArray[np.int32]:
        world = np.array([[left, bottom, z], [right, bottom, z], [right, top, z], [left, top, z]])
        pixels: Floats = self.camera.project(world) - 0.5
        return np.round(pixels * (1 << _SHIFT)).astype(np.int32)

    def _box(self, canvas: Bgr, rect: Floats | tuple[float, ...], colour: Colour, opacity: float) -> None:
        left, right, bottom, top = rect
        quad = self._quad(left, right, bottom, min(top, self.top_m + 0.5), _OUT_M - 0.3)
        x, y, width, height = cv2.boundingRect(quad >> _SHIFT)
        x0, y0 = max(0, x - 1), max(0, y - 1)
        region = canvas[y0 : max(0, y + height + 2), x0 : max(0, x + width + 2)]
        if region.size == 0:
            return
        painted = region.copy()
        cv2.fillConvexPoly(painted, quad - (np.array([x0, y0]) << _SHIFT), colour, cv2.LINE_AA, _SHIFT)
        cv2.addWeighted(painted, opacity, region, 1 - opacity, 0, dst=region)


def _duration(distance: float, top: float, rate: float) -> float:
    top = min(top, float(np.sqrt(max(distance, 1e-6) * rate)))
    return top / rate + distance / top


def _run(distance: float, top: float, rate: float, t: float) -> float:
    """Metres done after `t` seconds: speeding up, on at `top`, slowing down, standing."""
    top = min(top, float(np.sqrt(max(distance, 1e-6) * rate)))
    ramp, total = top / rate, top / rate + distance / top
    t = min(t, total)
    late = max(0.0, t - (total - ramp))
    return min(distance, 0.5 * rate * min(t, ramp) ** 2 + top * max(0.0, t - ramp) - 0.5 * rate * late**2)


def random_lifts(rng: np.random.Generator, stage: Stage) -> list[Lift]:
    """One or two shafts; runs at 1 to 4 m/s with 0.7 to 1.3 m/s², stops of 2 to 9 s."""
    return [_random_lift(rng, stage) for _ in range(int(rng.integers(1, 3)))]


def _random_lift(rng: np.random.Generator, stage: Stage) -> Lift:
    layout = stage.layout
    edges = layout.column_edges_m
    width = float(rng.uniform(1.7, 2.4))
    left = float(edges[int(rng.integers(0, len(edges) - 1))] + rng.uniform(0, 0.6))
    runs, clock, here = [], float(rng.uniform(0, 2)), layout.slab_m(int(rng.integers(1, layout.floors + 1)))
    top_speed = float(rng.uniform(1.0, 4.0))
    while clock < stage.spec.duration_s:
        there = layout.slab_m(int(rng.integers(1, layout.floors + 1)))
        if abs(there - here) > 1:
            rate = float(rng.uniform(0.7, 1.3))
            runs.append((clock, here, there, top_speed, rate))
            clock += _duration(abs(there - here), top_speed, rate)
            here = there
        clock += float(rng.uniform(2, 9)) / max(1.0, stage.options.busy)
    bright = 235.0 if stage.night else float(rng.uniform(120, 225))
    return Lift(
        camera=stage.camera, left_m=left, width_m=width, top_m=layout.height_m,
        cabin_m=float(rng.uniform(2.1, 2.6)), stops=tuple(runs), light=(bright * 0.9, bright * 0.97, bright),
        frame=(95.0, 95.0, 92.0) if not stage.night else (26.0, 26.0, 26.0), counterweight=bool(rng.random() < 0.6),
    )  # fmt: skip
