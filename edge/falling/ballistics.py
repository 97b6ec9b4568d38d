"""Is it a fall? A robust fit of place over time, and where it began.

Along the way down s (metres where a facade gives the scale, picture heights else) a fall is s0 + v0·t + a/2·t²; without
a facade, perspective bends that and higher powers take the bend. Outliers (a wrong blob joined at the start, a branch
passed on the way) are found by MSAC: hypotheses from a few points each, all scored at once. What does not gain speed
but goes down steadily is light and has reached its terminal velocity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.falling.motion import Floats

G = 9.81
"""Metres per second squared."""

INTERVAL = (0.025, 0.5, 0.975)
"""Quantiles of an origin: the lower end of its interval, its value, the upper end."""

Hypothesis = Literal["free_fall", "terminal_velocity"]

_UNSEEN_S = 2.0
"""A light thing may have sunk for this long before it was first seen."""
_LONG_S = 2.0
_HYPOTHESES = 160
_INLIER = 3.0
"""Standard deviations."""
_LIGHT, _GROWN = 3.0, 1.2
"""Acceleration over its standard deviation, and last speed over first, below which nothing says that it gains speed."""
_LEAST_MISFIT = 0.5
"""Large things are expected to be seen less exactly than small ones; how well they keep to the curve shows how exactly
they were."""


@dataclass(frozen=True, slots=True, eq=False)
class FallFit:
    """A path that was fitted. s grows downwards; `times` are seconds since the first inlier.

    `coefficients` are the polynomial's, lowest power first; `covariance` is theirs.
    """

    inliers: NDArray[np.bool_]
    coefficients: Floats
    covariance: Floats
    duration_s: float
    rms: float
    """Of the inliers, in units of their own expected deviation: about 1 when the model is right."""
    acceleration: float
    """Mean over the path, units of s per second squared."""
    acceleration_sigma: float
    start_speed: float
    end_speed: float
    hypothesis: Hypothesis

    @property
    def gain_sigma(self) -> float:
        """Standard deviation of the acceleration, smaller than `acceleration_sigma` for what was seen so exactly."""
        return self.acceleration_sigma * _exactness(self.rms)

    @property
    def inlier_share(self) -> float:
        """Share of the path's points that fit."""
        return float(np.mean(self.inliers))

    def place(self, times: Floats) -> Floats:
        """s at seconds since the first inlier."""
        return np.asarray(np.polynomial.polynomial.polyval(times, self.coefficients), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the fall began along s: the value, a 95 % interval, and when (seconds from the first inlier, ≤ 0)."""

    s: float
    low: float
    high: float
    time_s: float


def _exactness(rms: float) -> float:
    return min(max(rms, _LEAST_MISFIT), 1.0)


def fit_fall(times: Floats, s: Floats, sigma: Floats, bend: bool, rng: np.random.Generator) -> FallFit | None:
    """Fit a path of (n,) times in seconds, places along the way down and their standard deviations.

    `bend` allows the higher powers that perspective needs; a long path needs one for the air, in which a fall becomes
    steady. None when fewer than five points agree on anything.
    """
    if len(times) < 5:
        return None
    degree = 2 if not bend or len(times) < 10 else 3 if len(times) < 16 else 4
    if times[-1] - times[0] > _LONG_S and len(times) >= 16:
        degree = max(degree, 3)
    inliers = _consensus(times, s, sigma, degree, rng)
    if inliers.sum() < 5:
        return None
    start = times[inliers][0]
    t, y, sd = times[inliers] - start, s[inliers], sigma[inliers]
    coefficients, covariance, rms = least_squares(t, y, sd, degree)
    duration = float(t[-1])
    if duration <= 0:
        return None
    derivative = np.polynomial.polynomial.polyder(coefficients)
    start_speed, end_speed = (float(np.polynomial.polynomial.polyval(at, derivative)) for at in (0.0, duration))
    acceleration = (end_speed - start_speed) / duration
    # how the mean acceleration follows from the coefficients
    slope = np.array([0.0, 0.0, 2.0, 3.0 * duration, 4.0 * duration**2][: degree + 1])
    deviation = float(np.sqrt(max(slope @ covariance @ slope, 0.0))) * max(rms, 1.0)
    light = acceleration < _LIGHT * deviation * _exactness(rms) or end_speed < _GROWN * start_speed
    return FallFit(
        inliers=inliers,
        coefficients=coefficients,
        covariance=covariance * max(rms, 1.0) ** 2,
        duration_s=duration,
        rms=rms,
        acceleration=acceleration,
        acceleration_sigma=deviation,
        start_speed=start_speed,
        end_speed=end_speed,
        hypothesis="terminal_velocity" if light else "free_fall",
    )


def find_origin(fit: FallFit, first_s: float, slack: float, gravity: float | None, rng: np.random.Generator) -> Origin:
    """Calculate back to rest, with a 95 % interval from the fit's own uncertainty, widened by `slack` each way.

    `first_s` is where the object was first seen, `gravity` the true one in units of s where known. A rising start
    (thrown upwards) and a terminal velocity cannot be calculated back: there it is the first sighting, open upwards.
    """
    if fit.hypothesis == "terminal_velocity":
        return Origin(first_s, first_s - slack - _UNSEEN_S * abs(fit.start_speed), first_s + slack, 0.0)
    speed, place = _start_samples(fit, rng)
    if np.median(speed) <= 0:  # first seen while it rose or hung: it left the hand at or below that place
        low, _, high = np.quantile(place, INTERVAL)
        return Origin(first_s, float(low) - slack, float(high) + 2 * slack, 0.0)
    pull = gravity if gravity is not None else _start_pull(fit)
    speed = np.maximum(speed, 0.0)
    depth, seconds = speed**2 / (2 * pull), speed / pull
    low, middle, high = np.quantile(place - depth, INTERVAL)
    # It may have been thrown, and towards the camera: part of the speed was never earned by falling.
    thrown = 0.5 * float(np.median(depth))
    return Origin(float(middle), float(low) - slack, float(high) + slack + thrown, -float(np.median(seconds)))


def _start_samples(fit: FallFit, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """(m,) start speeds and first places that the fit allows."""
    samples = rng.multivariate_normal(fit.coefficients[:2], fit.covariance[:2, :2], size=400, method="eigh")
    return samples[:, 1], samples[:, 0]


def _start_pull(fit: FallFit) -> float:
    """Acceleration at the start without a scale, kept near the path's mean."""
    return float(np.clip(2.0 * fit.coefficients[2], 0.5 * fit.acceleration, 2.0 * fit.acceleration))


def _consensus(times: Floats, s: Floats, sigma: Floats, degree: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(n,) which points the best of many hypotheses explains: MSAC over polynomials through degree + 1 points each."""
    n = len(times)
    strata = np.array_split(np.arange(n), degree + 1)
    picks = np.column_stack([rng.integers(part[0], part[-1] + 1, _HYPOTHESES) for part in strata])
    scale = max(float(times[-1] - times[0]), 1e-6)
    t = (times - times[0]) / scale
    design = t[:, None] ** np.arange(degree + 1)
    solved = np.linalg.solve(design[picks] + 1e-12 * np.eye(degree + 1), s[picks][..., None])[..., 0]
    errors = ((solved @ design.T - s) / sigma) ** 2
    plausible = _goes_down(solved, degree)
    score = np.minimum(errors, _INLIER**2).sum(axis=1) + np.where(plausible, 0.0, _INLIER**2 * n)
    inliers = errors[np.argmin(score)] < _INLIER**2
    for _ in range(3):
        if inliers.sum() <= degree + 1:
            break
        weights = 1.0 / sigma[inliers]
        refit, *_ = np.linalg.lstsq(design[inliers] * weights[:, None], s[inliers] * weights, rcond=None)
        inliers = np.abs(design @ refit - s) / sigma < _INLIER
    return _trimmed(inliers)


def _goes_down(solved: Floats, degree: int) -> NDArray[np.bool_]:
    """(m,) whether a hypothesis ends faster downwards than it begins, and ends downwards at all."""
    powers = np.arange(degree + 1)
    end_speed = solved @ powers
    return np.asarray((end_speed > 0) & (end_speed >= 0.9 * solved[:, 1]))


def _trimmed(inliers: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Without lone inliers before the first and after the last pair of neighbours: those fit by chance."""
    pairs = np.flatnonzero(inliers[1:] & inliers[:-1])
    if not len(pairs):
        return np.zeros_like(inliers)
    kept = inliers.copy()
    kept[: pairs[0]] = False
    kept[pairs[-1] + 2 :] = False
    return kept


def least_squares(t: Floats, y: Floats, sigma: Floats, degree: int) -> tuple[Floats, Floats, float]:
    """Of (n,) values and their deviations: coefficients, lowest power first, their covariance, rms of the residuals."""
    design = t[:, None] ** np.arange(degree + 1) / sigma[:, None]
    covariance = np.linalg.pinv(design.T @ design)
    coefficients = covariance @ design.T @ (y / sigma)
    residual = design @ coefficients - y / sigma
    freedom = max(len(t) - degree - 1, 1)
    rms = float(np.sqrt(residual @ residual / freedom))
    return np.asarray(coefficients, dtype=np.float64), np.asarray(covariance, dtype=np.float64), rms
