"""Clips whose falls are known: a folder with `labels.json` and the files that it names.

`labels.json` holds {clip name: entry}; an entry has `file` (a video, a pattern such as `clip/img%d.jpg`, or a folder of
numbered pictures), `fps` where the file does not say it, optionally the `width` and `height` that the boxes are counted
in, and `events`: `kind` `fall` or `mirror`, `frames` [first, last], `boxes` {frame: [x, y, w, h]} in pixels. Frames
count from 0 as a player shows them; a series of pictures may use the numbers in its names instead.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edge.errors import BenchError
from edge.falling.bench.scoring import Labelled
from edge.falling.motion import Floats

LABELS = "labels.json"
Pixels = Annotated[float, Field(allow_inf_nan=False)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class EventEntry(_Entry):
    """One fall, or its mirror image in glass."""

    kind: Literal["fall", "mirror"]
    frames: tuple[Annotated[int, Field(ge=0)], int]
    boxes: dict[Annotated[int, Field(ge=0)], tuple[Pixels, Pixels, Pixels, Pixels]] = Field(min_length=1)
    note: str = ""

    @model_validator(mode="after")
    def _forwards(self) -> EventEntry:
        if self.frames[1] < self.frames[0]:
            raise ValueError(f"frames: the last one, {self.frames[1]}, is before the first one, {self.frames[0]}")
        if not any(_has_area(box) for box in self.boxes.values()):
            raise ValueError("boxes: a box needs a width and a height above 0 ([x, y, width, height])")
        return self


def _has_area(box: tuple[float, float, float, float]) -> bool:
    return box[2] > 0 and box[3] > 0


class ClipEntry(_Entry):
    """One clip; a clip without events must give none."""

    file: str = Field(min_length=1)
    width: int | None = Field(default=None, gt=0)
    height: int | None = Field(default=None, gt=0)
    fps: float | None = Field(default=None, gt=0, le=1000)
    note: str = ""
    events: tuple[EventEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelledClip:
    """A clip of the folder. `entry` is None where its labels cannot be understood; `problem` then says why."""

    name: str
    path: Path
    entry: ClipEntry | None
    problem: str | None = None


def read_labels(folder: Path) -> list[LabelledClip]:
    """All clips in the file's order. Raises BenchError when there is no such file, or nothing in it."""
    path = folder / LABELS
    if not path.is_file():
        raise BenchError(f"{path}: missing; the folder needs a {LABELS} that names its clips and their falls")
    try:
        raw = json.loads(path.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BenchError(f"{path}: not JSON: {error}") from error
    if not isinstance(raw, dict) or not raw:
        raise BenchError(f'{path}: names no clip; expected {{"name": {{"file": ..., "events": [...]}}, ...}}')
    return [_clip(folder, name, value) for name, value in raw.items()]


def _clip(folder: Path, name: str, value: Any) -> LabelledClip:
    try:
        entry = ClipEntry.model_validate(value)
    except ValidationError as error:
        told = "; ".join(
            ".".join(str(part) for part in item["loc"]) + f": {item['msg']}"
            for item in error.errors(include_url=False)[:3]
        )
        return LabelledClip(name, folder, None, f"bad labels: {told}")
    return LabelledClip(name, folder / entry.file, entry)


def labelled_falls(
    entry: ClipEntry, size: tuple[int, int], times: Floats, numbers: Sequence[int] = ()
) -> tuple[list[Labelled], int]:
    """The labels in seconds and picture fractions, and how many lie wholly behind the clip's end.

    `size` is the (w, h) of the pictures, `times` (n,) the stream time of each, `numbers` those in their names, if any.
    """
    width, height = entry.width or size[0], entry.height or size[1]
    named = [frame for event in entry.events for frame in event.boxes]
    by_name = bool(named) and bool(numbers) and max(named) >= len(times) and min(named) >= numbers[0]
    seconds = _FrameTimes(times, numbers if by_name else ())
    labels = []
    for event in entry.events:
        if not seconds.seen(event.frames[0]):
            continue
        rows = sorted((frame, box) for frame, box in event.boxes.items() if _has_area(box))
        boxes = np.array([box for _, box in rows], dtype=np.float64) / (width, height, width, height)
        path = np.column_stack([[seconds.at(frame) for frame, _ in rows], boxes[:, :2] + boxes[:, 2:] / 2])
        start_s, end_s = (seconds.at(frame) for frame in event.frames)
        labels.append(Labelled(event.kind, start_s, end_s, path, half=boxes[:, 2:] / 2, what=event.note or event.kind))
    return labels, len(entry.events) - len(labels)


class _FrameTimes:
    """Stream time of a frame by its number in the labels, which may leave some out; nothing lies outside the clip."""

    def __init__(self, times: Floats, numbers: Sequence[int]) -> None:
        self._times = times
        self._numbers = np.array(numbers[: len(times)] or range(len(times)), dtype=np.float64)

    def seen(self, frame: int) -> bool:
        """Whether the clip goes on until then."""
        return bool(frame <= self._numbers[-1])

    def at(self, frame: int) -> float:
        """Seconds of stream time."""
        return float(np.interp(frame, self._numbers, self._times[: len(self._numbers)]))
