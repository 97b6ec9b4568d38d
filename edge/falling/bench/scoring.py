"""What the analyzer told against what was labelled. Pure: times, places and counts; no picture and no net.

A fall is found by a confirmed event whose time overlaps it (half a second before, one after) and whose path touches
the labelled boxes; a second one is a duplicate; a confirmed event at a mirror image is neither found nor false; every
other confirmed event is false. Suspected events are counted beside, never as found or false.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np

from contract.events import FallingObjectData
from edge.falling.motion import Floats
from edge.types import Finding

Role = Literal["found", "duplicate", "mirror", "false", "suspected"]

_BEFORE_S, _AFTER_S = 0.5, 1.0
_TOUCH = 0.02
"""Fraction of the picture that a path may pass beside a labelled place and still touch it."""
_SUBSTEPS = 8


@dataclass(frozen=True)
class Labelled:
    """One labelled fall or mirror: seconds, and (n, 3) rows of time, x, y in picture fractions.

    `half` is (n, 2): half the width and height of the boxes around these places, where they were labelled.
    """

    kind: str
    start_s: float
    end_s: float
    path: Floats
    floor: int | None = None
    column: int | None = None
    what: str = ""
    half: Floats | None = None


@dataclass
class Result:
    """Counts of one clip; only confirmed events count as found or false."""

    name: str
    falls: int = 0
    found: int = 0
    missed: int = 0
    duplicate: int = 0
    false: int = 0
    mirror: int = 0
    suspected: int = 0
    suspected_hits: int = 0
    delay_s: list[float] = field(default_factory=list)
    floor_errors: list[float] = field(default_factory=list)
    floor_covered: list[bool] = field(default_factory=list)
    ms_per_frame: float = 0.0
    decode_ms_per_frame: float = 0.0
    mog2_ms_per_frame: float | None = None
    seconds: float = 0.0
    frames: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Told:
    """A finding, and the stream time at which the analyzer returned it."""

    finding: Finding
    at_s: float

    @property
    def data(self) -> FallingObjectData:
        """The event's data."""
        assert isinstance(self.finding.data, FallingObjectData)  # noqa: S101 (the analyzer makes no other)
        return self.finding.data


@dataclass(frozen=True)
class Judged:
    """An event and what it counts as; `fall` is the index of the labelled fall that it shows, if it shows one."""

    told: Told
    role: Role
    fall: int | None


def score(told: list[Told], labels: list[Labelled], result: Result) -> Result:
    """Compare what was told with the labels; fills and returns `result`."""
    return tally(match(told, labels), labels, result)


def match(told: list[Told], labels: list[Labelled]) -> list[Judged]:
    """What each event counts as, in the order of the events."""
    judged = []
    hit: set[int] = set()
    for event in told:
        touched = (i for i in range(len(labels)) if _touches(event, labels[i]))
        near = sorted(touched, key=partial(_apart, event, labels))
        fall = next((i for i in near if labels[i].kind == "fall"), None)
        role = _role(event, None if not near else labels[near[0]].kind, fall, fall in hit)
        if role == "found" and fall is not None:
            hit.add(fall)
        judged.append(Judged(event, role, fall))
    return judged


def tally(judged: list[Judged], labels: list[Labelled], result: Result) -> Result:
    """Count the roles and measure the hits; fills and returns `result`."""
    roles = Counter(one.role for one in judged)
    result.found, result.duplicate, result.false = roles["found"], roles["duplicate"], roles["false"]
    result.mirror, result.suspected = roles["mirror"], roles["suspected"]
    for one in judged:
        label = labels[one.fall] if one.fall is not None else None
        result.suspected_hits += one.role == "suspected" and label is not None
        result.notes.append(_line(one.told, label.what if label is not None else "no fall"))
        if one.role == "found" and label is not None:
            _measure(one.told, label, result)
    hit = {one.fall for one in judged if one.role == "found"}
    missed = [label for i, label in enumerate(labels) if label.kind == "fall" and i not in hit]
    result.missed, result.falls = len(missed), len(missed) + result.found
    result.notes += [f"missed {label.what} {label.start_s:.2f}-{label.end_s:.2f} s" for label in missed]
    return result


def _role(event: Told, nearest: str | None, fall: int | None, hit_before: bool) -> Role:
    """The first event of a fall has found it; a later one that is nearer to the mirror image is that one's."""
    if event.data.certainty != "confirmed":
        return "suspected"
    if fall is not None and not hit_before:
        return "found"
    if nearest == "mirror":
        return "mirror"
    return "duplicate" if fall is not None else "false"


def _touches(event: Told, label: Labelled) -> bool:
    """Whether time overlaps and the path, drawn as a line, passes two of the labelled places (or the only one)."""
    if event.finding.ended_s < label.start_s - _BEFORE_S or event.finding.started_s > label.end_s + _AFTER_S:
        return False
    line = _drawn(np.array([(point.x, point.y) for point in event.data.path]))
    half = label.half if label.half is not None else 0.0
    gaps = (np.abs(label.path[:, None, 1:] - line[None]) - np.broadcast_to(half, label.path[:, 1:].shape)[:, None]).max(
        axis=2
    )
    return int((gaps.min(axis=1) < _TOUCH).sum()) >= min(2, len(label.path))


def _drawn(path: Floats) -> Floats:
    """(m, 2) places along the straight lines between the (n, 2) ones, close enough to miss no place."""
    steps = np.arange(0, len(path) - 1, 1 / _SUBSTEPS)
    places = np.append(steps, len(path) - 1)
    return np.column_stack([np.interp(places, np.arange(len(path)), path[:, axis]) for axis in (0, 1)])


def _apart(event: Told, labels: list[Labelled], which: int) -> float:
    """Median distance at the same moment: which of several falls that cross an event's path it belongs to."""
    label = labels[which]
    times = np.array([event.finding.started_s + point.t_s for point in event.data.path])
    gaps = [np.interp(times, label.path[:, 0], label.path[:, axis]) for axis in (1, 2)]
    path = np.array([(point.x, point.y) for point in event.data.path])
    return float(np.median(np.hypot(path[:, 0] - gaps[0], path[:, 1] - gaps[1])))


def _measure(event: Told, label: Labelled, result: Result) -> None:
    result.delay_s.append(event.at_s - label.end_s)
    floor = event.data.origin_floor
    if floor is not None and label.floor is not None:
        result.floor_errors.append(float(np.floor(floor.value) - label.floor))
        result.floor_covered.append(bool(floor.low <= label.floor + 1 and floor.high >= label.floor))


def _line(event: Told, truth: str) -> str:
    data = event.data
    floor = f" floor {data.origin_floor.value}" if data.origin_floor else ""
    return (
        f"{data.certainty} {data.confidence:.2f} {data.hypothesis} {event.finding.started_s:.2f}-"
        f"{event.finding.ended_s:.2f} s{floor} [{truth}] {data.why}"
    )


def most_a_day(count: int, seconds: float) -> float | None:
    """Events a camera and day that are exceeded with 5 % probability, when `count` came in `seconds` (Poisson)."""
    if seconds <= 0:
        return None
    low, high = 0.0, 10.0 * (count + 5)
    for _ in range(60):
        mean = (low + high) / 2
        terms = np.cumsum([0.0, *(np.log(mean) - np.log(np.arange(1, count + 1)))])
        low, high = (mean, high) if np.exp(terms - mean).sum() > 0.05 else (low, mean)
    return high * 86_400 / seconds
