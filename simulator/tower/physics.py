"""How things fall: gravity, drag against the air that may move, flutter of light things, tumbling."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simulator.tower.geometry import Floats

GRAVITY_MPS2 = 9.81
_STEP_S = 1 / 120

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Body:
    """What the air does to a thing: it falls at `terminal_mps` in the end; a light one swings at `flutter_hz`."""

    terminal_mps: float
    flutter_mps2: float = 0.0
    flutter_hz: float = 0.0
    flutter_phase: float = 0.0


@dataclass(frozen=True, slots=True)
class Release:
    """The moment it leaves the hand: where (X, Y, Z in metres) and how fast (metres per second)."""

    position_m: Vector
    velocity_mps: Vector


def fall_path(release: Release, body: Body, times_s: Floats, wind_mps: Vector) -> Floats:
    """Positions (n, 3) in metres at `times_s` (n,) after the release, rising from 0; a metre below ground it stays.

    Quadratic drag: deceleration g·v²/terminal², against the air's own motion. Midpoint steps of 1/120 s.
    """
    place, speed = release.position_m, release.velocity_mps
    track = [place]
    steps = math.ceil(float(times_s[-1]) / _STEP_S) + 1
    for step in range(steps):
        t = step * _STEP_S
        middle = _moved(speed, _acceleration(_against(speed, wind_mps), body, t), _STEP_S / 2)
        place = _moved(place, middle, _STEP_S)
        speed = _moved(speed, _acceleration(_against(middle, wind_mps), body, t + _STEP_S / 2), _STEP_S)
        track.append(place)
        if place[1] < -1:
            break
    path = np.array(track)
    clock = np.arange(len(path)) * _STEP_S
    return np.stack([np.interp(times_s, clock, path[:, axis]) for axis in range(3)], axis=1)


def _moved(start: Vector, rate: Vector, t: float) -> Vector:
    return (start[0] + rate[0] * t, start[1] + rate[1] * t, start[2] + rate[2] * t)


def _against(speed: Vector, wind: Vector) -> Vector:
    return (speed[0] - wind[0], speed[1] - wind[1], speed[2] - wind[2])


def _acceleration(against_air: Vector, body: Body, t: float) -> Vector:
    """Plain numbers: for three of them numpy is ten times slower."""
    x, y, z = against_air
    speed = math.sqrt(x * x + y * y + z * z)
    drag = -GRAVITY_MPS2 * speed / body.terminal_mps**2
    if not body.flutter_mps2:
        return (drag * x, drag * y - GRAVITY_MPS2, drag * z)
    swing = 2 * math.pi * body.flutter_hz * t + body.flutter_phase
    lift = body.flutter_mps2 * min(1.0, (speed / body.terminal_mps) ** 2)
    return (
        drag * x + lift * math.sin(swing),
        drag * y - GRAVITY_MPS2 + 0.4 * lift * math.sin(2 * swing),
        drag * z + 0.5 * lift * math.sin(1.31 * swing),
    )


def drop_depth_m(t_s: Floats, terminal_mps: float) -> Floats:
    """How deep a thing dropped in still air has fallen after `t_s`: the analytic solution."""
    depth: Floats = terminal_mps**2 / GRAVITY_MPS2 * np.log(np.cosh(GRAVITY_MPS2 * t_s / terminal_mps))
    return depth
