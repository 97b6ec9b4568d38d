"""Entries of the watch list: proposed by one person, approved by another, told to the edges as keyed hashes.

An edge is told anew when what it should look for has changed: after an approval, a withdrawal, an expiry, or when an
edge appears that was told nothing yet. Plates never leave in clear.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from collector.access import Sites, sites_text, sites_tuple
from collector.database import Database
from collector.instants import SECOND_US, to_instant, to_text
from collector.schema import edges, messages
from collector.schema_watch import watch_entries, watch_pushes
from collector.spreadsheet import cell
from contract.commands import MOST_WATCHED, Watchlist, WatchlistEntry
from contract.plate_keys import PlateKey
from contract.topics import EdgeTopics

LIST_ID = "watchlist"
STATES = ("proposed", "approved", "refused", "withdrawn")


class NoSuchEntry(LookupError):
    """There is no entry of this id."""


class NotNow(ValueError):
    """The entry's state does not allow that, or this person may not do it; says why."""


class OnTheList(NotNow):
    """The plate is looked for already: who is told so has learnt something, which must be recorded."""

    def __init__(self, entry_id: str, proposal: Proposal) -> None:
        super().__init__(f"this plate is on the list already: entry {entry_id}")
        self.entry_id, self.proposal = entry_id, proposal


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plate to be looked for."""

    plate: str
    """Normalised."""
    reason: str
    expires_us: int
    starts_us: int | None = None
    sites: Sites = None


async def propose(connection: AsyncConnection, proposal: Proposal, author: str, now_us: int) -> str:
    """Put it down for somebody else to approve; its id. Raises NotNow, and OnTheList for a plate of these sites."""
    if proposal.expires_us <= now_us:
        raise NotNow("it would have expired already: give a later end")
    if proposal.starts_us is not None and proposal.starts_us >= proposal.expires_us:
        raise NotNow("it would expire before it starts")
    same = and_(watch_entries.c.plate == proposal.plate, standing(now_us))
    for twin in await connection.execute(select(watch_entries.c.entry_id, watch_entries.c.sites).where(same)):
        if _overlap(sites_tuple(twin.sites), proposal.sites):
            raise OnTheList(twin.entry_id, proposal)
    entry_id = f"w-{secrets.token_hex(5)}"
    row = {
        "entry_id": entry_id,
        "plate": proposal.plate,
        "reason": proposal.reason,
        "sites": sites_text(proposal.sites),
        "state": "proposed",
        "author": author,
        "created_us": now_us,
        "starts_us": proposal.starts_us,
        "expires_us": proposal.expires_us,
    }
    await connection.execute(watch_entries.insert(), [row])
    return entry_id


async def check_room(connection: AsyncConnection, more: int, now_us: int) -> None:
    """Raises NotNow where so many more would not fit into a list that edges can be sent."""
    there = (await connection.execute(select(func.count()).where(standing(now_us)))).scalar_one()
    if there + more > MOST_WATCHED:
        raise NotNow(
            f"{there} plates are on the watch list, and {MOST_WATCHED} are the most: end some before {more} more"
        )


def _overlap(one: Sites, other: Sites) -> bool:
    """Entries of different sites know nothing of each other."""
    return one is None or other is None or not set(one).isdisjoint(other)


def standing(now_us: int) -> ColumnElement[bool]:
    """Proposed or approved, and not yet expired."""
    return and_(watch_entries.c.state.in_(("proposed", "approved")), watch_entries.c.expires_us > now_us)


async def decide(
    connection: AsyncConnection, entry_id: str, *, approve: bool, by: str, note: str | None, now_us: int
) -> None:
    """Approve or refuse what somebody else has proposed. Raises NoSuchEntry or NotNow."""
    row = await one(connection, entry_id)
    if row.state != "proposed":
        raise NotNow(f"the entry is {row.state}: only a proposed one is approved or refused")
    if row.author == by:
        raise NotNow("nobody approves what he has proposed himself: somebody else must do it")
    if approve and row.expires_us <= now_us:
        raise NotNow("it has expired: propose it again")
    values = {"state": "approved" if approve else "refused", "decided_by": by, "decided_us": now_us, "note": note}
    await _set(connection, entry_id, values)


async def withdraw(connection: AsyncConnection, entry_id: str, *, by: str, note: str | None, now_us: int) -> None:
    """End the search. Raises NoSuchEntry or NotNow."""
    row = await one(connection, entry_id)
    if row.state not in {"proposed", "approved"}:
        raise NotNow(f"the entry is {row.state}: there is nothing to withdraw")
    await _set(connection, entry_id, {"state": "withdrawn", "ended_by": by, "ended_us": now_us, "note": note})


async def one(connection: AsyncConnection, entry_id: str) -> Row[Any]:
    """An entry, locked where the database can. Raises NoSuchEntry."""
    query = select(watch_entries).where(watch_entries.c.entry_id == entry_id).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NoSuchEntry(f"there is no watch-list entry {entry_id}")
    return row


async def _set(connection: AsyncConnection, entry_id: str, values: dict[str, Any]) -> None:
    await connection.execute(update(watch_entries).where(watch_entries.c.entry_id == entry_id).values(values))


def listed(state: str | None, now_us: int) -> Select[Any]:
    """Entries in a state; `standing` and `expired` are states too."""
    query = select(watch_entries)
    if state is None:
        return query
    if state == "standing":
        return query.where(standing(now_us))
    if state == "expired":
        return query.where(watch_entries.c.state == "approved", watch_entries.c.expires_us <= now_us)
    return query.where(watch_entries.c.state == state)


async def named(connection: AsyncConnection, entry_ids: Sequence[str]) -> dict[str, Row[Any]]:
    """Entry id → entry, for those that are there."""
    query = select(watch_entries).where(watch_entries.c.entry_id.in_(entry_ids))
    return {row.entry_id: row for row in await connection.execute(query)}


async def tell_edges(database: Database, key: PlateKey, now_us: int) -> int:
    """Tell every edge what it should look for, where that has changed; how many were told."""
    async with database.read() as connection:
        told = {(row.site, row.edge): row for row in await connection.execute(select(watch_pushes))}
        # a store without entries says nothing: the list may be published from a file
        if not told and (await connection.execute(select(watch_entries.c.entry_id).limit(1))).first() is None:
            return 0
        valid = and_(watch_entries.c.state == "approved", watch_entries.c.expires_us > now_us)
        rows = (await connection.execute(select(watch_entries).where(valid).order_by(watch_entries.c.entry_id))).all()
        known = (await connection.execute(select(edges.c.site, edges.c.edge))).all()
    hashed = [(sites_tuple(row.sites), _hashed(row, key)) for row in rows]
    count = 0
    for site, edge in known:
        own = tuple(entry for sites, entry in hashed if sites is None or site in sites)
        content = json.dumps([key.key_id, [entry.model_dump(mode="json") for entry in own]])
        digest = hashlib.sha256(content.encode()).hexdigest()
        before = told.get((site, edge))
        if before is None or before.digest != digest:
            await _tell(database, (site, edge), own, key, digest, now_us)
            count += 1
    return count


def _hashed(row: Row[Any], key: PlateKey) -> WatchlistEntry:
    return WatchlistEntry(
        entry_id=row.entry_id,
        exact=key.digest("exact", row.plate),
        folded=key.digest("folded", row.plate),
        starts=None if row.starts_us is None else to_instant(row.starts_us),
        expires=to_instant(row.expires_us),
    )


async def _tell(
    database: Database,
    place: tuple[str, str],
    entries: tuple[WatchlistEntry, ...],
    key: PlateKey,
    digest: str,
    now_us: int,
) -> None:
    """Write the message into the outbox, unless another collector has done it meanwhile."""
    site, edge = place
    own = and_(watch_pushes.c.site == site, watch_pushes.c.edge == edge)
    async with database.write() as connection:
        before = (await connection.execute(select(watch_pushes).where(own).with_for_update())).one_or_none()
        if before is not None and before.digest == digest:
            return
        revision = max(now_us // SECOND_US, 0 if before is None else before.revision + 1)
        row = {"site": site, "edge": edge, "revision": revision, "digest": digest, "entries": len(entries)}
        row["pushed_us"] = now_us
        insert = database.insert(watch_pushes).values(row)
        await connection.execute(insert.on_conflict_do_update(index_elements=["site", "edge"], set_=row))
        content = Watchlist(list_id=LIST_ID, revision=revision, key_id=key.key_id, entries=entries)
        told = {"topic": EdgeTopics(site, edge).watchlist, "payload": content.model_dump_json(exclude_none=True)}
        await connection.execute(
            messages.insert(), [{**told, "retain": True, "created_us": now_us, "expires_us": None}]
        )


def visible(sites: Sites) -> ColumnElement[bool]:
    """Entries that concern one of these sites; those for all sites concern everybody."""
    if sites is None:
        return watch_entries.c.entry_id.is_not(None)
    padded = (" " + watch_entries.c.sites + " ").contains
    return or_(watch_entries.c.sites.is_(None), *(padded(f" {site} ", autoescape=True) for site in sites))


def as_csv(rows: Sequence[Row[Any]]) -> str:
    """The entries as a table that `import` and `collector watchlist publish` read again."""
    buffer = io.StringIO()
    table = csv.writer(buffer)
    table.writerow(("plate", "entry", "from", "until", "reason", "approver"))
    for row in rows:
        begins = to_text(row.starts_us) or ""
        told = (row.plate, row.entry_id, begins, to_text(row.expires_us), row.reason, row.decided_by)
        table.writerow([cell(value) for value in told])
    return buffer.getvalue()
