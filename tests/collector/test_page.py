"""The live page in a real Chromium, fed through a real broker: sign in, see an alert arrive with its picture, act."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from chromium import Browser, browsers
from collector_process import CollectorProcess, MqttPeer, publish, wait_until
from sample_events import SampleEdge
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from collector.web import fetch

pytestmark = pytest.mark.services
STATIC = Path(fetch.__file__).parent / "static"
PICTURE = base64.b64decode(  # a JPEG of 8 by 8 grey pixels
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1xeXBk"
    "eFxlZ2P/wAALCAAIAAgBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEG"
    "E1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJ"
    "ipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/AOgr/9k="
)
HASH = hashlib.sha256(PICTURE).hexdigest()


@pytest.fixture
def browse(tmp_path: Path) -> Iterator[Callable[..., Browser]]:
    yield from browsers(tmp_path)


def found(browser: Browser, selector: str) -> bool:
    return bool(browser.find_elements(By.CSS_SELECTOR, selector))


def signed_in(browser: Browser, running: CollectorProcess, role: str = "operator") -> None:
    browser.get(running.sign_in_link(role))
    wait_until(lambda: found(browser, ".live.live"), 20)


def fall_with_picture(edge: SampleEdge) -> dict[str, object]:
    proof = {"sha256": HASH, "role": "snapshot", "media_type": "image/jpeg", "size_bytes": len(PICTURE)}
    return edge.fall(evidence=(proof,), time=datetime.now(UTC).isoformat())


def addresses_asked(browser: Browser) -> set[str]:
    """Every address that the page has asked for."""
    log = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [entry["params"]["request"]["url"] for entry in log if entry["method"] == "Network.requestWillBeSent"]
    return {address for address in sent if address.startswith(("http", "ws"))}


def test_an_alert_arrives_with_its_picture_and_is_dealt_with(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser]
) -> None:
    browser = browse()
    signed_in(browser, running)
    assert "sign-in" not in browser.current_url
    edge = SampleEdge()
    publish(peer, edge, edge.sensor(alarm=False))  # the first event also makes the edge known
    wait_until(lambda: found(browser, ".feed li"))
    begun = time.monotonic()
    publish(peer, edge, fall_with_picture(edge))
    wait_until(lambda: found(browser, "button.alert.critical"), 5)
    assert time.monotonic() - begun < 1.0
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.ARROW_DOWN)
    wait_until(lambda: found(browser, ".detail .head"))
    assert not found(browser, ".detail .frame img")  # its file has not been uploaded yet
    with running.client("edge") as client:
        assert client.put(
            f"/api/v1/evidence/{HASH}", content=PICTURE, headers={"Content-Type": "image/jpeg"}
        ).is_success
    wait_until(lambda: found(browser, ".detail .frame img") and found(browser, ".detail svg.path polyline"))
    width = browser.execute_script("return document.querySelector('.detail .frame img').naturalWidth")
    assert width == 8
    assert "floor 7" in browser.find_element(By.CSS_SELECTOR, ".detail h2").text
    browser.find_element(By.TAG_NAME, "body").send_keys("a")
    wait_until(lambda: "acknowledged" in browser.find_element(By.CSS_SELECTOR, ".detail .head").text)
    browser.find_element(By.CSS_SELECTOR, "button.do.dismissed").click()
    wait_until(lambda: found(browser, "button.cause"))
    browser.find_element(By.TAG_NAME, "body").send_keys("1")  # the first reason
    wait_until(lambda: not found(browser, "button.alert"))
    wait_until(lambda: len(peer.on("/alert-state/")) >= 3)
    states = [state["state"] for state in peer.on("/alert-state/")]
    assert states == ["new", "acknowledged", "dismissed"]
    asked = addresses_asked(browser)
    assert {address for address in asked if not address.startswith(f"{running.url}/")} == set()
    assert len(asked) > 10
    assert [
        entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE" and HASH not in entry["message"]
    ] == []


@pytest.mark.parametrize("width", [380, 900, 1600])
def test_nothing_is_cut_off_and_no_word_is_missing(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser], width: int
) -> None:
    edge = SampleEdge()
    publish(peer, edge, edge.hit(), edge.passage(), edge.camera("blind"), edge.sensor(), fall_with_picture(edge))
    browser = browse(width, "zh-CN")
    signed_in(browser, running)
    wait_until(lambda: len(browser.find_elements(By.CSS_SELECTOR, "button.alert")) == 4)
    assert "平安前哨" in browser.find_element(By.CSS_SELECTOR, ".bar h1").text
    page_width = "return document.documentElement.scrollWidth"
    assert browser.execute_script(page_width) <= width
    browser.find_element(By.CSS_SELECTOR, "button.alert.critical").click()
    wait_until(lambda: found(browser, ".detail .facts"))
    assert browser.execute_script(page_width) <= width
    browser.find_element(By.CSS_SELECTOR, ".languages button[lang=en]").click()
    wait_until(lambda: "Watchpost" in browser.find_element(By.CSS_SELECTOR, ".bar h1").text)


def test_a_viewer_can_look_but_not_act(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser]
) -> None:
    edge = SampleEdge()
    publish(peer, edge, edge.hit("京A12345"))
    browser = browse()
    signed_in(browser, running, "viewer")
    publish(peer, edge, edge.passage("京A12345"))
    wait_until(lambda: len(browser.find_elements(By.CSS_SELECTOR, ".feed li")) == 2)
    browser.find_element(By.CSS_SELECTOR, "button.alert").click()
    wait_until(lambda: found(browser, ".detail .plate-text"))
    assert "A12345" not in browser.page_source
    assert "京A·1**45" in browser.page_source
    assert not found(browser, "button.do")


def test_a_plate_that_is_kept_as_a_hash_is_not_called_unreadable(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser]
) -> None:
    edge = SampleEdge()
    browser = browse()
    signed_in(browser, running)
    passage = edge.passage()
    passage["data"] |= {"plate": None, "plate_digest": "5a" * 32, "plate_kind": "small_blue", "speed_class": "slow"}
    publish(peer, edge, passage)
    wait_until(lambda: found(browser, ".feed li"))
    assert "plate kept as a hash" in browser.find_element(By.CSS_SELECTOR, ".feed li").text
    assert "unreadable" not in browser.page_source


def words_by_language() -> dict[str, list[str]]:
    """Language → the keys of all modules, in their order; a key that stands in two modules is there twice."""
    found: dict[str, list[str]] = {"en": [], "zh": []}
    for module in sorted((STATIC / "words").glob("*.js")):
        for language, body in re.findall(
            r"export const (en|zh) = \{(.*?)^\};", module.read_text(), re.MULTILINE | re.DOTALL
        ):
            text = re.sub(r'"(?:[^"\\]|\\.)*"|`[^`]*`', '""', body)
            found[language] += re.findall(r"(?:^|[,{]\s*)\s*([a-zA-Z_]\w*):", text, re.MULTILINE)
    return found


def test_both_languages_have_the_same_words_once_and_all_that_are_said() -> None:
    keys = words_by_language()
    assert set(keys["en"]) == set(keys["zh"])
    assert sorted(set(keys["en"])) == sorted(keys["en"])
    scripts = [file for file in STATIC.rglob("*.js") if "vendor" not in file.parts and "words" not in file.parts]
    used = {key for file in scripts for key in re.findall(r'\bsay\("(\w+)"', file.read_text())}
    views = set(re.findall(r'name: "([\w-]+)"', (STATIC / "views" / "index.js").read_text()))
    assert len(used) > 50
    assert (used | views) - set(keys["en"]) == set()


def test_every_module_of_words_is_loaded() -> None:
    index = (STATIC / "words" / "index.js").read_text()
    modules = {file.name for file in (STATIC / "words").glob("*.js")} - {"index.js", "problems.js"}
    assert {name for name in modules if f'"./{name}"' not in index} == set()


def test_the_lock_file_names_no_registry() -> None:
    lock = (Path(fetch.__file__).parent / "package-lock.json").read_text()
    assert "resolved" not in lock
    assert "http" not in lock


def test_fetching_offline_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(fetch.FetchError, match="is this machine online"):
        fetch.fetch(tmp_path / "vendor")
    assert not (tmp_path / "vendor").exists()
