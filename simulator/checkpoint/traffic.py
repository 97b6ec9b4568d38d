"""Who drives through, when and where; every vehicle with its plate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.checkpoint.road import RoadPlan
from simulator.checkpoint.vehicles import PLATE_HEIGHT, End, Shell, VehicleKind, make_shell
from simulator.plates import PlateKind
from simulator.plates.makers import PlateMaker

Array = NDArray[np.float32]

FAR = 34.0
NEAR = 3.0
"""Metres along the road between which the end that carries the plate is followed."""

_UNSEEN = 26.0
"""A plate farther away than this is too small to be read."""
_BELOW = 7.0
"""A plate nearer than this has left the picture at its lower edge."""

_VEHICLES: tuple[tuple[VehicleKind, float], ...] = (
    ("car", 0.42),
    ("suv", 0.26),
    ("van", 0.12),
    ("truck", 0.12),
    ("bus", 0.08),
)
_PLATES: dict[VehicleKind, tuple[tuple[PlateKind, float], ...]] = {
    "car": (
        ("small_blue", 0.52), ("new_energy_small", 0.24), ("police", 0.05), ("black", 0.03), ("hongkong", 0.03),
        ("macau", 0.02), ("learner", 0.04), ("embassy", 0.02), ("consulate", 0.01),
        ("military", 0.02), ("emergency", 0.02),
    ),
    "suv": (("small_blue", 0.6), ("new_energy_small", 0.26), ("police", 0.08), ("military", 0.06)),
    "van": (("small_blue", 0.66), ("new_energy_small", 0.14), ("aviation", 0.06), ("large_yellow", 0.14)),
    "truck": (("large_yellow", 0.78), ("new_energy_large", 0.22)),
    "bus": (("large_yellow", 0.5), ("new_energy_large", 0.5)),
}  # fmt: skip
"""Of the Chinese kinds; of another region's, each is as frequent."""
_TRUCK_REAR: tuple[tuple[PlateKind, float], ...] = (("large_yellow_double", 0.6), ("trailer_double", 0.4))


@dataclass(frozen=True)
class Vehicle:
    """One vehicle: its way is `near(t)`, the Y of the end with the plate, at constant speed."""

    number: int
    seed: int
    kind: VehicleKind
    end: End
    shell: Shell
    lane: int
    x: float
    speed_mps: float
    """Towards the camera when positive."""
    starts_s: float
    plate: str
    plate_kind: str
    plate_tilt: float
    plate_lean: float
    dirt: float
    maker: PlateMaker

    def near(self, time_s: float) -> float:
        """Y of the end that faces the camera."""
        begin = FAR if self.speed_mps > 0 else NEAR - self.shell.length
        return begin - self.speed_mps * (time_s - self.starts_s)

    @property
    def ends_s(self) -> float:
        """When nothing of it is in the picture any more."""
        way = FAR - NEAR + self.shell.length + 6
        return self.starts_s + way / abs(self.speed_mps)

    @property
    def plate_gone_s(self) -> float:
        """When its plate is no longer to be read: below the picture, or far away."""
        way = FAR - _BELOW if self.speed_mps > 0 else FAR - NEAR + self.shell.length
        return self.starts_s + way / abs(self.speed_mps)

    def plate_corners(self, time_s: float) -> Array:
        """World points (4, 3), clockwise from the plate's top left as the camera sees it."""
        width, height = (side / 1000 for side in self.maker.size_mm(self.plate_kind))
        middle = PLATE_HEIGHT[(self.kind, self.end)]
        depth = min(self.shell.depth_at(middle - height / 2), self.shell.depth_at(middle + height / 2)) - 0.03
        u = np.array([-1, 1, 1, -1]) * width / 2
        v = np.array([1, 1, -1, -1]) * height / 2
        cos, sin = np.cos(self.plate_tilt), np.sin(self.plate_tilt)
        across, up = u * cos - v * sin, u * sin + v * cos
        back = self.near(time_s) + depth + up * np.tan(self.plate_lean)
        return np.stack([self.x + across, back, middle + up], axis=-1).astype(np.float32)


@dataclass(frozen=True)
class TrafficPlan:
    """What the scenario asks of the traffic."""

    duration_s: float
    headway_s: tuple[float, float]
    speed_mps: tuple[float, float]
    leaving_lanes: tuple[int, ...]
    plate_kinds: tuple[str, ...] | None
    dirt: float
    tilt: float
    maker: PlateMaker


@dataclass(frozen=True)
class Traffic:
    """All vehicles, by the time they come, and the region whose plates they have."""

    region: str
    vehicles: list[Vehicle]


def make_traffic(plan: TrafficPlan, road: RoadPlan, rng: np.random.Generator) -> Traffic:
    """All vehicles that come into view and pass within the duration, by the time they do: no plate is half seen."""
    vehicles: list[Vehicle] = []
    for lane in range(road.lanes):
        lane_rng = np.random.default_rng(rng.integers(2**63))
        pace = float(lane_rng.uniform(*plan.speed_mps))
        clock = -float(lane_rng.uniform(0.1, 1.0)) * (FAR - _UNSEEN) / pace
        while True:
            vehicle = _vehicle(plan, road, lane, clock, pace, lane_rng, len(vehicles) + 1)
            if vehicle.plate_gone_s > plan.duration_s:
                break
            vehicles.append(vehicle)
            clock += _gap_s(vehicle, pace) + float(lane_rng.uniform(*plan.headway_s))
    return Traffic(plan.maker.region, sorted(vehicles, key=lambda v: (v.starts_s, v.lane)))


def _gap_s(vehicle: Vehicle, pace: float) -> float:
    """Time until the next one may follow: behind a tall vehicle its plate must not be hidden from the camera."""
    return (vehicle.shell.length + 3.6 * vehicle.shell.height - 2.0) / pace


def _vehicle(
    plan: TrafficPlan, road: RoadPlan, lane: int, starts_s: float, pace: float, rng: np.random.Generator, number: int
) -> Vehicle:
    leaving = lane in plan.leaving_lanes
    end: End = "rear" if leaving else "front"
    kinds, shares = zip(*_VEHICLES, strict=True)
    kind: VehicleKind = kinds[int(rng.choice(len(kinds), p=shares))]
    wanted = _plate_kind(kind, end, plan, rng)
    text, plate_kind = plan.maker.random_plate(rng, wanted)
    speed = pace * float(rng.uniform(0.985, 1.015))
    return Vehicle(
        number=number,
        seed=int(rng.integers(2**31)),
        kind=kind,
        end=end,
        shell=make_shell(kind, end, rng),
        lane=lane,
        x=road.middle(lane) + float(rng.uniform(-0.22, 0.22)),
        speed_mps=-speed if leaving else speed,
        starts_s=starts_s,
        plate=text,
        plate_kind=plate_kind,
        plate_tilt=float(rng.normal(0, np.radians(plan.tilt))),
        plate_lean=float(rng.uniform(-0.05, 0.14)),
        dirt=float(np.clip(rng.exponential(plan.dirt), 0, 0.75)),
        maker=plan.maker,
    )


def _plate_kind(kind: VehicleKind, end: End, plan: TrafficPlan, rng: np.random.Generator) -> str:
    kinds = plan.plate_kinds
    if kinds is None and plan.maker.region != "CN":
        kinds = plan.maker.kinds
    if kinds is not None:
        return kinds[int(rng.integers(len(kinds)))]
    choices = _TRUCK_REAR if kind == "truck" and end == "rear" else _PLATES[kind]
    names, weights = zip(*choices, strict=True)
    shares = np.array(weights) / sum(weights)
    chosen: PlateKind = names[int(rng.choice(len(names), p=shares))]
    return chosen
