"""One edge under load: the agent's own outbox, delivery, uploader and control, fed by a load generator.

`python -m simulator.faults.edge_process CONFIG --ledger FILE` reads orders from standard input, one a line: `rate N`
(events per second of all producers), `burst N`, `big BYTES` (the next evidence is a clip of that size), `clock S`
(seconds that the wall clock is wrong), `stop`. With `--crash POINT` it kills itself, by SIGKILL, at that point.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import click

from contract.commands import Reply
from contract.events import EventType
from contract.topics import EdgeTopics
from edge import config
from edge.clock import SystemClock
from edge.config import AgentConfig
from edge.control import Control
from edge.delivery import Delivery
from edge.errors import ConfigError, EvidenceError, OutboxError
from edge.evidence.files import EvidenceFiles, StoredFile
from edge.evidence.queue import UploadQueue
from edge.evidence.quota import EvidenceQuota
from edge.evidence.uploader import Uploader
from edge.inference import ModelStore
from edge.logs import set_up
from edge.outbox import Outbox
from edge.plates.watchlist import WatchBook
from edge.reporting import Reporter
from simulator.faults import crashing, powercut
from simulator.faults.events import Maker, clip, picture
from simulator.faults.ledger import Kept, Ledger, Promise, read_ledger

_PUT_AGAIN_S = 0.2


class ShiftedClock(SystemClock):
    """The machine's clock, wrong by so many seconds; monotonic time is right."""

    def __init__(self) -> None:
        self.wrong_s = 0.0

    def now(self) -> float:
        return super().now() + self.wrong_s


@dataclass
class Orders:
    """What standard input has asked for."""

    rate: float = 10.0
    burst: int = 0
    big: int = 0
    stopping: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take_burst(self) -> bool:
        """Whether this event belongs to a burst: then it does not wait."""
        with self.lock:
            self.burst -= self.burst > 0
            return self.burst > 0

    def take_big(self) -> int:
        """Bytes of the next evidence, 0 for the usual size."""
        with self.lock:
            size, self.big = self.big, 0
            return size


class LoadedEdge:
    """Joins the delivering half of the agent, as `edge.agent` does, and producers in place of cameras."""

    def __init__(self, settings: AgentConfig, ledger: Path, producers: int) -> None:
        self.settings = settings
        self.clock = ShiftedClock()
        self.orders = Orders()
        self.rng = random.Random()
        self.outbox = Outbox.open(
            settings.data_dir / "outbox.db", self.clock, settings.outbox.max_mb, settings.outbox.keep_days
        )
        self.reporter = Reporter(settings.site, settings.edge, self.outbox, self.clock)
        self.uploads = UploadQueue(self.outbox.database)
        self.files = EvidenceFiles(settings.data_dir / "evidence", int(settings.evidence.max_mb * 1_000_000))
        quota = EvidenceQuota(self.files, self.uploads, self._report_lost)
        self.files.make_room = quota.make_room
        if settings.collector is None or settings.broker is None:
            raise ConfigError("a loaded edge needs a broker and a collector")
        self.delivery = Delivery(
            settings.broker,
            settings.delivery,
            EdgeTopics(settings.site, settings.edge),
            self.outbox,
            self.clock,
            settings.health.interval_s,
            self.rng,
        )
        self.uploader = Uploader(settings.collector, self.uploads, self.clock, self.rng)
        self.book = read_ledger(ledger, settings.edge)
        self.ledger = Ledger(ledger)
        self.producers = producers
        self.maker = Maker()

    def run(self) -> int:
        """Until `stop`. Returns the exit status: 1 when a thread of the agent's has died."""
        self._report_damage()
        self.uploads.add_strays(self.files.folder, self.clock.now())
        self.uploader.start()
        self.outbox.on_put(self.uploader.wake)
        self.delivery.on_collector_back = self.uploader.collector_is_back
        self.delivery.start(self._control())
        threading.Thread(target=self._read_orders, daemon=True).start()
        for producer in range(self.producers):
            threading.Thread(target=self._produce, args=(producer,), daemon=True).start()
        while not self.orders.stopping:
            time.sleep(0.05)
            self.reporter.retry()
            if not (self.delivery.alive and self.uploader.alive) or self.outbox.damage is not None:
                return 1
        self.uploader.stop()
        self.delivery.stop()
        self.outbox.close()
        return 0

    def _produce(self, producer: int) -> None:
        """What was begun and not finished comes first, under its old id; then new events, one after the other."""
        mine = [promise for promise in self.book.promises if promise.producer == producer]
        for promise in mine:
            if promise.event_id not in self.book.kept:
                self._put(promise, self._file_of(promise))
        number = mine[-1].number if mine else 0
        while not self.orders.stopping:
            self._pace()
            number += 1
            file = self._store_evidence(number)
            sha256 = None if file is None else file.sha256
            promise = Promise(self.settings.edge, producer, number, uuid4(), sha256, time.monotonic())
            self.ledger.begin(promise)
            self._put(promise, file)

    def _put(self, promise: Promise, file: StoredFile | None) -> None:
        """A finding is not lost because the disk is full: it is put again until the outbox takes it."""
        event = self.maker.make(promise, file, self.clock.now())
        while not self.orders.stopping:
            try:
                sequence = self.reporter.put(event)
            except OutboxError:
                time.sleep(_PUT_AGAIN_S)
                continue
            self.ledger.done(promise, Kept(self.outbox.outbox_id, sequence))
            return

    def _pace(self) -> None:
        end_s = time.monotonic() + 3600
        begun_s = time.monotonic()
        while not self.orders.take_burst():
            left_s = min(end_s, begun_s + self.producers / max(self.orders.rate, 1e-3)) - time.monotonic()
            if left_s <= 0:
                return
            time.sleep(min(left_s, 0.1))

    def _store_evidence(self, number: int) -> StoredFile | None:
        if not self.maker.has_evidence(number):
            return None
        big = self.orders.take_big()
        content = clip(self.rng, big) if big else picture(self.rng, self.rng.randint(2_000, 20_000))
        while not self.orders.stopping:
            try:
                return self.files.store(content, "clip" if big else "snapshot", "video/mp4" if big else "image/jpeg")
            except EvidenceError:
                time.sleep(_PUT_AGAIN_S)
        return None

    def _file_of(self, promise: Promise) -> StoredFile | None:
        """The evidence that was stored before the crash."""
        if promise.evidence is None:
            return None
        found = next(iter(self.files.folder.glob(f"??/{promise.evidence}.*")), None)
        if found is None:
            return None
        size_bytes = found.stat().st_size
        if found.suffix == ".mp4":
            return StoredFile(promise.evidence, found, "clip", "video/mp4", size_bytes)
        return StoredFile(promise.evidence, found, "snapshot", "image/jpeg", size_bytes)

    def _read_orders(self) -> None:
        for line in sys.stdin:
            word, _, value = line.strip().partition(" ")
            with self.orders.lock:
                match word:
                    case "rate":
                        self.orders.rate = float(value)
                    case "burst":
                        self.orders.burst += int(value)
                    case "big":
                        self.orders.big = int(value)
                    case "clock":
                        self.clock.wrong_s = float(value)
                    case "stop":
                        self.orders.stopping = True
        self.orders.stopping = True

    def _control(self) -> Control:
        return Control(
            config=self.settings,
            version="faults",
            outbox=self.outbox,
            uploads=self.uploads,
            reporter=self.reporter,
            models=ModelStore(None),
            cameras={},
            watch=WatchBook(self.settings.data_dir, None, self.clock),
            clock=self.clock,
            recent_log=lambda: "",
            reply=self._reply,
            look_again=self.delivery.look_again,
            started_s=self.clock.monotonic(),
        )

    def _reply(self, reply: Reply) -> None:
        self.delivery.reply(reply)

    def _report_lost(self, count: int) -> None:
        data = self.outbox.dropped((), {}, "evidence quota").model_copy(update={"evidence_files": count})
        self.reporter.report(EventType.DROPPED, self.settings.edge, data)

    def _report_damage(self) -> None:
        for key, records in self.outbox.losses():
            for data in records:
                self.reporter.report(EventType.DROPPED, self.settings.edge, data)
            self.outbox.told(key)


@click.command()
@click.argument("config_file", type=click.Path(path_type=Path))
@click.option("--ledger", type=click.Path(path_type=Path), required=True)
@click.option("--producers", default=4, show_default=True)
@click.option("--record", type=click.Path(path_type=Path), help="Record all writes here, for a power cut.")
@click.option("--crash", help="name:count, see simulator.faults.crashing")
def main(config_file: Path, ledger: Path, producers: int, record: Path | None, crash: str | None) -> None:
    """Run one loaded edge."""
    settings = config.load(config_file)
    set_up("warning", json_lines=False)
    crashing.arm(crash)
    if record is not None:
        powercut.record_from_here(settings.data_dir, record)
    edge = LoadedEdge(settings, ledger, producers)
    print(json.dumps({"outbox_id": str(edge.outbox.outbox_id)}), flush=True)
    sys.exit(edge.run())


if __name__ == "__main__":
    main()
