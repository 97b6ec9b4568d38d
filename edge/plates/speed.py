"""How fast a vehicle passes, as a class: from the time between two lines that the installer has drawn and measured.

What it is worth: the way is known to about 5 % when the lines were measured on the road; the plate hangs about half a
metre above it, which makes it seem too fast by that height over the camera's (10 % under a camera at 5 m; corrected
when `camera_height_m` is given); the moments are interpolated between two looks. Together 10 to 20 %: enough for a
class, never for a fine. A vehicle that stops between the lines gets its mean speed, waiting included.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from contract.base import Fraction
from contract.events import SpeedClass

PLATE_HEIGHT_M = 0.5
"""Middle of a plate above the road, of most vehicles."""
CLASSES: tuple[tuple[float, SpeedClass], ...] = ((2, "standing"), (10, "walking_pace"), (30, "slow"), (60, "normal"))
"""Up to so many km/h; above the last it is fast."""

PointOnPicture = tuple[Fraction, Fraction]
Line = tuple[PointOnPicture, PointOnPicture]


class SpeedScale(BaseModel):
    """Two lines across the road, both drawn from one kerb to the other, and how far they are apart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lines: Annotated[tuple[Line, Line], Field(description="Two lines, each two points in picture fractions.")]
    metres: float = Field(ge=1, le=100, description="Distance between them along the road; 5 to 15 m is best.")
    camera_height_m: float | None = Field(
        default=None,
        ge=1.5,
        le=50,
        description="Its height above the road: takes out the plate's own height.",
    )

    @field_validator("lines")
    @classmethod
    def _lines_are_two(cls, value: tuple[Line, Line]) -> tuple[Line, Line]:
        if any(first == second for first, second in value):
            raise ValueError("a line needs two different points")
        if len({_side(value[0], point) > 0 for point in value[1]}) != 1:
            raise ValueError("the two lines cross each other; draw both across the road, one behind the other")
        return value


def speed_class(kmh: float) -> SpeedClass:
    """The name for a speed."""
    return next((name for most, name in CLASSES if kmh <= most), "fast")


@dataclass(slots=True)
class SpeedGauge:
    """Notes when one vehicle's plate crosses the two lines."""

    scale: SpeedScale
    _last: tuple[float, tuple[float, float]] | None = None
    _crossings: list[tuple[int, float]] = field(default_factory=list)
    """Line 0 or 1, and when; a line that is crossed again (a plate that trembles on it) counts as crossed then."""

    def see(self, time_s: float, point: PointOnPicture) -> None:
        """The plate's middle is here now, in picture fractions."""
        if self._last is not None and not self._done:
            before_s, before = self._last
            for number, line in enumerate(self.scale.lines):
                a, b = _side(line, before), _side(line, point)
                if (a > 0) != (b > 0):
                    self._crossings.append((number, before_s + (time_s - before_s) * a / (a - b)))
            self._crossings.sort(key=lambda crossing: crossing[1])
            del self._crossings[:-2]
        self._last = (time_s, point)

    def absorb(self, later: SpeedGauge) -> None:
        """Take the crossings that another gauge of the same vehicle noted after this one."""
        self._crossings = (self._crossings + later._crossings)[-2:]
        self._last = later._last

    @property
    def _done(self) -> bool:
        return len(self._crossings) == 2 and self._crossings[0][0] != self._crossings[1][0]

    @property
    def kmh(self) -> float | None:
        """Mean speed between the lines; None until both are crossed."""
        if not self._done:
            return None
        elapsed_s = self._crossings[1][1] - self._crossings[0][1]
        return 3.6 * self._metres / elapsed_s if elapsed_s > 0 else None

    @property
    def _metres(self) -> float:
        """What the plate really travelled: its shadow on the road, seen from the camera, goes farther."""
        height = self.scale.camera_height_m
        return self.scale.metres * (1.0 if height is None else 1 - PLATE_HEIGHT_M / height)


def _side(line: Line, point: tuple[float, float]) -> float:
    """Positive on one side of the line, negative on the other, 0 on it; grows with the distance."""
    (ax, ay), (bx, by) = line
    return (bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax)
