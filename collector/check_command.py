"""`collector check`: whether what the store holds is what it should be."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
from sqlalchemy import desc, select
from sqlalchemy.exc import SQLAlchemyError

from collector import audit
from collector.database import Database, DatabaseUrlError, database_url
from collector.evidence import MAX_BYTES, EvidenceStore
from collector.schema import evidence
from collector.schema_audit import audit as log


@click.command()
@click.option(
    "--head", help="NUMBER:CHAIN, as printed by an earlier check and kept elsewhere: the log must still go through it."
)
def check(head: str | None, data: Path, database: str | None) -> None:
    """Verify the audit log's chain and signatures, and that every file of the store is there; exit status 1 if not."""

    async def look() -> tuple[list[str], list[str]]:
        store = Database(database_url(database, data))
        try:
            await store.migrate()
            return await _look(store, data, head)
        finally:
            await store.close()

    try:
        said, problems = asyncio.run(look())
    except (SQLAlchemyError, OSError, DatabaseUrlError) as error:
        raise click.ClickException(f"the database cannot be used: {str(error).splitlines()[0]}") from error
    for line in said:
        click.echo(line)
    for problem in problems:
        click.echo(f"PROBLEM {problem}", err=True)
    if problems:
        raise click.exceptions.Exit(1)


async def _look(store: Database, data: Path, head: str | None) -> tuple[list[str], list[str]]:
    files = EvidenceStore(data / "evidence", MAX_BYTES)
    async with store.read() as connection:
        problems = [f"audit log: {one}" for one in await audit.verify(connection, audit.signing_key(data))]
        last = (await connection.execute(select(log).order_by(desc(log.c.audit_id)).limit(1))).one_or_none()
        if head is not None:
            number, _, chain = head.partition(":")
            kept = select(log.c.chain).where(log.c.audit_id == (int(number) if number.isdigit() else -1))
            if (await connection.execute(kept)).scalar() != chain:
                problems.append(f"audit log: it does not go through {head}: rows were changed or removed since")
        hashes = list((await connection.execute(select(evidence.c.sha256))).scalars())
    missing = [sha256 for sha256 in hashes if not files.path(sha256).exists()]
    problems += [f"evidence: {sha256} is in the store, its file is not there" for sha256 in missing[:20]]
    rows, newest = (0, "") if last is None else (last.audit_id, f"; head {last.audit_id}:{last.chain}")
    told = "nothing was changed" if not problems else "see below"
    return [
        f"audit log: {rows} rows, {told}{newest}",
        f"evidence: {len(hashes)} files, {len(missing)} missing",
    ], problems
