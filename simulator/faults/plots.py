"""The plots of the delivery figures; matplotlib is a development dependency."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click
from matplotlib.figure import Figure
from pydantic import TypeAdapter

from simulator.figures import HELD_FILE, PLOT_FILE, read_figures


@dataclass(frozen=True, slots=True)
class _Run:
    """What is drawn of one of `ingest`."""

    database: Literal["sqlite", "postgresql"]
    per_message: int
    events_per_s: float


@dataclass(frozen=True, slots=True)
class _Search:
    search: str
    ms_p50: float
    ms_p99: float


@dataclass(frozen=True, slots=True)
class _Searches:
    """What is drawn of one run of `queries`."""

    database: str
    events: int
    searches: list[_Search]


_RUNS, _SEARCHES = TypeAdapter(list[_Run]), TypeAdapter(_Searches)


@click.command("speeds")
@click.option("--ingest", "ingest", type=HELD_FILE, multiple=True, help="What `ingest --json` wrote.")
@click.option("--queries", "queries", type=HELD_FILE, multiple=True, required=True, help="What `queries --json` wrote.")
@click.option("--plot", "path", type=PLOT_FILE, required=True)
def speeds_command(ingest: tuple[Path, ...], queries: tuple[Path, ...], path: Path) -> None:
    """Draw the figures of `ingest` and `queries` against what is wanted."""
    runs = [run for file in ingest for run in read_figures(file, _RUNS, "ingest --json")]
    plot_speeds(runs, [read_figures(file, _SEARCHES, "queries --json") for file in queries], path)


def plot_soak(report: dict[str, Any], path: Path) -> None:
    """Memory of each program, files, and delays, over the minutes of a soak."""
    samples = report["samples"]
    minutes = [sample["minute"] for sample in samples]
    figure = Figure(figsize=(8, 6.4), layout="constrained")
    memory, files, delays = figure.subplots(3, 1, sharex=True)
    for key, name in (("collector_mb", "collector"), ("edges_mb", "edges together"), ("broker_mb", "broker")):
        memory.plot(minutes, [sample[key] for sample in samples], label=name)
    for key, name in (("store_mb", "collector's store"), ("outboxes_mb", "outboxes together")):
        files.plot(minutes, [sample[key] for sample in samples], label=name)
    for key, name in (("delay_ms_p50", "median"), ("delay_ms_p99", "99th percentile")):
        delays.plot(minutes, [sample[key] for sample in samples], label=name)
    for axes, what in ((memory, "memory, MB"), (files, "files, MB"), (delays, "event to commit, ms")):
        axes.set_ylabel(what)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        axes.legend(loc="center right")
    delays.set_yscale("symlog", linthresh=100)
    delays.set_xlabel("minutes")
    memory.set_title(f"{report['total']['events']} events, {report['run']['rate']:g} a second, nothing broken")
    figure.savefig(path, dpi=110)


def plot_speeds(ingest: list[dict[str, Any]], queries: list[dict[str, Any]], path: Path) -> None:
    """Events a second of each ingest run against the goals, and each search's percentiles by database."""
    figure = Figure(figsize=(8, 7), layout="constrained")
    speeds, searches = figure.subplots(2, 1, height_ratios=(1, 2))
    goals = {"sqlite": 5000, "postgresql": 8000}
    for place, run in enumerate(ingest):
        speeds.barh(place, run["events_per_s"], color="tab:blue" if run["database"] == "sqlite" else "tab:orange")
        speeds.plot([goals[run["database"]]] * 2, [place - 0.45, place + 0.45], color="black", linestyle=":")
    names = [f"{run['database']}, {run['per_message']} a message" for run in ingest]
    speeds.set_yticks(range(len(ingest)), names)
    speeds.set_xlabel("events committed and acknowledged a second; dotted: wanted")
    for number, report in enumerate(queries):
        rows = report["searches"]
        places = [place + (number - (len(queries) - 1) / 2) * 0.36 for place in range(len(rows))]
        label = f"{report['database']}, {report['events']:,} events"
        searches.barh(places, [row["ms_p99"] for row in rows], 0.34, label=label)
        searches.plot([row["ms_p50"] for row in rows], places, "k|")
    searches.set_yticks(range(len(queries[0]["searches"])), [row["search"] for row in queries[0]["searches"]])
    searches.axvline(20, color="black", linestyle=":")
    searches.set_xlabel("ms over HTTP, 99th percentile; stroke: median; dotted: wanted")
    searches.legend()
    figure.savefig(path, dpi=110)
