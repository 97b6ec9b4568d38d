"""What edges and cameras say about themselves: the latest of each, in the store."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, or_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from collector.database import Database
from collector.instants import to_us
from collector.messages import StatusMessage
from collector.schema import cameras, edges
from contract.commands import ConfigReported
from contract.status import Birth, CameraStatus, Health, Status


async def apply(database: Database, connection: AsyncConnection, message: StatusMessage, now_us: int) -> None:
    """Keep a status. An `offline` of an older connection does not hide a newer `online`."""
    key = {"site": message.address.site, "edge": message.address.edge}
    await connection.execute(database.insert(edges).values(key).on_conflict_do_nothing())
    match message.content:
        case CameraStatus() as status:
            await _camera(database, connection, {**key, "camera": message.camera}, status)
        case Status() as status:
            await _state(connection, key, status)
        case Birth() as birth:
            await _set(connection, key, {"birth": birth.model_dump_json()})
        case Health() as health:
            await _set(connection, key, {"health": health.model_dump_json(), "health_us": now_us})
        case ConfigReported() as reported:
            await _set(connection, key, {"config_reported": reported.model_dump_json()})


async def _set(connection: AsyncConnection, key: dict[str, str], values: dict[str, Any], *conditions: Any) -> None:
    own = and_(edges.c.site == key["site"], edges.c.edge == key["edge"], *conditions)
    await connection.execute(update(edges).where(own).values(values))


async def _state(connection: AsyncConnection, key: dict[str, str], status: Status) -> None:
    connection_id = str(status.connection_id)
    values = {"state": status.state, "connection_id": connection_id, "state_us": to_us(status.at)}
    if status.state == "online":
        await _set(connection, key, values)
        return
    current = or_(edges.c.connection_id.is_(None), edges.c.connection_id == connection_id)
    await _set(connection, key, values, current)


async def _camera(database: Database, connection: AsyncConnection, key: dict[str, Any], status: CameraStatus) -> None:
    values = {"state": status.state, "since_us": to_us(status.since), "reason": status.reason.replace("\0", " ")}
    insert = database.insert(cameras).values(**key, **values)
    await connection.execute(insert.on_conflict_do_update(index_elements=["site", "edge", "camera"], set_=values))
