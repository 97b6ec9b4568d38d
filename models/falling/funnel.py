"""Where falls are lost on the way from the picture to the verdict, one line for each fall of a rendered scene."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.falling.candidate import Candidate
from edge.falling.detector import FallClassifier, Look
from edge.falling.facade import build_facade
from edge.falling.finder import CandidateFinder
from edge.falling.motion import Proposals
from edge.falling.settings import FallingSettings
from edge.falling.tracker import GravityTracker, Track
from edge.falling.verdict import judge
from edge.sources.file import FileSource
from simulator.truth import FallTruth

STAGES = ("not seen", "not tracked", "not fitted", "refused", "suspected", "confirmed")
"""How far a fall can come."""
_NEAR = 0.015
"""Picture fraction within which a sighting belongs to a true path."""
_SEEN = 5
"""Sightings without which there is nothing to track."""


@dataclass(frozen=True, slots=True)
class Fate:
    """How far one fall came; `seen` is the share of the pictures of its path that hold a proposal of it."""

    scene: str
    fall: FallTruth
    stage: str
    seen: float
    reason: str


class _WatchedTracker(GravityTracker):
    """Remembers all proposals and all ended tracks."""

    def __init__(self, shape: tuple[int, int]) -> None:
        super().__init__(shape)
        self.places: list[tuple[float, NDArray[np.float64]]] = []
        self.ended: list[Track] = []

    def observe(self, proposals: Proposals) -> list[Track]:
        """As the tracker does, and take notes."""
        self.places.append((proposals.time_s, np.column_stack([proposals.x, proposals.y])))
        ended = super().observe(proposals)
        self.ended += ended
        return ended

    def finish(self) -> list[Track]:
        """As the tracker does, and take notes."""
        ended = super().finish()
        self.ended += ended
        return ended


@dataclass(frozen=True, slots=True)
class _Judged:
    candidate: Candidate
    certainty: str | None
    worst: str
    look: Look | None


def follow(
    path: Path, falls: Sequence[FallTruth], settings: FallingSettings, classifier: FallClassifier | None
) -> list[Fate]:
    """Play a clip through the finder and the verdict and say how far each fall came."""
    facade = build_facade(settings.facade) if settings.facade is not None else None
    finder: CandidateFinder | None = None
    tracker: _WatchedTracker | None = None
    judged: list[_Judged] = []

    def weigh(candidates: list[Candidate], weather: bool) -> None:
        for candidate in candidates:
            look = classifier.look(candidate) if classifier is not None else None
            verdict = judge(candidate, look, weather, settings)
            judged.append(_Judged(candidate, verdict.certainty, verdict.worst, look))

    for frame in FileSource("funnel", path).frames():
        if frame.repeated:
            continue
        if finder is None:
            finder = CandidateFinder((frame.luma.shape[0], frame.luma.shape[1]), settings, facade)
            tracker = finder.tracker = _WatchedTracker((finder.view.height, finder.view.width))
        weigh(finder.observe(frame.luma, frame.stream_time_s), finder.weather.active)
    if finder is None or tracker is None:
        return []
    weigh(finder.finish(), finder.weather.active)
    size = np.array([finder.view.width, finder.view.height])
    return [_fate(path.stem, fall, tracker, size, judged) for fall in falls]


def _fate(scene: str, fall: FallTruth, tracker: _WatchedTracker, size: NDArray[np.int_], judged: list[_Judged]) -> Fate:
    times = np.array([time for time, _ in tracker.places])
    during = np.flatnonzero((times >= fall.t_first_s) & (times <= fall.t_last_s))
    sights = [_on(fall, np.full(len(places), time), places / size).any() for time, places in _picked(tracker, during)]
    seen = float(np.mean(sights)) if sights else 0.0
    best = max(
        (j for j in judged if _share(fall, j.candidate.times, j.candidate.points) > 0.5), key=_rank, default=None
    )
    if best is not None:
        word = "" if best.look is None else f", looks {best.look.object:.0%}"
        stage = best.certainty or "refused"
        candidate = best.candidate
        reason = (
            f"{best.worst}{word}, {int(candidate.fit.inliers.sum())} sightings over {candidate.travel:.0%} "
            f"in {candidate.duration_s:.1f} s"
        )
        return Fate(scene, fall, stage, seen, reason)
    tracks = [track for track in tracker.ended if _share(fall, *_path(track, size)) > 0.5]
    if tracks:
        longest = max(tracks, key=lambda track: len(track.points))
        return Fate(scene, fall, "not fitted", seen, f"{len(longest.points)} sightings in the longest track")
    stage = "not tracked" if sum(sights) >= _SEEN else "not seen"
    return Fate(scene, fall, stage, seen, f"{sum(sights)} sights in {len(sights)} pictures")


def _rank(judged: _Judged) -> tuple[int, float]:
    return ("confirmed", "suspected", None).index(judged.certainty) * -1, judged.candidate.travel


def _picked(tracker: _WatchedTracker, which: NDArray[np.intp]) -> list[tuple[float, NDArray[np.float64]]]:
    return [tracker.places[index] for index in which]


def _path(track: Track, size: NDArray[np.int_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    times = np.array([point.time_s for point in track.points])
    return times, np.array([(point.x, point.y) for point in track.points]) / size


def _share(fall: FallTruth, times: NDArray[np.float64], points: NDArray[np.float64]) -> float:
    return float(_on(fall, times, points).mean())


def _on(fall: FallTruth, times: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) whether places (n, 2), picture fractions, are on the true path at their times (n,)."""
    path = np.array(fall.path)
    x = np.interp(times, path[:, 0], path[:, 1], left=-9, right=-9)
    y = np.interp(times, path[:, 0], path[:, 2], left=-9, right=-9)
    near = np.hypot(points[:, 0] - x, points[:, 1] - y)
    return np.asarray(near < _NEAR + 0.5 * fall.size_px / 1280)


def funnel_lines(fates: Sequence[Fate]) -> list[str]:
    """A line for each fall, and how many came how far."""
    lines = [
        f"{fate.scene:14} {fate.fall.object:16} {fate.fall.size_px:5.1f} px {fate.fall.t_first_s:6.2f}-"
        f"{fate.fall.t_last_s:6.2f} s  seen {fate.seen:4.0%}  {fate.stage:11}  {fate.reason}"
        for fate in fates
    ]
    count = Counter(fate.stage for fate in fates)
    return [*lines, ", ".join(f"{stage} {count[stage]}" for stage in STAGES)]
