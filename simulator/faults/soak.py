"""`python -m simulator soak`: nothing breaks for a long time; memory, files and delays are written down all the while.

The parts are those of the fault matrix. A steady load with evidence runs through edges, broker and collector; what
would grow without end (a list that nobody empties, a log that is never cut) shows as a line that climbs.
"""

from __future__ import annotations

import importlib
import random
import statistics
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import psutil

from simulator.faults.services import MissingProgram
from simulator.faults.world import World
from simulator.figures import AMOUNT, COUNT, FIGURES_FILE, PLOT_FILE, write_figures

_DRAIN_S = 300.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. Memory is what lies in RAM (RSS), in MB; delays are of the events since the look before, in ms."""

    minute: float
    events: int
    collector_mb: float
    edges_mb: float
    broker_mb: float
    outboxes_mb: float
    store_mb: float
    delay_ms_p50: float
    delay_ms_p99: float


@click.command("soak")
@click.option("--minutes", type=AMOUNT, default=32.0, show_default=True)
@click.option("--rate", type=AMOUNT, default=60.0, show_default=True, help="Events per second of all edges together.")
@click.option("--edges", type=COUNT, default=2, show_default=True)
@click.option("--every", "every_s", type=AMOUNT, default=10.0, show_default=True, help="Seconds between two looks.")
@click.option("--json", "json_file", type=FIGURES_FILE, help="Write the figures here.")
@click.option("--plot", "plot_file", type=PLOT_FILE, help="Draw them here.")
def soak_command(
    minutes: float, rate: float, edges: int, every_s: float, json_file: Path | None, plot_file: Path | None
) -> None:
    """Run a steady load for long; tell whether memory stays as it is."""
    plots = None if plot_file is None else _plots()
    try:
        with tempfile.TemporaryDirectory(prefix="watchpost-soak-") as folder:
            report = measure(Path(folder), minutes, rate, edges, every_s)
    except MissingProgram as error:
        raise click.ClickException(str(error)) from error
    for name, value in report["total"].items():
        click.echo(f"{name:>28}: {value}")
    write_figures(report, json_file)
    if plots is not None:
        plots.plot_soak(report, plot_file)


def _plots() -> ModuleType:
    """Only those who draw need the plotting library; before the run, not after it. Raises click.ClickException."""
    try:
        return importlib.import_module("simulator.faults.plots")
    except ModuleNotFoundError as error:
        told = f"--plot: {error.name} is not installed: pip install 'watchpost[dev]'"
        raise click.ClickException(told) from error


def measure(folder: Path, minutes: float, rate: float, edges: int, every_s: float) -> dict[str, Any]:
    """One run; the report is what the JSON file holds."""
    samples: list[Sample] = []
    with World(folder, random.Random(1), edge_count=edges, rate=rate) as world:
        world.wait_load()
        begun_s, row = time.monotonic(), 0
        while time.monotonic() < begun_s + minutes * 60:
            world.wait(every_s)
            sample, row = _look(world, (time.monotonic() - begun_s) / 60, row)
            samples.append(sample)
        for edge in world.edges:
            edge.runner.order("rate 0.001")
        world.wait(2.0)
        ended_s = time.monotonic()
        world.wait(_DRAIN_S, lambda: world.has_all(time.monotonic()) and world.has_all_evidence())
        drained_s = time.monotonic() - ended_s
        missing = {"events_missing": world.lacking(), "files_missing": world.lacking_evidence()}
        alerts = int(world.store.rows("SELECT count(*) FROM alerts")[0][0])
    cores = psutil.cpu_count() or 1
    total = {
        "minutes": round(samples[-1].minute, 1),
        "events": samples[-1].events,
        "alerts": alerts,
        "everything_arrived": not any(missing.values()),
        "drained_s": round(drained_s, 1),
        **missing,
        **growths(samples),
        "collector_mb_max": max(one.collector_mb for one in samples),
        "edges_mb_max": max(one.edges_mb for one in samples),
        "delay_ms_p50": statistics.median(one.delay_ms_p50 for one in samples),
        "delay_ms_p99_median": statistics.median(one.delay_ms_p99 for one in samples),
    }
    run = {"rate": rate, "edges": edges, "cores": cores, "load_per_core": round(psutil.getloadavg()[0] / cores, 1)}
    return {"total": total, "run": run, "samples": [asdict(one) for one in samples]}


def growths(samples: Sequence[Sample]) -> dict[str, float]:
    """MB an hour over the second half: before, caches fill (SQLite's takes up to 72 MB while its file grows)."""
    settled = [one for one in samples if one.minute >= samples[-1].minute / 2]
    return {
        "collector_mb_per_hour": growth([(one.minute / 60, one.collector_mb) for one in settled]),
        "edges_mb_per_hour": growth([(one.minute / 60, one.edges_mb) for one in settled]),
        "broker_mb_per_hour": growth([(one.minute / 60, one.broker_mb) for one in settled]),
    }


def growth(points: Sequence[tuple[float, float]]) -> float:
    """Slope of the line through these points (hours, MB): what it would grow by in an hour."""
    if len(points) < 2:
        return 0.0
    slope, _ = statistics.linear_regression(*zip(*points, strict=True))
    return round(slope, 2)


def _look(world: World, minute: float, after_row: int) -> tuple[Sample, int]:
    rows = world.store.rows(f"SELECT row_id, received_us - occurred_us FROM events WHERE row_id > {after_row}")  # noqa: S608
    delays = sorted(delay / 1000 for _, delay in rows) or [0.0]
    last = max((row_id for row_id, _ in rows), default=after_row)
    broker = world.broker.process.pid if world.broker.process is not None else None
    store = world.collector_disk.folder
    return Sample(
        minute=round(minute, 2),
        events=last,
        collector_mb=_memory_mb([world.collector.pid]),
        edges_mb=_memory_mb([edge.runner.pid for edge in world.edges]),
        broker_mb=_memory_mb([broker]),
        outboxes_mb=_size_mb(path for edge in world.edges for path in edge.disk.folder.glob("outbox.db*")),
        store_mb=_size_mb(store.glob("collector.db*")),
        delay_ms_p50=round(delays[len(delays) // 2], 1),
        delay_ms_p99=round(delays[int(0.99 * (len(delays) - 1))], 1),
    ), last


def _memory_mb(pids: Sequence[int | None]) -> float:
    return round(sum(psutil.Process(pid).memory_info().rss for pid in pids if pid is not None) / 1e6, 1)


def _size_mb(paths: Iterable[Path]) -> float:
    return round(float(sum(path.stat().st_size for path in paths)) / 1e6, 1)
