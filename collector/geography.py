"""Points on the ground, WGS 84."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

EARTH_M = 6_371_000.0
MICRO = 1_000_000
"""The store counts in millionths of a degree: 11 cm."""


@dataclass(frozen=True, slots=True)
class Point:
    """Latitude and longitude in degrees."""

    latitude: float
    longitude: float

    @classmethod
    def of_row(cls, row: Any) -> Point:
        """From the columns `latitude_udeg` and `longitude_udeg`."""
        return cls(row.latitude_udeg / MICRO, row.longitude_udeg / MICRO)

    @property
    def columns(self) -> dict[str, int]:
        """As the store keeps it."""
        return {"latitude_udeg": round(self.latitude * MICRO), "longitude_udeg": round(self.longitude * MICRO)}

    def metres_to(self, other: Point) -> float:
        """Great-circle distance (haversine)."""
        low, high = math.radians(self.latitude), math.radians(other.latitude)
        across = math.radians(other.longitude - self.longitude)
        half = math.sin((high - low) / 2) ** 2 + math.cos(low) * math.cos(high) * math.sin(across / 2) ** 2
        return 2 * EARTH_M * math.asin(math.sqrt(min(1.0, half)))
