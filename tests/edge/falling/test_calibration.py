"""`edge calibrate`: a drawing as points, and one drawn with the mouse in a real Chromium, both give the house's map."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from services import require

from edge.__main__ import main
from edge.config import CameraSettings
from edge.falling.calibration.drawing import Drawing, check_map, read_drawing, to_yaml
from edge.falling.facade import build_facade

WIDTH, HEIGHT, FLOORS, COLUMNS = 1200, 800, 9, 6
HOUSE = np.array([[0.12, 0.004, 0.12], [0.004, -0.085, 0.95], [0.004, 0.03, 1.0]])
"""(column, floor) → picture fractions: a tower seen from below and a little from the side."""


def seen(column: float, floor: float) -> tuple[float, float]:
    """Pixels."""
    x, y, w = HOUSE @ [column, floor, 1.0]
    return float(x / w * WIDTH), float(y / w * HEIGHT)


def floor_line(floor: int) -> list[tuple[float, float]]:
    return [seen(1, floor), seen(COLUMNS, floor)]


def column_line(column: int) -> list[tuple[float, float]]:
    return [seen(column, FLOORS), seen(column, 1)]


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Path:
    picture = np.full((HEIGHT, WIDTH, 3), 150, np.uint8)
    for column in range(1, COLUMNS):
        for floor in range(1, FLOORS):
            window = [(0.2, 0.3), (0.8, 0.3), (0.8, 0.8), (0.2, 0.8)]
            corners = [seen(column + right, floor + up) for right, up in window]
            cv2.fillPoly(picture, [np.rint(corners).astype(np.int32)], (90, 70, 60))
    path = tmp_path_factory.mktemp("still") / "still.png"
    cv2.imwrite(str(path), picture)
    return path


def points(**changes: object) -> dict[str, object]:
    """A file of points of the house."""
    drawn: dict[str, object] = {
        "size": [WIDTH, HEIGHT],
        "floor_height_m": 2.9,
        "floors": {n: [list(end) for end in floor_line(n)] for n in (1, 4, 8)},
        "columns": {n: [list(end) for end in column_line(n)] for n in (1, 3, 6)},
        "outline": [[0, 0], [WIDTH + 9, 0], [WIDTH, HEIGHT]],
        "privacy": [[[10, 10], [50, 10], [50, 90]]],
    }
    return {**drawn, **changes}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["calibrate", *map(str, arguments)])


def assert_is_the_house(drawing: Drawing, within: float) -> None:
    facade = drawing.falling.facade
    assert facade is not None
    built = build_facade(facade)
    places = [(column, floor) for column in (1.5, 3.2, 5.5) for floor in (1.5, 4.5, 7.9)]
    found = built.coordinates(np.array([seen(*place) for place in places]) / (WIDTH, HEIGHT))
    assert np.abs(found - places).max() < within


def test_points_become_settings_a_preview_and_a_residual(still: Path, tmp_path: Path) -> None:
    file, preview, out = tmp_path / "points.yaml", tmp_path / "preview.jpg", tmp_path / "facade.yaml"
    file.write_text(yaml.safe_dump(points()), encoding="utf-8")
    result = run("check", file, still, "--preview", preview, "--out", out)
    assert result.exit_code == 0, result.output
    assert "largest residual: 0.00" in result.output
    assert_is_the_house(read_drawing(out, (WIDTH, HEIGHT)), 0.01)
    camera = {"id": "c", "source": "a.mp4", "analyzers": ["falling"], **yaml.safe_load(out.read_text(encoding="utf-8"))}
    settings = CameraSettings.model_validate(camera)
    assert settings.falling.zones[0][1] == (1.0, 0.0)
    assert len(settings.privacy_masks) == 1
    drawn, original = cv2.imread(str(preview)).astype(int), cv2.imread(str(still)).astype(int)
    x, y = (round(value) for value in (np.array(seen(1, 4)) + seen(COLUMNS, 4)) / 2)
    assert np.abs(drawn[y - 3 : y + 4, x] - original[y - 3 : y + 4, x]).max() > 60


def test_a_wrong_number_shows_at_its_line(tmp_path: Path) -> None:
    swapped = {n: [list(end) for end in floor_line({5: 4}.get(n, n))] for n in (1, 3, 5, 8)}
    file = tmp_path / "points.yaml"
    file.write_text(yaml.safe_dump(points(floors=swapped)), encoding="utf-8")
    _, told = check_map(read_drawing(file, (WIDTH, HEIGHT)))
    assert any("fits badly" in line for line in told)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"floors": {1: [[0, 0], [5, 5]]}}, "floor_lines"),
        ({"floors": {1: [[0, 0]]}}, "floors.1"),
        ({"size": [640, 360]}, "640 x 360"),
        ({"storeys": {}}, "storeys"),
        ({"outline": [[0, 0], [1, 1]]}, "outline"),
        ({"columns": {2: [[10, 10], [10, 400]]}}, "at least two columns"),
        ({"floors": {1: [[0, 700], [900, 100]], 2: [[0, 100], [900, 700]], 3: [[0, 0], [9, 9]]}}, "1 and 2 cross"),
        ({"floors": {n: [[310, y], [900, y]] for n, y in ((1, 700), (2, 400), (9, 300), (10, 60))}}, "do not fit"),
    ],
)
def test_a_drawing_that_cannot_be_is_refused(
    still: Path, tmp_path: Path, changes: dict[str, object], told: str
) -> None:
    file = tmp_path / "points.yaml"
    file.write_text(yaml.safe_dump(points(**changes)), encoding="utf-8")
    result = run("check", file, still, "--preview", tmp_path / "preview.jpg")
    assert result.exit_code == 1
    assert told in result.output
    assert "Traceback" not in result.output


def test_the_keys_survive_being_written_and_read(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(yaml.safe_dump(points()), encoding="utf-8")
    drawing = read_drawing(file, (WIDTH, HEIGHT))
    file.write_text(to_yaml(drawing), encoding="utf-8")
    assert read_drawing(file, (1, 1)) == drawing


def test_a_configuration_with_two_cameras_wants_a_name(tmp_path: Path) -> None:
    cameras = [{"id": name, "source": f"{name}.mp4", "analyzers": ["falling"]} for name in ("gate", "yard")]
    file = tmp_path / "agent.yaml"
    raw = {"site": "s", "edge": "e", "data_dir": "d", "cameras": cameras}
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    result = run("draw", file, "--out", tmp_path / "page.html")
    assert result.exit_code == 1
    assert "--camera gate or yard" in result.output


def test_the_page_names_the_command_that_checks_its_file(still: Path, tmp_path: Path) -> None:
    named, page = tmp_path / "a still.png", tmp_path / "page.html"
    named.write_bytes(still.read_bytes())
    result = run("draw", named, "--out", page)
    assert result.exit_code == 0, result.output
    command = f"python -m edge calibrate check facade.yaml '{named}'"
    assert f"then: {command}\n" in result.output
    assert json.dumps(command) in page.read_text(encoding="utf-8")


def test_columns_are_weighed_as_floors_are(tmp_path: Path) -> None:
    file = tmp_path / "points.yaml"
    lines = {n: [list(end) for end in column_line(n)] for n in (1, 3, 6)}
    told = []
    for columns in (lines, {1: lines[1], 3: lines[3], 5: lines[6]}, {1: lines[1], 6: lines[6]}):
        file.write_text(yaml.safe_dump(points(columns=columns)), encoding="utf-8")
        told.append(check_map(read_drawing(file, (WIDTH, HEIGHT)))[1])
    assert told[0][-1].startswith("largest residual")
    assert any(re.fullmatch(r"column \d fits badly.*", line) for line in told[1])
    assert told[2][-1].startswith("two columns fit any numbers")


# --- in the browser


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = require("chromium")
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"):
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tmp_path / 'browser'}")
    options.add_experimental_option("prefs", {"download.default_directory": str(tmp_path)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.ChromeService(require("chromedriver", "chromium-driver"))
    started = webdriver.Chrome(options=options, service=driver)
    started.set_window_size(1500, 950)
    yield started
    started.quit()


class Mouse:
    """Points at pixels of the still."""

    def __init__(self, browser: webdriver.Chrome) -> None:
        self._browser = browser
        script = "const m = board.getScreenCTM(); return [m.a, m.e, m.f];"
        self._scale, self._left, self._top = browser.execute_script(script)

    def _moves(self) -> ActionChains:
        return ActionChains(self._browser, duration=20)

    def _to(self, chain: ActionChains, place: tuple[float, float]) -> ActionChains:
        x, y = self._left + place[0] * self._scale, self._top + place[1] * self._scale
        chain.w3c_actions.pointer_action.move_to_location(round(x), round(y))
        return chain

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        chain = self._to(self._moves(), start).click_and_hold()
        self._to(chain, end).release().perform()

    def click(self, x: float, y: float) -> None:
        self._to(self._moves(), (x, y)).click().perform()

    def click_corners(self, places: list[tuple[float, float]]) -> None:
        for place in places[:-1]:
            self.click(*place)
        self._to(self._moves(), places[-1]).double_click().perform()


def choose(browser: webdriver.Chrome, tool: str) -> None:
    browser.find_element(By.CSS_SELECTOR, f"[data-tool={tool}]").click()


def set_number(browser: webdriver.Chrome, kind: str, index: int, number: int) -> None:
    field = browser.find_elements(By.CSS_SELECTOR, f"#items input[data-kind={kind}]")[index]
    browser.execute_script(
        "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('change'))", field, number
    )


def draw_floors(browser: webdriver.Chrome, still: Path, page: Path) -> Mouse:
    """Opens the page of a still and draws its floors 1, 4 and 8."""
    assert run("draw", still, "--out", page).exit_code == 0
    browser.get(page.as_uri())
    mouse = Mouse(browser)
    for index, floor in enumerate((1, 4, 8)):
        mouse.drag(*floor_line(floor))
        set_number(browser, "floor", index, floor)
    return mouse


@pytest.mark.services
def test_lines_drawn_with_the_mouse_give_the_house(browser: webdriver.Chrome, still: Path, tmp_path: Path) -> None:
    mouse = draw_floors(browser, still, tmp_path / "page.html")
    choose(browser, "column")
    for index, column in enumerate((1, 3, 6)):
        mouse.drag(*column_line(column))
        set_number(browser, "column", index, column)
    choose(browser, "ignore")
    mouse.click_corners([(20, 600), (300, 620), (280, 780), (30, 770)])
    fit = browser.find_element(By.ID, "fit")
    assert "good" in fit.get_attribute("class")
    text = browser.find_element(By.ID, "yaml").get_attribute("value")
    file = tmp_path / "drawn.yaml"
    file.write_text(text, encoding="utf-8")
    result = run("check", file, still, "--preview", tmp_path / "preview.jpg")
    assert result.exit_code == 0, result.output
    drawing = read_drawing(file, (WIDTH, HEIGHT))
    assert_is_the_house(drawing, 0.06)
    assert len(drawing.falling.ignore[0]) == 4
    assert drawing.falling.facade is not None
    residual = build_facade(drawing.falling.facade).residual_floors
    assert float(fit.get_attribute("data-worst")) == pytest.approx(residual, abs=2e-3)
    assert browser.get_log("browser") == []


@pytest.mark.services
def test_a_line_is_numbered_by_its_neighbour_corrected_and_taken_back(
    browser: webdriver.Chrome, still: Path, tmp_path: Path
) -> None:
    page, started = tmp_path / "page.html", tmp_path / "begun.yaml"
    started.write_text(yaml.safe_dump(points()), encoding="utf-8")
    assert run("draw", still, "--drawing", started, "--out", page).exit_code == 0
    browser.get(page.as_uri())
    mouse = Mouse(browser)
    mouse.drag((400, seen(3, 9)[1]), (700, seen(3, 9)[1]))
    assert floors_of(browser) == [1, 4, 8, 9]
    mouse.drag((700, seen(3, 9)[1]), seen(6, 9))  # its right end, onto the slab's
    line = drawn(browser)["facade"]["floor_lines"][-1]
    assert np.array(line["right"]) * (WIDTH, HEIGHT) == pytest.approx(seen(6, 9), abs=2)
    for _ in range(2):
        ActionChains(browser).key_down("\ue009").send_keys("z").key_up("\ue009").perform()
    assert floors_of(browser) == [1, 4, 8]
    browser.find_element(By.ID, "download").click()
    deadline = time.monotonic() + 10
    while not (tmp_path / "facade.yaml").is_file() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert_is_the_house(read_drawing(tmp_path / "facade.yaml", (WIDTH, HEIGHT)), 0.01)


@pytest.mark.services
def test_a_wrong_line_is_marked_as_soon_as_it_is_drawn(browser: webdriver.Chrome, still: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert run("draw", still, "--out", page).exit_code == 0
    browser.get(page.as_uri())
    mouse, fit = Mouse(browser), browser.find_element(By.ID, "fit")
    mouse.drag(*floor_line(2))
    mouse.drag(*floor_line(5))
    assert fit.get_attribute("class") == "doubtful"  # two floors fit any map
    (left, right), (other_left, other_right) = floor_line(3), floor_line(7)
    mouse.drag((left[0] + 30, left[1]), (other_right[0] - 30, other_right[1]))
    mouse.drag((other_left[0] + 30, other_left[1]), (right[0] - 30, right[1]))
    for index, number in enumerate((2, 5, 3, 7)):
        set_number(browser, "floor", index, number)
    assert fit.get_attribute("class") == "bad"
    assert "cross in the picture" in fit.text
    assert len(browser.find_elements(By.CSS_SELECTOR, "#board .halo")) == 2
    assert [row.text.split()[0] for row in browser.find_elements(By.CSS_SELECTOR, "#items .wrong")] == ["Floor"] * 2
    for _ in range(2):
        browser.find_elements(By.CSS_SELECTOR, "#items button")[-1].click()
    assert fit.get_attribute("class") == "doubtful"
    assert browser.find_elements(By.CSS_SELECTOR, "#board .halo") == []


@pytest.mark.services
def test_a_column_begins_where_a_floor_ends_and_counts_from_the_right(
    browser: webdriver.Chrome, still: Path, tmp_path: Path
) -> None:
    mouse = draw_floors(browser, still, tmp_path / "page.html")
    choose(browser, "column")
    browser.find_element(By.CSS_SELECTOR, "#counted-from [value=right]").click()
    for column in (COLUMNS, 4, 3):  # numbered 1, 2, 3 by themselves
        mouse.drag(seen(column, 8), seen(column, 1))
    assert browser.find_element(By.ID, "fit").get_attribute("class") == "doubtful"  # two of them are two columns apart
    for index, column in enumerate((1, 3, 4)):
        set_number(browser, "column", index, column)
    assert browser.find_element(By.ID, "fit").get_attribute("class") == "good"
    file = tmp_path / "drawn.yaml"
    file.write_text(browser.find_element(By.ID, "yaml").get_attribute("value"), encoding="utf-8")
    facade = read_drawing(file, (WIDTH, HEIGHT)).falling.facade
    assert facade is not None
    found = build_facade(facade).coordinates(np.array([seen(4.5, 4.5)]) / (WIDTH, HEIGHT))[0]
    assert found == pytest.approx([3.5, 4.5], abs=0.06)
    assert floors_of(browser) == [1, 4, 8]


@pytest.mark.services
def test_an_area_ends_at_its_first_corner_or_with_another_tool(
    browser: webdriver.Chrome, still: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    assert run("draw", still, "--out", page).exit_code == 0
    browser.get(page.as_uri())
    mouse, end = Mouse(browser), browser.find_element(By.ID, "end")
    choose(browser, "outline")
    mouse.click(100, 100)
    mouse.click(1000, 120)
    assert not end.is_enabled()
    mouse.click(900, 700)
    assert end.is_enabled()
    mouse.click(102, 101)
    choose(browser, "ignore")
    for place in ((20, 600), (300, 620), (280, 780)):
        mouse.click(*place)
    choose(browser, "privacy")
    settings = drawn(browser)
    assert [len(settings["zones"][0]), len(settings["ignore"][0])] == [3, 3]
    browser.find_element(By.ID, "undo").click()
    assert "ignore" not in drawn(browser)


@pytest.mark.services
def test_two_fingers_zoom_and_draw_nothing(browser: webdriver.Chrome, still: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert run("draw", still, "--out", page).exit_code == 0
    browser.get(page.as_uri())

    def touch(kind: str, *places: tuple[int, int]) -> None:
        points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(places)]
        browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (400, 400))
    touch("touchMove", (380, 400))
    touch("touchStart", (380, 400), (480, 400))
    for further in (20, 40, 50):
        touch("touchMove", (380 - further, 400), (480 + further, 400))
    touch("touchEnd")
    items, width = browser.execute_script("return [items.length, view.w]")
    assert items == 0
    assert width == pytest.approx(WIDTH / 2, rel=0.02)
    touch("touchStart", (300, 400))
    touch("touchMove", (600, 410))
    touch("touchEnd")
    assert floors_of(browser) == [1]


def drawn(browser: webdriver.Chrome) -> dict[str, dict[str, list[dict[str, list[float]]]]]:
    text = browser.find_element(By.ID, "yaml").get_attribute("value")
    return json.loads(json.dumps(yaml.safe_load(text)["falling"]))


def floors_of(browser: webdriver.Chrome) -> list[object]:
    return [line["floor"] for line in drawn(browser)["facade"]["floor_lines"]]
