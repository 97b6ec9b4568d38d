"""The commands that measure ingest and search do what they say; how fast is for them to tell."""

from __future__ import annotations

from pathlib import Path

import pytest
from services import require

from simulator.faults import ingest_speed, query_speed

pytestmark = pytest.mark.services


@pytest.mark.parametrize("per_message", [1, 50])
def test_every_event_of_the_load_is_committed_and_acknowledged(tmp_path: Path, per_message: int) -> None:
    for program in ("mosquitto", "mosquitto_pub", "mosquitto_sub"):
        require(program)
    figures = ingest_speed.measure(tmp_path, 300, per_message, "sqlite")
    assert (figures.events, figures.acknowledged) == (300, 300)
    assert figures.events_per_s > 0


def test_every_search_finds_something(tmp_path: Path) -> None:
    report = query_speed.measure(tmp_path, 4000, 2, "sqlite")
    assert {row["search"]: row["found"] > 0 for row in report["searches"]} == {
        search.name: True for search in query_speed.SEARCHES
    }
