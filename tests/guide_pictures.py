"""Takes the pictures of the operator's guide from a running demo, with something of everything in it.

make demo                                            # prints a sign-in link; wait until a watched car has passed
python tests/guide_pictures.py LINK docs/guide       # LINK: of an administrator, not used yet
"""

from __future__ import annotations

import base64
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chromium import PASSWORD, Browser, browsers, one, resize, says
from selenium.webdriver.common.keys import Keys

Start = Callable[..., Browser]
_ASK = """
const [method, path, body, done] = arguments;
fetch(`/api/v1${path}`, { method, headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body) })
  .then((answer) => answer.json()).then(done, () => done(null));
"""
REASON = "case 2026-113"


def ask(browser: Browser, method: str, path: str, body: Any = None) -> Any:
    """What the collector answers to this page's own user."""
    return browser.execute_async_script(_ASK, method, path, body)


def take(browser: Browser, path: Path, size: tuple[int, int], clip: dict[str, float] | None = None) -> None:
    """A picture of the window, JPEG or PNG by its name; `clip`: only this part of it."""
    resize(browser, *size)
    time.sleep(1.5)  # pictures and maps settle
    kind = {".jpg": {"format": "jpeg", "quality": 82}, ".png": {"format": "png"}}[path.suffix]
    more = {} if clip is None else {"clip": {**clip, "scale": 1}, "captureBeyondViewport": True}
    content = browser.execute_cdp_cmd("Page.captureScreenshot", {**kind, **more})["data"]
    path.write_bytes(base64.b64decode(content))
    print(path)


def signed_in(start: Start, address: str, name: str, language: str, width: int = 1440) -> Browser:
    """As somebody of this name, with PASSWORD."""
    browser = start(width, language)
    browser.get(address)
    one(browser, "input[name=name]").send_keys(name, Keys.TAB, PASSWORD, Keys.ENTER)
    one(browser, ".stream.live", 60)
    return browser


def newest(browser: Browser, kind: str, most_s: float = 240) -> str:
    """Id of the newest open alert of this type, as soon as there is one with a picture."""
    end = time.monotonic() + most_s
    while time.monotonic() < end:
        items = ask(browser, "GET", f"/alerts?state=open&type={kind}")["items"]
        for item in items:
            if any(proof["role"] == "snapshot" and proof["stored"] for proof in item["evidence"]):
                return str(item["alert_id"])
        time.sleep(2)
    raise SystemExit(f"no alert {kind} came within {most_s:.0f} s: is the demo running?")


def let_in(browser: Browser) -> None:
    """The people whose names stand in the pictures; who is there already stays."""
    for name, full_name, role in (("li.wei", "李伟", "operator"), ("zhou.jie", "周洁", "auditor")):
        person = {"name": name, "full_name": full_name, "role": role, "password": PASSWORD}
        answer = ask(browser, "POST", "/users", person)
        assert "name" in answer or "already" in str(answer), answer


def alerts(operator: Browser, address: str, folder: Path) -> str:
    """A fall and a hit; the id of the fall."""
    fall = newest(operator, "falling_object")
    for kind, name in (("falling_object", "alert.jpg"), ("watchlist_hit", "hit.jpg")):
        operator.get(f"{address}/#/alerts/{newest(operator, kind)}")
        one(operator, ".detail .frame img")
        take(operator, folder / name, (1440, 900))
    return fall


def tasks(operator: Browser, address: str, folder: Path) -> None:
    """A few units sent."""
    units = [unit["unit"] for unit in ask(operator, "GET", "/units?on_duty=true")]
    waiting = ask(operator, "GET", "/alerts?state=new&severity=critical&severity=warning")["items"]
    for unit, alert in zip(units * 2, waiting[1:], strict=False):
        ask(operator, "POST", f"/alerts/{alert['alert_id']}/steps", {"state": "assigned", "unit": unit})
    operator.get(f"{address}/#/tasks")
    one(operator, ".board")
    take(operator, folder / "tasks.jpg", (1200, 640))


def vehicles(operator: Browser, address: str, folder: Path) -> None:
    """A search and the list, with a reason."""
    operator.get(f"{address}/#/vehicles")
    one(operator, ".reason input").send_keys(REASON, Keys.ENTER)
    says(operator, ".reason.held", REASON)
    one(operator, ".passages")
    take(operator, folder / "vehicles.png", (1280, 900))
    operator.get(f"{address}/#/watchlist")
    one(operator, ".watchlist table")
    take(operator, folder / "watchlist.png", (1280, 900))
    one(operator, ".reason.held button").click()


def record(auditor: Browser, address: str, folder: Path) -> None:
    """The record, with a reason."""
    auditor.get(f"{address}/#/audit")
    one(auditor, ".reason input").send_keys("quarterly audit", Keys.ENTER)
    says(auditor, ".reason.held", "quarterly audit")
    one(auditor, ".acts")
    take(auditor, folder / "audit.png", (1280, 900))


def duty(admin: Browser, address: str, folder: Path) -> None:
    """Due times, what is near and what one case, and who is told."""
    resize(admin, 1280, 2400)
    admin.get(f"{address}/#/administration")
    one(admin, ".limit")
    boxes = [one(admin, selector).rect for selector in (".due-times", ".channels")]
    top = boxes[0]["y"] - 8
    area = {"x": boxes[0]["x"] - 8, "y": top, "width": boxes[0]["width"] + 16}
    take(admin, folder / "duty.png", (1280, 2400), {**area, "height": boxes[1]["y"] + boxes[1]["height"] - top + 8})


def main(link: str, folder: Path) -> None:
    """Take all of them."""
    parts = urlsplit(link)
    with tempfile.TemporaryDirectory(prefix="watchpost-pictures-", ignore_cleanup_errors=True) as scratch:
        opened = browsers(Path(scratch))
        try:
            all_pictures(next(opened), link, f"{parts.scheme}://{parts.netloc}", folder)
        finally:
            next(opened, None)


def all_pictures(start: Start, link: str, address: str, folder: Path) -> None:
    """In the order in which one leads to another."""
    admin = start(1280, "en-GB")
    admin.get(link)
    one(admin, ".stream.live", 60)
    let_in(admin)
    operator = signed_in(start, address, "li.wei", "en-GB")
    fall = alerts(operator, address, folder)
    for view, shown in (("map", ".pin"), ("devices", ".devices table")):
        operator.get(f"{address}/#/{view}")
        one(operator, shown)
        take(operator, folder / f"{view}.png", (1440, 900))
    phone = signed_in(start, address, "li.wei", "zh-CN", 390)
    phone.get(f"{address}/#/alerts/{fall}")
    one(phone, ".detail .frame img")
    take(phone, folder / "phone.jpg", (390, 844))
    tasks(operator, address, folder)
    vehicles(operator, address, folder)
    record(signed_in(start, address, "zhou.jie", "en-GB"), address, folder)
    duty(admin, address, folder)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]))
