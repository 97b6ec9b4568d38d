"""The kinds of fault. Each hurts the world and returns what heals it; between the two the run holds on for a while."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from simulator.faults.crashing import COLLECTOR_PLACES, EDGE_PLACES
from simulator.faults.powercut import copy_of, play, put_down
from simulator.faults.proxy import FAIR, Weather
from simulator.faults.world import LoadedEdge, World, waiting_uploads

Heal = Callable[[], None]
_PAGE = 4096
_BIG = 8_000_000
_CRASH_WITHIN_S = 40.0
_LAST_WORD_S = 40.0


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault; `hold_s` is how long it lasts, from and to."""

    name: str
    hurt: Callable[[World], Heal]
    hold_s: tuple[float, float] = (0.2, 2.0)
    database: str | None = None
    """Only with this database; None: with any."""
    records: bool = False
    """Only where writes can be recorded."""


def _nothing() -> None:
    """Whoever died is started again by the world."""


def _an_edge(world: World) -> LoadedEdge:
    return world.rng.choice(world.edges)


def _kill_edge(world: World) -> Heal:
    edge = _an_edge(world)
    edge.runner.end(signal.SIGKILL)
    return lambda: world.wait_edge(edge)


def _start_edge(world: World, edge: LoadedEdge) -> None:
    edge.runner.start()
    world.wait_edge(edge)


def _kill_collector(world: World) -> Heal:
    world.collector.end(signal.SIGKILL)
    return world.wait_ready


def _stop_collector(world: World) -> Heal:
    """For so long that it matters: what a long time brings comes as a burst."""
    world.collector.end(signal.SIGTERM, hold=True)
    for edge in world.edges:
        edge.runner.order(f"burst {world.rng.randint(400, 1000)}")

    def heal() -> None:
        world.collector.start()
        world.wait_ready()

    return heal


def _kill_broker(world: World) -> Heal:
    world.broker.kill()
    return world.broker.start


def _restart_broker(world: World) -> Heal:
    world.broker.stop()
    return world.broker.start


def _wipe_broker(world: World) -> Heal:
    world.broker.kill()
    world.broker.wipe()
    return world.broker.start


def _weather(weather: Weather, edges: bool, collector: bool) -> Callable[[World], Heal]:
    def hurt(world: World) -> Heal:
        world.set_weather(weather, edges, collector)
        return lambda: world.set_weather(FAIR)

    return hurt


def _fill_edge_disk(world: World) -> Heal:
    edge = _an_edge(world)
    edge.disk.fill(edge.runner.pid)
    return edge.disk.free


def _fill_collector_disk(world: World) -> Heal:
    world.collector_disk.fill(world.collector.pid)
    return world.collector_disk.free


def _damage_outbox(world: World) -> Heal:
    """One page of the file, or of its log, becomes noise or an old zero while the edge is down."""
    edge = _an_edge(world)
    edge.runner.end(signal.SIGKILL, hold=True)
    outbox = edge.disk.folder / "outbox.db"
    log = edge.disk.folder / "outbox.db-wal"
    has_log = log.exists() and log.stat().st_size > _PAGE
    _spoil(log if has_log and world.rng.random() < 0.4 else outbox, world)
    return lambda: _start_edge(world, edge)


def _damage_waiting(world: World) -> Heal:
    """A page on which events wait, because the network is away: these are given up and told, nothing around them."""
    edge = _an_edge(world)
    edge.to_broker.weather = Weather(cut=True)
    world.wait(world.rng.uniform(1.0, 3.0))
    edge.runner.end(signal.SIGKILL, hold=True)
    path = edge.disk.folder / "outbox.db"
    pages = pages_of_waiting(path)
    if pages:
        _spoil(path, world, world.rng.choice(pages))

    def heal() -> None:
        edge.to_broker.weather = FAIR
        _start_edge(world, edge)

    return heal


def pages_of_waiting(outbox: Path) -> list[int]:
    """Pages of the file, counted from 0, on which an event waits; what was only in its log goes over before."""
    with contextlib.closing(sqlite3.connect(outbox)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        waiting = connection.execute("SELECT id FROM event WHERE state = 0").fetchall()
    content = outbox.read_bytes()
    places = (content.find(f'"id": "{identity}"'.encode()) for (identity,) in waiting)
    return sorted({place // _PAGE for place in places if place >= 0})


def _spoil(path: Path, world: World, page: int | None = None) -> None:
    page = world.rng.randrange(max(1, path.stat().st_size // _PAGE)) if page is None else page
    noise = b"\0" * _PAGE if world.rng.random() < 0.5 else world.rng.randbytes(_PAGE)
    torn = world.rng.choice((_PAGE, _PAGE // 2, 512))
    with path.open("r+b") as file:
        file.seek(page * _PAGE + _PAGE - torn)
        file.write(noise[:torn])


def _cut_power(world: World) -> Heal:
    """What the edge has written since its last fsync is lost, in whole or in part."""
    edge = _an_edge(world)
    edge.runner.end(signal.SIGKILL, hold=True)
    before = copy_of(edge.disk.folder, world.folder / f"{edge.name}.before")
    writes = edge.record = world.folder / f"{edge.name}.writes"
    _start_edge(world, edge)
    world.wait(world.rng.uniform(1.0, 4.0))
    edge.runner.end(signal.SIGKILL, hold=True)
    put_down(play(before, writes, world.rng), edge.disk.folder)
    return lambda: _start_edge(world, edge)


def _shift_clock(hours: int) -> Callable[[World], Heal]:
    def hurt(world: World) -> Heal:
        edge = _an_edge(world)
        edge.runner.order(f"clock {hours * 3600}")
        return lambda: edge.runner.order("clock 0")

    return hurt


def _twin(world: World) -> Heal:
    """A second box with the same name, its own outbox, and its own events: they count too."""
    twin = world.make_edge(f"twin-{len(world.twins) + 1}", twin=True)
    world.twins.append(twin)
    twin.rate = 2.0
    twin.runner.start()

    def heal() -> None:
        """The twin's load ends; it leaves when all of its own has been delivered."""
        twin.runner.order("rate 0.001")
        twin.leaving = True

    return heal


def _cut_upload(world: World) -> Heal:
    edge = _an_edge(world)
    world.uploads.weather = Weather(reset_after=world.rng.randint(100_000, 6_000_000))
    edge.runner.order(f"big {_BIG}")
    edge.runner.order("burst 60")

    def heal() -> None:
        world.uploads.weather = FAIR

    return heal


def _new_disk(world: World) -> Heal:
    """The box gets a new image: another outbox, under the same name. What waited there is waited for, files too.

    What is on a disk that is gone is gone: nothing could bring that back.
    """
    edge = _an_edge(world)
    edge.runner.order("rate 0.001")
    edge.runner.order("burst 0")
    world.wait(_LAST_WORD_S, lambda: world.is_delivered(edge) and not waiting_uploads(edge))
    edge.runner.end(signal.SIGKILL, hold=True)
    for path in edge.disk.folder.glob("outbox.db*"):
        path.unlink()
    return lambda: _start_edge(world, edge)


def _restore_collector(world: World) -> Heal:
    """A backup from before, brought back: what came since is missing there."""
    backup = world.folder / "backup"
    world.collector_command("backup", str(backup), "--replace")
    for edge in world.edges:
        edge.runner.order("burst 60")
    world.wait(1.5)
    world.collector.end(signal.SIGKILL, hold=True)
    world.collector_command("restore", str(backup), "--replace")
    world.progress.forget()

    def heal() -> None:
        world.collector.start()
        world.wait_ready()

    return heal


def _crash_edge(place: str) -> Callable[[World], Heal]:
    def hurt(world: World) -> Heal:
        edge = _an_edge(world)
        edge.crash = f"{place}@{world.rng.randint(1, 40)}"
        edge.runner.end(signal.SIGKILL)
        starts = edge.runner.starts
        world.wait(_CRASH_WITHIN_S, lambda: edge.runner.starts >= starts + 2)
        return lambda: world.wait_edge(edge)

    return hurt


def _crash_collector(place: str) -> Callable[[World], Heal]:
    def hurt(world: World) -> Heal:
        world.collector_crash = f"{place}@{world.rng.randint(1, 20)}"
        world.collector.end(signal.SIGKILL)
        starts = world.collector.starts
        world.wait(_CRASH_WITHIN_S, lambda: world.collector.starts >= starts + 2)
        return world.wait_ready

    return hurt


def _kill_database(world: World) -> Heal:
    if world.postgres is not None:
        world.postgres.kill()
        return world.postgres.start
    return _nothing


def _several(world: World) -> Heal:
    """Two at once."""
    heals = [hurt(world) for hurt in world.rng.sample((_kill_edge, _kill_collector, _wipe_broker, _fill_edge_disk), 2)]

    def heal() -> None:
        with contextlib.ExitStack() as stack:
            for one in heals:
                stack.callback(one)

    return heal


KINDS = (
    Kind("edge killed", _kill_edge),
    Kind("collector killed", _kill_collector),
    Kind("collector stopped for long", _stop_collector, (2.0, 4.0)),
    Kind("broker killed", _kill_broker),
    Kind("broker restarted", _restart_broker),
    Kind("broker's data wiped", _wipe_broker),
    Kind("network cut, edges", _weather(Weather(cut=True), edges=True, collector=False)),
    Kind("network cut, collector", _weather(Weather(cut=True), edges=False, collector=True)),
    Kind("network silent", _weather(Weather(silent=True), edges=True, collector=True), (1.0, 4.0)),
    Kind("network slow", _weather(Weather(delay_s=0.2), edges=True, collector=True)),
    Kind("network lossy", _weather(Weather(loss=0.1), edges=True, collector=True)),
    Kind("disk full at the edge", _fill_edge_disk),
    Kind("disk full at the collector", _fill_collector_disk),
    Kind("outbox page damaged", _damage_outbox),
    Kind("page of waiting events damaged", _damage_waiting),
    Kind("power cut at the edge", _cut_power, records=True),
    Kind("clock jumps forward", _shift_clock(1)),
    Kind("clock jumps back", _shift_clock(-1)),
    Kind("two agents, one identity", _twin, (1.0, 3.0)),
    Kind("evidence upload cut", _cut_upload),
    Kind("edge re-imaged", _new_disk),
    Kind("collector restored from a backup", _restore_collector),
    Kind("two faults at once", _several),
    Kind("database killed", _kill_database, database="postgresql"),
    *(Kind(place, _crash_edge(place)) for place in EDGE_PLACES),
    *(Kind(place, _crash_collector(place)) for place in COLLECTOR_PLACES),
)
