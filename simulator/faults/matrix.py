"""The fault matrix: figures by kind of fault, as a table and as JSON."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from rich.table import Table

from simulator.faults.count import Verdict
from simulator.faults.ledger import Promise
from simulator.figures import read_figures


@dataclass(frozen=True, slots=True)
class Injected:
    """One fault that was done. Times by the machine's monotonic clock."""

    kind: str
    begun_s: float
    healed_s: float
    recovered_s: float | None
    """When the collector had everything promised up to the healing; None: not within the patience."""
    over_s: float
    """When the next one could begin: what was promised before is counted to this one."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One row. `recovery_s_max`: from the fault's end until the collector had everything promised before that."""

    faults: int
    events: int
    lost: int
    given_up: int
    duplicated: int
    out_of_order: int
    bad_evidence: int
    late_evidence: int
    recovery_s_median: float
    recovery_s_max: float
    not_recovered: int


@dataclass(frozen=True, slots=True)
class _Run:
    """What the page says of how it was made."""

    seed: int
    rounds: int
    minutes: float | None
    rate: float
    database: str
    cores: int
    machine: str
    python: str
    load_per_core_at_end: float


@dataclass(frozen=True, slots=True)
class _Report:
    total: Figures
    kinds: dict[str, Figures]
    open_gaps: int
    strangers: int
    run: _Run


_REPORT = TypeAdapter(_Report)


def read_report(file: Path) -> dict[str, Any]:
    """What `make_report` made, from the JSON of an earlier run. Raises click.ClickException."""
    return dict(read_figures(file, _REPORT, "faults --json"))


def make_report(injected: Sequence[Injected], verdict: Verdict, run: dict[str, Any]) -> dict[str, Any]:
    """What is written as JSON: `total`, `kinds`, and how the run was made."""
    names = list(dict.fromkeys(one.kind for one in injected))
    kinds = {name: asdict(_figures([one for one in injected if one.kind == name], verdict)) for name in sorted(names)}
    return {
        "total": asdict(_total(injected, verdict)),
        "kinds": kinds,
        "open_gaps": verdict.open_gaps,
        "strangers": verdict.strangers,
        "run": run | {"machine": f"{platform.machine()} {platform.system()}", "python": platform.python_version()},
    }


def _figures(injected: Sequence[Injected], verdict: Verdict) -> Figures:
    def within(promises: Iterable[Promise]) -> int:
        return sum(any(one.begun_s <= promise.begun_s < one.over_s for one in injected) for promise in promises)

    return _row(injected, [within(promises) for promises in _columns(verdict)])


def _total(injected: Sequence[Injected], verdict: Verdict) -> Figures:
    return _row(injected, [len(promises) for promises in _columns(verdict)])


def _columns(verdict: Verdict) -> tuple[Sequence[Promise], ...]:
    return (
        verdict.promises,
        verdict.lost,
        verdict.given_up,
        verdict.duplicated,
        verdict.out_of_order,
        verdict.bad_evidence,
        verdict.late_evidence,
    )


def _row(injected: Sequence[Injected], counts: Sequence[int]) -> Figures:
    took = sorted(one.recovered_s - one.healed_s for one in injected if one.recovered_s is not None)
    median, longest = (took[len(took) // 2], took[-1]) if took else (0.0, 0.0)
    missed = sum(one.recovered_s is None for one in injected)
    events, lost, given_up, duplicated, out_of_order, bad_evidence, late_evidence = counts
    return Figures(
        len(injected), events, lost, given_up, duplicated, out_of_order, bad_evidence, late_evidence,
        round(max(median, 0.0), 1), round(max(longest, 0.0), 1), missed,
    )  # fmt: skip


def as_table(report: dict[str, Any]) -> Table:
    """The matrix for a terminal."""
    columns = ("faults", "events", "lost", "given_up", "duplicated", "out_of_order", "bad_evidence", "late_evidence")
    table = Table("kind of fault", *columns, "recovery s, median", "max", title="Fault matrix")
    for name, row in [*report["kinds"].items(), ("all", report["total"])]:
        late = f" ({row['not_recovered']} not)" if row["not_recovered"] else ""
        cells = [str(row.get(column, "")) for column in columns]
        table.add_row(name, *cells, str(row["recovery_s_median"]), f"{row['recovery_s_max']}{late}")
    return table


def as_page(report: dict[str, Any]) -> str:
    """The whole page: how it was made, the matrix, what the columns mean."""
    run, total = report["run"], report["total"]
    command = f"python -m simulator faults --seed {run['seed']} --rounds {run['rounds']} --rate {run['rate']:g}"
    minutes = f" --minutes {run['minutes']:g}" if run["minutes"] else ""
    return f"""# What breaks, and what comes of it

{total["faults"]} faults at random times, {total["events"]} events: {total["lost"]} lost, {total["duplicated"]} twice,
{total["out_of_order"]} out of order, {total["bad_evidence"]} without their right evidence;
{report["open_gaps"]} numbers still missing at the end. Made by `{command}{minutes} --database {run["database"]}` on
{run["cores"]} cores of {run["machine"]}, Python {run["python"]}, with {run["load_per_core_at_end"]} programs
wanting each core at the end: the recovery times are those of a machine that is busy with other work.

{as_markdown(report)}
* *events*: promised from the fault's beginning until things were back to normal. They are counted against the load
  generator's own ledger, which is on disk before the outbox hears of an event.
* *lost*: not at the collector, and nobody has said so. *Given up and told*: the edge has said so, number by number.
* *duplicated*: stored twice, under whatever number, or alerted twice.
* *out of order*: a producer's later event with an earlier place than one before it, in the order of the store.
* *bad evidence*: not at the collector when the run ended, or not what its name says. *Late*: of a file that was absent
  then it is known that it still waited in the edge's queue for uploads.
* *recovery*: from the end of the fault (a killed program has been started again) until the collector has everything
  that was promised before, and something newer of each edge.

A damaged page of an outbox costs the events that lay on it alone: they are the ones given up and told. The figures as
JSON: [faults.json](faults.json). How delivery works: [delivery](../design/delivery.md).
"""


def as_markdown(report: dict[str, Any]) -> str:
    """The matrix for a page."""
    lines = [
        "| kind of fault | faults | events | lost | given up and told | duplicated | out of order | bad evidence"
        " | late evidence | recovery s, median | max |",
        "| --- " * 11 + "|",
    ]
    keys = ("faults", "events", "lost", "given_up", "duplicated", "out_of_order", "bad_evidence", "late_evidence")
    for name, row in [*report["kinds"].items(), ("**all**", report["total"])]:
        cells = [str(row.get(key, "")) for key in (*keys, "recovery_s_median", "recovery_s_max")]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
