"""What really happened in a scene: one JSON object a line, times in seconds from the video's first frame."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError


class TruthError(Exception):
    """A truth file cannot be read; names file and line."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SceneTruth(_Record):
    """The video itself."""

    kind: Literal["scene"] = "scene"
    camera: str
    scene: str
    fps: float
    width: int
    height: int
    frames: int
    condition: tuple[str, ...]
    seed: int


class FallTruth(_Record):
    """Something fell. `path`: (t, x, y) of its centre in each frame it is seen in, x and y in picture fractions."""

    kind: Literal["fall"] = "fall"
    id: str
    t_release_s: float = Field(description="When it left the hand; may lie before the first frame it is seen in.")
    t_first_s: float = Field(description="First frame with the object in the picture.")
    t_last_s: float = Field(description="Last frame with the object in the picture.")
    origin_floor: int = Field(description="Floor it was thrown from, as the installer counts.")
    origin_column: int
    object: str = Field(description="What it was: bottle, can, bag, ...")
    size_px: float = Field(gt=0, description="Diameter in the picture, square root of its area, median of the path.")
    path: tuple[tuple[float, float, float], ...] = Field(min_length=1)


class DistractorTruth(_Record):
    """Something that moved and did not fall from the house."""

    kind: Literal["distractor"] = "distractor"
    what: str
    t_first_s: float
    t_last_s: float


class PassageTruth(_Record):
    """A vehicle passed a checkpoint."""

    kind: Literal["passage"] = "passage"
    id: str
    plate: str
    plate_kind: str
    colour: str
    rows: Literal[1, 2] = 1
    t_first_s: float
    t_last_s: float
    direction: str
    lane: str
    plate_px_min: float
    plate_px_max: float


TruthRecord = Annotated[SceneTruth | FallTruth | DistractorTruth | PassageTruth, Field(discriminator="kind")]

_ADAPTER: TypeAdapter[TruthRecord] = TypeAdapter(TruthRecord)


class TruthWriter:
    """Appends records to a file; each is on disk when `write` returns, so that a crash cannot hide what was shown."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def write(self, records: Iterable[TruthRecord]) -> None:
        """Append and fsync."""
        for record in records:
            self._file.write(record.model_dump_json().encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> TruthWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_truth(path: Path) -> list[TruthRecord]:
    """All records of a truth file in their order. Raises TruthError naming the line that is not a record."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise TruthError(f"{path}: cannot be read ({error.strerror}); render the scenario first") from error
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(_ADAPTER.validate_json(line))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in first["loc"])
            raise TruthError(f"{path}, line {number}: {key or 'record'}: {first['msg']}") from error
    return records
