"""Shapes of vehicles: a profile from bumper to bumper with widths, seen from the end that faces the camera.

Vehicle coordinates: `l` metres back from the end that faces the camera, `y` to the right in the picture, `z` up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
VehicleKind = Literal["car", "suv", "van", "truck", "bus"]
Part = Literal["bumper", "fascia", "bonnet", "windscreen", "roof", "rearglass", "rear", "cargo"]
End = Literal["front", "rear"]

Station = tuple[float, float, float, Part]
"""l, z, half width, and what the surface from here to the next station is."""

PROFILES: dict[VehicleKind, tuple[Station, ...]] = {
    "car": (
        (0.10, 0.20, 0.78, "bumper"), (0.0, 0.42, 0.86, "bumper"), (0.02, 0.56, 0.88, "fascia"),
        (0.16, 0.76, 0.87, "bonnet"), (1.12, 0.99, 0.83, "windscreen"), (1.86, 1.40, 0.62, "roof"),
        (3.05, 1.43, 0.60, "rearglass"), (3.85, 1.06, 0.72, "bonnet"), (4.42, 1.00, 0.80, "rear"),
        (4.55, 0.70, 0.87, "bumper"), (4.60, 0.48, 0.88, "bumper"), (4.50, 0.22, 0.80, "bumper"),
    ),
    "suv": (
        (0.12, 0.26, 0.80, "bumper"), (0.0, 0.50, 0.90, "bumper"), (0.02, 0.64, 0.92, "fascia"),
        (0.12, 0.95, 0.91, "bonnet"), (1.15, 1.12, 0.87, "windscreen"), (1.85, 1.62, 0.68, "roof"),
        (3.95, 1.66, 0.66, "rearglass"), (4.42, 1.15, 0.80, "rear"), (4.60, 0.80, 0.90, "rear"),
        (4.65, 0.52, 0.91, "bumper"), (4.55, 0.26, 0.82, "bumper"),
    ),
    "van": (
        (0.08, 0.24, 0.76, "bumper"), (0.0, 0.48, 0.82, "bumper"), (0.02, 0.58, 0.84, "fascia"),
        (0.10, 0.88, 0.84, "bonnet"), (0.55, 1.10, 0.82, "windscreen"), (1.28, 1.84, 0.68, "roof"),
        (4.70, 1.90, 0.67, "rearglass"), (4.86, 1.22, 0.80, "rear"), (4.90, 0.55, 0.83, "bumper"),
        (4.82, 0.26, 0.78, "bumper"),
    ),
    "truck": (
        (0.10, 0.36, 1.02, "bumper"), (0.0, 0.62, 1.10, "bumper"), (0.0, 0.82, 1.12, "fascia"),
        (0.05, 1.38, 1.12, "windscreen"), (0.30, 2.25, 1.05, "roof"), (0.75, 2.48, 1.02, "roof"),
        (1.85, 2.50, 1.02, "cargo"), (1.90, 3.0, 1.16, "cargo"), (2.0, 3.15, 1.18, "cargo"),
        (7.40, 3.15, 1.18, "cargo"), (7.50, 0.95, 1.18, "rear"), (7.45, 0.50, 1.10, "bumper"),
    ),
    "bus": (
        (0.10, 0.34, 1.16, "bumper"), (0.0, 0.60, 1.22, "bumper"), (0.0, 0.80, 1.24, "fascia"),
        (0.04, 1.18, 1.24, "windscreen"), (0.26, 2.62, 1.20, "rear"), (0.42, 3.02, 1.14, "roof"),
        (10.6, 3.05, 1.14, "roof"), (10.9, 2.70, 1.2, "rearglass"), (10.98, 1.55, 1.22, "rear"),
        (11.0, 0.60, 1.22, "bumper"), (10.9, 0.36, 1.16, "bumper"),
    ),
}  # fmt: skip

PLATE_HEIGHT: dict[tuple[VehicleKind, End], float] = {
    ("car", "front"): 0.44, ("suv", "front"): 0.52, ("van", "front"): 0.50, ("truck", "front"): 0.64,
    ("bus", "front"): 0.62, ("car", "rear"): 0.82, ("suv", "rear"): 0.88, ("van", "rear"): 0.72,
    ("truck", "rear"): 0.70, ("bus", "rear"): 0.78,
}  # fmt: skip
"""Where the plate's centre sits above the road, in metres."""

_BULGE = {"car": 0.26, "suv": 0.18, "van": 0.15, "truck": 0.05, "bus": 0.08}
"""How far the corners of the end lie behind its middle, in metres."""
_SAMPLES = 480


@dataclass(frozen=True)
class Shell:
    """The body's upper surface as a grid, and where its parts are.

    `centre` (n, 3) is the profile's l, z and half width at equal steps along it; `parts` gives each step's part.
    """

    kind: VehicleKind
    end: End
    centre: Array
    parts: tuple[Part, ...]
    length: float
    arc: float
    bulge: float

    def grid(self, rows: int, columns: int) -> Array:
        """Points (rows, columns, 3) as l, y, z: rows along the profile from the road up and back, columns across."""
        places = np.linspace(0, len(self.centre) - 1, rows)
        steps = np.arange(len(self.centre))
        l0, z0, half = (np.interp(places, steps, self.centre[:, i])[:, None] for i in range(3))
        t = np.linspace(-1, 1, columns)[None]
        near = np.clip(1 - l0 / 1.3, 0, 1)
        far = np.clip(1 - (self.length - l0) / 1.3, 0, 1)
        bend = np.abs(t) ** 3.2
        back = self.bulge * bend * (near - far)
        crown = -0.055 * np.abs(t) ** 3 - 0.02 * t**2
        return np.stack([l0 + back, half * t, z0 + crown * (z0 > 0.7)], axis=-1).astype(np.float32)

    def depth_at(self, z: float) -> float:
        """`l` of the end's surface at this height, in the middle."""
        near = self.centre[: len(self.centre) // 3]
        return float(np.interp(z, np.maximum.accumulate(near[:, 1]), near[:, 0]))

    @property
    def height(self) -> float:
        return float(self.centre[:, 1].max())

    @property
    def half_width(self) -> float:
        return float(self.centre[:, 2].max())


def make_shell(kind: VehicleKind, end: End, rng: np.random.Generator) -> Shell:
    """A vehicle of a kind, its sizes varied by the seed, seen from its front or its rear."""
    raw = np.array([station[:3] for station in PROFILES[kind]], np.float64)
    parts = [station[3] for station in PROFILES[kind]][:-1]
    raw[:, 0] *= rng.uniform(0.94, 1.07)
    raw[:, 1] *= rng.uniform(0.96, 1.05)
    raw[:, 2] *= rng.uniform(0.96, 1.04)
    length = float(raw[:, 0].max())
    if end == "rear":
        raw = raw[::-1].copy()
        raw[:, 0] = length - raw[:, 0]
        parts = parts[::-1]
    steps = np.hypot(np.diff(raw[:, 0]), np.diff(raw[:, 1]))
    along = np.concatenate([[0], np.cumsum(steps)])
    places = np.linspace(0, along[-1], _SAMPLES)
    dense = np.stack([np.interp(places, along, raw[:, i]) for i in range(3)], axis=-1)
    soft = 0.07 / (along[-1] / _SAMPLES)
    smooth = cv2.GaussianBlur(
        dense.astype(np.float32), (1, 0), sigmaX=1e-3, sigmaY=soft, borderType=cv2.BORDER_REPLICATE
    )
    owner = np.clip(np.searchsorted(along, places, side="right") - 1, 0, len(parts) - 1)
    centre = np.asarray(smooth, np.float32)
    return Shell(kind, end, centre, tuple(parts[i] for i in owner), length, float(along[-1]), _BULGE[kind])
