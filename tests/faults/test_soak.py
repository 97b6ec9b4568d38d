"""`simulator soak`: a short one says how much is still on its way at its end, and nothing is."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from services import require

from simulator.faults.soak import Sample, growth, growths, soak_command


@pytest.mark.services
def test_a_short_soak_ends_with_everything_at_the_collector(tmp_path: Path) -> None:
    require("mosquitto")
    options = ["--minutes", "0.15", "--every", "3", "--rate", "20", "--json", str(tmp_path / "soak.json")]
    done = CliRunner().invoke(soak_command, options, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "soak.json").read_text())
    total = report["total"]
    assert (total["everything_arrived"], total["events_missing"], total["files_missing"]) == (True, 0, 0)
    assert total["drained_s"] < 300
    assert total["events"] > 0
    assert len(report["samples"]) >= 2


def test_what_is_needed_for_drawing_is_told_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.delitem(sys.modules, "simulator.faults.plots", raising=False)
    done = CliRunner().invoke(soak_command, ["--plot", str(tmp_path / "soak.png")])
    assert done.exit_code == 1
    assert "is not installed: pip install 'watchpost[dev]'" in done.output


def test_growth_is_the_slope_of_what_was_seen() -> None:
    assert growth([(0.0, 100.0), (0.5, 101.0), (1.0, 102.0)]) == 2.0
    assert growth([(0.0, 100.0)]) == 0.0


def test_growth_is_told_of_the_second_half() -> None:
    """Before, caches fill."""
    rising = [
        Sample(minute, 1, memory, memory, memory, 1, 1, 1, 1) for minute, memory in ((0.5, 100), (1, 160), (2, 161))
    ]
    assert set(growths(rising).values()) == {60.0}
