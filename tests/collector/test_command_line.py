"""The commands of `python -m collector`: what they print, and what they say when they cannot."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from click.testing import CliRunner, Result
from sqlalchemy import Connection

from collector.__main__ import main
from collector.database import Database
from collector.mqtt_address import BrokerAddress, BrokerUrlError
from collector.plates import mask_plate
from collector.schema import metadata


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_a_token_is_printed_once_and_its_name_is_taken(tmp_path: Path) -> None:
    made = run("token", "create", "gate-1", "--role", "edge", "--data", str(tmp_path))
    assert made.exit_code == 0
    assert len(made.output.strip()) >= 40
    again = run("token", "create", "gate-1", "--role", "edge", "--data", str(tmp_path))
    assert again.exit_code == 1
    assert "there is a token named 'gate-1' already" in again.output
    assert made.output.strip().encode() not in (tmp_path / "collector.db").read_bytes()
    assert run("token", "revoke", "gate-1", "--data", str(tmp_path)).output == "gate-1 is revoked\n"
    assert run("token", "revoke", "gate-1", "--data", str(tmp_path)).exit_code == 1


def test_a_sign_in_link_has_its_code_where_no_log_sees_it(tmp_path: Path) -> None:
    made = run("sign-in-link", "--data", str(tmp_path), "--base-url", "https://watch.example/")
    assert made.output.startswith("https://watch.example/sign-in#")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["migrate", "--database", "oracle://x"], "use sqlite:/// or postgresql://"),
        (["migrate", "--database", "no url"], "is not a URL"),
        (["migrate", "--database", "postgresql://nobody@127.0.0.1:1/none"], "the database cannot be used"),
        (["run", "--mqtt-url", "http://broker"], "expected mqtt://host:port"),
        (["token", "create", "x", "--role", "king"], "'king' is not one of"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, arguments: list[str], words: str) -> None:
    result = run(*arguments, "--data", str(tmp_path))
    assert result.exit_code != 0
    assert words in result.output


@pytest.mark.parametrize(
    "command",
    [("check",), ("backup", "{}/copies/copy"), ("token", "revoke", "x"), ("dead-letters", "list"),
     ("dead-letters", "reingest")],
)  # fmt: skip
def test_a_folder_without_a_store_is_told_and_none_is_made(tmp_path: Path, command: tuple[str, ...]) -> None:
    told = run(*(word.format(tmp_path) for word in command), "--data", str(tmp_path / "typo"))
    assert told.exit_code == 1
    assert f"Error: {tmp_path / 'typo' / 'collector.db'}: there is no such database; is --data right?" in told.output
    assert list(tmp_path.iterdir()) == []


def test_the_api_describes_itself() -> None:
    said = run("openapi").output
    described = json.loads(said)
    assert {"/api/v1/events", "/api/v1/alerts", "/api/v1/evidence/{sha256}"} <= set(described["paths"])
    committed = (Path(__file__).parents[2] / "docs" / "ref" / "openapi.json").read_text(encoding="utf-8")
    assert json.loads(committed) == described, "`make docs` writes it again"


async def test_the_migrations_make_what_the_schema_says(database: Database) -> None:
    def difference(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with database.read() as connection:
        assert await connection.run_sync(difference) == []


async def test_readers_do_not_wait_for_writers_and_writers_queue(database: Database) -> None:
    async def write(number: int) -> None:
        async with database.write() as connection:
            await connection.exec_driver_sql(f"INSERT INTO secrets VALUES ('{number}', 'x')")
            await asyncio.sleep(0.01)

    await asyncio.gather(*(write(number) for number in range(8)))
    async with database.read() as connection:
        count = (await connection.exec_driver_sql("SELECT count(*) FROM secrets")).scalar_one()
    assert count == 8


@pytest.mark.parametrize(
    ("plate", "masked"), [("京A12345", "京A·1**45"), ("粤BD12345", "粤B·D***45"), ("使123", "使***"), ("", "")]
)
def test_masks(plate: str, masked: str) -> None:
    assert mask_plate(plate) == masked


def test_broker_addresses() -> None:
    address = BrokerAddress.parse("mqtts://user:p%40ss@broker.example", "5")
    assert (address.port, address.tls, address.username, address.password) == (8883, True, "user", "p@ss")
    assert "p@ss" not in str(address)
    with pytest.raises(BrokerUrlError):
        BrokerAddress.parse("mqtt://broker:notaport", "5")
