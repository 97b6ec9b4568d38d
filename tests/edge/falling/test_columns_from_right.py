"""Houses whose columns are counted from the right: what falls there names its own column, in map and event."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from falling_scenes import HEIGHT, WIDTH, drop, frames, luma_pictures

from contract.events import FallingObjectData
from edge.__main__ import main
from edge.errors import ConfigError
from edge.falling.analyzer import FallingAnalyzer
from edge.falling.calibration.drawing import read_drawing
from edge.falling.facade import build_facade, misfits
from edge.falling.settings import ColumnLine, FacadeSettings, FallingSettings, FloorLine

COLUMNS = 8
PULL = 9.81 * 20
"""Pixels per second squared: the wall is 20 pixels a metre, six floors of 60 pixels."""


def wall(counted_from: str, drawn: tuple[int, ...] = (1, 3, 5, 8)) -> FacadeSettings:
    """Eight columns of equal width, each drawn by its left edge, wherever its number counts from."""

    def left_edge(column: int) -> float:
        return (column - 1 if counted_from == "left" else COLUMNS - column) / COLUMNS

    return FacadeSettings(
        floor_lines=tuple(FloorLine(floor=7 - k, left=(0.05, k / 6), right=(0.95, k / 6)) for k in range(1, 6)),
        column_lines=tuple(ColumnLine(column=n, top=(left_edge(n), 0.02), bottom=(left_edge(n), 0.98)) for n in drawn),
        columns_counted_from=counted_from,
    )


def middle(column: int, counted_from: str) -> float:
    """Picture fraction from the left."""
    return (column - 0.5 if counted_from == "left" else COLUMNS - column + 0.5) / COLUMNS


@pytest.mark.parametrize("counted_from", ["left", "right"])
@pytest.mark.parametrize("drawn", [(1, 8), (1, 3, 5, 8)])
def test_the_map_knows_the_middle_of_each_column(counted_from: str, drawn: tuple[int, ...]) -> None:
    settings = wall(counted_from, drawn)
    facade = build_facade(settings)
    places = np.array([[middle(column, counted_from), 0.4] for column in range(1, COLUMNS + 1)])
    assert facade.coordinates(places)[:, 0] == pytest.approx(np.arange(1.5, COLUMNS + 1))
    assert facade.picture(np.array([[2.5, 4.0]]))[0] == pytest.approx([middle(2, counted_from), 0.5])
    assert max(misfits(facade, settings)[1].values()) < 1e-9


@pytest.mark.parametrize("counted_from", ["left", "right"])
def test_numbers_that_grow_to_the_other_side_are_refused(counted_from: str) -> None:
    said = {"left": "columns_counted_from: right", "right": r"but columns are counted from the right"}
    with pytest.raises(ConfigError, match=said[counted_from]):
        build_facade(
            wall({"left": "right", "right": "left"}[counted_from]).model_copy(
                update={"columns_counted_from": counted_from}
            )
        )


@pytest.mark.parametrize("column", [3, 4])
def test_a_fall_names_the_column_that_is_counted_from_the_right(column: int) -> None:
    settings = FallingSettings(facade=wall("right"), use_classifier=False)
    analyzer = FallingAnalyzer("cam-1", settings, None)
    x = middle(column, "right") * WIDTH
    seen = frames(luma_pictures(4.5, [drop(x, HEIGHT * 2 / 9, 1.5, PULL)], radius=3.0))
    findings = [finding for frame in seen for finding in analyzer.observe(frame)] + list(analyzer.finish())
    assert len(findings) == 1
    data = findings[0].data
    assert isinstance(data, FallingObjectData)
    told = data.origin_column
    assert told is not None
    assert told.low < told.value < told.high
    assert told.low <= column + 0.5 <= told.high
    assert data.origin_cell.endswith(f"-column{column}")


def test_a_file_of_points_says_from_where_columns_count(tmp_path: Path) -> None:
    still, file, out = tmp_path / "still.png", tmp_path / "points.yaml", tmp_path / "facade.yaml"
    cv2.imwrite(str(still), np.full((720, 1280, 3), 120, np.uint8))
    points = {
        "floors": {1: [[310, 600], [900, 590]], 5: [[335, 390], [885, 385]], 8: [[350, 220], [880, 230]]},
        "columns": {5: [[350, 100], [310, 700]], 3: [[600, 100], [595, 700]], 1: [[880, 100], [900, 700]]},
        "columns_counted_from": "right",
    }
    file.write_text(yaml.safe_dump(points), encoding="utf-8")
    arguments = ["calibrate", "check", str(file), str(still), "--preview", str(tmp_path / "p.jpg"), "--out", str(out)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    facade = read_drawing(out, (1280, 720)).falling.facade
    assert facade is not None
    assert facade.columns_counted_from == "right"
    places = np.array([[340, 400], [610, 400], [900, 400]]) / (1280, 720)  # a little to the right of each line
    assert np.floor(build_facade(facade).coordinates(places)[:, 0]).tolist() == [5, 3, 1]
