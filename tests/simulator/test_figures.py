"""Files of figures: what cannot be written is told before a run begins, what is none when it is read; and counts."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from edge.bench.output import OutputFile
from simulator.__main__ import COMMANDS, main
from simulator.faults.command import is_clean, remarks

ROW = {
    "faults": 1, "events": 9, "lost": 0, "given_up": 0, "duplicated": 0, "out_of_order": 0, "bad_evidence": 0,
    "late_evidence": 0, "recovery_s_median": 0.5, "recovery_s_max": 9.9, "not_recovered": 0,
}  # fmt: skip
RUN = {
    "seed": 1, "rounds": 1, "minutes": None, "rate": 60.0, "database": "sqlite", "cores": 2, "machine": "m",
    "python": "3", "load_per_core_at_end": 1.0,
}  # fmt: skip
REPORT = {"total": ROW, "kinds": {"cut": ROW}, "open_gaps": 0, "strangers": 0, "run": RUN}


def refused(*arguments: str | Path) -> str:
    """What is said; a run that begins makes the test take longer than it may."""
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code in {1, 2}, done.output
    return " ".join(done.output.split())


def command(name: str) -> click.Command:
    found = main.get_command(click.Context(main), name)
    assert found is not None
    return found


def outputs() -> list[tuple[str, str]]:
    """Command and option of each file that is written when a run has ended."""
    wanted = {"--json", "--page", "--plot"}
    options = ((name, option) for name in COMMANDS for one in command(name).params for option in one.opts)
    return [(name, option) for name, option in options if option in wanted and name != "render"]


@pytest.mark.parametrize(("name", "option"), outputs())
def test_a_file_that_cannot_be_written_is_told_before_the_run(tmp_path: Path, name: str, option: str) -> None:
    (param,) = (one for one in command(name).params if option in one.opts)
    assert isinstance(param.type, OutputFile)
    (tmp_path / "file").touch()
    for wrong in (tmp_path, tmp_path / "file" / "below.png", Path("/proc/figures.png")):
        assert str(wrong) in refused(name, option, wrong)


def test_trying_a_file_changes_nothing(tmp_path: Path) -> None:
    held = tmp_path / "held.json"
    held.write_text("before")
    for path in (held, tmp_path / "new.json", tmp_path / "new" / "folder" / "new.json"):
        assert OutputFile().convert(str(path), None, None) == path
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("held.json", "before")]


def test_a_plot_has_an_ending_that_can_be_drawn(tmp_path: Path) -> None:
    assert "ends in .png or .svg or .pdf" in refused("soak", "--plot", tmp_path / "plot.xyz")


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("faults", "--rounds", "-1"), ("faults", "--rounds", "0"), ("faults", "--rate", "-5"),
        ("faults", "--minutes", "0"),
        ("ingest", "--events", "0"), ("ingest", "--events", "-5"), ("ingest", "--per-message", "0"),
        ("ingest", "--collectors", "0"),
        ("queries", "--events", "-1"), ("queries", "--times", "0"),
        ("throughput", "--events", "0"), ("throughput", "--edges", "0"), ("throughput", "--events", "1"),
        ("soak", "--minutes", "0"), ("soak", "--rate", "-1"), ("soak", "--edges", "0"), ("soak", "--every", "0"),
        ("screenload", "--minutes", "0"), ("screenload", "--pages", "0"), ("screenload", "--per-minute", "0"),
        ("screenload", "--events", "0"),
        ("handling", "--times", "0"), ("handling", "--events", "0"), ("handling", "--width", "0"),
    ],
)  # fmt: skip
def test_a_number_that_makes_no_run_is_refused(name: str, option: str, value: str) -> None:
    assert option in refused(name, option, value)


@pytest.mark.parametrize("options", [("faults", "--show"), ("speeds", "--plot", "{}/plot.png", "--queries")])
@pytest.mark.parametrize("content", ["{}", "[]", "no JSON", "", '{"total": {}}', "[" * 100_000, "\xff"])
def test_a_file_without_figures_is_told(tmp_path: Path, options: tuple[str, ...], content: str) -> None:
    held = tmp_path / "held.json"
    held.write_text(content, encoding="latin-1")
    said = refused(*(option.format(tmp_path) for option in options), held)
    assert f"{held}: no figures of" in said
    assert "is a directory" in refused(*(option.format(tmp_path) for option in options), tmp_path)
    assert not (tmp_path / "plot.png").exists()


@pytest.mark.parametrize("content", ["{}", "no JSON", '[{"database": "oracle"}]'])
def test_runs_that_are_none_are_not_drawn(tmp_path: Path, content: str) -> None:
    (tmp_path / "held.json").write_text(content)
    queries = Path(__file__).parents[2] / "docs" / "ref" / "queries-sqlite.json"
    plot = ("--plot", tmp_path / "plot.png")
    said = refused("speeds", "--queries", queries, "--ingest", tmp_path / "held.json", *plot)
    assert "no figures of `ingest --json`" in said


def test_the_figures_of_an_earlier_matrix_are_shown_and_written_again(tmp_path: Path) -> None:
    held, again, page = tmp_path / "held.json", tmp_path / "new" / "again.json", tmp_path / "page.md"
    held.write_text(json.dumps(REPORT))
    told = CliRunner().invoke(main, ["faults", "--show", str(held), "--json", str(again), "--page", str(page)])
    assert told.exit_code == 0, told.output
    assert json.loads(again.read_text()) == REPORT
    assert "| cut | 1 | 9 |" in page.read_text()


@pytest.mark.parametrize("bad", ["lost", "duplicated", "out_of_order", "bad_evidence", "not_recovered"])
def test_a_matrix_is_not_clean_with_what_its_row_tells(bad: str) -> None:
    assert is_clean(REPORT)
    assert not is_clean(REPORT | {"total": ROW | {bad: 1}})


@pytest.mark.parametrize("bad", ["open_gaps", "strangers"])
def test_a_matrix_is_not_clean_with_gaps_or_strangers(tmp_path: Path, bad: str) -> None:
    (tmp_path / "held.json").write_text(json.dumps(REPORT | {bad: 2}))
    told = CliRunner().invoke(main, ["faults", "--show", str(tmp_path / "held.json")])
    assert told.exit_code == 1
    assert told.output.splitlines()[-1].startswith("2 "), "and it is said"


def test_late_files_and_a_long_recovery_are_remarked_upon_and_no_fault(tmp_path: Path) -> None:
    assert remarks(REPORT) == []
    (tmp_path / "held.json").write_text(
        json.dumps(REPORT | {"total": ROW | {"late_evidence": 4, "recovery_s_max": 16.2}})
    )
    told = CliRunner().invoke(main, ["faults", "--show", str(tmp_path / "held.json")])
    assert told.exit_code == 0
    assert "4 files of evidence still waited" in told.output
    assert "one fault took 16.2 s" in told.output
