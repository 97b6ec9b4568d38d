"""The tower scene: everything joined, and the picture of one moment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from simulator.scenes import FIRST_TRAINING_SEED, Bgr, CameraSpec, SceneError
from simulator.tower.backdrop import Backdrop, Light, build_backdrop
from simulator.tower.distractors import hang_laundry
from simulator.tower.falls import Fall, Shot, Wind
from simulator.tower.geometry import FacadeCamera, FacadeLayout, random_camera, random_layout
from simulator.tower.look import random_look
from simulator.tower.options import TowerOptions
from simulator.tower.program import (
    Change,
    distractor_names,
    plan_changes,
    plan_effects,
    plan_falls,
    plan_movers,
    shapes_for,
)
from simulator.tower.sensor import NoiseBank, Shake, draw_clock, random_exposure, random_shake
from simulator.tower.stage import Stage
from simulator.tower.surroundings import grow_foliage
from simulator.tower.weather import Precipitation, random_hail, random_rain, random_snow
from simulator.truth import DistractorTruth, FallTruth, SceneTruth, TruthRecord

_START = datetime(2026, 5, 12, 9, 30, tzinfo=UTC)
_FLOOR_STEP = 4


class TowerScene:
    """A tower before a camera. Built once (seconds), then any frame can be asked for in any order."""

    def __init__(self, spec: CameraSpec, seed: int, options: TowerOptions) -> None:
        rng = np.random.default_rng(seed)
        self.spec, self.seed, self.options = spec, seed, options
        self.light = Light(
            night="night" in spec.conditions,
            infrared="night" in spec.conditions and _infrared(rng, options),
            rain="rain" in spec.conditions,
            snow="snow" in spec.conditions,
        )
        self.layout: FacadeLayout = random_layout(rng, options.floors)
        self.camera: FacadeCamera = random_camera(rng, self.layout, self.size)
        self.backdrop: Backdrop = build_backdrop(
            rng, self.camera, self.layout, random_look(rng, self.layout.columns), self.light
        )
        self.shot = Shot(spec.fps, min(self.light.exposure_s(rng), 0.9 / spec.fps))
        self._plan_events(np.random.default_rng((seed, 1)))
        self._plan_camera(np.random.default_rng((seed, 2)))

    def _plan_events(self, rng: np.random.Generator) -> None:
        spec, options = self.spec, self.options
        names = distractor_names(options, spec.conditions)
        wind = _wind(rng, strong="wind" in spec.conditions)
        shapes = shapes_for(self.seed, options)
        training = self.seed >= FIRST_TRAINING_SEED
        stage = Stage(spec, options, self.camera, self.layout, self.shot, wind, training)
        house = self.backdrop.house
        self.falls = plan_falls(rng, stage, shapes)
        self.movers = plan_movers(rng, stage, house)
        self.changes = plan_changes(rng, stage, house)
        self.effects = plan_effects(np.random.default_rng((self.seed, 3)), stage)
        for lift in self.effects.lifts:
            lift.build(self.backdrop.still)
        speed = float(np.hypot(wind[0], wind[2])) + 0.5
        balconies = house.balconies if "laundry" in names else ()
        self.laundry = hang_laundry(rng, self.camera, balconies, speed, self.backdrop.light_at)
        self.foliage = grow_foliage(rng, self.size, 0.7 * speed) if "trees" in names else []
        for crown in self.foliage:
            crown.layer[..., :3] = (crown.layer[..., :3] * (0.16 if self.light.night else 0.9)).astype(np.uint8)
        veil = 60.0 if self.light.night else 105.0
        self.weather: list[Precipitation] = []
        if self.light.rain:
            self.weather.append(random_rain(rng, self.size, self.shot, veil))
        if self.light.snow:
            self.weather.append(random_snow(rng, self.size, self.shot, 2 * veil))
        if "hail" in names:
            self.weather.append(random_hail(rng, self.size, self.shot, 2 * veil))

    def _plan_camera(self, rng: np.random.Generator) -> None:
        names = distractor_names(self.options, self.spec.conditions)
        self.noise = NoiseBank(rng, self.backdrop.still, self.light.grain)
        self.exposure = random_exposure(rng, float(rng.uniform(0.04, 0.12)) if "clouds" in names else 0.0)
        scale = self.spec.width / 1280
        strength = float(rng.uniform(1.2, 3.5)) if "shake" in self.spec.conditions else 0.0
        self.shake: Shake | None = random_shake(rng, strength * scale) if strength else None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.spec.width, self.spec.height

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.spec.fps

    @property
    def frame_count(self) -> int:
        """Frames of the whole scene."""
        return self.spec.frame_count

    def frame(self, index: int, *, falls: bool = True) -> Bgr:
        """The picture of frame `index`, (h, w, 3) uint8; `falls=False` leaves out what falls and nothing else."""
        t = index / self.fps
        canvas = self._still_picture(t)
        self._draw_facade(canvas, index)
        for mover in self.movers:
            if mover.first_frame <= index <= mover.last_frame:
                pose = mover.poses[index - mover.first_frame]
                mover.draw(canvas, index, self.backdrop.light_at(pose.x, pose.y))
        for fall in self.falls if falls else ():
            if fall.first_frame <= index <= fall.last_frame:
                x, y = fall.points_px[index - fall.first_frame]
                fall.draw(canvas, index, self.backdrop.light_at(x, y))
        for crown in self.foliage:
            crown.draw(canvas, t)
        for layer in self.weather:
            layer.draw(canvas, t)
        if self.effects.web is not None:
            self.effects.web.draw(canvas, t)
        return self._as_recorded(canvas, index)

    def _draw_facade(self, canvas: Bgr, index: int) -> None:
        """What moves behind the house and on it."""
        t, house = index / self.fps, self.backdrop.house
        for burst in self.effects.bursts:
            burst.draw(canvas, house.cover, t)
        for lift in self.effects.lifts:
            lift.draw(canvas, t)
        for beam in self.effects.beams:
            beam.draw(canvas, house.day, index)
        for piece in self.laundry:
            piece.draw(canvas, t)

    def _still_picture(self, t: float) -> Bgr:
        """The backdrop with the windows as they are at `t`."""
        canvas = self.backdrop.still.copy()
        for change in self.changes:
            if change.first_s <= t < change.last_s:
                _apply_change(canvas, self.backdrop.glow, change, t)
        return canvas

    def _as_recorded(self, canvas: Bgr, index: int) -> Bgr:
        """What the camera makes of the light: shake, exposure, noise, clock."""
        t = index / self.fps
        if self.shake is not None:
            matrix = self.shake.matrix(t, self.size)
            canvas = cv2.warpAffine(canvas, matrix, self.size, borderMode=cv2.BORDER_REPLICATE).astype(
                np.uint8, copy=False
            )
        self.exposure.apply(canvas, t)
        if self.light.infrared:
            canvas = cv2.cvtColor(cv2.cvtColor(canvas, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR).astype(
                np.uint8, copy=False
            )
        self.noise.add(canvas, index)
        if self.options.clock:
            draw_clock(canvas, self.spec.id.upper(), _START, t)
        return canvas

    def truth(self) -> list[TruthRecord]:
        """The scene's record, falls in the order of release, then distractors."""
        spec = self.spec
        records: list[TruthRecord] = [
            SceneTruth(
                camera=spec.id,
                scene="tower",
                fps=self.fps,
                width=spec.width,
                height=spec.height,
                frames=self.frame_count,
                condition=tuple(spec.conditions),
                seed=self.seed,
            )
        ]
        records += [self._fall_truth(fall) for fall in self.falls]
        end = round((self.frame_count - 1) / self.fps, 4)
        records += [mover.truth(self.fps) for mover in self.movers]
        records += [change.truth() for change in self.changes]
        records += self.effects.truth(end, self.fps)
        standing = {"laundry": self.laundry, "trees": self.foliage}
        names = [name for name, things in standing.items() if things]
        names += [name for name in ("rain", "snow", "shake", "wind") if name in spec.conditions]
        names += ["hail"] if "hail" in distractor_names(self.options, spec.conditions) else []
        records += [DistractorTruth(what=name, t_first_s=0.0, t_last_s=end) for name in names]
        return records

    def _fall_truth(self, fall: Fall) -> FallTruth:
        """Its record as the camera shows it: moved with the shake, ended where branches hide it."""
        record = fall.truth(self.size, self.fps)
        path = []
        for number, (t, _, _) in enumerate(record.path):
            x, y = fall.points_px[number]
            if number > 3 and any(crown.covers(x, y) for crown in self.foliage):
                break
            if self.shake is not None:
                matrix = self.shake.matrix(t, self.size)
                x, y = matrix[:, :2] @ np.array([x, y]) + matrix[:, 2]
            path.append((t, round(float((x + 0.5) / self.size[0]), 5), round(float((y + 0.5) / self.size[1]), 5)))
        return record.model_copy(update={"path": tuple(path), "t_last_s": path[-1][0]})

    def installation(self) -> dict[str, Any]:
        """The falling analyzer's facade: every 4th floor line, the roof, and the edges of all columns."""
        layout = self.layout
        left, right = layout.column_edges_m[0], layout.column_edges_m[-1]
        floors = sorted({*range(1, layout.floors + 1, _FLOOR_STEP), layout.floors, layout.floors + 1})
        floor_lines = [
            {"floor": floor, "left": start, "right": end}
            for floor in floors
            for start, end in [self._line((left, layout.slab_m(floor)), (right, layout.slab_m(floor)))]
            if start is not None
        ]
        column_lines = [
            {"column": number, "top": top, "bottom": bottom}
            for number, edge in enumerate(layout.column_edges_m, start=1)
            for top, bottom in [self._line((edge, layout.height_m), (edge, self._lowest_m(edge)))]
            if top is not None
        ]
        facade = {
            "floor_height_m": layout.floor_height_m,
            "camera_height_m": round(float(self.camera.position_m[1]), 2),
            "floor_lines": floor_lines,
            "column_lines": column_lines,
        }
        return {"falling": {"facade": facade}}

    def _lowest_m(self, x: float) -> float:
        """The lowest height at `x` that the picture shows."""
        for height in np.arange(0.0, self.layout.height_m, 0.25):
            if self._inside(x, float(height)):
                return float(height)
        return 0.0

    def _inside(self, x: float, y: float) -> bool:
        px, py = self.camera.project(np.array([[x, y, 0.0]]))[0]
        return bool(0 <= px <= self.size[0] and 0 <= py <= self.size[1])

    def _line(
        self, start: tuple[float, float], end: tuple[float, float]
    ) -> tuple[list[float], list[float]] | tuple[None, None]:
        """Both ends in picture fractions, each drawn in to where the picture ends; (None, None) when it is not seen."""
        points = np.linspace([*start, 0.0], [*end, 0.0], 400)
        seen = self.camera.project(points) / np.array(self.size)
        inside = np.flatnonzero(((seen >= 0) & (seen <= 1)).all(axis=1))
        if len(inside) < 2:
            return None, None
        first, last = seen[inside[0]], seen[inside[-1]]
        return [round(float(part), 5) for part in first], [round(float(part), 5) for part in last]


def _infrared(rng: np.random.Generator, options: TowerOptions) -> bool:
    chance = rng.random() < 0.5
    return bool(chance) if options.night_look == "any" else options.night_look == "infrared"


def _wind(rng: np.random.Generator, *, strong: bool) -> Wind:
    speed = rng.uniform(3.0, 7.0) if strong else rng.uniform(0.0, 1.2)
    heading = rng.uniform(0, 2 * np.pi)
    return float(speed * np.cos(heading)), 0.0, float(abs(0.4 * speed * np.sin(heading)))


def _apply_change(canvas: Bgr, glow: Bgr, change: Change, t: float) -> None:
    """A room's light goes out (its share of the glow is taken away), or a pane mirrors the sky for a moment."""
    low = np.maximum(np.floor(change.corners_px.min(axis=0)).astype(int) - 1, 0)
    high = np.ceil(change.corners_px.max(axis=0)).astype(int) + 2
    region = canvas[low[1] : high[1], low[0] : high[0]]
    if region.size == 0:
        return
    mask: NDArray[np.uint8] = np.zeros(region.shape[:2], np.uint8)
    pixels = np.round((change.corners_px - low) * 16).astype(np.int32)
    cv2.fillConvexPoly(mask, pixels, 255, cv2.LINE_AA, 4)
    weight = (mask.astype(np.float32) / 255)[..., None]
    if change.what == "window_light":
        region[...] = np.clip(region - 0.92 * weight * glow[low[1] : high[1], low[0] : high[0]], 0, 255).astype(
            np.uint8
        )
        return
    part = (t - change.first_s) / (change.last_s - change.first_s)
    weight *= np.float32(0.75 * np.sin(np.pi * part) ** 2)
    region[...] = (region * (1 - weight) + 238 * weight).astype(np.uint8)


def build_tower(camera: CameraSpec, seed: int) -> TowerScene:
    """Build the scene of one camera. Raises SceneError naming the option that is wrong."""
    try:
        options = TowerOptions.model_validate(camera.options)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise SceneError(f"camera {camera.id}: options.{key}: {first['msg']}") from error
    return TowerScene(camera, seed, options)
