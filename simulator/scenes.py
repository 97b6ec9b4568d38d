"""What a scene is, what a scenario says of one camera, and which scenes there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from contract.base import Identifier
from simulator.truth import TruthRecord

Bgr = NDArray[np.uint8]
"""(h, w, 3) uint8, blue first."""

SceneName = Literal["tower", "checkpoint"]
Condition = Literal["day", "night", "rain", "snow", "shake", "wind"]
Codec = Literal["h264", "hevc"]
Effort = Literal["camera", "quick"]

FIRST_TRAINING_SEED = 1_000_000
"""Seeds below are for demo, tests and measuring; seeds from here on are for training. Neither side uses the other's."""


class SceneError(Exception):
    """A scene cannot be built as the scenario asks; the message names the camera and the key."""


class CameraSpec(BaseModel):
    """One camera of a scenario. Keys a scene adds of its own stand under `options` and are checked by that scene."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Identifier = Field(description="The camera's name, as in the agent's configuration.")
    scene: SceneName = Field(description="What stands before the camera.")
    width: Annotated[int, Field(ge=64, le=3840, multiple_of=2)] = Field(default=1280, description="Pixels, even.")
    height: Annotated[int, Field(ge=64, le=2160, multiple_of=2)] = Field(default=720, description="Pixels, even.")
    fps: float = Field(default=25, ge=1, le=60, description="Frames per second.")
    duration_s: float = Field(default=45, gt=0, le=86_400, description="Length of the video in seconds.")
    conditions: tuple[Condition, ...] = Field(
        default=("day",), description="Light and weather, in any combination that makes sense."
    )
    bitrate_kbps: int = Field(default=2500, ge=50, le=50_000, description="Target rate of the encoder.")
    gop: int = Field(default=50, ge=1, le=600, description="Frames from one key frame to the next.")
    codec: Codec = Field(default="h264", description="h264 plays in every browser; hevc is H.265.")
    effort: Effort = Field(default="camera", description="quick encodes H.264 in half the time (see `Coding`).")
    seed: int | None = Field(default=None, ge=0, description="Instead of the one derived from the scenario's seed.")
    options: dict[str, Any] = Field(default_factory=dict, description="Keys of the scene itself.")

    @field_validator("conditions")
    @classmethod
    def _one_time_of_day(cls, value: tuple[Condition, ...]) -> tuple[Condition, ...]:
        if len(set(value)) != len(value):
            raise ValueError("a condition is named twice")
        if "day" in value and "night" in value:
            raise ValueError("day and night exclude each other")
        if "rain" in value and "snow" in value:
            raise ValueError("rain and snow exclude each other")
        return value if "night" in value or "day" in value else ("day", *value)

    @property
    def frame_count(self) -> int:
        """Frames in the video."""
        return max(1, round(self.duration_s * self.fps))


class Scene(Protocol):
    """A camera's view with known truth. Frame `i` depends on the seed and `i` alone, not on what was asked before."""

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        ...

    @property
    def fps(self) -> float:
        """Frames per second."""
        ...

    @property
    def frame_count(self) -> int:
        """Frames of the whole scene."""
        ...

    def frame(self, index: int) -> Bgr:
        """The picture at `index / fps` seconds, (h, w, 3) uint8; the caller may keep and change it."""
        ...

    def truth(self) -> list[TruthRecord]:
        """Everything that happens, the `scene` record first."""
        ...

    def installation(self) -> dict[str, Any]:
        """What an installer would draw: the settings by analyzer name, `{"falling": {...}}` or `{"plates": {...}}`."""
        ...


SceneBuilder = Callable[[CameraSpec, int], Scene]


@dataclass(frozen=True, slots=True)
class SceneKind:
    """Where a scene is built. `packages` are the folders of simulator/ whose change makes old videos stale."""

    module: str
    builder: str
    options: str
    packages: tuple[str, ...]


KINDS: dict[SceneName, SceneKind] = {
    "tower": SceneKind("simulator.tower", "build_tower", "TowerOptions", ("tower",)),
    "checkpoint": SceneKind("simulator.checkpoint", "build_checkpoint", "CheckpointOptions", ("checkpoint", "plates")),
}
"""Modules are imported when a scene is asked for: a tower needs no plate fonts."""


def _attribute(name: SceneName, attribute: str) -> Any:
    kind = KINDS[name]
    try:
        return getattr(import_module(kind.module), attribute)
    except ModuleNotFoundError as error:
        raise SceneError(f"scene '{name}' needs the module {error.name}, which is not installed") from error
    except AttributeError as error:
        raise SceneError(f"scene '{name}': {kind.module} has no {attribute}") from error


def options_model(name: SceneName) -> type[BaseModel]:
    """The pydantic model that a scene checks its `options` with. Raises SceneError when the scene is not installed."""
    model: type[BaseModel] = _attribute(name, KINDS[name].options)
    return model


def build_scene(camera: CameraSpec, seed: int) -> Scene:
    """Build the scene a camera looks at. Raises SceneError for a scene or an option that does not exist."""
    builder: SceneBuilder = _attribute(camera.scene, KINDS[camera.scene].builder)
    return builder(camera, seed)
