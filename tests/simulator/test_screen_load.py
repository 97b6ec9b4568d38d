"""`simulator screenload`: a small run over real parts shows every alert on every page."""

from __future__ import annotations

from pathlib import Path

import pytest
from services import require

from simulator.screen_load.command import measure
from simulator.screen_load.handling import measure_handling

pytestmark = pytest.mark.services


def test_every_alert_is_seen_on_every_page(tmp_path: Path) -> None:
    for program in ("chromium", "chromedriver", "mosquitto"):
        require(program)
    figures = measure(tmp_path, minutes=0.1, pages=2, per_minute=40, events=300)
    assert (figures.alerts, figures.passages) == (4, 4)
    assert figures.seen == figures.alerts * figures.pages
    assert 0 < figures.delay_ms_p50 <= figures.delay_ms_max < 10_000
    assert figures.page_script_mb_after < figures.page_script_mb_before + 3


def test_a_scripted_hand_deals_with_alerts_in_few_steps(tmp_path: Path) -> None:
    for program in ("chromium", "chromedriver", "mosquitto"):
        require(program)
    figures = measure_handling(tmp_path, times=1, events=300, width=390)
    assert (figures.confirm_keys, figures.dismiss_keys, figures.dismiss_clicks) == (2, 3, 3)
    for took_s in (figures.confirm_by_keys_s, figures.dismiss_by_keys_s, figures.dismiss_by_clicks_s):
        assert 0 < figures.until_picture_s < took_s * 3
        assert took_s < 10
