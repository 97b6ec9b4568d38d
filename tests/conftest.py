"""Fixtures for tests that need real services."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from services import Mosquitto


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
