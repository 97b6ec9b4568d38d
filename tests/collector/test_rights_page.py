"""Sign-in, roles, vehicles, watch list and record in a real Chromium, by keyboard too, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from chromium import (
    LANGUAGES,
    PASSWORD,
    Browser,
    all_of,
    choose,
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
from sample_events import SHA, START, SampleEdge
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from collector.access import Role

pytestmark = pytest.mark.services
EXPORTED = "fetch(document.querySelector(arguments[0]).href).then((answer) => answer.text()).then(arguments[1])"
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
def test_passages_are_filtered_and_exported_and_a_cloned_plate_stands_out(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser], language: str
) -> None:
    east, west = SampleEdge(edge="east-gate"), SampleEdge(edge="west-gate")
    with running.client("admin") as admin:
        for edge, latitude in (("east-gate", 39.90), ("west-gate", 39.99)):  # 10 km
            view = {"name": edge, "latitude": latitude, "longitude": 116.4}
            admin.put(f"/api/v1/map/cameras/west/{edge}/lane-1", json=view).raise_for_status()
    lorry = east.passage("粤B99999", "e2")
    lorry["data"] |= {"direction": "leaving", "plate": lorry["data"]["plate"] | {"kind": "large_yellow"}}
    kept_as_hash = west.passage("苏C55555", "w2")
    kept_as_hash["data"] |= {"plate": None, "plate_digest": "5a" * 32, "plate_kind": "small_blue"}
    publish(peer, east, east.passage("京A12345", "e1"), lorry, east.passage("沪B11111", "e3", "provisional"))
    minute = (START + timedelta(seconds=62)).isoformat()
    publish(peer, west, west.passage("京A12345", "w1", time=minute), kept_as_hash)
    browser = browse(390, language, 844)
    sign_in(browser, running)
    one(browser, "button.alert").send_keys(Keys.ENTER)
    says(browser, "#detail-title", word(browser, "cloned_plate"))
    says(browser, "#detail-title", "10.0")
    browser.get(f"{running.url}/#/vehicles")
    wait_until(lambda: len(all_of(browser, ".passages tbody tr")) == 5)
    says(browser, ".passages", word(browser, "hashedPlate"))
    says(browser, ".passages", word(browser, "provisional"))
    one(browser, ".reason input").send_keys("case 2026-113", Keys.ENTER)
    says(browser, ".passages", "粤B99999")
    choose(browser, "select[name=direction]", "leaving")
    choose(browser, "select[name=kind]", "large_yellow")
    one(browser, "input[name=camera]").send_keys("lane-1", Keys.ENTER)
    wait_until(lambda: len(all_of(browser, ".passages tbody tr")) == 1)
    for key in ("leaving", "kind_large_yellow"):
        says(browser, ".passages tbody", word(browser, key))
    says(browser, ".export", word(browser, "exportCsv"))
    table = browser.execute_async_script(EXPORTED, ".export")
    assert [plate in table for plate in ("粤B99999", "京A12345")] == [True, False]
    browser.get(f"{running.url}/#/vehicles?plate=京A12345")
    says(browser, ".sheet", word(browser, "someHashed"))
    one(browser, ".passages a").send_keys(Keys.ENTER)
    one(browser, ".passage a.do + h3 + a.do").send_keys(Keys.ENTER)
    says(browser, ".track .too-fast", word(browser, "tooFast"))
    says(browser, ".track .too-fast", "10.0 km")
    assert re.search(r":\d\d east-gate", text(browser, ".track a")), "time and place are two words"
    assert fits(browser, 390)
    picture(browser, f"cloned-{language[:2]}")
    browser.find_element(By.LINK_TEXT, word(browser, "showOnMap")).send_keys(Keys.ENTER)
    one(browser, ".pin.stop.too-fast")
    assert errors(browser, SHA) == []  # no box has uploaded the picture


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


@pytest.mark.parametrize("language", LANGUAGES)
def test_of_a_table_that_is_proposed_one_plate_is_refused_and_the_other_withdrawn(
    running: CollectorProcess, browse: Callable[..., Browser], tmp_path: Path, language: str
) -> None:
    rows = "plate,until,reason\n京A12345,2099-12-31,stolen\n沪B99999,2099-12-31,hit and run\n"
    (tmp_path / "plates.csv").write_text(rows, encoding="utf-8")
    for name in ("li", "wu"):
        person(running, name, Role.OPERATOR)
    author, approver = browse(language=language), browse(390, language, 844)
    sign_in_as(author, running, "li", "#/watchlist")
    one(author, ".sheet input[type=file]").send_keys(str(tmp_path / "plates.csv"))
    says(author, ".sheet [role=status]", word(author, "imported", 2))
    sign_in_as(approver, running, "wu", "#/watchlist?state=proposed")
    wait_until(lambda: len(all_of(approver, "table.stack tbody tr")) == 2)
    one(approver, ".reason input").send_keys("monthly review", Keys.ENTER)
    says(approver, "a[download]", word(approver, "exportList"))
    table = approver.execute_async_script(EXPORTED, "a[download]")
    assert [plate in table for plate in ("京A12345", "沪B99999")] == [True, True]
    one(approver, "table.stack button").send_keys(Keys.ENTER)
    one(approver, ".decide input[name=note]").send_keys("mere rumour")
    one(approver, "button.refuse").send_keys(Keys.ENTER)
    wait_until(lambda: len(all_of(approver, "table.stack tbody tr")) == 1)
    one(approver, "table.stack button").send_keys(Keys.ENTER)
    one(approver, "button.approve").send_keys(Keys.ENTER)
    says(approver, ".nothing", word(approver, "noEntries"))
    author.get(f"{running.url}/#/watchlist?state=refused")
    says(author, "table.stack", "mere rumour")
    says(author, "table.stack .mark", word(author, "entry_refused"))
    author.get(f"{running.url}/#/watchlist?state=approved")
    says(author, "table.stack .mark", word(author, "entry_approved"))
    one(author, "table.stack button:not(.seen)").send_keys(Keys.ENTER)
    says(author, ".decide h3", word(author, "withdraw"))
    one(author, "button.withdraw").send_keys(Keys.ENTER)
    says(author, ".nothing", word(author, "noEntries"))
    approver.get(f"{running.url}/#/watchlist?state=withdrawn")
    says(approver, "table.stack .mark", word(approver, "entry_withdrawn"))
    assert fits(approver, 390)
    assert errors(author, "401") + errors(approver, "401") == []


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


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_administrator_gives_somebody_other_sites_and_all_of_them_only_on_purpose(
    running: CollectorProcess, browse: Callable[..., Browser], language: str
) -> None:
    person(running, "li", Role.OPERATOR)
    browser = browse(390, language)
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
