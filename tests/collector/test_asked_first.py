"""What cannot be taken back is asked first, in a real Chromium by keyboard: tokens, kept evidence, what is on a map."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest
from chromium import LANGUAGES, Browser, all_of, errors, fits, one, picture, says, sign_in, text, word
from collector_process import CollectorProcess, MqttPeer, publish, wait_until
from sample_events import SampleEdge
from selenium.webdriver.common.keys import Keys

from simulator import site_plan

pytestmark = pytest.mark.services
SPOT = {"latitude": site_plan.LATITUDE, "longitude": site_plan.LONGITUDE}
HAS_KEYBOARD = "return document.activeElement === document.querySelector(arguments[0])"


def asked(browser: Browser, button: str, question: str) -> None:
    """Press a button: nothing is done before the question is answered, and Enter, or Esc, leaves all as it was."""
    for way_back in (Keys.ENTER, Keys.ESCAPE):
        one(browser, button).send_keys(Keys.ENTER)
        says(browser, ".confirm", question)
        wait_until(lambda: browser.execute_script(HAS_KEYBOARD, ".confirm .quiet-do"))
        browser.switch_to.active_element.send_keys(way_back)
        wait_until(lambda: not all_of(browser, ".confirm"))
        wait_until(lambda: browser.execute_script(HAS_KEYBOARD, button))
    one(browser, button).send_keys(Keys.ENTER)
    says(browser, ".confirm", question)


def goes(browser: Browser, button: str) -> None:
    """Do it: the question is answered by its first button."""
    one(browser, ".confirm button").send_keys(Keys.ENTER)
    wait_until(lambda: not all_of(browser, button) and not all_of(browser, ".confirm"))


@pytest.fixture
def admin(running: CollectorProcess) -> Iterator[httpx.Client]:
    """A program with an administrator's token."""
    with running.client("admin") as client:
        yield client


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_token_ends_and_no_evidence_is_released_by_one_press(
    running: CollectorProcess,
    peer: MqttPeer,
    admin: httpx.Client,
    browse: Callable[..., Browser],
    language: str,
) -> None:
    edge = SampleEdge()
    publish(peer, edge, edge.sensor())
    wait_until(lambda: admin.get("/api/v1/alerts").json()["items"])
    (alert,) = admin.get("/api/v1/alerts").json()["items"]
    hold = {"kind": "alert", "subject": alert["alert_id"], "reason": "case 2026-113"}
    admin.post("/api/v1/holds", json=hold).raise_for_status()
    own = {one["name"] for one in admin.get("/api/v1/tokens").json()}
    admin.post("/api/v1/tokens", json={"name": "aa-box-7", "role": "edge"}).raise_for_status()
    browser = browse(390, language)
    sign_in(browser, running, "admin", "#/administration")
    says(browser, ".tokens tr:first-child", f"aa-box-7\n{word(browser, 'roleEdge')}")
    last = "tr:first-child button"
    asked(browser, f".tokens {last}", word(browser, "endTokenWhy", "aa-box-7"))
    assert fits(browser, 390)
    picture(browser, f"asked-first-{language[:2]}")
    assert "aa-box-7" in {one["name"] for one in admin.get("/api/v1/tokens").json()}
    one(browser, ".confirm button").send_keys(Keys.ENTER)
    wait_until(lambda: {one["name"] for one in admin.get("/api/v1/tokens").json()} == own)
    wait_until(lambda: "aa-box-7" not in text(browser, ".tokens") and not all_of(browser, ".confirm"))
    asked(browser, f".holds {last}", word(browser, "releaseWhy", "case 2026-113"))
    assert [one["released_at"] for one in admin.get("/api/v1/holds").json()] == [None]
    goes(browser, f".holds {last}")
    assert admin.get("/api/v1/holds").json()[0]["released_at"]
    assert errors(browser) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_leaves_the_map_by_one_press(
    running: CollectorProcess, admin: httpx.Client, browse: Callable[..., Browser], language: str
) -> None:
    where = {**SPOT, "width_m": site_plan.WIDTH_M}
    admin.put("/api/v1/map/plans/west", params=where, content=site_plan.plan()).raise_for_status()
    view = {**SPOT, "name": "3 号楼南", "bearing_deg": 0, "angle_deg": 60, "range_m": 40}
    admin.put("/api/v1/map/cameras/west/gate-1/tower", json=view).raise_for_status()
    house = {**SPOT, "title": "3 号楼", "kind": "building"}
    admin.put("/api/v1/places/west/house-3", json=house).raise_for_status()
    browser = browse(1280, language)
    sign_in(browser, running, "admin", "#/map/west/make")

    def standing() -> tuple[bool, int, int]:
        site = admin.get("/api/v1/sites/west/map").json()
        return site["plan"] is not None, len(site["cameras"]), len(site["places"])

    for button, question, before in (
        (".places .line button", word(browser, "takeOffWhy", "3 号楼"), (True, 1, 1)),
        (".camera-form .quiet-do", word(browser, "takeOffWhy", "3 号楼南"), (True, 1, 0)),
        (".plan-form .quiet-do", word(browser, "removePlanWhy"), (True, 0, 0)),
    ):
        asked(browser, button, question)
        assert standing() == before
        goes(browser, button)
    assert standing() == (False, 0, 0)
    hazard = {**SPOT, "site": "west", "hazard": "h-1", "title": "外墙砖松动", "level": "major"}
    admin.post("/api/v1/hazards", json=hazard).raise_for_status()
    browser.get(f"{running.url}/#/map/west/hazards")
    one(browser, ".hazard-detail summary").send_keys(Keys.ENTER)
    asked(browser, ".hazard-detail .remove", word(browser, "removeHazardWhy", "外墙砖松动"))
    assert len(admin.get("/api/v1/hazards").json()) == 1
    goes(browser, ".hazard-detail")
    assert admin.get("/api/v1/hazards").json() == []
    assert errors(browser) == []
