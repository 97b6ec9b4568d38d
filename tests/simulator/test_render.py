"""Rendering: files per camera, a cache that notices changes, a command that explains mistakes."""

from __future__ import annotations

from pathlib import Path

import av
import yaml
from click.testing import CliRunner

from simulator.render import render_command, render_scenario
from simulator.scenario import load_scenario
from simulator.truth import SceneTruth, read_truth

TEXT = """
name: small
seed: 3
cameras:
  - {id: t, scene: tower, width: 192, height: 108, fps: 10, duration_s: 12, options: {falls: 1, floors: 8}}
"""


def _write(tmp_path: Path, text: str = TEXT) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_scenario_is_rendered_once(tmp_path: Path) -> None:
    scenario, told = load_scenario(_write(tmp_path)), []
    rendered = render_scenario(scenario, tmp_path / "out", lambda *step: told.append(step))
    camera = rendered.cameras[0]
    assert not camera.cached
    assert told[-1] == ("t", 120, 120)
    with av.open(str(camera.video)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 120
    records = read_truth(camera.truth)
    assert isinstance(records[0], SceneTruth)
    assert records[0].frames == 120
    assert "facade" in yaml.safe_load(camera.installation.read_text(encoding="utf-8"))["falling"]
    stamp = camera.video.stat().st_mtime_ns
    again = render_scenario(scenario, tmp_path / "out").cameras[0]
    assert again.cached
    assert again.video.stat().st_mtime_ns == stamp
    longer = load_scenario(_write(tmp_path, TEXT.replace("duration_s: 12", "duration_s: 11")))
    changed = render_scenario(longer, tmp_path / "out").cameras[0]
    assert not changed.cached
    assert changed.frames == 110


def test_the_command_names_a_mistake(tmp_path: Path) -> None:
    path = _write(tmp_path, TEXT.replace("falls: 1", "fals: 1"))
    result = CliRunner().invoke(render_command, [str(path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "small.yaml: cameras.0.options.fals" in result.output
