"""`python -m simulator throughput`: how fast a backlog drains, and how long live events take meanwhile and in peace.

The parts are those of the fault matrix, with one thing broken: the collector is away while the backlog grows. Speeds
are told by the clock and by the processor time that each program used, since a busy machine changes the former.
"""

from __future__ import annotations

import random
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click
import psutil

from simulator.faults.arrivals import listen, quantile
from simulator.faults.prefill import prefill
from simulator.faults.services import MissingProgram
from simulator.faults.telling import tell
from simulator.faults.world import World
from simulator.figures import COUNT, FIGURES_FILE

_LIVE_RATE = 10.0
_PEACE_S = 60.0
_LIVE_S = 5.0
"""What is older when it is sent is backlog."""
_DRAIN_TIMEOUT_S = 1800.0
_AGE_S = 3600.0


@dataclass(frozen=True, slots=True)
class Throughput:
    """Figures of one run; none of what did not happen.

    Delays begin with the event, and end where it, or its alert, reaches a subscriber; those of live events end when the
    collector has them to store.
    """

    events: int
    seconds: float
    events_per_s: float
    collector_events_per_cpu_s: float
    edge_events_per_cpu_s: float
    broker_events_per_cpu_s: float
    event_ms_p50_in_peace: float | None
    event_ms_p99_in_peace: float | None
    alert_ms_p50_in_peace: float | None
    alert_ms_p99_in_peace: float | None
    events_in_peace: int
    live_ms_p99_while_draining: float | None
    live_ms_max_while_draining: float | None
    collector_mb_max: float
    edges_mb_max: float
    """Memory of the programs (RSS) while it drains."""
    database: str
    cores: int
    load_per_core: float


@click.command("throughput")
@click.option("--events", type=COUNT, default=20_000, show_default=True, help="Backlog of all edges together.")
@click.option("--edges", type=COUNT, default=2, show_default=True)
@click.option("--database", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", show_default=True)
@click.option("--prefilled", is_flag=True, help="Write the backlog into the outboxes at once: for millions.")
@click.option("--json", "json_file", type=FIGURES_FILE, help="Write the figures here.")
def throughput_command(events: int, edges: int, database: str, prefilled: bool, json_file: Path | None) -> None:
    """Let a backlog grow while the collector is away; measure how it drains and what live events wait."""
    if events < edges:
        raise click.BadParameter(f"{events} events are not one for each of {edges} edges", param_hint="--events")
    try:
        with tempfile.TemporaryDirectory(prefix="watchpost-throughput-") as folder:
            figures = measure(Path(folder), events, edges, database, prefilled=prefilled)
    except MissingProgram as error:
        raise click.ClickException(str(error)) from error
    tell(figures, json_file)


def measure(folder: Path, events: int, edges: int, database: str, *, prefilled: bool = False) -> Throughput:
    """One run. Raises TimeoutError when the backlog does not drain."""
    room_mb = 256 + 3 * events // 1000  # a settled event stays in the outbox, and has rows of its own in the store
    with World(
        folder, random.Random(1), database, edge_count=edges, rate=_LIVE_RATE, live_s=_LIVE_S,
        edge_disk_mb=room_mb, collector_disk_mb=4 * room_mb, outbox_mb=room_mb // 2,
    ) as world:  # fmt: skip
        world.wait_load()
        in_peace = listen(world, _PEACE_S)
        before_rows = _stored(world)
        backlog = _prefill(world, events) if prefilled else _let_backlog_grow(world, events)
        world.wait(_LIVE_S + 1.0)
        world.collector.start()
        world.wait_ready()
        before, begun_us, begun_s = _processor_s(world), _now_us(), time.monotonic()
        memory = [_memory_mb(world)]

        def drained() -> bool:
            memory.append(_memory_mb(world))
            return _stored(world) >= before_rows + backlog and world.has_all(begun_s)

        if not world.wait(_DRAIN_TIMEOUT_S, drained):
            raise TimeoutError(f"the backlog of {backlog} events did not drain in {_DRAIN_TIMEOUT_S:.0f} s")
        took_s, after = time.monotonic() - begun_s, _processor_s(world)
        draining = _delays_ms(world, begun_us, _now_us())
    used = [backlog / max(end - begin, 1e-3) for begin, end in zip(before, after, strict=True)]
    cores = psutil.cpu_count() or 1
    return Throughput(
        events=backlog,
        seconds=round(took_s, 1),
        events_per_s=round(backlog / took_s),
        collector_events_per_cpu_s=round(used[0]),
        edge_events_per_cpu_s=round(used[1]),
        broker_events_per_cpu_s=round(used[2]),
        event_ms_p50_in_peace=quantile(in_peace.events, 0.5),
        event_ms_p99_in_peace=quantile(in_peace.events, 0.99),
        alert_ms_p50_in_peace=quantile(in_peace.alerts, 0.5),
        alert_ms_p99_in_peace=quantile(in_peace.alerts, 0.99),
        events_in_peace=len(in_peace.events),
        live_ms_p99_while_draining=quantile(draining, 0.99),
        live_ms_max_while_draining=quantile(draining, 1.0),
        collector_mb_max=max(collector for collector, _ in memory),
        edges_mb_max=max(edges_mb for _, edges_mb in memory),
        database=database,
        cores=cores,
        load_per_core=round(psutil.getloadavg()[0] / cores, 1),
    )


def _let_backlog_grow(world: World, events: int) -> int:
    """The collector is away; returns how many events wait then."""
    world.collector.end(signal.SIGTERM, hold=True)
    for edge in world.edges:
        edge.runner.order(f"burst {events // len(world.edges)}")
    waiting = 0
    while True:
        world.wait(2.0)
        now = sum(world.progress.lacking(edge.ledger, time.monotonic()) for edge in world.edges)
        if now >= events or now == waiting:
            return now
        waiting = now


def _prefill(world: World, events: int) -> int:
    """As if the collector had been away for an hour; returns how many events wait then."""
    world.collector.end(signal.SIGTERM, hold=True)
    for edge in world.edges:
        edge.runner.end(signal.SIGTERM, hold=True)
        prefill(edge.disk.folder / "outbox.db", edge.name, events // len(world.edges), _AGE_S, world.rng)
    for edge in world.edges:
        edge.runner.start()
        world.wait_edge(edge)
    return events


def _stored(world: World) -> int:
    """Rows are numbered as they come, so the newest number is how many there are."""
    return int(world.store.rows("SELECT coalesce(max(row_id), 0) FROM events")[0][0])


def _memory_mb(world: World) -> tuple[float, float]:
    """Of the collector, and of all edges together."""
    pids = [world.collector.pid, *(edge.runner.pid for edge in world.edges)]
    mine, *theirs = (psutil.Process(pid).memory_info().rss / 1e6 if pid is not None else 0.0 for pid in pids)
    return round(mine), round(sum(theirs))


def _processor_s(world: World) -> tuple[float, float, float]:
    """Processor seconds used so far by collector, edges together, broker."""
    broker = world.broker.process.pid if world.broker.process is not None else 0
    edges = sum(_used_s(edge.runner.pid or 0) for edge in world.edges)
    return _used_s(world.collector.pid or 0), edges, _used_s(broker)


def _used_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _delays_ms(world: World, since_us: int, until_us: int) -> list[float]:
    """Of live events that happened in this time."""
    within = f"occurred_us BETWEEN {since_us} AND {until_us}"
    rows = world.store.rows(f"SELECT occurred_us, received_us FROM events WHERE {within}")  # noqa: S608
    return sorted((received - occurred) / 1000 for occurred, received in rows)


def _now_us() -> int:
    return int(time.time() * 1e6)
