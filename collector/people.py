"""People who sign in with a name and a password; the first of them, and how guessing is slowed down.

Passwords are kept as Argon2id hashes (RFC 9106, low-memory parameters). They are made on two threads of their own, so
that sign-ins keep no events from coming in.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets as random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY
from sqlalchemy import Row, and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from collector.access import Principal, Role, Sites, digest, sites_text, sites_tuple
from collector.database import Database
from collector.instants import SECOND_US
from collector.schema import secrets, sessions, tokens
from collector.schema_people import sign_in_failures, users

NAME = r"^[a-z0-9][a-z0-9._-]{1,39}$"
"""Names are ASCII: they stand in records, file names and watermarks."""
SHORTEST_PASSWORD = 10
WINDOW_US = 15 * 60 * SECOND_US
MOST_FAILURES = {"both": 5, "address": 30, "name": 50}
"""Wrong passwords in one window, by what they have in common."""
FIRST_ADMIN = "first-admin"
_HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
_NOBODY = _HASHER.hash(random.token_urlsafe(16))
"""Compared with when there is no such name, so that the time it takes tells nothing."""
_THREADS = ThreadPoolExecutor(2, thread_name_prefix="passwords")


class NotAccepted(ValueError):
    """A name or password is of no use; says what was expected."""


class TooManyTries(RuntimeError):
    """Too many wrong passwords; `retry_s` says when to come back."""

    def __init__(self, retry_s: int) -> None:
        super().__init__(f"too many wrong passwords: try again in {max(1, retry_s // 60)} min")
        self.retry_s = retry_s


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to be let in."""

    name: str
    full_name: str
    role: Role
    sites: Sites = None
    password_given: bool = False
    """An administrator has set his password anew; it lets him in once he has changed it."""


async def add(database: Database, person: Person, password: str, *, by: str, now_us: int) -> None:
    """Let somebody in from now on. Raises NotAccepted."""
    row = await _row_of(person, password, by, now_us)
    async with database.write() as connection:
        await _insert(database, connection, row)


async def _row_of(person: Person, password: str, by: str, now_us: int) -> dict[str, Any]:
    """Raises NotAccepted."""
    if not re.match(NAME, person.name):
        raise NotAccepted(f"name {person.name!r}: 2 to 40 of a-z, 0-9, dot, hyphen and underscore, such as li.wei")
    if person.role is Role.EDGE:
        raise NotAccepted("role edge is for boxes: make a token for it")
    return {
        "name": person.name,
        "full_name": person.full_name.strip() or person.name,
        "password": await _hash(password),
        "role": person.role.value,
        "sites": sites_text(person.sites),
        "created_us": now_us,
        "created_by": by,
        "password_us": now_us,
    }


async def _insert(database: Database, connection: AsyncConnection, row: dict[str, Any]) -> None:
    taken = select(tokens.c.name).where(tokens.c.name == row["name"])
    if (await connection.execute(taken)).first() is not None:
        raise NotAccepted(f"there is a token {row['name']!r} already: in the record the two would look the same")
    insert = database.insert(users).values(row).on_conflict_do_nothing(index_elements=["name"])
    if (await connection.execute(insert)).rowcount != 1:
        raise NotAccepted(f"there is a user {row['name']!r} already")


async def change(
    database: Database,
    name: str,
    values: dict[str, Any],
    now_us: int,
    password: str | None = None,
    *,
    given: bool = False,
) -> bool:
    """Change role, sites, full_name or disabled_us, or the password; his sessions end. Whether there is such a user.

    A password that is `given` by somebody else is to be changed at the next sign-in, and nobody has guessed at it yet.
    """
    if password is not None:
        set_anew = {"password": await _hash(password), "password_us": now_us, "given_us": now_us if given else None}
        values = {**values, **set_anew}
    async with database.write() as connection:
        found = await connection.execute(update(users).where(users.c.name == name).values(values))
        if given:
            guessed = sign_in_failures.c.key.startswith(f"{name}@", autoescape=True)
            await connection.execute(delete(sign_in_failures).where(guessed))
        own = (sessions.c.name == name) & sessions.c.ended_us.is_(None)
        await connection.execute(update(sessions).where(own).values(ended_us=now_us))
    return found.rowcount == 1


async def listed(connection: AsyncConnection) -> Sequence[Row[Any]]:
    """All users, by name."""
    return (await connection.execute(select(users).order_by(users.c.name))).all()


async def by_password(database: Database, name: str, password: str, address: str, now_us: int) -> Person | None:
    """Who this is, or None. Raises TooManyTries; wrong passwords are counted by name and by address."""
    keys = {"both": f"{name}@{address}", "address": f"@{address}", "name": f"{name}@"}
    await _count_try(database, keys, now_us)
    async with database.read() as connection:
        row = (await connection.execute(select(users).where(users.c.name == name))).one_or_none()
    known = row is not None and row.disabled_us is None
    right = await _matches(row.password if known and row is not None else _NOBODY, password)
    if row is None or not known or not right:
        return None
    table = sign_in_failures.c
    async with database.write() as connection:
        await connection.execute(delete(sign_in_failures).where(table.key == keys["both"]))
        no_failure = and_(table.key.in_((keys["address"], keys["name"])), table.failures > 0)
        await connection.execute(update(sign_in_failures).where(no_failure).values(failures=table.failures - 1))
        if _HASHER.check_needs_rehash(row.password):
            await connection.execute(update(users).where(users.c.name == name).values(password=await _hash(password)))
    given = row.given_us is not None
    return Person(row.name, row.full_name, Role(row.role), sites_tuple(row.sites), password_given=given)


async def _count_try(database: Database, keys: dict[str, str], now_us: int) -> None:
    """Count a try as a failure until it proves right: before the password is looked at, or many tries sent at once
    would all be let through. Raises TooManyTries, and then counts nothing.
    """
    table = sign_in_failures.c
    async with database.write() as connection:
        await connection.execute(delete(sign_in_failures).where(table.since_us <= now_us - WINDOW_US))
        for what, key in sorted(keys.items(), key=lambda item: item[1]):
            once = database.insert(sign_in_failures).values(key=key, since_us=now_us, failures=1)
            more = once.on_conflict_do_update(index_elements=["key"], set_={"failures": table.failures + 1})
            row = (await connection.execute(more.returning(table.failures, table.since_us))).one()
            if row.failures > MOST_FAILURES[what]:
                raise TooManyTries((row.since_us + WINDOW_US - now_us) // SECOND_US)


async def offer_first_admin(database: Database) -> str | None:
    """A new one-time token for the first administrator, while there is no user; the one before is void."""
    token = random.token_urlsafe(24)
    async with database.write() as connection:
        if (await connection.execute(select(users.c.name).limit(1))).first() is not None:
            return None
        row = database.insert(secrets).values(name=FIRST_ADMIN, value=digest(token))
        await connection.execute(row.on_conflict_do_update(index_elements=["name"], set_={"value": digest(token)}))
    return token


async def take_first_admin(database: Database, token: str, person: Person, password: str, now_us: int) -> bool:
    """Make the first administrator, if the token holds; it holds once. Raises NotAccepted."""
    async with database.read() as connection:
        expected = (await connection.execute(select(secrets.c.value).where(secrets.c.name == FIRST_ADMIN))).scalar()
        taken = (await connection.execute(select(users.c.name).limit(1))).first()
    if taken is not None or expected is None or not hmac.compare_digest(expected, digest(token)):
        return False
    row = await _row_of(person, password, "console", now_us)
    own = and_(secrets.c.name == FIRST_ADMIN, secrets.c.value == expected)
    async with database.write() as connection:
        if (await connection.execute(delete(secrets).where(own))).rowcount != 1:
            return False  # another request with the same token was faster
        await _insert(database, connection, row)
    return True


def principal_of(person: Person) -> Principal:
    """The person, signed in."""
    return Principal(person.name, person.role, by_cookie=True, sites=person.sites)


async def _hash(password: str) -> str:
    if not SHORTEST_PASSWORD <= len(password) <= 200:
        raise NotAccepted(f"a password has at least {SHORTEST_PASSWORD} characters")
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _HASHER.hash, password)


async def _matches(hashed: str, password: str) -> bool:
    try:
        return await asyncio.get_running_loop().run_in_executor(_THREADS, _HASHER.verify, hashed, password)
    except (VerifyMismatchError, InvalidHashError):
        return False
