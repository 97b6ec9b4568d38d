"""`collector backup` and `collector restore` on the command line."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
from sqlalchemy.exc import SQLAlchemyError

from collector.backup import BackupError, ask_again, back_up, put_back
from collector.database import Database, DatabaseUrlError, database_url
from collector.instants import system_clock

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("folder", type=_FOLDER)
@click.option("--replace", is_flag=True, help="Over an older backup; evidence that is still kept is not copied again.")
def backup(folder: Path, replace: bool, data: Path, database: str | None) -> None:
    """Copy database and evidence into FOLDER, while the collector runs."""
    try:
        held = back_up(database_url(database, data), data, folder, system_clock(), replace)
    except (BackupError, DatabaseUrlError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{folder} holds {held}")


@click.command()
@click.argument("folder", type=_FOLDER)
@click.option("--replace", is_flag=True, help="Over the database that is there.")
def restore(folder: Path, replace: bool, data: Path, database: str | None) -> None:
    """Put a backup back, while the collector is stopped; what came since is asked for again at the next start."""

    async def ask(store: Database) -> int:
        try:
            await store.migrate()
            return await ask_again(store, system_clock())
        finally:
            await store.close()

    try:
        url = database_url(database, data)
        put_back(url, data, folder, replace)
        asked = asyncio.run(ask(Database(url)))
    except (BackupError, DatabaseUrlError, OSError) as error:
        raise click.ClickException(str(error)) from error
    except SQLAlchemyError as error:
        told = f"restored, but it cannot be brought to this version: {str(error).splitlines()[0]}"
        raise click.ClickException(told) from error
    click.echo(f"restored; {asked} outboxes will be asked for what is missing")
