"""What a duty room needs beside alerts, in a real Chromium: devices, messages that were not sent, the nearest unit sent
at once, evidence that is kept, one's own password, entries looked for in the past, a track on the map, many tabs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from chromium import LANGUAGES, Browser, all_of, errors, fits, one, person, picture, says, sign_in, sign_in_as, word
from collector_process import CollectorProcess, MqttPeer, publish, wait_until
from sample_events import SampleEdge
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from services import Mosquitto, free_port

from collector import people
from collector.access import Role
from collector.database import Database
from collector.instants import system_clock
from collector.people import Person
from contract.topics import EdgeTopics, SiteTopics

pytestmark = pytest.mark.services
PASSWORD = "correct horse battery"
WRONG = {
    "en-GB": ("the old password is wrong", "name or password is wrong"),
    "zh-CN": ("原密码错误", "用户名或密码错误"),
}
HERE = {"latitude": 31.23, "longitude": 121.47}


SLOW = (
    "camera lane-1 is 16 s behind: this box is too slow for its cameras; use sub_source, fewer frames a second, "
    "or fewer cameras"
)


def now(later_s: float = 0) -> str:
    return (datetime.now(UTC) + timedelta(seconds=later_s)).isoformat()


def test_every_tab_of_a_browser_is_live_and_shows_an_alert(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser]
) -> None:
    """A browser opens six connections to one address; a stream for each page would stop the seventh."""
    browser, edge = browse(), SampleEdge()
    sign_in(browser, running)
    for _ in range(7):
        browser.switch_to.new_window("tab")
        browser.get(running.url)
        one(browser, ".stream.live")
    publish(peer, edge, edge.fall(time=now()))
    for tab in browser.window_handles:
        browser.switch_to.window(tab)
        one(browser, "button.alert")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_nearest_unit_is_sent_and_the_case_is_kept_as_evidence(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser], language: str
) -> None:
    edge = SampleEdge()
    with running.client("admin") as admin:
        unit = {"unit": "patrol-1", "site": "west", "title": "巡逻一组"}
        admin.post("/api/v1/units", json=unit).raise_for_status()
        view = {**HERE, "name": "3 号楼", "bearing_deg": 0, "angle_deg": 60, "range_m": 40}
        admin.put("/api/v1/map/cameras/west/gate-1/hall", json=view).raise_for_status()
    peer.publish(SiteTopics("west").unit_position("patrol-1"), json.dumps({**HERE, "at": now()}).encode())
    publish(peer, edge, edge.sensor(time=now()))
    browser = browse(1280, language)
    sign_in(browser, running)
    one(browser, ".choose button").send_keys(Keys.ENTER)
    send = word(browser, "sendUnit", "巡逻一组")
    one(browser, f"button[aria-label='{send}']").send_keys(Keys.ENTER)
    one(browser, "button.alert.assigned")
    box = one(browser, ".comment input")
    box.send_keys("苏C·55555 挡住通道", Keys.ENTER)
    says(browser, ".steps", "苏C·5**55")
    assert "55555" not in browser.page_source
    says(browser, ".keep summary", word(browser, "keepAsEvidence"))
    one(browser, ".keep summary").send_keys(Keys.ENTER)
    one(browser, ".keep input[name=reason]").send_keys("case 2026-113", Keys.ENTER)
    says(browser, ".kept-as-evidence", "case 2026-113")
    picture(browser, f"case-{language[:2]}")
    sign_in(browser, running, "admin", "#/administration")
    says(browser, ".holds button", word(browser, "release"))
    one(browser, ".holds button").send_keys(Keys.ENTER)
    one(browser, ".holds .confirm button").send_keys(Keys.ENTER)
    wait_until(lambda: not browser.find_elements(By.CSS_SELECTOR, ".holds button"))
    assert errors(browser) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_devices_say_what_ails_them_and_what_nobody_was_told(
    mosquitto: Mosquitto, peer: MqttPeer, tmp_path: Path, browse: Callable[..., Browser], language: str
) -> None:
    key, config = tmp_path / "key", tmp_path / "collector.yaml"
    key.write_text("a key")
    nobody = f"http://127.0.0.1:{free_port()}/alerts"
    config.write_text(f"notifications: {{channels: [{{name: dispatch, webhook: '{nobody}', secret_file: {key}}}]}}")
    running = CollectorProcess(tmp_path / "collector", mosquitto.url, options=("--config", str(config)))
    running.start()
    try:
        edge = SampleEdge()
        topics = EdgeTopics("west", "gate-1")
        camera = {"id": "lane-1", "state": "up", "fps": 12.5, "lag_s": 7.5}
        health = {"at": now(), "uptime_s": 9, "memory_mb": 90, "disk_free_mb": 51234, "outbox_depth": 12,
                  "problems": ["uploads: disk full", SLOW], "cameras": [camera], "expires": now(120)}  # fmt: skip
        peer.publish(topics.health, json.dumps(health).encode())
        state = {"state": "blind", "since": now(-300), "reason": "the picture is dark"}
        peer.publish(topics.camera_status("tower"), json.dumps(state).encode(), True)
        publish(peer, edge, edge.sensor(time=now()))
        browser = browse(390, language, 844)
        sign_in(browser, running)
        browser.get(f"{running.url}/#/devices")
        says(browser, ".boxes", "uploads: disk full")
        says(browser, ".boxes", "处理滞后 16 秒" if language == "zh-CN" else SLOW)
        says(browser, ".boxes", "12")
        says(browser, ".cameras", word(browser, "blind"))
        wait_until(lambda: _failed(running), 20)
        browser.refresh()
        says(browser, ".untold", "dispatch")
        says(browser, ".untold", word(browser, "told_waiting"))
        assert fits(browser, 390)
        picture(browser, f"devices-390-{language[:2]}")
        sign_in(browser, running, "viewer")
        browser.get(f"{running.url}/#/devices")
        one(browser, ".cameras")
        assert not browser.find_elements(By.CSS_SELECTOR, ".untold")
    finally:
        running.end()


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_administrator_changes_due_times_and_who_is_told(
    mosquitto: Mosquitto, peer: MqttPeer, tmp_path: Path, browse: Callable[..., Browser], language: str
) -> None:
    key, config = tmp_path / "key", tmp_path / "collector.yaml"
    key.write_text("a key")
    nobody = f"http://127.0.0.1:{free_port()}/alerts"
    config.write_text(f"notifications: {{channels: [{{name: dispatch, webhook: '{nobody}', secret_file: {key}}}]}}")
    running = CollectorProcess(tmp_path / "collector", mosquitto.url, options=("--config", str(config)))
    running.start()
    try:
        browser = browse(390, language, 844)
        sign_in(browser, running, "admin", "#/administration")
        field = one(browser, ".due.critical [name=acknowledge_s]")
        assert field.get_attribute("value") == "1"
        field.send_keys(Keys.CONTROL, "a", Keys.NULL, "2.5", Keys.ENTER)
        says(browser, ".due.critical", word(browser, "isSaved"))
        near = one(browser, ".limit [name=value]")
        assert near.get_attribute("value") == "500"
        near.send_keys(Keys.CONTROL, "a", Keys.NULL, "250", Keys.ENTER)
        says(browser, ".limit", word(browser, "isSaved"))
        one(browser, ".channel [name=after]").send_keys(Keys.CONTROL, "a", Keys.NULL, "3", Keys.ENTER)
        says(browser, ".channel", word(browser, "isSaved"))
        one(browser, ".channel button.test").send_keys(Keys.ENTER)
        says(browser, ".channel", word(browser, "testFailed", "no answer"))
        assert nobody not in browser.page_source
        assert fits(browser, 390)
        picture(browser, f"due-{language[:2]}")
        edge = SampleEdge()
        publish(peer, edge, edge.sensor(time=now()))
        with running.client("admin") as client:
            wait_until(lambda: client.get("/api/v1/alerts").json()["items"])
            (alert,) = client.get("/api/v1/alerts").json()["items"]
            duty = client.get("/api/v1/duty").json()
        due, raised = (datetime.fromisoformat(alert[name]) for name in ("due_at", "raised_at"))
        assert (due - raised).total_seconds() == 150
        assert (duty["channels"][0]["rule"]["after_s"], duty["channels"][0]["waiting"]) == (180, 1)
        one(browser, ".due.critical .reset").send_keys(Keys.ENTER)
        typed = "return document.querySelector('.due.critical [name=acknowledge_s]').value"
        wait_until(lambda: browser.execute_script(typed) == "1")
        browser.get(f"{running.url}/#/audit")
        says(browser, ".acts", word(browser, "act_set_due"))
        says(browser, ".acts", word(browser, "act_test_channel"))
        assert errors(browser) == []
    finally:
        running.end()


def _failed(running: CollectorProcess) -> list[Any]:
    with running.client("operator") as client:
        items: list[Any] = client.get("/api/v1/notifications").json()["items"]
    assert all(item["channel"] == "dispatch" for item in items)
    return items


@pytest.mark.parametrize("language", LANGUAGES)
def test_somebody_changes_his_password(
    running: CollectorProcess, browse: Callable[..., Browser], language: str
) -> None:
    async def add(store: Database) -> str:
        person = Person("li", "李伟", Role.OPERATOR)
        await people.add(store, person, PASSWORD, by="test", now_us=system_clock())
        return ""

    running.with_store(add)
    browser = browse(language=language)
    browser.get(running.url)
    one(browser, "input[name=name]").send_keys("li", Keys.TAB, PASSWORD, Keys.ENTER)
    one(browser, ".stream.live")
    browser.get(f"{running.url}/#/settings")
    for wrong, said in (("not the old one", WRONG[language][0]), (PASSWORD, "")):
        for name, value in (("old", wrong), ("new", "a better one, longer"), ("again", "a better one, longer")):
            field = one(browser, f".own-password [name={name}]")
            field.clear()
            field.send_keys(value)
        one(browser, ".own-password button").send_keys(Keys.ENTER)
        if said:
            says(browser, ".own-password .problem", said)
    one(browser, "input[name=password]").send_keys(PASSWORD)
    one(browser, "input[name=name]").send_keys("li", Keys.ENTER)
    says(browser, ".problem", WRONG[language][1])
    field = one(browser, "input[name=password]")
    field.clear()
    field.send_keys("a better one, longer", Keys.ENTER)
    one(browser, ".stream.live")


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_has_forgotten_his_password_gets_a_new_one_and_chooses_his_own(
    running: CollectorProcess, browse: Callable[..., Browser], language: str
) -> None:
    person(running, "li", Role.OPERATOR)
    browser, other = browse(390, language, 844), browse(1280, language)
    sign_in_as(other, running, "li")
    sign_in(browser, running, "admin", "#/administration")
    one(browser, ".users .forgot").click()
    says(browser, ".new-password", word(browser, "resetWhy", "li"))
    one(browser, ".new-password button").click()
    given = one(browser, ".new-password .secret").text
    assert len(given) == 14
    assert fits(browser, 390)
    picture(browser, f"new-password-{language[:2]}")
    one(other, "input[name=password]")
    one(other, "input[name=name]").send_keys("li", Keys.TAB, given, Keys.ENTER)
    says(other, ".choose-own", word(other, "chooseOwn"))
    assert not all_of(other, ".problem")
    for again in ("something else", "a passphrase of mine"):
        for name, value in (("new", "a passphrase of mine"), ("again", again)):
            one(other, f"input[name={name}]").send_keys(Keys.CONTROL, "a", Keys.NULL, value)
        one(other, "input[name=again]").send_keys(Keys.ENTER)
        if again == "something else":
            says(other, ".problem", word(other, "passwordsDiffer"))
    one(other, ".stream.live")
    sign_in(browser, running, "auditor", "#/audit")
    says(browser, ".acts", word(browser, "act_reset_password"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_approved_entry_is_looked_for_in_what_has_passed_and_its_track_is_on_the_map(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser], language: str
) -> None:
    edge, base = SampleEdge(), datetime.now(UTC).replace(microsecond=0)
    with running.client("admin") as admin:
        for camera, north in (("lane-1", 0.0), ("lane-2", 0.01)):
            view = {"latitude": 31.23 + north, "longitude": 121.47, "name": f"口 {camera}"}
            admin.put(f"/api/v1/map/cameras/west/gate-1/{camera}", json=view).raise_for_status()
    publish(
        peer, edge, *(_passed(edge, base, *where) for where in (
            ("京A12345", "lane-2", -300), ("京A12345", "lane-1", -600), ("京A1234S", "lane-2", -200),
            ("京A12345", "lane-1", -100),
        ))
    )  # fmt: skip
    with running.client("operator") as author, running.client("admin") as approver:
        wait_until(lambda: len(author.get("/api/v1/passages").json()["items"]) == 4)
        new = {"plate": "京A12345", "reason": "stolen, case 7", "expires": "2099-01-01T00:00:00Z"}
        entry = author.post("/api/v1/watchlist/entries", json=new).json()["entry_id"]
        approver.post(f"/api/v1/watchlist/entries/{entry}/decisions", json={"action": "approve"}).raise_for_status()
    browser = browse(language=language)
    sign_in(browser, running, view="#/watchlist")
    one(browser, "button.seen").send_keys(Keys.ENTER)
    wait_until(lambda: len(browser.find_elements(By.CSS_SELECTOR, ".seen-before tbody tr")) == 4)
    says(browser, ".seen-before", "京A1234S")
    with running.client("auditor") as auditor:
        reasons = [act["reason"] for act in auditor.get("/api/v1/audit").json()["items"]]
    assert f"watch list, entry {entry}: stolen, case 7" in reasons
    picture(browser, "seen-before")
    browser.get(f"{running.url}/#/map/west?plate=京A12345")
    one(browser, ".reason input").send_keys("case 7", Keys.ENTER)
    one(browser, ".pin.stop")
    stops = "return [...document.querySelectorAll('.pin.stop')].map((one) => [one.innerText, one.ariaLabel])"
    told = sorted(browser.execute_script(stops))
    assert [numbers for numbers, _ in told] == ["1 3", "2"], "in the order in which it passed, not in which it was told"
    times = [re.findall(r"\d\d:\d\d:\d\d", name) for _, name in told]
    assert [len(found) for found in times] == [2, 1]
    assert [minutes_between(times[0][0], later) for later in (times[1][0], times[0][1])] == [5, 500 / 60]
    assert "口 lane-1" in told[0][1]
    line = "return document.querySelector('path.vehicle-track').getAttribute('d').split(/(?=[ML])/).length"
    assert browser.execute_script(line) == 3
    picture(browser, f"track-{language[:2]}")


def minutes_between(early: str, late: str) -> float:
    """Of two times of a day; the later one may be past midnight."""
    first, second = (datetime.strptime(one, "%H:%M:%S").replace(tzinfo=UTC) for one in (early, late))
    return (second - first).seconds / 60


def _passed(edge: SampleEdge, base: datetime, plate: str, camera: str, at_s: float) -> dict[str, Any]:
    event = edge.passage(plate, f"{camera}-{-at_s:.0f}", time=(base + timedelta(seconds=at_s)).isoformat())
    event["source"] = f"/west/gate-1/{camera}"
    event["data"]["camera"] = camera
    return event
