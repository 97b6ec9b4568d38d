"""/api/v1/evidence: pictures and clips, by content hash."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request, Response
from fastapi.responses import FileResponse
from sqlalchemy import select

from collector import audit
from collector.access import Principal
from collector.api.guard import EvidenceUser, Reader, Running, Uploader
from collector.evidence import Part, TooLarge
from collector.plates import PLATE_TYPES
from collector.schema import event_evidence, events, evidence
from collector.service import Collector

router = APIRouter(prefix="/api/v1/evidence", tags=["evidence"])
Hash = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the file.")]
_RANGE = re.compile(r"^bytes (\d{1,15})-(\d{1,15})/(\d{1,15})$")
SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; media-src 'self'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Disposition": "inline",
    "Cache-Control": "private, max-age=3600, immutable",
}


@router.head("/{sha256}")
async def has_evidence(sha256: Hash, collector: Running, _principal: EvidenceUser) -> Response:
    """200 when the file is complete; 404 with `Upload-Offset`: how many bytes of it are here."""
    if await _is_stored(collector, sha256):
        return Response(headers={"Content-Length": str(collector.evidence.path(sha256).stat().st_size)})
    return Response(status_code=404, headers={"Upload-Offset": str(collector.evidence.offset(sha256))})


@router.put("/{sha256}")
async def put_evidence(sha256: Hash, request: Request, collector: Running, principal: Uploader) -> Response:
    """Store a file, whole or a part of it (`Content-Range`). 201 stored, 200 already here, 202 part taken."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    async with collector.evidence.lock(sha256):
        if await _is_stored(collector, sha256):
            return Response(status_code=200)
        if not collector.evidence.path(sha256).exists():
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
        "size_bytes": collector.evidence.path(sha256).stat().st_size,
        "stored_us": collector.clock(),
        "uploaded_by": principal.name,
    }
    async with collector.database.write() as connection:
        await connection.execute(collector.database.insert(evidence).values(row).on_conflict_do_nothing())


async def _is_stored(collector: Collector, sha256: str) -> bool:
    async with collector.database.read() as connection:
        row = (await connection.execute(select(evidence.c.sha256).where(evidence.c.sha256 == sha256))).one_or_none()
    return row is not None and collector.evidence.path(sha256).exists()


@router.get("/{sha256}", response_class=FileResponse)
async def get_evidence(sha256: Hash, collector: Running, principal: Reader) -> FileResponse:
    """The file (with `Range`). Pictures that may show a plate take a role that may see plates, and are recorded."""
    async with collector.database.read() as connection:
        file = (await connection.execute(select(evidence).where(evidence.c.sha256 == sha256))).one_or_none()
        joined = event_evidence.outerjoin(events, events.c.event_id == event_evidence.c.event_id)
        uses = select(events.c.type).select_from(joined).where(event_evidence.c.sha256 == sha256)
        types = set((await connection.execute(uses)).scalars())
    if file is None or not collector.evidence.path(sha256).exists():
        raise HTTPException(404, f"evidence {sha256} has not arrived (yet)")
    if not types or None in types or types & PLATE_TYPES:
        await _look_at_plate(collector, principal, sha256)
    return FileResponse(collector.evidence.path(sha256), media_type=file.media_type, headers=SAFE_HEADERS)


async def _look_at_plate(collector: Collector, principal: Principal, sha256: str) -> None:
    """What no known event explains is treated as if it showed a plate."""
    if not principal.sees_plates:
        raise HTTPException(403, f"this picture may show a plate, which role {principal.role.value} may not see")
    async with collector.database.write() as connection:
        subject = f"/api/v1/evidence/{sha256}"
        await audit.record(connection, principal, "evidence", subject, now_us=collector.clock(), plates=1)
