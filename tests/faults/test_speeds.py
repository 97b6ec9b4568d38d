"""The commands that measure ingest and search do what they say; how fast is for them to tell."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from services import require

from collector.retention import Kind
from simulator.faults import ingest_speed, query_speed
from simulator.faults.plots import speeds_command

pytestmark = pytest.mark.services


def test_every_event_of_each_load_is_committed_and_acknowledged(tmp_path: Path) -> None:
    for program in ("mosquitto", "mosquitto_pub", "mosquitto_sub"):
        require(program)
    told = tmp_path / "ingest.json"
    command = ["--events", "300", "--per-message", "1", "--per-message", "50", "--json", str(told)]
    result = CliRunner().invoke(ingest_speed.ingest_command, command)
    assert result.exit_code == 0, result.output
    runs = json.loads(told.read_text())
    assert [(run["per_message"], run["events"], run["acknowledged"]) for run in runs] == [(1, 300, 300), (50, 300, 300)]
    assert all(run["events_per_s"] > 0 for run in runs)


def test_one_sqlite_file_is_not_shared_by_collectors() -> None:
    result = CliRunner().invoke(ingest_speed.ingest_command, ["--collectors", "2"])
    assert result.exit_code == 2
    assert "--database postgresql" in result.output


def _found(report: dict[str, Any]) -> dict[str, bool]:
    return {row["search"]: row["found"] > 0 for row in report["searches"]}


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_store_that_is_kept_is_filled_once(tmp_path: Path, database: str, request: pytest.FixtureRequest) -> None:
    if database == "postgresql":
        request.getfixturevalue("postgresql")  # or skipped, where it is not installed
    first, second = (query_speed.measure(tmp_path, 4000, 2, database) for _ in range(2))
    assert _found(first) == _found(second) == {search.name: True for search in query_speed.SEARCHES}
    assert second["filled_s"] == 0
    assert second["store_mb"] == pytest.approx(first["store_mb"], abs=2)
    assert first["store_mb"] > 2


def test_every_search_finds_something_and_is_drawn(tmp_path: Path) -> None:
    report = query_speed.measure(tmp_path, 4000, 2, "sqlite")
    assert _found(report) == {search.name: True for search in query_speed.SEARCHES}
    with closing(sqlite3.connect(tmp_path / "collector" / "collector.db")) as store:  # nothing expires meanwhile
        assert store.execute("SELECT count(*) FROM retention WHERE days > 10000").fetchone() == (len(Kind),)
    (tmp_path / "queries.json").write_text(json.dumps(report))
    files = ["--queries", str(tmp_path / "queries.json"), "--plot", str(tmp_path / "speeds.png")]
    assert CliRunner().invoke(speeds_command, files).exit_code == 0
    assert (tmp_path / "speeds.png").stat().st_size > 1000
