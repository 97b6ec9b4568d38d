"""/api/v1/session: a person signs in with a one-time link, and out."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, Field

from collector import access, audit
from collector.access import Role
from collector.api.guard import COOKIE, Anybody, Running, check_origin

router = APIRouter(prefix="/api/v1/session", tags=["session"])


class Code(BaseModel):
    """The part of a sign-in link after `#`."""

    code: str = Field(min_length=20, max_length=100)


class Who(BaseModel):
    """Who is signed in."""

    name: str
    role: Role
    sees_plates: bool


@router.get("")
async def who_am_i(principal: Anybody) -> Who:
    """Whose token or session this is."""
    return Who(name=principal.name, role=principal.role, sees_plates=principal.sees_plates)


@router.post("", status_code=201)
async def sign_in(code: Code, request: Request, response: Response, collector: Running) -> Who:
    """Exchange a one-time code for a session cookie; 403 when the code is unknown, used or too old."""
    check_origin(request)
    now_us = collector.clock()
    redeemed = await access.redeem(collector.database, code.code, now_us)
    if redeemed is None:
        raise HTTPException(
            403, "this sign-in link was used before or is too old: make one with `collector sign-in-link`"
        )
    principal, session_id = redeemed
    async with collector.database.write() as connection:
        await audit.record(connection, principal, "sign-in", "/api/v1/session", now_us=now_us)
    response.set_cookie(
        COOKIE,
        collector.signer.sign(session_id),
        max_age=access.SESSION_US // 1_000_000,
        httponly=True,
        samesite="strict",
        secure=collector.settings.secure_cookies,
    )
    return Who(name=principal.name, role=principal.role, sees_plates=principal.sees_plates)


@router.delete("", status_code=204)
async def sign_out(request: Request, response: Response, collector: Running, _principal: Anybody) -> None:
    """End the session."""
    session_id = collector.signer.read(request.cookies.get(COOKIE, ""))
    if session_id is not None:
        await access.end_session(collector.database, session_id, collector.clock())
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
