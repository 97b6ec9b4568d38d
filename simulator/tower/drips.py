"""Drops from air conditioners and wet ledges: they fall as freely as anything, again and again at one place."""

from __future__ import annotations

import numpy as np

from simulator.tower.distractors import Mover, Walk, seen_mover
from simulator.tower.objects import Sprite, thing_of
from simulator.tower.physics import Body, Release, fall_path
from simulator.tower.stage import Stage

Spout = tuple[float, float, float]
"""(X, Y, Z) in metres of a place that drips."""


def random_drips(rng: np.random.Generator, stage: Stage, spouts: tuple[Spout, ...]) -> list[Mover]:
    """Drops, or some together that look like one of 8 to 22 mm, from a few of `spouts`, every 0.3 to 3 s each."""
    shot, frames = stage.shot, stage.spec.frame_count
    movers: list[Mover | None] = []
    count = min(len(spouts), max(1, round(4 * stage.options.busy)))
    drop = thing_of(_drop())
    for number in rng.permutation(len(spouts))[:count]:
        spout = spouts[int(number)]
        release = Release(spout, (float(rng.normal(0, 0.05)), 0.0, 0.0))
        times = np.arange(int(5 * shot.fps)) / shot.fps
        path = fall_path(release, Body(terminal_mps=float(rng.uniform(8, 9.5))), times, (0.0, 0.0, 0.0))
        floor_m = max(0.0, spout[1] - float(rng.choice([rng.uniform(2.5, 6), rng.uniform(6, 40)])))
        path = path[path[:, 1] > floor_m]
        every = float(rng.uniform(0.3, 3.0)) * shot.fps
        size = float(rng.uniform(0.008, 0.022))
        first = float(rng.uniform(0, every))
        while first < frames:
            movers.append(seen_mover(Walk("drip", int(first), path, size), stage, (drop,), tilt=1.0))
            first += every * rng.uniform(0.85, 1.15)
    return [mover for mover in movers if mover is not None]


def _drop() -> Sprite:
    """A clear ball that mirrors the sky: dark rim, bright inside."""
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    radius = np.hypot(x, y)
    cover = (radius < 0.98).astype(np.float32)
    tone = np.where(radius > 0.8, 70.0, 215.0 + 40.0 * np.exp(-8 * ((x + 0.3) ** 2 + (y + 0.3) ** 2)))
    return np.concatenate([(tone * cover)[..., None].repeat(3, axis=2), cover[..., None]], axis=2).astype(np.float32)
