"""Clips whose falls are known: a folder with `labels.json` and the files that it names.

`labels.json` holds {clip name: entry}; an entry has `file` (a video, a pattern such as `clip/img%d.jpg`, or a folder of
numbered pictures), `fps` where the file does not say it, optionally the `width` and `height` that the boxes are counted
in, and `events`: `kind` `fall` or `mirror`, `frames` [first, last], `boxes` {frame: [x, y, w, h]} in pixels. Frames
count from 0 as a player shows them, fractions of one too; labels of a series of pictures use the numbers in its names
where they can be meant by them. `numbering: index` or `name` says which, where both would do.

What can be understood is measured, and what was made of it is told as a note; what cannot is told as the clip's
problem. No clip, and no labelled event, is left out without a word.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from edge.errors import BenchError
from edge.falling.bench.scoring import Labelled
from edge.falling.motion import Floats

LABELS = "labels.json"
_KINDS = ("fall", "mirror")
_NOTED_SHIFT_S = 0.2
"""A choice between two numberings that moves the labels by less than this matters to nothing."""


def _plain(kind: object) -> object:
    return kind.strip().lower() if isinstance(kind, str) else kind


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class EventEntry(_Entry):
    """One fall, or its mirror image in glass. `frames` may stand the wrong way round, if the boxes say so too."""

    kind: Annotated[Literal["fall", "mirror"], BeforeValidator(_plain)]
    frames: tuple[FiniteFloat, FiniteFloat]
    boxes: dict[FiniteFloat, tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]] = Field(min_length=1)
    note: str = ""

    @property
    def reversed(self) -> bool:
        """Whether the last frame stands before the first one."""
        return self.frames[1] < self.frames[0]

    @model_validator(mode="after")
    def _forwards(self) -> EventEntry:
        last, first = self.frames
        if self.reversed and not all(first <= frame <= last for frame in self.boxes):
            raise ValueError(
                f"frames: the last one, {first:g}, is before the first one, {last:g}, and boxes lie elsewhere"
            )
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
    numbering: Literal["index", "name"] | None = None
    note: str = ""
    events: tuple[EventEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelledClip:
    """A clip of the folder. `entry` is None where its labels cannot be understood; `problem` then says why.

    `notes` tell what of its labels is not used as it stands.
    """

    name: str
    path: Path
    entry: ClipEntry | None
    problem: str | None = None
    notes: tuple[str, ...] = ()


def read_labels(folder: Path) -> list[LabelledClip]:
    """All clips in the file's order. Raises BenchError when there is no such file, or nothing in it."""
    path = folder / LABELS
    if not path.is_file():
        raise BenchError(f"{path}: missing; the folder needs a {LABELS} that names its clips and their falls")
    try:
        raw = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_once)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BenchError(f"{path}: not JSON: {error}") from error
    except _Twice as twice:
        raise BenchError(f"{path}: {str(twice)!r} stands twice in one place; one of both would not be seen") from twice
    if not isinstance(raw, dict) or not raw:
        raise BenchError(f'{path}: names no clip; expected {{"name": {{"file": ..., "events": [...]}}, ...}}')
    return [_clip(folder, name, value) for name, value in raw.items()]


class _Twice(ValueError):
    """The key that stands twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON would silently keep the last of two clips of one name."""
    counts = Counter(name for name, _ in pairs)
    for name, count in counts.items():
        if count > 1:
            raise _Twice(name)
    return dict(pairs)


def _clip(folder: Path, name: str, value: Any) -> LabelledClip:
    value, notes = _without_strange_kinds(value)
    try:
        entry = ClipEntry.model_validate(value)
    except ValidationError as error:
        told = "; ".join(
            ".".join(str(part) for part in item["loc"]) + f": {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors(include_url=False)[:3]
        )
        return LabelledClip(name, folder, None, f"bad labels: {told}")
    if any(event.reversed for event in entry.events):
        notes.append("frames that stand the wrong way round are turned")
    return LabelledClip(name, folder / entry.file, entry, notes=tuple(notes))


def _without_strange_kinds(value: Any) -> tuple[Any, list[str]]:
    """An entry without the events that are neither fall nor mirror, and a note of each such kind."""
    events = value.get("events") if isinstance(value, dict) else None
    if not isinstance(events, list):
        return value, []
    strange = [event for event in events if _is_strange(event)]
    counts = Counter(str(event["kind"]) for event in strange)
    notes = [
        f"{count} labelled of kind {kind!r}, which is neither fall nor mirror: whatever is told of it counts as false"
        for kind, count in counts.items()
    ]
    return {**value, "events": [event for event in events if not _is_strange(event)]}, notes


def _is_strange(event: Any) -> bool:
    kind = event.get("kind") if isinstance(event, dict) else None
    return isinstance(kind, str) and _plain(kind) not in _KINDS


def labelled_falls(
    entry: ClipEntry, size: tuple[int, int], times: Floats, numbers: Sequence[int] = ()
) -> tuple[list[Labelled], list[str]]:
    """The labels in seconds and picture fractions, and notes of what of them lies outside the clip.

    `size` is the (w, h) of the pictures, `times` (n,) the stream time of each, `numbers` those in their names, if any.
    """
    width, height = entry.width or size[0], entry.height or size[1]
    by_name, notes = _numbering(entry, times, numbers)
    seconds = _FrameTimes(times, numbers if by_name else ())
    labels, before, beyond, cut = [], 0, 0, 0
    for event in entry.events:
        first, last = sorted(event.frames)
        rows = sorted((frame, box) for frame, box in event.boxes.items() if _has_area(box))
        seen = [(frame, box) for frame, box in rows if seconds.begun(frame)]
        before += not seen or not seconds.begun(last)
        beyond += not seconds.seen(first)
        if not seen or not seconds.begun(last) or not seconds.seen(first):
            continue
        cut += len(seen) < len(rows)
        boxes = np.array([box for _, box in seen], dtype=np.float64) / (width, height, width, height)
        path = np.column_stack([[seconds.at(frame) for frame, _ in seen], boxes[:, :2] + boxes[:, 2:] / 2])
        what = event.note or event.kind
        labels.append(Labelled(event.kind, seconds.at(first), seconds.at(last), path, half=boxes[:, 2:] / 2, what=what))
    if before:
        notes.append(f"{before} labelled events end before its first picture and are left out")
    if beyond:
        notes.append(f"{beyond} labelled events begin after its {len(times)} pictures and are left out")
    if cut:
        notes.append(f"{cut} labelled events begin before its first picture: their places until then are left out")
    return labels, notes


def _numbering(entry: ClipEntry, times: Floats, numbers: Sequence[int]) -> tuple[bool, list[str]]:
    """Whether frames are the numbers in the pictures' names, and a note where they could be counted from 0 as well."""
    named = [frame for event in entry.events for frame in event.boxes]
    if not numbers or not named or entry.numbering is not None:
        return bool(numbers) and entry.numbering == "name", []
    by_name = min(named) >= numbers[0]
    by_index = max(named) < len(times)
    shift_s = numbers[0] / (entry.fps or 25.0)
    if by_name and by_index and shift_s > _NOTED_SHIFT_S:
        return True, [
            f"frames are taken for the numbers in its pictures' names, which begin with {numbers[0]}; if they count "
            "from 0, say `numbering: index`"
        ]
    return by_name, []


class _FrameTimes:
    """Stream time of a frame by its number in the labels, which may leave some out; nothing lies outside the clip."""

    def __init__(self, times: Floats, numbers: Sequence[int]) -> None:
        self._times = times
        self._numbers = np.array(numbers[: len(times)] or range(len(times)), dtype=np.float64)

    def begun(self, frame: float) -> bool:
        """Whether the clip has begun by then."""
        return bool(frame >= self._numbers[0])

    def seen(self, frame: float) -> bool:
        """Whether the clip goes on until then."""
        return bool(frame <= self._numbers[-1])

    def at(self, frame: float) -> float:
        """Seconds of stream time."""
        return float(np.interp(frame, self._numbers, self._times[: len(self._numbers)]))
