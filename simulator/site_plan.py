"""The demo's site: a drawn plan, where its cameras and sensors stand, and the rounds that its units walk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import cv2
import numpy as np

from contract.units import UnitPosition

WIDTH_M, HEIGHT_M = 240.0, 160.0
PIXELS_A_METRE = 4
LATITUDE, LONGITUDE = 31.23, 121.47
"""Of the plan's middle, WGS 84."""
DEGREE_M = 111_195.0
HOUSES = ((-100, -60, 62, 34), (36, -62, 62, 34), (-92, 24, 62, 32))
"""West, north (negative is up), width and depth in metres from the plan's middle."""
BUILDINGS = {"house-1": "1 号楼 House 1", "house-2": "2 号楼 House 2", "house-3": "3 号楼 House 3"}
"""Of `HOUSES`, in their order."""
ROUNDS = {
    "patrol-1": ((-112, 0), (-8, 0), (-8, 70), (8, 70), (8, 0), (-8, 0)),
    "property-1": ((8, -8), (108, -8), (108, 8), (8, 8)),
}
"""Unit → corners of its round, metres east and south of the middle."""
WALK_MPS = 1.4


@dataclass(frozen=True, slots=True)
class Standing:
    """A camera or sensor: its place in metres east and south of the middle, and what it sees."""

    name: str
    east_m: float
    south_m: float
    bearing_deg: int = 0
    angle_deg: int = 0
    range_m: int = 0
    watches: str | None = None
    """The building whose falls it sees, of `BUILDINGS`."""

    @property
    def view(self) -> dict[str, float | int | str]:
        """As the collector's API takes it."""
        latitude, longitude = _degrees(self.east_m, self.south_m)
        looks = {"bearing_deg": self.bearing_deg, "angle_deg": self.angle_deg, "range_m": self.range_m}
        return {"name": self.name, "latitude": latitude, "longitude": longitude, **looks}


STANDING = {
    "tower-1": Standing("1 号楼南 House 1, south", -69, 8, 0, 60, 46, "house-1"),
    "gate-1": Standing("东门 East gate", 108, 0, 270, 50, 50),
    "smoke-3f": Standing("3 号楼 House 3", -62, 40),
    "manhole-7": Standing("7 号井盖 Cover 7", 0, 40),
    "help-lobby": Standing("1 号楼大堂 Lobby of house 1", -69, -24),
}


def places() -> dict[str, dict[str, float | str]]:
    """Buildings as the collector's API takes places: at the middle of their roofs."""
    found: dict[str, dict[str, float | str]] = {}
    for (place, title), (west, north, width, depth) in zip(BUILDINGS.items(), HOUSES, strict=True):
        latitude, longitude = _degrees(west + width / 2, north + depth / 2)
        found[place] = {"title": title, "kind": "building", "latitude": latitude, "longitude": longitude}
    return found


def plan() -> bytes:
    """The plan as a PNG: two roads, three houses, a garden."""
    scale = PIXELS_A_METRE
    width, height = int(WIDTH_M * scale), int(HEIGHT_M * scale)
    picture = np.full((height, width, 3), (240, 243, 241), np.uint8)

    def corner(east_m: float, south_m: float) -> tuple[int, int]:
        return int(width / 2 + east_m * scale), int(height / 2 + south_m * scale)

    for ends in (((-120, -9), (120, 9)), ((-9, -80), (9, 80))):
        cv2.rectangle(picture, corner(*ends[0]), corner(*ends[1]), (216, 216, 212), -1)
    cv2.circle(picture, corner(66, 46), 22 * scale, (196, 226, 202), -1)
    for number, (east_m, south_m, wide_m, deep_m) in enumerate(HOUSES, 1):
        ends = corner(east_m, south_m), corner(east_m + wide_m, south_m + deep_m)
        cv2.rectangle(picture, *ends, (202, 196, 186), -1)
        cv2.rectangle(picture, *ends, (150, 142, 132), 3)
        at = corner(east_m + wide_m / 2 - 3, south_m + deep_m / 2 + 4)
        cv2.putText(picture, str(number), at, cv2.FONT_HERSHEY_SIMPLEX, 1.5, (110, 102, 92), 3, cv2.LINE_AA)
    done, encoded = cv2.imencode(".png", picture)
    if not done:
        raise RuntimeError("the demo's plan cannot be encoded")
    return bytes(encoded)


def position(unit: str, passed_s: float) -> UnitPosition:
    """Where a unit is on its round after so many seconds."""
    east_m, south_m = _along(ROUNDS[unit], passed_s * WALK_MPS)
    latitude, longitude = _degrees(east_m, south_m)
    return UnitPosition(latitude=latitude, longitude=longitude, at=datetime.now(UTC), accuracy_m=5)


def _along(corners: Sequence[tuple[float, float]], walked_m: float) -> tuple[float, float]:
    legs = list(zip(corners, (*corners[1:], corners[0]), strict=True))
    left_m = walked_m % sum(math.dist(*leg) for leg in legs)
    for start, end in legs:
        length_m = math.dist(start, end)
        if left_m <= length_m:
            share = left_m / length_m
            return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])
        left_m -= length_m
    return corners[0]


def _degrees(east_m: float, south_m: float) -> tuple[float, float]:
    """(latitude, longitude)"""
    across = DEGREE_M * math.cos(math.radians(LATITUDE))
    return round(LATITUDE - south_m / DEGREE_M, 7), round(LONGITUDE + east_m / across, 7)
