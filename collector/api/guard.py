"""Who asks, and whether he may: used by every endpoint as a dependency."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import unquote, urlsplit

from fastapi import Depends, Header, HTTPException, Query, Request
from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant
from sqlalchemy import ColumnElement, true

from collector.access import (
    ACTORS,
    ADMINS,
    AUDITORS,
    PLATE_READERS,
    READERS,
    UPLOADERS,
    Principal,
    Role,
    by_session,
    by_token,
)
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
            known = scheme.lower() == "bearer"
            found = await by_token(connection, token.strip(), collector.clock()) if known else None
        else:
            session_id = collector.signer.read(request.cookies.get(COOKIE, ""))
            found = await by_session(connection, session_id, collector.clock()) if session_id else None
    if found is None:
        raise HTTPException(
            401,
            "sign in with name and password or a link from `collector sign-in-link`, or send `Authorization: Bearer "
            "TOKEN` with a token from `collector token create`",
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
    declared = {field.alias for field in _query_fields(request.scope["route"].dependant)}
    unknown = sorted(set(request.query_params) - declared)
    if unknown:
        known = ", ".join(sorted(declared)) or "none"
        raise HTTPException(422, f"unknown query parameter: {', '.join(unknown)}; this address knows: {known}")


def _query_fields(dependant: Dependant) -> list[ModelField]:
    """What a route and its dependencies take from the address's query."""
    return [*dependant.query_params, *(field for one in dependant.dependencies for field in _query_fields(one))]


def in_scope(site: ColumnElement[str], principal: Principal) -> ColumnElement[bool]:
    """The condition that a row belongs to a site which this one may see."""
    return true() if principal.sites is None else site.in_(principal.sites)


def allow(roles: frozenset[Role], *, everywhere: bool = False) -> Callable[[Principal], Awaitable[Principal]]:
    """A dependency that lets only these roles in; `everywhere`: and nobody who is limited to sites."""

    async def check(principal: Annotated[Principal, Depends(principal_of)]) -> Principal:
        if principal.role not in roles:
            allowed = ", ".join(sorted(role.value for role in roles))
            raise HTTPException(403, f"role {principal.role.value} may not do this; it takes one of: {allowed}")
        if everywhere and principal.sites is not None:
            raise HTTPException(403, f"this concerns all sites: it takes the role {principal.role.value} for all sites")
        return principal

    check.roles = roles  # type: ignore[attr-defined]  # read by `collector.api.roles`
    return check


Anybody = Annotated[Principal, Depends(principal_of)]
Reader = Annotated[Principal, Depends(allow(READERS))]
PlateReader = Annotated[Principal, Depends(allow(PLATE_READERS))]
Actor = Annotated[Principal, Depends(allow(ACTORS))]
Uploader = Annotated[Principal, Depends(allow(UPLOADERS))]
EvidenceUser = Annotated[Principal, Depends(allow(READERS | UPLOADERS))]
Admin = Annotated[Principal, Depends(allow(ADMINS))]
AuditorOfAll = Annotated[Principal, Depends(allow(AUDITORS, everywhere=True))]
AdminOfAll = Annotated[Principal, Depends(allow(ADMINS, everywhere=True))]


async def reason_of(
    reason: Annotated[
        str | None, Query(min_length=3, max_length=200, description="What plates are looked at for; is recorded.")
    ] = None,
    watchpost_reason: Annotated[
        str | None, Header(max_length=1800, description="The same, in UTF-8 with percent-encoding.")
    ] = None,
) -> str | None:
    """What somebody says he looks at plates for; 422 for a reason that says nothing."""
    given = reason if watchpost_reason is None else unquote(watchpost_reason)
    if given is None:
        return None
    plain = " ".join(given.split())
    if not 3 <= len(plain) <= 200 or "\0" in plain:
        raise HTTPException(422, "a reason has 3 to 200 characters, such as: case 2026-113")
    return plain


Why = Annotated[str | None, Depends(reason_of)]


async def look_of(principal: Reader, why: Why) -> Look:
    """A reader, and what he says he looks for."""
    return Look(principal, why)


@dataclass(frozen=True, slots=True)
class Look:
    """A reader and what for. Plates in clear take both the right and a reason."""

    principal: Principal
    reason: str | None

    @property
    def sees_plates(self) -> bool:
        """Whether plates are answered in clear."""
        return self.principal.sees_plates and self.reason is not None

    def for_entry(self, reason: str | None) -> Look:
        """The same with a reason that speaks for itself, unless one was given."""
        return self if self.reason else Look(self.principal, reason)

    def must_see_plates(self, what: str) -> None:
        """403 unless plates may be seen; `what` says what needs them."""
        if not self.principal.sees_plates:
            raise HTTPException(403, f"role {self.principal.role.value} may not {what}")
        if self.reason is None:
            raise HTTPException(403, f"say what for, to {what}: header Watchpost-Reason, or ?reason=")


Looker = Annotated[Look, Depends(look_of)]
