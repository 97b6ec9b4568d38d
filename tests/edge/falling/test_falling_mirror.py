"""What is one fall and its image in the glass, and what are two things thrown one after the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.falling.mirror import Extent

NOISE = 0.001
"""Picture heights: a pixel in a picture of 1000 lines."""


def fall(let_go_s: float, x: float, pull: float, strength: float, until_s: float = 9.0) -> Extent:
    """A thing that is let go at 0.1 of the picture's height, seen 25 times a second to the picture's lower edge."""
    times = np.arange(let_go_s, min(let_go_s + np.sqrt(1.8 / pull), until_s), 0.04)
    rng = np.random.default_rng(3)
    y = 0.1 + pull / 2 * (times - let_go_s) ** 2 + rng.normal(0, NOISE, len(times))
    path = np.column_stack([times, np.full(len(times), x), y])
    return Extent(times[0], times[-1], x, x, y[0], y[-1], strength, path)


@pytest.mark.parametrize("delay_s", [0.4, 0.8, 1.2])
@pytest.mark.parametrize("beside", [0.0, 0.06])
def test_things_thrown_one_after_the_other_are_two_falls(delay_s: float, beside: float) -> None:
    first = fall(1.0, 0.4, 0.5, 100.0)
    second = fall(1.0 + delay_s, 0.4 + beside, 0.5, 120.0)
    assert not first.same_fall(second)
    assert not second.same_fall(first)


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(fall(1.4, 0.45, 0.25, 100.0), id="farther away: it gains speed more slowly"),
        pytest.param(fall(1.4, 0.45, 0.5, 40.0), id="fainter"),
        pytest.param(fall(1.0, 0.45, 0.5, 100.0), id="let go at the same moment"),
        pytest.param(fall(1.4, 0.45, 0.5, 100.0, until_s=1.6), id="seen too shortly together to tell"),
    ],
)
def test_what_may_be_an_image_is_the_same_fall(image: Extent) -> None:
    assert fall(1.0, 0.4, 0.5, 100.0).same_fall(image)


def test_an_image_to_whose_front_something_was_joined_is_the_same_fall() -> None:
    thing, image = fall(3.5, 0.4, 0.5, 500.0), fall(2.7, 0.45, 0.25, 100.0, until_s=4.5)
    assert image.path is not None
    before = np.column_stack([np.arange(0.2, 2.7, 0.1), np.full(25, 0.44), np.full(25, 0.08)])
    joined = replace(image, start_s=0.2, y_start=0.08, path=np.vstack([before, image.path]))
    assert joined.same_fall(thing)
    assert not replace(joined, x_start=0.2, x_end=0.2, path=joined.path - [0, 0.25, 0]).same_fall(thing)
