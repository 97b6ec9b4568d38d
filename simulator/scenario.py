"""A scenario: which cameras there are and what each of them will see; read from YAML, errors name the key."""

from __future__ import annotations

import hashlib
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from contract.base import Identifier
from simulator.scenes import FIRST_TRAINING_SEED, CameraSpec, SceneError, options_model


class ScenarioError(Exception):
    """A scenario cannot be used; the message names file, key and what was expected."""


class Scenario(BaseModel):
    """One rehearsal: a seed and its cameras."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Identifier = Field(description="Names the folder it is rendered to.")
    seed: int = Field(ge=0, lt=FIRST_TRAINING_SEED, description="The same seed gives the same video.")
    cameras: tuple[CameraSpec, ...] = Field(min_length=1)

    @field_validator("cameras")
    @classmethod
    def _unique_ids(cls, value: tuple[CameraSpec, ...]) -> tuple[CameraSpec, ...]:
        ids = [camera.id for camera in value]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise ValueError(f"camera id used twice: {', '.join(twice)}")
        return value

    def camera_seed(self, camera: CameraSpec) -> int:
        """The camera's own seed, else one derived from the scenario's seed and the camera's id."""
        if camera.seed is not None:
            return camera.seed
        digest = hashlib.sha256(f"{self.seed}:{camera.id}".encode()).digest()
        return int.from_bytes(digest[:4], "big") % FIRST_TRAINING_SEED


def load_scenario(path: Path) -> Scenario:
    """Read and check a scenario file, scene options included. Raises ScenarioError."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read ({error.strerror})") from error
    except yaml.YAMLError as error:
        raise ScenarioError(f"{path}: not YAML: {error}") from error
    if not isinstance(raw, dict):
        raise ScenarioError(f"{path}: expected keys name, seed and cameras, found {type(raw).__name__}")
    try:
        scenario = Scenario.model_validate(raw)
    except ValidationError as error:
        raise ScenarioError(describe(path, "", error)) from error
    for number, camera in enumerate(scenario.cameras):
        _check_options(path, number, camera)
    return scenario


def _check_options(path: Path, number: int, camera: CameraSpec) -> None:
    prefix = f"cameras.{number}.options"
    try:
        options_model(camera.scene).model_validate(camera.options)
    except SceneError as error:
        raise ScenarioError(f"{path}: cameras.{number}.scene: {error}") from error
    except ValidationError as error:
        raise ScenarioError(describe(path, prefix, error)) from error


def describe(path: Path, prefix: str, error: ValidationError) -> str:
    """One line per mistake: file, key, what was expected and what stood there."""
    lines = []
    for item in error.errors(include_url=False):
        key = ".".join(part for part in (prefix, *map(str, item["loc"])) if part)
        given = f" (found {item['input']!r})" if not isinstance(item["input"], dict | list) else ""
        lines.append(f"{path}: {key}: {item['msg']}{given}")
    return "\n".join(lines)
