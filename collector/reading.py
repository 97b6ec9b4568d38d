"""Queries of the API: pages of events and alerts, with cursors."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from collector.schema import alert_steps, alerts, event_evidence, events, evidence


class BadCursor(ValueError):
    """The cursor is not one that this query gave out."""


async def evidence_of(connection: AsyncConnection, event_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Event id → its evidence, what came later included."""
    found: dict[str, list[dict[str, Any]]] = {event_id: [] for event_id in event_ids}
    held = event_evidence.outerjoin(evidence, evidence.c.sha256 == event_evidence.c.sha256)
    columns = (*event_evidence.c, evidence.c.stored_us.is_not(None).label("stored"))
    query = select(*columns).select_from(held).where(event_evidence.c.event_id.in_(event_ids))
    for row in await connection.execute(query):
        proof = dict(row._mapping)  # noqa: SLF001 -- SQLAlchemy's public name for a row as a mapping
        found[proof.pop("event_id")].append(proof)
    return found


def as_json(text: str | None) -> Any:
    """A JSON column's content, or None."""
    return None if text is None else json.loads(text)


async def page(
    connection: AsyncConnection,
    query: Select[Any],
    keys: Sequence[ColumnElement[Any]],
    *,
    descending: bool,
    limit: int,
    cursor: str | None,
) -> tuple[Sequence[Row[Any]], str | None]:
    """One page in the order of `keys` (which name a row), and the cursor of the next. Raises BadCursor."""
    if cursor:
        query = query.where(_beyond(keys, _decode(cursor, len(keys)), descending))
    ordered = query.order_by(*(key.desc() if descending else key.asc() for key in keys)).limit(limit + 1)
    rows = (await connection.execute(ordered)).all()
    return _cut(rows, keys, limit)


async def page_among(
    connection: AsyncConnection,
    query: Select[Any],
    keys: Sequence[ColumnElement[Any]],
    candidates: Sequence[tuple[Any, ...]],
    *,
    limit: int,
    cursor: str | None,
) -> tuple[Sequence[Row[Any]], str | None]:
    """As `page`, newest first, out of `candidates`: values of `keys`, the last of which names a row, in that order.

    No more rows are read than a page needs, or the filters of `query` leave out.
    """
    if cursor:
        beyond = tuple(_decode(cursor, len(keys)))
        if not all(isinstance(value, int) for value in beyond):
            raise BadCursor(f"cursor {cursor!r} is not one of ours: leave it out to begin again")
        candidates = [one for one in candidates if one < beyond]
    rows: list[Row[Any]] = []
    newest = query.order_by(*(key.desc() for key in keys))
    for start in range(0, len(candidates), limit + 1):
        some = [one[-1] for one in candidates[start : start + limit + 1]]
        rows += (await connection.execute(newest.where(keys[-1].in_(some)))).all()
        if len(rows) > limit:
            break
    return _cut(rows, keys, limit)


def _cut(
    rows: Sequence[Row[Any]], keys: Sequence[ColumnElement[Any]], limit: int
) -> tuple[Sequence[Row[Any]], str | None]:
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], _encode([getattr(last, str(key.key)) for key in keys])


def _beyond(keys: Sequence[ColumnElement[Any]], values: list[Any], descending: bool) -> ColumnElement[bool]:
    """Rows after these values, for two keys: (a, b) beyond (x, y)."""
    (first, second), (x, y) = keys, values
    if descending:
        return and_(first <= x, or_(first < x, second < y))
    return and_(first >= x, or_(first > x, second > y))


def _encode(values: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _decode(cursor: str, count: int) -> list[Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error) as error:
        raise BadCursor(f"cursor {cursor!r} is not one of ours: leave it out to begin again") from error
    if not isinstance(values, list) or len(values) != count or not all(isinstance(v, str | int) for v in values):
        raise BadCursor(f"cursor {cursor!r} is not one of ours: leave it out to begin again")
    return values


async def steps_of(connection: AsyncConnection, alert_id: str) -> Sequence[Row[Any]]:
    """What was done about an alert, oldest first."""
    query = select(alert_steps).where(alert_steps.c.alert_id == alert_id).order_by(alert_steps.c.step_id)
    return (await connection.execute(query)).all()


def alerts_with_plates() -> Select[Any]:
    """Alerts, each with the plate and type of its event."""
    joined = alerts.outerjoin(events, events.c.event_id == alerts.c.event_id)
    return select(alerts, events.c.plate).select_from(joined)
