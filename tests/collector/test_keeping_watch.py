"""What keeps somebody on duty awake and going on, in a real Chromium: what is heard, what waits, what is not lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from chromium import LANGUAGES, PASSWORD, Browser, all_of, errors, fits, one, person, says, sign_in_as, text, word
from collector_process import CollectorProcess, MqttPeer, publish, wait_until
from full_site import fall
from moving_video import moving_square, write_video
from sample_events import SampleEdge, payload
from selenium.webdriver.common.keys import Keys

from collector.access import Role
from contract.envelope import join_backlog

pytestmark = pytest.mark.services
LISTEN = """
const repeat = setInterval;
window.setInterval = (act, ms, ...more) => repeat(act, ms === 30000 ? 300 : ms, ...more);  // half a minute is long
window.tones = 0;
const make = AudioContext.prototype.createOscillator;
AudioContext.prototype.createOscillator = function () { window.tones += 1; return make.call(this); };
window.heard = [];
new MutationObserver(() => {
  const said = document.querySelector(".only-heard")?.innerText;
  if (said && window.heard.at(-1) !== said) window.heard.push(said);
}).observe(document, { subtree: true, childList: true, characterData: true });
"""
SLOW_LOOK = """
const ask = window.fetch;
window.fetch = async (path, ...more) => {
  const answer = await ask(path, ...more);
  if (!String(path).includes("/alerts?")) return answer;
  await new Promise((done) => setTimeout(done, 1500));
  window.looked ??= document.querySelector(".stream").className;
  return answer;
};
"""
SMALL = """
const high = (one) => one?.getBoundingClientRect().height ?? 0;
return [...document.querySelectorAll("a:not(.skip), button, input, select, summary")]
  .filter((one) => one.getClientRects().length && Math.max(high(one), high(one.closest("label"))) < 43.5)
  .map((one) => `${one.outerHTML.slice(0, 90)} ${high(one)}`);
"""
BROKEN = ("%E0%A4%A", "vehicles?since=nonsense&until=99", "alerts/%", "audit?since=x", "map/%zz/now", "map?plate=%")
TABS = (
    "tasks",
    "tasks/units",
    "tasks/figures",
    "vehicles",
    "watchlist",
    "devices",
    "audit",
    "settings",
    "administration",
)
IN_CHINESE = """
const [lines, done] = arguments;
import("/static/words/problems.js").then(({ inChinese }) => done(lines.map((one) => inChinese(one, 409))));
"""


def now() -> str:
    return datetime.now(UTC).isoformat()


def listening(browser: Browser, running: CollectorProcess, role: str = "operator", view: str = "#/alerts") -> None:
    """Sign in on a page that counts its tones and keeps what it says to a screen reader."""
    browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": LISTEN})
    browser.get(running.sign_in_link(role))
    one(browser, ".stream.live")
    browser.get(f"{running.url}/{view}")
    one(browser, ".stream").click()  # nothing opens there; amid the page a picture or an alert may


def alert_of(running: CollectorProcess, kind: str) -> dict[str, Any]:
    """The open alert of this type, as soon as there is one."""
    with running.client("operator") as client:

        def found() -> list[dict[str, Any]]:
            answer = client.get("/api/v1/alerts", params={"state": "open", "type": kind})
            items: list[dict[str, Any]] = answer.json()["items"]
            return items

        wait_until(found)
        return found()[0]


def step(running: CollectorProcess, alert: dict[str, Any], path: str, body: dict[str, Any]) -> None:
    with running.client("operator") as client:
        client.post(f"/api/v1/alerts/{alert['alert_id']}/{path}", json=body).raise_for_status()


def test_an_alert_is_heard_when_its_repetition_comes_with_it_and_an_old_one_is_not(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser]
) -> None:
    edge = SampleEdge()
    publish(peer, edge, edge.sensor("smoke", time=now()))
    old = alert_of(running, "sensor")
    browser = browse()
    listening(browser, running)
    one(browser, ".alert.new")
    step(running, old, "comments", {"text": "the caretaker is asked"})
    twice = [edge.fall(time=now()), edge.fall(time=now())]
    for event in twice:
        event["data"]["origin_cell"] = "f7-c3"
    peer.publish(edge.topic(twice[0]).split("/event/")[0] + "/backlog", join_backlog(payload(event) for event in twice))
    says(browser, ".only-heard", "Object fell")
    assert alert_of(running, "falling_object")["events"] == 2
    assert browser.execute_script("return window.heard") == [text(browser, ".only-heard")]
    assert browser.execute_script("return window.tones") >= 3
    assert errors(browser, "401") == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_critical_alert_is_heard_and_seen_in_every_view_until_somebody_takes_it(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser], language: str
) -> None:
    browser = browse(390, language)
    listening(browser, running, view="#/watchlist")
    publish(peer, SampleEdge(), SampleEdge().fall(time=now()))
    says(browser, "a.waits", word(browser, "criticalWaits", 1))
    assert fits(browser, 390)
    wait_until(lambda: browser.execute_script("return window.tones") >= 9)
    alert = alert_of(running, "falling_object")
    step(running, alert, "steps", {"state": "acknowledged"})
    wait_until(lambda: not all_of(browser, "a.waits"))
    tones = browser.execute_script("return window.tones")
    browser.execute_async_script("setTimeout(arguments[0], 900)")
    assert browser.execute_script("return window.tones") == tones


def test_a_viewer_is_told_once(running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser]) -> None:
    browser = browse()
    listening(browser, running, "viewer", "#/map")
    publish(peer, SampleEdge(), SampleEdge().fall(time=now()))
    wait_until(lambda: browser.execute_script("return window.tones") == 3)
    browser.execute_async_script("setTimeout(arguments[0], 900)")  # three times the shortened half minute
    assert browser.execute_script("return window.tones") == 3, "he can take no alert: the sound would never end"


def test_a_page_is_live_once_it_knows_what_there_was(running: CollectorProcess, browse: Callable[..., Browser]) -> None:
    browser = browse()
    browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": SLOW_LOOK})
    listening(browser, running, "viewer")
    wait_until(lambda: browser.execute_script("return window.looked"))
    looked = browser.execute_script("return window.looked")
    assert looked == "stream waiting", "an alert that comes between would be taken for an old one, and not be heard"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_next_alert_is_one_key_away(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser], language: str
) -> None:
    edge = SampleEdge()
    publish(peer, edge, edge.sensor("smoke", time=now()), edge.fall(time=now()))
    alert_of(running, "sensor"), alert_of(running, "falling_object")
    browser = browse(language=language)
    listening(browser, running)
    body = one(browser, "body")
    one(browser, "li + li .alert")
    body.send_keys("j")
    one(browser, ".detail .dismissed")
    body.send_keys("d")
    one(browser, ".cause")
    body.send_keys("1")
    says(browser, ".next", word(browser, "nextWaiting"))
    said = text(browser, ".next")
    body.send_keys("j")
    wait_until(lambda: text(browser, "#detail-title") in said and text(browser, "#detail-title"))
    one(browser, ".detail .resolved")


def test_what_was_typed_outlives_the_session_but_not_the_person(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser]
) -> None:
    publish(peer, SampleEdge(), SampleEdge().sensor("smoke", time=now()))
    view = f"#/alerts/{alert_of(running, 'sensor')['alert_id']}"
    for name in ("li", "wu"):
        person(running, name, Role.OPERATOR)
    browser = browse()
    sign_in_as(browser, running, "li", view)
    one(browser, ".comment input").send_keys("the caretaker was")
    browser.refresh()
    one(browser, ".comment input").send_keys(" asked")
    with running.client("admin") as admin:
        admin.patch("/api/v1/users/li", json={"full_name": "Li Wei"}).raise_for_status()  # his sessions end
    one(browser, "input[name=password]")
    one(browser, "input[name=name]").send_keys("li", Keys.TAB, PASSWORD, Keys.ENTER)
    box = one(browser, ".comment input")
    assert box.get_attribute("value") == "the caretaker was asked"
    box.send_keys(Keys.ENTER)
    says(browser, ".steps", "the caretaker was asked")
    assert one(browser, ".comment input").get_attribute("value") == ""
    one(browser, ".comment input").send_keys("for me alone")
    one(browser, ".leave").click()
    one(browser, "input[name=name]").send_keys("wu", Keys.TAB, PASSWORD, Keys.ENTER)
    assert one(browser, ".comment input").get_attribute("value") == ""


def test_a_broken_address_opens_the_page_all_the_same(
    running: CollectorProcess, browse: Callable[..., Browser]
) -> None:
    browser = browse()
    listening(browser, running)
    for view in BROKEN:
        browser.get("about:blank")
        browser.get(f"{running.url}/#/{view}")
        one(browser, "nav.views a[aria-current=page]")
        wait_until(lambda: text(browser, "main").strip())
    assert errors(browser, "404", "422") == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_clip_that_fills_the_screen_says_who_looks(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser], tmp_path: Path, language: str
) -> None:
    clip = write_video(tmp_path / "clip.mp4", moving_square(20)).read_bytes()
    with running.client("admin") as admin:
        publish(peer, SampleEdge(), fall(SampleEdge(), admin, clip, "f7-c3", -5))
    browser = browse(language=language)
    listening(browser, running, view=f"#/alerts/{alert_of(running, 'falling_object')['alert_id']}")
    video = one(browser, "video.clip")
    assert "nofullscreen" in str(video.get_attribute("controlslist")), "the browser's own full screen shows no mark"
    button = one(browser, ".full-screen")
    assert button.text == word(browser, "fullScreen")
    button.click()
    wait_until(lambda: browser.execute_script("return document.fullscreenElement?.querySelector('.over') !== null"))
    assert browser.execute_script("return document.fullscreenElement.querySelector('.over').innerText").startswith(
        "operator 20"
    )


def is_in_sight(here: dict[str, float], width: int) -> bool:
    """Whether a window of this width shows it: on a phone there is not room for the names of all views."""
    return 0 <= here["x"] <= width - here["width"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_thumb_hits_everything_on_a_phone(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser], language: str
) -> None:
    edge = SampleEdge()
    publish(peer, edge, edge.fall(time=now()), edge.hit("京A12345", time=now()), edge.passage(time=now()))
    hit = f"alerts/{alert_of(running, 'watchlist_hit')['alert_id']}"
    browser = browse(390, language, 844)
    browser.get(running.url)
    one(browser, "input[name=password]")
    assert browser.execute_script(SMALL) == []
    listening(browser, running, "admin")
    for view in ("alerts", hit, "map", *TABS, "administration"):
        browser.get(f"{running.url}/#/{view}")
        wait_until(lambda: not all_of(browser, "main > .nothing") and text(browser, "main").strip())
        assert browser.execute_script(SMALL) == [], view
        assert fits(browser, 390), view
    wait_until(lambda: is_in_sight(one(browser, "nav.views a[aria-current=page]").rect, 390))


def test_no_english_state_stands_in_a_chinese_sentence(
    running: CollectorProcess, browse: Callable[..., Browser]
) -> None:
    browser = browse(language="zh-CN")
    browser.get(running.url)
    one(browser, "input[name=password]")
    told = browser.execute_async_script(
        IN_CHINESE,
        [
            "the alert is on_scene and cannot become acknowledged; it may become assigned",
            "the entry is withdrawn: only a proposed one is approved or refused",
            "role viewer may not do this; it takes one of: admin",
        ],
    )
    assert [one for one in told if not one.isascii() and any("a" <= letter <= "z" for letter in one)] == []
    assert told[0].startswith("告警状态已变化（已到场）")
