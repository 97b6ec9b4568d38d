"""Builds the scene from a scenario's camera and a seed."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from simulator.checkpoint.light import make_light
from simulator.checkpoint.road import RoadPainter, RoadPlan
from simulator.checkpoint.scene import CheckpointScene
from simulator.checkpoint.traffic import TrafficPlan, make_traffic
from simulator.checkpoint.view import View
from simulator.plates.makers import MAKERS
from simulator.scenes import CameraSpec, Scene, SceneError

_SUPPORTED = {"day", "night", "rain"}


class CheckpointOptions(BaseModel):
    """Keys under a checkpoint camera's `options`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lanes: Annotated[int, Field(ge=1, le=3)] = Field(default=2, description="Lanes in view.")
    leaving_lanes: tuple[Annotated[int, Field(ge=1, le=3)], ...] = Field(
        default=(), description="Lanes (from 1, from the left) whose traffic drives away from the camera."
    )
    speed_kmh: tuple[float, float] = Field(default=(14, 32), description="Slowest and fastest lane pace.")
    headway_s: tuple[float, float] = Field(
        default=(0.5, 3.0), description="Shortest and longest extra time between vehicles of a lane."
    )
    region: str = Field(default="CN", description="Whose plates the vehicles have: CN or eu.")
    plate_kinds: tuple[str, ...] | None = Field(
        default=None,
        min_length=1,
        description="Only these kinds of plates; every kind that suits the vehicle if left out.",
    )
    dirt: float = Field(default=0.06, ge=0, le=0.5, description="How dirty plates are on average.")
    tilt_deg: float = Field(default=1.0, ge=0, le=8, description="How crookedly plates are mounted (deviation).")

    @field_validator("region")
    @classmethod
    def _known_region(cls, value: str) -> str:
        if value not in MAKERS:
            raise ValueError(f"no plates of {value!r} can be drawn; there are: {', '.join(sorted(MAKERS))}")
        return value

    @field_validator("plate_kinds")
    @classmethod
    def _known_kinds(cls, value: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        if "region" not in info.data:  # already refused
            return value
        known = MAKERS[info.data["region"]].kinds
        unknown = [kind for kind in value or () if kind not in known]
        if unknown:
            raise ValueError(f"no plates of kind {', '.join(unknown)}; there are: {', '.join(known)}")
        return value


def build_checkpoint(camera: CameraSpec, seed: int) -> Scene:
    """The scene of this camera. Raises SceneError for options or conditions that it does not know."""
    try:
        options = CheckpointOptions.model_validate(camera.options)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise SceneError(f"camera {camera.id}: options.{key}: {first['msg']}") from error
    unknown = set(camera.conditions) - _SUPPORTED
    if unknown:
        raise SceneError(f"camera {camera.id}: a checkpoint has no {', '.join(sorted(unknown))}; only day, night, rain")
    beyond = [lane for lane in options.leaving_lanes if lane > options.lanes]
    if beyond:
        raise SceneError(f"camera {camera.id}: options.leaving_lanes: there is no lane {beyond[0]} of {options.lanes}")
    rng = np.random.default_rng([seed, 1])
    light = make_light(camera.conditions, rng)
    road = _road(options, rng)
    view = _view(camera, road, rng)
    background = RoadPainter(view, light, road, np.random.default_rng([seed, 2])).paint()
    traffic = make_traffic(_plan(camera, options), road, np.random.default_rng([seed, 3]))
    return CheckpointScene(camera, seed, view, light, road, background, traffic)


def _road(options: CheckpointOptions, rng: np.random.Generator) -> RoadPlan:
    width = float(rng.uniform(2.9, 3.3))
    return RoadPlan(
        left=-options.lanes * width / 2,
        lane_width=width,
        lanes=options.lanes,
        stop_line=float(rng.uniform(8.8, 10.5)),
        booth_at=float(rng.uniform(16, 20)),
    )


def _view(camera: CameraSpec, road: RoadPlan, rng: np.random.Generator) -> View:
    """A camera on its gantry, turned so that the lanes fill the picture at the reading distance."""
    reach = float(rng.uniform(13.0, 15.0))
    height, x = float(rng.uniform(4.6, 5.8)), float(rng.uniform(-1.2, 1.2))
    wide = road.lanes * road.lane_width * float(rng.uniform(0.98, 1.1))
    focal = camera.width / wide * reach if road.lanes > 1 else camera.width / 4.6 * reach
    pitch = float(np.arctan2(height - 0.5, reach + 0.8))
    return View(
        size=(camera.width, camera.height),
        focal_px=focal,
        x=x,
        height=height,
        pitch=pitch,
        yaw=float(np.arctan2(-x, reach)),
        roll=float(rng.normal(0, 0.012)),
    )


def _plan(camera: CameraSpec, options: CheckpointOptions) -> TrafficPlan:
    return TrafficPlan(
        duration_s=camera.duration_s,
        headway_s=options.headway_s,
        speed_mps=(options.speed_kmh[0] / 3.6, options.speed_kmh[1] / 3.6),
        leaving_lanes=tuple(lane - 1 for lane in options.leaving_lanes),
        plate_kinds=options.plate_kinds,
        dirt=options.dirt,
        tilt=options.tilt_deg,
        maker=MAKERS[options.region],
    )
