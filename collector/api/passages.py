"""/api/v1/passages: which vehicle passed where and when; search, correction, export."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import Row, Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import audit
from collector.api.guard import Actor, Look, Looker, PlateReader, Running, in_scope
from collector.api.lookups import write_down
from collector.api.shapes import EvidenceItem, said
from collector.instants import to_text, to_us
from collector.passages import plate_columns
from collector.plate_search import KEYS, Pattern, page_by_plate
from collector.plate_text import mask_plate
from collector.reading import evidence_of, page
from collector.schema_vehicles import corrections, passages
from collector.service import Collector
from collector.spreadsheet import cell
from contract.plate_keys import PlateKeyError, normalise

router = APIRouter(prefix="/api/v1/passages", tags=["vehicles"])
Number = Annotated[int, Path(ge=1, le=2**62)]
EXPORT_BATCH = 1000
MOST_EXPORTED = 100_000
EXPORTED = (
    "seen_at",
    "site",
    "edge",
    "camera",
    "plate",
    "read_plate",
    "corrected",
    "kind",
    "colour",
    "direction",
    "lane",
    "speed_class",
    "event_id",
)
HASHED_NOTE = (
    "some passages here are kept as keyed hashes (privacy.plates: hashed on their edge): "
    "they cannot be searched by plate, not even by its first characters, and are not among the results"
)


class PassageItem(BaseModel):
    """One vehicle at one checkpoint."""

    passage_no: int
    site: str
    edge: str
    camera: str
    event_id: str
    seen_at: str
    final: bool
    plate: str | None = Field(description="As corrected, else as read. Masked, but for a role and a reason.")
    read_plate: str | None = Field(description="As the edge read it. Masked likewise.")
    corrected: bool
    hashed: bool = Field(description="Only a keyed hash of the plate has left the edge.")
    kind: str | None
    colour: str | None
    direction: str
    lane: str | None
    speed_class: str | None
    confidence: float | None
    evidence: list[EvidenceItem]


class PassagePage(BaseModel):
    """A page of passages, newest first."""

    items: list[PassageItem]
    next_cursor: str | None
    note: str | None = Field(default=None, description="What a search by plate could not look at.")


class CorrectionItem(BaseModel):
    """What somebody changed about a reading."""

    at: str
    by: str
    old_plate: str | None
    new_plate: str
    reason: str


class PassageDetail(PassageItem):
    """A passage and what was corrected."""

    corrections: list[CorrectionItem]


class NewCorrection(BaseModel):
    """The plate as a person reads it in the picture."""

    plate: str = Field(min_length=3, max_length=20, examples=["京A12345"])
    reason: str = Field(min_length=3, max_length=200, examples=["the picture shows an 8"])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is searched for."""

    pattern: Pattern | None
    query: Select[Any]
    described: str


async def wanted_of(  # noqa: PLR0913 -- every parameter is a filter of the address
    *,
    look: Looker,
    plate: Annotated[
        str | None,
        Query(
            min_length=1, max_length=20, description="Begins with this; `*` any characters, `?` one: `京A1`, `*345`."
        ),
    ] = None,
    alike: Annotated[bool, Query(description="0/O/D/Q, 1/I/L, 8/B, 5/S, 2/Z count as the same.")] = False,
    site: str | None = None,
    edge: str | None = None,
    camera: str | None = None,
    direction: Literal["approaching", "leaving", "unknown"] | None = None,
    kind: Annotated[str | None, Query(description="Kind of plate, such as small_blue.")] = None,
    since: Annotated[AwareDatetime | None, Query(description="Seen at or after.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Seen before.")] = None,
) -> Wanted:
    """The search that an address asks for. Takes the right and a reason as soon as it names a plate."""
    pattern = None
    if plate is not None:
        look.must_see_plates("search by plate")
        pattern = Pattern.parse(plate, alike)
    query = select(passages).where(in_scope(passages.c.site, look.principal))
    equal = {"site": site, "edge": edge, "camera": camera, "direction": direction, "kind": kind}
    for name, value in equal.items():
        query = query if value is None else query.where(passages.c[name] == value)
    if since is not None:
        query = query.where(passages.c.seen_us >= to_us(since))
    if until is not None:
        query = query.where(passages.c.seen_us < to_us(until))
    asked = {"plate": plate, "alike": alike or None, **equal, "since": since, "until": until}
    described = "&".join(f"{name}={value}" for name, value in asked.items() if value is not None)
    return Wanted(pattern, query, described)


Asked = Annotated[Wanted, Depends(wanted_of)]


@router.get("")
async def list_passages(
    collector: Running,
    look: Looker,
    wanted: Asked,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: str | None = None,
) -> PassagePage:
    """Passages, newest first. A search by plate takes the right and a reason, and is recorded with what it showed."""
    async with collector.database.read() as connection:
        rows, following = await _page(connection, wanted, limit, cursor)
        items = await passage_items(connection, rows, look.sees_plates)
        hashed = wanted.query.where(passages.c.hashed).limit(1)
        note = HASHED_NOTE if wanted.pattern and (await connection.execute(hashed)).first() else None
    subject = f"/api/v1/passages?{wanted.described}".rstrip("?")
    action = "list" if wanted.pattern is None else "search"
    await write_down(collector, look, action, subject, _shown(rows, look), always=wanted.pattern is not None)
    return PassagePage(items=items, next_cursor=following, note=note)


@router.get("/export.csv", response_class=StreamingResponse)
async def export_passages(
    collector: Running, _principal: PlateReader, look: Looker, wanted: Asked
) -> StreamingResponse:
    """The same as CSV (UTF-8 with a mark, for spreadsheets), at most 100,000 rows; recorded with its plates."""
    look.must_see_plates("export plates")
    rows = [row async for row in _all_rows(collector, wanted)]
    subject = f"/api/v1/passages/export.csv?{wanted.described}".rstrip("?")
    await write_down(collector, look, "export", subject, _shown(rows, look), always=True)
    headers = {"Content-Disposition": 'attachment; filename="passages.csv"'}
    return StreamingResponse(_csv_lines(rows), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/{number}")
async def get_passage(number: Number, collector: Running, look: Looker) -> PassageDetail:
    """One passage with its corrections. A plate in clear takes a reason and is recorded."""
    async with collector.database.read() as connection:
        detail, row = await _detail(connection, number, look)
    await write_down(collector, look, "view", f"/api/v1/passages/{number}", _shown([row], look))
    return detail


@router.post("/{number}/corrections", status_code=201)
async def correct(number: Number, correction: NewCorrection, collector: Running, principal: Actor) -> PassageDetail:
    """Say what the plate really is; what was read stays beside it. Recorded."""
    try:
        plate = normalise(correction.plate)
    except PlateKeyError as error:
        raise HTTPException(422, str(error)) from error
    look = Look(principal, correction.reason)
    async with collector.database.write() as connection:
        _, row = await _detail(connection, number, look)
        now_us = collector.clock()
        changed = {**plate_columns(plate), "corrected": True}
        await connection.execute(update(passages).where(passages.c.passage_no == number).values(changed))
        told = {"passage_no": number, "at_us": now_us, "by": principal.name, "old_plate": row.plate, "new_plate": plate}
        await connection.execute(corrections.insert(), [{**told, "reason": correction.reason}])
        shown = [one for one in (row.plate, plate) if one]
        subject = f"/api/v1/passages/{number}"
        await audit.record(
            connection, principal, "correct", subject, now_us=now_us, reason=correction.reason, shown=shown
        )
        detail, _ = await _detail(connection, number, look)
    return detail


async def _page(
    connection: AsyncConnection, wanted: Wanted, limit: int, cursor: str | None
) -> tuple[Sequence[Row[Any]], str | None]:
    if wanted.pattern is not None:
        return await page_by_plate(connection, wanted.query, wanted.pattern, limit=limit, cursor=cursor)
    return await page(connection, wanted.query, KEYS, descending=True, limit=limit, cursor=cursor)


async def _all_rows(collector: Collector, wanted: Wanted) -> AsyncIterator[Any]:
    cursor: str | None = None
    for _ in range(MOST_EXPORTED // EXPORT_BATCH):
        async with collector.database.read() as connection:
            rows, cursor = await _page(connection, wanted, EXPORT_BATCH, cursor)
        for row in rows:
            yield row
        if cursor is None:
            return


def _csv_lines(rows: list[Any]) -> list[str]:
    """A line each, the head first. Cells that a spreadsheet would calculate get a quote before them."""
    lines = ["\ufeff" + ",".join(EXPORTED) + "\r\n"]
    for row in rows:
        buffer = io.StringIO()
        values = {**row._mapping, "seen_at": to_text(row.seen_us)}  # noqa: SLF001 -- public by SQLAlchemy
        csv.writer(buffer).writerow([cell(values[name]) for name in EXPORTED])
        lines.append(buffer.getvalue())
    return lines


async def _detail(connection: AsyncConnection, number: int, look: Look) -> tuple[PassageDetail, Any]:
    query = select(passages).where(passages.c.passage_no == number, in_scope(passages.c.site, look.principal))
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise HTTPException(404, f"there is no passage {number}")
    (item,) = await passage_items(connection, [row], look.sees_plates)
    own = select(corrections).where(corrections.c.passage_no == number).order_by(corrections.c.correction_id)
    changed = [
        CorrectionItem(
            at=str(to_text(one.at_us)),
            by=one.by,
            old_plate=_plate(one.old_plate, look.sees_plates),
            new_plate=str(_plate(one.new_plate, look.sees_plates)),
            reason=said(one.reason, look.sees_plates),
        )
        for one in await connection.execute(own)
    ]
    return PassageDetail(**dict(item), corrections=changed), row


async def passage_items(connection: AsyncConnection, rows: Any, clear: bool) -> list[PassageItem]:
    """Passages of these rows; plates in clear or masked."""
    proofs = await evidence_of(connection, [row.event_id for row in rows])
    return [_item(row, clear, [EvidenceItem(**proof) for proof in proofs[row.event_id]]) for row in rows]


def _item(row: Any, clear: bool, evidence: list[EvidenceItem]) -> PassageItem:
    return PassageItem(
        passage_no=row.passage_no,
        site=row.site,
        edge=row.edge,
        camera=row.camera,
        event_id=row.event_id,
        seen_at=str(to_text(row.seen_us)),
        final=row.final,
        plate=_plate(row.plate, clear),
        read_plate=_plate(row.read_plate, clear),
        corrected=row.corrected,
        hashed=row.hashed,
        kind=row.kind,
        colour=row.colour,
        direction=row.direction,
        lane=row.lane,
        speed_class=row.speed_class,
        confidence=None if row.confidence_permille is None else row.confidence_permille / 1000,
        evidence=evidence,
    )


def _plate(plate: str | None, clear: bool) -> str | None:
    return plate if clear or plate is None else mask_plate(plate)


def _shown(rows: Any, look: Look) -> list[str]:
    return [row.plate for row in rows if row.plate] if look.sees_plates else []
