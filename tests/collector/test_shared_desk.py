"""One desk, several people: what one leaves behind in the browser is nobody else's; with a real Chromium."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from chromium import LANGUAGES, Browser, all_of, one, says, text, word
from collector_process import CollectorProcess, MqttPeer, publish
from sample_events import SampleEdge
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.services
PLATE, MASKED = "京A12345", "京A·1**45"


def by_link(browser: Browser, running: CollectorProcess, role: str) -> None:
    """Sign in on the sign-in page that is open, as somebody of this role."""
    browser.get(running.sign_in_link(role))
    says(browser, ".who", role)
    one(browser, ".stream.live")


def gives_a_reason(browser: Browser) -> None:
    one(browser, ".reason input").send_keys("case 2026-113", Keys.ENTER)
    says(browser, ".passages", PLATE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_reason_ends_with_its_giver(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser], language: str
) -> None:
    publish(peer, SampleEdge(), SampleEdge().passage(PLATE, PLATE))
    browser = browse(language=language)
    by_link(browser, running, "operator")
    browser.get(f"{running.url}/#/vehicles")
    says(browser, ".passages", MASKED)
    gives_a_reason(browser)
    one(browser, ".leave").click()
    one(browser, ".sign-in")
    by_link(browser, running, "admin")
    browser.get(f"{running.url}/#/vehicles")
    says(browser, ".passages", MASKED)
    assert PLATE not in browser.page_source
    assert all_of(browser, ".reason input"), "the next one is asked what for"


def test_tabs_follow_who_signs_in_over_somebody(
    running: CollectorProcess, peer: MqttPeer, browse: Callable[..., Browser]
) -> None:
    publish(peer, SampleEdge(), SampleEdge().passage(PLATE, PLATE))
    browser = browse()
    by_link(browser, running, "operator")
    browser.get(f"{running.url}/#/vehicles")
    gives_a_reason(browser)
    cookie = browser.get_cookie("watchpost_session")
    first = browser.current_window_handle
    browser.switch_to.new_window("tab")
    by_link(browser, running, "viewer")
    browser.switch_to.window(first)
    says(browser, ".who", "viewer")
    says(browser, ".passages", MASKED)
    assert PLATE not in text(browser, "body")
    assert word(browser, "platesMasked") in text(browser, ".reason")
    assert cookie is not None
    browser.delete_all_cookies()
    browser.add_cookie({"name": cookie["name"], "value": cookie["value"]})
    browser.refresh()
    one(browser, ".sign-in")  # the session that was signed over has ended
