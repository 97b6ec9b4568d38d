"""Scenario files: the shipped ones are valid, and a mistake is answered with file, key and expectation."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.scenario import ScenarioError, load_scenario
from simulator.scenes import CameraSpec, SceneError, build_scene

SCENARIOS = sorted((Path(__file__).parents[2] / "configs" / "scenarios").glob("*.yaml"))
GOOD = "name: small\nseed: 3\ncameras:\n  - {id: t, scene: tower, width: 320, height: 180, duration_s: 8}\n"


def _load(tmp_path: Path, text: str) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(text, encoding="utf-8")
    load_scenario(path)


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_shipped_scenarios_are_valid(path: Path) -> None:
    scenario = load_scenario(path)
    assert scenario.cameras


def test_a_good_scenario_has_stable_camera_seeds(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(GOOD, encoding="utf-8")
    first, second = load_scenario(path), load_scenario(path)
    assert first.camera_seed(first.cameras[0]) == second.camera_seed(second.cameras[0]) < 1_000_000


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (GOOD.replace("scene: tower", "scene: bridge"), "cameras.0.scene"),
        (GOOD.replace("width: 320", "width: 321"), "cameras.0.width"),
        (GOOD.replace("width: 320", "colour: red"), "cameras.0.colour"),
        (GOOD.replace("seed: 3", "seed: 1000000"), "seed"),
        (GOOD.replace("duration_s: 8", "duration_s: 8, options: {falls: -1}"), "cameras.0.options.falls"),
        (GOOD.replace("duration_s: 8", "duration_s: 8, options: {fallz: 1}"), "cameras.0.options.fallz"),
        (GOOD.replace("duration_s: 8", "duration_s: 8, options: {object_px: [9, 3]}"), "object_px"),
        (GOOD.replace("duration_s: 8", "duration_s: 8, conditions: [day, night]"), "day and night"),
        (GOOD + "  - {id: t, scene: tower}\n", "used twice: t"),
        ("- 1\n", "expected keys name, seed and cameras"),
        ("a: [", "not YAML"),
    ],
)
def test_mistakes_name_file_and_key(tmp_path: Path, broken: str, said: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        _load(tmp_path, broken)
    assert "scenario.yaml" in str(caught.value)
    assert said in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"nowhere\.yaml: cannot be read"):
        load_scenario(tmp_path / "nowhere.yaml")


def test_a_builder_names_the_camera_and_the_option() -> None:
    spec = CameraSpec(id="t", scene="tower", options={"floors": 99})
    with pytest.raises(SceneError, match=r"camera t: options\.floors"):
        build_scene(spec, 1)


def test_more_falls_than_fit_are_refused() -> None:
    spec = CameraSpec(id="t", scene="tower", width=320, height=180, duration_s=1, options={"falls": 3})
    with pytest.raises(SceneError, match="do not fit into 1 s"):
        build_scene(spec, 1)
