"""`simulator screenload`: a small run over real parts shows every alert on every page."""

from __future__ import annotations

from pathlib import Path

import pytest
from services import require

from simulator.screen_load.command import measure

pytestmark = pytest.mark.services


def test_every_alert_is_seen_on_every_page(tmp_path: Path) -> None:
    for program in ("chromium", "chromedriver", "mosquitto"):
        require(program)
    figures = measure(tmp_path, minutes=0.1, pages=2, per_minute=40, events=300)
    assert (figures.alerts, figures.passages) == (4, 4)
    assert figures.seen == figures.alerts * figures.pages
    assert 0 < figures.delay_ms_p50 <= figures.delay_ms_max < 10_000
    assert figures.page_script_mb_after < figures.page_script_mb_before + 3
