"""Stores for the collector's tests: each runs on SQLite and on PostgreSQL, migrated once, emptied for each test."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from chromium import Browser, browsers
from collector_process import CollectorProcess, MqttPeer
from services import Mosquitto, PostgreSQL
from sqlalchemy import text

from collector.database import Database, database_url
from collector.schema import metadata


def _migrated(url: str | None, folder: Path) -> str:
    async def migrate() -> None:
        store = Database(database_url(url, folder))
        await store.migrate()
        await store.close()

    with ThreadPoolExecutor(1) as elsewhere:  # the test that asks first has a running loop in this thread
        elsewhere.submit(lambda: asyncio.run(migrate())).result()
    return url or str(folder / "collector.db")


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store to copy."""
    return Path(_migrated(None, tmp_path_factory.mktemp("store")))


@pytest.fixture(scope="session")
def migrated_postgres(postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A migrated database, shared by tests that empty it first."""
    return _migrated(postgresql.new_database(), tmp_path_factory.mktemp("store"))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated, empty store."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "collector.db")
        store = Database(database_url(None, tmp_path))
    else:
        store = Database(database_url(request.getfixturevalue("migrated_postgres"), tmp_path))
        async with store.write() as connection:
            await connection.execute(text(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY CASCADE"))
    yield store
    await store.close()


@pytest.fixture
def running(mosquitto: Mosquitto, tmp_path: Path, migrated_sqlite: Path) -> Iterator[CollectorProcess]:
    """A collector process on a real broker, ready for events."""
    collector = CollectorProcess(tmp_path / "collector", mosquitto.url)
    collector.data.mkdir()
    shutil.copy(migrated_sqlite, collector.data / "collector.db")
    try:
        collector.start()
        yield collector
    finally:
        collector.end(signal.SIGKILL)


@pytest.fixture
def peer(mosquitto: Mosquitto) -> Iterator[MqttPeer]:
    """Somebody else on the same broker."""
    found = MqttPeer(mosquitto.port)
    yield found
    found.stop()


@pytest.fixture
def browse(tmp_path: Path) -> Iterator[Callable[..., Browser]]:
    """Opens a real browser: `browse(width, language, height)`."""
    yield from browsers(tmp_path)
