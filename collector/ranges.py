"""Sequence numbers as ranges: what has come, what is missing. Pure."""

from __future__ import annotations

from collections.abc import Iterable

Range = tuple[int, int]
"""(first, last), both included."""


def merge(ranges: Iterable[Range]) -> list[Range]:
    """The shortest ascending list that covers the same numbers."""
    merged: list[Range] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def gaps(merged: list[Range], upto: int = 0) -> list[Range]:
    """What is missing between 1 and the highest number, or `upto` if that is higher, given the output of `merge`."""
    missing = []
    expected = 1
    for low, high in merged:
        if low > expected:
            missing.append((expected, low - 1))
        expected = high + 1
    if upto >= expected:
        missing.append((expected, upto))
    return missing


def contains(merged: list[Range], number: int) -> bool:
    """Whether a number is covered."""
    return any(low <= number <= high for low, high in merged)
