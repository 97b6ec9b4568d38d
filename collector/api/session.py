"""/api/v1/session: a person signs in with name and password or with a one-time link, and out."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, Field, SecretStr

from collector import access, audit, people
from collector.access import Principal, Role
from collector.api.guard import COOKIE, Anybody, Running, check_origin
from collector.instants import to_text
from collector.service import Collector

router = APIRouter(prefix="/api/v1/session", tags=["session"])
Password = Annotated[SecretStr, Field(max_length=200, description="At least 10 characters.")]


class Code(BaseModel):
    """The part of a sign-in link after `#`."""

    code: str = Field(min_length=20, max_length=100)


class NameAndPassword(BaseModel):
    """As an administrator has given them."""

    name: str = Field(min_length=1, max_length=40, examples=["li.wei"])
    password: Password


class Credentials(NameAndPassword):
    """To sign in with."""

    new: Password | None = Field(
        default=None, description="A password of one's own, in place of one that an administrator has set anew."
    )


class FirstAdmin(NameAndPassword):
    """The first administrator, with the one-time token that the collector prints while there is no user."""

    token: str = Field(min_length=20, max_length=100)
    full_name: str = Field(default="", max_length=80)


class NewPassword(BaseModel):
    """One's own password, changed."""

    old: Password
    new: Password


class Who(BaseModel):
    """Who is signed in."""

    name: str
    role: Role
    sees_plates: bool = Field(description="With a reason; never without.")
    sites: list[str] | None = Field(description="Null: all.")
    until: str | None = Field(description="When the session ends; null for a token.")


@router.get("")
async def who_am_i(principal: Anybody) -> Who:
    """Whose token or session this is."""
    return _who(principal)


@router.post("", status_code=201)
async def sign_in(proof: Code | Credentials, request: Request, response: Response, collector: Running) -> Who:
    """Exchange a one-time code, or a name and password, for a session cookie.

    403 when they do not hold, 409 when an administrator has set the password anew and no `new` one is given, 429 after
    too many wrong passwords.
    """
    check_origin(request)
    now_us = collector.clock()
    if isinstance(proof, Code):
        redeemed = await access.redeem(collector.database, proof.code, now_us)
        if redeemed is None:
            raise HTTPException(
                403, "this sign-in link was used before or is too old: make one with `collector sign-in-link`"
            )
        principal, session_id = redeemed
        await _end_session(request, collector)
        await _record(collector, principal, "sign-in")
        _give_cookie(collector, response, session_id)
        return _who(_begun(collector, principal))
    address = request.client.host if request.client else ""
    person = await people.by_password(
        collector.database, proof.name, proof.password.get_secret_value(), address, now_us
    )
    if person is None:
        raise HTTPException(403, "name or password is wrong")
    if person.password_given:
        await _take_own(collector, people.principal_of(person), proof)
    return await _let_in(collector, request, response, people.principal_of(person))


async def _take_own(collector: Collector, principal: Principal, proof: Credentials) -> None:
    """Put a password of his own in place of the one that he was given: what he does is then his alone."""
    if proof.new is None:
        raise HTTPException(409, "an administrator has set this password: choose one of your own, as `new`")
    new = proof.new.get_secret_value()
    if new == proof.password.get_secret_value():
        raise HTTPException(422, "the new password is the one that was given: choose another")
    await people.change(collector.database, principal.name, {}, collector.clock(), new)
    await _record(collector, principal, "change-password")


@router.post("/first-admin", status_code=201)
async def make_first_admin(first: FirstAdmin, request: Request, response: Response, collector: Running) -> Who:
    """Make the first administrator and sign him in; 403 when the token does not hold or there is a user."""
    check_origin(request)
    person = people.Person(first.name, first.full_name, Role.ADMIN)
    password = first.password.get_secret_value()
    if not await people.take_first_admin(collector.database, first.token, person, password, collector.clock()):
        raise HTTPException(403, "this token does not hold: the collector prints one at its start while it has no user")
    return await _let_in(collector, request, response, people.principal_of(person))


@router.put("/password", status_code=204)
async def change_password(change: NewPassword, request: Request, collector: Running, principal: Anybody) -> None:
    """Change one's own password; all of one's sessions end. 403 when the old one is wrong."""
    address = request.client.host if request.client else ""
    now_us = collector.clock()
    old, new = change.old.get_secret_value(), change.new.get_secret_value()
    if await people.by_password(collector.database, principal.name, old, address, now_us) is None:
        raise HTTPException(403, "the old password is wrong")
    await people.change(collector.database, principal.name, {}, now_us, new)
    await _record(collector, principal, "change-password")


@router.delete("", status_code=204)
async def sign_out(request: Request, response: Response, collector: Running, _principal: Anybody) -> None:
    """End the session."""
    await _end_session(request, collector)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")


async def _end_session(request: Request, collector: Collector) -> None:
    """That of the cookie: who signs in over somebody else leaves neither his session nor his live stream open."""
    session_id = collector.signer.read(request.cookies.get(COOKIE, ""))
    if session_id is not None:
        await access.end_session(collector.database, session_id, collector.clock())


async def _let_in(collector: Collector, request: Request, response: Response, principal: Principal) -> Who:
    await _end_session(request, collector)
    async with collector.database.write() as connection:
        session_id = await access.open_session(connection, principal, collector.clock())
    await _record(collector, principal, "sign-in")
    _give_cookie(collector, response, session_id)
    return _who(_begun(collector, principal))


def _begun(collector: Collector, principal: Principal) -> Principal:
    return replace(principal, until_us=collector.clock() + access.SESSION_US)


async def _record(collector: Collector, principal: Principal, action: str) -> None:
    async with collector.database.write() as connection:
        await audit.record(connection, principal, action, "/api/v1/session", now_us=collector.clock())


def _give_cookie(collector: Collector, response: Response, session_id: str) -> None:
    response.set_cookie(
        COOKIE,
        collector.signer.sign(session_id),
        max_age=access.SESSION_US // 1_000_000,
        httponly=True,
        samesite="strict",
        secure=collector.settings.secure_cookies,
    )


def _who(principal: Principal) -> Who:
    sites = None if principal.sites is None else list(principal.sites)
    until = to_text(principal.until_us)
    return Who(name=principal.name, role=principal.role, sees_plates=principal.sees_plates, sites=sites, until=until)
