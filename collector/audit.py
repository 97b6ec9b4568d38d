"""The record of who looked at a plate, and who did what: append-only, and chained.

Every row has the digest of its content; its chain value is the digest of the chain value before and of that digest.
Who changes, removes or inserts a row breaks the chain. Content may expire: then it is erased, while digest and chain
stay, and a checkpoint signed with a key outside the store vouches for them. `collector check` verifies all of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from itsdangerous import BadSignature, Signer
from sqlalchemy import desc, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from collector.access import Principal
from collector.schema_audit import audit, audit_checkpoints

FIELDS = ("audit_id", "at_us", "who", "role", "action", "subject", "reason", "plates", "shown", "salt")
START = "0" * 64
KEY_FILE = "audit-key"
_LOCK = 0x57505F6175646974
"""Of PostgreSQL: two collectors must not append at once. SQLite has one writer anyway."""


async def record(
    connection: AsyncConnection,
    who: Principal,
    action: str,
    subject: str,
    *,
    now_us: int,
    reason: str | None = None,
    shown: Sequence[str] = (),
) -> None:
    """Write down one act, in the transaction of the act. `shown`: the plates that were answered in clear."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    newest = select(audit.c.audit_id, audit.c.chain).order_by(desc(audit.c.audit_id)).limit(1)
    last = (await connection.execute(newest)).one_or_none()
    row: dict[str, Any] = {
        "audit_id": 1 if last is None else last.audit_id + 1,
        "at_us": now_us,
        "who": who.name,
        "role": who.role.value,
        "action": action,
        "subject": subject,
        "reason": reason,
        "plates": len(shown),
        "shown": json.dumps(sorted(set(shown)), ensure_ascii=False) if shown else None,
        "salt": secrets.token_hex(16),
    }
    row["digest"] = digest_of(row)
    row["chain"] = chained(START if last is None else last.chain, row["digest"])
    await connection.execute(audit.insert(), [row])


def digest_of(row: Mapping[str, Any]) -> str:
    """SHA-256 of a row's content as a JSON array in the order of FIELDS, lower-case hexadecimal."""
    content = json.dumps([row[name] for name in FIELDS], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def chained(before: str, digest: str) -> str:
    """The chain value after a row."""
    return hashlib.sha256(f"{before}{digest}".encode()).hexdigest()


async def erase(connection: AsyncConnection, before_us: int, key: bytes, now_us: int) -> int:
    """Erase the content of rows older than that, under a signed checkpoint; returns how many."""
    old = (audit.c.at_us < before_us) & audit.c.erased_us.is_(None)
    if (await connection.execute(select(audit.c.audit_id).where(old).limit(1))).first() is None:
        return 0
    await checkpoint(connection, key, now_us)
    empty = {"who": "", "role": "", "action": "", "subject": "", "reason": None, "plates": 0, "shown": None, "salt": ""}
    return (await connection.execute(update(audit).where(old).values({**empty, "erased_us": now_us}))).rowcount


async def checkpoint(connection: AsyncConnection, key: bytes, now_us: int) -> None:
    """Sign the chain as it is, unless its last row is signed already."""
    last = (await connection.execute(select(audit).order_by(desc(audit.c.audit_id)).limit(1))).one_or_none()
    newest = select(audit_checkpoints.c.audit_id).order_by(desc(audit_checkpoints.c.audit_id)).limit(1)
    signed = (await connection.execute(newest)).scalar()
    if last is None or signed == last.audit_id:
        return
    row = {"audit_id": last.audit_id, "chain": last.chain, "at_us": now_us}
    await connection.execute(audit_checkpoints.insert(), [{**row, "signature": _signature(key, row)}])


async def verify(connection: AsyncConnection, key: bytes) -> list[str]:
    """What is wrong with the log, in words; empty when nothing is."""
    marks = {row.audit_id: row for row in await connection.execute(select(audit_checkpoints))}
    problems = [
        f"checkpoint {number}: not signed with this key" for number, row in marks.items() if not _holds(key, row)
    ]
    before, expected, vouched = START, 1, max(marks, default=0)
    for row in await connection.execute(select(audit).order_by(audit.c.audit_id)):
        if row.audit_id != expected:
            problems.append(f"rows {expected} to {row.audit_id - 1} are missing")
        if row.erased_us is None and digest_of(row._asdict()) != row.digest:
            problems.append(f"row {row.audit_id}: its content was changed")
        if row.erased_us is not None and row.audit_id > vouched:
            problems.append(f"row {row.audit_id}: erased without a checkpoint")
        if chained(before, row.digest) != row.chain:
            problems.append(f"row {row.audit_id}: the chain is broken")
        if row.audit_id in marks and marks[row.audit_id].chain != row.chain:
            problems.append(f"row {row.audit_id}: not what its checkpoint has signed")
        before, expected = row.chain, row.audit_id + 1
    if vouched >= expected:
        problems.append(f"rows {expected} to {vouched} are missing: the last checkpoint has signed them")
    return problems


def signing_key(folder: Path) -> bytes:
    """The key of checkpoints, from the data folder and not the store; made at the first start."""
    path = folder / KEY_FILE
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes().strip()
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_hex(32).encode() + b"\n")
    return path.read_bytes().strip()


def _signature(key: bytes, row: Mapping[str, Any]) -> str:
    signed = f"{row['audit_id']} {row['chain']} {row['at_us']}"
    return Signer(key, salt="watchpost-audit", digest_method=hashlib.sha256).get_signature(signed).decode()


def _holds(key: bytes, row: Any) -> bool:
    signed = f"{row.audit_id} {row.chain} {row.at_us}.{row.signature}"
    try:
        Signer(key, salt="watchpost-audit", digest_method=hashlib.sha256).unsign(signed)
    except BadSignature:
        return False
    return True
