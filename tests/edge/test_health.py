"""What a camera's meter tells: above all that a picture which is analysed late is late."""

from __future__ import annotations

from edge.clock import utc
from edge.health import CameraMeter


class HandClock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.at_s = 1_000_000.0

    def now(self) -> float:
        return self.at_s

    def monotonic(self) -> float:
        return self.at_s

    def sleep(self, seconds: float) -> None:
        self.at_s += seconds


def test_lag_is_the_age_of_the_picture_and_not_of_its_decoding() -> None:
    clock = HandClock()
    meter = CameraMeter("gate", clock)
    meter.saw_frame(0.0, utc(clock.now()))
    assert meter.lag_s == 0
    meter.saw_frame(1.0, utc(clock.now() - 7.5))
    clock.sleep(0.5)
    health = meter.take()
    assert health.lag_s == 7.5
    assert health.last_frame_age_s == 0.5


def test_rate_counts_the_frames_since_the_last_report() -> None:
    clock = HandClock()
    meter = CameraMeter("gate", clock)
    for index in range(20):
        meter.saw_frame(index / 10, utc(clock.now()))
        clock.sleep(0.1)
    assert meter.take().fps == 10
    clock.sleep(1)
    assert meter.take().fps == 0
