"""Every error is a problem document (RFC 9457, application/problem+json) with a sentence for people in `detail`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from collector.access import NameTaken
from collector.alert_moves import NoSuchAlert, WrongStep
from collector.bucket import BucketAway
from collector.evidence import EvidenceRefused
from collector.hazards import WrongHazardStep
from collector.people import NotAccepted, TooManyTries
from collector.plate_search import BadPattern
from collector.reading import BadCursor
from collector.service import Collector
from collector.watch_entries import NoSuchEntry, NotNow

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
PLAIN: Mapping[type[Exception], int] = {
    BadCursor: 400,
    NoSuchAlert: 404,
    NoSuchEntry: 404,
    WrongStep: 409,
    WrongHazardStep: 409,
    NameTaken: 409,
    NotNow: 409,
    NotAccepted: 422,
    BadPattern: 422,
}
"""Errors that say all in their text, and the status that they are."""


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> JSONResponse:
    """A problem document; `more` are further members."""
    title = HTTPStatus(status).phrase
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return JSONResponse(content, status, dict(headers or {}), media_type=MEDIA_TYPE)


def add_problems(app: FastAPI) -> None:
    """Register what each kind of error becomes."""

    @app.exception_handler(HTTPException)
    async def refused(_request: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, str(error.detail), error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        found = [{"field": _field(one["loc"]), "message": str(one["msg"])} for one in error.errors()]
        detail = "; ".join(f"{one['field']}: {one['message']}" for one in found)
        return problem(422, detail, errors=found)

    @app.exception_handler(EvidenceRefused)
    async def evidence_refused(request: Request, error: EvidenceRefused) -> JSONResponse:
        collector: Collector = request.app.state.collector
        offset = str(collector.evidence.offset(request.path_params["sha256"]))
        return problem(error.status, str(error), {"Upload-Offset": offset})

    @app.exception_handler(DBAPIError)
    @app.exception_handler(ConnectionError)
    async def store_away(_request: Request, error: DBAPIError | ConnectionError) -> JSONResponse:
        log.error("the database cannot be used: %s", str(error).splitlines()[0])
        return problem(503, "the database cannot be used right now; try again", {"Retry-After": "5"})

    @app.exception_handler(BucketAway)
    async def bucket_away(_request: Request, error: BucketAway) -> JSONResponse:
        log.error("evidence storage: %s", error)
        return problem(503, "the evidence storage cannot be used right now; try again", {"Retry-After": "5"})

    @app.exception_handler(TooManyTries)
    async def too_many_tries(_request: Request, error: TooManyTries) -> JSONResponse:
        return problem(429, str(error), {"Retry-After": str(max(1, error.retry_s))})

    _add_plain(app, PLAIN)


def _add_plain(app: FastAPI, statuses: Mapping[type[Exception], int]) -> None:
    for kind, status in statuses.items():

        async def plain(_request: Request, error: Exception, status: int = status) -> JSONResponse:
            return problem(status, str(error))

        app.add_exception_handler(kind, plain)


def _field(place: tuple[int | str, ...]) -> str:
    """("body", "reason") → "reason"; a whole body that is no JSON stays "body"."""
    inner = place[1:] if len(place) > 1 else place
    return ".".join(str(part) for part in inner)
