"""What each step of the falling-object analyzer is worth: the same scenes with one step left out at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.falling.analyzer import FallingAnalyzer
from edge.falling.backtrack import Backtracker
from edge.falling.bench.measure import play
from edge.falling.bench.scoring import Labelled, match, tally
from edge.falling.finder import CandidateFinder
from edge.falling.mirror import Extent, FallMerger, Released
from edge.falling.motion import ActivityMap, Floats
from edge.falling.pieces import Pieces
from edge.falling.settings import FallingSettings
from edge.falling.stabilise import Stabiliser
from edge.falling.tracker import Track
from edge.falling.weather import WeatherWatch
from edge.inference import ModelStore
from edge.types import Luma


class _Unsteady(Stabiliser):
    def steady(self, luma: Luma, time_s: float) -> Luma:
        """The picture as it is."""
        del time_s
        return luma


class _NoHabits(ActivityMap):
    def at(self, x: Floats, y: Floats) -> Floats:
        """Everywhere is quiet."""
        del y
        return np.zeros_like(x)

    def extra_threshold(self) -> NDArray[np.float32]:
        """One threshold for all places."""
        return np.zeros((self.size[1], self.size[0]), dtype=np.float32)


class _NoWeather(WeatherWatch):
    @property
    def active(self) -> bool:
        """Never."""
        return False

    @active.setter
    def active(self, value: bool) -> None:
        del value


class _NoPast(Backtracker):
    def lengthen(self, track: Track) -> None:
        """As it was tracked."""
        del track


class _NoPieces(Pieces):
    def before(self, track: Track) -> Track | None:
        """Each track stands alone."""
        del track
        return None


class _NoMerger(FallMerger[Any]):
    def __init__(self) -> None:
        super().__init__()
        self._items: list[Any] = []

    @property
    def holds(self) -> bool:
        """Never: everything is told at once."""
        return False

    def add(self, extent: Extent, item: Any, certain: bool) -> None:
        """Everything is told."""
        del extent, certain
        self._items.append(item)

    def release(self, now_s: float, open_extents: list[Extent]) -> list[Released[Any]]:
        """At once."""
        del now_s, open_extents
        items, self._items = self._items, []
        return [Released(item, doubted=False) for item in items]


@dataclass(frozen=True, slots=True)
class Step:
    """One step that can be left out: how settings are changed, and how a stream's parts are."""

    name: str
    settings: dict[str, object] = field(default_factory=dict)
    part: Callable[[CandidateFinder], tuple[str, object]] | None = None
    merged: bool = True


STEPS = (
    Step("nothing"),
    Step("the stabiliser", part=lambda _: ("stabiliser", _Unsteady())),
    Step("the activity map", part=lambda finder: ("motion.activity", _NoHabits(finder.motion.shape))),
    Step("going back to the beginning", part=lambda _: ("backtracker", _NoPast())),
    Step("the closer look", part=lambda _: ("tracker._look_closer", lambda _: None)),
    Step("joining pieces", part=lambda finder: ("pieces", _NoPieces(finder.view.height))),
    Step("the weather mode", part=lambda _: ("weather", _NoWeather())),
    Step("merging mirror images and echoes", merged=False),
    Step("the network (rules instead)", {"use_classifier": False}),
    Step("the drawn facade", {"facade": None}),
)
"""What can be left out; the first leaves out nothing."""


class _Lessened(FallingAnalyzer):
    def __init__(self, settings: FallingSettings, models: ModelStore | None, step: Step) -> None:
        super().__init__("clip", settings.model_copy(update=step.settings), models)
        self._step = step

    def _begin(self, picture: tuple[int, int]) -> Any:
        stream = super()._begin(picture)
        if self._step.part is not None:
            name, part = self._step.part(stream.finder)
            *owners, last = name.split(".")
            owner: Any = stream.finder
            for one in owners:
                owner = getattr(owner, one)
            setattr(owner, last, part)
        if not self._step.merged:
            stream.merger = _NoMerger()
        return stream


@dataclass(frozen=True, slots=True)
class Without:
    """What was found without a step: counts over all clips, and CPU milliseconds a picture."""

    step: str
    falls: int
    found: int
    false: int
    duplicate: int
    suspected: int
    floor_near: float
    ms_per_frame: float


Clip = tuple[Path, Sequence[Labelled], FallingSettings]
"""A video, its falls, and what the installer drew."""


def leave_out(step: Step, clips: Sequence[Clip], models: ModelStore) -> Without:
    """Play all clips without one step."""
    results = []
    frames, spent_ms = 0, 0.0
    for path, falls, settings in clips:
        labels = list(falls)
        played = play(path, _Lessened(settings, models, step))
        frames += played.result.frames
        spent_ms += played.result.ms_per_frame * played.result.frames
        results.append(tally(match(played.told, labels), labels, played.result))
    errors = [error for result in results for error in result.floor_errors]
    return Without(
        step.name,
        sum(len(labels) for _, labels, _ in clips),
        sum(result.found for result in results),
        sum(result.false for result in results),
        sum(result.duplicate for result in results),
        sum(result.suspected for result in results),
        float(np.mean(np.abs(errors) <= 1)) if errors else float("nan"),
        spent_ms / max(frames, 1),
    )


def ablation_lines(rows: Sequence[Without]) -> list[str]:
    """A Markdown table; cost as a ratio to that of the whole analyzer in the same run."""
    whole = rows[0].ms_per_frame
    head = ["| without | found | false | twice | suspected | floor within 1 | cost |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]  # fmt: skip
    return head + [
        f"| {row.step} | {row.found} of {row.falls} | {row.false} | {row.duplicate} | {row.suspected} | "
        f"{'–' if np.isnan(row.floor_near) else f'{row.floor_near:.2f}'} | {row.ms_per_frame / whole:.2f} |"
        for row in rows
    ]
