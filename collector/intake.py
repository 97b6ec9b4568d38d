"""The loops between broker and store: messages in, acknowledgements and alerts out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from sqlalchemy import Row, Select, select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential

from collector.database import Database, Turn
from collector.duty import Standing
from collector.ingest import Outcome, Tally, ingest, store
from collector.instants import SECOND_US, Clock
from collector.messages import EventMessage, Incoming, Letter, StatusMessage, Understood, understand
from collector.mqtt import Link, Outgoing
from collector.prepared import Prepared, prepare
from collector.pulse import Pulse
from collector.schema import messages
from contract.acks import Ack

log = logging.getLogger(__name__)

BATCH_SIZE = 500
PUBLISH_BATCH = 500
RETRY_MAX_S = 4
STORE_TROUBLE = (DBAPIError, OSError)
"""The database is away, locked or full: nothing was stored, the batch stays ours and is tried again."""

_AHEAD = 2
"""Batches that are ready while one is stored."""
_PIECE = 64
"""After so many events the loop looks whether the database has answered: it waits for the next statement."""

_RANGES_AT_ONCE, _REFUSALS_AT_ONCE = 500, 50
"""In one acknowledgement: 100 bytes each, and up to 2 kB for a refusal with its reason; 256 KiB may be sent at once."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A batch as it came, as it was understood, and as it is to be stored."""

    incoming: Sequence[Incoming]
    understood: list[Understood]
    prepared: list[Prepared]


class Intake:
    """Takes batches from the inbox, stores them, acknowledges, and only then confirms to the broker."""

    def __init__(
        self, database: Database, link: Link, pulse: Pulse, clock: Clock, duty: Standing | None = None
    ) -> None:
        self._database = database
        self._link = link
        self._pulse = pulse
        self._clock = clock
        self._duty = duty or Standing()
        self.tally = Tally()
        self.store_trouble: str | None = None
        """Why the batch at hand cannot be stored yet; None while all is well."""

    async def run(self) -> None:
        """Until cancelled. A batch that was cut off was not confirmed and comes again.

        While the store takes a batch, the next ones are made ready: that needs the processor, the store has its own.
        """
        ready: asyncio.Queue[_Ready] = asyncio.Queue(maxsize=_AHEAD)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._read(ready))
            both.create_task(self._write(ready))

    async def _read(self, ready: asyncio.Queue[_Ready]) -> None:
        while True:
            await ready.put(await self._make_ready(await self._link.inbox.take(BATCH_SIZE)))

    async def _write(self, ready: asyncio.Queue[_Ready]) -> None:
        while True:
            await self._take(await ready.get())

    async def process(self, batch: Sequence[Incoming]) -> None:
        """One batch, whatever is in it."""
        await self._take(await self._make_ready(batch))

    async def _make_ready(self, batch: Sequence[Incoming]) -> _Ready:
        understood: list[Understood] = []
        prepared: list[Prepared] = []
        now_us, duty = self._clock(), self._duty.now
        for message in batch:
            understood += understand(message)
            while len(understood) - len(prepared) >= _PIECE:
                await asyncio.sleep(0)
                prepared += prepare(understood[len(prepared) : len(prepared) + _PIECE], now_us, duty)
                await asyncio.sleep(0)
        return _Ready(batch, understood, prepared + prepare(understood[len(prepared) :], now_us, duty))

    async def _take(self, ready: _Ready) -> None:
        outcome = await self._store(ready)
        for topic, ack in outcome.acks.items():
            for part in in_parts(ack):
                self._link.send(topic, part.model_dump_json(by_alias=True))
        self._link.confirm(ready.incoming)
        self.tally.add(outcome.tally)
        for site in {found.address.site for found in ready.understood if _is_of_site(found)}:
            self._link.serve_site(site)
        self._pulse.beat()

    async def _store(self, ready: _Ready) -> Outcome:
        """However long it takes. What had to wait is made ready again: it may have become history meanwhile."""
        prepared: list[Prepared] | None = ready.prepared
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(STORE_TROUBLE),
            wait=wait_exponential(0.2, max=RETRY_MAX_S),
            before_sleep=self._note_trouble,
        )
        async for attempt in retrying:
            with attempt:
                first, prepared = prepared, None
                outcome = await self._store_or_split(ready.understood, first)
                self.store_trouble = None
                return outcome
        raise AssertionError("unreachable: the retrying never gives up")

    def _note_trouble(self, attempt: RetryCallState) -> None:
        error = attempt.outcome.exception() if attempt.outcome else None
        self.store_trouble = f"the database does not take events: {str(error).splitlines()[0]}"
        wait_s = attempt.next_action.sleep if attempt.next_action else 0.0
        log.error("%s; nothing is confirmed, trying again in %.1f s", self.store_trouble, wait_s)

    async def _store_or_split(self, batch: list[Understood], prepared: list[Prepared] | None = None) -> Outcome:
        """A value that the database refuses must not hold up the others: then one by one, and that one is set aside."""
        try:
            if prepared is not None:
                return await store(self._database, prepared, self._clock(), duty=self._duty.now)
            return await ingest(self._database, batch, self._clock(), duty=self._duty.now)
        except (DataError, IntegrityError) as error:
            if len(batch) == 1:
                return await self._set_aside(batch[0], error)
        outcome = Outcome()
        for message in batch:
            outcome = _joined(outcome, await self._store_or_split([message]))
        return outcome

    async def _set_aside(self, message: Understood, error: SQLAlchemyError) -> Outcome:
        """Keep it as a letter. A letter that is refused too is given up: one that waited would hold up all others."""
        letter = _unstorable(message, error)
        try:
            return await ingest(self._database, [letter], self._clock(), duty=self._duty.now)
        except (DataError, IntegrityError) as again:
            reason = str(again).splitlines()[0]
            log.error("message on %r cannot be kept, not even aside: %s", message.incoming.topic[:300], reason)
            return Outcome()


def in_parts(ack: Ack) -> list[Ack]:
    """The same as messages that a broker takes: it would end the connection of who sends a larger one, ever again."""
    if len(ack.ranges) <= _RANGES_AT_ONCE and len(ack.refused) <= _REFUSALS_AT_ONCE:
        return [ack]
    ranges, refused = ack.ranges, ack.refused
    return [
        *(Ack(ranges=ranges[at : at + _RANGES_AT_ONCE]) for at in range(0, len(ranges), _RANGES_AT_ONCE)),
        *(Ack(refused=refused[at : at + _REFUSALS_AT_ONCE]) for at in range(0, len(refused), _REFUSALS_AT_ONCE)),
    ]


def _is_of_site(found: Understood) -> TypeGuard[EventMessage | StatusMessage]:
    """Whether it shows that there is such a site: what an edge writes amiss must not."""
    return isinstance(found, EventMessage | StatusMessage)


def _unstorable(message: Understood, error: SQLAlchemyError) -> Letter:
    reason = f"the database refuses it: {str(error).splitlines()[0]}"[:300]
    outbox_id = message.outbox_id if isinstance(message, EventMessage) else None
    sequence = message.envelope.sequence if isinstance(message, EventMessage) else None
    return Letter(message.incoming, "unstorable", reason, message.address, outbox_id, sequence)


def _joined(first: Outcome, second: Outcome) -> Outcome:
    acks = dict(first.acks)
    for topic, ack in second.acks.items():
        before = acks.get(topic)
        merged = {"ranges": before.ranges + ack.ranges, "refused": before.refused + ack.refused} if before else {}
        acks[topic] = ack.model_copy(update=merged)
    tally = replace(first.tally)
    tally.add(second.tally)
    return Outcome(acks, tally)


class Publisher:
    """Publishes what the store says is to be published, in order, and deletes it when the broker has it."""

    def __init__(self, database: Database, link: Link, pulse: Pulse, clock: Clock) -> None:
        self._database = database
        self._link = link
        self._pulse = pulse
        self._clock = clock
        self.published = 0

    async def run(self) -> None:
        """Until cancelled. After trouble the same messages are tried again: a client may hear one twice, never not."""
        seen = -1
        while True:
            await self._link.connected.wait()
            try:
                while await self.publish_some():
                    pass
            except (ConnectionError, *STORE_TROUBLE) as error:
                log.warning("alerts wait to be published: %s", error)
            seen = await self._pulse.wait(seen, timeout_s=1.0)

    async def publish_some(self) -> int:
        """Publish the oldest messages; returns how many there were."""
        oldest = select(messages).order_by(messages.c.message_id).limit(PUBLISH_BATCH)
        if not await self._read(oldest.limit(1)):
            return 0
        async with self._database.alone(Turn.PUBLISH):
            rows = await self._read(oldest)
            done = await self._send(rows)
            await self._forget(done)
        return len(rows)

    async def _forget(self, message_ids: Sequence[int]) -> None:
        """If a power cut undoes this, they are published once more."""

        async def forget(connection: AsyncConnection) -> None:
            await self._database.delete_matching(connection, messages.c.message_id, message_ids)

        await self._database.transact_hastily(forget)

    async def _read(self, query: Select[Any]) -> Sequence[Row[Any]]:
        async with self._database.read() as connection:
            return list(await connection.execute(query))

    async def _send(self, rows: Sequence[Row[Any]]) -> list[int]:
        """Publish what is still news; ids of what need not be published again."""
        fresh = [row for row in rows if row.expires_us is None or row.expires_us - self._clock() >= SECOND_US]
        confirmed = await self._link.publish([self._outgoing(row) for row in fresh]) if fresh else 0
        self.published += confirmed
        unsent = {row.message_id for row in fresh[confirmed:]}
        return [row.message_id for row in rows if row.message_id not in unsent]

    def _outgoing(self, row: Row[Any]) -> Outgoing:
        left_s = None if row.expires_us is None else (row.expires_us - self._clock()) // SECOND_US
        return Outgoing(row.topic, row.payload, row.retain, left_s)


async def reingest(database: Database, letters: Sequence[Incoming], now_us: int) -> list[bool]:
    """Whether this program understands each letter now; those that have become events are stored by `ingest`."""
    understood = [understand(letter) for letter in letters]
    fit = [one for found in understood for one in found if isinstance(one, EventMessage | StatusMessage)]
    if fit:
        await ingest(database, fit, now_us, again=True)
    return [not any(isinstance(one, Letter) for one in found) for found in understood]
