"""Which floor did it leave? A fall before a facade in three dimensions, from how it seems to move on the facade.

What is thrown outwards is nearer to a camera below than the facade is: it is seen before higher floors than it passes,
and seems to fall faster. With the camera at height Yc and distance D from the facade, a thing at height Y and z metres
off it is seen before height Yc + (Y − Yc)·D/(D − z). Falls with air drag are tried for every outward speed, terminal
speed and time that passed before the first sighting; height and upward speed at the start follow by least squares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.falling.ballistics import INTERVAL, G, Origin
from edge.falling.facade import Facade
from edge.falling.motion import Floats

_FOCAL = (0.35, 8.0)
"""Plausible focal lengths, picture heights: from very wide to tele."""
_TERMINAL_MPS = np.array([1.3, 1.9, 2.7, 4.0, 6.0, 9.0, 14.0, 22.0, 45.0])
_OUTWARDS_MPS = np.array([0.0, 0.4, 0.8, 1.3, 1.8, 2.5, 3.3, 4.2, 5.2, 6.5])
_USUAL_OUTWARDS_MPS = 2.5
_BEFORE_S = np.concatenate([np.arange(0.0, 1.0, 0.1), np.arange(1.0, 3.0, 0.2), np.arange(3.0, 9.0, 0.75)])
_USUAL_BEFORE_S, _SLOW_M = 0.6, 2.0
"""Seconds that usually pass before it is seen, and metres that a slow thing may sink before it is."""
_LATE_SHARE = 0.1
"""Of falls that are seen late for other reasons (faint, at night, behind rain): at any time."""
_OFF_M = np.array([0.4, 1.3])
"""How far from the facade's plane the hand is."""
_UPWARDS_MPS, _UPWARDS_SPREAD = 0.1, 0.8
_MAP_SIGMA_M = 0.08
"""What a drawn facade is off, besides the noise of each sighting."""
_INDEPENDENT = 12
"""Neighbouring sightings err alike: however many there are, they count as this many."""
_ENOUGH = 24
"""Sightings that are worth calculating with."""


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """Where the camera stands: metres above floor 0's slab, and metres before the facade."""

    height_m: float
    distance_m: float


def find_viewpoint(facade: Facade, camera_height_m: float) -> Viewpoint | None:
    """From the perspective of the floors and the camera's height above floor 1's slab.

    None where the drawing holds too little perspective, or one that no camera has.
    """
    height = facade.floor_height_m
    own = height + camera_height_m
    # Along the picture's middle, u picture heights above its centre: metres = (a u + b) / (1 − c u).
    (_, h_y, _), (_, w_y, _) = facade.homography[1], facade.homography[2]
    middle = np.array([0.5, 0.5, 1.0])
    over, under = float(facade.homography[1] @ middle), float(facade.homography[2] @ middle)
    a, b, c = -h_y / under * height, over / under * height, w_y / under
    if c <= 1e-4 or b <= own or a + c * own <= 0:
        return None
    focal = float(np.sqrt((b - own) / (c * (a + c * own))))
    if not _FOCAL[0] < focal < _FOCAL[1]:
        return None
    return Viewpoint(own, focal * (a + c * own))


@dataclass(frozen=True, slots=True, eq=False)
class _Tried:
    """All combinations that are tried, flat (m,): seconds before the first sighting, terminal and outward speed, …"""

    before_s: Floats
    terminal: Floats
    outwards: Floats
    off_m: Floats
    log_prior: Floats


def _combinations() -> _Tried:
    grids = np.meshgrid(_BEFORE_S, _TERMINAL_MPS, _OUTWARDS_MPS, _OFF_M, indexing="ij")
    before, terminal, outwards, off = (grid.ravel() for grid in grids)
    width = np.gradient(_OUTWARDS_MPS)[np.searchsorted(_OUTWARDS_MPS, outwards)]
    usual = _USUAL_BEFORE_S + _SLOW_M / terminal
    step = np.gradient(_BEFORE_S)[np.searchsorted(_BEFORE_S, before)]
    soon = np.exp(-before / usual) / usual
    prior = np.log(soon + _LATE_SHARE / _BEFORE_S[-1]) - outwards / _USUAL_OUTWARDS_MPS + np.log(width * step)
    return _Tried(before, terminal, outwards, off, prior)


_TRIED = _combinations()


def find_origin_floor(times: Floats, s: Floats, sigma: Floats, view: Viewpoint, slack: float) -> Origin:
    """Origin of a fall that was seen on the facade at (n,) `times` and metres down `s`, with its 95 % interval."""
    t, seen, sd = times - times[0], -s, np.hypot(sigma, _MAP_SIGMA_M)
    if len(t) > _ENOUGH:
        picked = np.rint(np.linspace(0, len(t) - 1, _ENOUGH)).astype(int)
        t, seen, sd = t[picked], seen[picked], sd[picked]
    share = min(1.0, _INDEPENDENT / len(t))
    start, spread, misfit = _starts(t, seen, sd, view)
    misfit *= share
    # A model that fits badly throughout must not seem to be sure of its best try.
    misfit /= max(1.0, float(misfit.min()) / max(min(len(t), _INDEPENDENT) - 3, 1))
    log_weight = _TRIED.log_prior - misfit / 2 + np.log(spread)
    weight = np.exp(log_weight - log_weight.max())
    rng = np.random.default_rng(0)
    drawn = rng.choice(len(weight), 1500, p=weight / weight.sum())
    heights = start[drawn] + rng.normal(0, 1, len(drawn)) * spread[drawn] / np.sqrt(share)
    low, middle, high = np.quantile(-heights, INTERVAL)
    before = float(np.median(_TRIED.before_s[drawn]))
    return Origin(float(middle), float(low) - slack, float(high) + slack, -before)


def _starts(t: Floats, seen: Floats, sd: Floats, view: Viewpoint) -> tuple[Floats, Floats, Floats]:
    """For each combination (m,): height at the release in metres, its standard deviation, and chi square."""
    pace = (_TRIED.terminal / G)[:, None]
    x = (_TRIED.before_s[:, None] + t) / pace
    # In the air's drag a sideways speed dies as 1/cosh x, a small upward one as its square.
    outwards = _TRIED.off_m[:, None] + _TRIED.outwards[:, None] * pace * 2 * np.arctan(np.tanh(x / 2))
    nearer = np.clip(1 - outwards / view.distance_m, 0.2, 1.0)
    fallen = _TRIED.terminal[:, None] * pace * _log_cosh(x)
    value = view.height_m + (seen - view.height_m) * nearer + fallen
    rise = pace * np.tanh(x)
    weight = 1 / (sd * nearer) ** 2
    prior = 1 / _UPWARDS_SPREAD**2
    s0, s1, s2 = weight.sum(1), (weight * rise).sum(1), (weight * rise**2).sum(1) + prior
    y0, y1 = (weight * value).sum(1), (weight * rise * value).sum(1) + prior * _UPWARDS_MPS
    determinant = s0 * s2 - s1**2
    start, upwards = (s2 * y0 - s1 * y1) / determinant, (s0 * y1 - s1 * y0) / determinant
    residual = value - start[:, None] - upwards[:, None] * rise
    misfit = (weight * residual**2).sum(1) + prior * (upwards - _UPWARDS_MPS) ** 2
    return start, np.sqrt(s2 / determinant), misfit


def _log_cosh(x: Floats) -> Floats:
    return np.asarray(x + np.log1p(np.exp(-2 * x)) - np.log(2.0), dtype=np.float64)
