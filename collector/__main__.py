"""Command line of the collector."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from collector import access
from collector.access import NameTaken, Role
from collector.api.app import create_app
from collector.api.roles import table_of
from collector.backup_command import backup, restore
from collector.bucket import Bucket, BucketError
from collector.check_command import check
from collector.configuration import ConfigurationError, load
from collector.database import Database, DatabaseUrlError, database_url, must_be_there
from collector.duty import Duty
from collector.enrolment_command import certificate, enroll, revoke
from collector.evidence import MAX_BYTES
from collector.gaps import GapPatience
from collector.instants import system_clock
from collector.intake import reingest
from collector.messages import Incoming
from collector.mqtt_address import BrokerAddress, BrokerUrlError
from collector.notify_command import notify
from collector.schema import dead_letters
from collector.server import PortTaken, listen, serve
from collector.settings import Settings
from collector.watchlist_command import watchlist

MEBIBYTE = 2**20
Command = TypeVar("Command", bound=Callable[..., Any])
PEOPLE = [role.value for role in Role if role is not Role.EDGE]


def store_options(command: Command) -> Command:
    """--data and --database, which nearly every command takes."""
    database = click.option(
        "--database", envvar="WATCHPOST_DATABASE", help="postgresql://... or sqlite:///FILE; default: SQLite in --data."
    )
    data = click.option(
        "--data",
        envvar="WATCHPOST_DATA",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path("var/collector"),
        show_default=True,
        help="Folder of the collector's files.",
    )
    return data(database(command))


site_option = click.option("--site", "sites", multiple=True, help="Sees only this site; again for more. Default: all.")


@click.group()
def main() -> None:
    """The small centre: takes events from the edges, keeps them, makes alerts, shows them."""
    logging.basicConfig(
        level=os.environ.get("WATCHPOST_LOG", "INFO"), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for chatty in ("alembic", "sse_starlette"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


main.add_command(watchlist)
main.add_command(notify)
main.add_command(store_options(backup))
main.add_command(store_options(restore))
main.add_command(store_options(enroll))
main.add_command(store_options(revoke))
main.add_command(certificate)
main.add_command(store_options(check))


@main.command()
@store_options
@click.option(
    "--mqtt-url", envvar="WATCHPOST_MQTT_URL", help="mqtt[s]://[USER:PASSWORD@]HOST[:PORT]; without it: no ingest."
)
@click.option(
    "--mqtt-protocol",
    envvar="WATCHPOST_MQTT_PROTOCOL",
    type=click.Choice(["5", "3.1.1"]),
    default="5",
    show_default=True,
)
@click.option(
    "--mqtt-ca-file",
    envvar="WATCHPOST_MQTT_CA_FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Certificate authority of an mqtts:// broker.",
)
@click.option(
    "--host",
    envvar="WATCHPOST_HOST",
    default="127.0.0.1",
    show_default=True,
    help="0.0.0.0 lets others in: put TLS before it.",
)
@click.option("--port", envvar="WATCHPOST_PORT", type=click.IntRange(0, 65535), default=8400, show_default=True)
@click.option(
    "--secure-cookies", envvar="WATCHPOST_SECURE_COOKIES", is_flag=True, help="Send session cookies only over HTTPS."
)
@click.option(
    "--mqtt-cert-file",
    envvar="WATCHPOST_MQTT_CERT_FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Our own certificate, where the broker asks for one: see `certificate --client`.",
)
@click.option(
    "--mqtt-key-file",
    envvar="WATCHPOST_MQTT_KEY_FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Its key.",
)
@click.option(
    "--share", envvar="WATCHPOST_SHARE", is_flag=True, help="Several collectors on one PostgreSQL share the events."
)
@click.option(
    "--watchlist-key",
    envvar="WATCHPOST_WATCHLIST_KEY",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Key of the watch list, as made by `watchlist new-key`; without it edges are told nothing.",
)
@click.option(
    "--evidence",
    envvar="WATCHPOST_EVIDENCE",
    metavar="URL",
    help="Keep evidence there: s3://BUCKET/PREFIX, with the usual AWS_* variables. Default: in the data folder.",
)
@click.option(
    "--max-evidence-mb",
    envvar="WATCHPOST_MAX_EVIDENCE_MB",
    type=click.IntRange(1),
    default=MAX_BYTES // MEBIBYTE,
    show_default=True,
)
@click.option(
    "--gap-ask-s",
    envvar="WATCHPOST_GAP_ASK_S",
    type=float,
    default=10.0,
    show_default=True,
    help="Ask for missing events after this time.",
)
@click.option(
    "--gap-alert-s",
    envvar="WATCHPOST_GAP_ALERT_S",
    type=float,
    default=60.0,
    show_default=True,
    help="Alert when they stay away.",
)
@click.option(
    "--config",
    envvar="WATCHPOST_CONFIG",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What the site decides about its alerts, and who is told: see configs/collector.yaml.",
)
def run(**options: Any) -> None:
    """Serve: ingest from the broker, API and live page."""
    settings = _settings(options)
    try:
        listener = listen(options["host"], options["port"])
    except PortTaken as error:
        raise click.ClickException(str(error)) from error
    host = f"[{options['host']}]" if ":" in options["host"] else options["host"]
    click.echo(f"Watchpost collector: http://{host}:{listener.getsockname()[1]}/")
    settings = replace(settings, address=f"http://{host}:{listener.getsockname()[1]}")
    if not asyncio.run(serve(create_app(settings), listener)):
        raise click.ClickException("the collector did not start; the reason is above")


def _may_share(options: dict[str, Any]) -> bool:
    if options["share"] and _url(options["database"], options["data"]).get_backend_name() == "sqlite":
        raise click.BadParameter("SQLite is for one collector; give a postgresql:// --database", param_hint="--share")
    return bool(options["share"])


def _bucket(url: str | None) -> Bucket | None:
    try:
        return Bucket(url) if url else None
    except BucketError as error:
        raise click.BadParameter(str(error), param_hint="--evidence") from error


def _settings(options: dict[str, Any]) -> Settings:
    broker, duty = None, Duty()
    try:
        duty = load(options["config"]).duty if options["config"] else duty
        if options["mqtt_url"]:
            broker = BrokerAddress.parse(
                options["mqtt_url"],
                options["mqtt_protocol"],
                options["mqtt_ca_file"],
                (options["mqtt_cert_file"], options["mqtt_key_file"]),
            )
    except ConfigurationError as error:
        raise click.BadParameter(str(error), param_hint="--config") from error
    except BrokerUrlError as error:
        raise click.BadParameter(str(error), param_hint="--mqtt-url") from error
    return Settings(
        data_folder=options["data"],
        database=_url(options["database"], options["data"]),
        broker=broker,
        share=_may_share(options),
        bucket=_bucket(options["evidence"]),
        gap_patience=GapPatience(ask_after_s=options["gap_ask_s"], alert_after_s=options["gap_alert_s"]),
        max_evidence_bytes=options["max_evidence_mb"] * MEBIBYTE,
        secure_cookies=options["secure_cookies"],
        duty=duty,
        watch_key_file=options["watchlist_key"],
    )


def _url(text: str | None, data: Path) -> Any:
    try:
        return database_url(text, data)
    except DatabaseUrlError as error:
        raise click.BadParameter(str(error), param_hint="--database") from error


def _with_store(data: Path, database: str | None, work: Callable[[Database], Any], *, new: bool = True) -> Any:
    """Run `work` on the migrated store, and say clearly when it cannot be reached. `new`: it may be made."""
    url = _url(database, data)
    try:
        url = url if new else must_be_there(url)
    except DatabaseUrlError as error:
        raise click.ClickException(str(error)) from error

    async def session() -> Any:
        store = Database(url)
        try:
            await store.migrate()
            return await work(store)
        finally:
            await store.close()

    try:
        return asyncio.run(session())
    except (SQLAlchemyError, OSError) as error:
        raise click.ClickException(f"the database cannot be used: {str(error).splitlines()[0]}") from error


@main.command()
@store_options
def migrate(data: Path, database: str | None) -> None:
    """Bring the store to this version (a start does it as well)."""

    async def nothing(_store: Database) -> None:
        return None

    _with_store(data, database, nothing)
    click.echo("the store is up to date")


@main.group()
def token() -> None:
    """Tokens of programs and edges."""


@token.command("create")
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@site_option
@store_options
def create_token(name: str, role: str, sites: tuple[str, ...], data: Path, database: str | None) -> None:
    """Make a token and print it; it is not shown again."""

    async def make(store: Database) -> str:
        return await access.create_token(store, name, Role(role), system_clock(), sites=sites or None)

    try:
        click.echo(_with_store(data, database, make))
    except NameTaken as error:
        raise click.ClickException(str(error)) from error


@token.command("revoke")
@click.argument("name")
@store_options
def revoke_token(name: str, data: Path, database: str | None) -> None:
    """End a token at once."""
    if not _with_store(data, database, lambda store: access.revoke_token(store, name), new=False):
        raise click.ClickException(f"there is no token named {name!r}")
    click.echo(f"{name} is revoked")


@main.command("sign-in-link")
@click.option(
    "--name", default="operator", show_default=True, help="Name that is written beside what this person does."
)
@click.option("--role", type=click.Choice(PEOPLE), default=Role.OPERATOR.value, show_default=True)
@site_option
@click.option("--base-url", envvar="WATCHPOST_BASE_URL", default="http://127.0.0.1:8400", show_default=True)
@store_options
def sign_in_link(name: str, role: str, sites: tuple[str, ...], base_url: str, data: Path, database: str | None) -> None:
    """Print a link that signs one person in, once, within 15 minutes; people with a password need none."""

    async def make(store: Database) -> str:
        return await access.create_link_code(store, name, Role(role), system_clock(), sites=sites or None)

    code = _with_store(data, database, make)
    click.echo(f"{base_url.rstrip('/')}/sign-in#{code}")


@main.group("dead-letters")
def dead_letters_group() -> None:
    """Messages that could not be understood."""


@dead_letters_group.command("list")
@store_options
def list_letters(data: Path, database: str | None) -> None:
    """One line a letter: number, kind, how often, topic, reason."""

    async def read(store: Database) -> list[Any]:
        async with store.read() as connection:
            return list(await connection.execute(select(dead_letters).order_by(dead_letters.c.letter_id)))

    for row in _with_store(data, database, read, new=False):
        done = " (ingested again)" if row.reingested_us else ""
        click.echo(f"{row.letter_id}\t{row.kind}\t{row.times}x\t{row.topic}\t{row.reason}{done}")


@dead_letters_group.command("reingest")
@store_options
def reingest_letters(data: Path, database: str | None) -> None:
    """Try again what this version may understand by now."""

    async def again(store: Database) -> tuple[int, int]:
        waiting = select(dead_letters).where(dead_letters.c.reingested_us.is_(None))
        async with store.read() as connection:
            rows = (await connection.execute(waiting)).all()
        fit = await reingest(store, [Incoming(row.topic, row.payload) for row in rows], system_clock())
        done = [row.letter_id for row, is_fit in zip(rows, fit, strict=True) if is_fit]
        async with store.write() as connection:
            which = dead_letters.c.letter_id.in_(done)
            await connection.execute(update(dead_letters).where(which).values(reingested_us=system_clock()))
        return len(done), len(rows)

    done, tried = _with_store(data, database, again, new=False)
    click.echo(f"{done} of {tried} letters are events now")


@main.command()
def openapi() -> None:
    """Print the description of the HTTP API."""
    nowhere = Settings(Path(), _url(None, Path()), None)
    click.echo(json.dumps(create_app(nowhere).openapi(), indent=2, ensure_ascii=False))


@main.command()
def roles() -> None:
    """Print which role may call which endpoint."""
    nowhere = Settings(Path(), _url(None, Path()), None)
    click.echo(table_of(create_app(nowhere)), nl=False)


if __name__ == "__main__":
    main()
