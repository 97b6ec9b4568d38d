"""A candidate in figures: how it goes down, how it looks beside what else moves, for the classifier to weigh.

Lengths are picture heights unless a name says metres, so that a figure means the same at every picture size. What a
drawn facade adds (metres) is zero, with `metric` zero, where none was drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.falling.ballistics import G, least_squares
from edge.falling.candidate import Candidate

Floats32 = NDArray[np.float32]

_HEIGHT_PX = 720.0
"""Sizes are told as in a picture of this height."""
_COMPANY_RADIUS = 0.05
"""Picture heights within which `Candidate.neighbours` counts."""


@dataclass(frozen=True, slots=True)
class _Curve:
    """A quadratic through the path, picture heights and seconds: speeds down at both ends, pull, drift sideways."""

    first_speed: float
    last_speed: float
    pull: float
    pull_sigma: float
    drift: float
    sway: float
    """Sideways, change of speed over the path."""


def figures(candidate: Candidate) -> Floats32:
    """(F,) float32, about −3..3 each, in the order of `NAMES`."""
    values = {**_path(candidate), **_look(candidate), **_around(candidate), **_metres(candidate)}
    return np.clip(np.array([values[name] for name in NAMES], dtype=np.float32), -4, 4)


NAMES = (
    "sightings", "duration", "travel", "sideways", "fill", "rms", "inlier_share", "bend",
    "pull", "pull_certainty", "gain", "last_speed", "drift", "sway",
    "growth", "contrast", "sign_changes", "size", "disturbance", "activity",
    "neighbours", "crowding", "crowd", "relative_size", "weather", "noise",
    "metric", "g", "last_mps", "first_mps", "light", "fading", "backdrop", "siblings",
)  # fmt: skip


def _path(candidate: Candidate) -> dict[str, float]:
    fit, curve = candidate.fit, _curve(candidate)
    return {
        "sightings": np.log(fit.inliers.sum() / 15),
        "duration": np.log(candidate.duration_s / 1.0),
        "travel": 4 * candidate.travel - 1,
        "sideways": 2 * min(candidate.sideways, 2.0),
        "fill": 4 * candidate.fill - 3,
        "rms": 2 * fit.rms - 2,
        "inlier_share": 10 * fit.inlier_share - 9,
        "bend": 20 * candidate.bend - 1,
        "pull": 2 * curve.pull,
        "pull_certainty": np.arcsinh(curve.pull / max(curve.pull_sigma, 1e-6) / 4),
        "gain": np.log(max(curve.last_speed, 0.02) / max(curve.first_speed, 0.02)),
        "last_speed": np.log(max(curve.last_speed, 0.02) / 0.4),
        "drift": 5 * abs(curve.drift),
        "sway": 5 * abs(curve.sway),
    }


def _curve(candidate: Candidate) -> _Curve:
    t = candidate.times - candidate.times[0]
    x, y = candidate.points[:, 0] * candidate.aspect, candidate.points[:, 1]
    equal = np.ones_like(t)
    place, inverse, rms = least_squares(t, y, equal, 2)
    aside, _, _ = least_squares(t, x, equal, 2)
    end = float(t[-1])
    return _Curve(
        first_speed=float(place[1]),
        last_speed=float(place[1] + 2 * place[2] * end),
        pull=float(2 * place[2]),
        pull_sigma=2 * float(np.sqrt(inverse[2, 2])) * max(rms, 0.5 / _HEIGHT_PX),
        drift=float(aside[1] + aside[2] * end),
        sway=float(2 * aside[2] * end),
    )


def _look(candidate: Candidate) -> dict[str, float]:
    return {
        "growth": np.log(max(candidate.growth, 0.05)),
        "contrast": np.log(max(candidate.contrast, 1.0) / 25),
        "sign_changes": 3 * candidate.sign_changes,
        "light": 2 * candidate.light - 1,
        "fading": np.log(max(candidate.fading, 0.05)),
        "backdrop": candidate.backdrop / 64 - 2,
        "size": np.log(candidate.size_px / candidate.picture_height * _HEIGHT_PX / 6),
        "disturbance": 10 * candidate.disturbance,
        "activity": 6 * candidate.activity,
    }


def _around(candidate: Candidate) -> dict[str, float]:
    around = candidate.surroundings
    expected = around.crowd * np.pi * _COMPANY_RADIUS**2 / candidate.aspect
    return {
        "neighbours": np.log1p(candidate.neighbours),
        "crowding": np.log((candidate.neighbours + 0.5) / (expected + 0.5)),
        "crowd": np.log1p(around.crowd / 10),
        "relative_size": np.log(_area(candidate) / max(around.usual_area, 1.0)),
        "siblings": np.log1p(candidate.siblings) - 1,
        "weather": 3 * around.weather,
        "noise": around.noise - 1,
    }


def _area(candidate: Candidate) -> float:
    return float(np.median(np.square(candidate.sizes_px / candidate.scale)))


def _metres(candidate: Candidate) -> dict[str, float]:
    if not candidate.metric:
        return dict.fromkeys(("metric", "g", "last_mps", "first_mps"), 0.0)
    fit = candidate.fit
    return {
        "metric": 1.0,
        "g": 2 * fit.acceleration / G,
        "last_mps": np.log(max(fit.end_speed, 0.3) / 8),
        "first_mps": np.log(max(fit.start_speed, 0.3) / 3),
    }
