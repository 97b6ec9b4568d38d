"""Fixtures for tests that need real services."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from services import Mosquitto, PostgreSQL, require


@pytest.fixture
def start_mosquitto(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    """`start_mosquitto(users=..., acl=..., extra=...)` gives a running broker; all are ended after the test."""
    started: list[Mosquitto] = []

    def start(**options: object) -> Mosquitto:
        broker = Mosquitto(tmp_path / f"mosquitto-{len(started)}", **options)  # type: ignore[arg-type]
        started.append(broker)
        broker.start()
        return broker

    yield start
    for broker in started:
        broker.kill()


@pytest.fixture
def mosquitto(start_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    """A running broker that admits everybody."""
    return start_mosquitto()


@pytest.fixture
def mosquitto_url(mosquitto: Mosquitto) -> str:
    """Address of a running broker that admits everybody: `mqtt://127.0.0.1:<port>`."""
    return mosquitto.url


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """One running PostgreSQL for all tests of this process."""
    server = PostgreSQL(tmp_path_factory.mktemp("postgresql"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def postgres_url(postgresql: PostgreSQL) -> str:
    """Address of an empty PostgreSQL database."""
    return postgresql.new_database()


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """Folder with `cert.pem`, for localhost and signed by itself, and `key.pem`."""
    openssl = require("openssl")
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem"), "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return tmp_path
