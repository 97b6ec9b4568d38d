"""Real browsers for tests of the page: Debian's Chromium, headless, of a width and a language."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from selenium import webdriver
from services import require

Browser = webdriver.Chrome
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def browsers(folder: Path) -> Iterator[Callable[..., Browser]]:
    """For a fixture: opens a fresh browser at each call, and closes all of them in the end."""
    opened: list[Browser] = []

    def start(width: int = 1280, language: str = "en-GB", height: int = 900) -> Browser:
        options = webdriver.ChromeOptions()
        options.binary_location = require("chromium")
        for flag in (*FLAGS, f"--user-data-dir={folder / f'browser-{len(opened)}'}", f"--lang={language}"):
            options.add_argument(flag)
        options.add_experimental_option("prefs", {"intl.accept_languages": language})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.ChromeService(require("chromedriver", "chromium-driver"))
        browser = webdriver.Chrome(options=options, service=driver)
        opened.append(browser)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        return browser

    yield start
    for browser in opened:
        browser.quit()
