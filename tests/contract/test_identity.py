"""Identifiers that grow with time."""

from __future__ import annotations

from uuid import RFC_4122

from contract.identity import time_ordered


def test_they_grow_from_one_millisecond_to_the_next_and_never_repeat() -> None:
    made = [time_ordered(1_700_000_000_000_000 + 1000 * number) for number in range(200)]
    assert made == sorted(made)
    assert all(one.version == 7 and one.variant == RFC_4122 for one in made)
    assert len({time_ordered(5) for _ in range(500)}) == 500


def test_its_time_can_be_read_again() -> None:
    assert time_ordered(1_700_000_123_456_789).int >> 80 == 1_700_000_123_456
