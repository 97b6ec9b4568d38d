"""Identifiers that grow with time (UUID version 7, RFC 9562): new ones lie beside each other in a database's index."""

from __future__ import annotations

import os
from uuid import UUID


def time_ordered(now_us: int) -> UUID:
    """A new UUID of version 7 for this moment, in microseconds since 1970 UTC; 74 of its bits are random."""
    millis = (now_us // 1000) & ((1 << 48) - 1)
    chance = int.from_bytes(os.urandom(10))
    high = millis << 16 | 0x7000 | chance & 0xFFF
    low = 0b10 << 62 | chance >> 18
    return UUID(int=high << 64 | low)
