"""Passages of vehicles: one row each, kept beside the events so that they can be searched.

A row is written in the transaction of its event. What a person corrected stays corrected; what was read stays too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from collector.database import Database
from collector.instants import to_us
from collector.schema_vehicles import passages
from contract.envelope import Envelope
from contract.events import PlatePassageData
from contract.plate_keys import fold

_KEPT = ("plate", "folded", "tail")
"""What a correction has changed is not changed back by a later event."""
_KEY = ("site", "edge", "passage_id")
_NEWER = "NOT passages.final AND (excluded.final OR excluded.seen_us >= passages.seen_us)"


async def follow(
    database: Database, connection: AsyncConnection, new: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Bring the passages to what these rows of events (`row_of`) say; returns the last one of each passage."""
    told: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in new:
        key = (row["site"], row["edge"], row["passage_id"])
        if key not in told or row["final"] or not told[key]["final"]:
            told[key] = row
    if told:
        await store(database, connection, list(told.values()))
    return list(told.values())


async def store(database: Database, connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert passages, or change them unless the store knows better already."""
    if not rows:
        return
    changes = [
        f"{name} = CASE WHEN passages.corrected THEN passages.{name} ELSE excluded.{name} END"
        if name in _KEPT
        else f"{name} = excluded.{name}"
        for name in rows[0]
        if name not in {*_KEY, "corrected"}
    ]
    clause = f"ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET {', '.join(changes)} WHERE {_NEWER}"
    await database.insert_rows(connection, passages, rows, clause)


def row_of(envelope: Envelope, data: PlatePassageData, camera: str) -> dict[str, Any]:
    """A passage as the store keeps it."""
    read = data.plate
    text = read.text if read is not None and read.text else None
    return {
        "site": envelope.site,
        "edge": envelope.edge,
        "passage_id": data.passage_id,
        "camera": camera,
        "event_id": str(envelope.id),
        "final": data.stage == "final",
        "seen_us": to_us(envelope.time),
        **plate_columns(text),
        "read_plate": text,
        "corrected": False,
        "hashed": data.plate_digest is not None,
        "kind": read.kind if read else data.plate_kind,
        "colour": read.colour if read else data.plate_colour,
        "direction": data.direction,
        "lane": data.lane,
        "speed_class": data.speed_class,
        "confidence_permille": round(1000 * read.confidence) if read else None,
    }


def plate_columns(plate: str | None) -> dict[str, str | None]:
    """What is searched of a plate."""
    folded = None if plate is None else fold(plate)
    return {"plate": plate, "folded": folded, "tail": None if folded is None else folded[::-1]}
