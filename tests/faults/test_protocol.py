"""The protocol of docs/design/delivery.md against its model: any interleaving of puts, publications, crashes, lost and
repeated and reordered messages, lost acknowledgements, a broker that forgets, and replays.

The edge's outbox and window and the collector's ingest are the real ones; the broker is a list.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import select

from collector import ingest as ingesting
from collector.database import Database, database_url
from collector.gaps import missing
from collector.messages import Incoming, understand
from collector.schema import events
from contract.acks import Ack
from contract.events import EventType, SensorData
from contract.topics import EdgeTopics
from edge.clock import SystemClock
from edge.outbox import NewEvent, Outbox, check
from edge.window import Window

TOPICS = EdgeTopics("west", "gate-1")
ACK_TIMEOUT_S = 20.0


class HandClock(SystemClock):
    """Time passes only when the model says so."""

    def __init__(self) -> None:
        self.now_s = 1_700_000_000.0

    def now(self) -> float:
        return self.now_s

    def monotonic(self) -> float:
        return self.now_s


class Protocol(RuleBasedStateMachine):
    """One edge, one broker, one collector."""

    def __init__(self) -> None:
        super().__init__()
        memory = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        self.clock = HandClock()
        self.promised: list[str] = []
        self.to_collector: list[Incoming] = []
        self.to_edge: list[Ack] = []
        self.loop = asyncio.new_event_loop()
        self.store = Database(database_url(None, self.folder))
        self.loop.run_until_complete(self.store.migrate())
        self._open()

    def _open(self) -> None:
        self.outbox = Outbox.open(self.folder / "outbox.db", self.clock)
        self.window = Window(self.outbox, self.clock, random.Random(1), 50, ACK_TIMEOUT_S, 60)

    @rule(count=st.integers(1, 3))
    def put(self, count: int) -> None:
        for _ in range(count):
            data = SensorData(sensor="door", kind="contact", alarm=len(self.promised) % 5 == 0)
            at = datetime.fromtimestamp(self.clock.now(), UTC)
            new = NewEvent(uuid4(), EventType.SENSOR, "west", "gate-1", "door", at, data)
            assert self.outbox.put(new) == len(self.promised) + 1
            self.promised.append(str(new.id))

    @rule(confirmed=st.booleans())
    def publish(self, confirmed: bool) -> None:
        """Without `confirmed` the broker has them, but its PUBACK is still on its way."""
        for outgoing in self.window.take(10):
            event = outgoing.event
            payload = event.payload(self.outbox.outbox_id, outgoing.replayed)
            self.to_collector.append(Incoming(TOPICS.event(event.event_type, event.source), payload))
            if confirmed:
                self.window.reached_broker(event.sequence)

    @precondition(lambda self: self.to_collector)
    @rule(count=st.integers(1, 8), crash=st.sampled_from(["no", "no", "before commit", "before ack", "before confirm"]))
    def collect(self, count: int, crash: str) -> None:
        batch = self.to_collector[:count]
        acks = self._ingest(batch, fail=crash == "before commit")
        if crash not in {"before commit", "before ack"}:
            self.to_edge += acks
        if crash == "no":
            del self.to_collector[:count]

    def _ingest(self, batch: list[Incoming], fail: bool = False) -> list[Ack]:
        whole = ingesting._store_ranges

        async def die(_work: Any) -> None:
            raise SystemError("killed")

        ingesting._store_ranges = die if fail else whole
        try:
            work = ingesting.ingest(
                self.store, [found for one in batch for found in understand(one)], int(self.clock.now() * 1e6)
            )
            return list(self.loop.run_until_complete(work).acks.values())
        except SystemError:
            return []
        finally:
            ingesting._store_ranges = whole

    @precondition(lambda self: self.to_collector)
    @rule(seed=st.integers(0, 99))
    def repeat_and_reorder(self, seed: int) -> None:
        rng = random.Random(seed)
        self.to_collector.append(rng.choice(self.to_collector))
        rng.shuffle(self.to_collector)

    @precondition(lambda self: self.to_edge)
    @rule(lost=st.booleans())
    def acknowledge(self, lost: bool) -> None:
        ack = self.to_edge.pop(0)
        if lost:
            return
        ranges = tuple((one.from_sequence, one.to_sequence) for one in ack.ranges)
        self.outbox.mark_acked(ranges).result()
        self.window.settled(ranges)

    @rule()
    def edge_crashes(self) -> None:
        self.outbox.close()
        self._open()

    @rule()
    def broker_forgets(self) -> None:
        self.to_collector.clear()
        self.to_edge.clear()
        for sequence in range(1, len(self.promised) + 1):
            self.window.reached_broker(sequence)
        self.window.hurry(2.0)

    @rule(seconds=st.sampled_from([1.0, 30.0, 300.0, -3600.0]))
    def time_passes(self, seconds: float) -> None:
        """Or the wall clock is set back; monotonic time is never, so the window's is not looked at then."""
        if seconds < 0:
            self.outbox.close()
            self.clock.now_s += seconds
            self._open()
        self.clock.now_s += max(seconds, 0.0)

    @precondition(lambda self: self.promised)
    @rule(low=st.integers(1, 30), width=st.integers(0, 10))
    def collector_asks_again(self, low: int, width: int) -> None:
        self.outbox.mark_replay([(low, low + width)])
        self.window.rescan()

    @invariant()
    def nothing_twice_and_nothing_invented(self) -> None:
        held = [event_id for _, event_id in self._held()]
        assert len(held) == len(set(held))
        assert set(held) <= set(self.promised)

    @invariant()
    def what_is_settled_is_at_the_collector(self) -> None:
        settled = {one.sequence for one in self.outbox.events(limit=10_000) if one.state != 0}
        assert settled <= {sequence for sequence, _ in self._held()}

    def _held(self) -> list[tuple[int, str]]:
        async def read() -> list[tuple[int, str]]:
            query = select(events.c.sequence, events.c.event_id).order_by(events.c.sequence)
            async with self.store.read() as connection:
                return [tuple(row) for row in await connection.execute(query)]

        return self.loop.run_until_complete(read())

    def teardown(self) -> None:
        """All heals; then everything is there, once, in the order it was put, and no gap is left."""
        for _ in range(60):
            if not self.outbox.pending_count():
                break
            self.broker_forgets()
            self.clock.now_s += 5 * ACK_TIMEOUT_S
            self.publish(confirmed=True)
            if self.to_collector:
                self.collect(100, "no")
            while self.to_edge:
                self.acknowledge(lost=False)
        assert [event_id for _, event_id in self._held()] == self.promised
        self.loop.run_until_complete(self._no_gaps())
        self.outbox.close()
        assert check(self.folder / "outbox.db") == []
        self.loop.run_until_complete(self.store.close())
        self.loop.close()
        shutil.rmtree(self.folder)

    async def _no_gaps(self) -> None:
        async with self.store.read() as connection:
            assert not any((await missing(connection)).values())


TestProtocol = Protocol.TestCase
TestProtocol.settings = settings(
    max_examples=8, stateful_step_count=25, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
