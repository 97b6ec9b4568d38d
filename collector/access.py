"""Who may do what: bearer tokens for programs, one-time links and session cookies for people (see also `people`).

Tokens, link codes and session ids are 32 random bytes; the store has only their SHA-256: who reads it cannot use it.
"""

from __future__ import annotations

import hashlib
import secrets as random
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from collector.database import Database
from collector.instants import HOUR_US, SECOND_US
from collector.schema import secrets, sessions, sign_in_links, tokens
from collector.schema_people import users

SESSION_US = 12 * HOUR_US
LINK_US = 15 * 60 * SECOND_US
SESSION_KEY = "session-key"


class Role(StrEnum):
    """What a token or a session is for."""

    EDGE = "edge"
    VIEWER = "viewer"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    ADMIN = "admin"


READERS = frozenset({Role.VIEWER, Role.OPERATOR, Role.AUDITOR, Role.ADMIN})
PLATE_READERS = frozenset({Role.OPERATOR, Role.AUDITOR, Role.ADMIN})
ACTORS = frozenset({Role.OPERATOR, Role.ADMIN})
UPLOADERS = frozenset({Role.EDGE, Role.ADMIN})
AUDITORS = frozenset({Role.AUDITOR, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})


Sites = tuple[str, ...] | None
"""Names of sites that somebody may see; None: all."""


class NameTaken(ValueError):
    """A token, or a person, of this name exists."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks."""

    name: str
    role: Role
    by_cookie: bool = False
    sites: Sites = None
    until_us: int | None = None
    """When a session ends."""

    @property
    def sees_plates(self) -> bool:
        """Whether the role may see plates at all; a reason is needed as well."""
        return self.role in PLATE_READERS

    def may_see(self, site: str) -> bool:
        """Whether what belongs to this site is there for him."""
        return self.sites is None or site in self.sites


def sites_text(sites: Sites) -> str | None:
    """As the store keeps them."""
    return None if sites is None else " ".join(sites)


def sites_tuple(text: str | None) -> Sites:
    """The inverse of `sites_text`."""
    return None if text is None else tuple(text.split())


async def create_token(
    database: Database,
    name: str,
    role: Role,
    now_us: int,
    *,
    sites: Sites = None,
    expires_us: int | None = None,
    by: str | None = None,
) -> str:
    """A new token, which only the caller ever sees. Raises NameTaken."""
    token = random.token_urlsafe(32)
    row: dict[str, Any] = {"name": name, "sha256": digest(token), "role": role.value, "created_us": now_us}
    row |= {"sites": sites_text(sites), "expires_us": expires_us, "created_by": by}
    async with database.write() as connection:
        if (await connection.execute(select(users.c.name).where(users.c.name == name))).first() is not None:
            raise NameTaken(f"there is a user {name!r} already: in the record the token would be taken for that person")
        insert = database.insert(tokens).values(row).on_conflict_do_nothing(index_elements=["name"])
        if (await connection.execute(insert)).rowcount != 1:
            raise NameTaken(f"there is a token named {name!r} already: choose another name, or revoke it first")
    return token


async def revoke_token(database: Database, name: str) -> bool:
    """End a token for good and free its name; whether there was one."""
    async with database.write() as connection:
        return (await connection.execute(tokens.delete().where(tokens.c.name == name))).rowcount == 1


async def by_token(connection: AsyncConnection, token: str, now_us: int) -> Principal | None:
    """Who holds this token, while it lasts."""
    lasts = and_(tokens.c.revoked_us.is_(None), or_(tokens.c.expires_us.is_(None), tokens.c.expires_us > now_us))
    row = (await connection.execute(select(tokens).where(tokens.c.sha256 == digest(token), lasts))).one_or_none()
    return None if row is None else Principal(row.name, Role(row.role), sites=sites_tuple(row.sites))


async def create_link_code(database: Database, name: str, role: Role, now_us: int, *, sites: Sites = None) -> str:
    """The code of a sign-in link: once, within a quarter of an hour."""
    code = random.token_urlsafe(32)
    row: dict[str, Any] = {"sha256": digest(code), "name": name, "role": role.value, "expires_us": now_us + LINK_US}
    row["sites"] = sites_text(sites)
    async with database.write() as connection:
        await connection.execute(sign_in_links.insert(), [row])
    return code


async def redeem(database: Database, code: str, now_us: int) -> tuple[Principal, str] | None:
    """A session for an unused link code: who it is, and the value of its cookie. None if the code does not hold."""
    link = sign_in_links.c
    usable = and_(link.sha256 == digest(code), link.used_us.is_(None), link.expires_us > now_us)
    async with database.write() as connection:
        use = update(sign_in_links).where(usable).values(used_us=now_us).returning(link.name, link.role, link.sites)
        row = (await connection.execute(use)).one_or_none()
        if row is None:
            return None
        principal = Principal(row.name, Role(row.role), by_cookie=True, sites=sites_tuple(row.sites))
        return principal, await open_session(connection, principal, now_us)


async def open_session(connection: AsyncConnection, principal: Principal, now_us: int) -> str:
    """Sign somebody in who has shown who he is; the value of his cookie."""
    session_id = random.token_urlsafe(32)
    row = {
        "sha256": digest(session_id),
        "name": principal.name,
        "role": principal.role.value,
        "created_us": now_us,
        "expires_us": now_us + SESSION_US,
        "sites": sites_text(principal.sites),
    }
    await connection.execute(sessions.insert(), [row])
    return session_id


async def by_session(connection: AsyncConnection, session_id: str, now_us: int) -> Principal | None:
    """Whose session this is, while it lasts."""
    session = sessions.c
    lasts = and_(session.sha256 == digest(session_id), session.ended_us.is_(None), session.expires_us > now_us)
    row = (await connection.execute(select(sessions).where(lasts))).one_or_none()
    if row is None:
        return None
    return Principal(row.name, Role(row.role), True, sites_tuple(row.sites), row.expires_us)


async def end_session(database: Database, session_id: str, now_us: int) -> None:
    """Sign out."""
    async with database.write() as connection:
        own = sessions.c.sha256 == digest(session_id)
        await connection.execute(update(sessions).where(own).values(ended_us=now_us))


async def cookie_signer(database: Database) -> CookieSigner:
    """The signer of this store's cookies; its key is made at the first start."""
    async with database.write() as connection:
        fresh = database.insert(secrets).values(name=SESSION_KEY, value=random.token_urlsafe(32))
        await connection.execute(fresh.on_conflict_do_nothing(index_elements=["name"]))
        key = (await connection.execute(select(secrets.c.value).where(secrets.c.name == SESSION_KEY))).scalar_one()
    return CookieSigner(key)


class CookieSigner:
    """A forged cookie is thrown away before the store is asked."""

    def __init__(self, key: str) -> None:
        self._serializer = URLSafeSerializer(key, salt="watchpost-session")

    def sign(self, session_id: str) -> str:
        return str(self._serializer.dumps(session_id))

    def read(self, cookie: str) -> str | None:
        """The session id, or None if we did not sign it."""
        try:
            return str(self._serializer.loads(cookie))
        except BadSignature:
            return None


def digest(secret: str) -> str:
    """What the store keeps of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
