"""`python -m simulator handling`: how soon a scripted hand has confirmed or dismissed an alert, from opening the page.

The hand knows the way and thinks nothing: what a person needs to look and to decide comes on top of these figures. They
say how much of the ten seconds that a person should need is taken by the program, and how many keys or clicks it takes.
"""

from __future__ import annotations

import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click
import psutil
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from simulator.faults.services import MissingProgram, find_program
from simulator.faults.telling import tell
from simulator.figures import COUNT, FIGURES_FILE
from simulator.screen_load.command import Site
from simulator.screen_load.desks import PATIENCE_S, open_browser
from simulator.screen_load.duty import Duty


@dataclass(frozen=True, slots=True)
class Act:
    """One press or click, and what the page must show before the next one."""

    do: str
    """A key, or the selector of what is clicked."""
    then: str
    """JavaScript that is true when the page shows it."""


PICTURE = "document.querySelector('.detail .frame img')?.complete"
ASKED = "document.querySelector('button.cause')"
DISMISSED = "document.querySelector('.detail button.do.new')"
CONFIRMED = "document.querySelector('.detail .actions') && !document.querySelector('.detail button.do.acknowledged')"
WAYS: dict[str, tuple[Act, ...]] = {
    "confirm_by_keys": (Act("j", PICTURE), Act("a", CONFIRMED)),
    "dismiss_by_keys": (Act("j", PICTURE), Act("d", ASKED), Act("1", DISMISSED)),
    "dismiss_by_clicks": (
        Act(".choose button", PICTURE),
        Act(".detail button.do.dismissed", ASKED),
        Act("button.cause", DISMISSED),
    ),
}


@dataclass(frozen=True, slots=True)
class Handled:
    """Figures of one run. Seconds from asking for the page in a signed-in browser to the page showing the new state."""

    events_in_store: int
    times_each: int
    width_px: int
    confirm_keys: int
    dismiss_keys: int
    dismiss_clicks: int
    confirm_by_keys_s: float
    confirm_by_keys_s_longest: float
    dismiss_by_keys_s: float
    dismiss_by_keys_s_longest: float
    dismiss_by_clicks_s: float
    dismiss_by_clicks_s_longest: float
    until_picture_s: float
    """Of that, until the picture of the alert stood on the page, for ways and times together."""
    cores: int
    load_per_core: float


@click.command("handling")
@click.option("--times", type=COUNT, default=10, show_default=True, help="Alerts for each way.")
@click.option("--events", type=COUNT, default=100_000, show_default=True, help="In the store before it begins.")
@click.option("--width", type=COUNT, default=1280, show_default=True, help="Of the window, pixels; 390 is a phone.")
@click.option("--json", "json_file", type=FIGURES_FILE, help="Write the figures here.")
def handling_command(times: int, events: int, width: int, json_file: Path | None) -> None:
    """Measure how soon a scripted hand confirms or dismisses an alert, from opening the page."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="watchpost-hand-", ignore_cleanup_errors=True) as folder:
            tell(measure_handling(Path(folder), times, events, width), json_file)
    except MissingProgram as error:
        raise click.ClickException(str(error)) from error


def measure_handling(folder: Path, times: int, events: int, width: int) -> Handled:
    """One run."""
    with ExitStack() as stack:
        site, duty = Site(folder, stack, events), Duty()
        site.say(duty.first())
        programs = find_program("chromium"), find_program("chromedriver", "chromium-driver")
        browser = open_browser(programs, folder / "hand", "zh-CN", (width, 900))
        stack.callback(browser.quit)
        browser.get(site.link("hand"))
        _until(browser, "document.querySelector('.stream.live')")
        took: dict[str, list[float]] = {name: [] for name in WAYS}
        pictures: list[float] = []
        for _ in range(times):
            for name, acts in WAYS.items():
                _fall(site, duty)
                picture_s, whole_s = _handle(browser, site.address, acts)
                took[name].append(whole_s)
                pictures.append(picture_s)
        longest = {f"{name}_s_longest": round(max(found), 2) for name, found in took.items()}
        median = {f"{name}_s": round(statistics.median(found), 2) for name, found in took.items()}
        return Handled(
            events_in_store=events,
            times_each=times,
            width_px=width,
            confirm_keys=len(WAYS["confirm_by_keys"]),
            dismiss_keys=len(WAYS["dismiss_by_keys"]),
            dismiss_clicks=len(WAYS["dismiss_by_clicks"]),
            **median,
            **longest,
            until_picture_s=round(statistics.median(pictures), 2),
            cores=psutil.cpu_count() or 1,
            load_per_core=round(psutil.getloadavg()[0] / (psutil.cpu_count() or 1), 1),
        )


def _fall(site: Site, duty: Duty) -> None:
    """The next fall, in the store with its picture. It is what stands on top: critical, and nobody has taken it."""
    made = duty.alert()
    while made.picture is None:
        made = duty.alert()
    site.say(made)
    _wait(lambda: made.event_id in site.raised())


def _handle(browser: webdriver.Chrome, address: str, acts: Sequence[Act]) -> tuple[float, float]:
    """Seconds until the picture stands there, and until all is done."""
    browser.get("about:blank")
    begun_s = time.monotonic()
    browser.get(address)
    _until(browser, "document.querySelector('.choose button, button.alert.critical.new')")
    picture_s = 0.0
    for act in acts:
        _do(browser, act.do)
        _until(browser, act.then)
        if act.then == PICTURE:
            picture_s = time.monotonic() - begun_s
    return picture_s, time.monotonic() - begun_s


def _do(browser: webdriver.Chrome, what: str) -> None:
    if len(what) == 1:
        browser.find_element(By.TAG_NAME, "body").send_keys(what)
    else:
        found = browser.find_elements(By.CSS_SELECTOR, what)
        shown = [one for one in found if one.is_displayed()]
        (shown or browser.find_elements(By.CSS_SELECTOR, "button.alert.critical.new"))[0].click()


def _until(browser: webdriver.Chrome, true: str) -> None:
    WebDriverWait(browser, PATIENCE_S, poll_frequency=0.02).until(lambda one: one.execute_script(f"return !!({true})"))


def _wait(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError("the collector has not raised the alert")
        time.sleep(0.05)
