"""The keys that a scenario's camera may have under `options` when its scene is `tower`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

DistractorName = Literal[
    "birds", "leaves", "plastic", "insects", "laundry", "people", "clouds", "window_lights", "window_flashes", "trees",
    "swoops", "drips", "lifts", "headlights", "sun_spots", "balloons", "drones", "fireworks", "webs", "hail",
]  # fmt: skip
ObjectKind = Literal[
    "bottle", "can", "cigarette", "bag", "paper", "shoe", "stone", "box", "pot", "cup", "cloth", "fruit", "phone",
    "wrapper",
]  # fmt: skip


class TowerOptions(BaseModel):
    """What falls, from what house, and what else moves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    falls: Annotated[int, Field(ge=0, le=10_000)] = Field(
        default=5, description="Objects that fall, spread over the video."
    )
    floors: Annotated[int, Field(ge=8, le=33)] | None = Field(default=None, description="Left out, the seed chooses.")
    objects: tuple[ObjectKind, ...] | None = Field(default=None, description="Only these things fall; left out, any.")
    object_px: tuple[float, float] = Field(
        default=(3, 20), description="Smallest and largest size halfway down: square root of the area in pixels."
    )
    distractors: tuple[DistractorName, ...] | None = Field(
        default=None, description="Left out, those that belong to the conditions; [] for none."
    )
    night_look: Literal["colour", "infrared", "any"] = Field(
        default="any",
        description="How the camera sees at night: in colour, or by infrared lamps; any: the seed chooses.",
    )
    busy: float = Field(
        default=1.0, ge=0, le=20, description="How many distractors: 1 is a usual day, 5 is a rehearsal."
    )
    clock: bool = Field(default=True, description="Date and time in the picture, as cameras write it.")

    @model_validator(mode="after")
    def _sizes_in_order(self) -> TowerOptions:
        low, high = self.object_px
        if not 1 <= low <= high <= 60:
            raise ValueError(f"object_px: expected 1 <= smallest <= largest <= 60, found {list(self.object_px)}")
        return self
