"""Moving places that must not be seen in a clip: what is to be covered in each picture, from what was found in some.

Looking at every picture would cost more than the clip is worth, and a place that is found in one picture is sometimes
missed in the next. So every third picture is looked at, and the last one, and what is found there is covered from the
look before it to the look after it, and on the way between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.imaging import Polygon
from edge.types import Bgr

FindPlaces = Callable[[Bgr], Sequence[Polygon]]
"""The places of a picture (h, w, 3) that must be covered, in picture fractions."""
LOOK_EVERY = 3
_FARTHEST = 4.0
"""A place that has moved by more than so many of its own widths between two looks is another place."""

Item = TypeVar("Item")


def cover_moving(
    pictures: Iterator[Item], see: Callable[[Item], Bgr], find: FindPlaces
) -> Iterator[tuple[Item, list[Polygon]]]:
    """Each picture with the places to cover in it; reads up to `LOOK_EVERY` pictures ahead."""
    before: Sequence[Polygon] = ()
    last: Sequence[Polygon] = ()
    waiting: list[Item] = []
    for index, picture in enumerate(pictures):
        if index % LOOK_EVERY == 0:
            now = find(see(picture))
            yield from _with(waiting, [*before, *last, *now, *_ways(last, now)])
            before, last, waiting = last, now, []
        waiting.append(picture)
    end = find(see(waiting[-1])) if len(waiting) > 1 else ()
    yield from _with(waiting, [*before, *last, *end, *_ways(last, end)])


def _with(pictures: Sequence[Item], places: list[Polygon]) -> Iterator[tuple[Item, list[Polygon]]]:
    return ((picture, places) for picture in pictures)


def _ways(before: Sequence[Polygon], after: Sequence[Polygon]) -> list[Polygon]:
    """Boxes around each place and where it has gone."""
    ways: list[Polygon] = []
    for place in before:
        here = np.asarray(place, np.float64)
        near = [there for other in after if _near(here, there := np.asarray(other, np.float64))]
        for there in near:
            (left, top), (right, bottom) = np.vstack([here, there]).min(0), np.vstack([here, there]).max(0)
            ways.append([(left, top), (right, top), (right, bottom), (left, bottom)])
    return ways


def _near(first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
    width = max(float(np.ptp(first[:, 0])), float(np.ptp(second[:, 0])))
    return bool(np.abs(first.mean(0) - second.mean(0)).max() <= _FARTHEST * width)
