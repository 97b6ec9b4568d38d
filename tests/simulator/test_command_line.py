"""The simulator's command line where parts of it are not installed (the wheel alone brings no demo)."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from simulator.__main__ import COMMANDS, main


def test_a_command_whose_parts_are_missing_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "demo", "part_that_is_missing:demo_command")
    listed = CliRunner().invoke(main, ["--help"])
    assert listed.exit_code == 0
    assert "part_that_is_missing is not installed" in listed.output
    asked = CliRunner().invoke(main, ["demo", "--once"])
    assert asked.exit_code == 1
    assert "pip install 'watchpost[demo]'" in asked.output


def test_a_mistake_of_our_own_is_not_taken_for_a_missing_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "demo", "simulator.no_such_file:demo_command")
    with pytest.raises(ModuleNotFoundError, match="no_such_file"):
        CliRunner().invoke(main, ["demo"], catch_exceptions=False)
