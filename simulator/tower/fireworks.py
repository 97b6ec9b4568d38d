"""Fireworks: rockets that rise and burst behind the house, and fountains before it; their embers fall as things do."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.scenes import Bgr
from simulator.tower.geometry import FacadeCamera, Floats
from simulator.tower.physics import GRAVITY_MPS2
from simulator.tower.stage import Stage
from simulator.truth import DistractorTruth

_SHIFT = 4
_COLOURS = ((80, 120, 255), (120, 255, 140), (255, 160, 90), (200, 120, 255), (190, 230, 255), (120, 220, 255))


@dataclass(frozen=True)
class Burst:
    """Embers that start at one place. `velocity` (n, 3) m/s; each shines from `born_s` (n,) for `life_s` (n,) seconds.

    `behind` the house it is hidden by it; `flash` is how brightly it lights the picture at first.
    """

    camera: FacadeCamera
    start_s: float
    place_m: Floats
    velocity: Floats
    born_s: Floats
    life_s: Floats
    terminal_mps: float
    colour: tuple[int, int, int]
    behind: bool
    flash: float
    trail_s: float

    @property
    def end_s(self) -> float:
        """When the last ember is out."""
        return self.start_s + float((self.born_s + self.life_s).max())

    def draw(self, canvas: Bgr, cover: NDArray[np.float32], t_s: float) -> None:
        """Add what shines at `t_s`, in place; `cover` (h, w): where the house stands."""
        age = t_s - self.start_s
        if not 0 <= age <= self.end_s - self.start_s:
            return
        if self.flash:
            glare = self.flash * float(np.exp(-age / 0.12))
            if glare > 1:
                cv2.convertScaleAbs(canvas, dst=canvas, beta=glare)
        lit = (age >= self.born_s) & (age < self.born_s + self.life_s)
        if not lit.any():
            return
        veil = self._veil(canvas, age, lit)
        if self.behind:
            veil[cover > 0.5] = 0
        glow = cv2.GaussianBlur(veil, (0, 0), 2.2)
        cv2.add(canvas, veil, dst=canvas)
        cv2.add(canvas, glow, dst=canvas)

    def _veil(self, canvas: Bgr, age: float, lit: NDArray[np.bool_]) -> Bgr:
        since = (age - self.born_s)[lit]
        ends = self._pixels(lit, since)
        starts = self._pixels(lit, np.maximum(0, since - self.trail_s))
        left = 1 - since / self.life_s[lit]
        veil = np.zeros_like(canvas)
        fixed = np.round(np.stack([starts, ends], axis=1) * (1 << _SHIFT))
        near = (np.abs(fixed) < 2**20).all(axis=(1, 2))
        for line, part in zip(fixed[near].astype(np.int32), left[near], strict=True):
            tone = [float(channel * min(1.0, 1.6 * part)) for channel in self.colour]
            cv2.line(veil, line[0].tolist(), line[1].tolist(), tone, 1, cv2.LINE_AA, _SHIFT)
        return veil

    def _pixels(self, lit: NDArray[np.bool_], since: Floats) -> Floats:
        """Drag as towards `terminal_mps` with a steady rate: embers are light and slow down at once."""
        rate = GRAVITY_MPS2 / self.terminal_mps
        decay = (1 - np.exp(-rate * since)) / rate
        place = self.place_m + self.velocity[lit] * decay[:, None]
        place[:, 1] -= self.terminal_mps * (since - decay)
        return self.camera.project(place) - 0.5

    def truth(self, length_s: float) -> DistractorTruth:
        """The record of it."""
        return DistractorTruth(
            what="firework", t_first_s=round(self.start_s, 4), t_last_s=round(min(length_s, self.end_s), 4)
        )


def random_firework(rng: np.random.Generator, stage: Stage, start_s: float) -> list[Burst]:
    """A rocket with its burst, or a fountain on the ground or a balcony."""
    return _fountain(rng, stage, start_s) if rng.random() < 0.4 else _rocket(rng, stage, start_s)


def _rocket(rng: np.random.Generator, stage: Stage, start_s: float) -> list[Burst]:
    layout = stage.layout
    behind = bool(rng.random() < 0.7)
    away = -float(rng.uniform(15, 60)) if behind else float(rng.uniform(2, 8))
    top = layout.height_m * rng.uniform(0.7, 1.5 if behind else 1.1)
    x = layout.width_m * rng.uniform(-0.9, 0.9)
    climb_s = float(rng.uniform(0.8, 1.6))
    rise = np.array([[rng.normal(0, 1.5), top / climb_s, 0.0]])
    one = np.zeros(1)
    ascent = Burst(stage.camera, start_s, np.array([x, 0.0, away]), rise, one, np.array([climb_s]), 400.0,
                   (150, 200, 255), behind, 0.0, 0.12)  # fmt: skip
    place = np.array([x + rise[0, 0] * climb_s, top * 0.985, away])
    return [ascent, _ball(rng, stage, start_s + climb_s, place, behind)]


def _ball(rng: np.random.Generator, stage: Stage, start_s: float, place: Floats, behind: bool) -> Burst:
    count = int(rng.integers(40, 110))
    way = rng.normal(0, 1, (count, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    speed = rng.uniform(14, 32) * rng.uniform(0.75, 1.0, (count, 1))
    life = rng.uniform(0.9, 2.8) * rng.uniform(0.6, 1.2, count)
    colour = _COLOURS[int(rng.integers(len(_COLOURS)))]
    return Burst(stage.camera, start_s, place, way * speed, np.zeros(count), life, float(rng.uniform(3.5, 9)), colour,
                 behind, float(rng.uniform(0, 26)), float(rng.uniform(0.04, 0.25)))  # fmt: skip


def _fountain(rng: np.random.Generator, stage: Stage, start_s: float) -> list[Burst]:
    """Sparks thrown up for some seconds, which fall back: before the facade."""
    layout = stage.layout
    count, seconds = int(rng.integers(150, 420)), float(rng.uniform(3, 8))
    x, y = layout.width_m * rng.uniform(-0.5, 0.5), layout.height_m * rng.uniform(0, 0.6)
    speed = rng.uniform(4, 12) * rng.uniform(0.6, 1.1, count)
    lean, turn = np.abs(rng.normal(0, 0.25, count)), rng.uniform(0, 2 * np.pi, count)
    way = np.column_stack([np.sin(lean) * np.cos(turn), np.cos(lean), np.sin(lean) * np.sin(turn)]) * speed[:, None]
    born = np.sort(rng.uniform(0, seconds, count))
    place = np.array([x, y, rng.uniform(0.8, 5.0)])
    life = rng.uniform(0.6, 2.0, count)
    return [Burst(stage.camera, start_s, place, way, born, life, float(rng.uniform(5, 12)), (130, 200, 255), False, 0.0,
                  stage.shot.exposure_s)]  # fmt: skip
