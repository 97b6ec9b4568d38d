"""GCJ-02, the coordinates of Chinese map services (Amap, Tencent, Google in China), to WGS 84.

GCJ-02 shifts WGS 84 by up to some 700 m with sums of sines, on the ellipsoid of Krasovsky 1940; outside mainland
China it leaves points alone. The way back is found by taking the shift away until nothing is left to take.
"""

from __future__ import annotations

import math
from math import pi, sin, sqrt

from collector.geography import Point

_AXIS_M = 6_378_245.0
_ECCENTRICITY2 = 0.006_693_421_622_965_943
_MIDDLE = Point(35.0, 105.0)
_SOUTH, _NORTH, _WEST, _EAST = 0.8293, 55.8271, 72.004, 137.8347
_NEAR_DEG = 1e-8
"""1 mm."""
_MOST_STEPS = 20


def to_gcj02(point: Point) -> Point:
    """Where a Chinese map service shows this WGS 84 point."""
    if not (_SOUTH <= point.latitude <= _NORTH and _WEST <= point.longitude <= _EAST):
        return point
    north_m, east_m = _shift_m(point.longitude - _MIDDLE.longitude, point.latitude - _MIDDLE.latitude)
    latitude = math.radians(point.latitude)
    curve = 1 - _ECCENTRICITY2 * sin(latitude) ** 2
    meridian_m = _AXIS_M * (1 - _ECCENTRICITY2) / curve**1.5
    parallel_m = _AXIS_M / sqrt(curve) * math.cos(latitude)
    return Point(
        point.latitude + math.degrees(north_m / meridian_m), point.longitude + math.degrees(east_m / parallel_m)
    )


def from_gcj02(point: Point) -> Point:
    """The WGS 84 point that a Chinese map service shows there, to some millimetres."""
    found = point
    for _ in range(_MOST_STEPS):
        shown = to_gcj02(found)
        off = (shown.latitude - point.latitude, shown.longitude - point.longitude)
        found = Point(found.latitude - off[0], found.longitude - off[1])
        if max(abs(off[0]), abs(off[1])) < _NEAR_DEG:
            break
    return found


def _shift_m(x: float, y: float) -> tuple[float, float]:
    """(north, east) of a point that lies x degrees east and y degrees north of the middle."""
    ripple = 20 * sin(6 * pi * x) + 20 * sin(2 * pi * x)
    root = sqrt(abs(x))
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += (ripple + _waves(y, (20, 1), (40, 3)) + _waves(y, (160, 12), (320, 30))) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += (ripple + _waves(x, (20, 1), (40, 3)) + _waves(x, (150, 12), (300, 30))) * 2 / 3
    return north, east


def _waves(x: float, *parts: tuple[int, int]) -> float:
    """Sines of so many metres, one for each (metres, thirds of a half wave in degrees)."""
    return sum(metres * sin(x * pi / length) for metres, length in parts)
