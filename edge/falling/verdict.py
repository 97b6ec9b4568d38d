"""From figures to a verdict: confirmed, suspected, or nothing; and why, in words a person can check.

Every check has a limit for `confirmed` and a wider one for `suspected`: a candidate is what its worst check allows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from contract.events import Certainty
from edge.falling.ballistics import G
from edge.falling.candidate import Candidate
from edge.falling.detector import Look
from edge.falling.settings import FallingSettings

_DOUBT = {"low": (0.08, 0.3), "normal": (0.2, 0.5), "high": (0.35, 0.7)}
"""How far the classifier may be from sure that it is a falling object: to confirm it, to suspect it."""
_CLEAR_DOUBT = (0.4, 0.85)
_FREE_DOUBT = (0.9, 0.95)
"""Where gravity alone explains a long path beside which nothing moves."""
_FREE_TRAVEL, _FREE_SEEN, _FREE_CERTAIN, _FREE_BESIDE, _FREE_BEND = 0.35, 12, 0.1, 0.15, 0.012
"""Picture heights; sightings; deviation of the gain of speed as a share of it; share of the pixels beside the thing
that change; bend. What goes down like this in real clips without a fall has a word of 0.03 at most, and where leaves
move near by true falls have had words of 0.11 to 0.25."""
_GAPS, _FREE_GAPS = (0.5, 0.6), (0.6, 0.65)
"""Share of a path's pictures in which it was not seen: to confirm, to suspect."""
_WEATHER_DOUBT = 0.3
"""Factor on what is tolerated to confirm where drops, flakes or sparks go down everywhere."""
_ODD_DOUBT = 0.5
"""Factor where something sinks steadily, as drones and lifts do, or goes sideways faster than down, as birds do."""
_SIDEWAYS = 1.5
"""Ways sideways for one way down, from which on a path is odd."""
_STRAIGHT_DOUBT = 0.2
"""Factor where something sinks steadily and straight for long: what the air carries sways, a lift does not."""
_STRAIGHT, _STRAIGHT_S = 0.1, 1.5
"""Ways sideways for one way down, seconds."""
_FLOWN_DOUBT, _FLOWN_BEND, _FLOWN_S, _FLOWN_GAIN = 0.1, 0.006, 4.0, 1.4
"""Factor where it sinks for long at one pace on so smooth a line, as a drone does; bend; seconds; last speed over the
first, at most."""
_VANISHED_DOUBT, _VANISHED_Y, _VANISHED_M = 0.025, 0.72, -9.0
"""Factor where what sank steadily is seen no more high up, in the picture and, where that is known, above the ground
(picture heights; metres below floor 0): a drone stays, a bird turns, a light goes out, and what falls goes on."""
_SPOT_DOUBT, _SPOT = 0.1, 0.15
"""Factor where what sinks steadily changes the picture around it, as a spot of light on a wall does; the share of the
pixels beside it."""
_VAGUE = 0.15
"""Deviation of the gain of speed as a share of it, up to which gravity has spoken where much changes beside it."""
_SLOWING, _LONG_SLOWING = 1.5, 1.25
"""First speed over last: gusts slow what the air carries, but not for long, as a drone does that comes to land."""
_GAINING, _GAIN = 0.15, 2.0
"""Deviation of the gain of speed as a share of it; last speed over first."""
_ARRIVED, _ARRIVED_DOUBT = 0.25, 0.075
"""Share of the pictures before a path begins in which something moved there, from which on what then sinks steadily may
have come flying as a drone does; and the factor."""
_FEW, _BURST = 12, 40
"""Others that begin beside a fall at its time, up to which it is one alone, and from which on it is a spark of many."""
_DARK = 90.0
"""Grey level of what is behind it, up to which it may be a spark; by day much begins beside a fall where trees move."""
_LONG, _OFTEN = 0.2, 12
"""Picture heights, sightings, from which on gravity has spoken."""
_LONG_IN_WEATHER, _OFTEN_IN_WEATHER = 0.5, 24
"""The same where drops go down: none gains speed for so long."""
_CHANCE_TRAVEL, _CHANCE_SEEN, _NO_CHANCE = 0.28, 18, 0.01
"""Picture heights, sightings: of hundreds of flakes some lie by chance on a curve that is shorter than either; and the
network's doubt up to which it is none."""
_DOUBTED = 0.5
"""Confidence, at most, of what only a minority of its pieces speaks for."""
_SLACK = {"low": 0.75, "normal": 1.0, "high": 1.35}
"""Factor on what is tolerated where no classifier is asked, by sensitivity."""


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
    """Weigh one candidate: what any fall must be, then the classifier's word, or rules where there is none (None)."""
    checks = [*_path_checks(candidate, settings), *_speed_checks(candidate)]
    if look is not None:
        confirmed, suspected = _doubt(candidate, weather, settings)
        checks.append(_Check("classifier", 1.0 - look.object, confirmed, suspected))
        if not weather and candidate.backdrop <= _DARK:
            checks.append(_Check("burst", _sparks(candidate), _BURST, 1000))
        if weather and not sinks_steadily(candidate) and 1.0 - look.object > _NO_CHANCE:
            checks.append(_Check("chance", _chance(candidate), 1.0, 1000))
    else:
        checks += _scene_checks(candidate, weather, _SLACK[settings.sensitivity])
    worst = min(checks, key=lambda check: check.score)
    certainty: Certainty | None = None
    if all(check.value <= check.confirmed for check in checks):
        certainty = "confirmed"
    elif all(check.value <= check.suspected for check in checks) and settings.report_suspected:
        certainty = "suspected"
    scores = sorted(check.score for check in checks)
    return Verdict(certainty, float(np.clip(0.6 * scores[0] + 0.4 * np.mean(scores), 0, 1)), worst.name)


def doubted(candidate: Candidate, verdict: Verdict) -> Verdict:
    """The verdict on an event of many pieces, few of which by themselves are surely a fall.

    Where gravity speaks it speaks for itself: in a busy picture much may be joined with a fall.
    """
    if verdict.certainty != "confirmed" or not sinks_steadily(candidate):
        return verdict
    return replace(
        verdict, certainty="suspected", confidence=min(verdict.confidence, _DOUBTED), worst="most of its pieces"
    )


def _doubt(candidate: Candidate, weather: bool, settings: FallingSettings) -> tuple[float, float]:
    """The classifier's word counts less where gravity itself has spoken long and clearly, and the air is clear."""
    confirmed, suspected = _DOUBT[settings.sensitivity]
    slow = sinks_steadily(candidate)
    steady = slow and not _gains_speed(candidate)
    factor = _unlike_falling(candidate) if steady else 1.0
    if slow and candidate.moved_before > _ARRIVED:
        factor = min(factor, _ARRIVED_DOUBT)
    if factor < 1:
        return factor * confirmed, suspected
    odd = steady or candidate.sideways > _SIDEWAYS
    burst = _sparks(candidate) > _FEW and candidate.backdrop <= _DARK
    clear = not weather and not burst and not odd and not _vague(candidate)
    if clear and candidate.travel > _LONG and _seen(candidate) >= _OFTEN:
        return _FREE_DOUBT if _falls_freely(candidate) else _CLEAR_DOUBT
    fast = not odd and not slow
    if weather and fast and candidate.travel > _LONG_IN_WEATHER and _seen(candidate) >= _OFTEN_IN_WEATHER:
        return confirmed, suspected
    if weather or burst:
        return _WEATHER_DOUBT * confirmed, suspected
    return (_ODD_DOUBT * confirmed if odd else confirmed), suspected


def _sparks(candidate: Candidate) -> int:
    """How many began beside it that may be of one burst. What glows may be a spark, and in a long firework the sparks
    themselves make the sky restless; beside what is darker than its backdrop, only what began at rest counts."""
    return candidate.siblings if candidate.light > 0.5 else candidate.burst


def _unlike_falling(candidate: Candidate) -> float:
    """Factor on the doubt that is tolerated of what sinks steadily; below 1 where it does so as other things do."""
    factors = [1.0]
    if candidate.sideways < _STRAIGHT and candidate.duration_s > _STRAIGHT_S:
        factors.append(_STRAIGHT_DOUBT)
    paced = candidate.fit.end_speed < _FLOWN_GAIN * candidate.fit.start_speed
    if paced and candidate.bend < _FLOWN_BEND and candidate.duration_s > _FLOWN_S:
        factors.append(_FLOWN_DOUBT)
    high = candidate.points[-1, 1] < _VANISHED_Y and (not candidate.metric or candidate.down[-1] < _VANISHED_M)
    if high and candidate.lost_in_view:
        factors.append(_VANISHED_DOUBT)
    if candidate.disturbance > _SPOT:
        factors.append(_SPOT_DOUBT)
    return min(factors)


def _vague(candidate: Candidate) -> bool:
    """Whether it gains speed not surely, while much changes beside it: a light that moves over a wall."""
    fit = candidate.fit
    return candidate.disturbance > _SPOT and fit.gain_sigma > _VAGUE * fit.acceleration


def _gains_speed(candidate: Candidate) -> bool:
    """Whether it surely becomes faster, if only as far as the air allows: most drones and lifts keep their speed."""
    fit = candidate.fit
    gains = fit.gain_sigma <= _GAINING * fit.acceleration
    return gains and fit.end_speed >= _GAIN * max(fit.start_speed, 0.0)


def _falls_freely(candidate: Candidate) -> bool:
    fit = candidate.fit
    return (
        candidate.travel >= _FREE_TRAVEL
        and _seen(candidate) >= _FREE_SEEN
        and fit.gain_sigma <= _FREE_CERTAIN * fit.acceleration
        and candidate.disturbance <= _FREE_BESIDE
        and candidate.bend <= _FREE_BEND
    )


def _chance(candidate: Candidate) -> float:
    """Above 1: a path that hundreds of flakes or drops give by chance now and then."""
    return min(_CHANCE_TRAVEL / max(candidate.travel, 1e-6), _CHANCE_SEEN / max(_seen(candidate), 1))


def _seen(candidate: Candidate) -> int:
    return int(candidate.fit.inliers.sum())


def possible(candidate: Candidate, settings: FallingSettings) -> bool:
    """Whether it may be a fall at all: most candidates need not trouble the classifier."""
    return all(
        check.value <= check.suspected for check in [*_path_checks(candidate, settings), *_speed_checks(candidate)]
    )


def sinks_steadily(candidate: Candidate) -> bool:
    """Whether it gains too little speed for gravity alone: light, at or near its terminal velocity."""
    fit = candidate.fit
    if fit.hypothesis == "terminal_velocity":
        return True
    return fit.acceleration < (0.4 * G if candidate.metric else 0.08)


def _path_checks(candidate: Candidate, settings: FallingSettings) -> Iterator[_Check]:
    """Long, complete and downwards enough to be believed."""
    count = _seen(candidate)
    yield _Check("travel", settings.min_travel / max(candidate.travel, 1e-6), 0.8, 1.0)
    yield _Check("sightings", 1 / count, 1 / 7, 1 / 6)
    yield _Check("duration", 1 / max(candidate.duration_s, 1e-6), 1 / 0.3, 1 / 0.25)
    yield _Check("gaps", 1 - candidate.fill, *(_FREE_GAPS if _falls_freely(candidate) else _GAPS))
    yield _Check("sideways", candidate.sideways, 2.5, 3.5)
    yield _Check("misfit", candidate.fit.rms, 1.7, 2.2)
    yield _Check("bend", candidate.bend, 0.08, 0.12)
    yield _Check("beside the facade", candidate.beside, 0.5, 1.0)


def _speed_checks(candidate: Candidate) -> Iterator[_Check]:
    """As gravity and the air allow. Light things sink steadily; what is off the facade's plane seems to fall faster."""
    fit = candidate.fit
    if sinks_steadily(candidate):
        speed = fit.end_speed if candidate.metric else fit.end_speed * 30
        pace = float(np.log(max(speed, 1e-3) / 5.0))
        # What surely gains speed may have become fast: a bottle from high up, in the air's drag.
        yield _Check("steady speed", -pace if _gains_speed(candidate) else abs(pace), 1.4, 1.9)
        yield _Check("steady duration", 1 / candidate.duration_s, 1 / 0.8, 1 / 0.6)
        most = _LONG_SLOWING if candidate.duration_s > _FLOWN_S else _SLOWING
        yield _Check("slowing down", fit.start_speed / max(fit.end_speed, 1e-6), most, 2.0)
        return
    # Without a scale: from a tower that fills the picture to a house of two floors.
    most, far_too_much = (2.4 * G, 2.8 * G) if candidate.metric else (4.0, 6.0)
    yield _Check("gravity", fit.acceleration, most, far_too_much)
    yield _Check("gain of speed", fit.gain_sigma / max(fit.acceleration, 1e-6), 0.25, 0.4)


def _scene_checks(candidate: Candidate, weather: bool, slack: float) -> Iterator[_Check]:
    """By rule, where no classifier is asked: alone, in a place where nothing habitually moves, and no weather."""
    yield _Check("activity", candidate.activity, 0.15 * slack, 0.22 * slack)
    yield _Check("company", candidate.neighbours, 1.0 * slack, 2.0 * slack)
    yield _Check("disturbance", candidate.disturbance, 0.07 * slack, 0.11 * slack)
    yield _Check("flicker", candidate.sign_changes, 0.6, 0.8)
    yield _Check("sideways", candidate.sideways, _SIDEWAYS, 2.2)
    if weather:
        yield _Check("weather", 1.0, 0.9, 1.1)
    if sinks_steadily(candidate):
        yield _Check("steady descent", 1.0, 0.9, 1.1)


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
            parts.append(f"accelerated with {fit.acceleration / G:.2f} ± {fit.gain_sigma / G:.2f} g")
    else:
        parts.append(f"sank steadily with {fit.end_speed:.2f} {unit}: light, at its terminal velocity")
    parts.append(f"its path is at rest otherwise ({candidate.activity:.0%} of the time moving)")
    if look is not None:
        parts.append(f"looks and moves like a falling object ({look.object:.0%})")
    if weather:
        parts.append("seen through rain or snow")
    if verdict.certainty == "suspected":
        parts.append(f"only suspected because of: {verdict.worst}")
    return "; ".join(parts)
