"""`python -m collector watchlist`: make a key, and hand a list to edges as keyed hashes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from collector.instants import SECOND_US, system_clock, to_instant
from collector.mqtt import publish_retained
from collector.mqtt_address import BrokerAddress, BrokerUrlError
from collector.watchlists import WatchlistError, make_list, new_key, read_key, read_table
from contract.topics import EdgeTopics, InvalidTopic

FILE = click.Path(dir_okay=False, path_type=Path)
LIST_ID = "watchlist"


@click.group()
def watchlist() -> None:
    """Plates that the edges look for."""


@watchlist.command("new-key")
@click.argument("path", metavar="FILE", type=FILE)
def make_key(path: Path) -> None:
    """Make a key in a new FILE (64 hexadecimal digits, readable for its owner only) and print its id.

    Whoever has the key can find the plates behind the hashes: hand it over as you would the list itself.
    """
    try:
        click.echo(f"{path}: key {new_key(path).key_id}")
    except WatchlistError as error:
        raise click.ClickException(str(error)) from error


@watchlist.command()
@click.argument("table", metavar="FILE.csv", type=FILE)
@click.option("--key-file", type=FILE, required=True, help="As made by new-key; the edges need the same one.")
@click.option("--edge", "edges", metavar="SITE/EDGE", multiple=True, required=True, help="Who gets it; again for more.")
@click.option("--list-id", default=LIST_ID, show_default=True, help="Name of the list, in every hit.")
@click.option("--revision", type=click.IntRange(1), help="Default: the time now, in seconds; it must grow.")
@click.option("--mqtt-url", envvar="WATCHPOST_MQTT_URL", required=True, help="mqtt[s]://[USER:PASSWORD@]HOST[:PORT]")
@click.option(
    "--mqtt-protocol",
    envvar="WATCHPOST_MQTT_PROTOCOL",
    type=click.Choice(["5", "3.1.1"]),
    default="5",
    show_default=True,
)
@click.option("--mqtt-ca-file", envvar="WATCHPOST_MQTT_CA_FILE", type=FILE, help="Authority of an mqtts:// broker.")
def publish(table: Path, key_file: Path, edges: tuple[str, ...], **options: Any) -> None:
    """Publish the plates of a CSV file to edges, in place of what they had. Only keyed hashes leave this program.

    Columns: plate and until; where wanted entry, from, reason, approver (the last two stay here). A day such as
    2026-12-31 counts whole, in this machine's zone. A file with only its head line ends the watch.
    """
    try:
        topics = [EdgeTopics(*edge.split("/", 1)).watchlist if "/" in edge else _refuse(edge) for edge in edges]
        key = read_key(key_file)
        entries = read_table(table, key)
        found = make_list(options["list_id"], options["revision"] or system_clock() // SECOND_US, key, entries)
        address = BrokerAddress.parse(options["mqtt_url"], options["mqtt_protocol"], options["mqtt_ca_file"])
        payload = found.model_dump_json(exclude_none=True)
        publish_retained(address, [(topic, payload) for topic in topics])
    except (WatchlistError, BrokerUrlError, InvalidTopic, ConnectionError) as error:
        raise click.ClickException(str(error)) from error
    over = sum(entry.expires <= to_instant(system_clock()) for entry in entries)
    count = f"{len(entries)} entries" + (f", {over} of them expired" if over else "")
    for topic in topics:
        click.echo(f"{topic}: list {found.list_id} revision {found.revision}, {count}, key {key.key_id}")


def _refuse(edge: str) -> str:
    raise InvalidTopic(f"--edge {edge!r}: expected SITE/EDGE, such as west/gate-box")
