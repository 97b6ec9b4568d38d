"""PostgreSQL's COPY: rows that are surely new, for less than half of what an INSERT of many rows costs both sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

FEWEST = 8
"""Fewer rows are sent by an INSERT."""


async def copy_rows(
    connection: AsyncConnection, table: str, names: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Append rows to a table within the transaction that has begun on this connection.

    Raises what SQLAlchemy raises for an INSERT: IntegrityError when one is there, DataError when the database takes a
    value for none of its own, DBAPIError for all else; then none of them is there.
    """
    raw = (await connection.get_raw_connection()).driver_connection
    assert raw is not None  # noqa: S101
    assert raw.is_in_transaction(), "or the rows would be there at once"  # noqa: S101
    try:
        await raw.copy_records_to_table(table, records=rows, columns=names)
    except asyncpg.IntegrityConstraintViolationError as error:
        raise IntegrityError(f"COPY {table}", None, error) from error
    except (asyncpg.DataError, ValueError, TypeError, OverflowError) as error:
        raise DataError(f"COPY {table}", None, error) from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        if raw.is_closed():
            await connection.invalidate(error)
        raise DBAPIError(f"COPY {table}", None, error, connection_invalidated=raw.is_closed()) from error
