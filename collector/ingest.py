"""A batch of messages becomes one transaction; only what it has committed is acknowledged.

Invariants: (1) an acknowledgement is computed inside the transaction and given out after its commit. (2) A sequence
number is in `received_ranges` exactly if its event is stored, was refused into `dead_letters`, or was declared dropped;
only the edge that owns an outbox can put it there. (3) An alert and the messages that tell of it are in the
transaction of their event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import and_, or_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import alert_moves, alert_store, clones, outbox_store, passages, positions, status_store
from collector.alert_store import Proposal, propose
from collector.alerts import CAMERA_TROUBLE, Draft, camera_draft
from collector.database import LEAVE_OUT, NONE_IS_THERE, Database
from collector.duty import Duty
from collector.instants import to_instant
from collector.messages import EventMessage, Letter, PositionMessage, StatusMessage, Understood
from collector.prepared import EVENT_COLUMNS, EVIDENCE_COLUMNS, Prepared, PreparedEvent, prepare
from collector.ranges import Range, contains
from collector.schema import cameras, dead_letters, event_evidence, events
from contract.acks import Ack, Refusal, to_ranges
from contract.envelope import MAX_EVENT_BYTES
from contract.events import CameraData, DroppedData
from contract.topics import EdgeTopics


@dataclass
class Tally:
    """What became of the messages, counted since the start."""

    stored: int = 0
    duplicates: int = 0
    refused: int = 0
    set_aside: int = 0
    alerts: int = 0
    batches: int = 0

    def add(self, other: Tally) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass
class Outcome:
    """What may be said once the transaction is committed: acknowledgements by topic."""

    acks: dict[str, Ack] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)


@dataclass
class _Batch:
    """One transaction in the making."""

    database: Database
    connection: AsyncConnection
    now_us: int
    again: bool = False
    duty: Duty = field(default_factory=Duty)
    tally: Tally = field(default_factory=lambda: Tally(batches=1))
    owners: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Outbox id → the (site, edge) it belongs to."""
    held: dict[str, list[Range]] = field(default_factory=lambda: defaultdict(list))
    """Outbox id → ranges that the store already has around the batch."""
    added: dict[str, list[Range]] = field(default_factory=lambda: defaultdict(list))
    fresh: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Outbox id → numbers of this batch that are new."""
    done: dict[tuple[str, str], dict[str, list[int]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    """(site, edge) → outbox id → sequence numbers to acknowledge."""
    refusals: dict[tuple[str, str], list[Refusal]] = field(default_factory=lambda: defaultdict(list))


async def ingest(
    database: Database, batch: Sequence[Understood], now_us: int, *, again: bool = False, duty: Duty | None = None
) -> Outcome:
    """Make a batch ready and store it: see `store`."""
    duty = duty or Duty()
    return await store(database, prepare(batch, now_us, duty), now_us, again=again, duty=duty)


async def store(
    database: Database, batch: Sequence[Prepared], now_us: int, *, again: bool = False, duty: Duty
) -> Outcome:
    """Store a batch. Returns after the commit; raises SQLAlchemy's error when nothing of it was stored.

    With `again` the messages are former letters: their numbers count as received, yet their events are not stored.
    """
    return await database.transact(
        lambda connection: _store(_Batch(database, connection, now_us, again, duty), batch),
    )


async def _store(work: _Batch, batch: Sequence[Prepared]) -> Outcome:
    for status in (message for message in batch if isinstance(message, StatusMessage)):
        await status_store.apply(work.database, work.connection, status, work.now_us)
    moved = [message for message in batch if isinstance(message, PositionMessage)]
    await positions.keep(work.database, work.connection, moved, work.now_us)
    found = [one for one in batch if isinstance(one, PreparedEvent)]
    letters = [message for message in batch if isinstance(message, Letter)]
    await _own_outboxes(work, [*(one.message for one in found), *letters])
    letters += [letter for one in found if (letter := _foreign(work, one.message))]
    new = await _without_known(work, [one for one in found if _admit(work, one.message)])
    await _store_events(work, new)
    await _store_letters(work, letters)
    seen = await passages.follow(work.database, work.connection, [one.passage for one in new if one.passage])
    await _raise_alerts(work, new, await clones.suspects(work.connection, seen, work.now_us))
    await _store_ranges(work)
    return Outcome(_acks(work), work.tally)


async def _own_outboxes(work: _Batch, messages: Iterable[EventMessage | Letter]) -> None:
    """Bind new outboxes to their edge, lock the rows against other collectors, and read the ranges around the batch."""
    numbers: dict[str, list[int]] = defaultdict(list)
    claims: dict[str, tuple[str, str]] = {}
    for message in messages:
        outbox_id, sequence = _delivery_key(message)
        if outbox_id is None or sequence is None or message.address is None:
            continue
        numbers[outbox_id].append(sequence)
        if outbox_id not in claims:
            claims[outbox_id] = (message.address.site, message.address.edge)
        if (other := _earlier_outbox(message)) is not None:
            numbers[other.outbox_id] += [number for ends in other.ranges for number in ends]
            claims.setdefault(other.outbox_id, (message.address.site, message.address.edge))
    work.owners = await outbox_store.claim(work.database, work.connection, claims, work.now_us)
    work.held = await outbox_store.ranges_around(work.database, work.connection, numbers)


def _earlier_outbox(message: EventMessage | Letter) -> DroppedData | None:
    """What a message says about another outbox than its own, which it has replaced."""
    data = message.data if isinstance(message, EventMessage) else None
    if not isinstance(data, DroppedData) or not data.ranges or data.outbox_id == message.outbox_id:
        return None
    try:
        return data if str(UUID(data.outbox_id)) == data.outbox_id else None
    except ValueError:
        return None


def _delivery_key(message: EventMessage | Letter) -> tuple[str | None, int | None]:
    if isinstance(message, EventMessage):
        return message.outbox_id, message.envelope.sequence
    return message.outbox_id, message.sequence


def _admit(work: _Batch, event: EventMessage) -> bool:
    """Whether its number is new; a duplicate is only acknowledged again, a foreign one neither."""
    edge = (event.address.site, event.address.edge)
    if work.owners[event.outbox_id] != edge:
        return False
    sequence = event.envelope.sequence
    work.done[edge][event.outbox_id].append(sequence)
    fresh = work.fresh[event.outbox_id]
    if sequence in fresh or (not work.again and contains(work.held[event.outbox_id], sequence)):
        work.tally.duplicates += 1
        return False
    fresh.add(sequence)
    work.added[event.outbox_id].append((sequence, sequence))
    return True


async def _without_known(work: _Batch, new: list[PreparedEvent]) -> list[PreparedEvent]:
    """Without events that this edge has brought before, under another number: salvaged from a damaged outbox."""
    if not new:
        return []
    ids = {one.message.event_id for one in new}
    found = await work.database.matching(work.connection, "event_id, site, edge", events.c.event_id, ids)
    stored = {tuple(row) for row in found}
    fit = []
    for one in new:
        event = one.message
        key = (event.event_id, event.address.site, event.address.edge)
        if key in stored and not work.again:
            work.tally.duplicates += 1
        else:
            fit.append(one)
            stored.add(key)
    return fit


def _foreign(work: _Batch, event: EventMessage) -> Letter | None:
    """A letter, if the event claims an outbox of another edge."""
    owner = work.owners[event.outbox_id]
    if owner == (event.address.site, event.address.edge):
        return None
    reason = f"outbox {event.outbox_id} belongs to {'/'.join(owner)}"
    return Letter(event.incoming, "foreign", reason, event.address, event.outbox_id, event.envelope.sequence)


async def _store_events(work: _Batch, new: list[PreparedEvent]) -> None:
    if not new:
        return
    # A number that was not received has no event. Should it have one after all, it ends up here again, alone.
    clause = LEAVE_OUT if work.again or len(new) == 1 else NONE_IS_THERE
    await work.database.insert_tuples(work.connection, events, EVENT_COLUMNS, [one.row for one in new], clause)
    proofs = [row for one in new for row in one.proofs]
    await work.database.insert_tuples(work.connection, event_evidence, EVIDENCE_COLUMNS, proofs)
    for one in new:
        if isinstance(one.message.data, DroppedData):
            await _close_dropped(work, one.message, one.message.data)
    work.tally.stored += len(new)


async def _close_dropped(work: _Batch, event: EventMessage, dropped: DroppedData) -> None:
    """What an edge had to give up will not come: the gap is explained. It may speak of an earlier outbox of its own."""
    outbox_id = dropped.outbox_id
    if work.owners.get(outbox_id) != (event.address.site, event.address.edge):
        return
    for low, high in dropped.ranges:
        around = await outbox_store.ranges_around(work.database, work.connection, {outbox_id: (low, high)})
        work.held[outbox_id] += around.get(outbox_id, [])
        work.added[outbox_id].append((low, high))


async def _store_letters(work: _Batch, letters: list[Letter]) -> None:
    for letter in letters:
        row = {
            "digest": letter.digest,
            "kind": letter.kind,
            "reason": storable(letter.reason),
            "topic": storable(letter.incoming.topic),
            "payload": letter.incoming.payload[:MAX_EVENT_BYTES],  # of what is larger nothing can be made, ever
            "outbox_id": letter.outbox_id,
            "sequence": letter.sequence,
            "first_us": work.now_us,
            "last_us": work.now_us,
            "times": 1,
        }
        again = {"last_us": work.now_us, "times": dead_letters.c.times + 1}
        insert = work.database.insert(dead_letters).values(row)
        await work.connection.execute(insert.on_conflict_do_update(index_elements=["digest"], set_=again))
        work.tally.set_aside += 1
        _refuse(work, letter)


def storable(text: str) -> str:
    """The same for a database that takes no zero character, and no half of a pair in UTF-8."""
    return text.replace("\0", "\N{SYMBOL FOR NULL}").encode(errors="backslashreplace").decode()


def _refuse(work: _Batch, letter: Letter) -> None:
    """Tell the edge not to send it again; its number counts as received only if the outbox is its own."""
    if letter.outbox_id is None or letter.sequence is None or letter.address is None:
        return
    edge = (letter.address.site, letter.address.edge)
    reason = storable(letter.reason)[:300]
    refusal = Refusal(outbox_id=UUID(letter.outbox_id), sequence=letter.sequence, reason=reason)
    work.refusals[edge].append(refusal)
    work.tally.refused += 1
    if work.owners.get(letter.outbox_id) == edge:
        work.added[letter.outbox_id].append((letter.sequence, letter.sequence))


async def _store_ranges(work: _Batch) -> None:
    await outbox_store.store_ranges(work.database, work.connection, work.held, work.added)


async def _raise_alerts(work: _Batch, new: list[PreparedEvent], more: Sequence[Draft] = ()) -> None:
    """Alerts of these events, and those (`more`) that rest on more than one event."""
    asked: list[Proposal] = []
    for one in sorted(new, key=lambda one: (one.message.outbox_id, one.message.envelope.sequence)):
        event, made = one.message, one.proposal
        if isinstance(event.data, CameraData):
            if any(other.draft.type == "camera" and other.draft.source == event.source for other in asked):
                await _raise(work, asked)  # what this state ends must be there first
                asked = []
            made = await _camera_alert(work, event, event.data)
        if made is not None:
            asked.append(made)
    await _raise(work, [*asked, *propose([(one, ()) for one in more], work.now_us, work.duty)])


async def _raise(work: _Batch, asked: list[Proposal]) -> None:
    raised = await alert_store.raise_new(work.database, work.connection, asked, work.now_us, work.duty)
    work.tally.alerts += raised


async def _camera_alert(work: _Batch, event: EventMessage, data: CameraData) -> Proposal | None:
    """A camera's newest state decides; one that comes late after a newer one changes nothing."""
    if not await _is_newest_camera_state(work, event):
        return None
    place = (event.address.site, event.address.edge, event.source)
    await alert_moves.close_of_camera(work.connection, place, work.now_us, work.duty)
    if data.state not in CAMERA_TROUBLE:
        return None
    drafted = camera_draft(event, to_instant(work.now_us), data.state)
    return propose([(drafted, data.evidence)], work.now_us, work.duty)[0]


async def _is_newest_camera_state(work: _Batch, event: EventMessage) -> bool:
    occurred_us = event.occurred_us
    key = {"site": event.address.site, "edge": event.address.edge, "camera": event.source}
    seen = {
        "event_outbox_id": event.outbox_id,
        "event_sequence": event.envelope.sequence,
        "event_us": occurred_us,
    }
    table = cameras.c
    older = or_(
        table.event_us.is_(None),
        and_(table.event_outbox_id == event.outbox_id, table.event_sequence < event.envelope.sequence),
        and_(table.event_outbox_id != event.outbox_id, table.event_us < occurred_us),
    )
    await work.connection.execute(work.database.insert(cameras).values(key).on_conflict_do_nothing())
    matches = and_(table.site == key["site"], table.edge == key["edge"], table.camera == key["camera"], older)
    changed = await work.connection.execute(update(cameras).where(matches).values(seen))
    return changed.rowcount == 1


def _acks(work: _Batch) -> dict[str, Ack]:
    acks = {}
    for site, edge in {*work.done, *work.refusals}:
        by_outbox = work.done.get((site, edge), {})
        ranges = tuple(part for outbox_id, numbers in by_outbox.items() for part in to_ranges(UUID(outbox_id), numbers))
        acks[EdgeTopics(site, edge).ack] = Ack(ranges=ranges, refused=tuple(work.refusals.get((site, edge), ())))
    return acks
