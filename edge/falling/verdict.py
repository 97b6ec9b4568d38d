"""From figures to a verdict: confirmed, suspected, or nothing; and why, in words a person can check.

Every check has a limit for `confirmed` and a wider one for `suspected`: a candidate is what its worst check allows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from contract.events import Certainty
from edge.falling.ballistics import G
from edge.falling.candidate import Candidate
from edge.falling.detector import Look
from edge.falling.settings import FallingSettings

_SLACK = {"low": 0.75, "normal": 1.0, "high": 1.35}
"""Factor on what is tolerated, by sensitivity."""


_STEADFAST_SLACK = 2.4
"""How much more restlessness about it is forgiven what goes down long, straight and without slowing."""
_SURE_LOOK = 0.7


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a candidate is taken for; `certainty` None means it is not reported."""

    certainty: Certainty | None
    confidence: float
    worst: str
    """Name of the check that decided."""


@dataclass(frozen=True, slots=True)
class _Check:
    """A figure of which less is better, and how much is still confirmed or suspected."""

    name: str
    value: float
    confirmed: float
    suspected: float

    @property
    def score(self) -> float:
        """1 far inside, 0.6 at the limit for confirmed, 0.3 at the limit for suspected, falling beyond."""
        places = [0.0, self.confirmed, self.suspected, 2 * self.suspected]
        return float(np.interp(self.value, places, [1.0, 0.6, 0.3, 0.0]))


def judge(candidate: Candidate, look: Look | None, weather: bool, settings: FallingSettings) -> Verdict:
    """Weigh one candidate; `look` is the classifier's opinion, None when it is switched off or not asked yet."""
    slack = _SLACK[settings.sensitivity]
    light = sinks_steadily(candidate)
    checks = [*_path_checks(candidate, settings), *_scene_checks(candidate, look, slack, weather)]
    checks += _steady_checks(candidate, look, weather) if light else _gravity_checks(candidate)
    if look is not None:
        checks.append(_look_check(candidate, look, slack, weather))
    worst = min(checks, key=lambda check: check.score)
    certainty: Certainty | None = None
    if all(check.value <= check.confirmed for check in checks):
        certainty = "confirmed"
    elif all(check.value <= check.suspected for check in checks) and settings.report_suspected:
        certainty = "suspected"
    scores = sorted(check.score for check in checks)
    return Verdict(certainty, float(np.clip(0.6 * scores[0] + 0.4 * np.mean(scores), 0, 1)), worst.name)


def _look_check(candidate: Candidate, look: Look, slack: float, weather: bool) -> _Check:
    """The classifier's word counts less where gravity itself has spoken long and clearly."""
    count = int(candidate.fit.inliers.sum())
    if weather:
        return _Check("look", 1.0 - look.object, 0.25 * slack, 0.85)
    if not sinks_steadily(candidate) and candidate.travel > 0.2 and count >= 12:
        return _Check("look", 1.0 - look.object, 0.85, 0.97)
    brisk = candidate.metric and candidate.fit.end_speed > 4.0
    if steadfast(candidate) and brisk and candidate.travel > 0.25 and count >= 40:
        return _Check("look", 1.0 - look.object, 0.85, 0.95)
    return _Check("look", 1.0 - look.object, min(0.5 * slack, 0.7), 0.85)


def sinks_steadily(candidate: Candidate) -> bool:
    """Whether it gains too little speed for gravity alone: light, at or near its terminal velocity."""
    fit = candidate.fit
    if fit.hypothesis == "terminal_velocity":
        return True
    return fit.acceleration < (0.4 * G if candidate.metric else 0.08)


def steadfast(candidate: Candidate) -> bool:
    """Long, straight down and not slowing: chains of drops, leaves in gusts and shaking edges do not keep that up."""
    fit = candidate.fit
    straight = candidate.travel >= 0.15 and candidate.sideways < 0.5
    return straight and int(fit.inliers.sum()) >= 28 and fit.start_speed < 1.2 * fit.end_speed


def _path_checks(candidate: Candidate, settings: FallingSettings) -> Iterator[_Check]:
    """Long, complete and downwards enough to be believed."""
    count = int(candidate.fit.inliers.sum())
    yield _Check("travel", settings.min_travel / max(candidate.travel, 1e-6), 0.8, 1.0)
    yield _Check("sightings", 1 / count, 1 / 7, 1 / 6)
    yield _Check("duration", 1 / max(candidate.duration_s, 1e-6), 1 / 0.35, 1 / 0.25)
    yield _Check("gaps", 1 - candidate.fill, 0.4, 0.5)
    yield _Check("sideways", candidate.sideways, 0.8, 1.0)
    yield _Check("misfit", candidate.fit.rms, 1.5, 1.8)
    yield _Check("bend", candidate.bend, 0.06, 0.1)


def _gravity_checks(candidate: Candidate) -> Iterator[_Check]:
    """Gains speed as gravity makes it."""
    fit = candidate.fit
    if candidate.metric:
        # What is thrown towards the camera, off the plane of the facade, seems to fall faster than it does.
        yield _Check("gravity", fit.acceleration / G, 2.0, 2.4)
    else:
        # Without a scale: from a tower that fills the picture to a house of two floors.
        yield _Check("gravity", fit.acceleration, 4.0, 6.0)
    yield _Check("gain of speed", fit.acceleration_sigma / max(fit.acceleration, 1e-6), 0.2, 0.33)


def _steady_checks(candidate: Candidate, look: Look | None, weather: bool) -> Iterator[_Check]:
    """Sinks as bags and paper do; birds and leaves do so as well, hence the classifier's word is needed to confirm."""
    fit = candidate.fit
    speed = fit.end_speed if candidate.metric else fit.end_speed * 30
    yield _Check("steady speed", abs(np.log(max(speed, 1e-3) / 5.0)), 1.6, 1.9)
    yield _Check("steady duration", 1 / candidate.duration_s, 1 / 0.9, 1 / 0.6)
    yield _Check("slowing down", fit.start_speed / max(fit.end_speed, 1e-6), 1.5, 2.0)
    drawn_out = steadfast(candidate) and candidate.duration_s > 2.5 and int(fit.inliers.sum()) >= 80
    if look is None or (weather and not drawn_out):
        yield _Check("steady descent", 1.0, 0.9, 1.1)


def _scene_checks(candidate: Candidate, look: Look | None, slack: float, weather: bool) -> Iterator[_Check]:
    """Alone, in a place where nothing habitually moves; in a shaking picture or in rain everything does."""
    doubted = slack * (_STEADFAST_SLACK if steadfast(candidate) else 1.0)
    believed = doubted if look is not None and look.object >= _SURE_LOOK else slack
    yield _Check("activity", candidate.activity, 0.15 * believed, 0.22 * doubted)
    yield _Check("company", candidate.neighbours, 1.0 * believed, 2.0 * doubted)
    if not weather:
        believed = doubted = slack
    yield _Check("disturbance", candidate.disturbance, 0.07 * believed, 0.11 * doubted)
    yield _Check("flicker", candidate.sign_changes, 0.6, 0.8)
    if weather:
        yield _Check("sightings in weather", 1 / int(candidate.fit.inliers.sum()), 1 / 12, 1 / 9)
        yield _Check("size in weather", 1 / candidate.size_px, 1 / 4 if steadfast(candidate) else 1 / 5, 1 / 4)


def explain(candidate: Candidate, look: Look | None, weather: bool, verdict: Verdict) -> str:
    """Why it fired, in words and figures."""
    fit = candidate.fit
    unit = "m/s" if candidate.metric else "picture heights/s"
    count = int(fit.inliers.sum())
    parts = [
        f"went down {candidate.travel:.0%} of the picture in {candidate.duration_s:.2f} s, "
        f"{count} of {len(fit.inliers)} sightings on one curve (misfit {fit.rms:.1f})",
    ]
    if not sinks_steadily(candidate):
        parts.append(f"gained speed from {fit.start_speed:.2f} to {fit.end_speed:.2f} {unit}")
        if candidate.metric:
            parts.append(f"accelerated with {fit.acceleration / G:.2f} ± {fit.acceleration_sigma / G:.2f} g")
    else:
        parts.append(f"sank steadily with {fit.end_speed:.2f} {unit}: light, at its terminal velocity")
    parts.append(f"its path is at rest otherwise ({candidate.activity:.0%} of the time moving)")
    if look is not None:
        parts.append(f"looks like an object ({look.object:.0%})")
    if weather:
        parts.append("seen through rain or snow")
    if verdict.certainty == "suspected":
        parts.append(f"only suspected because of: {verdict.worst}")
    return "; ".join(parts)
