"""What is known of how a path ended: seen no more before the eyes of the camera, or gone where nothing is looked at."""

from __future__ import annotations

import pytest
from falling_scenes import HEIGHT, WIDTH, Place, drop, luma_pictures

from edge.falling.candidate import Candidate
from edge.falling.finder import CandidateFinder
from edge.falling.settings import FallingSettings

STONE = drop(200, 20, 1.5, 230)
LOW_HALF = ((0.0, 0.55), (1.0, 0.55), (1.0, 1.0), (0.0, 1.0))


def vanishing(time_s: float) -> tuple[float, float] | None:
    """A fall that nobody sees below the middle of the picture."""
    place = STONE(time_s)
    return place if place is not None and place[1] < 0.5 * HEIGHT else None


def last_candidate(place: Place, settings: FallingSettings, seconds: float = 3.6) -> Candidate:
    finder = CandidateFinder((HEIGHT, WIDTH), settings, None)
    found = [one for time_s, luma in luma_pictures(seconds, [place]) for one in finder.observe(luma, time_s)]
    found += finder.finish()
    assert found
    return found[-1]


@pytest.mark.parametrize(
    ("place", "settings", "seconds", "lost"),
    [
        pytest.param(vanishing, FallingSettings(), 3.6, True, id="gone before the camera's eyes"),
        pytest.param(STONE, FallingSettings(), 3.6, False, id="left the picture"),
        pytest.param(STONE, FallingSettings(ignore=(LOW_HALF,)), 3.6, False, id="reached what is ignored"),
        pytest.param(STONE, FallingSettings(), 2.8, False, id="the stream ended"),
    ],
)
def test_what_leaves_the_watched_picture_is_not_lost_in_view(
    place: Place, settings: FallingSettings, seconds: float, lost: bool
) -> None:
    assert last_candidate(place, settings, seconds).lost_in_view is lost
