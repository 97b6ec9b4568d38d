"""The loops between broker and store: messages in, acknowledgements and alerts out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, Select, delete, select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential

from collector.database import Database, Turn
from collector.duty import Standing
from collector.ingest import Outcome, Tally, ingest
from collector.instants import SECOND_US, Clock
from collector.messages import EventMessage, Incoming, Letter, StatusMessage, Understood, understand
from collector.mqtt import Link, Outgoing
from collector.pulse import Pulse
from collector.schema import messages

log = logging.getLogger(__name__)

BATCH_SIZE = 500
PUBLISH_BATCH = 500
RETRY_MAX_S = 4
STORE_TROUBLE = (DBAPIError, OSError)
"""The database is away, locked or full: nothing was stored, the batch stays ours and is tried again."""

_Read = tuple[Sequence[Incoming], list[Understood]]


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

        While the store takes a batch, the next one is read: that needs the processor, a commit mostly waits.
        """
        read: asyncio.Queue[_Read] = asyncio.Queue(maxsize=1)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._read(read))
            both.create_task(self._write(read))

    async def _read(self, read: asyncio.Queue[_Read]) -> None:
        while True:
            batch = await self._link.inbox.take(BATCH_SIZE)
            await read.put((batch, [one for message in batch for one in understand(message)]))

    async def _write(self, read: asyncio.Queue[_Read]) -> None:
        while True:
            await self._take(*await read.get())

    async def process(self, batch: Sequence[Incoming]) -> None:
        """One batch, whatever is in it."""
        await self._take(batch, [one for message in batch for one in understand(message)])

    async def _take(self, batch: Sequence[Incoming], understood: list[Understood]) -> None:
        outcome = await self._store(understood)
        for topic, ack in outcome.acks.items():
            self._link.send(topic, ack.model_dump_json(by_alias=True))
        self._link.confirm(batch)
        self.tally.add(outcome.tally)
        for site in {found.address.site for found in understood if found.address is not None}:
            self._link.serve_site(site)
        self._pulse.beat()

    async def _store(self, batch: list[Understood]) -> Outcome:
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(STORE_TROUBLE),
            wait=wait_exponential(0.2, max=RETRY_MAX_S),
            before_sleep=self._note_trouble,
        )
        async for attempt in retrying:
            with attempt:
                outcome = await self._store_or_split(batch)
                self.store_trouble = None
                return outcome
        raise AssertionError("unreachable: the retrying never gives up")

    def _note_trouble(self, attempt: RetryCallState) -> None:
        error = attempt.outcome.exception() if attempt.outcome else None
        self.store_trouble = f"the database does not take events: {str(error).splitlines()[0]}"
        wait_s = attempt.next_action.sleep if attempt.next_action else 0.0
        log.error("%s; nothing is confirmed, trying again in %.1f s", self.store_trouble, wait_s)

    async def _store_or_split(self, batch: list[Understood]) -> Outcome:
        """A value that the database refuses must not hold up the others: then one by one, and that one is set aside."""
        try:
            return await ingest(self._database, batch, self._clock(), duty=self._duty.now)
        except (DataError, IntegrityError) as error:
            if len(batch) == 1:
                return await ingest(self._database, [_unstorable(batch[0], error)], self._clock(), duty=self._duty.now)
        outcome = Outcome()
        for message in batch:
            outcome = _joined(outcome, await self._store_or_split([message]))
        return outcome


def _unstorable(message: Understood, error: SQLAlchemyError) -> Letter:
    reason = f"the database refuses it: {str(error).splitlines()[0]}"[:300]
    if isinstance(message, Letter):
        raise error
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
        published = delete(messages).where(messages.c.message_id.in_(message_ids))

        async def forget(connection: AsyncConnection) -> None:
            await connection.execute(published)

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
