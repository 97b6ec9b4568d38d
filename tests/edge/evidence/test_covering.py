"""What is covered in each picture of a clip, when only some pictures are looked at."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edge.evidence.covering import LOOK_EVERY, cover_moving
from edge.imaging import Polygon, mask_pixels
from edge.types import Bgr

SIZE = (320, 180)


def box(x: float, width: float = 0.1) -> Polygon:
    return [(x, 0.5), (x + width, 0.5), (x + width, 0.6), (x, 0.6)]


def pictures(count: int, step: float) -> list[Bgr]:
    """A white plate that moves by `step` of the width from one picture to the next."""
    made = []
    for index in range(count):
        picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        picture[mask_pixels([box(0.05 + step * index)], *SIZE)] = 255
        made.append(picture)
    return made


def find(bgr: Bgr) -> list[Polygon]:
    """The white places, as one box."""
    rows, columns = np.nonzero(bgr[:, :, 0])
    if not len(rows):
        return []
    left, right = columns.min() / SIZE[0], (columns.max() + 1) / SIZE[0]
    top, bottom = rows.min() / SIZE[1], (rows.max() + 1) / SIZE[1]
    return [[(left, top), (right, top), (right, bottom), (left, bottom)]]


def uncovered(shown: list[Bgr], finder: object = find) -> list[int]:
    """Numbers of the pictures in which some of the plate is still to be seen."""
    found = cover_moving(iter(shown), lambda picture: picture, finder)  # type: ignore[arg-type]
    return [
        index
        for index, (picture, places) in enumerate(found)
        if (picture[:, :, 0] > 0)[~mask_pixels(places, *SIZE)].any()
    ]


def test_a_place_is_covered_in_the_pictures_between_two_looks() -> None:
    looked: list[Bgr] = []

    def counted(bgr: Bgr) -> list[Polygon]:
        looked.append(bgr)
        return find(bgr)

    shown = pictures(20, step=0.03)
    assert uncovered(shown, counted) == []
    assert len(looked) == -(-20 // LOOK_EVERY) + 1


def test_a_single_look_that_misses_it_is_made_good_by_its_neighbours() -> None:
    looks = iter(range(100))
    shown = pictures(16, step=0.0)
    assert uncovered(shown, lambda bgr: [] if next(looks) == 2 else find(bgr)) == []


def test_every_picture_comes_out_once_and_in_order_however_many_there_are() -> None:
    for count in range(8):
        shown = pictures(count, step=0.01)
        found = list(cover_moving(iter(shown), lambda picture: picture, find))
        assert [id(picture) for picture, _ in found] == [id(picture) for picture in shown]


def test_a_place_far_away_is_another_one() -> None:
    places = iter([[box(0.0, 0.05)], [box(0.9, 0.05)]])
    shown = pictures(4, step=0.0)
    covered = [
        mask_pixels(found, *SIZE) for _, found in cover_moving(iter(shown), lambda one: one, lambda _: next(places))
    ]
    assert not any(mask[:, SIZE[0] // 2].any() for mask in covered), "nothing between them is blackened"


def test_pictures_are_read_only_as_far_ahead_as_needed() -> None:
    taken: list[int] = []

    def endless() -> Iterator[Bgr]:
        for index in range(1000):
            taken.append(index)
            yield np.zeros((4, 4, 3), np.uint8)

    next(cover_moving(endless(), lambda picture: picture, find))
    assert len(taken) <= LOOK_EVERY + 1
