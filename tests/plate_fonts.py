"""The fonts of drawn plates, for tests: `python -m simulator.fonts` fetches them."""

from __future__ import annotations

import os

import pytest

from simulator.fonts import FontsMissing, faces


def _fonts_are_there() -> bool:
    try:
        faces("han", "simulator")
    except FontsMissing:
        return False
    return True


needs_fonts = pytest.mark.skipif(
    not _fonts_are_there() and os.environ.get("WATCHPOST_REQUIRE_SERVICES") != "1",
    reason="plate fonts are not fetched: python -m simulator.fonts",
)
"""Skips a test without them, lets it fail under WATCHPOST_REQUIRE_SERVICES=1."""
