"""`collector check`: whether what the store holds is what it should be."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path

import click
from sqlalchemy import desc, select
from sqlalchemy.exc import SQLAlchemyError

from collector import audit
from collector.bucket import Bucket, BucketAway, BucketError
from collector.database import Database, DatabaseUrlError, database_url, must_be_there
from collector.evidence import MAX_BYTES, EvidenceStore
from collector.schema import evidence
from collector.schema_audit import audit as log

_AT_ONCE = 32


def _head(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[int, str] | None:
    """Number and chain value. Raises BadParameter."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}:[0-9a-f]{64}", text):
        raise click.BadParameter(f"{text!r}: expected NUMBER:CHAIN, as an earlier check has printed it after 'head'")
    number, _, chain = text.partition(":")
    return int(number), chain


@click.command()
@click.option(
    "--head",
    metavar="NUMBER:CHAIN",
    callback=_head,
    help="As printed by an earlier check and kept elsewhere: the log must still go through it.",
)
@click.option(
    "--evidence",
    "evidence_url",
    envvar="WATCHPOST_EVIDENCE",
    metavar="URL",
    help="Where `collector run` keeps evidence: s3://BUCKET/PREFIX. Default: in the data folder.",
)
def check(head: tuple[int, str] | None, evidence_url: str | None, data: Path, database: str | None) -> None:
    """Verify the audit log's chain and signatures, and that every file of the store is there; exit status 1 if not."""

    async def look() -> tuple[list[str], list[str]]:
        store = Database(must_be_there(database_url(database, data)))
        try:
            await store.migrate()
            return await _look(store, data, head, Bucket(evidence_url) if evidence_url else None)
        finally:
            await store.close()

    try:
        said, problems = asyncio.run(look())
    except BucketError as error:
        raise click.BadParameter(str(error), param_hint="--evidence") from error
    except BucketAway as error:
        raise click.ClickException(f"the evidence's storage cannot be asked: {error}") from error
    except DatabaseUrlError as error:
        raise click.ClickException(str(error)) from error
    except (SQLAlchemyError, OSError) as error:
        raise click.ClickException(f"the database cannot be used: {str(error).splitlines()[0]}") from error
    for line in said:
        click.echo(line)
    for problem in problems:
        click.echo(f"PROBLEM {problem}", err=True)
    if problems:
        raise click.exceptions.Exit(1)


async def _look(
    store: Database, data: Path, head: tuple[int, str] | None, bucket: Bucket | None
) -> tuple[list[str], list[str]]:
    files = EvidenceStore(data / "evidence", MAX_BYTES)
    async with store.read() as connection:
        problems = [f"audit log: {one}" for one in await audit.verify(connection, audit.signing_key(data))]
        last = (await connection.execute(select(log).order_by(desc(log.c.audit_id)).limit(1))).one_or_none()
        if head is not None:
            number, chain = head
            kept = select(log.c.chain).where(log.c.audit_id == number)
            if (await connection.execute(kept)).scalar() != chain:
                told = "rows were changed or removed since"
                problems.append(f"audit log: it does not go through {number}:{chain}: {told}")
        sizes = {row.sha256: row.size_bytes for row in await connection.execute(select(evidence))}
    missing = await (_absent_here(files, sizes) if bucket is None else _absent_there(bucket, sizes))
    problems += [f"evidence: {sha256} is in the store, its file is not there, or not whole" for sha256 in missing[:20]]
    rows, newest = (0, "") if last is None else (last.audit_id, f"; head {last.audit_id}:{last.chain}")
    told = "nothing was changed" if not problems else "see below"
    return [
        f"audit log: {rows} rows, {told}{newest}",
        f"evidence: {len(sizes)} files, {len(missing)} missing",
    ], problems


async def _absent_here(files: EvidenceStore, sizes: Mapping[str, int]) -> list[str]:
    """A file of another size counts as absent: it is not what its name says."""
    return [sha256 for sha256, size in sizes.items() if await files.size(sha256) != size]


async def _absent_there(bucket: Bucket, sizes: Mapping[str, int]) -> list[str]:
    """The same, some at a time."""
    wanted, absent = list(sizes.items()), []
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        found = await asyncio.gather(*(bucket.size(sha256) for sha256, _ in part))
        absent += [sha256 for (sha256, size), there in zip(part, found, strict=True) if there != size]
    return absent
