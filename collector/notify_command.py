"""`collector notify`: try a channel before it is needed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from collector.channels import ChannelError
from collector.configuration import ConfigurationError, load
from collector.instants import system_clock
from collector.sending import Refused, Unsent, example, send


@click.command("notify")
@click.argument("channel")
@click.option(
    "--config",
    envvar="WATCHPOST_CONFIG",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file that names the channel: see configs/collector.yaml.",
)
def notify(channel: str, config: Path) -> None:
    """Send a test message through a channel of the configuration; says why when it does not arrive."""
    try:
        told = load(config).notifications
    except ConfigurationError as error:
        raise click.BadParameter(str(error), param_hint="--config") from error
    found = next((one for one in told.channels if one.name == channel), None)
    if found is None:
        names = ", ".join(one.name for one in told.channels) or "none"
        raise click.BadParameter(f"{config} has no channel {channel!r}; it has: {names}", param_hint="CHANNEL")
    now_us = system_clock()
    try:
        asyncio.run(send(found, example(now_us, "collector notify"), str(told.page) if told.page else None, now_us))
    except (Unsent, Refused, ChannelError) as error:
        raise click.ClickException(f"{channel}: {error}") from error
    click.echo(f"{channel}: taken")
