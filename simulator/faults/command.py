"""`python -m simulator faults`: the fault matrix."""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from simulator.faults.catalogue import KINDS, Kind
from simulator.faults.count import Verdict, judge
from simulator.faults.ledger import read_ledger
from simulator.faults.matrix import Injected, as_page, as_table, make_report, read_report
from simulator.faults.services import MissingProgram
from simulator.faults.spawning import start_server
from simulator.faults.world import World, fair, waiting_uploads
from simulator.figures import AMOUNT, COUNT, FIGURES_FILE, HELD_FILE, write_figures, write_page

_PATIENCE_S = 60.0
_LAST_PATIENCE_S = 120.0
_SOON_S = 10.0
"""What takes longer until all is back is remarked upon."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done; see the options."""

    seed: int = 1
    rounds: int = len(KINDS)
    minutes: float | None = None
    only: tuple[str, ...] = ()
    rate: float = 60.0
    database: str = "sqlite"


@click.command("faults")
@click.option("--seed", default=1, show_default=True, help="Of the choice and the times of the faults.")
@click.option("--rounds", type=COUNT, default=len(KINDS), show_default=True, help="How many faults.")
@click.option("--minutes", type=AMOUNT, help="End after so long, whatever the rounds.")
@click.option("--kind", "only", multiple=True, help="Only kinds whose name has this; may be given more than once.")
@click.option("--rate", type=AMOUNT, default=60.0, show_default=True, help="Events per second of all edges together.")
@click.option("--database", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", show_default=True)
@click.option("--json", "json_file", type=FIGURES_FILE, help="Write the figures here.")
@click.option("--page", type=FIGURES_FILE, help="Write the matrix here as Markdown.")
@click.option("--show", type=HELD_FILE, help="Do nothing; show the figures of this file.")
@click.option("--work", type=click.Path(path_type=Path), help="Keep everything here, logs too. Default: temporary.")
def faults_command(
    work: Path | None, json_file: Path | None, page: Path | None, show: Path | None, **options: Any
) -> None:
    """Break broker, network, disks, clocks and processes at random, and count what came of every single event.

    Exit status 1: an event was lost, came twice or out of its order, was never promised, or is still missing; evidence
    is not right; or it did not go back to normal.
    """
    console = Console(width=max(160, Console().width))
    report = _run(work, console, Plan(**options)) if show is None else read_report(show)
    console.print(as_table(report))
    for remark in remarks(report):
        console.print(remark, highlight=False)
    write_figures(report, json_file)
    if page is not None:
        write_page(as_page(report), page)
    sys.exit(0 if is_clean(report) else 1)


def _run(work: Path | None, console: Console, plan: Plan) -> dict[str, Any]:
    try:
        with tempfile.TemporaryDirectory(prefix="watchpost-faults-") as temporary:
            return run_matrix(work or Path(temporary), console, plan)
    except MissingProgram as error:
        raise click.ClickException(str(error)) from error


def is_clean(report: dict[str, Any]) -> bool:
    """Nothing lost, twice, out of order, missing or never promised; all evidence right, always back to normal."""
    bad = ("lost", "duplicated", "out_of_order", "bad_evidence", "not_recovered")
    return not (report["open_gaps"] or report["strangers"] or any(report["total"][key] for key in bad))


def remarks(report: dict[str, Any]) -> list[str]:
    """What a reader of the table should know: why it is not clean, and what is no fault but could be better."""
    total = report["total"]
    gaps, strangers, late, longest_s = (
        report["open_gaps"], report["strangers"], total["late_evidence"], total["recovery_s_max"]
    )  # fmt: skip
    said = (
        (gaps, f"{gaps} numbers are still missing at the end"),
        (strangers, f"{strangers} events are in the store that nobody has promised"),
        (late, f"{late} files of evidence still waited in their edge's queue at the end"),
        (longest_s > _SOON_S, f"one fault took {longest_s} s until all was back, longer than {_SOON_S:.0f} s"),
    )
    return [remark for is_so, remark in said if is_so]


def choose(rng: random.Random, rounds: int, only: Sequence[str], database: str) -> list[Kind]:
    """Every kind as often as any other, in random order. Raises UsageError when none is left."""
    fit = [kind for kind in KINDS if kind.database in {None, database} and (start_server() or not kind.records)]
    fit = [kind for kind in fit if not only or any(part in kind.name for part in only)]
    if not fit:
        raise click.UsageError(f"no kind of fault has {' or '.join(only)} in its name")
    chosen: list[Kind] = []
    while len(chosen) < rounds:
        chosen += rng.sample(fit, len(fit))
    return chosen[:rounds]


def run_matrix(work: Path, console: Console, plan: Plan) -> dict[str, Any]:
    """Do the faults and count. The report is what the JSON file holds."""
    rng = random.Random(plan.seed)
    kinds = choose(rng, plan.rounds, plan.only, plan.database)
    end_s = time.monotonic() + (plan.minutes or 1e6) * 60
    with World(work, rng, plan.database, rate=plan.rate) as world:
        world.wait_load()
        injected = []
        for number, kind in enumerate(kinds, 1):
            injected.append(_do(world, kind, console))
            took = injected[-1].recovered_s
            back = "NOT back to normal" if took is None else f"back after {took - injected[-1].healed_s:.1f} s"
            console.print(f"{number}/{len(kinds)} {kind.name}: {back}", highlight=False)
            if time.monotonic() > end_s:
                break
        verdict = _finish(world)
        disks = all(edge.disk.is_real for edge in world.edges)
    cores = os.cpu_count() or 1
    run = asdict(plan) | {
        "cores": cores,
        "load_per_core_at_end": round(os.getloadavg()[0] / cores, 1),
        "small_disks": "tmpfs" if disks else "limits on file size",
    }
    return make_report(injected, verdict, run)


def _do(world: World, kind: Kind, console: Console) -> Injected:
    world.wait(world.rng.uniform(0.3, 1.5))
    begun_s = time.monotonic()
    heal = kind.hurt(world)
    world.wait(world.rng.uniform(*kind.hold_s))
    try:
        heal()
    except TimeoutError as error:
        console.print(f"{kind.name}: {error}", highlight=False)
    healed_s = time.monotonic()
    recovered = world.wait(_PATIENCE_S, lambda: world.is_back(healed_s))
    now_s = time.monotonic()
    return Injected(kind.name, begun_s, healed_s, now_s if recovered else None, now_s)


def _finish(world: World) -> Verdict:
    """No more load; wait until all is quiet; then count."""
    fair(world)
    for edge in (*world.edges, *world.twins):
        edge.rate = 0.001
        edge.runner.order("rate 0.001")
    world.wait(2.0)
    world.wait(_LAST_PATIENCE_S, lambda: world.has_all(time.monotonic()) and world.has_all_evidence())
    books = [read_ledger(edge.ledger, edge.name) for edge in (*world.edges, *world.twins)]
    waiting = frozenset(sha256 for edge in (*world.edges, *world.twins) for sha256 in waiting_uploads(edge))
    return judge(books, world.store, world.collector_disk.folder / "evidence", waiting)
