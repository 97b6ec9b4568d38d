"""Compare what the collector holds with what really happened. Pure: truth and events in, counts out.

A fall is found by an event of its camera whose time overlaps it and whose path runs along it; a passage by a final
event whose time overlaps it, the best reading first. Each truth takes one event: a second one for the same truth is a
duplicate, an event without a truth is false.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from statistics import quantiles
from typing import TypeVar

from contract.envelope import Envelope
from contract.events import EventType, FallingObjectData, PlatePassageData
from simulator.truth import FallTruth, PassageTruth, TruthRecord

FALL_SLACK_S = 0.6
"""Wall-clock times of a live stream are good to some frames; falls of a scene are seconds apart."""
PASSAGE_SLACK_S = 1.0
PATH_SLACK = 0.06
"""How far, in picture fractions, an event's path may run from the true one."""
PLATE_LIKENESS = 0.5
"""Two cars can be in view at once: a reading less alike than this belongs to another car (or to none)."""


@dataclass(frozen=True, slots=True)
class Played:
    """One camera's truth and the moment its first frame was played."""

    camera: str
    started_at: datetime
    records: Sequence[TruthRecord]


@dataclass(frozen=True, slots=True)
class Count:
    """One row of the score table: falls, or passages, of one camera."""

    camera: str
    what: str
    true: int
    found: int
    false: int
    duplicate: int
    exact: int | None = None
    """Passages whose plate was read without a mistake; None for falls."""
    floor_within_1: int | None = None
    suspected: int = 0
    """How many of the found were only suspected."""

    @property
    def missed(self) -> int:
        return self.true - self.found


@dataclass(frozen=True, slots=True)
class Delivery:
    """The agent's outbox against the collector's store, and how long alerts took."""

    sent: int
    lost: int
    duplicated: int
    delays_s: tuple[float, ...]

    def delay_quantile(self, percent: int) -> float | None:
        """The `percent` quantile of the alert delays in seconds, None without alerts."""
        if len(self.delays_s) < 2:
            return self.delays_s[0] if self.delays_s else None
        return quantiles(self.delays_s, n=100, method="inclusive")[percent - 1]


@dataclass(frozen=True, slots=True)
class Match:
    """An event and the truth it stands for."""

    event: Envelope
    truth: FallTruth | PassageTruth


_Truth = TypeVar("_Truth", FallTruth, PassageTruth)


def score_falls(played: Played, events: Iterable[Envelope]) -> tuple[Count, list[Match]]:
    """Count found, false and duplicate falls of one camera."""
    truths = [record for record in played.records if isinstance(record, FallTruth)]
    own = _of_camera(events, played.camera, EventType.FALLING_OBJECT)
    matches, duplicate, false = _assign(own, truths, lambda event, truth: _fall_likeness(event, truth, played))
    certain = [_falling(match.event) for match in matches]
    return (
        Count(
            played.camera,
            "falls",
            true=len(truths),
            found=len(matches),
            false=false,
            duplicate=duplicate,
            floor_within_1=sum(_floor_right(match) for match in matches),
            suspected=sum(data.certainty == "suspected" for data in certain),
        ),
        matches,
    )


def score_passages(played: Played, events: Iterable[Envelope]) -> tuple[Count, list[Match]]:
    """Count found, exact, false and duplicate passages of one camera, by their final events."""
    truths = [record for record in played.records if isinstance(record, PassageTruth)]
    own = [
        event
        for event in _of_camera(events, played.camera, EventType.PLATE_PASSAGE)
        if _passage(event).stage == "final"
    ]
    matches, duplicate, false = _assign(own, truths, lambda event, truth: _passage_likeness(event, truth, played))
    exact = sum(_plate(match.event) == match.truth.plate for match in matches if isinstance(match.truth, PassageTruth))
    count = Count(
        played.camera, "passages", len(truths), found=len(matches), false=false, duplicate=duplicate, exact=exact
    )
    return count, matches


def score_delivery(sent: Mapping[str, int], held: Sequence[Envelope], delays_s: Iterable[float]) -> Delivery:
    """`sent`: event id → sequence from the agent's outbox; `held`: all that the collector has."""
    ids = [str(event.id) for event in held]
    return Delivery(
        sent=len(sent), lost=len(set(sent) - set(ids)), duplicated=len(ids) - len(set(ids)), delays_s=tuple(delays_s)
    )


def _of_camera(events: Iterable[Envelope], camera: str, event_type: EventType) -> list[Envelope]:
    own = [event for event in events if event.event_type is event_type and event.data.get("camera") == camera]
    return sorted(own, key=lambda event: event.time)


def _assign(
    events: Sequence[Envelope], truths: Sequence[_Truth], likeness: Callable[[Envelope, _Truth], float | None]
) -> tuple[list[Match], int, int]:
    """Give each truth its most alike event; return matches, duplicates (like a taken truth) and false events."""
    pairs = sorted(
        (
            (value, i, j)
            for i, event in enumerate(events)
            for j, truth in enumerate(truths)
            if (value := likeness(event, truth)) is not None
        ),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    taken: dict[int, int] = {}
    for _, i, j in pairs:
        if i not in taken and j not in taken.values():
            taken[i] = j
    duplicates = {i for _, i, _ in pairs} - set(taken)
    matches = [Match(events[i], truths[j]) for i, j in sorted(taken.items())]
    return matches, len(duplicates), len(events) - len(taken) - len(duplicates)


def _fall_likeness(event: Envelope, truth: FallTruth, played: Played) -> float | None:
    """Overlap in seconds when the path runs along the true one; None when it is not this fall."""
    data = _falling(event)
    start = (event.time - played.started_at).total_seconds() - data.duration_s
    overlap = _overlap((start, start + 2 * data.duration_s), (truth.t_first_s, truth.t_last_s), FALL_SLACK_S)
    if overlap is None:
        return None
    gaps = [min(abs(point.x - x) + abs(point.y - y) for _, x, y in truth.path) for point in data.path]
    near = sorted(gaps)[len(gaps) // 2] <= PATH_SLACK
    return overlap if near else None


def _passage_likeness(event: Envelope, truth: PassageTruth, played: Played) -> float | None:
    """How alike the plates are (0..1) when the times overlap; None when it cannot be this vehicle."""
    data = _passage(event)
    seen = tuple((instant - played.started_at).total_seconds() for instant in (data.first_seen, data.last_seen))
    if _overlap((seen[0], seen[1]), (truth.t_first_s, truth.t_last_s), PASSAGE_SLACK_S) is None:
        return None
    alike = SequenceMatcher(a=_plate(event), b=truth.plate, autojunk=False).ratio()
    return alike if alike >= PLATE_LIKENESS or not data.readable else None


def _overlap(one: tuple[float, float], other: tuple[float, float], slack_s: float) -> float | None:
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return shared if shared >= -slack_s else None


def _floor_right(match: Match) -> bool:
    data, truth = _falling(match.event), match.truth
    if data.origin_floor is None or not isinstance(truth, FallTruth):
        return False
    return abs(int(data.origin_floor.value) - truth.origin_floor) <= 1


def _plate(event: Envelope) -> str:
    plate = _passage(event).plate
    return plate.text if plate else ""


def _falling(event: Envelope) -> FallingObjectData:
    return FallingObjectData.model_validate(event.data)


def _passage(event: Envelope) -> PlatePassageData:
    return PlatePassageData.model_validate(event.data)
