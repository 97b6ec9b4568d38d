"""The map in a real Chromium, fed through a real broker: units move, alerts open, hazards, heat, set-up."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from chromium import LANGUAGES, Browser, all_of, choose, errors, fits, one, picture, resize, says, sign_in, word
from collector_process import CollectorProcess, MqttPeer, publish, wait_until
from sample_events import SampleEdge
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from contract.topics import SiteTopics

pytestmark = pytest.mark.services
LATITUDE, LONGITUDE = 31.23, 121.47
METRE = 1 / 111_195
DEPTH = "return Number(getComputedStyle(document.querySelector(arguments[0])).zIndex)"


def click_ground(browser: Browser) -> None:
    """Where nothing stands."""
    ActionChains(browser).move_to_element_with_offset(one(browser, ".ground"), 30, 120).click().perform()


def drawn_plan() -> bytes:
    """A yard with three houses, 240 by 160 m, as a PNG."""
    plan = np.full((640, 960, 3), (238, 242, 240), np.uint8)
    cv2.rectangle(plan, (0, 280), (960, 350), (214, 214, 210), -1)
    cv2.rectangle(plan, (460, 0), (520, 640), (214, 214, 210), -1)
    for x, y in ((90, 70), (620, 60), (120, 420)):
        cv2.rectangle(plan, (x, y), (x + 250, y + 130), (196, 190, 180), -1)
        cv2.rectangle(plan, (x, y), (x + 250, y + 130), (150, 140, 130), 3)
    cv2.circle(plan, (740, 500), 80, (190, 222, 196), -1)
    done, encoded = cv2.imencode(".png", plan)
    assert done
    return bytes(encoded)


def at(east: float, north: float) -> dict[str, float]:
    return {"latitude": LATITUDE + north * METRE, "longitude": LONGITUDE + east * METRE / 0.855}


def report(peer: MqttPeer, unit: str, east: float, north: float) -> None:
    content = {**at(east, north), "at": datetime.now(UTC).isoformat(), "accuracy_m": 5}
    peer.publish(SiteTopics("west").unit_position(unit), json.dumps(content).encode())


@pytest.fixture
def yard(running: CollectorProcess) -> httpx.Client:
    """A site with a plan, two cameras, two units and a few things on the map."""
    admin = running.client("admin")
    where = {"latitude": LATITUDE, "longitude": LONGITUDE, "width_m": 240}
    admin.put("/api/v1/map/plans/west", params=where, content=drawn_plan()).raise_for_status()
    for camera, name, east, north, bearing in (("tower", "3 号楼南", -60, -10, 335), ("lane-1", "东门", 95, 0, 270)):
        view = {**at(east, north), "name": name, "bearing_deg": bearing, "angle_deg": 58, "range_m": 55}
        admin.put(f"/api/v1/map/cameras/west/gate-1/{camera}", json=view).raise_for_status()
    units = "unit,title,kind,contact\npatrol-1,巡逻一组,patrol,110\nrepair-1,维修班,repair,112\n"
    places = f"place,title,kind,latitude,longitude\nhydrant-1,消火栓,hydrant,{LATITUDE + 30 * METRE},{LONGITUDE}\n"
    spot = at(40, 45)
    hazards = f"hazard,title,level,latitude,longitude\nh-1,外墙砖松动,major,{spot['latitude']},{spot['longitude']}\n"
    for kind, table in (("units", units), ("places", places), ("hazards", hazards)):
        admin.post(f"/api/v1/map/import/west/{kind}", content=table.encode()).raise_for_status()
    return admin


def transform(browser: Browser, name: str) -> str:
    script = "return document.querySelector(arguments[0])?.style.transform ?? ''"
    return str(browser.execute_script(script, f".pin[data-key='{name}']"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_units_move_and_an_alert_on_the_map_opens_its_detail(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser], yard: httpx.Client, language: str
) -> None:
    edge = SampleEdge()
    browser = browse(language=language)
    sign_in(browser, running, view="#/map/west")
    one(browser, ".leaflet-image-layer")
    report(peer, "patrol-1", -20, -40)
    report(peer, "repair-1", 60, -20)
    says(browser, ".map-side", "巡逻一组")
    one(browser, ".pin.unit[data-key=unit-patrol-1]")
    before = transform(browser, "unit-patrol-1")
    report(peer, "patrol-1", -40, -20)
    wait_until(lambda: transform(browser, "unit-patrol-1") != before)
    publish(peer, edge, edge.fall(), edge.hit("京A12345"))
    wait_until(lambda: len(browser.find_elements(By.CSS_SELECTOR, ".pin.alarm")) == 2)
    fallen = {"en-GB": "Object fell from floor 7", "zh-CN": "高空抛物：7 层"}[language]
    says(browser, ".map-side", fallen)
    assert len(all_of(browser, ".deaf")) == 2, "no sound yet, and a critical alert waits"
    assert browser.execute_script("return document.documentElement.scrollHeight <= innerHeight"), "whole at a glance"
    picture(browser, f"map-{language[:2]}")
    browser.execute_script("document.querySelector('.pin.alarm[data-key$=tower]').focus()")
    assert fallen in (browser.switch_to.active_element.get_attribute("aria-label") or "")
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    says(browser, "#detail-title", fallen)
    says(browser, ".near-units", word(browser, "nearUnits", 500))
    says(browser, ".near-units li", "巡逻一组")
    nearest = [item.text for item in browser.find_elements(By.CSS_SELECTOR, ".near-units li")]
    assert len(nearest) == 2
    assert "巡逻一组" in nearest[0]
    report(peer, "patrol-7", 0, 0)  # nobody knows it
    with running.client("operator") as client:
        assert len(client.get("/api/v1/units/patrol-1/track").json()) >= 1
        assert len(client.get("/api/v1/sites/west/map").json()["units"]) == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hazard_is_written_down_and_closed_and_heat_shows_where(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser], yard: httpx.Client, language: str
) -> None:
    edge = SampleEdge()
    falls = [edge.fall() for _ in range(3)]
    now = datetime.now(UTC).isoformat()
    for fall in falls:
        fall["time"] = now
        fall["data"]["origin_cell"] = "f7-c3"
    publish(peer, edge, *falls)
    browser = browse(language=language)
    sign_in(browser, running, view="#/map/west/hazards")
    one(browser, ".hazard-detail summary").send_keys(Keys.ENTER)
    for state in ("fixing", "rechecked"):
        step = one(browser, f".hazard-detail button[value={state}]")
        assert step.text == word(browser, f"hazardTo_{state}")
        step.send_keys(Keys.ENTER)
        says(browser, ".hazard-detail .mark.state", word(browser, f"hazard_{state}"))
    one(browser, ".pin.hazard")
    one(browser, ".hazard-detail button[value=closed]").send_keys(Keys.ENTER)
    wait_until(lambda: not all_of(browser, ".pin.hazard"))
    browser.execute_script("document.querySelector('.ground').scrollIntoView()")
    click_ground(browser)
    wait_until(lambda: one(browser, "input[name=latitude]").get_attribute("value"))
    one(browser, "input[name=title]").send_keys("Loose cable")
    one(browser, "input[name=hazard]").send_keys("h-2", Keys.ENTER)
    says(browser, ".lines", "Loose cable")
    one(browser, ".pin.hazard[data-key=hazard-h-2]")
    browser.get(f"{running.url}/#/map/west/heat")
    says(browser, ".heat-count", "3")
    says(browser, ".week tbody", "3")
    says(browser, ".map-side", word(browser, "windowAgain"))
    says(browser, ".map-side", word(browser, "times", 3))
    picture(browser, f"heat-{language[:2]}")
    one(browser, ".week thead button").click()
    says(browser, ".map-side", "0:00")


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_administrator_sets_up_a_site_without_a_plan(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser], tmp_path: Path, language: str
) -> None:
    edge = SampleEdge()
    publish(peer, edge, edge.sensor())
    browser = browse(language=language)
    sign_in(browser, running, "admin", "#/map/west/make")
    plan = tmp_path / "plan.png"
    plan.write_bytes(drawn_plan())
    one(browser, ".plan-form input[type=file]").send_keys(str(plan))
    form = one(browser, ".plan-form")
    for name, value in (("latitude", "31.23"), ("longitude", "121.47")):
        form.find_element(By.NAME, name).send_keys(value)
    form.find_element(By.CSS_SELECTOR, "button.first").click()
    one(browser, ".leaflet-image-layer")
    form = one(browser, ".camera-form")
    form.find_element(By.NAME, "name").send_keys("Cellar")
    click_ground(browser)
    wait_until(lambda: one(browser, ".camera-form [name=latitude]").get_attribute("value"))
    one(browser, ".camera-form button.first").click()
    one(browser, ".pin.camera")
    table = tmp_path / "places.csv"
    table.write_text("place,title,latitude,longitude\na,A,95,121\n")
    one(browser, ".import-form input[type=file]").send_keys(str(table))
    one(browser, ".import-form button").click()
    says(browser, ".problem", "line 2, column latitude")
    assert errors(browser, "422", "401") == []


def test_nothing_is_cut_off(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser], yard: httpx.Client
) -> None:
    edge = SampleEdge()
    publish(peer, edge, edge.fall(), edge.hit("京A12345"))
    report(peer, "patrol-1", -40, -20)
    browser = browse(390)
    sign_in(browser, running, "admin")
    for width, language in ((390, "zh"), (1280, "en"), (1920, "en")):
        resize(browser, width)
        one(browser, f".languages button[lang={language}]").click()
        for tab in ("now", "hazards", "heat", "make"):
            browser.get(f"{running.url}/#/map/west/{tab}")
            one(browser, ".leaflet-image-layer")
            one(browser, ".map-side .card")
            picture(browser, f"map-{tab}-{width}")
            assert fits(browser, width), (tab, width)
    assert errors(browser, "401") == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_fall_is_marked_at_its_building_with_its_floor_and_its_window(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser], yard: httpx.Client, language: str
) -> None:
    house = {**at(-60, 30), "title": "3 号楼", "kind": "building"}
    yard.put("/api/v1/places/west/house-3", json=house).raise_for_status()
    browser = browse(language=language)
    sign_in(browser, running, "admin", "#/map/west/make")
    one(browser, ".camera-form option[value='house-3']")
    choose(browser, ".camera-form [name=which]", "gate-1/tower")
    wait_until(lambda: "3 号楼南" in (one(browser, ".camera-form [name=name]").get_attribute("value") or ""))
    choose(browser, ".camera-form [name=watches]", "house-3")
    one(browser, ".camera-form [name=name]").send_keys(Keys.ENTER)
    wait_until(lambda: watched(running) == "house-3")
    edge = SampleEdge()
    fall_from(peer, edge, "f7-c3")
    with running.client("operator") as client:
        wait_until(lambda: client.get("/api/v1/alerts").json()["items"])
        (first,) = client.get("/api/v1/alerts").json()["items"]
        done = client.post(f"/api/v1/alerts/{first['alert_id']}/steps", json={"state": "resolved"})
        done.raise_for_status()
    fall_from(peer, edge, "f7-c3")
    browser.get(f"{running.url}/#/map/west")
    mark = ".pin.alarm[data-key='alert-at-house-3']"
    one(browser, mark)
    assert not all_of(browser, ".pin.alarm[data-key$=tower]")
    again = word(browser, "windowBefore", 1)
    says(browser, ".pin-label", f"{word(browser, 'floor', 7)} · {word(browser, 'column', 3)} · {again}")
    named = "return document.querySelector(arguments[0])?.ariaLabel ?? ''"  # the mark is drawn anew with each news
    wait_until(lambda: again in browser.execute_script(named, mark))
    says(browser, ".map-side .line", again)
    assert all_of(browser, "path.sight")
    pins, labels = (browser.execute_script(DEPTH, f".leaflet-{pane}-pane") for pane in ("marker", "tooltip"))
    assert pins > labels, "no label hides a pin"
    picture(browser, f"fall-{language[:2]}")
    browser.execute_script("document.querySelector('.pin.alarm').focus()")
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    says(browser, ".detail .head", again)
    says(browser, "button.alert", again)


def watched(running: CollectorProcess) -> str | None:
    with running.client("viewer") as client:
        cameras = client.get("/api/v1/sites/west/map").json()["cameras"]
    return next((camera["watches"] for camera in cameras if camera["camera"] == "tower"), None)


def fall_from(peer: MqttPeer, edge: SampleEdge, cell: str) -> None:
    fall = edge.fall(time=datetime.now(UTC).isoformat())
    fall["data"]["origin_cell"] = cell
    publish(peer, edge, fall)
