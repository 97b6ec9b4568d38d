"""GET /api/v1/audit: who looked at which plates, when and what for."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import Select, or_, select

from collector import audit as log
from collector.api.guard import AuditorOfAll, Looker, Running
from collector.api.lookups import write_down
from collector.api.shapes import said
from collector.instants import to_text, to_us
from collector.plate_text import mask_plate, plates_in_text
from collector.reading import page
from collector.schema_audit import audit, audit_checkpoints

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])


class AuditItem(BaseModel):
    """One recorded act."""

    audit_id: int
    at: str
    who: str
    role: str
    action: str
    subject: str
    reason: str | None
    plates: int = Field(description="How many plates were answered in clear.")
    shown: list[str] = Field(description="Which ones.")
    erased: bool = Field(description="Its content has expired; the chain holds nevertheless.")


class AuditPage(BaseModel):
    """A page of the record, newest first."""

    items: list[AuditItem]
    next_cursor: str | None


class Verdict(BaseModel):
    """What a check of the record found."""

    rows: int
    chain: str | None = Field(description="Of the newest row: keep it elsewhere to compare later.")
    checkpoints: int
    problems: list[str] = Field(description="Empty: nothing was changed, removed or put in.")


@router.get("")
async def list_audit(  # noqa: PLR0913 -- every parameter is a filter of the address
    *,
    collector: Running,
    _principal: AuditorOfAll,
    look: Looker,
    who: Annotated[str | None, Query(max_length=100)] = None,
    action: Annotated[str | None, Query(max_length=40)] = None,
    plate: Annotated[str | None, Query(min_length=2, max_length=12, description="Shown or searched for.")] = None,
    words: Annotated[str | None, Query(min_length=2, max_length=100, description="In the reason.")] = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: str | None = None,
) -> AuditPage:
    """Who looked at plates, and who did what. Plates are masked here too, without a reason; with one it is recorded."""
    if plate is not None or plates_in_text(words):
        look.must_see_plates("search by plate")
    query = _filtered(who, action, plate, words)
    if since is not None:
        query = query.where(audit.c.at_us >= to_us(since))
    if until is not None:
        query = query.where(audit.c.at_us < to_us(until))
    keys = (audit.c.at_us, audit.c.audit_id)
    async with collector.database.read() as connection:
        rows, following = await page(connection, query, keys, descending=True, limit=limit, cursor=cursor)
    shown = [one for row in rows for one in (*_plates(row), *plates_in_text(row.reason))] if look.sees_plates else []
    subject = "/api/v1/audit" if plate is None else f"/api/v1/audit?plate={plate}"
    await write_down(collector, look, "list" if plate is None else "search", subject, shown, always=plate is not None)
    return AuditPage(items=[_item(row, look.sees_plates) for row in rows], next_cursor=following)


def _filtered(who: str | None, action: str | None, plate: str | None, words: str | None) -> Select[Any]:
    query = select(audit)
    if who is not None:
        query = query.where(audit.c.who == who)
    if action is not None:
        query = query.where(audit.c.action == action)
    if plate is not None:
        text = plate.upper()
        found = (column.contains(text, autoescape=True) for column in (audit.c.shown, audit.c.subject))
        query = query.where(or_(*found))
    if words is not None:
        query = query.where(audit.c.reason.icontains(words, autoescape=True))
    return query


@router.get("/check")
async def check_audit(collector: Running, _principal: AuditorOfAll) -> Verdict:
    """Verify the chain and its checkpoints, row by row."""
    async with collector.database.read() as connection:
        problems = await log.verify(connection, log.signing_key(collector.settings.data_folder))
        newest = select(audit.c.audit_id, audit.c.chain).order_by(audit.c.audit_id.desc()).limit(1)
        last = (await connection.execute(newest)).one_or_none()
        marks = len((await connection.execute(select(audit_checkpoints.c.audit_id))).all())
    rows, chain = (0, None) if last is None else (last.audit_id, last.chain)
    return Verdict(rows=rows, chain=chain, checkpoints=marks, problems=problems)


def _item(row: Any, clear: bool) -> AuditItem:
    plates = _plates(row)
    return AuditItem(
        audit_id=row.audit_id,
        at=str(to_text(row.at_us)),
        who=row.who,
        role=row.role,
        action=row.action,
        subject=row.subject if clear else row.subject.partition("?")[0],
        reason=None if row.reason is None else said(row.reason, clear),
        plates=row.plates,
        shown=plates if clear else [mask_plate(plate) for plate in plates],
        erased=row.erased_us is not None,
    )


def _plates(row: Any) -> list[str]:
    return list(json.loads(row.shown)) if row.shown else []
