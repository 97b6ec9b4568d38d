"""From alert to closed case in a real Chromium: by keyboard, in both languages, with units, tasks and figures."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from chromium import LANGUAGES, Browser, all_of, errors, fits, one, picture, says, sign_in, text, word
from collector_process import CollectorProcess, MqttPeer, publish, wait_until
from sample_events import SampleEdge
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from sqlalchemy import update

from collector.database import Database
from collector.schema import sessions

pytestmark = pytest.mark.services
WORDS = {
    "en-GB": {
        "title": "Object fell from floor 7, column 3 at tower",
        "dismissed": "dismissed",
        "cause": "Insect",
        "smoke": "Smoke hall",
        "twice": "2 times",
    },
    "zh-CN": {
        "title": "高空抛物：7 层 第 3 列（tower）",
        "dismissed": "已忽略",
        "cause": "昆虫",
        "smoke": "烟感 hall",
        "twice": "2 次",
    },
}


def press(browser: Browser, key: str, step: str | None = None) -> None:
    """Press a key, once the page offers the step that it stands for."""
    if step:
        one(browser, f".detail button.do.{step}")
    browser.find_element(By.TAG_NAME, "body").send_keys(key)


def now_falling(edge: SampleEdge, cell: str = "f7-c3") -> dict[str, Any]:
    event = edge.fall(time=datetime.now(UTC).isoformat())
    event["data"]["origin_cell"] = cell
    return event


def add_unit(browser: Browser, title: str, unit: str) -> None:
    browser.execute_script("location.hash = '#/tasks/units'")
    one(browser, "input[name=title]").send_keys(title)
    one(browser, "input[name=unit]").send_keys(unit)
    site = one(browser, "input[name=site]")
    site.clear()
    site.send_keys("west" + Keys.ENTER)
    wait_until(lambda: title in text(browser, "tbody"))


def told_of(peer: MqttPeer, address: str) -> list[str]:
    """The states that were told by MQTT of the alert at this address of the page; they come after the step is seen."""
    return [state["state"] for state in peer.on("/alert-state/") if state["alert_id"] in address]


async def end_sessions(store: Database) -> str:
    async with store.write() as connection:
        await connection.execute(update(sessions).values(ended_us=1))
    return ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_from_alert_to_closed_case_by_keyboard(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser], language: str
) -> None:
    words, browser, edge = WORDS[language], browse(1280, language), SampleEdge()
    sign_in(browser, running)
    add_unit(browser, "巡逻一组", "patrol-1")
    browser.execute_script("location.hash = '#/alerts'")
    publish(peer, edge, edge.sensor(time=datetime.now(UTC).isoformat()))
    wait_until(lambda: all_of(browser, "button.alert"))
    publish(peer, edge, now_falling(edge), now_falling(edge))
    wait_until(lambda: words["twice"] in text(browser, "button.alert"))
    begun = time.monotonic()
    press(browser, "j")
    wait_until(lambda: words["title"] in text(browser, ".detail h2"))
    press(browser, "a", "acknowledged")
    wait_until(lambda: all_of(browser, "button.alert.acknowledged"))
    assert time.monotonic() - begun < 10
    press(browser, "s", "assigned")
    one(browser, "button.unit")
    picture(browser, f"assign-{language[:2]}")
    press(browser, "1")
    wait_until(lambda: all_of(browser, "button.alert.assigned"))
    browser.execute_script("location.hash = '#/tasks'")
    wait_until(lambda: words["title"] in text(browser, ".board a.task"))
    picture(browser, f"tasks-{language[:2]}")
    one(browser, ".board a.task").send_keys(Keys.ENTER)
    wait_until(lambda: words["title"] in text(browser, ".detail h2"))
    press(browser, "o", "on_scene")
    wait_until(lambda: all_of(browser, "button.alert.on_scene"))
    press(browser, "c")
    browser.switch_to.active_element.send_keys("看过了" + Keys.ENTER + Keys.ESCAPE)
    wait_until(lambda: "看过了" in text(browser, ".steps"))
    press(browser, "r", "resolved")
    wait_until(lambda: not all_of(browser, "button.alert.on_scene"))
    press(browser, "n", "new")
    wait_until(lambda: all_of(browser, "button.alert[aria-current=true].new"))
    press(browser, "d", "dismissed")
    wait_until(lambda: words["cause"] in text(browser, "button.cause"))
    press(browser, "2")
    wait_until(lambda: words["cause"] in text(browser, ".detail .marks"))
    assert words["dismissed"] in text(browser, ".detail .state")
    assert words["smoke"] in text(browser, ".near")
    wait_until(lambda: told_of(peer, browser.current_url)[-1] == "dismissed")
    steps = ["new", "acknowledged", "assigned", "on_scene", "resolved", "new", "dismissed"]
    assert told_of(peer, browser.current_url)[-7:] == steps
    browser.execute_script("location.hash = '#/tasks/figures'")
    wait_until(lambda: words["cause"] in text(browser, ".sheet"))
    picture(browser, f"figures-{language[:2]}")
    assert fits(browser, 1280)
    assert errors(browser) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_alert_says_until_when_and_filters_hold_in_the_address(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser], language: str
) -> None:
    browser, edge = browse(390, language, 844), SampleEdge()
    blind = {"en-GB": "Camera tower is blind", "zh-CN": "摄像机 tower 被遮挡"}[language]
    late = edge.camera("blind", time=datetime.now(UTC).isoformat())
    publish(peer, edge, now_falling(edge), late)
    browser.get(running.sign_in_link("viewer"))
    wait_until(lambda: len(all_of(browser, "button.alert")) == 2)
    assert {"en-GB": "due in", "zh-CN": "内处理"}[language] in text(browser, "button.alert.critical")
    browser.execute_script("location.hash = '#/alerts?type=camera'")
    wait_until(lambda: len(all_of(browser, "button.alert")) == 1)
    assert blind in text(browser, "button.alert")
    assert fits(browser, 390)
    one(browser, "button.alert").click()
    wait_until(lambda: blind in text(browser, ".detail h2"))
    assert not all_of(browser, ".actions")  # a viewer only looks
    one(browser, "button.back").click()
    wait_until(lambda: not all_of(browser, ".detail"))
    assert "type=camera" in browser.current_url
    running.with_store(end_sessions)
    says(browser, ".sign-in .problem", word(browser, "signedOutWhy"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_has_passed_its_time_is_listed_as_overdue_and_counted_for_its_unit(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser], language: str
) -> None:
    browser, edge = browse(390, language, 844), SampleEdge()
    with running.client("admin") as admin:
        unit = {"unit": "patrol-1", "site": "west", "title": "巡逻一组"}
        admin.post("/api/v1/units", json=unit).raise_for_status()
        times = {"acknowledge_s": 1, "arrive_s": 1, "close_s": 3600}
        admin.put("/api/v1/duty/due/critical", json=times).raise_for_status()
    sign_in(browser, running, view="#/alerts?show=overdue")
    says(browser, ".filters [aria-pressed=true]", word(browser, "overdueAlerts"))
    publish(peer, edge, edge.camera("blind", time=datetime.now(UTC).isoformat()), now_falling(edge))
    says(browser, "button.alert.critical .mark.bad", word(browser, "overdueBy", ""))
    assert len(all_of(browser, "button.alert")) == 1, "what is in time is not listed"
    one(browser, "button.alert").send_keys(Keys.ENTER)
    says(browser, ".steps .overdue", word(browser, "tooLate"))
    press(browser, "s", "assigned")
    one(browser, "button.unit")
    press(browser, "1")
    says(browser, ".detail .state", word(browser, "assigned"))
    browser.get(f"{running.url}/#/tasks")
    says(browser, ".board .mark.bad", word(browser, "overdueCount", 1))
    says(browser, ".board .task .mark.bad", word(browser, "overdueBy", ""))
    picture(browser, f"overdue-{language[:2]}")
    one(browser, ".board a.task").send_keys(Keys.ENTER)
    press(browser, "o", "on_scene")
    says(browser, ".detail .state", word(browser, "on_scene"))
    browser.get(f"{running.url}/#/tasks")
    says(browser, ".board .task", word(browser, "on_scene"))
    wait_until(lambda: not all_of(browser, ".board .mark.bad"))  # an hour is left to close it
    assert fits(browser, 390)
    assert errors(browser) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_wall_shows_the_most_urgent_alert_but_no_plate_and_says_that_it_hears_nothing(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser], language: str
) -> None:
    browser, edge = browse(1920, language, 1080), SampleEdge()
    sign_in(browser, running)
    says(browser, "button.deaf", word(browser, "clickForSound"))
    browser.find_element(By.TAG_NAME, "body").send_keys("x")  # any key will do
    wait_until(lambda: not all_of(browser, "button.deaf"))
    browser.execute_script("document.querySelector('.wall-switch').click()")
    publish(peer, edge, edge.hit("京A12345", time=datetime.now(UTC).isoformat()))
    one(browser, "button.alert.critical")
    assert not all_of(browser, ".detail")
    publish(peer, edge, now_falling(edge))
    says(browser, ".detail h2", WORDS[language]["title"])
    assert not all_of(browser, ".actions")  # nobody has chosen it
    one(browser, "button.alert[aria-current=false]").click()
    one(browser, ".actions")
    running.end()
    says(browser, ".deaf.bad", word(browser, "lostSince", "")[2:8])
