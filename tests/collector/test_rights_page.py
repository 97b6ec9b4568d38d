"""Sign-in, roles, vehicles, watch list and record in a real Chromium, by keyboard too, in both languages."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from chromium import (
    LANGUAGES,
    PASSWORD,
    Browser,
    all_of,
    errors,
    fits,
    one,
    person,
    picture,
    resize,
    says,
    sign_in,
    sign_in_as,
    text,
    word,
)
from collector_process import CollectorProcess, MqttPeer, publish, wait_until
from sample_events import SampleEdge
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from collector.access import Role

pytestmark = pytest.mark.services
SITES_SHOWN = "return document.querySelector('input[name=sites-of]')?.defaultValue"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_administrator_signs_in_and_lets_others_in(
    running: CollectorProcess, browse: Callable[..., Browser], language: str
) -> None:
    link = next(word for word in running.log.split() if "#first." in word)
    browser = browse(language=language)
    browser.get(link)
    one(browser, "input[name=full_name]")
    assert "first." not in browser.current_url
    one(browser, "input[name=name]").send_keys("wang", Keys.TAB, "王芳", Keys.TAB, PASSWORD, Keys.ENTER)
    one(browser, ".stream.live")
    browser.get(f"{running.url}/#/administration")
    form = one(browser, ".users form")
    form.find_element(By.NAME, "name").send_keys("li.wei")
    form.find_element(By.NAME, "full_name").send_keys("李伟")
    Select(form.find_element(By.NAME, "role")).select_by_visible_text(word(browser, "operator"))
    form.find_element(By.NAME, "password").send_keys(PASSWORD, Keys.ENTER)
    says(browser, ".users table", "李伟")
    picture(browser, "administration")
    other = browse(language=language)
    other.get(running.url)
    says(other, ".sign-in", word(browser, "signIn"))
    one(other, "input[name=name]").send_keys("li.wei", Keys.TAB, "a wrong password", Keys.ENTER)
    says(other, ".problem", {"en-GB": "name or password is wrong", "zh-CN": "用户名或密码错误"}[language])
    field = one(other, "input[name=password]")
    field.clear()
    field.send_keys(PASSWORD, Keys.ENTER)
    one(other, ".stream.live")
    assert not other.find_elements(By.CSS_SELECTOR, "a[href='#/administration']")
    assert not other.find_elements(By.CSS_SELECTOR, "a[href='#/audit']")
    one(browser, ".users button").click()  # shut out
    other.get(f"{running.url}/#/vehicles")
    other.refresh()
    one(other, "input[name=password]")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_plate_is_searched_with_a_reason_and_the_auditor_sees_it(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser], language: str
) -> None:
    edge = SampleEdge()
    publish(peer, edge, *(edge.passage(plate, plate) for plate in ("京A12345", "京A1Z345", "沪B99999")))
    person(running, "li", Role.OPERATOR)
    person(running, "zhou", Role.AUDITOR)
    browser = browse(language=language)
    sign_in_as(browser, running, "li", "#/vehicles")
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
    browser.find_element(By.PARTIAL_LINK_TEXT, word(browser, "whereElse")).click()
    wait_until(lambda: len(browser.find_elements(By.CSS_SELECTOR, ".track li")) == 2)
    one(browser, ".reason.held button").click()
    browser.get(f"{running.url}/#/alerts")
    one(browser, ".feed button").send_keys(Keys.ENTER)
    says(browser, ".detail", "沪B·9**99")
    one(browser, ".detail .reason input").send_keys("案件 2026-113", Keys.ENTER)
    says(browser, ".detail", "沪B99999")
    auditor = browse(language=language)
    sign_in_as(auditor, running, "zhou", "#/audit")
    says(auditor, ".acts", "案件 2026-113")
    says(auditor, ".acts", word(auditor, "act_search"))
    assert "京A12345" not in auditor.page_source
    one(auditor, ".reason input").send_keys("quarterly audit", Keys.ENTER)
    says(auditor, ".acts", "京A12345")
    one(auditor, "input[name=plate]").send_keys("京A1Z345", Keys.ENTER)
    wait_until(lambda: word(auditor, "act_sign_in") not in text(auditor, ".acts"))  # the search is done, and recorded
    says(auditor, ".acts", word(auditor, "act_correct"))
    one(auditor, "button.check").click()
    says(auditor, ".verdict b", str(len(_acts(running, 500))))
    assert not all_of(auditor, ".verdict .problem")
    picture(auditor, "audit")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_watched_plate_takes_two_people_and_its_hit_says_why(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser], language: str
) -> None:
    for name in ("li", "wu"):
        person(running, name, Role.OPERATOR)
    author, approver = browse(language=language), browse(390, language)
    sign_in_as(author, running, "li", "#/watchlist")
    form = one(author, "form.propose")
    form.find_element(By.NAME, "plate").send_keys("京A12345")
    form.find_element(By.NAME, "reason").send_keys("stolen, case 7")
    author.execute_script("document.querySelector('form.propose [name=expires]').value = '2099-12-31'")
    form.find_element(By.NAME, "reason").send_keys(Keys.ENTER)
    says(author, "table", "stolen, case 7")
    assert word(author, "withdraw") in one(author, "table").text
    sign_in_as(approver, running, "wu", "#/watchlist?state=proposed")
    says(approver, "table", "京A·1**45")
    one(approver, "table button").send_keys(Keys.ENTER)
    says(approver, ".decide", "京A12345")
    assert fits(approver, 390)
    one(approver, "button.approve").send_keys(Keys.ENTER)
    says(approver, ".nothing", word(approver, "noEntries"))
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


def _acts(running: CollectorProcess, limit: int = 100) -> list[str]:
    with running.client("auditor") as client:
        answer: httpx.Response = client.get("/api/v1/audit", params={"limit": limit})
        return [act["reason"] for act in answer.json()["items"]]


def test_nothing_is_cut_off(running: CollectorProcess, browse: Callable[..., Browser]) -> None:
    person(running, "wang", Role.ADMIN)
    browser = browse(390, "zh-CN")
    sign_in_as(browser, running, "wang")
    for width in (390, 1280, 1920):
        resize(browser, width)
        for view in ("vehicles", "watchlist", "audit", "administration"):
            browser.get(f"{running.url}/#/{view}")
            one(browser, f".sheet.{view} .card")
            assert fits(browser, width), (view, width)
            picture(browser, f"{view}-{width}")
    assert errors(browser, "401") == []


def test_an_administrator_gives_somebody_other_sites_and_all_of_them_only_on_purpose(
    running: CollectorProcess, browse: Callable[..., Browser]
) -> None:
    person(running, "li", Role.OPERATOR)
    browser = browse(390)
    sign_in(browser, running, "admin", "#/administration")
    with running.client("admin") as admin:

        def sites() -> list[str] | None:
            (one,) = admin.get("/api/v1/users").json()
            found: list[str] | None = one["sites"]
            return found

        one(browser, "input[name=sites-of]").send_keys("west, north", Keys.TAB)
        wait_until(lambda: sites() == ["west", "north"])
        wait_until(lambda: browser.execute_script(SITES_SHOWN) == "west, north")
        one(browser, "input[name=sites-of]").send_keys(Keys.CONTROL, "a", Keys.NULL, Keys.DELETE, Keys.TAB)
        says(browser, ".users .confirm", word(browser, "seesAll", "li"))
        assert fits(browser, 390)
        assert sites() == ["west", "north"], "an empty field alone gives nobody all sites"
        one(browser, ".users .confirm button").click()
        wait_until(lambda: sites() is None)
