"""`edge alive`: what a container's health check asks."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.__main__ import main
from edge.agent import HEARTBEAT


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "agent.yaml"
    path.write_text(
        f"site: west\nedge: gate-1\ndata_dir: {tmp_path}\ncameras: [{{id: a, source: a.mp4, analyzers: [plates]}}]\n"
    )
    return path


def test_an_agent_that_never_ran_is_not_alive(config_file: Path) -> None:
    result = CliRunner().invoke(main, ["alive", str(config_file)])
    assert result.exit_code == 1
    assert "never run" in result.output


def test_a_fresh_heartbeat_is_life_and_an_old_one_is_not(config_file: Path) -> None:
    heartbeat = config_file.with_name(HEARTBEAT)
    heartbeat.touch()
    assert CliRunner().invoke(main, ["alive", str(config_file)]).exit_code == 0
    os.utime(heartbeat, (time.time() - 300,) * 2)
    result = CliRunner().invoke(main, ["alive", str(config_file)])
    assert result.exit_code == 1
    assert "no sign of life for 300 s" in result.output
