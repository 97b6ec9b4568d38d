"""`python -m simulator screenload`: a full store, a real broker, a real collector, open pages in real browsers."""

from __future__ import annotations

import signal
import sqlite3
import statistics
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import click
import httpx
import psutil

from simulator.faults.query_speed import fill
from simulator.faults.services import MissingProgram, Mosquitto, free_port
from simulator.faults.telling import tell
from simulator.figures import AMOUNT, COUNT, FIGURES_FILE
from simulator.screen_load.desks import Desk, desks
from simulator.screen_load.duty import Duty, Made
from simulator.stack import HOST, Stack, call
from simulator.subscriber import publish

GOAL_MS = 1000
_START_TIMEOUT_S = 60.0
_LAST_MAY_TAKE_S = 5.0


@dataclass(frozen=True, slots=True)
class ScreenLoad:
    """Figures of one run. Delays are from the begin of the transaction that commits an alert to the end of the frame
    in which it stands on a page, each alert on each page."""

    events_in_store: int
    pages: int
    minutes: float
    alerts: int
    passages: int
    seen: int
    """Alerts on pages; all of them when it is alerts x pages."""
    within_1_s: int
    delay_ms_p50: float
    delay_ms_p95: float
    delay_ms_p99: float
    delay_ms_max: float
    collector_mb_before: float
    collector_mb_after: float
    collector_cpu_s_per_minute: float
    page_script_mb_before: float
    page_script_mb_after: float
    page_nodes_before: int
    page_nodes_after: int
    browser_mb_after: float
    """Of one browser with one page, all its processes; median."""
    cores: int
    load_per_core: float


@click.command("screenload")
@click.option("--minutes", type=AMOUNT, default=5.0, show_default=True)
@click.option("--pages", type=COUNT, default=10, show_default=True, help="Browsers, each with a page open.")
@click.option("--per-minute", type=COUNT, default=20, show_default=True, help="Alerts.")
@click.option("--events", type=COUNT, default=100_000, show_default=True, help="In the store before it begins.")
@click.option("--json", "json_file", type=FIGURES_FILE, help="Write the figures here.")
def screenload_command(minutes: float, pages: int, per_minute: int, events: int, json_file: Path | None) -> None:
    """Measure how soon open pages show an alert, and what pages and collector take."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # browsers and programs are ended as by Ctrl-C
    try:
        with tempfile.TemporaryDirectory(prefix="watchpost-screen-", ignore_cleanup_errors=True) as folder:
            figures = measure(Path(folder), minutes, pages, per_minute, events)
    except MissingProgram as error:
        raise click.ClickException(str(error)) from error
    tell(figures, json_file)
    if figures.seen < figures.alerts * figures.pages:
        raise click.ClickException(f"{figures.alerts * figures.pages - figures.seen} alerts were not shown in time")


class Site:
    """Broker and collector of one run."""

    def __init__(self, folder: Path, stack: ExitStack, events: int) -> None:
        self.folder = folder
        self.broker = Mosquitto(folder / "broker")
        self.broker.start()
        stack.callback(self.broker.kill)
        self._data = ["--data", str(folder / "collector")]
        self.token = call(["collector", "token", "create", "gate-1", "--role", "edge", *self._data])
        self.store = folder / "collector" / "collector.db"
        fill(self.store, None, events)
        self._make_recent()
        self.address = f"http://{HOST}:{free_port()}"
        programs = stack.enter_context(Stack(folder))
        port = self.address.rpartition(":")[2]
        options = ["--mqtt-url", self.broker.url, "--port", port]
        part = programs.start("collector", ["collector", "run", *self._data, *options])
        programs.wait_for("collector", self._is_ready, _START_TIMEOUT_S)
        self.process = psutil.Process(part.process.pid)

    def link(self, name: str) -> str:
        """A sign-in link for an operator."""
        asked = ["--name", name, "--role", "operator", "--base-url", self.address]
        return call(["collector", "sign-in-link", *asked, *self._data])

    def say(self, made: Made) -> None:
        """Publish an event, then bring its picture, as an edge does."""
        publish(self.broker.url, made.topic, made.payload)
        if made.picture is not None:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "image/jpeg"}
            address = f"{self.address}/api/v1/evidence/{made.sha256}"
            httpx.put(address, content=made.picture, headers=headers, timeout=30).raise_for_status()

    def raised(self) -> dict[str, tuple[str, int]]:
        """Event id → (alert id, when its transaction began, milliseconds since the epoch)."""
        with closing(sqlite3.connect(self.store)) as store:
            rows = store.execute("SELECT event_id, alert_id, raised_us FROM alerts").fetchall()
        return {event: (alert, raised_us // 1000) for event, alert, raised_us in rows}

    def memory_mb(self) -> float:
        """Resident, of the collector."""
        return float(self.process.memory_info().rss / 1e6)

    def cpu_s(self) -> float:
        """Processor time that the collector has used."""
        used = self.process.cpu_times()
        return float(used.user + used.system)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.address}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def _make_recent(self) -> None:
        """The newest event of the store has just happened: figures of the last day have something to count."""
        with closing(sqlite3.connect(self.store)) as store:
            (newest,) = store.execute("SELECT max(occurred_us) FROM events").fetchone()
            later = int(time.time() * 1e6) - newest - 60_000_000
            for table, columns in (("events", ("occurred_us", "received_us")), ("passages", ("seen_us",))):
                change = ", ".join(f"{column} = {column} + {later}" for column in columns)
                store.execute(f"UPDATE {table} SET {change}")  # noqa: S608 -- the statement is our own words
            store.commit()


def measure(folder: Path, minutes: float, pages: int, per_minute: int, events: int) -> ScreenLoad:
    """One run."""
    with ExitStack() as stack:
        site = Site(folder, stack, events)
        duty = Duty()
        site.say(duty.first())
        open_desks = stack.enter_context(desks(pages, folder))
        for index, desk in enumerate(open_desks):
            desk.sign_in(site.link(f"desk-{index}"))
        time.sleep(3.0)  # until every page has loaded what it shows at first
        before = [desk.memory() for desk in open_desks]
        collector_before, cpu_before = site.memory_mb(), site.cpu_s()
        made, passages = _alarm(site, duty, minutes, per_minute)
        took_min = minutes + _LAST_MAY_TAKE_S / 60
        cpu = (site.cpu_s() - cpu_before) / took_min
        delays = _delays(site, open_desks, made)
        after = [desk.memory() for desk in open_desks]
        return ScreenLoad(
            events_in_store=events,
            pages=pages,
            minutes=minutes,
            alerts=len(made),
            passages=passages,
            seen=len(delays),
            within_1_s=sum(delay <= GOAL_MS for delay in delays),
            delay_ms_p50=_part(delays, 0.5),
            delay_ms_p95=_part(delays, 0.95),
            delay_ms_p99=_part(delays, 0.99),
            delay_ms_max=_part(delays, 1.0),
            collector_mb_before=round(collector_before, 1),
            collector_mb_after=round(site.memory_mb(), 1),
            collector_cpu_s_per_minute=round(cpu, 1),
            page_script_mb_before=statistics.median(one.script_mb for one in before),
            page_script_mb_after=statistics.median(one.script_mb for one in after),
            page_nodes_before=int(statistics.median(one.nodes for one in before)),
            page_nodes_after=int(statistics.median(one.nodes for one in after)),
            browser_mb_after=round(statistics.median(desk.resident_mb() for desk in open_desks), 1),
            cores=psutil.cpu_count() or 1,
            load_per_core=round(psutil.getloadavg()[0] / (psutil.cpu_count() or 1), 1),
        )


def _alarm(site: Site, duty: Duty, minutes: float, per_minute: int) -> tuple[list[Made], int]:
    """Alerts at even times, a passage between each two; return them when the last one should be everywhere."""
    made: list[Made] = []
    begun_s, pause_s = time.monotonic(), 60.0 / per_minute
    wanted = round(minutes * per_minute)
    for number in range(wanted):
        _sleep_until(begun_s + number * pause_s)
        made.append(duty.alert())
        site.say(made[-1])
        _sleep_until(begun_s + (number + 0.5) * pause_s)
        site.say(duty.passage())
    _sleep_until(begun_s + minutes * 60)
    time.sleep(_LAST_MAY_TAKE_S)
    return made, wanted


def _sleep_until(moment_s: float) -> None:
    time.sleep(max(0.0, moment_s - time.monotonic()))


def _delays(site: Site, open_desks: list[Desk], made: list[Made]) -> list[float]:
    """Milliseconds, ascending, of each alert on each page where it stands."""
    raised = site.raised()
    found = []
    for desk in open_desks:
        arrived = desk.arrivals()
        for one in made:
            alert, at_ms = raised[one.event_id]
            if alert in arrived:
                found.append(float(arrived[alert] - at_ms))
    return sorted(found)


def _part(ascending: list[float], part: float) -> float:
    return ascending[min(len(ascending) - 1, int(part * len(ascending)))] if ascending else 0.0
