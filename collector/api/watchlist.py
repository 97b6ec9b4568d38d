"""/api/v1/watchlist: which plates are looked for, why, who said so and who agreed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import audit, watch_entries
from collector.access import ACTORS, Principal, Sites, sites_tuple
from collector.api.guard import Actor, Look, Looker, PlateReader, Reader, Running, in_scope
from collector.api.lookups import write_down
from collector.api.passages import HASHED_NOTE, PassagePage, passage_items
from collector.api.shapes import said
from collector.instants import to_text, to_us
from collector.plate_search import Pattern, page_by_plate
from collector.plate_text import mask_plate
from collector.reading import page
from collector.schema_vehicles import passages
from collector.schema_watch import watch_entries as entries
from collector.schema_watch import watch_pushes
from collector.service import Collector
from collector.watch_entries import NotNow, OnTheList, Proposal
from collector.watchlists import WatchlistError, read_proposals
from contract.base import Identifier
from contract.plate_keys import PlateKeyError, fold, normalise

router = APIRouter(prefix="/api/v1/watchlist", tags=["watch list"])
Id = Annotated[str, Path(max_length=64)]
MOST_BYTES = 1_000_000
MOST_SEEN = 50


class WatchItem(BaseModel):
    """One plate that is looked for."""

    entry_id: str
    plate: str = Field(description="Masked, but for a role and a reason to see it.")
    reason: str
    sites: list[str] | None = Field(description="Null: all.")
    state: Literal["proposed", "approved", "refused", "withdrawn"]
    expired: bool
    author: str
    created_at: str
    starts_at: str | None
    expires_at: str
    decided_by: str | None
    decided_at: str | None
    note: str | None
    ended_by: str | None
    ended_at: str | None
    may_decide: bool = Field(description="Whether who asks may approve or refuse it.")
    may_withdraw: bool = Field(description="Whether he may end it.")


class WatchPage(BaseModel):
    """A page of entries, newest first."""

    items: list[WatchItem]
    next_cursor: str | None


class NewEntry(BaseModel):
    """A plate to be looked for, once somebody else has agreed."""

    plate: str = Field(min_length=3, max_length=20, examples=["京A12345"])
    reason: str = Field(min_length=3, max_length=200, examples=["stolen, case 2026-113"])
    expires: AwareDatetime
    starts: AwareDatetime | None = None
    sites: list[Identifier] | None = Field(default=None, max_length=200, description="Null: all sites.")


class Decision(BaseModel):
    """What somebody says to a proposed entry, or why one ends."""

    action: Literal["approve", "refuse", "withdraw"]
    note: str | None = Field(default=None, max_length=200)


class Imported(BaseModel):
    """What became of a table."""

    proposed: list[str] = Field(description="Ids of the entries that wait for approval now.")


class EdgeState(BaseModel):
    """What one edge was told."""

    site: str
    edge: str
    revision: int
    entries: int
    pushed_at: str


class PushState(BaseModel):
    """Whether the list reaches the edges."""

    key_id: str | None = Field(
        description="Of the key that hashes plates; null: none was given, edges are told nothing."
    )
    edges: list[EdgeState]


@router.get("/entries")
async def list_entries(
    collector: Running,
    look: Looker,
    state: Literal["standing", "proposed", "approved", "expired", "refused", "withdrawn"] | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: str | None = None,
) -> WatchPage:
    """Entries of the watch list. Plates take the right and a reason, and are recorded."""
    query = watch_entries.listed(state, collector.clock()).where(watch_entries.visible(look.principal.sites))
    keys = (entries.c.created_us, entries.c.entry_id)
    async with collector.database.read() as connection:
        rows, following = await page(connection, query, keys, descending=True, limit=limit, cursor=cursor)
    shown = [row.plate for row in rows] if look.sees_plates else []
    await write_down(collector, look, "list", "/api/v1/watchlist/entries", shown)
    items = [_item(row, look.principal, look.sees_plates, collector.clock()) for row in rows]
    return WatchPage(items=items, next_cursor=following)


@router.post("/entries", status_code=201)
async def propose(new: NewEntry, collector: Running, principal: Actor) -> WatchItem:
    """Propose a plate; somebody else must approve it. Recorded with its reason."""
    try:
        plate = normalise(new.plate)
    except PlateKeyError as error:
        raise HTTPException(422, str(error)) from error
    sites = None if new.sites is None else tuple(new.sites)
    _check_sites(principal, sites)
    starts = None if new.starts is None else to_us(new.starts)
    proposal = Proposal(plate, " ".join(new.reason.split()), to_us(new.expires), starts, sites)
    (entry_id,) = await _propose(collector, [proposal], principal)
    async with collector.database.read() as connection:
        row = (await watch_entries.named(connection, [entry_id]))[entry_id]
    return _item(row, principal, True, collector.clock())


@router.get("/entries/{entry_id}")
async def get_entry(entry_id: Id, collector: Running, look: Looker) -> WatchItem:
    """One entry. To whom it is put for approval its own reason is enough to see the plate; recorded."""
    async with collector.database.read() as connection:
        row = (await watch_entries.named(connection, [entry_id])).get(entry_id)
    if row is None or not _in_scope(row, look.principal):
        raise HTTPException(404, f"there is no watch-list entry {entry_id}")
    if row.state == "proposed" and row.author != look.principal.name and look.principal.role in ACTORS:
        look = look.for_entry(f"to decide on entry {entry_id}: {row.reason}")
    shown = [row.plate] if look.sees_plates else []
    await write_down(collector, look, "view", f"/api/v1/watchlist/entries/{entry_id}", shown)
    return _item(row, look.principal, look.sees_plates, collector.clock())


@router.get("/entries/{entry_id}/passages")
async def seen_before(entry_id: Id, collector: Running, _principal: PlateReader, look: Looker) -> PassagePage:
    """Passages that the store has of an approved entry's plate, look-alikes too, the newest 50.

    Cameras look only for what comes after the approval. The entry's reason is recorded.
    """
    async with collector.database.read() as connection:
        row = (await watch_entries.named(connection, [entry_id])).get(entry_id)
        if row is None or not _in_scope(row, look.principal):
            raise HTTPException(404, f"there is no watch-list entry {entry_id}")
        if row.state != "approved" or row.expires_us <= collector.clock():
            raise NotNow(f"only for an approved entry that still holds; {entry_id} is {row.state} or has expired")
        look = look.for_entry(f"watch list, entry {entry_id}: {row.reason}")
        query = select(passages).where(in_scope(passages.c.site, look.principal))
        sites = sites_tuple(row.sites)
        query = query if sites is None else query.where(passages.c.site.in_(sites))
        pattern = Pattern(fold(row.plate), alike=True)
        found, following = await page_by_plate(connection, query, pattern, limit=MOST_SEEN, cursor=None)
        items = await passage_items(connection, found, look.sees_plates)
        hashed = select(passages.c.passage_no).where(in_scope(passages.c.site, look.principal), passages.c.hashed)
        note = HASHED_NOTE if (await connection.execute(hashed.limit(1))).first() else None
    subject = f"/api/v1/watchlist/entries/{entry_id}/passages"
    shown = sorted({row.plate, *(one.plate for one in found if one.plate)})
    await write_down(collector, look, "search", subject, shown, always=True)
    return PassagePage(items=items, next_cursor=following, note=note)


@router.post("/entries/{entry_id}/decisions", status_code=201)
async def decide(entry_id: Id, decision: Decision, collector: Running, principal: Actor) -> WatchItem:
    """Approve or refuse what somebody else has proposed, or withdraw an entry; 409 when that cannot be."""
    now_us = collector.clock()
    async with collector.database.write() as connection:
        row = await watch_entries.one(connection, entry_id)
        if not _in_scope(row, principal):
            raise HTTPException(404, f"there is no watch-list entry {entry_id}")
        if not _covers(principal, sites_tuple(row.sites)):
            raise HTTPException(403, "the entry concerns sites that you may not see: it takes somebody who may")
        if decision.action == "withdraw":
            await watch_entries.withdraw(connection, entry_id, by=principal.name, note=decision.note, now_us=now_us)
        else:
            approve = decision.action == "approve"
            await watch_entries.decide(
                connection, entry_id, approve=approve, by=principal.name, note=decision.note, now_us=now_us
            )
        subject = f"/api/v1/watchlist/entries/{entry_id}"
        await audit.record(
            connection, principal, decision.action, subject, now_us=now_us, reason=row.reason, shown=[row.plate]
        )
        row = await watch_entries.one(connection, entry_id)
    collector.pulse.beat()
    return _item(row, principal, principal.sees_plates, now_us)


@router.post("/import", status_code=201)
async def import_entries(request: Request, collector: Running, principal: Actor) -> Imported:
    """Propose all plates of a CSV table (UTF-8; plate, until, reason; from): all or none. Body: text/csv.

    422 names every line that is wrong.
    """
    content = await request.body()
    if len(content) > MOST_BYTES:
        raise HTTPException(413, f"a table has at most {MOST_BYTES} bytes")
    try:
        wanted = read_proposals(content)
    except WatchlistError as error:
        raise HTTPException(422, str(error)) from error
    _check_sites(principal, None)
    return Imported(proposed=await _propose(collector, wanted, principal))


@router.get("/export.csv")
async def export_entries(collector: Running, _principal: PlateReader, look: Looker) -> Response:
    """The standing entries as a table; takes the right and a reason, and is recorded."""
    look.must_see_plates("export the watch list")
    query = watch_entries.listed("standing", collector.clock()).where(watch_entries.visible(look.principal.sites))
    async with collector.database.read() as connection:
        rows = (await connection.execute(query.order_by(entries.c.created_us))).all()
    shown = [row.plate for row in rows]
    await write_down(collector, look, "export", "/api/v1/watchlist/export.csv", shown, always=True)
    headers = {"Content-Disposition": 'attachment; filename="watchlist.csv"'}
    return Response("\ufeff" + watch_entries.as_csv(rows), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/edges")
async def push_state(collector: Running, principal: Reader) -> PushState:
    """What every edge was told last."""
    async with collector.database.read() as connection:
        rows = (await connection.execute(select(watch_pushes).order_by(watch_pushes.c.site, watch_pushes.c.edge))).all()
    told = [
        EdgeState(
            site=row.site,
            edge=row.edge,
            revision=row.revision,
            entries=row.entries,
            pushed_at=str(to_text(row.pushed_us)),
        )
        for row in rows
        if principal.may_see(row.site)
    ]
    return PushState(key_id=collector.watch_key.key_id if collector.watch_key else None, edges=told)


async def _propose(collector: Collector, proposals: Sequence[Proposal], principal: Principal) -> list[str]:
    """All or none of them, recorded; also recorded is that somebody was told which plate is on the list already."""
    now_us = collector.clock()
    try:
        async with collector.database.write() as connection:
            await watch_entries.check_room(connection, len(proposals), now_us)
            ids = [await _propose_one(connection, one, principal, now_us) for one in proposals]
    except OnTheList as told:
        look = Look(principal, told.proposal.reason)
        subject = f"/api/v1/watchlist/entries/{told.entry_id}"
        await write_down(collector, look, "propose-again", subject, [told.proposal.plate])
        raise
    collector.pulse.beat()
    return ids


async def _propose_one(connection: AsyncConnection, proposal: Proposal, principal: Principal, now_us: int) -> str:
    entry_id = await watch_entries.propose(connection, proposal, principal.name, now_us)
    subject = f"/api/v1/watchlist/entries/{entry_id}"
    shown = [proposal.plate]
    await audit.record(connection, principal, "propose", subject, now_us=now_us, reason=proposal.reason, shown=shown)
    return entry_id


def _check_sites(principal: Principal, sites: tuple[str, ...] | None) -> None:
    """Nobody has plates looked for where he may not look."""
    if principal.sites is not None and not _covers(principal, sites):
        raise NotNow(f"name only sites that you may see: {', '.join(principal.sites)}")


def _covers(principal: Principal, sites: Sites) -> bool:
    """Whether he may see all of these sites."""
    return principal.sites is None or (sites is not None and set(sites) <= set(principal.sites))


def _in_scope(row: Any, principal: Principal) -> bool:
    sites = sites_tuple(row.sites)
    return sites is None or any(principal.may_see(site) for site in sites)


def _item(row: Any, principal: Principal, clear: bool, now_us: int) -> WatchItem:
    sites = sites_tuple(row.sites)
    may_act = principal.role in ACTORS and _covers(principal, sites)
    return WatchItem(
        entry_id=row.entry_id,
        plate=row.plate if clear else mask_plate(row.plate),
        reason=said(row.reason, clear),
        sites=None if sites is None else list(sites),
        state=row.state,
        expired=row.expires_us <= now_us,
        author=row.author,
        created_at=str(to_text(row.created_us)),
        starts_at=to_text(row.starts_us),
        expires_at=str(to_text(row.expires_us)),
        decided_by=row.decided_by,
        decided_at=to_text(row.decided_us),
        note=None if row.note is None else said(row.note, clear),
        ended_by=row.ended_by,
        ended_at=to_text(row.ended_us),
        may_decide=may_act and row.state == "proposed" and row.author != principal.name,
        may_withdraw=may_act and row.state in {"proposed", "approved"} and row.expires_us > now_us,
    )
