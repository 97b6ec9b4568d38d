"""What the collector holds, read from its own tables, past its programs."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import asyncpg

_EVENTS = (
    "SELECT row_id, event_id, outbox_id, sequence, edge, source FROM events WHERE row_id > {after} ORDER BY row_id"
)


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A row of `events`."""

    row_id: int
    event_id: str
    outbox_id: str
    sequence: int
    edge: str
    source: str


class Store(Protocol):
    """Read-only, whatever database it is."""

    def rows(self, query: str) -> Sequence[Sequence[Any]]:
        """Rows of a query. Raises StoreAway."""
        ...

    def close(self) -> None: ...


class StoreAway(OSError):
    """The database does not answer now."""


class SqliteStore:
    """The collector's file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """See Store."""
        try:
            with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=5)) as connection:
                return connection.execute(query).fetchall()
        except sqlite3.Error as error:
            raise StoreAway(str(error)) from error

    def close(self) -> None:
        """Nothing stays open."""


class PostgresStore:
    """The collector's database on PostgreSQL."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._loop = asyncio.new_event_loop()

    def rows(self, query: str) -> list[Any]:
        """See Store."""
        return self._loop.run_until_complete(self._rows(query))

    async def _rows(self, query: str) -> list[Any]:
        try:
            connection = await asyncpg.connect(self._url, timeout=5)
        except (OSError, asyncpg.PostgresError) as error:
            raise StoreAway(str(error)) from error
        try:
            return list(await connection.fetch(query))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise StoreAway(str(error)) from error
        finally:
            await connection.close()

    def close(self) -> None:
        """Close the loop."""
        self._loop.close()


def open_store(url: str | None, data_folder: Path) -> Store:
    """By the collector's own rule: PostgreSQL by URL, else the file in its folder."""
    return PostgresStore(url) if url else SqliteStore(data_folder / "collector.db")


def read_events(store: Store, after: int = 0) -> list[StoredEvent]:
    """Events in the order of their rows. Raises StoreAway."""
    return [StoredEvent(*row) for row in store.rows(_EVENTS.format(after=after))]
