"""/api/v1/evidence: pictures and clips, by content hash."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from fastapi.responses import FileResponse
from sqlalchemy import select

from collector.access import READERS, Principal
from collector.api.guard import EvidenceUser, Look, Looker, Running, Uploader, Why
from collector.api.lookups import reason_of_hit, write_down
from collector.clip_mark import ONE_BY_ONE, NoVideo, stamp_clip
from collector.evidence import Part, TooLarge
from collector.instants import to_instant
from collector.plates import PLATE_TYPES
from collector.schema import event_evidence, events, evidence
from collector.service import Collector
from collector.watermark import stamp

router = APIRouter(prefix="/api/v1/evidence", tags=["evidence"])
Hash = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the file.")]
_RANGE = re.compile(r"^bytes (\d{1,15})-(\d{1,15})/(\d{1,15})$")
SEE = "see this picture, which may show a plate"
SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; media-src 'self'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Disposition": "inline",
    "Cache-Control": "private, max-age=300",
    "Vary": "Cookie, Authorization",
}


@router.head("/{sha256}")
async def has_evidence(sha256: Hash, collector: Running, principal: EvidenceUser, why: Why) -> Response:
    """200 when the file is complete; 404 with `Upload-Offset`: how many bytes of it are here. 403 as GET would say."""
    if await _is_stored(collector, sha256):
        if principal.role in READERS:
            shown = await _shown_by(collector, sha256, Look(principal, why))
            if shown.plates:
                shown.look.must_see_plates(SEE)
        return Response(headers={"Content-Length": str(await collector.evidence.size(sha256))})
    return Response(status_code=404, headers={"Upload-Offset": str(collector.evidence.offset(sha256))})


@router.put("/{sha256}")
async def put_evidence(sha256: Hash, request: Request, collector: Running, principal: Uploader) -> Response:
    """Store a file, whole or a part of it (`Content-Range`). 201 stored, 200 already here, 202 part taken."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    async with collector.evidence.lock(sha256):
        if await _is_stored(collector, sha256):
            return Response(status_code=200)
        if not await collector.evidence.keep_what_is_here(sha256, media_type):
            part = _part(request, collector)
            if not await collector.evidence.receive(sha256, media_type, part, request.stream()):
                return Response(status_code=202, headers={"Upload-Offset": str(collector.evidence.offset(sha256))})
        await _note(collector, principal, sha256, media_type)
    collector.pulse.beat()
    return Response(status_code=201)


def _part(request: Request, collector: Collector) -> Part | None:
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > collector.evidence.max_bytes:
        raise TooLarge(f"{announced} bytes; a file may have {collector.evidence.max_bytes}")
    header = request.headers.get("content-range")
    if header is None:
        return None
    matched = _RANGE.match(header)
    numbers = [int(group) for group in matched.groups()] if matched else []
    if not numbers or not numbers[0] <= numbers[1] < numbers[2]:
        raise HTTPException(400, f"Content-Range {header!r}: expected `bytes FIRST-LAST/TOTAL`")
    return Part(*numbers)


async def _note(collector: Collector, principal: Principal, sha256: str, media_type: str) -> None:
    row = {
        "sha256": sha256,
        "media_type": media_type,
        "size_bytes": await collector.evidence.size(sha256),
        "stored_us": collector.clock(),
        "uploaded_by": principal.name,
    }
    async with collector.database.write() as connection:
        await connection.execute(collector.database.insert(evidence).values(row).on_conflict_do_nothing())


async def _is_stored(collector: Collector, sha256: str) -> bool:
    async with collector.database.read() as connection:
        row = (await connection.execute(select(evidence.c.sha256).where(evidence.c.sha256 == sha256))).one_or_none()
    return row is not None and await collector.evidence.size(sha256) is not None


@router.get("/{sha256}", response_class=FileResponse)
async def get_evidence(
    sha256: Hash,
    collector: Running,
    look: Looker,
    original: Annotated[
        bool, Query(description="Without the watermark; takes the right and a reason, recorded.")
    ] = False,
    width: Annotated[int | None, Query(ge=32, le=3840, description="A picture is made so small, in pixels.")] = None,
    download: Annotated[
        bool, Query(description="To be kept: a clip comes with the watermark burnt in, which takes seconds; recorded.")
    ] = False,
) -> Response:
    """The file. Pictures bear who looks and when; those that may show a plate take the right and a reason, recorded.

    Clips come with `Range` and without a watermark to be played, and with it for `download`.
    """
    shown = await _shown_by(collector, sha256, look)
    if shown.plates or original or download:
        if shown.plates or original:
            shown.look.must_see_plates(SEE if shown.plates else "take an original")
        action = "original" if original else "export" if download else "evidence"
        await write_down(collector, shown.look, action, f"/api/v1/evidence/{sha256}", shown.texts, always=True)
    path = await collector.evidence.fetch(sha256)
    if path is None:
        raise HTTPException(404, f"evidence {sha256} has not arrived (yet)")
    headers = SAFE_HEADERS | ({"Cache-Control": "no-store"} if shown.plates or download else {})
    text = f"{look.principal.name} {to_instant(collector.clock()):%Y-%m-%d %H:%M:%SZ}"
    if download and not original and shown.media_type.startswith("video/"):
        return await _clip_to_keep(path, text, sha256, headers)
    if download:
        headers |= {"Content-Disposition": f'attachment; filename="{sha256[:12]}"'}
    if shown.media_type.startswith("image/") and not original:
        marked = await asyncio.to_thread(_marked, path, text, width)
        if marked is None:
            raise HTTPException(422, "the picture cannot be decoded; take the original instead: ?original=true")
        return Response(marked[0], media_type=marked[1], headers=headers)
    return FileResponse(path, media_type=shown.media_type, headers=headers)


async def _clip_to_keep(path: FilePath, text: str, sha256: str, headers: dict[str, str]) -> Response:
    """422 for a clip that cannot be decoded: no copy leaves without its mark."""
    try:
        marked = await asyncio.get_running_loop().run_in_executor(ONE_BY_ONE, stamp_clip, path, text)
    except NoVideo as error:
        raise HTTPException(422, f"{error}; take the original instead: ?original=true") from error
    named = {"Content-Disposition": f'attachment; filename="{sha256[:12]}.mp4"'}
    return Response(marked, media_type="video/mp4", headers=headers | named)


def _marked(path: FilePath, text: str, width: int | None) -> tuple[bytes, str] | None:
    return stamp(path.read_bytes(), text, width)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a file is, and what may be seen in it."""

    media_type: str
    plates: bool
    """Whether it may show a plate: what no known event explains is treated as if it did."""
    texts: tuple[str, ...]
    look: Look


async def _shown_by(collector: Collector, sha256: str, look: Look) -> _Shown:
    """404 for a file that has not arrived, or that only events of other sites use."""
    async with collector.database.read() as connection:
        file = (await connection.execute(select(evidence).where(evidence.c.sha256 == sha256))).one_or_none()
        joined = event_evidence.outerjoin(events, events.c.event_id == event_evidence.c.event_id)
        columns = (events.c.event_id, events.c.type, events.c.site, events.c.plate)
        uses = select(*columns).select_from(joined).where(event_evidence.c.sha256 == sha256)
        rows = (await connection.execute(uses)).all()
        look = look.for_entry(await reason_of_hit(connection, [row.event_id for row in rows if row.event_id]))
    known = [row for row in rows if row.event_id is not None]
    in_sight = look.principal.sites is None or any(look.principal.may_see(row.site) for row in known)
    if file is None or not in_sight:
        raise HTTPException(404, f"evidence {sha256} has not arrived (yet)")
    plates = len(known) < len(rows) or not rows or any(row.type in PLATE_TYPES for row in known)
    texts = tuple(sorted({row.plate for row in known if row.plate}))
    return _Shown(file.media_type, plates, texts, look)
