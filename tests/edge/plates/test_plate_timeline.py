"""A camera's connections on one line of time, and back to the stream time of each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from edge.plates.timeline import Timeline
from edge.types import Frame

START = datetime(2026, 5, 1, 8, tzinfo=UTC)
BLACK = np.zeros((8, 8), np.uint8)


def frame(stream_time_s: float, utc_s: float) -> Frame:
    return Frame("gate", 0, stream_time_s, START + timedelta(seconds=utc_s), BLACK, lambda: np.dstack([BLACK] * 3))


def test_a_connection_follows_the_one_before_after_the_gap_between_their_pictures() -> None:
    line = Timeline()
    assert [line.place(frame(t, t)) for t in (0.0, 1.0, 100.0)] == [0.0, 1.0, 100.0]
    assert line.place(frame(0.0, 101.5)) == pytest.approx(101.5)
    assert line.in_stream(98.0, 100.0) == (98.0, 100.0), "of the connection before, which lies ahead in this one"
    assert line.place(frame(2.0, 103.5)) == pytest.approx(103.5)
    assert line.in_stream(99.0, 103.0) == (0.0, pytest.approx(1.5)), "seen by both: what the second showed"


@pytest.mark.parametrize(("set_by_s", "gap_s"), [(-3600.0, 0.04), (3600.0, 3601.5)])
def test_a_clock_that_is_set_meanwhile_does_not_make_time_go_back(set_by_s: float, gap_s: float) -> None:
    line = Timeline()
    line.place(frame(100.0, 100.0))
    assert line.place(frame(0.0, 101.5 + set_by_s)) == pytest.approx(100.0 + gap_s)


def test_a_time_that_could_be_of_either_connection_is_none() -> None:
    line = Timeline()
    line.place(frame(0.0, 0.0))
    line.place(frame(3.0, 3.0))
    line.place(frame(0.0, 5.0))
    assert line.in_stream(2.0, 3.0) == (2.0, 3.0)
    line.place(frame(4.0, 9.0))
    assert line.in_stream(2.0, 3.0) is None
