"""`collector backup` and `collector restore`: the database and the evidence in one folder.

A backup is made while the collector runs. Procedure: 1. the database, as of one moment, into a temporary name; 2. every
evidence file that is not yet there (files never change, so they are linked where that is possible); 3. fsync, then the
names that count; 4. what retention has deleted since an older backup goes. A folder with `backup.json` is a whole
backup, and an older one stays whole until the newer one is.
Restoring: 1. the database takes its place under a temporary name and is renamed; 2. evidence that is not there is
copied; 3. every edge is asked to send again what it sent shortly before the backup, from the oldest event on whose
evidence is not there; all that came later shows as a gap and is asked for by `gaps`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from collector.audit import KEY_FILE
from collector.database import NAME, Database, must_be_there, versions
from collector.instants import to_instant, to_text, to_us
from collector.schema import event_evidence, events, evidence, messages, outboxes, received_ranges
from contract.commands import Command, ReplayRange
from contract.topics import EdgeTopics

MANIFEST = "backup.json"
SENT_BEFORE = 300
"""So many events of each edge are asked for again: their evidence may have come after the backup."""
KEPT_BY_EDGES = timedelta(days=7)
"""What an edge was acknowledged longer ago it has forgotten."""
ASKED_FOR = timedelta(days=7)
_SQLITE, _DUMP = "collector.db", "collector.dump"


class BackupError(RuntimeError):
    """The backup cannot be made or restored; says why and what to do."""


def back_up(url: URL, data: Path, target: Path, now_us: int, replace: bool) -> str:
    """Make a backup in `target` (with `replace`: over an older one). Returns what it holds.

    Raises BackupError, or DatabaseUrlError where there is no database; then nothing is left of what it has made.
    """
    must_be_there(url)
    if target.resolve() == data.resolve() or (_is_sqlite(url) and _same_folder(Path(str(url.database)), target)):
        raise BackupError(f"{target} is the collector's own folder: a backup there would take its place; give another")
    if target.exists() and any(target.iterdir()) and not replace:
        raise BackupError(f"{target} is not empty; give another folder, or --replace")
    name = _SQLITE if _is_sqlite(url) else _DUMP
    temporary, manifest = target / f"{name}.part", target / f"{MANIFEST}.part"
    with ExitStack() as undo:
        _make_folder(target, undo)
        for part in (temporary, manifest):
            part.unlink(missing_ok=True)
            undo.callback(part.unlink, missing_ok=True)
        _dump(url, temporary)
        _sync(temporary)
        files = _copy_evidence(data / "evidence", target / "evidence")
        _copy_key(data, target)
        held = {"made": to_text(now_us), "database": name, "tables": versions()[0], "evidence_files": files}
        manifest.write_text(json.dumps(held, indent=1) + "\n")
        _sync(manifest)
        undo.pop_all()
    temporary.replace(target / name)
    manifest.replace(target / MANIFEST)
    _sync(target)
    _forget_deleted(data / "evidence", target / "evidence")
    return f"{name} and {files} evidence files"


def _make_folder(target: Path, undo: ExitStack) -> None:
    """With those that it lies in. What fails gives back the folders as they were, but an older backup's evidence."""
    for folder in reversed([folder for folder in (target, *target.parents) if not folder.exists()]):
        folder.mkdir()
        undo.callback(folder.rmdir)
    if not any(target.iterdir()):
        undo.callback(_empty, target)


def _empty(folder: Path) -> None:
    for child in folder.iterdir():
        if child.is_dir():
            shutil.rmtree(child)
        else:
            child.unlink()


def put_back(url: URL, data: Path, source: Path, replace: bool) -> None:
    """Put the database and the evidence back; the collector must be stopped. Raises BackupError."""
    if not (source / MANIFEST).is_file():
        raise BackupError(f"{source} holds no whole backup: there is no {MANIFEST}")
    name = _held_by(source)
    if (name == _SQLITE) != _is_sqlite(url):
        raise BackupError(f"{source} holds {name}: give the same kind of database with --database")
    data.mkdir(parents=True, exist_ok=True)
    _undump(url, source / name, replace)
    _copy_evidence(source / "evidence", data / "evidence")
    _copy_key(source, data)


async def ask_again(database: Database, now_us: int) -> int:
    """Write down, to be published at the next start, that every edge repeats its newest events; how many outboxes."""
    now = to_instant(now_us)
    highest = select(outboxes.c.outbox_id, outboxes.c.site, outboxes.c.edge, func.max(received_ranges.c.high))
    joined = highest.join(received_ranges, received_ranges.c.outbox_id == outboxes.c.outbox_id)
    async with database.write() as connection:
        rows = (await connection.execute(joined.group_by(*highest.selected_columns[:3]))).all()
        lacking = await _lacking_evidence(connection, now_us)
        for outbox_id, site, edge, high in rows:
            low = min(max(1, high - SENT_BEFORE + 1), lacking.get(outbox_id, high))
            ranges = (ReplayRange(outbox_id=outbox_id, from_sequence=low, to_sequence=high),)
            command = Command(
                id=f"restored-{uuid4().hex[:12]}", name="replay", issued_at=now, expires=now + ASKED_FOR, ranges=ranges
            )
            told = {
                "topic": EdgeTopics(site, edge).command("replay"),
                "payload": command.model_dump_json(),
                "retain": False,
                "created_us": now_us,
                "expires_us": to_us(now + ASKED_FOR),
            }
            await connection.execute(messages.insert(), [told])
    return len(rows)


async def _lacking_evidence(connection: AsyncConnection, now_us: int) -> dict[str, int]:
    """Outbox id → the oldest event whose evidence is not here, of those that an edge may still have."""
    oldest = select(events.c.outbox_id, func.min(events.c.sequence))
    joined = oldest.join(event_evidence, event_evidence.c.event_id == events.c.event_id)
    absent = joined.outerjoin(evidence, evidence.c.sha256 == event_evidence.c.sha256).where(evidence.c.sha256.is_(None))
    since_us = now_us - KEPT_BY_EDGES // timedelta(microseconds=1)
    recent = absent.where(events.c.received_us > since_us).group_by(events.c.outbox_id)
    return {row[0]: row[1] for row in await connection.execute(recent)}


def _held_by(source: Path) -> str:
    """What a backup calls its database."""
    try:
        held = json.loads((source / MANIFEST).read_text())
        name, tables = held["database"], held.get("tables", versions()[0])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BackupError(f"{source / MANIFEST} is damaged ({error!r}); take another backup") from error
    if name not in {_SQLITE, _DUMP}:
        raise BackupError(f"{source / MANIFEST} names {name!r}, which no backup holds; take another")
    _must_be_known(tables, source)
    return str(name)


def _must_be_known(tables: object, source: Path) -> None:
    if tables not in versions():
        raise BackupError(f"{source} was made by a newer collector (tables {tables!r}): update this one first")


def _same_folder(database: Path, target: Path) -> bool:
    return database.resolve().parent == target.resolve()


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _dump(url: URL, target: Path) -> None:
    if not _is_sqlite(url):
        _run(["pg_dump", "--format=custom", f"--file={target}", _libpq(url)])
        return
    path = Path(str(url.database))
    try:
        with closing(sqlite3.connect(path, timeout=30)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise BackupError(f"{path}: {error}") from error


def _undump(url: URL, source: Path, replace: bool) -> None:
    if not _is_sqlite(url):
        _must_be_left(url)
        clean = ["--clean", "--if-exists"] if replace else []
        _run(["pg_restore", *clean, "--no-owner", "--single-transaction", f"--dbname={_libpq(url)}", str(source)])
        return
    path = Path(str(url.database))
    if path.exists() and not replace:
        raise BackupError(f"{path} is there already; stop the collector, then give --replace")
    _must_be_idle(path)
    temporary = path.with_name(f"{path.name}.restoring")
    shutil.copyfile(source, temporary)
    _must_be_whole(temporary, source)
    _sync(temporary)
    for suffix in ("-wal", "-shm"):  # of the database that goes: they would be read as the new one's
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    temporary.replace(path)
    _sync(path.parent)


def _must_be_left(url: URL) -> None:
    """A collector keeps connections open, under a name of their own."""
    text = f"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = '{NAME}'"  # noqa: S608
    if int(_run(["psql", "--no-psqlrc", "--tuples-only", "--no-align", f"--command={text}", _libpq(url)])):
        raise BackupError("the database is in use by a collector; stop all of them first")


def _must_be_idle(path: Path) -> None:
    """SQLite leaves WAL mode only when nobody else has the file open. One that is damaged is replaced all the same."""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, timeout=1)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        if error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise BackupError(f"{path} is in use; stop the collector first") from error


def _must_be_whole(copy: Path, source: Path) -> None:
    """Before it takes the place of a database that may be better."""
    try:
        with closing(sqlite3.connect(copy)) as connection:
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            if found != "ok":
                raise BackupError(f"{source} is damaged ({found}); take another backup")
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        _must_be_known(row and row[0], source)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        copy.unlink()
        raise BackupError(f"{source} is damaged, or no collector's database ({error}); take another backup") from error
    except BackupError:
        copy.unlink()
        raise


def _copy_key(source: Path, target: Path) -> None:
    """The key that signs the audit log's checkpoints; one that is there already stays."""
    if (source / KEY_FILE).exists() and not (target / KEY_FILE).exists():
        shutil.copy2(source / KEY_FILE, target / KEY_FILE)
        _sync(target / KEY_FILE)


def _copy_evidence(source: Path, target: Path) -> int:
    """Bring over the files that are not there; returns how many `target` then holds of `source`."""
    count = 0
    folders: set[Path] = set()
    for file in _evidence_files(source):
        copy = target / file.parent.name / file.name
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            try:
                _bring(file, copy)
            except FileNotFoundError:  # retention has deleted it meanwhile
                continue
            folders |= {copy.parent, target}
        count += 1
    for folder in folders:  # a name is on disk only with its folder
        _sync(folder)
    return count


def _bring(file: Path, copy: Path) -> None:
    temporary = copy.with_name(f"{copy.name}.part")
    temporary.unlink(missing_ok=True)
    try:
        os.link(file, temporary)
    except FileNotFoundError:
        raise
    except OSError:  # another file system
        shutil.copyfile(file, temporary)
        _sync(temporary)
    temporary.replace(copy)


def _forget_deleted(source: Path, target: Path) -> None:
    """What retention has deleted is not kept in an older backup either. Without a source nothing is told."""
    if not source.is_dir():
        return
    kept = {file.name for file in _evidence_files(source)}
    for file in _evidence_files(target):
        if file.name not in kept:
            file.unlink()


def _evidence_files(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.glob("??/*")) if len(file.name) == 64)


def _libpq(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _run(command: list[str]) -> str:
    """What it prints. Raises BackupError."""
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError as error:
        raise BackupError(f"{command[0]} is not installed (Debian: apt-get install postgresql-client)") from error
    except subprocess.CalledProcessError as error:
        raise BackupError(f"{command[0]} failed: {error.stderr.strip()}") from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        with contextlib.suppress(OSError):
            os.close(descriptor)
