"""A passage as it is told: the event's data and the pictures that prove it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from contract.events import CharacterRead, EventType, PlatePassageData, PlateRead, Point, WatchlistHitData
from edge.plates.decoding import CharacterBelief
from edge.plates.passage import Passage, PlateEvidence
from edge.plates.rectify import Corners
from edge.plates.vote import Verdict
from edge.types import Bgr, Finding, Picture

Stage = Literal["provisional", "final"]
_LEAST_TOLD = 0.001


@dataclass(frozen=True, slots=True)
class Telling:
    """How a passage is told."""

    stage: Stage
    region: str
    readable: bool
    clip: bool
    span: tuple[float, float] | None
    """From when to when it was seen, in stream time; None when that belongs to a connection long gone: no clip then."""


def make_finding(
    camera_id: str, passage: Passage, verdict: Verdict, occurred_at: datetime, telling: Telling
) -> Finding:
    """The finding of a passage that has evidence. Raises ValueError when nothing was ever read."""
    evidence = passage.evidence(verdict.text)
    if evidence is None:
        raise ValueError(f"passage {passage.id}: nothing was read, there is no evidence to tell")
    data = PlatePassageData(
        camera=camera_id,
        passage_id=passage.id,
        stage=telling.stage,
        readable=telling.readable,
        plate=_plate(passage, verdict, telling),
        direction=passage.direction,
        lane=passage.lane,
        speed_class=passage.speed_class,
        first_seen=passage.first.captured_at,
        last_seen=passage.last.captured_at,
        frames_read=passage.vote.count,
        corners=_fractions(evidence.sighting.corners, evidence.frame),
    )
    started_s, ended_s = telling.span or (0.0, 0.0)
    return Finding(
        camera_id=camera_id,
        event_type=EventType.PLATE_PASSAGE,
        occurred_at=occurred_at,
        started_s=started_s,
        ended_s=ended_s,
        data=data,
        pictures=_pictures(evidence),
        wants_clip=telling.clip and telling.span is not None,
    )


def hit_finding(passage: Finding, hit: WatchlistHitData, clip: bool) -> Finding:
    """A watched plate, with the pictures of the passage that it was read in."""
    return replace(passage, event_type=EventType.WATCHLIST_HIT, data=hit, wants_clip=clip)


def _plate(passage: Passage, verdict: Verdict, telling: Telling) -> PlateRead:
    """The text where it is trusted; else an empty one with what it may have been."""
    if not telling.readable or verdict.kind is None:
        doubtful = ((verdict.text, verdict.confidence), *verdict.alternatives) if verdict.text else verdict.alternatives
        return PlateRead(
            text="",
            region=telling.region,
            kind="unknown",
            colour=passage.colour,
            confidence=0.0,
            alternatives=_told(doubtful),
        )
    known = verdict.kind.colours
    colour = passage.colour if passage.colour in known else min(known)
    return PlateRead(
        text=verdict.text,
        region=telling.region,
        kind=verdict.kind.name,
        colour=colour,
        rows=verdict.kind.rows,
        confidence=_round(verdict.confidence),
        characters=tuple(_character(belief) for belief in verdict.characters),
        alternatives=_told(verdict.alternatives),
    )


def _character(belief: CharacterBelief) -> CharacterRead:
    return CharacterRead(
        character=belief.character, probability=_round(belief.probability), alternatives=_told(belief.ranked[1:])
    )


def _told(ranked: Sequence[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    return tuple((text, _round(p)) for text, p in ranked if p >= _LEAST_TOLD)


def _round(probability: float) -> float:
    return round(min(1.0, max(0.0, probability)), 4)


def _pictures(evidence: PlateEvidence) -> tuple[Picture, ...]:
    return Picture("snapshot", evidence.frame, evidence.sighting.corners), Picture("plate", evidence.plate)


def _fractions(corners: Corners, picture: Bgr) -> tuple[Point, Point, Point, Point]:
    height, width = picture.shape[:2]
    points = [
        (round(min(1.0, max(0.0, float(x) / width)), 5), round(min(1.0, max(0.0, float(y) / height)), 5))
        for x, y in corners
    ]
    return points[0], points[1], points[2], points[3]
