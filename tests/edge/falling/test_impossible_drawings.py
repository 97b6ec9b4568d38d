"""Drawings that no house can have are refused, each with its file and its mistake; honest ones of any view are not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result
from honest_facades import honest_facades
from pydantic import ValidationError

from edge import config
from edge.__main__ import main
from edge.errors import ConfigError
from edge.falling.analyzer import FallingAnalyzer
from edge.falling.calibration.drawing import read_drawing
from edge.falling.facade import build_facade
from edge.falling.settings import ColumnLine, FacadeSettings, FallingSettings, FloorLine, Point

SIZE = (1280, 720)
FLOORS = {1: [[310, 600], [900, 590]], 5: [[335, 390], [885, 385]], 8: [[350, 220], [880, 230]]}
COLUMNS = {1: [[350, 100], [310, 700]], 3: [[600, 100], [595, 700]], 5: [[880, 100], [900, 700]]}


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("still") / "still.png"
    cv2.imwrite(str(path), np.full((SIZE[1], SIZE[0], 3), 120, np.uint8))
    return path


def check(text: str, still: Path, folder: Path) -> Result:
    file = folder / "points.yaml"
    file.write_text(text, encoding="utf-8")
    return CliRunner().invoke(main, ["calibrate", "check", str(file), str(still), "--preview", str(folder / "p.jpg")])


def drawn(**changes: object) -> str:
    return yaml.safe_dump({"floors": FLOORS, "columns": COLUMNS, **changes})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"floors": {1: [[310, 600], [900, 200]], 4: [[350, 400], [880, 400]], 8: [[350, 220], [880, 630]]}},
         "floors 1 and 4 cross"),
        ({"floors": {1: [[310, 600], [900, 600]], 8: [[310, 600], [900, 600]]}}, "floors 1 and 8 cross"),
        ({"floors": {1: [[310, 600], [310, 600]], 8: [[350, 220], [880, 230]]}}, "floor 1 is drawn as a point"),
        ({"floors": {1: [[310, 600], [320, 100]], 2: [[900, 600], [890, 100]]}}, "floor 1 is drawn upright"),
        ({"floors": {8: [[310, 600], [900, 590]], 1: [[350, 220], [880, 230]]}, "columns": {}},
         "floor 8 is drawn below floor 1"),
        ({"floors": {8: FLOORS[1], 5: FLOORS[5], 1: FLOORS[8]}}, "drawn below floor 1"),
        ({"floors": {1: FLOORS[1], 8: FLOORS[5], 5: FLOORS[8]}}, "floor 8 is drawn below floor 5"),
        ({"floors": {1: FLOORS[1], 8: FLOORS[5], 5: FLOORS[8]}, "columns": {}}, "floor 8 is drawn below floor 5"),
        ({"columns": {1: FLOORS[1], 5: FLOORS[8]}}, "columns are drawn level"),
        ({"columns": {1: [[350, 100], [900, 700]], 5: [[880, 100], [310, 700]]}}, "columns 1 and 5 cross"),
        ({"columns": {5: COLUMNS[1], 1: COLUMNS[5]}}, "column 5 is drawn to the left of column 1"),
        ({"columns": {1: COLUMNS[1], 5: COLUMNS[3], 3: COLUMNS[5]}}, "column 5 is drawn to the left of column 3"),
        ({"outline": [[10, 10], [20, 10], [300, 10]]}, "outline: an area"),
        ({"ignore": [[[10, 10], [110, 60], [210, 110]]]}, "ignore: an area"),
        ({"privacy": [[[10, 10], [10, 10], [10, 10]]]}, "privacy: an area"),
        ({"floors": {1: [[3100, 600], [9000, 590]], 8: FLOORS[8]}}, "floor 1: the place (3100, 600) lies outside"),
        ({"columns": {1: [[350, -300], [310, 700]], 5: COLUMNS[5]}}, "column 1: the place (350, -300) lies outside"),
        ({"outline": [[0, 0], [2000, 0], [0, 700]]}, "outline: the place (2000, 0) lies outside"),
        ({"floors": {1: [[0.3, 0.9], [0.7, 0.9]], 8: [[0.3, 0.2], [0.7, 0.2]]}, "columns": {}}, "look like fractions"),
        ({"floors": {1: [[float("nan"), 600], [900, 590]], 8: FLOORS[8]}}, "floors.1.0.0: Input should be a finite"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_by_name(still: Path, tmp_path: Path, changes: dict[str, object], told: str) -> None:
    result = check(drawn(**changes), still, tmp_path)
    assert result.exit_code == 1, result.output
    assert told in result.output
    assert f"Error: {tmp_path / 'points.yaml'}" in result.output


def test_a_floor_that_stands_twice_is_named_with_its_line(still: Path, tmp_path: Path) -> None:
    text = "floors:\n  1: [[310, 600], [900, 590]]\n  8: [[350, 220], [880, 230]]\n  8: [[350, 250], [880, 260]]\n"
    result = check(text, still, tmp_path)
    assert result.exit_code == 1
    assert "points.yaml:4: the key '8' stands twice" in result.output


def test_an_alias_that_contains_itself_is_told(still: Path, tmp_path: Path) -> None:
    result = check("floors: &all\n  1: [*all]\n", still, tmp_path)
    assert result.exit_code == 1
    assert "points.yaml: an alias (*name) contains itself" in result.output


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"columns": {}},
        {"floors": {-2: FLOORS[1], 0: FLOORS[5], 3: FLOORS[8]}},
        {"floors": {1: [[-30, 640], [1310, 600]], 5: FLOORS[5], 8: FLOORS[8]}},
        {"floors": {1: [[900, 590], [310, 600]], 5: FLOORS[5], 8: FLOORS[8]}},
        {"columns": {1: [[310, 700], [350, 100]], 5: COLUMNS[5]}},
        {"columns": {1: COLUMNS[1], 2: [[530, 100], [515, 700]], 5: COLUMNS[5]}},
        {"outline": [[0, 0], [1290, -5], [1280, 720]], "ignore": [[[0, 0], [1280, 0], [1280, 2], [0, 2]]]},
    ],
)  # fmt: skip
def test_honest_drawings_pass(still: Path, tmp_path: Path, changes: dict[str, object]) -> None:
    result = check(drawn(**changes), still, tmp_path)
    assert result.exit_code == 0, result.output


# --- the agent refuses the same, from the configuration's keys


@pytest.mark.parametrize(
    ("floors", "columns", "told"),
    [
        ({8: FLOORS[1], 1: FLOORS[8]}, {}, "floor 8 is drawn below floor 1"),
        (FLOORS, {5: COLUMNS[1], 1: COLUMNS[5]}, "column 5 is drawn to the left"),
        ({1: [[310, 600], [900, 200]], 8: [[350, 220], [880, 630]]}, {}, "floors 1 and 8 cross"),
    ],
)
def test_the_analyzer_is_not_built_on_an_impossible_facade(
    floors: dict[int, list[list[int]]], columns: dict[int, list[list[int]]], told: str
) -> None:
    facade = FacadeSettings(
        floor_lines=tuple(FloorLine(floor=n, left=share(a), right=share(b)) for n, (a, b) in floors.items()),
        column_lines=tuple(ColumnLine(column=n, top=share(a), bottom=share(b)) for n, (a, b) in columns.items()),
    )
    with pytest.raises(ConfigError, match=told):
        FallingAnalyzer("gate", FallingSettings(facade=facade, use_classifier=False))


def share(place: list[int]) -> Point:
    return place[0] / SIZE[0], place[1] / SIZE[1]


@pytest.mark.parametrize("key", ["zones", "ignore"])
def test_settings_want_areas_that_have_one(key: str) -> None:
    with pytest.raises(ValidationError, match="corners that do not all lie on one line"):
        FallingSettings.model_validate({key: [[[0.1, 0.1], [0.2, 0.2], [0.7, 0.7001]]]})


def test_a_mask_of_no_area_is_named_with_its_line(tmp_path: Path) -> None:
    camera = "  - {id: gate, source: a.mp4, analyzers: [falling]}"
    masked = camera.replace("]}", "],\n     privacy_masks: [[[0.1, 0.1], [0.2, 0.1], [0.9, 0.1]]]}")
    text = f"site: s\nedge: e\ndata_dir: d\ncameras:\n{masked}\n"
    with pytest.raises(ConfigError, match=r"agent.yaml:6: cameras.0.privacy_masks.0: an area needs corners"):
        config.parse(text, tmp_path / "agent.yaml")


def test_a_drawing_of_keys_is_refused_as_points_are(tmp_path: Path) -> None:
    file = tmp_path / "keys.yaml"
    file.write_text("privacy_masks:\n- [[0.1, 0.1], [0.2, 0.1], [0.9, 0.1]]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"keys.yaml: privacy_masks.0: an area needs corners"):
        read_drawing(file, SIZE)


# --- honest views


@pytest.fixture(scope="module")
def honest_drawings() -> list[FacadeSettings]:
    return honest_facades(np.random.default_rng(5), 250)


def test_no_honest_view_is_refused(honest_drawings: list[FacadeSettings]) -> None:
    assert len(honest_drawings) > 100
    leans = [
        abs(line.left[1] - line.right[1]) / (line.right[0] - line.left[0])
        for d in honest_drawings
        for line in d.floor_lines
    ]
    assert max(leans) > 2, "steep perspective is among them"
    for drawing in honest_drawings:
        build_facade(drawing)


def test_every_mirrored_or_reversed_view_is_refused(honest_drawings: list[FacadeSettings]) -> None:
    for drawing in honest_drawings:
        numbers = [line.floor for line in drawing.floor_lines][::-1]
        upside_down = [
            line.model_copy(update={"floor": n}) for line, n in zip(drawing.floor_lines, numbers, strict=True)
        ]
        with pytest.raises(ConfigError):
            build_facade(drawing.model_copy(update={"floor_lines": tuple(upside_down)}))
        if drawing.column_lines:
            numbers = [line.column for line in drawing.column_lines][::-1]
            mirrored = [
                line.model_copy(update={"column": n}) for line, n in zip(drawing.column_lines, numbers, strict=True)
            ]
            with pytest.raises(ConfigError):
                build_facade(drawing.model_copy(update={"column_lines": tuple(mirrored)}))


def test_a_mirrored_view_is_honest_where_columns_are_counted_from_the_right(
    honest_drawings: list[FacadeSettings],
) -> None:
    with_columns = [drawing for drawing in honest_drawings if drawing.column_lines]
    assert len(with_columns) > 50
    for drawing in with_columns:
        mirrored = tuple(line.model_copy(update={"column": 11 - line.column}) for line in drawing.column_lines)
        counted = drawing.model_copy(update={"columns_counted_from": "right"})
        build_facade(counted.model_copy(update={"column_lines": mirrored}))
        with pytest.raises(ConfigError):
            build_facade(counted)
