"""The page to draw on says of a drawing what `edge calibrate check` says of the file that it saves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import Browser, all_of, browsers, errors, text
from honest_facades import honest_facades
from selenium.webdriver.common.by import By

from edge.errors import ConfigError
from edge.falling.calibration.drawing import Drawing, check_map, read_drawing
from edge.falling.calibration.page import drawing_page
from edge.falling.remarks import REMARKS

pytestmark = pytest.mark.services

SIZE = (1280, 720)
LOAD = """
items = []; past = []; open = null; chosen = null;
load(arguments[0]);
show();
const { state, items: wrong } = judge();
const told = document.getElementById("fit").textContent, saved = document.getElementById("yaml").value;
const lines = wrong.map(({ kind, number }) => `${kind} ${number ?? ""}`.trim());
return { state, lines, told, saved, halos: document.querySelectorAll(".halo").length,
         rows: document.querySelectorAll("#items .wrong").length };
"""
Line = tuple[float, float, float, float]
FLOORS: dict[int, Line] = {1: (310, 600, 900, 590), 5: (335, 390, 885, 385), 8: (350, 220, 880, 230)}
COLUMNS: dict[int, Line] = {1: (350, 100, 310, 700), 3: (600, 100, 595, 700), 5: (880, 100, 900, 700)}


def keys(
    floors: dict[int, Line] | list[tuple[int, Line]] = FLOORS,
    columns: dict[int, Line] | list[tuple[int, Line]] = COLUMNS,
    areas: dict[str, list[list[float]]] | None = None,
    **facade: object,
) -> dict[str, Any]:
    """A drawing as the page takes it, from pixels; it may be as wrong as it likes."""

    def ends(line: Line) -> list[list[float]]:
        return [[line[0] / SIZE[0], line[1] / SIZE[1]], [line[2] / SIZE[0], line[3] / SIZE[1]]]

    def lines(drawn: dict[int, Line] | list[tuple[int, Line]], kind: str, *names: str) -> list[dict[str, Any]]:
        pairs = drawn.items() if isinstance(drawn, dict) else drawn
        return [{kind: n, **dict(zip(names, ends(line), strict=True))} for n, line in pairs]

    drawn = {
        "floor_lines": lines(floors, "floor", "left", "right"),
        "column_lines": lines(columns, "column", "top", "bottom"),
        **facade,
    }
    polygons = {name: [corners] for name, corners in (areas or {}).items()}
    masks = polygons.pop("privacy_masks", [])
    return {"falling": {"facade": drawn, **polygons}, "privacy_masks": masks}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Browser]]:
    folder = tmp_path_factory.mktemp("pages")
    page = folder / "page.html"
    page.write_text(drawing_page(np.full((SIZE[1], SIZE[0], 3), 120, np.uint8), Drawing()), encoding="utf-8")
    known: dict[str, Browser] = {}

    def show(language: str) -> Browser:
        if language not in known:
            known[language] = start(language=language)
            known[language].get(page.as_uri())
        return known[language]

    opener = browsers(folder)
    start = next(opener)
    yield show
    assert [line for browser in known.values() for line in errors(browser)] == []
    next(opener, None)


def checked(saved: str, folder: Path) -> tuple[str, list[str]]:
    """What `check` says of a file: why it refuses it, or else its advice."""
    file = folder / "facade.yaml"
    file.write_text(saved, encoding="utf-8")
    try:
        facade, told = check_map(read_drawing(file, SIZE))
    except ConfigError as error:
        return str(error).removeprefix(f"{file}: "), []
    after = next((i for i, line in enumerate(told) if line.startswith("largest residual")), -1)
    return "", told[after + 1 :] if facade is not None else []


def plain(sentence: str) -> str:
    return sentence.lower().removesuffix(".").removesuffix("。")


def assert_same(browser: Browser, drawing: dict[str, Any], folder: Path, *, figures: bool = True) -> dict[str, Any]:
    """Of the page and of `check`: the verdict and the words, without their figures where these may differ."""
    shown: dict[str, Any] = browser.execute_script(LOAD, drawing)
    refusal, advice = checked(shown["saved"], folder)
    assert (shown["state"] in {"refused", "unfinished"}) == bool(refusal), (shown, refusal)

    def words(sentence: str) -> str:
        return plain(sentence) if figures else re.sub(r"[-\d.]+", "#", plain(sentence))

    if shown["state"] == "refused":
        assert words(shown["told"]) in words(refusal)
        assert shown["halos"] == shown["rows"] == len(shown["lines"])
    if not refusal:
        assert [plain(line) for line in shown["told"].split("\n")[1:]] == [plain(line) for line in advice]
        assert shown["state"] == ("doubtful" if advice else "fits")
    return shown


@pytest.mark.parametrize(
    ("drawing", "wrong"),
    [
        (keys({1: (310, 600, 900, 200), 4: (350, 400, 880, 400), 8: (350, 220, 880, 630)}), ["floor 1", "floor 4"]),
        (keys({1: (310, 600, 310, 600), 8: FLOORS[8]}), ["floor 1"]),
        (keys({1: (310, 600, 320, 100), 2: (900, 600, 890, 100)}), ["floor 1"]),
        (keys({8: (310, 600, 900, 590), 1: (350, 220, 880, 230)}, {}), ["floor 1", "floor 8"]),
        (keys({1: FLOORS[1], 8: FLOORS[5], 5: FLOORS[8]}), ["floor 5", "floor 8"]),
        (keys({1: FLOORS[1], 8: FLOORS[5], 5: FLOORS[8]}, {}), ["floor 5", "floor 8"]),
        (keys([(1, FLOORS[1]), (1, FLOORS[5]), (8, FLOORS[8])]), ["floor 1", "floor 1"]),
        (keys({n: (310, y, 900, y) for n, y in ((1, 700), (2, 400), (9, 300), (10, 60))}), ["floor 2"]),
        (keys(columns={1: FLOORS[1], 5: FLOORS[8]}), ["column 1", "column 5"]),
        (keys(columns={1: (350, 100, 900, 700), 5: (880, 100, 310, 700)}), ["column 1", "column 5"]),
        (keys(columns={5: COLUMNS[1], 1: COLUMNS[5]}), ["column 1", "column 5"]),
        (keys(columns={1: COLUMNS[1], 5: COLUMNS[3], 3: COLUMNS[5]}), ["column 3", "column 5"]),
        (keys(columns=[(3, COLUMNS[1]), (3, COLUMNS[5])]), ["column 3", "column 3"]),
        (keys(columns_counted_from="right"), ["column 3", "column 5"]),
        (keys(areas={"zones": [[0.1, 0.1], [0.2, 0.1], [0.9, 0.1]]}), ["outline"]),
        (keys(areas={"ignore": [[0.1, 0.1], [0.2, 0.2], [0.7, 0.7]]}), ["ignore"]),
        (keys(areas={"privacy_masks": [[0.1, 0.1], [0.1, 0.1], [0.1, 0.1]]}), ["privacy"]),
    ],
)
def test_the_page_refuses_what_check_refuses_and_marks_it(
    opened: Callable[[str], Browser], tmp_path: Path, drawing: dict[str, Any], wrong: list[str]
) -> None:
    shown = assert_same(opened("en-GB"), drawing, tmp_path)
    assert shown["state"] == "refused"
    assert sorted(shown["lines"]) == sorted(wrong)


@pytest.mark.parametrize(
    ("drawing", "state"),
    [
        (keys(), "fits"),
        (keys({-2: FLOORS[1], 0: FLOORS[5], 3: FLOORS[8]}), "doubtful"),
        (keys({1: (900, 590, 310, 600), 5: FLOORS[5], 8: FLOORS[8]}), "fits"),
        (keys(columns={5: COLUMNS[1], 3: COLUMNS[3], 1: COLUMNS[5]}, columns_counted_from="right"), "fits"),
        (keys(columns={1: (310, 700, 350, 100), 3: COLUMNS[3], 5: COLUMNS[5]}), "fits"),
        (keys(columns={1: COLUMNS[1], 5: COLUMNS[5]}), "doubtful"),
        (keys(columns={1: COLUMNS[1], 3: COLUMNS[3], 6: COLUMNS[5]}), "doubtful"),
        (keys(columns={}), "doubtful"),
        (keys({1: FLOORS[1], 8: FLOORS[8]}, {}), "doubtful"),
        (keys({7: (340, 300, 884, 302), 8: FLOORS[8]}), "doubtful"),
        (keys({1: FLOORS[1]}), "unfinished"),
        (keys({}), "unfinished"),
        (keys(columns={1: COLUMNS[1]}), "unfinished"),
        (keys({}, {}), "empty"),
        (keys(floor_height_m=1.5), "refused"),
        (keys(floor_height_m=1.6), "fits"),
        (keys(camera_height_m=-50), "fits"),
        (keys(camera_height_m=201), "refused"),
    ],
)
def test_the_page_takes_what_check_takes(
    opened: Callable[[str], Browser], tmp_path: Path, drawing: dict[str, Any], state: str
) -> None:
    browser = opened("en-GB")
    shown = browser.execute_script(LOAD, drawing)
    refusal, _ = checked(shown["saved"], tmp_path)
    assert (shown["state"], bool(refusal)) == (state, state in {"refused", "unfinished"})
    if state in {"fits", "doubtful"}:
        assert_same(browser, drawing, tmp_path)


def spoiled(facade: dict[str, Any], rng: np.random.Generator) -> None:
    """Two numbers changed, two ends exchanged, a line thrown anywhere, or columns counted from the other side."""
    kind = "column_lines" if facade["column_lines"] and rng.random() < 0.5 else "floor_lines"
    number, ends = ("floor", ("left", "right")) if kind == "floor_lines" else ("column", ("top", "bottom"))
    one, other = (facade[kind][i] for i in rng.permutation(len(facade[kind]))[:2])
    match rng.integers(4):
        case 0:
            one[number], other[number] = other[number], one[number]
        case 1:
            one[ends[0]], other[ends[0]] = other[ends[0]], one[ends[0]]
        case 2:
            one.update({end: rng.random(2).tolist() for end in ends})
        case _:
            facade["columns_counted_from"] = "right"


def test_hundreds_of_drawings_are_judged_alike(opened: Callable[[str], Browser], tmp_path: Path) -> None:
    rng, browser, states = np.random.default_rng(11), opened("en-GB"), []
    for settings in honest_facades(rng, 300):
        facade = settings.model_dump(mode="json")
        if rng.random() < 0.7:
            spoiled(facade, rng)
        shown = assert_same(browser, {"falling": {"facade": facade}}, tmp_path, figures=False)
        states.append(shown["state"])
    assert states.count("refused") > 50
    assert states.count("fits") + states.count("doubtful") > 50


def test_the_page_says_it_in_chinese(opened: Callable[[str], Browser]) -> None:
    browser = opened("zh-CN")
    shown = browser.execute_script(LOAD, keys({8: FLOORS[1], 1: FLOORS[8]}, {}))
    assert plain(shown["told"]) == REMARKS["floors_swapped"].zh.format(one=1, other=8)
    shown = browser.execute_script(LOAD, keys(columns={1: (350, 100, 900, 700), 5: (880, 100, 310, 700)}))
    assert plain(shown["told"]) == REMARKS["cross"].zh.format(kind="列", one=1, other=5)


def test_both_languages_fill_in_the_same() -> None:
    for name, remark in REMARKS.items():
        assert len(remark.zh) > 0
        assert set(re.findall(r"{(\w+)}", remark.en)) >= set(re.findall(r"{(\w+)}", remark.zh)), name


def test_what_is_set_besides_the_drawing_stays(tmp_path: Path, opened: Callable[[str], Browser]) -> None:
    before = Drawing.model_validate(
        {"falling": {**keys()["falling"], "sensitivity": "high", "min_travel": 0.2, "report_suspected": False}}
    )
    page = tmp_path / "page.html"
    page.write_text(drawing_page(np.full((SIZE[1], SIZE[0], 3), 120, np.uint8), before, "the command"), "utf-8")
    browser = opened("de")
    browser.get(page.as_uri())
    assert text(browser, "#then") == "the command"
    file = tmp_path / "facade.yaml"
    file.write_text(str(all_of(browser, "#yaml")[0].get_attribute("value")), encoding="utf-8")
    after = read_drawing(file, SIZE).falling
    assert (after.sensitivity, after.min_travel, after.report_suspected) == ("high", 0.2, False)
    assert after.facade is not None
    assert len(after.facade.column_lines) == len(browser.find_elements(By.CSS_SELECTOR, "#items [data-kind=column]"))
