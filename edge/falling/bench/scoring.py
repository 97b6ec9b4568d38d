"""What the analyzer told against what was labelled. Pure: times, places and counts; no picture and no net.

A fall is found by a confirmed event whose time overlaps it (half a second before, one after) and whose path touches
the labelled boxes; a second one is a duplicate; a confirmed event at a mirror image is neither found nor false; every
other confirmed event is false. Suspected events are counted beside, never as found or false.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from contract.events import FallingObjectData
from edge.falling.motion import Floats
from edge.types import Finding

_BEFORE_S, _AFTER_S = 0.5, 1.0
_TOUCH = 0.02
"""Fraction of the picture that a path may pass beside a labelled place and still touch it."""


@dataclass(frozen=True)
class Labelled:
    """One labelled fall or mirror: seconds, and (n, 3) rows of time, x, y in picture fractions."""

    kind: str
    start_s: float
    end_s: float
    path: Floats
    floor: int | None = None
    column: int | None = None
    what: str = ""


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
    seconds: float = 0.0
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


def score(told: list[Told], labels: list[Labelled], result: Result) -> Result:
    """Compare what was told with the labels; fills and returns `result`."""
    hits: dict[int, int] = {}
    falls = [label for label in labels if label.kind == "fall"]
    for event in told:
        matched = [i for i, label in enumerate(labels) if _touches(event, label)]
        fall = min(
            (i for i in matched if labels[i].kind == "fall"), key=lambda i: _apart(event, labels[i]), default=None
        )
        confirmed = event.data.certainty == "confirmed"
        result.notes.append(_line(event, labels[fall].what if fall is not None else "no fall"))
        if not confirmed:
            result.suspected += 1
            result.suspected_hits += fall is not None
        elif fall is not None:
            hits[fall] = hits.get(fall, 0) + 1
            if hits[fall] == 1:
                _measure(event, labels[fall], result)
        elif matched:
            result.mirror += 1
        else:
            result.false += 1
    result.falls = len(falls)
    result.found = len(hits)
    result.missed = len(falls) - len(hits)
    result.duplicate = sum(count - 1 for count in hits.values())
    result.notes += [
        f"missed {label.what} {label.start_s:.2f}-{label.end_s:.2f} s"
        for i, label in enumerate(labels)
        if label.kind == "fall" and i not in hits
    ]
    return result


def _touches(event: Told, label: Labelled) -> bool:
    if event.finding.ended_s < label.start_s - _BEFORE_S or event.finding.started_s > label.end_s + _AFTER_S:
        return False
    path = np.array([(point.x, point.y) for point in event.data.path])
    gaps = np.abs(path[:, None] - label.path[None, :, 1:]).max(axis=2)
    return bool((gaps.min(axis=1) < _TOUCH).sum() >= 2)


def _apart(event: Told, label: Labelled) -> float:
    """Median distance at the same moment: which of several falls that cross an event's path it belongs to."""
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
