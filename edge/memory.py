"""Keep the process small: glibc's allocator holds on to freed pictures, per thread, unless it is told not to."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""Parameters of glibc's mallopt(3)."""
_PICTURE_BYTES = 1 << 20
"""Blocks from here on (a luma plane of 720p or more) go back to the system as soon as they are freed."""


def return_freed_pictures() -> bool:
    """Set the allocator of this process; False where there is no such allocator (musl, macOS), which does no harm."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = ((_M_ARENA_MAX, 1), (_M_MMAP_THRESHOLD, _PICTURE_BYTES), (_M_TRIM_THRESHOLD, _PICTURE_BYTES))
    return all(mallopt(name, value) == 1 for name, value in settings)
