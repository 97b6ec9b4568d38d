"""What an installer sets for a camera that reads plates. `PlatesSettings()` works: whole picture, no lanes."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from contract.base import Fraction, Identifier
from edge.plates.grammar import REGIONS
from edge.plates.speed import SpeedScale

Polygon = Annotated[tuple[tuple[Fraction, Fraction], ...], Field(min_length=3)]
"""Corners in order, each (x, y) in picture fractions: 0..1 from the left and from the top."""


class Lane(BaseModel):
    """A lane as drawn on the still; a plate is in it when the middle of its lower edge is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Identifier = Field(description="How events name it.")
    polygon: Polygon = Field(description="Its outline on the road, in picture fractions.")


class PlatesSettings(BaseModel):
    """The `plates:` section of a camera."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    region: str = Field(default="CN", description="Whose plates are read: the name of a grammar.")
    zone: Polygon | None = Field(
        default=None, description="Only plates in this outline are read; the whole picture when left out."
    )
    lanes: tuple[Lane, ...] = Field(default=(), description="Lanes, so that an event can say which one was used.")
    min_plate_width_px: float = Field(
        default=48, ge=24, le=1000, description="Narrower plates are not read: wait until the vehicle is nearer."
    )
    min_detection_score: float = Field(
        default=0.4, gt=0, lt=1, description="How sure the detector must be of a plate, 0 to 1."
    )
    min_confidence: float = Field(
        default=0.5, ge=0, lt=1, description="A text of a whole passage that is less sure is reported as unreadable."
    )
    look_interval_s: float = Field(
        default=0.1,
        ge=0,
        le=2,
        description="Time between two looks while something moves; twice that once all plates are sure.",
    )
    relook_interval_s: float = Field(
        default=3.0, gt=0, le=60, description="Time between two looks while nothing moves (a vehicle that stands)."
    )
    leave_after_s: float = Field(
        default=2.2, gt=0, le=30, description="A moving vehicle not seen for so long has left: its passage is final."
    )
    lost_leave_after_s: float = Field(
        default=5.0,
        ge=0,
        le=60,
        description="The same for one that was coming and was lost amid the picture: it may come into view again.",
    )
    stand_leave_after_s: float = Field(
        default=30.0, gt=0, le=600, description="The same for one that stood: somebody may only walk before it."
    )
    reads_per_passage: int = Field(
        default=12, ge=2, le=200, description="So many times a moving plate is read at most; then only followed."
    )
    standing_read_interval_s: float = Field(
        default=300, gt=0, le=86_400, description="A standing plate is read again ever more rarely, down to this."
    )
    same_vehicle_s: float = Field(
        default=10.0, ge=0, le=600, description="The same text again within this time is the same vehicle, not another."
    )
    speed: SpeedScale | None = Field(
        default=None, description="Two measured lines across the road: passages then have a speed class."
    )
    clip: bool = Field(default=False, description="Whether a final passage gets a video clip beside its pictures.")

    @field_validator("region")
    @classmethod
    def _known_region(cls, value: str) -> str:
        """As the region itself is written, however it is written here."""
        for name in REGIONS:
            if name.casefold() == value.casefold():
                return name
        raise ValueError(f"no plate grammar {value!r}; there are: {', '.join(sorted(REGIONS))}")

    @field_validator("lanes")
    @classmethod
    def _unique_lanes(cls, value: tuple[Lane, ...]) -> tuple[Lane, ...]:
        names = [lane.name for lane in value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"lane name used twice: {', '.join(twice)}")
        return value
