"""`collector enroll`, `collector certificate` and `collector revoke` on the command line."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click
import yaml
from sqlalchemy.engine import URL

from collector import access
from collector.access import NameTaken, Role
from collector.database import Database, DatabaseUrlError, database_url, must_be_there
from collector.enrolment import Authority, EnrolmentError, write_secret
from collector.instants import system_clock
from collector.mqtt_address import BrokerAddress, BrokerUrlError
from contract.topics import EdgeTopics, InvalidTopic

T = TypeVar("T")
_FOLDER = click.Path(file_okay=False, path_type=Path)
_authority = click.option(
    "--authority", type=_FOLDER, required=True, help="Folder of the site's own authority; made the first time."
)
_out = click.option("--out", type=_FOLDER, required=True, help="Folder for what is made.")


@click.command()
@click.argument("edge")
@click.option("--site", required=True)
@click.option("--mqtt-url", required=True, help="The broker as the edge reaches it: mqtts://HOST[:PORT].")
@click.option("--collector-url", required=True, help="The collector as the edge reaches it.")
@_authority
@_out
def enroll(edge: str, site: str, authority: Path, out: Path, data: Path, **options: str | None) -> None:
    """Make all that EDGE needs to be let in: a certificate for the broker, a token for the collector, its settings."""
    try:
        EdgeTopics(site, edge)
        _must_be_addresses(str(options["mqtt_url"]), str(options["collector_url"]))
        url = must_be_there(database_url(options["database"], data))
        issuer = Authority(authority)
        certificate, key = issuer.issue_client(edge, site)
        _put_down(out, issuer.pem, "edge", certificate, key)
        token = _with_store(url, lambda store: _new_token(store, edge))  # the one before it ends
        write_secret(out / "collector-token", token.encode())
    except (InvalidTopic, EnrolmentError, BrokerUrlError, NameTaken, DatabaseUrlError, OSError) as error:
        raise click.ClickException(str(error)) from error
    settings = {
        "site": site,
        "edge": edge,
        "broker": {"url": options["mqtt_url"], "ca_file": "ca.pem", "cert_file": "edge.pem", "key_file": "edge.key"},
        "collector": {"url": options["collector_url"], "token_file": "collector-token"},
    }
    (out / "connection.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    click.echo(f"{out} holds what {edge} needs: carry it there, begin its configuration with connection.yaml")


def _must_be_addresses(broker: str, collector: str) -> None:
    """Before anything is made. Raises BrokerUrlError or EnrolmentError."""
    if not BrokerAddress.parse(broker, "5").tls:
        raise EnrolmentError(f"--mqtt-url {broker}: a certificate is shown over TLS only; give mqtts://HOST[:PORT]")
    if not re.match(r"https?://[^/\s]", collector):
        raise EnrolmentError(f"--collector-url {collector!r}: expected https://HOST[:PORT]")


def _put_down(out: Path, authority: bytes, name: str, certificate: bytes, key: bytes) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "ca.pem").write_bytes(authority)
    (out / f"{name}.pem").write_bytes(certificate)
    write_secret(out / f"{name}.key", key)


@click.command("certificate")
@click.argument("names", nargs=-1, required=True)
@click.option("--client", is_flag=True, help="For a program that connects, such as `collector`; else for a server.")
@_authority
@_out
def certificate(names: tuple[str, ...], client: bool, authority: Path, out: Path) -> None:
    """Make a certificate for a broker or proxy that is reached by these NAMES or addresses, or for one client."""
    try:
        issuer = Authority(authority)
        made, key = issuer.issue_client(names[0]) if client else issuer.issue_server(names)
    except (EnrolmentError, OSError) as error:
        raise click.ClickException(str(error)) from error
    kind = "client" if client else "broker"
    _put_down(out, issuer.pem, kind, made, key)
    click.echo(f"{out} holds ca.pem, {kind}.pem and {kind}.key")


@click.command()
@click.argument("edge")
@_authority
def revoke(edge: str, authority: Path, data: Path, database: str | None) -> None:
    """Let EDGE in no more: its certificates go on the authority's list, its token ends at once."""
    try:
        url = must_be_there(database_url(database, data))
        count = Authority(authority, make=False).revoke(edge)
        _with_store(url, lambda store: access.revoke_token(store, _token_name(edge)))
    except (EnrolmentError, DatabaseUrlError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{count} certificate(s) of {edge} revoked: copy {authority / 'crl.pem'} to the broker and restart it")


def _token_name(edge: str) -> str:
    return f"edge-{edge}"


async def _new_token(store: Database, edge: str) -> str:
    """A token of this edge; one that it had before ends."""
    await access.revoke_token(store, _token_name(edge))
    return await access.create_token(store, _token_name(edge), Role.EDGE, system_clock())


def _with_store(url: URL, work: Callable[[Database], Awaitable[T]]) -> T:
    async def session() -> T:
        store = Database(url)
        try:
            await store.migrate()
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(session())
