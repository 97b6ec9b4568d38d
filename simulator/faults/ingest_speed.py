"""`python -m simulator ingest`: how many events a second the collector takes, stores and acknowledges.

A real Mosquitto, the real collector and the load generator share this machine. The load is made beforehand and comes
from `mosquitto_pub`, so that making it costs the collector nothing; it comes event by event, as live ones do, or in
batches, as a backlog does. Each message goes through the whole path: broker, JSON, validation, commit, acknowledgement.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from uuid import UUID, uuid4

import click
import psutil

from contract.acks import Ack
from contract.envelope import join_backlog
from contract.identity import time_ordered
from contract.topics import ROOT, EdgeTopics
from simulator.faults.events import SITE, Maker
from simulator.faults.ledger import Promise
from simulator.faults.services import MissingProgram, Mosquitto, PostgreSQL, find_program, free_port
from simulator.faults.store import Store, open_store
from simulator.faults.telling import tell
from simulator.figures import COUNT, FIGURES_FILE, write_figures
from simulator.stack import Stack, accepts

_START_TIMEOUT_S = 60.0
_TIMEOUT_S = 600.0
_EDGES = 2
_SUBSCRIBED_S = 0.5
_LOOK_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class IngestSpeed:
    """Figures of one run. By the clock, and by the processor time of each program."""

    events: int
    bytes_per_event: int
    per_message: int
    seconds: float
    events_per_s: float
    collector_cpu_us_per_event: float
    broker_cpu_us_per_event: float
    database_cpu_us_per_event: float
    acknowledged: int
    collectors: int
    database: str
    cores: int
    load_per_core: float


_PER_MESSAGE_HELP = "Events in one message; more than 1 is a backlog. Repeatable."


@click.command("ingest")
@click.option("--events", type=COUNT, default=40_000, show_default=True)
@click.option("--per-message", type=COUNT, multiple=True, default=(1,), show_default=True, help=_PER_MESSAGE_HELP)
@click.option(
    "--database",
    "databases",
    type=click.Choice(["sqlite", "postgresql"]),
    multiple=True,
    default=("sqlite",),
    show_default=True,
    help="Repeatable: one run after the other.",
)
@click.option("--collectors", type=COUNT, default=1, show_default=True, help="On one PostgreSQL, sharing the events.")
@click.option("--json", "json_file", type=FIGURES_FILE, help="Write the figures here: a list of runs.")
def ingest_command(
    events: int, per_message: Sequence[int], databases: Sequence[str], collectors: int, json_file: Path | None
) -> None:
    """Send events as fast as the broker takes them; measure how fast the collector commits and acknowledges them."""
    if collectors > 1 and "sqlite" in databases:
        raise click.BadParameter("SQLite is for one collector; add --database postgresql", param_hint="--collectors")
    runs = []
    try:
        for database, joined in product(databases, per_message):
            with tempfile.TemporaryDirectory(prefix="watchpost-ingest-") as folder:
                runs.append(measure(Path(folder), events, joined, database, collectors))
            tell(runs[-1], None)
            click.echo()
    except MissingProgram as error:
        raise click.ClickException(str(error)) from error
    write_figures([asdict(run) for run in runs], json_file)


def measure(folder: Path, events: int, per_message: int, database: str, collectors: int = 1) -> IngestSpeed:
    """One run. Raises TimeoutError when the collector does not come to the end."""
    loads = _make_loads(folder, events, per_message)
    with ExitStack() as stack:
        broker = Mosquitto(folder / "broker", extra="max_inflight_messages 1000")
        broker.start()
        stack.callback(broker.kill)
        url, server = stack.enter_context(_database(folder, database))
        options = [*(["--database", url] if url else []), *(["--share"] if collectors > 1 else [])]
        running = [
            stack.enter_context(_collector(folder / f"collector-{n}", broker.port, options)) for n in range(collectors)
        ]
        store = open_store(url, folder / "collector-0")
        stack.callback(store.close)
        pids = [broker.process.pid if broker.process else 0, *([server] if server else []), *running]
        watched = [psutil.Process(pid) for pid in pids]
        acks = stack.enter_context(_acknowledgements(folder, broker.port))
        before, begun_s = [_used_s(process) for process in watched], time.monotonic()
        senders = [stack.enter_context(_sender(broker.port, topic, load)) for topic, load in loads]
        took_s = _wait_for(store, events, begun_s)
        used = [_used_s(process) - old for process, old in zip(watched, before, strict=True)]
        broker_s, database_s = used[0], used[1] if server else 0.0
        for sender in senders:
            sender.wait(30)
        time.sleep(1.0)
        acknowledged = _count_acknowledged(acks)
    cores = psutil.cpu_count() or 1
    return IngestSpeed(
        events=events,
        bytes_per_event=sum(load.stat().st_size for _, load in loads) // events,
        per_message=per_message,
        seconds=round(took_s, 2),
        events_per_s=round(events / took_s),
        collector_cpu_us_per_event=round((sum(used) - broker_s - database_s) / events * 1e6, 1),
        broker_cpu_us_per_event=round(broker_s / events * 1e6, 1),
        database_cpu_us_per_event=round(database_s / events * 1e6, 1),
        acknowledged=acknowledged,
        collectors=collectors,
        database=database,
        cores=cores,
        load_per_core=round(psutil.getloadavg()[0] / cores, 1),
    )


def _make_loads(folder: Path, events: int, per_message: int) -> list[tuple[str, Path]]:
    """Files of one message a line, with their topics. Each file is a stream of numbers from an outbox of its own."""
    maker, streams = Maker(), {}
    files: dict[str, tuple[Path, UUID, list[str]]] = {}
    for number in range(events):
        edge = f"edge-{number % _EDGES + 1}"
        event = maker.make(
            Promise(edge, 0, number // _EDGES + 1, time_ordered(time.time_ns() // 1000), None, 0.0), None, time.time()
        )
        topics = EdgeTopics(SITE, edge)
        topic = topics.event(event.event_type, event.source) if per_message == 1 else topics.backlog
        path, outbox, lines = files.setdefault(topic, (folder / f"load-{len(files)}", uuid4(), []))
        streams[topic] = path
        flag = "false" if per_message == 1 else "true"
        lines.append(f'{{"outboxid":"{outbox}","sequence":{len(lines) + 1},"replayed":{flag},{event.body()[1:]}')
    for path, _, lines in files.values():
        whole = (
            lines
            if per_message == 1
            else [
                join_backlog(line.encode() for line in lines[start : start + per_message]).decode()
                for start in range(0, len(lines), per_message)
            ]
        )
        path.write_text("\n".join(whole) + "\n")
    return list(streams.items())


@contextmanager
def _database(folder: Path, kind: str) -> Iterator[tuple[str | None, int | None]]:
    """URL and process id of a durable PostgreSQL; nothing for SQLite."""
    if kind == "sqlite":
        yield None, None
        return
    server = PostgreSQL(folder / "postgresql", durable=True)
    server.start()
    try:
        yield server.new_database(), server.process.pid if server.process else None
    finally:
        server.stop()


@contextmanager
def _collector(data: Path, broker_port: int, options: Sequence[str]) -> Iterator[int]:
    """Its process id. Its name is that of its folder."""
    url, port = f"mqtt://127.0.0.1:{broker_port}", free_port()
    with Stack(data.parent) as stack:
        part = stack.start(
            data.name,
            ["collector", "run", "--data", str(data), "--mqtt-url", url, "--port", str(port), *options],
        )
        stack.wait_for(data.name, lambda: accepts(port), _START_TIMEOUT_S)
        yield part.process.pid


@contextmanager
def _sender(port: int, topic: str, load: Path) -> Iterator[subprocess.Popen[bytes]]:
    with load.open("rb") as lines:
        process = subprocess.Popen(
            [find_program("mosquitto_pub", "mosquitto-clients"), "-p", str(port), "-q", "1", "-t", topic, "-l"],
            stdin=lines,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def _acknowledgements(folder: Path, port: int) -> Iterator[Path]:
    """A file to which the collector's acknowledgements come, one a line."""
    path = folder / "acks"
    program = find_program("mosquitto_sub", "mosquitto-clients")
    with path.open("wb") as output:
        process = subprocess.Popen([program, "-p", str(port), "-q", "1", "-t", f"{ROOT}/{SITE}/+/ack"], stdout=output)
    try:
        time.sleep(_SUBSCRIBED_S)
        yield path
    finally:
        process.kill()
        process.wait()


def _count_acknowledged(acks: Path) -> int:
    """Numbers acknowledged at least once."""
    seen: dict[UUID, set[int]] = {}
    for line in acks.read_bytes().splitlines():
        for one in Ack.model_validate_json(line).ranges:
            seen.setdefault(one.outbox_id, set()).update(range(one.from_sequence, one.to_sequence + 1))
    return sum(len(numbers) for numbers in seen.values())


def _wait_for(store: Store, events: int, begun_s: float) -> float:
    """Seconds until so many events are committed."""
    while time.monotonic() < begun_s + _TIMEOUT_S:
        if int(store.rows("SELECT coalesce(max(row_id), 0) FROM events")[0][0]) >= events:
            return time.monotonic() - begun_s
        time.sleep(_LOOK_EVERY_S)
    raise TimeoutError(f"not all of {events} events were committed within {_TIMEOUT_S:.0f} s")


def _used_s(process: psutil.Process) -> float:
    """Processor seconds of a program and of those that it has started."""
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(float(one.user + one.system) for one in times)
