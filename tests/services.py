"""Real services for tests, started on free ports in temporary folders. Fixtures are in conftest.py."""

from __future__ import annotations

import os

import pytest

from simulator.faults import services
from simulator.faults.services import MissingProgram, find_program, free_port, wait_for_port

__all__ = ["Mosquitto", "PostgreSQL", "free_port", "require", "wait_for_port"]


def require(program: str, package: str | None = None) -> str:
    """Path of a service's program; skips the test when it is missing, fails it under WATCHPOST_REQUIRE_SERVICES=1."""
    try:
        return find_program(program, package)
    except MissingProgram as reason:
        return _miss(reason)


def _miss(reason: MissingProgram) -> str:
    if os.environ.get("WATCHPOST_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{reason}; WATCHPOST_REQUIRE_SERVICES=1 demands it")
    pytest.skip(str(reason))


class Mosquitto(services.Mosquitto):
    """Skips the test where it is not installed."""

    def start(self) -> None:
        require("mosquitto")
        super().start()


class PostgreSQL(services.PostgreSQL):
    """Skips the test where it is not installed."""

    def start(self) -> None:
        try:
            super().start()
        except MissingProgram as reason:
            _miss(reason)
