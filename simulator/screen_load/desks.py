"""Desks: real browsers, each with a page open, which notes by itself when an alert stands on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from simulator.faults.services import find_program

PATIENCE_S = 60
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_NOTE_ARRIVALS = """
window.arrivals = {};
const look = () => {
  for (const row of document.querySelectorAll("[data-alert]")) {
    const id = row.dataset.alert;
    if (id in arrivals) continue;
    arrivals[id] = null;
    requestAnimationFrame(() => setTimeout(() => { arrivals[id] = Date.now(); }, 0)); // after it was painted
  }
};
new MutationObserver(look).observe(document, { childList: true, subtree: true });
"""


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one page, in MB."""

    script_mb: float
    """What the page's own objects take, after a clean-up."""
    nodes: int


class Desk:
    """One browser with one page."""

    def __init__(self, browser: webdriver.Chrome) -> None:
        self._browser = browser

    def sign_in(self, link: str) -> None:
        """Open the page; return when it is live."""
        self._browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _NOTE_ARRIVALS})
        self._browser.get(link)
        WebDriverWait(self._browser, PATIENCE_S).until(
            lambda browser: browser.find_elements(By.CSS_SELECTOR, ".stream.live")
        )

    def arrivals(self) -> dict[str, int]:
        """Alert id → when it stood on the page, milliseconds since the epoch."""
        found: dict[str, int | None] = self._browser.execute_script("return arrivals")
        return {alert: at for alert, at in found.items() if at is not None}

    def memory(self) -> Memory:
        """What the page takes."""
        self._browser.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
        self._browser.execute_cdp_cmd("Performance.enable", {})
        metrics = self._browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
        by_name = {one["name"]: one["value"] for one in metrics}
        return Memory(round(by_name["JSHeapUsedSize"] / 1e6, 1), int(by_name["Nodes"]))

    def resident_mb(self) -> float:
        """Of all the browser's processes; what they share counts once for each."""
        own = psutil.Process(self._browser.service.process.pid).children(recursive=True)
        return sum(one.memory_info().rss for one in own) / 1e6


def open_browser(
    programs: tuple[str, str],
    folder: Path,
    language: str,
    size: tuple[int, int] = (1280, 900),
    *,
    logging: bool = False,
) -> webdriver.Chrome:
    """A fresh browser of Chromium and its driver (their paths), with a window of so many pixels.

    With `logging` it notes all that the page asks for and complains of.
    """
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for flag in (*_FLAGS, f"--user-data-dir={folder}", f"--lang={language}"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"intl.accept_languages": language})
    if logging:
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(programs[1]))
    window = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", window)
    return browser


@contextmanager
def desks(number: int, folder: Path) -> Iterator[list[Desk]]:
    """So many browsers, each with a folder of its own. Raises MissingProgram."""
    with ExitStack() as stack:
        programs = find_program("chromium"), find_program("chromedriver", "chromium-driver")
        found = []
        for index in range(number):
            browser = open_browser(programs, folder / f"desk-{index}", "zh-CN")
            stack.callback(browser.quit)
            found.append(Desk(browser))
        yield found
