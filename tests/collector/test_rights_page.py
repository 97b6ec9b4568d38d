"""Sign-in, roles, vehicles, watch list and record in a real Chromium, by keyboard too, in both languages."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from chromium import Browser, browsers
from collector_process import CollectorProcess, MqttPeer, publish, wait_until
from sample_events import SampleEdge
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from collector import people
from collector.access import Role
from collector.database import Database
from collector.instants import system_clock
from collector.people import Person

pytestmark = pytest.mark.services
PASSWORD = "correct horse battery"
PICTURES = os.environ.get("WATCHPOST_PICTURES")
"""A folder for screenshots of the guide; without it none are taken."""


@pytest.fixture
def browse(tmp_path: Path) -> Iterator[Callable[..., Browser]]:
    yield from browsers(tmp_path)


def person(running: CollectorProcess, name: str, role: Role) -> None:
    async def add(store: Database) -> str:
        await people.add(store, Person(name, name, role), PASSWORD, by="test", now_us=system_clock())
        return name

    running.with_store(add)


def one(browser: Browser, selector: str, timeout_s: float = 15) -> WebElement:
    """The first such element, as soon as it is there."""
    wait_until(lambda: browser.find_elements(By.CSS_SELECTOR, selector), timeout_s)
    return browser.find_element(By.CSS_SELECTOR, selector)


def says(browser: Browser, selector: str, text: str) -> None:
    """Wait until an element says this."""
    words = f"return [...document.querySelectorAll({selector!r})].map((one) => one.innerText).join(' ')"
    wait_until(lambda: text in browser.execute_script(words), 25)


def sign_in(browser: Browser, running: CollectorProcess, name: str, view: str = "") -> None:
    """By keyboard only."""
    browser.get(f"{running.url}/{view}")
    one(browser, "input[name=name]").send_keys(name, Keys.TAB, PASSWORD, Keys.ENTER)
    one(browser, ".live.live")


def picture(browser: Browser, name: str) -> None:
    if PICTURES:
        content = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"]
        (Path(PICTURES) / f"{name}.png").write_bytes(base64.b64decode(content))


def test_the_first_administrator_signs_in_and_lets_others_in(
    running: CollectorProcess, browse: Callable[..., Browser]
) -> None:
    link = next(word for word in running.log.split() if "#first." in word)
    browser = browse()
    browser.get(link)
    one(browser, "input[name=full_name]")
    assert "first." not in browser.current_url
    one(browser, "input[name=name]").send_keys("wang", Keys.TAB, "王芳", Keys.TAB, PASSWORD, Keys.ENTER)
    one(browser, ".live.live")
    browser.get(f"{running.url}/#/administration")
    form = one(browser, ".users form")
    form.find_element(By.NAME, "name").send_keys("li.wei")
    form.find_element(By.NAME, "full_name").send_keys("李伟")
    form.find_element(By.NAME, "role").send_keys("operator")
    form.find_element(By.NAME, "password").send_keys(PASSWORD, Keys.ENTER)
    says(browser, ".users table", "李伟")
    picture(browser, "administration")
    other = browse(language="zh-CN")
    other.get(running.url)
    says(other, "h1", "登录")
    one(other, "input[name=name]").send_keys("li.wei", Keys.TAB, "a wrong password", Keys.ENTER)
    says(other, ".problem", "用户名或密码错误")
    field = one(other, "input[name=password]")
    field.clear()
    field.send_keys(PASSWORD, Keys.ENTER)
    one(other, ".live.live")
    assert not other.find_elements(By.CSS_SELECTOR, "a[href='#/administration']")
    assert not other.find_elements(By.CSS_SELECTOR, "a[href='#/audit']")
    one(browser, ".users button").click()  # shut out
    other.get(f"{running.url}/#/vehicles")
    other.refresh()
    one(other, "input[name=password]")


def test_a_plate_is_searched_with_a_reason_and_the_auditor_sees_it(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser]
) -> None:
    edge = SampleEdge()
    publish(peer, edge, *(edge.passage(plate, plate) for plate in ("京A12345", "京A1Z345", "沪B99999")))
    person(running, "li", Role.OPERATOR)
    person(running, "zhou", Role.AUDITOR)
    browser = browse(language="zh-CN")
    sign_in(browser, running, "li", "#/vehicles")
    says(browser, ".passages", "京A·1**45")
    assert "A12345" not in browser.page_source
    one(browser, ".reason input").send_keys("案件 2026-113", Keys.ENTER)
    says(browser, ".reason.held", "案件 2026-113")
    says(browser, ".passages", "京A12345")
    one(browser, "input[name=plate]").send_keys("京a12345", Keys.TAB, Keys.SPACE)
    one(browser, "input[name=plate]").send_keys(Keys.ENTER)
    wait_until(lambda: len(browser.find_elements(By.CSS_SELECTOR, ".passages tbody tr")) == 2)
    picture(browser, "vehicles")
    one(browser, ".passages a").send_keys(Keys.ENTER)
    says(browser, ".passage h3", "京A1Z345")
    fix = one(browser, "input[name=plate]")
    fix.clear()
    fix.send_keys("京A12345")
    one(browser, "input[name=reason]").send_keys("图片上是 2", Keys.ENTER)
    says(browser, ".corrections", "京A1Z345 → 京A12345")
    browser.find_element(By.PARTIAL_LINK_TEXT, "查看轨迹").click()
    wait_until(lambda: len(browser.find_elements(By.CSS_SELECTOR, ".track li")) == 2)
    one(browser, ".reason.held button").click()
    browser.get(f"{running.url}/#/alerts")
    one(browser, ".feed button").send_keys(Keys.ENTER)
    says(browser, ".detail", "沪B·9**99")
    one(browser, ".detail .reason input").send_keys("案件 2026-113", Keys.ENTER)
    says(browser, ".detail", "沪B99999")
    auditor = browse()
    sign_in(auditor, running, "zhou", "#/audit")
    says(auditor, ".acts", "案件 2026-113")
    says(auditor, ".acts", "searched")
    assert "京A12345" not in auditor.page_source
    one(auditor, ".reason input").send_keys("quarterly audit", Keys.ENTER)
    says(auditor, ".acts", "京A12345")
    one(auditor, "input[name=plate]").send_keys("京A1Z345", Keys.ENTER)
    says(auditor, ".acts", "corrected")
    one(auditor, "button.check").click()
    says(auditor, ".verdict", "nothing was changed")
    picture(auditor, "audit")


def test_a_watched_plate_takes_two_people_and_its_hit_says_why(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser]
) -> None:
    for name in ("li", "wu"):
        person(running, name, Role.OPERATOR)
    author, approver = browse(), browse(width=390)
    sign_in(author, running, "li", "#/watchlist")
    form = one(author, "form.propose")
    form.find_element(By.NAME, "plate").send_keys("京A12345")
    form.find_element(By.NAME, "reason").send_keys("stolen, case 7")
    author.execute_script("document.querySelector('form.propose [name=expires]').value = '2099-12-31'")
    form.find_element(By.NAME, "reason").send_keys(Keys.ENTER)
    says(author, "table", "stolen, case 7")
    assert "Withdraw" in one(author, "table").text
    sign_in(approver, running, "wu", "#/watchlist?state=proposed")
    says(approver, "table", "京A·1**45")
    one(approver, "table button").send_keys(Keys.ENTER)
    says(approver, ".decide", "京A12345")
    assert approver.execute_script("return document.documentElement.scrollWidth") <= 390
    one(approver, "button.approve").send_keys(Keys.ENTER)
    says(approver, ".nothing", "no such entry")
    with running.client("operator") as client:
        entry = client.get("/api/v1/watchlist/entries").json()["items"][0]
    assert (entry["state"], entry["author"], entry["decided_by"]) == ("approved", "li", "wu")
    author.refresh()
    says(author, "table", "wu")
    picture(author, "watchlist")
    edge = SampleEdge()
    hit = edge.hit("京A12345")
    hit["data"]["entry_id"] = entry["entry_id"]
    publish(peer, edge, hit)
    author.get(f"{running.url}/#/alerts")
    one(author, "button.alert").click()
    says(author, ".detail", "京A12345")
    says(author, ".detail .watched", "stolen, case 7")
    says(author, ".detail .watched", "wu")
    acts = _acts(running)
    assert f"watch list stolen, entry {entry['entry_id']}: stolen, case 7" in acts


def _acts(running: CollectorProcess) -> list[str]:
    with running.client("auditor") as client:
        answer: httpx.Response = client.get("/api/v1/audit")
        return [act["reason"] for act in answer.json()["items"]]


def test_nothing_is_cut_off(running: CollectorProcess, browse: Callable[..., Browser]) -> None:
    person(running, "wang", Role.ADMIN)
    browser = browse(390, "zh-CN")
    sign_in(browser, running, "wang")
    for width in (390, 1280, 1920):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        for view in ("vehicles", "watchlist", "audit", "administration"):
            browser.get(f"{running.url}/#/{view}")
            one(browser, f".sheet.{view} .card")
            assert browser.execute_script("return document.documentElement.scrollWidth") <= width, (view, width)
            picture(browser, f"{view}-{width}")
    bad = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert [message for message in bad if "401" not in message] == []
