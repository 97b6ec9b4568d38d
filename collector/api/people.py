"""/api/v1/users and /api/v1/tokens: whom the administrator lets in, and with what rights."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import select

from collector import access, audit, people
from collector.access import Principal, Role, sites_text, sites_tuple
from collector.api.guard import AdminOfAll, Running
from collector.api.session import Password
from collector.instants import to_text, to_us
from collector.schema import tokens
from collector.service import Collector
from contract.base import Identifier

router = APIRouter(prefix="/api/v1", tags=["people"])
Name = Annotated[str, Path(max_length=100)]
SiteList = Annotated[list[Identifier] | None, Field(description="Sites that he may see; null: all.", max_length=200)]


class UserItem(BaseModel):
    """Somebody who may sign in with a password."""

    name: str
    full_name: str
    role: Role
    sites: list[str] | None
    created_at: str
    created_by: str
    disabled_at: str | None


class NewUser(BaseModel):
    """Somebody to be let in."""

    name: str = Field(pattern=people.NAME, examples=["li.wei"])
    full_name: str = Field(default="", max_length=80, examples=["李伟"])
    role: Role
    sites: SiteList = None
    password: Password


class UserChange(BaseModel):
    """What is to change about somebody; what is left out stays. His sessions end."""

    full_name: str | None = Field(default=None, max_length=80)
    role: Role | None = None
    sites: SiteList = None
    all_sites: bool = Field(default=False, description="Take any limit to sites away.")
    disabled: bool | None = None
    password: Password | None = Field(
        default=None, description="Set anew, for who has forgotten his: he chooses one of his own at the next sign-in."
    )


class TokenItem(BaseModel):
    """A program's token, without the token."""

    name: str
    role: Role
    sites: list[str] | None
    created_at: str
    created_by: str | None
    expires_at: str | None


class NewToken(BaseModel):
    """A token to be made."""

    name: str = Field(min_length=1, max_length=100, pattern=r"^[\w.@-]+$", examples=["gate-box"])
    role: Role
    sites: SiteList = None
    expires: AwareDatetime | None = None


class MadeToken(BaseModel):
    """The token; it is not shown again."""

    name: str
    token: str


@router.get("/users")
async def list_users(collector: Running, _principal: AdminOfAll) -> list[UserItem]:
    """All who may sign in, or once might."""
    async with collector.database.read() as connection:
        return [_user(row) for row in await people.listed(connection)]


@router.post("/users", status_code=201)
async def add_user(new: NewUser, collector: Running, principal: AdminOfAll) -> UserItem:
    """Let somebody in; 409 when the name was given before."""
    person = people.Person(new.name, new.full_name, new.role, _sites(new.sites))
    password = new.password.get_secret_value()
    await people.add(collector.database, person, password, by=principal.name, now_us=collector.clock())
    await _record(collector, principal, "add-user", f"/api/v1/users/{new.name}")
    return await _user_named(collector, new.name)


@router.patch("/users/{name}")
async def change_user(name: Name, change: UserChange, collector: Running, principal: AdminOfAll) -> UserItem:
    """Change role, sites or password of somebody, or shut him out."""
    if name == principal.name and (change.disabled or change.role not in {None, Role.ADMIN}):
        raise HTTPException(409, "another administrator must do this to you: one must remain")
    values: dict[str, Any] = change.model_dump(include={"full_name", "role"}, exclude_none=True)
    if change.sites is not None or change.all_sites:
        values["sites"] = None if change.all_sites else sites_text(_sites(change.sites))
    if change.disabled is not None:
        values["disabled_us"] = collector.clock() if change.disabled else None
    password = None if change.password is None else change.password.get_secret_value()
    if not values and password is None:
        raise HTTPException(422, "name something to change: role, sites, full_name, disabled or password")
    if password is not None and name == principal.name:
        raise HTTPException(409, "change your own password at /api/v1/session/password: it takes the old one")
    if not await people.change(
        collector.database, name, values, collector.clock(), password, given=password is not None
    ):
        raise HTTPException(404, f"there is no user {name}")
    if password is not None:
        await _record(collector, principal, "reset-password", f"/api/v1/users/{name}")
    if values:
        await _record(collector, principal, "change-user", f"/api/v1/users/{name}")
    return await _user_named(collector, name)


@router.get("/tokens")
async def list_tokens(collector: Running, _principal: AdminOfAll) -> list[TokenItem]:
    """All tokens that hold, or have expired."""
    async with collector.database.read() as connection:
        rows = (await connection.execute(select(tokens).order_by(tokens.c.name))).all()
    return [
        TokenItem(
            name=row.name,
            role=row.role,
            sites=_list(row.sites),
            created_at=str(to_text(row.created_us)),
            created_by=row.created_by,
            expires_at=to_text(row.expires_us),
        )
        for row in rows
    ]


@router.post("/tokens", status_code=201)
async def add_token(new: NewToken, collector: Running, principal: AdminOfAll) -> MadeToken:
    """Make a token for a program or an edge; 409 when there is one of this name."""
    token = await access.create_token(
        collector.database,
        new.name,
        new.role,
        collector.clock(),
        sites=_sites(new.sites),
        expires_us=to_us(new.expires) if new.expires else None,
        by=principal.name,
    )
    await _record(collector, principal, "add-token", f"/api/v1/tokens/{new.name}")
    return MadeToken(name=new.name, token=token)


@router.delete("/tokens/{name}", status_code=204)
async def revoke_token(name: Name, collector: Running, principal: AdminOfAll) -> None:
    """End a token at once."""
    if not await access.revoke_token(collector.database, name):
        raise HTTPException(404, f"there is no token {name}")
    await _record(collector, principal, "revoke-token", f"/api/v1/tokens/{name}")


def _sites(sites: list[Identifier] | None) -> access.Sites:
    return None if sites is None else tuple(sites)


def _list(sites: str | None) -> list[str] | None:
    found = sites_tuple(sites)
    return None if found is None else list(found)


async def _user_named(collector: Collector, name: str) -> UserItem:
    async with collector.database.read() as connection:
        return next(_user(row) for row in await people.listed(connection) if row.name == name)


def _user(row: Any) -> UserItem:
    return UserItem(
        name=row.name,
        full_name=row.full_name,
        role=row.role,
        sites=_list(row.sites),
        created_at=str(to_text(row.created_us)),
        created_by=row.created_by,
        disabled_at=to_text(row.disabled_us),
    )


async def _record(collector: Collector, principal: Principal, action: str, subject: str) -> None:
    async with collector.database.write() as connection:
        await audit.record(connection, principal, action, subject, now_us=collector.clock())
