"""Who asks, and whether he may: used by every endpoint as a dependency."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request

from collector.access import ACTORS, AUDITORS, PLATE_READERS, READERS, UPLOADERS, Principal, Role, by_session, by_token
from collector.service import Collector

COOKIE = "watchpost_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def collector_of(request: Request) -> Collector:
    """The running collector behind this request."""
    found: Collector = request.app.state.collector
    return found


Running = Annotated[Collector, Depends(collector_of)]


async def principal_of(request: Request, collector: Running) -> Principal:
    """Who asks; 401 when nobody knows, 403 when a page of another origin tries to act with somebody's cookie."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    async with collector.database.read() as connection:
        if scheme:
            found = await by_token(connection, token.strip()) if scheme.lower() == "bearer" else None
        else:
            session_id = collector.signer.read(request.cookies.get(COOKIE, ""))
            found = await by_session(connection, session_id, collector.clock()) if session_id else None
    if found is None:
        raise HTTPException(
            401,
            "sign in with a link from `collector sign-in-link`, or send `Authorization: Bearer TOKEN` with a token "
            "from `collector token create`",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if found.by_cookie and request.method not in SAFE_METHODS:
        check_origin(request)
    return found


def check_origin(request: Request) -> None:
    """403 unless a browser says that our own page asks."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc == request.headers.get("host"):
        return
    raise HTTPException(403, "this can only be done from the collector's own page, or with a bearer token")


def known_parameters(request: Request) -> None:
    """422 for a query key that the route does not have: a misspelt filter must not look like a wider answer."""
    declared = {field.alias for field in request.scope["route"].dependant.query_params}
    unknown = sorted(set(request.query_params) - declared)
    if unknown:
        known = ", ".join(sorted(declared)) or "none"
        raise HTTPException(422, f"unknown query parameter: {', '.join(unknown)}; this address knows: {known}")


def allow(roles: frozenset[Role]) -> Callable[[Principal], Awaitable[Principal]]:
    """A dependency that lets only these roles in."""

    async def check(principal: Annotated[Principal, Depends(principal_of)]) -> Principal:
        if principal.role not in roles:
            allowed = ", ".join(sorted(role.value for role in roles))
            raise HTTPException(403, f"role {principal.role.value} may not do this; it takes one of: {allowed}")
        return principal

    return check


Anybody = Annotated[Principal, Depends(principal_of)]
Reader = Annotated[Principal, Depends(allow(READERS))]
PlateReader = Annotated[Principal, Depends(allow(PLATE_READERS))]
Actor = Annotated[Principal, Depends(allow(ACTORS))]
Uploader = Annotated[Principal, Depends(allow(UPLOADERS))]
EvidenceUser = Annotated[Principal, Depends(allow(READERS | UPLOADERS))]
Auditor = Annotated[Principal, Depends(allow(AUDITORS))]
