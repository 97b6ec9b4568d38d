"""Pieces of one fall are put together, pieces of two are not."""

from __future__ import annotations

from collections.abc import Callable

from edge.falling.pieces import Pieces
from edge.falling.tracker import Track, TrackPoint

HEIGHT = 500


def _track(
    number: int, begin_s: float, end_s: float, at: Callable[[float], tuple[float, float]], area: float = 9.0
) -> Track:
    track = Track(number)
    for index in range(round(begin_s * 25), round(end_s * 25)):
        x, y = at(index / 25)
        track.add(TrackPoint(index, index / 25, x, y, 3, 3, area, 40, 1, 0, 0, None))
    return track


def _sinking(time_s: float) -> tuple[float, float]:
    return 200 + 10 * time_s, 60 + 50 * time_s


def _joined(earlier: Track, later: Track) -> Track | None:
    pieces = Pieces(HEIGHT)
    pieces.keep(earlier)
    return pieces.before(later)


def test_a_thing_that_vanishes_for_a_second_is_one_thing() -> None:
    earlier, later = _track(3, 0, 2, _sinking), _track(8, 3, 5, _sinking)
    whole = _joined(earlier, later)
    assert whole is not None
    assert whole.number == 3
    assert [point.time_s for point in whole.points] == [p.time_s for p in (*earlier.points, *later.points)]
    assert whole.descent == later.points[-1].y - earlier.points[0].y


def test_two_blobs_of_one_thing_are_one_thing() -> None:
    later = _track(8, 1, 4, lambda s: (_sinking(s)[0] + 4, _sinking(s)[1] - 5))
    whole = _joined(_track(3, 0, 2, _sinking), later)
    assert whole is not None
    times = [point.time_s for point in whole.points]
    assert times == sorted(set(times)), "each moment is told by one of them"
    assert len(times) == 100


def test_what_is_elsewhere_later_larger_or_higher_is_another_thing() -> None:
    earlier = _track(3, 0, 2, _sinking)
    assert _joined(earlier, _track(8, 3, 5, lambda s: (_sinking(s)[0] + 90, _sinking(s)[1]))) is None
    assert _joined(earlier, _track(8, 4.5, 6, _sinking)) is None, "too long ago"
    assert _joined(earlier, _track(8, 3, 5, _sinking, area=90)) is None
    assert _joined(earlier, _track(8, 2.2, 4, lambda s: (_sinking(s)[0], _sinking(s)[1] - 90))) is None


def test_what_stands_still_is_no_piece() -> None:
    standing = _track(3, 0, 2, lambda _: (220, 160))
    assert _joined(standing, _track(8, 2.2, 4, _sinking)) is None
    assert _joined(_track(3, 0, 2, _sinking), standing) is None
