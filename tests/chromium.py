"""Real browsers for tests of the page: Debian's Chromium, headless, of a width and a language; and what a test asks of
a page, by what it shows and never by how it is drawn at this instant.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from collector_process import CollectorProcess, wait_until
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from services import require

from collector import people
from collector.access import Role
from collector.database import Database
from collector.instants import system_clock
from collector.people import Person
from simulator.screen_load.desks import open_browser

Browser = webdriver.Chrome
LANGUAGES = ("en-GB", "zh-CN")
PASSWORD = "correct horse battery"
PATIENCE_S = 60.0
"""Until something is to be seen, where many other programs run; what must be quick is measured by itself."""
PICTURES = os.environ.get("WATCHPOST_PICTURES")
"""A folder for screenshots of the guide; without it none are taken."""
_TEXT = "return [...document.querySelectorAll(arguments[0])].map((one) => one.innerText).join('\\n')"
_CHOOSE = """
const list = document.querySelector(arguments[0]);
if (![...(list?.options ?? [])].some(({ value }) => value === arguments[1])) return false;
list.value = arguments[1];
list.dispatchEvent(new Event("change", { bubbles: true }));
return true;
"""
_SAY = """
const [done, key, values] = [arguments[arguments.length - 1], arguments[0], arguments[1]];
import("/static/words/index.js").then(({ WORDS }) => {
  const word = WORDS[document.documentElement.lang.startsWith("zh") ? "zh" : "en"][key];
  done(typeof word === "function" ? word(...values) : word);
});
"""


def browsers(folder: Path) -> Iterator[Callable[..., Browser]]:
    """For a fixture: opens a fresh browser at each call, and closes all of them in the end."""
    opened: list[Browser] = []
    programs = require("chromium"), require("chromedriver", "chromium-driver")

    def start(width: int = 1280, language: str = "en-GB", height: int = 900) -> Browser:
        own = folder / f"browser-{len(opened)}"
        opened.append(open_browser(programs, own, language, (width, height), logging=True))
        return opened[-1]

    yield start
    for browser in opened:
        browser.quit()


def all_of(browser: Browser, selector: str) -> list[WebElement]:
    """What is there now."""
    return browser.find_elements(By.CSS_SELECTOR, selector)


def one(browser: Browser, selector: str, timeout_s: float = PATIENCE_S) -> WebElement:
    """The first such element, as soon as it is there: looked for once, for at a second look it may be gone again."""
    found: list[WebElement] = []

    def there() -> bool:
        found[:] = all_of(browser, selector)
        return bool(found)

    wait_until(there, timeout_s)
    return found[0]


def text(browser: Browser, selector: str) -> str:
    """What the page shows there at this instant, whatever is drawn anew meanwhile."""
    return str(browser.execute_script(_TEXT, selector))


def says(browser: Browser, selector: str, words: str) -> None:
    """Wait until the page shows these words there."""
    wait_until(lambda: words in text(browser, selector), PATIENCE_S)


def word(browser: Browser, key: str, *values: Any) -> str:
    """What the page calls this in its language: a test need not know both."""
    found = browser.execute_async_script(_SAY, key, values)
    assert isinstance(found, str), f"no word {key!r}"
    return found


def sign_in(browser: Browser, running: CollectorProcess, role: str = "operator", view: str = "") -> None:
    """By a link, as `collector sign-in-link` makes it; `view` such as `#/map`."""
    browser.get(running.sign_in_link(role))
    one(browser, ".stream.live")
    if view:
        browser.get(f"{running.url}/{view}")


def person(running: CollectorProcess, name: str, role: Role) -> None:
    """Let somebody in, with PASSWORD."""

    async def add(store: Database) -> str:
        await people.add(store, Person(name, name, role), PASSWORD, by="test", now_us=system_clock())
        return name

    running.with_store(add)


def sign_in_as(browser: Browser, running: CollectorProcess, name: str, view: str = "") -> None:
    """With name and PASSWORD, by keyboard only."""
    browser.get(f"{running.url}/{view}")
    one(browser, "input[name=name]").send_keys(name, Keys.TAB, PASSWORD, Keys.ENTER)
    one(browser, ".stream.live")


def choose(browser: Browser, selector: str, value: str) -> None:
    """Choose a line of a list, as soon as it is offered; forms may begin anew while they load."""
    wait_until(lambda: browser.execute_script(_CHOOSE, selector, value), PATIENCE_S)


def resize(browser: Browser, width: int, height: int = 900) -> None:
    """Another window size, in pixels."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def fits(browser: Browser, width: int) -> bool:
    """Whether nothing is wider than the window."""
    return bool(browser.execute_script("return document.documentElement.scrollWidth") <= width)


def errors(browser: Browser, *expected: str) -> list[str]:
    """What the page's console has complained of, but for lines with these words."""
    said = [str(entry["message"]) for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    return [line for line in said if not any(part in line for part in expected)]


def picture(browser: Browser, name: str) -> None:
    """Take a screenshot, when somebody wants pictures."""
    if PICTURES:
        content = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"]
        (Path(PICTURES) / f"{name}.png").write_bytes(base64.b64decode(content))
