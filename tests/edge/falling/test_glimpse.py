"""The closer look: what is too faint to begin a track goes on with one, and noise does not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.falling.glimpse import glimpse
from edge.falling.motion import MotionDetector, Pictures, Proposals
from edge.falling.tracker import GravityTracker, Track

HEIGHT, WIDTH, FPS = 180, 320, 25.0
THRESHOLD = 8
NONE = (np.zeros(0),) * 9


def compared(spots: list[tuple[int, int, int]], threshold: int = THRESHOLD) -> Proposals:
    """Proposals without a blob, of three pictures where (x, y) is brighter by some grey levels in the middle one."""
    quiet = np.full((HEIGHT, WIDTH), 60, np.uint8)
    middle = quiet.copy()
    for x, y, grey in spots:
        middle[y, x] += np.uint8(grey)
    limit = np.full((HEIGHT, WIDTH), threshold, np.uint8)
    return Proposals(0.0, *NONE, Pictures(quiet, middle, quiet), 0, 0, 0.0, 0.0, 1.0, limit)


def test_a_faint_thing_is_seen_where_it_should_be() -> None:
    seen = glimpse(compared([(100, 50, 6), (101, 50, 6)]), (102.0, 52.0), (4.0, 4.0), 1.0)
    assert seen is not None
    assert (seen.x, seen.y) == (100.5, 50.0)
    assert (seen.width, seen.height, seen.area, seen.contrast) == (2, 1, 2, 6)


@pytest.mark.parametrize(
    ("spot", "place", "sign"),
    [
        ((100, 50, 4), (100.0, 50.0), 1.0),  # as noise
        ((100, 50, 9), (100.0, 50.0), 1.0),  # a proposal, which another track has
        ((110, 50, 6), (100.0, 50.0), 1.0),  # too far away
        ((100, 50, 6), (100.0, 50.0), -1.0),  # brighter, where a dark thing is followed
        ((100, 50, 6), (-20.0, 50.0), 1.0),  # outside of the picture
    ],
)
def test_nothing_else_is(spot: tuple[int, int, int], place: tuple[float, float], sign: float) -> None:
    assert glimpse(compared([spot]), place, (4.0, 4.0), sign) is None


def test_a_track_that_may_be_anywhere_is_not_looked_for() -> None:
    assert glimpse(compared([(100, 50, 6)]), (100.0, 50.0), (40.0, 4.0), 1.0) is None


def fall(faint: bool, rng: np.random.Generator) -> list[NDArray[np.uint8]]:
    """A thing of 2 x 2 pixels that falls before a noisy wall; seen well in every second picture or hardly at all."""
    pictures = []
    for index in range(36):
        luma = 60 + rng.normal(0, 0.6, (HEIGHT, WIDTH))
        x, y = 100, round(10 + 80 * (index / FPS) ** 2)
        if y + 2 < HEIGHT:
            luma[y : y + 2, x : x + 2] += 6 if faint and index % 3 else 30
        pictures.append(np.clip(np.rint(luma), 0, 255).astype(np.uint8))
    return pictures


def longest(pictures: list[NDArray[np.uint8]]) -> Track:
    detector, tracker = MotionDetector((HEIGHT, WIDTH), None, THRESHOLD), GravityTracker((HEIGHT, WIDTH))
    ended = []
    for index, luma in enumerate(pictures):
        proposals = detector.observe(luma, index / FPS)
        if proposals is not None:
            ended += tracker.observe(proposals)
    return max(ended + tracker.finish(), key=lambda track: len(track.points))


def test_a_fall_that_shows_in_every_third_picture_is_followed_in_between() -> None:
    track = longest(fall(True, np.random.default_rng(1)))
    faint = [point for point in track.points if point.contrast < THRESHOLD]
    assert len(faint) >= 10
    assert all(abs(point.x - 100.5) < 2 for point in track.points)
    assert len(track.points) > 0.7 * len(longest(fall(False, np.random.default_rng(1))).points)


def test_after_its_end_noise_is_not_followed() -> None:
    rng = np.random.default_rng(2)
    still = [np.clip(np.rint(60 + rng.normal(0, 0.6, (HEIGHT, WIDTH))), 0, 255).astype(np.uint8) for _ in range(40)]
    pictures = fall(False, rng)[:20] + still
    assert longest(pictures).last_s < 20 / FPS + 0.15
