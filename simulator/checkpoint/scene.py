"""The checkpoint as a scene: joins road, traffic, light and lens, and tells what truly happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.checkpoint.lens import CameraClock, NoiseBank, RainBank, beam, flare, pyramid, smear
from simulator.checkpoint.light import Light, as_picture
from simulator.checkpoint.noise import clouds
from simulator.checkpoint.paint import Painter, Skin, paint_side, pick_paint
from simulator.checkpoint.road import RoadPlan
from simulator.checkpoint.sprite import SHADOW_ROOM, Placed, Sprite, draw_shadow, draw_sprite
from simulator.checkpoint.traffic import FAR, Traffic, Vehicle
from simulator.checkpoint.view import View
from simulator.scenes import Bgr, CameraSpec
from simulator.truth import PassageTruth, SceneTruth, TruthRecord

Array = NDArray[np.float32]

VISIBLE_PLATE_PX = 60.0
"""From this width on, wholly in the picture, a plate counts as passing."""
_CLOSEST = 4.0
"""Y in metres of what still can be in the picture."""
_STATIONS = np.geomspace(7.0, FAR, 7)
_STEP = 1.5
"""Distances at which a vehicle is drawn; between them the nearest drawing is warped. Closer ones follow in steps."""


_SHADOW_SCALE = 2
"""Shadows are drawn at this part of the picture's size."""


@dataclass
class _Dressed:
    """A vehicle's looks, made when it first comes into view."""

    skin: Skin
    side: Skin
    plate: list[Bgr]
    shadow: NDArray[np.uint8]
    sprites: dict[float, Sprite | None]


class CheckpointScene:
    """One camera over the lanes (see `simulator.scenes.Scene`)."""

    def __init__(
        self,
        camera: CameraSpec,
        seed: int,
        view: View,
        light: Light,
        road: RoadPlan,
        background: Bgr,
        traffic: Traffic,
    ) -> None:
        self._camera, self._seed, self._view, self._light, self._road = camera, seed, view, light, road
        self._background, self._vehicles, self._region = background, traffic.vehicles, traffic.region
        rng = np.random.default_rng([seed, 77])
        self._noise = NoiseBank(view.size, light.noise * view.size[1] / 720, rng)
        self._rain = RainBank(view.size, light.night, rng) if light.rain else None
        self._clock = CameraClock(
            view.size,
            _clock_start(light, rng),
            f"K{rng.integers(2, 1900)}+{rng.integers(0, 999):03d}  CAM {rng.integers(1, 12):02d}",
        )
        self._flare, self._beam = flare(96), beam()
        self._dressed: dict[int, _Dressed] = {}

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self._view.size

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self._camera.fps

    @property
    def frame_count(self) -> int:
        """Frames of the whole scene."""
        return self._camera.frame_count

    def frame(self, index: int) -> Bgr:
        """The picture at `index / fps` seconds."""
        time_s = index / self.fps
        picture = self._background.copy()
        present = [v for v in self._vehicles if v.starts_s <= time_s <= v.ends_s]
        present.sort(key=lambda v: -v.near(time_s))
        self._draw_shadows(picture, present, time_s)
        for vehicle in present:
            self._draw_vehicle(picture, vehicle, time_s)
        if self._light.night:
            for vehicle in present:
                self._draw_lamps(picture, vehicle, time_s)
        if self._rain is not None:
            self._rain.add(picture, index)
        self._noise.add(picture, index)
        self._clock.draw(picture, time_s)
        self._forget(time_s)
        return picture

    def _forget(self, time_s: float) -> None:
        """Drop the looks of vehicles that are gone."""
        gone = [v.number for v in self._vehicles if v.number in self._dressed and v.ends_s < time_s - 1]
        for number in gone:
            del self._dressed[number]

    def truth(self) -> list[TruthRecord]:
        """The scene, then every passage by the time its plate came into view."""
        spec = self._camera
        scene = SceneTruth(
            camera=spec.id, scene=spec.scene, fps=spec.fps, width=spec.width, height=spec.height,
            frames=spec.frame_count, condition=tuple(spec.conditions), seed=self._seed,
        )  # fmt: skip
        passages = [record for vehicle in self._vehicles if (record := self._passage(vehicle)) is not None]
        return [scene, *sorted(passages, key=lambda p: p.t_first_s)]

    def _passage(self, vehicle: Vehicle) -> PassageTruth | None:
        seen: list[tuple[float, float]] = []
        first = max(0, int(vehicle.starts_s * self.fps))
        for index in range(first, min(self.frame_count, int(vehicle.ends_s * self.fps) + 1)):
            corners, _ = self._view.project(vehicle.plate_corners(index / self.fps))
            width = float(np.linalg.norm(corners[1] - corners[0]))
            whole = bool((corners >= 0).all() and (corners <= np.array(self._view.size)).all())
            if whole and width >= VISIBLE_PLATE_PX:
                seen.append((index / self.fps, width))
        if not seen:
            return None
        return PassageTruth(
            id=f"{self._camera.id}-{vehicle.number:03d}",
            plate=vehicle.plate,
            plate_kind=vehicle.maker.told_as(vehicle.plate_kind),
            colour=vehicle.maker.colour(vehicle.plate_kind),
            rows=vehicle.maker.rows(vehicle.plate_kind),
            t_first_s=seen[0][0],
            t_last_s=seen[-1][0],
            direction="approaching" if vehicle.speed_mps > 0 else "leaving",
            lane=f"lane-{vehicle.lane + 1}",
            plate_px_min=min(w for _, w in seen),
            plate_px_max=max(w for _, w in seen),
        )

    def installation(self) -> dict[str, Any]:
        """The lanes as an installer would draw them on a still, at the height where plates are."""
        lanes = []
        for lane in range(self._road.lanes):
            left = self._road.left + lane * self._road.lane_width
            corners = [
                [left, 6.0],
                [left, 30.0],
                [left + self._road.lane_width, 30.0],
                [left + self._road.lane_width, 6.0],
            ]
            world = np.array([[x, y, 0.4] for x, y in corners])
            pixels, _ = self._view.project(world)
            outline = np.clip(pixels / np.array(self._view.size), 0, 1)
            lanes.append(
                {"name": f"lane-{lane + 1}", "polygon": [[round(float(x), 4), round(float(y), 4)] for x, y in outline]}
            )
        return {"plates": {"region": self._region, "lanes": lanes}}

    # Drawing -----------------------------------------------------------------------------------------------------

    def _dress(self, vehicle: Vehicle) -> _Dressed:
        if vehicle.number not in self._dressed:
            rng = np.random.default_rng(vehicle.seed)
            body = pick_paint(vehicle.kind, rng)
            skin = Painter(vehicle.shell, body, rng, lamps_on=self._light.night).paint()
            side = paint_side(vehicle.shell, body, rng)
            plate = pyramid(self._plate(vehicle, rng))
            shadow = draw_shadow(self._light, vehicle.shell)
            self._dressed[vehicle.number] = _Dressed(skin, side, plate, shadow, {})
        return self._dressed[vehicle.number]

    def _plate(self, vehicle: Vehicle, rng: np.random.Generator) -> Bgr:
        """The plate as it looks on this vehicle, in this light."""
        plate = vehicle.maker.draw(vehicle.plate, vehicle.plate_kind, rng, "simulator", 1.0).astype(np.float32)
        height, width = plate.shape[:2]
        soil = np.clip(clouds(rng, (width, height), 5, octaves=4) * 0.5 + 0.3, 0, 1)[..., None] * vehicle.dirt
        plate += (np.array((92, 108, 118), np.float32) - plate) * soil
        light = self._light
        if light.night:
            level = float(rng.uniform(0.62, 0.95))
        else:
            level = light.sky_level * 0.8 + light.sun_level * 0.55 * max(0.0, -light.sun[1]) + 0.08
        sheen = 1 + 0.06 * np.linspace(1, -1, height, dtype=np.float32)[:, None, None]
        return as_picture(plate * level * sheen * np.array(light.tint, np.float32))

    def _sprite(self, vehicle: Vehicle, near: float) -> Sprite | None:
        """The drawing from the distance that is next to this one."""
        dressed, place = self._dress(vehicle), _station(near)
        if place not in dressed.sprites:
            placed = Placed(vehicle.x, place)
            skins = (dressed.skin, dressed.side)
            dressed.sprites[place] = draw_sprite(self._view, self._light, vehicle.shell, skins, placed)
        return dressed.sprites[place]

    def _draw_shadows(self, picture: Bgr, present: list[Vehicle], time_s: float) -> None:
        """All shadows together, at a part of the picture's size: they are soft."""
        size = (self.size[0] // _SHADOW_SCALE, self.size[1] // _SHADOW_SCALE)
        light = np.full((size[1], size[0]), 255, np.uint8)
        shaded: list[tuple[int, int, int, int]] = []
        for vehicle in present:
            shade = self._shadow(vehicle, time_s, size)
            if shade is not None:
                (left, top), patch = shade
                region = light[top : top + patch.shape[0], left : left + patch.shape[1]]
                cv2.multiply(region, 255 - patch, region, 1 / 255)
                shaded.append((left, top, left + patch.shape[1], top + patch.shape[0]))
        if not shaded:
            return
        (x0, y0), (x1, y1) = np.min(shaded, 0)[:2], np.max(shaded, 0)[2:]
        n = _SHADOW_SCALE
        grown = cv2.resize(light[y0:y1, x0:x1], None, fx=n, fy=n, interpolation=cv2.INTER_LINEAR)
        region = picture[y0 * n : y1 * n, x0 * n : x1 * n]
        cv2.multiply(region, cv2.cvtColor(grown, cv2.COLOR_GRAY2BGR), region, 1 / 255)

    def _shadow(
        self, vehicle: Vehicle, time_s: float, size: tuple[int, int]
    ) -> tuple[tuple[int, int], NDArray[np.uint8]] | None:
        """A vehicle's shadow in a picture of this size: (left, top) and its darkness there."""
        near, shell = vehicle.near(time_s), vehicle.shell
        start, end = max(-SHADOW_ROOM, _CLOSEST - near), shell.length + SHADOW_ROOM
        if end - start < 0.5:
            return None
        whole = self._dress(vehicle).shadow
        shadow = whole[int((start + SHADOW_ROOM) / (shell.length + 2 * SHADOW_ROOM) * len(whole)) :]
        w = shell.half_width + SHADOW_ROOM
        corners = np.array([[start, -w, 0], [start, w, 0], [end, w, 0], [end, -w, 0]], np.float32)
        target, _ = self._view.project(Placed(vehicle.x, near).world(corners))
        return _warped(shadow, _edges(shadow), (target / _SHADOW_SCALE).astype(np.float32), size)

    def _draw_vehicle(self, picture: Bgr, vehicle: Vehicle, time_s: float) -> None:
        placed = Placed(vehicle.x, vehicle.near(time_s))
        sprite = self._sprite(vehicle, placed.near)
        if sprite is None:
            return
        target, depth = self._view.project(placed.world(sprite.carried))
        cut = _warped(sprite.picture, sprite.anchors, target, self.size) if depth.min() > 1.0 else None
        if cut is None:
            return
        (left, top), patch = cut
        if placed.near > _CLOSEST:
            corners, _ = self._view.project(vehicle.plate_corners(time_s))
            self._put_plate(patch, corners - np.array([left, top], np.float32), self._dress(vehicle).plate)
            kernel = self._smear(vehicle, time_s)
            if kernel is not None:
                patch = np.asarray(cv2.filter2D(patch, -1, kernel), np.uint8)
        region = picture[top : top + patch.shape[0], left : left + patch.shape[1]]
        _over(region, patch)

    def _put_plate(self, patch: NDArray[np.uint8], corners: Array, levels: list[Bgr]) -> None:
        width = float(np.linalg.norm(corners[1] - corners[0]))
        plate = next((p for p in reversed(levels) if p.shape[1] >= 1.25 * width), levels[0])
        low = np.maximum(np.floor(corners.min(0)).astype(int) - 2, 0)
        high = np.minimum(np.ceil(corners.max(0)).astype(int) + 3, [patch.shape[1], patch.shape[0]])
        if (high - low < 4).any():
            return
        size = (int(high[0] - low[0]), int(high[1] - low[1]))
        matrix = cv2.getPerspectiveTransform(_edges(plate), (corners - low).astype(np.float32))
        solid = np.dstack([plate, np.full(plate.shape[:2], 255, np.uint8)])
        warped = cv2.warpPerspective(solid, matrix, size, flags=cv2.INTER_LINEAR)
        _over4(patch[low[1] : high[1], low[0] : high[0]], np.asarray(cv2.GaussianBlur(warped, (3, 3), 0.6), np.uint8))

    def _smear(self, vehicle: Vehicle, time_s: float) -> Array | None:
        half = self._light.exposure_s / 2
        both = np.stack([vehicle.plate_corners(time_s - half).mean(0), vehicle.plate_corners(time_s + half).mean(0)])
        pixels, _ = self._view.project(both)
        return smear(float(pixels[1, 0] - pixels[0, 0]), float(pixels[1, 1] - pixels[0, 1]))

    def _draw_lamps(self, picture: Bgr, vehicle: Vehicle, time_s: float) -> None:
        """Headlamps dazzle and light the road before them; tail lamps only glow."""
        if vehicle.end == "rear":
            return
        shell, placed = vehicle.shell, Placed(vehicle.x, vehicle.near(time_s))
        w = shell.half_width
        high = float(shell.centre[:, 1].max()) * 0.1 + 0.55
        if placed.near < _CLOSEST + 1:
            return
        reach = min(9.5, placed.near - _CLOSEST)
        ground = np.array([[-0.3, -1.7, 0], [-0.3, 1.7, 0], [-reach, 2.6, 0], [-reach, -2.6, 0]], np.float32)
        pixels, _ = self._view.project(placed.world(ground))
        lit = self._beam[: max(2, int(len(self._beam) * reach / 9.5))]
        pool = _warped(lit, _edges(lit), pixels, self.size)
        if pool is not None:
            (left, top), patch = pool
            region = picture[top : top + patch.shape[0], left : left + patch.shape[1]]
            cv2.add(region, patch, region)
        lamps = placed.world(np.array([[0.05, -0.74 * w, high], [0.05, 0.74 * w, high]], np.float32))
        places, _ = self._view.project(lamps)
        radius = self._view.pixels_per_metre(lamps[0]) * 0.62
        for x, y in places:
            _add_centred(picture, self._flare, float(x), float(y), radius)


def _station(near: float) -> float:
    """The distance, among those that are drawn, next to this one."""
    if near < _STATIONS[0] - _STEP / 2:
        return float(_STATIONS[0] - _STEP * round((_STATIONS[0] - near) / _STEP))
    return float(_STATIONS[int(np.argmin(np.abs(np.log(_STATIONS / max(near, 1.0)))))])


def _clock_start(light: Light, rng: np.random.Generator) -> datetime:
    hour = int(rng.integers(20, 24)) if light.night else int(rng.integers(8, 17))
    day = datetime(2026, 3, 1, hour, tzinfo=UTC) + timedelta(days=int(rng.integers(0, 240)))
    return day + timedelta(seconds=int(rng.integers(0, 3600)))


def _edges(picture: NDArray[np.uint8]) -> Array:
    height, width = picture.shape[:2]
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)


def _warped(
    source: NDArray[np.uint8], anchors: Array, target: Array, size: tuple[int, int]
) -> tuple[tuple[int, int], NDArray[np.uint8]] | None:
    """The source with its anchors at the target pixels: (left, top) and the part of it that is in the picture."""
    matrix = cv2.getPerspectiveTransform(anchors.astype(np.float32), target.astype(np.float32))
    outline = cv2.perspectiveTransform(_edges(source)[None], matrix)[0]
    low = np.maximum(np.floor(outline.min(0)), 0).astype(int)
    high = np.minimum(np.ceil(outline.max(0)) + 1, size).astype(int)
    if (high - low < 2).any():
        return None
    shift = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]], np.float64)
    extent = (int(high[0] - low[0]), int(high[1] - low[1]))
    warped = cv2.warpPerspective(source, shift @ matrix, extent, flags=cv2.INTER_LINEAR)
    return (int(low[0]), int(low[1])), np.asarray(warped, np.uint8)


def _over(region: Bgr, patch: NDArray[np.uint8]) -> None:
    """Lay a premultiplied (h, w, 4) patch over the picture, in place."""
    colour, alpha = cv2.cvtColor(patch, cv2.COLOR_BGRA2BGR), cv2.merge([255 - patch[..., 3]] * 3)
    cv2.multiply(region, alpha, region, 1 / 255)
    cv2.add(region, colour, region)


def _over4(region: NDArray[np.uint8], patch: NDArray[np.uint8]) -> None:
    alpha = cv2.merge([255 - patch[..., 3]] * 4)
    region[:] = cv2.add(cv2.multiply(region, alpha, scale=1 / 255), patch)


def _add_centred(picture: Bgr, light: Bgr, x: float, y: float, radius: float) -> None:
    """Add a square picture of light, scaled to a radius, around a pixel."""
    side = max(5, int(2 * radius) | 1)
    left, top = int(x) - side // 2, int(y) - side // 2
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, picture.shape[1]), min(top + side, picture.shape[0])
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    scaled = cv2.resize(light, (side, side), interpolation=cv2.INTER_AREA)
    region = picture[y0:y1, x0:x1]
    cv2.add(region, scaled[y0 - top : y1 - top, x0 - left : x1 - left], region)
