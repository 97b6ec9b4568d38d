"""The whole system, running: broker, collector, loaded edges, and a proxy on every connection between them.

Like a service manager, `mind` starts again what has died. Nothing of it outlives a run.
"""

from __future__ import annotations

import contextlib
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import yaml

from simulator.faults.collector_process import NOWHERE
from simulator.faults.disk import SmallDisk
from simulator.faults.events import SITE
from simulator.faults.progress import Progress
from simulator.faults.proxy import FAIR, Proxy, Weather
from simulator.faults.services import Mosquitto, PostgreSQL, free_port
from simulator.faults.spawning import Program
from simulator.faults.store import Store, open_store
from simulator.stack import accepts, call

_RESTART_AFTER_S = 0.5
_START_TIMEOUT_S = 180.0
READY = b'{"outbox_id"'


@dataclass
class Runner:
    """A program of ours that is started again when it dies, unless it is held down."""

    name: str
    log: Path
    module: str
    arguments: Callable[[], list[str]]
    on_start: Callable[[], None] = lambda: None
    program: Program | None = None
    held: bool = False
    starts: int = 0
    _died_s: float | None = None
    _said: int = 0

    @property
    def pid(self) -> int | None:
        return None if self.program is None else self.program.pid

    def is_ready(self) -> bool:
        """Whether it has said, since its last start, that it begins."""
        if self.program is None or not self.program.alive:
            return False
        with self.log.open("rb") as log:
            log.seek(self._said)
            return READY in log.read()

    def start(self) -> None:
        """Start it now."""
        self.log.touch()
        self._said = self.log.stat().st_size
        self.program = Program(self.module, self.arguments(), self.log)
        self.starts += 1
        self.held, self._died_s = False, None
        self.on_start()

    def order(self, line: str) -> None:
        """Say something to its standard input."""
        if self.program is not None:
            self.program.order(line)

    def end(self, how: signal.Signals, hold: bool = False) -> None:
        """Send a signal and wait for the end. With `hold` it is not started again until `start`."""
        self.held = hold
        if self.program is not None:
            self.program.end(how)

    def mind(self) -> None:
        """Start it again some time after it has died by itself."""
        if self.held or self.program is None or self.program.alive:
            return
        now_s = time.monotonic()
        if self._died_s is None:
            self._died_s = now_s
        elif now_s - self._died_s > _RESTART_AFTER_S:
            self.start()


@dataclass
class LoadedEdge:
    """One edge process, its disk, its ledger and its connections."""

    name: str
    runner: Runner
    disk: SmallDisk
    ledger: Path
    to_broker: Proxy
    rate: float
    crash: str | None = None
    """Where the next start is to crash; used once."""
    record: Path | None = None
    """Where the next start is to record its writes; used once."""
    leaving: bool = False
    """It is ended when all of its own has been delivered."""


@dataclass
class World:
    """A context manager; see the module."""

    folder: Path
    rng: random.Random
    database: str = "sqlite"
    edge_count: int = 2
    rate: float = 60.0
    live_s: float = 60.0
    """What is older when it is sent is backlog."""
    edge_disk_mb: int = 256
    collector_disk_mb: int = 1024
    outbox_mb: int = 64
    broker: Mosquitto = field(init=False)
    collector: Runner = field(init=False)
    collector_crash: str | None = None
    edges: list[LoadedEdge] = field(default_factory=list)
    twins: list[LoadedEdge] = field(default_factory=list)
    """Boxes with the identity of edge-1."""
    postgres: PostgreSQL | None = None
    store: Store = field(init=False)

    def __enter__(self) -> World:
        self.folder.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            self._start()
            undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def mind(self) -> None:
        """What a service manager does; and a twin that has delivered everything is taken away."""
        for runner in (self.collector, *(edge.runner for edge in (*self.edges, *self.twins))):
            runner.mind()
        for twin in self.twins:
            if twin.leaving and self.is_delivered(twin):
                twin.runner.end(signal.SIGTERM, hold=True)
                twin.leaving = False

    def is_delivered(self, edge: LoadedEdge) -> bool:
        """Whether the collector has all that this edge has promised."""
        return self.progress.lacking(edge.ledger, time.monotonic()) == 0

    def has_all(self, upto_s: float) -> bool:
        """Whether the collector has everything that was promised before this moment."""
        return all(self.progress.lacking(edge.ledger, upto_s) == 0 for edge in (*self.edges, *self.twins))

    def is_back(self, since_s: float) -> bool:
        """Whether the collector has everything promised before this moment, and of each edge something newer."""
        edges = [edge for edge in self.edges if edge.rate > 0]
        return self.has_all(since_s) and all(self.progress.has_newer(edge.ledger, since_s) for edge in edges)

    def has_all_evidence(self) -> bool:
        """Whether it has the files too."""
        return self.lacking_evidence() == 0

    def lacking(self) -> int:
        """Events that were promised and are not at the collector."""
        return sum(self.progress.lacking(edge.ledger, time.monotonic()) for edge in (*self.edges, *self.twins))

    def lacking_evidence(self) -> int:
        """Files that were promised and are not at the collector."""
        return self.progress.lacking_evidence(edge.ledger for edge in (*self.edges, *self.twins))

    def collector_command(self, *arguments: str) -> None:
        """Run a collector command on its store. Raises StackError."""
        call(["collector", *arguments, *self.store_options()])

    def wait(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Let it run, at most so long; True as soon as `until()`."""
        deadline_s = time.monotonic() + seconds
        while time.monotonic() < deadline_s:
            self.mind()
            if until():
                return True
            time.sleep(0.1)
        return until()

    def wait_ready(self) -> None:
        """Wait until the collector listens. Raises TimeoutError with where its log is."""
        if not self.wait(_START_TIMEOUT_S, lambda: accepts(self.collector_port)):
            raise TimeoutError(f"the collector does not listen; its log is {self.collector.log}")

    def wait_edge(self, edge: LoadedEdge) -> None:
        """Wait until this edge has opened its outbox. Raises TimeoutError with where its log is."""
        if not self.wait(_START_TIMEOUT_S, edge.runner.is_ready):
            raise TimeoutError(f"{edge.name} does not start; its log is {edge.runner.log}")

    def wait_load(self) -> None:
        """Wait until events of every edge arrive. Raises TimeoutError."""
        now_s = time.monotonic()
        for edge in self.edges:
            self.wait_edge(edge)
        if not self.wait(_START_TIMEOUT_S, lambda: self.is_back(now_s)):
            raise TimeoutError(f"no events arrive at the collector; the logs are in {self.folder}")

    def set_weather(self, weather: Weather, edges: bool = True, collector: bool = True) -> None:
        """Of the connections to the broker."""
        for edge in self.edges if edges else ():
            edge.to_broker.weather = weather
        if collector:
            self.collector_to_broker.weather = weather

    def close(self) -> None:
        """End everything and give the small disks back."""
        for edge in (*self.edges, *self.twins):
            edge.runner.end(signal.SIGKILL, hold=True)
            edge.to_broker.close()
        if hasattr(self, "collector"):
            self.collector.end(signal.SIGKILL, hold=True)
        if hasattr(self, "store"):
            self.store.close()
        if hasattr(self, "broker"):
            self.broker.kill()
        if self.postgres is not None:
            self.postgres.stop()
        for name in ("collector_to_broker", "uploads"):
            if hasattr(self, name):
                getattr(self, name).close()
        for disk in (
            *(edge.disk for edge in (*self.edges, *self.twins)),
            *([self.collector_disk] if self._has_disk else []),
        ):
            disk.close()

    @property
    def _has_disk(self) -> bool:
        return hasattr(self, "collector_disk")

    def _start(self) -> None:
        self.broker = Mosquitto(self.folder / "broker")
        self.broker.start()
        self.collector_to_broker = Proxy(self.broker.port, random.Random(self.rng.random()))
        self.collector_port = free_port()
        self.uploads = Proxy(self.collector_port, random.Random(self.rng.random()))
        self.collector_disk = SmallDisk(self.folder / "collector", self.collector_disk_mb)
        self.database_url = self._start_database()
        self.collector = Runner(
            "collector", self.folder / "collector.log", "simulator.faults.collector_process", self._collector_arguments
        )
        self.collector.start()
        self.wait_ready()
        self.store = open_store(self.database_url, self.collector_disk.folder)
        self.progress = Progress(self.store)
        token = call(["collector", "token", "create", "faults", "--role", "edge", *self.store_options()])
        (self.folder / "token").write_text(token)
        for number in range(1, self.edge_count + 1):
            self.edges.append(self.make_edge(f"edge-{number}"))
        for edge in self.edges:
            edge.runner.start()

    def _start_database(self) -> str | None:
        if self.database == "sqlite":
            return None
        self.postgres = PostgreSQL(self.folder / "postgresql", durable=True)
        self.postgres.start()
        return self.postgres.new_database()

    def store_options(self) -> list[str]:
        """How a collector command finds the store."""
        options = ["--data", str(self.collector_disk.folder)]
        return options if self.database_url is None else [*options, "--database", self.database_url]

    def _collector_arguments(self) -> list[str]:
        crash, self.collector_crash = self.collector_crash, None
        broker = ["--mqtt-url", f"mqtt://127.0.0.1:{self.collector_to_broker.port}"]
        patience = ["--gap-ask-s", "2", "--gap-alert-s", "30"]
        return [crash or NOWHERE, "run", *self.store_options(), *broker, *patience, "--port", str(self.collector_port)]

    def make_edge(self, name: str, twin: bool = False) -> LoadedEdge:
        """An edge that is not yet started. A `twin` has the identity of edge-1 and a folder of its own."""
        disk = SmallDisk(self.folder / name, self.edge_disk_mb)
        to_broker = Proxy(self.broker.port, random.Random(self.rng.random()))
        settings = disk.folder / "edge.yaml"
        ledger = self.folder / f"{name}.ledger"
        settings.write_text(yaml.safe_dump(self._edge_settings("edge-1" if twin else name, to_broker.port)))
        rate = self.rate / self.edge_count
        edge = LoadedEdge(
            name,
            Runner(name, self.folder / f"{name}.log", "simulator.faults.edge_process", list),
            disk,
            ledger,
            to_broker,
            rate,
        )

        def arguments() -> list[str]:
            crash, edge.crash = edge.crash, None
            record, edge.record = edge.record, None
            order = [] if crash is None else ["--crash", crash]
            order += [] if record is None else ["--record", str(record)]
            return [str(settings), "--ledger", str(ledger), *order]

        edge.runner.arguments = arguments
        edge.runner.on_start = lambda: edge.runner.order(f"rate {edge.rate}")
        return edge

    def _edge_settings(self, name: str, broker_port: int) -> dict[str, object]:
        return {
            "site": SITE,
            "edge": name,
            "data_dir": ".",
            "broker": {"url": f"mqtt://127.0.0.1:{broker_port}"},
            "collector": {
                "url": f"http://127.0.0.1:{self.uploads.port}",
                "token_file": str(self.folder / "token"),
            },
            "delivery": {"live_s": self.live_s},
            "outbox": {"max_mb": self.outbox_mb},
            "evidence": {"max_mb": 120},
            "health": {"interval_s": 2},
            "cameras": [{"id": "source-0", "source": "none.mp4", "analyzers": ["falling"]}],
        }


def waiting_uploads(edge: LoadedEdge) -> set[str]:
    """Hashes of the files that this edge has on its disk and still has to upload."""
    path = edge.disk.folder / "outbox.db"
    if not path.is_file():
        return set()
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as outbox:
        rows = outbox.execute("SELECT sha256, path FROM upload WHERE state = 0").fetchall()
    return {sha256 for sha256, file in rows if Path(file).is_file()}


def fair(world: World) -> None:
    """All connections as they should be."""
    world.set_weather(FAIR)
    world.uploads.weather = FAIR
