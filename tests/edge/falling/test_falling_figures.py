"""A candidate's figures: the same at every picture size; they tell a fall from what sinks."""

from __future__ import annotations

import numpy as np

from edge.falling.candidate import Candidate, Surroundings, View, make_candidate
from edge.falling.figures import NAMES, figures
from edge.falling.tracker import Siblings, Track, TrackPoint

FPS = 25


def candidate(height: int, pull: float, speed: float = 0.1, crowd: float = 0.0) -> Candidate:
    """Something goes down a picture `height` pixels high: `speed` heights/s at first, `pull` heights/s^2."""
    track = Track(0)
    for index in range(30):
        t = index / FPS
        y = (0.2 + speed * t + pull * t * t / 2) * height
        patch = np.full((3, 32, 32), 120, np.uint8)
        size = height / 120
        track.points.append(
            TrackPoint(index, t, height * 0.8, y, size, size, size**2, 40.0, 1.0, 0.0, 0.0, None, patch)
        )
    view = View(round(height * 16 / 9), height, 1.0)
    around = Surroundings(0.1, crowd, 4.0, 0.5, None)
    found = make_candidate(track, Siblings(0, 0), view, None, around, np.random.default_rng(0))
    assert found is not None
    return found


def named(found: Candidate) -> dict[str, float]:
    return dict(zip(NAMES, figures(found).tolist(), strict=True))


def test_figures_do_not_depend_on_the_size_of_the_picture() -> None:
    small, large = named(candidate(360, 0.5)), named(candidate(1080, 0.5))
    changed = {name for name in NAMES if abs(small[name] - large[name]) > 0.15}
    assert changed <= {"pull_certainty", "relative_size", "rms"}


def test_what_falls_gains_speed_and_what_sinks_does_not() -> None:
    falls, sinks = named(candidate(540, 0.6)), named(candidate(540, 0.0, speed=0.4))
    assert falls["gain"] > 1.0 > abs(sinks["gain"]) + 0.8
    assert falls["pull"] > 1.0
    assert abs(sinks["pull"]) < 0.1


def test_company_is_judged_by_how_crowded_the_picture_is() -> None:
    alone, in_a_snowfall = named(candidate(540, 0.6)), named(candidate(540, 0.6, crowd=300.0))
    assert in_a_snowfall["crowding"] < alone["crowding"] - 0.5
    assert all(np.isfinite(figures(candidate(540, 0.6))))
