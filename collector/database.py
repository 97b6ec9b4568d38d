"""The store's connection: SQLite by default, PostgreSQL by URL; the same statements on both.

Writing transactions on SQLite begin with BEGIN IMMEDIATE, so that one that has read does not fail at its first write.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from enum import IntEnum
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar, cast

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, CursorResult, Engine, Table, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from collector.copying import FEWEST, copy_rows

NAME = "watchpost-collector"
"""What PostgreSQL is told who we are."""
MIGRATIONS = Path(__file__).resolve().parent / "migrations"
DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
BUSY_TIMEOUT_MS = 10_000
LEAVE_OUT = "ON CONFLICT DO NOTHING"
NONE_IS_THERE = ""
"""What `insert_rows` is told of rows that are surely new."""
_MARKS = 1024
_PARAMETERS = 2000
"""At most so many values in one statement of SQLite."""
_ROWS = "/* rows */"
_CACHE_KB, _WRITER_CACHE_KB = 8_000, 64_000
_CHECKPOINT_PAGES = 4000
"""Pages of the log, 4 kB each, that go over into the file at once: the same index pages change in each batch."""
T = TypeVar("T")


class Turn(IntEnum):
    """What only one of several collectors does at a time: keys of PostgreSQL's advisory locks."""

    MIGRATE = 0x57500001
    INGEST = 0x57500002
    """So the order of the rows' numbers is that of the commits, on which readers of what is new rely."""
    PUBLISH = 0x57500003


class DatabaseUrlError(ValueError):
    """The database URL cannot be used; says what was expected."""


def database_url(text: str | None, data_folder: Path) -> URL:
    """The URL with its asynchronous driver; without one, `collector.db` in the data folder. Raises DatabaseUrlError."""
    if not text:
        return URL.create(DRIVERS["sqlite"], database=str(data_folder / "collector.db"))
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise DatabaseUrlError(f"database URL {text!r} is not a URL: {error}") from error
    kind = url.drivername.partition("+")[0]
    if kind not in DRIVERS:
        raise DatabaseUrlError(f"database URL begins with {url.drivername!r}: use sqlite:/// or postgresql://")
    return url.set(drivername=DRIVERS[kind])


def must_be_there(url: URL) -> URL:
    """The same URL, where a store is to be used and none to be made, as SQLite would. Raises DatabaseUrlError."""
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).is_file():
        told = "there is no such database; is --data right? `collector migrate` makes a new one"
        raise DatabaseUrlError(f"{url.database}: {told}")
    return url


class Database:
    """Reads side by side, and writes; on SQLite one write at a time."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(url) if self.is_sqlite else _postgresql_engine(url)
        self._inserts: dict[tuple[str, ...], str] = {}
        self._one_writer = asyncio.Lock()
        on_disk = self.is_sqlite and url.database not in {None, "", ":memory:"}
        self._writer = _sqlite_writer(url, "FULL") if on_disk else None
        self._hasty_writer = _sqlite_writer(url, "NORMAL") if on_disk else None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees one state of the store and changes nothing."""
        async with self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that is durable when this block has ended without an exception."""
        if not self.is_sqlite:
            async with self.engine.begin() as connection:
                yield connection
            return
        async with self._one_writer, self.engine.connect() as connection:
            await connection.execution_options(watchpost_write=True)
            async with connection.begin():
                yield connection

    async def insert_rows(
        self, connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]], clause: str = LEAVE_OUT
    ) -> None:
        """Insert many rows of the same two or more keys with few statements; past SQLAlchemy's care for each.

        `clause`: SQL of what to do with those that are there; NONE_IS_THERE: IntegrityError. No two rows may be the
        same one.
        """
        if rows:
            names = tuple(rows[0])
            await self.insert_tuples(connection, table, names, list(map(itemgetter(*names), rows)), clause)

    async def insert_tuples(
        self,
        connection: AsyncConnection,
        table: Table,
        names: tuple[str, ...],
        rows: Sequence[tuple[Any, ...]],
        clause: str = LEAVE_OUT,
    ) -> None:
        """As `insert_rows`; `names` says what stands in each row."""
        if not rows:
            return
        if clause == NONE_IS_THERE and not self.is_sqlite and len(rows) >= FEWEST:
            await copy_rows(connection, table.name, names, rows)
            return
        key = (table.name, clause, *names)
        if key not in self._inserts:
            self._inserts[key] = f"{self._insert_text(table, names)} {clause}"
        if self.is_sqlite:
            await self._insert_parts(connection, self._inserts[key], rows)
        else:
            await connection.exec_driver_sql(self._inserts[key], tuple(map(list, zip(*rows, strict=True))))

    async def _insert_parts(self, connection: AsyncConnection, text: str, tuples: Sequence[tuple[Any, ...]]) -> None:
        """Many rows a statement: while SQLite works at one, this process can do something else.

        Their numbers are powers of two, so that there are few statements, which the driver keeps prepared.
        """
        marks = f"({', '.join('?' * len(tuples[0]))})"
        most, start = 1 << ((_PARAMETERS // len(tuples[0])).bit_length() - 1), 0
        while start < len(tuples):
            count = min(most, 1 << ((len(tuples) - start).bit_length() - 1))
            part = tuple(chain.from_iterable(tuples[start : start + count]))
            await connection.exec_driver_sql(text.replace(_ROWS, ", ".join([marks] * count), 1), part)
            start += count

    async def matching(
        self, connection: AsyncConnection, columns: str, column: Column[Any], values: Iterable[str]
    ) -> Sequence[tuple[Any, ...]]:
        """`columns` of the rows of a table in whose `column`, a text, one of the values stands."""
        wanted = list(values)
        if not wanted:
            return []
        asked = f"SELECT {columns} FROM {column.table} WHERE {column.key}"  # noqa: S608 (our own words)
        if not self.is_sqlite:
            return _plain(await connection.exec_driver_sql(f"{asked} = ANY($1::text[])", (wanted,)))
        found: list[tuple[Any, ...]] = []
        for start in range(0, len(wanted), _MARKS):
            part = wanted[start : start + _MARKS]
            marks = 1 << (len(part) - 1).bit_length()  # few statements, which SQLite's driver keeps prepared
            part += part[:1] * (marks - len(part))
            text = f"{asked} IN ({', '.join('?' * marks)})"
            found += _plain(await connection.exec_driver_sql(text, tuple(part)))
        return found

    async def delete_matching(self, connection: AsyncConnection, column: Column[Any], values: Sequence[int]) -> None:
        """Delete the rows in whose `column`, a number, one of the values stands."""
        if self.is_sqlite:
            await connection.execute(column.table.delete().where(column.in_(values)))
            return
        text = f"DELETE FROM {column.table} WHERE {column.key} = ANY($1::bigint[])"  # noqa: S608 (our own words)
        await connection.exec_driver_sql(text, (values,))

    def _insert_text(self, table: Table, names: tuple[str, ...]) -> str:
        """On PostgreSQL one statement takes whole columns: a row costs it a fraction of one that is sent alone."""
        if self.is_sqlite:
            rows = f"VALUES {_ROWS}"
        else:
            types = (_array_of(table.c[name].type.compile(self.engine.dialect)) for name in names)
            marks = ", ".join(f"${number}::{kind}" for number, kind in enumerate(types, 1))
            rows = f"SELECT * FROM unnest({marks})"  # noqa: S608 (our own words)
        columns = ", ".join(f'"{name}"' for name in names)
        return f"INSERT INTO {table.name} ({columns}) {rows}"

    def insert(self, table: Table) -> Any:
        """An INSERT of this database's dialect, with `on_conflict_do_nothing` and `on_conflict_do_update`."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    async def transact(self, work: Callable[[AsyncConnection], Coroutine[Any, Any, T]]) -> T:
        """Run `work` in a writing transaction; durable when this returns. `work` awaits nothing but its connection.

        On SQLite the whole of it runs on one thread: a change of threads per statement would cost more than the
        statements.
        """
        if self._writer is None:
            async with self.write() as connection:
                await self.wait_turn(connection, Turn.INGEST)
                return await work(connection)
        return await self._transact_on(self._writer, work)

    async def transact_hastily(self, work: Callable[[AsyncConnection], Coroutine[Any, Any, T]]) -> T:
        """As `transact`, out of turn and without waiting for the disk: a power cut may undo it, as a whole.

        For what may be done again.
        """
        if self._hasty_writer is not None:
            return await self._transact_on(self._hasty_writer, work)
        async with self.write() as connection:
            if not self.is_sqlite:
                await connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            return await work(connection)

    async def _transact_on(self, writer: Engine, work: Callable[[AsyncConnection], Coroutine[Any, Any, T]]) -> T:
        async with self._one_writer:
            running = asyncio.get_running_loop().run_in_executor(self._thread, _transact_here, writer, work)
            return await _finished(running)

    async def wait_turn(self, connection: AsyncConnection, turn: Turn) -> None:
        """Where several collectors share the store: only one at a time goes on from here, until its transaction ends.

        One that dies gives its turn back with its connection. On SQLite only one transaction writes anyway.
        """
        if not self.is_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": int(turn)})

    @asynccontextmanager
    async def alone(self, turn: Turn) -> AsyncIterator[None]:
        """This block runs in one collector at a time; it uses connections of its own."""
        if self.is_sqlite:
            yield
            return
        async with self.engine.begin() as holder:
            await self.wait_turn(holder, turn)
            yield

    async def migrate(self) -> None:
        """Bring the tables to this program's version; the folder of an SQLite file is made."""
        if self.is_sqlite and self.url.database not in {None, "", ":memory:"}:
            Path(str(self.url.database)).parent.mkdir(parents=True, exist_ok=True)
        async with self.write() as connection:
            await self.wait_turn(connection, Turn.MIGRATE)
            await connection.run_sync(_upgrade)

    async def close(self) -> None:
        await self.engine.dispose()
        for writer in (self._writer, self._hasty_writer):
            if writer is not None:
                await asyncio.get_running_loop().run_in_executor(self._thread, writer.dispose)
        self._thread.shutdown(wait=False)


class _SameThread:
    """A connection whose statements are done when they are awaited."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def execute(self, *arguments: Any, **options: Any) -> CursorResult[Any]:
        """As AsyncConnection's."""
        return self._connection.execute(*arguments, **options)

    async def exec_driver_sql(self, *arguments: Any) -> CursorResult[Any]:
        """As AsyncConnection's."""
        return self._connection.exec_driver_sql(*arguments)


def _transact_here(writer: Engine, work: Callable[[AsyncConnection], Coroutine[Any, Any, T]]) -> T:
    with writer.connect() as plain:
        connection = plain.execution_options(watchpost_write=True)
        with connection.begin():
            return _drive(work(cast("AsyncConnection", _SameThread(connection))))


def _plain(result: CursorResult[Any]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in result]


def _drive(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits to its end."""
    try:
        work.send(None)
    except StopIteration as done:
        return cast("T", done.value)
    work.close()
    raise RuntimeError("a transaction on SQLite may await nothing but its connection")


async def _finished(running: asyncio.Future[T]) -> T:
    """Wait to the end even when cancelled: a transaction must not go on behind the back of its lock."""
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


def _postgresql_engine(url: URL) -> AsyncEngine:
    named = {"server_settings": {"application_name": NAME}}
    return create_async_engine(url, pool_pre_ping=True, connect_args=named)


def _sqlite_engine(url: URL) -> AsyncEngine:
    engine = create_async_engine(url)
    _set_up_sqlite(engine.sync_engine, "FULL", _CACHE_KB)
    return engine


def _sqlite_writer(url: URL, synchronous: str) -> Engine:
    """The same file for one thread that only writes."""
    engine = create_engine(url.set(drivername="sqlite"), poolclass=StaticPool)
    _set_up_sqlite(engine, synchronous, _WRITER_CACHE_KB if synchronous == "FULL" else _CACHE_KB)
    return engine


def _set_up_sqlite(engine: Engine, synchronous: str, cache_kb: int) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={synchronous}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA cache_size=-{cache_kb}")
        cursor.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
        cursor.execute(f"PRAGMA journal_size_limit={2 * _CHECKPOINT_PAGES * 4096}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("watchpost_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def versions() -> list[str]:
    """Of the tables, that this program knows; the newest first."""
    return [script.revision for script in ScriptDirectory.from_config(_migrations()).walk_revisions()]


def _migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _upgrade(connection: Connection) -> None:
    config = _migrations()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _array_of(kind: str) -> str:
    """PostgreSQL's name of an array of a column's type; a collation is the column's, no array has one."""
    return f"{kind.split(' COLLATE ', maxsplit=1)[0]}[]"
