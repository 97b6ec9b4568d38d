"""How long things are kept, and their deletion, which is recorded.

Nothing is deleted that a legal hold keeps, or that belongs to an alert which is still open. Rows go first, in the
transaction that records it; files whose last row is gone go after the commit: a crash between leaves a file that
`collector check` names, never a row without its file.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import audit
from collector.access import Principal, Role
from collector.columns import metadata
from collector.database import Database
from collector.evidence import EvidenceStore
from collector.instants import HOUR_US, to_text
from collector.schema import alerts, dead_letters, event_evidence, events, evidence, sessions, sign_in_links
from collector.schema_alerts import alert_events
from collector.schema_retention import holds, retention
from collector.schema_vehicles import corrections, passages
from collector.workflow import CLOSED

log = logging.getLogger(__name__)

DAY_US = 24 * HOUR_US
BATCH = 500
REST = 4.0
"""A batch is deleted, then nothing for so many times as long: a month that expires at once must not be noticed."""
MOST_LETTERS = 10_000
"""So many messages that no program understands are kept: a device gone wrong may send one a second for months."""
SYSTEM = Principal("collector", Role.ADMIN)
"""Who deletes what has expired."""


class Kind(StrEnum):
    """What is kept for a time of its own."""

    PASSAGES = "plate_passage"
    HITS = "watchlist_hit"
    FALLS = "falling_object"
    SENSORS = "sensor"
    CAMERAS = "camera"
    OTHERS = "other"
    ALERTS = "alert"
    AUDIT = "audit"


OF_TYPES: Mapping[Kind, tuple[str, ...]] = {
    Kind.PASSAGES: ("plate_passage",),
    Kind.HITS: ("watchlist_hit",),
    Kind.FALLS: ("falling_object",),
    Kind.SENSORS: ("sensor",),
    Kind.CAMERAS: ("camera",),
    Kind.OTHERS: ("evidence", "dropped"),
}
"""Events of each kind; pictures and clips go with their last event."""
DEFAULT_DAYS: Mapping[Kind, int] = dict.fromkeys(OF_TYPES, 30) | {Kind.ALERTS: 180, Kind.AUDIT: 1095}
FEWEST_DAYS: Mapping[Kind, int] = dict.fromkeys(Kind, 1) | {Kind.AUDIT: 180}
"""The record of who looked at what outlives what was looked at."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """What one run has deleted, by kind; files are pictures and clips."""

    rows: dict[Kind, int]
    files: int


async def days_of(connection: AsyncConnection) -> dict[Kind, int]:
    """How many days each kind is kept."""
    changed = {Kind(row.kind): row.days for row in await connection.execute(select(retention))}
    return {**DEFAULT_DAYS, **changed}


async def expire(database: Database, store: EvidenceStore, key: bytes, now_us: int) -> Deleted:
    """Delete what is older than it may be; `key` signs the record's checkpoint."""
    async with database.read() as connection:
        days = await days_of(connection)
    rows: dict[Kind, int] = {}
    files = 0
    for kind in OF_TYPES:
        rows[kind], gone = await _expire_events(database, store, kind, now_us - days[kind] * DAY_US, now_us)
        files += gone
    rows[Kind.ALERTS] = await _expire_alerts(database, now_us - days[Kind.ALERTS] * DAY_US, now_us)
    longest = max(days[kind] for kind in OF_TYPES)  # an event may still come for as long
    files += await _expire_orphans(database, store, now_us - longest * DAY_US, now_us)
    rows[Kind.OTHERS] += await _expire_letters(database, now_us - longest * DAY_US, now_us)
    async with database.write() as connection:
        rows[Kind.AUDIT] = await audit.erase(connection, now_us - days[Kind.AUDIT] * DAY_US, key, now_us)
        await audit.checkpoint(connection, key, now_us)
        for table in (sessions, sign_in_links):
            await connection.execute(delete(table).where(table.c.expires_us < now_us - 30 * DAY_US))
    return Deleted(rows, files)


async def _expire_events(
    database: Database, store: EvidenceStore, kind: Kind, before_us: int, now_us: int
) -> tuple[int, int]:
    old = and_(events.c.type.in_(OF_TYPES[kind]), events.c.occurred_us < before_us, ~_needed())
    rows = files = 0
    while True:
        begun_s = time.monotonic()
        async with database.write() as connection:
            batch = select(events.c.row_id, events.c.event_id).where(old).order_by(events.c.occurred_us).limit(BATCH)
            found = (await connection.execute(batch)).all()
            if not found:
                return rows, files
            ids = [row.event_id for row in found]
            unused = await _forget_evidence(connection, ids)
            own = select(passages.c.passage_no).where(passages.c.event_id.in_(ids))
            await connection.execute(delete(corrections).where(corrections.c.passage_no.in_(own)))
            await connection.execute(delete(passages).where(passages.c.event_id.in_(ids)))
            await connection.execute(delete(events).where(events.c.row_id.in_([row.row_id for row in found])))
            await _record(connection, kind, before_us, len(found), len(unused), now_us)
        await _unlink(store, unused)
        rows, files = rows + len(found), files + len(unused)
        await asyncio.sleep(REST * (time.monotonic() - begun_s))  # people search and events come meanwhile


def _needed() -> ColumnElement[bool]:
    """Whether an event is on hold, itself or by its alert, or its alert is still open."""
    on_hold = exists().where(
        holds.c.kind == "event", holds.c.subject == events.c.event_id, holds.c.released_us.is_(None)
    )
    of_alert = and_(alert_events.c.alert_id == alerts.c.alert_id, alert_events.c.event_id == events.c.event_id)
    joined = exists().where(of_alert).correlate(alerts, events)
    own = or_(alerts.c.event_id == events.c.event_id, joined)
    return or_(
        on_hold,
        exists().where(own, or_(alerts.c.state.not_in(CLOSED), _alert_held())).correlate(events),
    )


def _alert_held() -> ColumnElement[bool]:
    return exists().where(holds.c.kind == "alert", holds.c.subject == alerts.c.alert_id, holds.c.released_us.is_(None))


async def _forget_evidence(connection: AsyncConnection, event_ids: Sequence[str]) -> list[str]:
    """Take the evidence from these events; hashes of the files that nothing uses any more."""
    used = select(event_evidence.c.sha256).where(event_evidence.c.event_id.in_(event_ids))
    hashes = set((await connection.execute(used)).scalars())
    await connection.execute(delete(event_evidence).where(event_evidence.c.event_id.in_(event_ids)))
    still = select(event_evidence.c.sha256).where(event_evidence.c.sha256.in_(hashes))
    unused = sorted(hashes - set((await connection.execute(still)).scalars()))
    await connection.execute(delete(evidence).where(evidence.c.sha256.in_(unused)))
    return unused


async def _expire_alerts(database: Database, before_us: int, now_us: int) -> int:
    """Closed alerts, with what hangs on them."""
    old = and_(alerts.c.raised_us < before_us, alerts.c.state.in_(CLOSED), ~_alert_held())
    total = 0
    while True:
        async with database.write() as connection:
            ids = (await connection.execute(select(alerts.c.alert_id).where(old).limit(BATCH))).scalars().all()
            if not ids:
                return total
            for table in reversed(metadata.sorted_tables):
                for column in table.columns:
                    if any(key.column is alerts.c.alert_id for key in column.foreign_keys):
                        await connection.execute(delete(table).where(column.in_(ids)))
            await connection.execute(delete(alerts).where(alerts.c.alert_id.in_(ids)))
            await _record(connection, Kind.ALERTS, before_us, len(ids), 0, now_us)
        total += len(ids)


async def _expire_orphans(database: Database, store: EvidenceStore, before_us: int, now_us: int) -> int:
    """Files whose event never came."""
    unknown = ~exists().where(event_evidence.c.sha256 == evidence.c.sha256)
    query: Select[Any] = select(evidence.c.sha256).where(evidence.c.stored_us < before_us, unknown).limit(BATCH)
    async with database.write() as connection:
        hashes = list((await connection.execute(query)).scalars())
        if hashes:
            await connection.execute(delete(evidence).where(evidence.c.sha256.in_(hashes)))
            await _record(connection, Kind.OTHERS, before_us, 0, len(hashes), now_us)
    await _unlink(store, hashes)
    return len(hashes)


async def _expire_letters(database: Database, before_us: int, now_us: int) -> int:
    """Messages that were set aside, which may tell of plates too; those for a newer program stay their whole time."""
    letter = dead_letters.c
    newest = select(letter.letter_id).where(letter.kind != "newer").order_by(letter.last_us.desc(), letter.letter_id)
    total = 0
    for query in (select(letter.letter_id).where(letter.last_us < before_us), newest.offset(MOST_LETTERS)):
        while True:
            async with database.write() as connection:
                ids = (await connection.execute(query.limit(BATCH))).scalars().all()
                if not ids:
                    break
                await connection.execute(delete(dead_letters).where(letter.letter_id.in_(ids)))
                await _record(connection, Kind.OTHERS, before_us, len(ids), 0, now_us)
            total += len(ids)
    return total


async def _record(connection: AsyncConnection, kind: Kind, before_us: int, rows: int, files: int, now_us: int) -> None:
    subject = f"/api/v1/retention/{kind}?before={to_text(before_us)}&rows={rows}&files={files}"
    await audit.record(connection, SYSTEM, "expire", subject, now_us=now_us, reason="retention")


async def _unlink(store: EvidenceStore, hashes: Sequence[str]) -> None:
    for sha256 in hashes:
        await store.remove(sha256)
