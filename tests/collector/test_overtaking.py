"""What overtakes what: late answers, somebody who types on, keys and clicks that come twice; in a real Chromium."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from chromium import Browser, all_of, choose, one, says, sign_in, text, word
from collector_process import CollectorProcess, MqttPeer, publish, wait_until
from sample_events import SampleEdge
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from collector import alert_moves
from collector.alert_moves import Move
from collector.database import Database
from collector.duty import Duty
from collector.instants import system_clock
from contract.topics import EdgeTopics

pytestmark = pytest.mark.services
HOLD = """
Object.assign(window, { held: [], read: 0, sent: [] });
const [ask, repeat] = [window.fetch, window.setInterval];
window.setInterval = (act, ms, ...more) => repeat(act, ms === 5000 ? 300 : ms, ...more);  // five seconds are long
const [limit, patience] = [AbortSignal.timeout.bind(AbortSignal), 30000];
AbortSignal.timeout = (ms) => limit(ms === patience ? 2000 : ms);
window.fetch = async (path, options = {}) => {
  const asked = `${options.method ?? "GET"} ${path}`;
  window.sent.push(asked);
  const answer = await ask(path, options);
  const json = answer.json.bind(answer);
  answer.json = async () => {
    const content = await json();
    if (window.slow && asked.includes(window.slow)) await new Promise((go) => setTimeout(go, 900));
    if (!window.hold || !asked.includes(window.hold)) return content;
    await new Promise((go) => window.held.push(go));
    window.read += 1;
    return content;
  };
  return answer;
};
"""
LET_GO = """
const some = window.held.splice(0, arguments[0]);
some.forEach((go) => go());
return window.read + some.length;
"""
OUT_OF_CACHE = "window.before = true; dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"
PRESS_AGAIN = """
const again = { bubbles: true, cancelable: true, detail: 2 };
document.querySelector(arguments[0]).dispatchEvent(new MouseEvent("click", again));
"""


def now() -> str:
    return datetime.now(UTC).isoformat()


def watched(browser: Browser, running: CollectorProcess, view: str, role: str = "operator") -> Browser:
    """Signed in on a page whose answers can be held back."""
    browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": HOLD})
    sign_in(browser, running, role, view)
    return browser


def hold(browser: Browser, path: str) -> None:
    """Answers to requests with this part ("GET /api/v1/…") are read only after `release`; all else goes on."""
    browser.execute_script("window.hold = arguments[0]", path)


def is_held(browser: Browser, count: int = 1) -> None:
    wait_until(lambda: browser.execute_script("return window.held.length") >= count)


def release(browser: Browser, count: int = 100) -> None:
    """Return when the page has read what was held, or the first so many; the rest is held on, and so is what comes."""
    expected = browser.execute_script(LET_GO, count)
    wait_until(lambda: browser.execute_script("return window.read") >= expected)


def sent(browser: Browser, part: str) -> list[str]:
    found: list[str] = browser.execute_script("return window.sent.filter((one) => one.includes(arguments[0]))", part)
    return found


def value(browser: Browser, selector: str) -> str:
    return str(browser.execute_script("return document.querySelector(arguments[0])?.value", selector))


def type_anew(browser: Browser, selector: str, words: str) -> None:
    one(browser, selector).send_keys(Keys.CONTROL, "a", Keys.NULL, words)


def alerts_of(running: CollectorProcess, count: int) -> list[dict[str, Any]]:
    """Open alerts, the newest first, as soon as there are so many."""
    with running.client("operator") as client:

        def found() -> list[dict[str, Any]]:
            items: list[dict[str, Any]] = client.get("/api/v1/alerts", params={"state": "open"}).json()["items"]
            return items

        wait_until(lambda: len(found()) == count)
        return found()


def step(running: CollectorProcess, alert: dict[str, Any], state: str) -> None:
    with running.client("operator") as client:
        body = {"state": state, **({"cause": "test"} if state == "dismissed" else {})}
        client.post(f"/api/v1/alerts/{alert['alert_id']}/steps", json=body).raise_for_status()


def test_a_late_answer_does_not_bring_back_what_somebody_has_taken(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser]
) -> None:
    edge = SampleEdge()
    publish(peer, edge, edge.sensor(time=now()), edge.fall(time=now()))
    fall, smoke = alerts_of(running, 2)
    step(running, smoke, "dismissed")
    browser = watched(browse(), running, "#/alerts")
    one(browser, "button.alert.new").click()
    one(browser, ".detail .acknowledged")
    hold(browser, "/alerts")
    browser.execute_script("location.hash = `${location.hash}?show=all`")
    with running.client("operator") as client:  # the page looks at the alert anew, and sees it as it still is
        client.post(f"/api/v1/alerts/{fall['alert_id']}/comments", json={"text": "one moment"}).raise_for_status()
    is_held(browser, 2)
    browser.execute_script("window.hold = null")
    step(running, fall, "acknowledged")
    one(browser, "button.alert.acknowledged")
    says(browser, ".detail .head .state", word(browser, "acknowledged"))
    release(browser)
    one(browser, "button.alert.dismissed")
    assert all_of(browser, "button.alert.acknowledged"), "an answer from before the step was read after it"
    assert text(browser, ".detail .head .state") == word(browser, "acknowledged")


def test_a_late_answer_does_not_undo_what_is_seen_of_ones_own_step(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser]
) -> None:
    publish(peer, SampleEdge(), SampleEdge().sensor(time=now()))
    address = f"/api/v1/alerts/{alerts_of(running, 1)[0]['alert_id']}"
    browser = watched(browse(), running, "#/alerts")
    one(browser, "button.alert.new").click()
    one(browser, ".detail .acknowledged")
    hold(browser, f"GET {address}")
    with running.client("operator") as client:
        client.post(f"{address}/comments", json={"text": "one moment"}).raise_for_status()
    is_held(browser)
    one(browser, "body").send_keys("a")
    says(browser, ".detail .head .state", word(browser, "acknowledged"))
    release(browser, 1)
    assert text(browser, ".detail .head .state") == word(browser, "acknowledged")


def test_a_late_answer_does_not_take_a_new_alert_off_the_map(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser]
) -> None:
    edge = SampleEdge()
    publish(peer, edge, edge.sensor(time=now()))
    alerts_of(running, 1)
    browser = watched(browse(), running, "#/tasks")
    hold(browser, "/alerts?")
    browser.execute_script("location.hash = '#/map/west'")
    is_held(browser)
    publish(peer, edge, edge.fall(time=now()))
    one(browser, ".map-side .line.critical")
    release(browser)
    wait_until(lambda: len(all_of(browser, ".map-side a.line-main")) == 2)


@contextmanager
def gateway(port: int) -> Iterator[None]:
    """What a proxy answers while the collector behind it restarts."""

    class Away(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(502)

        def log_message(self, format: str, *_: Any) -> None:  # noqa: A002 -- the name that the base class has given
            pass

    ThreadingHTTPServer.allow_reuse_address = True
    server = ThreadingHTTPServer(("127.0.0.1", port), Away)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield
    server.shutdown()
    server.server_close()


def test_what_was_closed_while_the_page_was_cut_off_waits_no_more(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser]
) -> None:
    publish(peer, SampleEdge(), SampleEdge().fall(time=now()))
    (fall,) = alerts_of(running, 1)
    browser, wall = watched(browse(), running, "#/watchlist"), watched(browse(), running, "#/alerts", "viewer")
    one(browser, "a.waits")
    one(wall, "button.alert.new")

    async def close(store: Database) -> str:
        async with store.write() as connection:
            move = Move("resolved", "by telephone")
            await alert_moves.step(connection, fall["alert_id"], move, by="li", now_us=system_clock(), duty=Duty())
        return ""

    running.end()
    with gateway(running.port):
        running.with_store(close)
        for page in (browser, wall):
            one(page, ".stream.waiting")
            tried = len(sent(page, "GET /api/v1/session"))
            wait_until(lambda page=page, tried=tried: len(sent(page, "GET /api/v1/session")) > tried)
    running.start()
    for page in (browser, wall):
        one(page, ".stream.live")
    wait_until(lambda: not all_of(browser, "a.waits"))
    wait_until(lambda: not all_of(wall, "button.alert"))


def test_a_slow_line_shows_what_it_brings(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser]
) -> None:
    """Each answer takes longer than the page waits before it asks again."""
    state = {"state": "blind", "since": now(), "reason": "the picture is dark"}
    browser = watched(browse(), running, "#/devices")
    browser.execute_script("window.slow = '/cameras'")
    peer.publish(EdgeTopics("west", "gate-1").camera_status("tower"), json.dumps(state).encode(), True)
    says(browser, ".cameras", word(browser, "blind"))


def test_further_rows_of_an_earlier_search_do_not_stand_under_the_next(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser]
) -> None:
    edge = SampleEdge()
    publish(peer, edge, *(edge.passage(f"京A{number:05}", f"lane-{number}") for number in range(52)))
    browser = watched(browse(), running, "#/vehicles")
    browser.execute_script("location.hash = '#/vehicles?direction=approaching'")
    wait_until(lambda: len(all_of(browser, ".passages tbody tr")) == 50)
    hold(browser, "cursor=")
    browser.find_element(By.XPATH, f"//button[text()='{word(browser, 'morePassages')}']").click()
    is_held(browser)
    browser.execute_script("location.hash = '#/vehicles?camera=nowhere'")
    says(browser, ".sheet", word(browser, "noPassages"))
    release(browser)
    assert text(browser, ".passages") == ""
    says(browser, ".sheet", word(browser, "noPassages"))


def test_what_is_typed_stays_while_the_page_goes_on(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser]
) -> None:
    edge = SampleEdge()
    publish(peer, edge, edge.sensor(time=now()))
    state = {"state": "up", "since": now()}
    peer.publish(EdgeTopics("west", "gate-1").camera_status("tower"), json.dumps(state).encode(), True)
    browser = watched(browse(), running, "#/tasks/units", "admin")
    wait_until(lambda: value(browser, "input[name=site]") == "west")
    type_anew(browser, "input[name=site]", "east")
    goes_on(browser)
    assert value(browser, "input[name=site]") == "east"
    hold(browser, "type=sensor")
    browser.execute_script("location.hash = '#/map/west/make'")
    wait_until(lambda: value(browser, ".camera-form [name=which]") == "gate-1/tower")
    one(browser, ".camera-form [name=name]").send_keys("Tower, south")
    type_anew(browser, ".camera-form [name=latitude]", "31.2")
    is_held(browser)
    release(browser)
    wait_until(lambda: len(all_of(browser, ".camera-form [name=which] option")) == 2)
    assert value(browser, ".camera-form [name=which]") == "gate-1/tower", "what was typed would be another one's"
    assert value(browser, ".camera-form [name=name]") == "Tower, south"
    browser.execute_script("document.querySelector('.ground').scrollIntoView()")
    one(browser, ".ground").click()
    wait_until(lambda: value(browser, ".camera-form [name=latitude]") not in ("", "31.2"))
    type_anew(browser, ".camera-form [name=latitude]", "31.25")
    goes_on(browser)
    assert value(browser, ".camera-form [name=latitude]") == "31.25"


def goes_on(browser: Browser) -> None:
    """Return when the page has drawn itself again, with news of boxes and cameras."""
    before = len(sent(browser, "/cameras"))
    wait_until(lambda: len(sent(browser, "/cameras")) > before + 2)


def test_a_comment_can_be_written_while_another_is_sent(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser]
) -> None:
    publish(peer, SampleEdge(), SampleEdge().sensor(time=now()))
    browser = watched(browse(), running, f"#/alerts/{alerts_of(running, 1)[0]['alert_id']}")
    box = one(browser, ".comment input")
    hold(browser, "/comments")
    box.send_keys("the caretaker is asked", Keys.ENTER)
    is_held(browser)
    box.send_keys("he is on his way")
    release(browser)
    says(browser, ".steps", "the caretaker is asked")
    assert value(browser, ".comment input") == "he is on his way"
    running.end()
    box.send_keys(Keys.ENTER)
    says(browser, ".comment .problem", "answer")
    assert value(browser, ".comment input") == "he is on his way", "what could not be sent is not lost"


def test_what_is_pressed_twice_is_done_once(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser]
) -> None:
    publish(peer, SampleEdge(), SampleEdge().sensor(time=now()))
    (alert,) = alerts_of(running, 1)
    browser = watched(browse(), running, f"#/alerts/{alert['alert_id']}")
    one(browser, ".detail .acknowledged")
    body = one(browser, "body")
    hold(browser, "/steps")
    body.send_keys("aa")
    is_held(browser)
    release(browser)
    says(browser, ".detail .head .state", word(browser, "acknowledged"))
    assert sent(browser, "/steps") == [f"POST /api/v1/alerts/{alert['alert_id']}/steps"]
    assert not all_of(browser, ".detail .problem")
    browser.execute_script(PRESS_AGAIN, ".detail .resolved")  # where another button was when the hand first came down
    body.send_keys("d")
    one(browser, ".cause")
    body.send_keys(Keys.ESCAPE)
    wait_until(lambda: not all_of(browser, ".cause"))
    assert all_of(browser, ".detail"), "Escape closes what was opened last, and that only"
    assert len(sent(browser, "/steps")) == 1


def test_a_step_that_nobody_answers_can_be_tried_again(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser]
) -> None:
    publish(peer, SampleEdge(), SampleEdge().sensor(time=now()))
    browser = watched(browse(), running, f"#/alerts/{alerts_of(running, 1)[0]['alert_id']}")
    one(browser, ".detail .acknowledged")
    assert running.process is not None
    running.process.send_signal(signal.SIGSTOP)  # as behind a network that is gone: nothing comes, no refusal either
    try:
        one(browser, "body").send_keys("a")
        says(browser, ".detail .actions .problem", "answer")
    finally:
        running.process.send_signal(signal.SIGCONT)
    assert one(browser, ".detail .actions button").is_enabled()


def test_who_came_last_is_who_is_here(running: CollectorProcess, browse: Callable[..., Browser]) -> None:
    browser = watched(browse(), running, "#/settings")
    first = browser.current_window_handle
    hold(browser, "/api/v1/session")
    browser.execute_script("new BroadcastChannel('watchpost-desk').postMessage('entered')")
    is_held(browser)
    browser.execute_script("window.hold = null")
    browser.switch_to.new_window("tab")
    sign_in(browser, running, "viewer")
    browser.switch_to.window(first)
    says(browser, ".who", "viewer")
    release(browser)
    assert text(browser, ".who") == "viewer", "the answer to who was here before"
    browser.execute_script(OUT_OF_CACHE)
    wait_until(lambda: browser.execute_script("return !window.before") and all_of(browser, ".stream.live"))


def test_what_fails_is_said(running: CollectorProcess, browse: Callable[..., Browser], tmp_path: Path) -> None:
    with running.client("admin") as admin:
        new = {"name": "li", "role": "operator", "password": "correct horse battery"}
        admin.post("/api/v1/users", json=new).raise_for_status()
    table = tmp_path / "plates.csv"
    table.write_text("plate,until,reason\n京A12345,2099-01-01,stolen\n")
    browser = watched(browse(), running, "#/watchlist", "admin")
    one(browser, ".propose")
    browser.execute_script("location.hash = '#/administration'")
    one(browser, ".users td select")
    running.end()
    choose(browser, ".users td select", "admin")
    says(browser, ".users .problem", "answer")
    assert value(browser, ".users td select") == "operator", "he has the role that he had"
    browser.execute_script("location.hash = '#/watchlist'")
    one(browser, "input[type=file]").send_keys(str(table))
    says(browser, ".sheet .problem", "answer")
    one(browser, ".leave").click()
    says(browser, ".bar + .problem", "answer")
    assert all_of(browser, ".who"), "nobody goes away from a desk that is still signed in and does not know"
