"""The free-fall fit against analytic falls with noise, outliers, drag and perspective."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.falling.ballistics import G, find_origin, fit_fall

FPS = 25.0


def fall(
    seconds: float, speed: float, pull: float, noise: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, metres down and their deviations of a fall from 0 m."""
    times = np.arange(0, seconds, 1 / FPS)
    rng = np.random.default_rng(seed)
    return times, speed * times + pull * times**2 / 2 + rng.normal(0, noise, len(times)), np.full(len(times), noise)


@settings(deadline=None, max_examples=15)
@given(
    speed=st.floats(0, 8, allow_subnormal=False),
    pull=st.floats(0.5 * G, 1.3 * G, allow_subnormal=False),
    seed=st.integers(0, 10_000),
)
def test_acceleration_and_speed_are_recovered(speed: float, pull: float, seed: int) -> None:
    times, s, sigma = fall(1.4, speed, pull, 0.05, seed)
    fit = fit_fall(times, s, sigma, bend=False, rng=np.random.default_rng(0))
    assert fit is not None
    assert fit.hypothesis == "free_fall"
    assert fit.acceleration == pytest.approx(pull, abs=max(5 * fit.acceleration_sigma, 0.3))
    first_s = times[np.argmax(fit.inliers)]  # a first sighting that noise has moved far is none of the fit's
    assert fit.start_speed == pytest.approx(speed + pull * first_s, abs=0.4)
    assert fit.inlier_share > 0.85


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 10_000), share=st.floats(0, 0.25, allow_subnormal=False))
def test_outliers_do_not_spoil_the_fit(seed: int, share: float) -> None:
    times, s, sigma = fall(1.4, 1.0, G, 0.05, seed)
    rng = np.random.default_rng(seed)
    wrong = rng.random(len(s)) < share
    s = s + np.where(wrong, rng.uniform(1.0, 4.0, len(s)) * rng.choice([-1, 1], len(s)), 0)
    fit = fit_fall(times, s, sigma, bend=False, rng=np.random.default_rng(0))
    assert fit is not None
    assert fit.acceleration == pytest.approx(G, rel=0.15)
    assert not np.any(fit.inliers & wrong)


@settings(deadline=None, max_examples=12)
@given(drop=st.floats(1.0, 12.0, allow_subnormal=False), seed=st.integers(0, 10_000))
def test_the_origin_of_a_drop_that_is_seen_late_lies_in_its_interval(drop: float, seed: int) -> None:
    """First seen after `drop` metres; the window is calculated back."""
    first = np.sqrt(2 * drop / G)
    times, s, sigma = fall(1.0, first * G, G, 0.05, seed)
    fit = fit_fall(times, s + drop, sigma, bend=False, rng=np.random.default_rng(0))
    assert fit is not None
    origin = find_origin(fit, drop, 0.3, G, np.random.default_rng(0))
    assert origin.low <= 0 <= origin.high
    assert abs(origin.s) < 0.5 + 0.15 * drop
    assert origin.time_s == pytest.approx(-first, abs=0.25)


def test_what_sinks_steadily_is_at_terminal_velocity() -> None:
    times, s, sigma = fall(2.0, 3.0, 0.0, 0.05, 3)
    fit = fit_fall(times, s, sigma, bend=False, rng=np.random.default_rng(0))
    assert fit is not None
    assert fit.hypothesis == "terminal_velocity"
    origin = find_origin(fit, 0.0, 0.3, G, np.random.default_rng(0))
    assert origin.low < -1.0
    assert origin.high == pytest.approx(0.3)


def test_thrown_upwards_is_still_a_fall_and_begins_where_it_was_first_seen() -> None:
    times, s, sigma = fall(1.8, -3.0, G, 0.03, 5)
    fit = fit_fall(times, s, sigma, bend=False, rng=np.random.default_rng(0))
    assert fit is not None
    assert fit.hypothesis == "free_fall"
    origin = find_origin(fit, 0.0, 0.3, G, np.random.default_rng(0))
    assert origin.s == pytest.approx(0.0, abs=0.2)
    assert origin.low <= 0 <= origin.high


def test_perspective_is_taken_by_the_bend() -> None:
    """A fall seen from below: the picture's scale grows on the way down."""
    times, s, _ = fall(1.6, 0.0, G, 0.01, 1)
    rows = 0.05 + 0.03 * s / (1 - 0.03 * s)
    sigma = np.full(len(rows), 0.002)
    bent = fit_fall(times, rows, sigma, bend=True, rng=np.random.default_rng(0))
    assert bent is not None
    assert bent.inlier_share > 0.95
    assert bent.rms < 1.3
    assert bent.hypothesis == "free_fall"


@pytest.mark.parametrize("count", [0, 3, 4])
def test_too_few_points_give_no_fit(count: int) -> None:
    times = np.arange(count) / FPS
    assert fit_fall(times, times, np.ones(count), bend=False, rng=np.random.default_rng(0)) is None


def test_noise_is_not_a_fall() -> None:
    rng = np.random.default_rng(4)
    times = np.arange(20) / FPS
    fit = fit_fall(times, rng.uniform(0, 5, 20), np.full(20, 0.05), bend=False, rng=np.random.default_rng(0))
    assert fit is None or fit.inlier_share < 0.5
