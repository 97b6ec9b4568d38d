"""What is done about alerts: steps of people, comments, what ends by itself, and time that has passed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import alert_messages
from collector.database import Database
from collector.duty import Duty
from collector.schema import alert_steps, alerts, messages
from collector.schema_alerts import notifications, units
from collector.workflow import CLOSED, STEPS, Cause
from contract.alerts import AlertState


class NoSuchAlert(LookupError):
    """There is no alert of this id."""


class WrongStep(ValueError):
    """The alert's state does not allow this step, or something is missing for it; says what would do."""


@dataclass(frozen=True, slots=True)
class Move:
    """What somebody wants to do. A unit only with `assigned`; a cause or a reason is due with `dismissed`."""

    state: AlertState
    reason: str | None = None
    unit: str | None = None
    cause: Cause | None = None


async def step(connection: AsyncConnection, alert_id: str, move: Move, *, by: str, now_us: int, duty: Duty) -> None:
    """Move an alert on. Raises NoSuchAlert or WrongStep."""
    alert = await _locked(connection, alert_id)
    allowed = STEPS[alert.state] if alert.severity != "info" else frozenset()
    if move.state not in allowed:
        words = f"may become {', '.join(sorted(allowed))}" if allowed else "is for information only"
        raise WrongStep(f"the alert is {alert.state} and cannot become {move.state}; it {words}")
    await _check(connection, alert, move)
    await _move(connection, alert, move, by, now_us, duty)


async def _check(connection: AsyncConnection, alert: Row[Any], move: Move) -> None:
    if move.state == "dismissed" and not (move.cause or move.reason):
        raise WrongStep("say why it is dismissed: give a `cause`, a `reason`, or both")
    if move.cause and move.state != "dismissed":
        raise WrongStep("a `cause` belongs to a dismissal only")
    if (move.unit is None) == (move.state == "assigned"):
        raise WrongStep("`assigned` needs a `unit`, and no other step has one")
    if move.unit is not None:
        mine = and_(units.c.unit == move.unit, units.c.site == alert.site, units.c.ended_us.is_(None))
        if (await connection.execute(select(units.c.unit).where(mine))).first() is None:
            raise WrongStep(f"there is no unit {move.unit!r} on duty at site {alert.site}")


async def comment(connection: AsyncConnection, alert_id: str, text: str, *, by: str, now_us: int) -> None:
    """Say something about an alert. Raises NoSuchAlert."""
    alert = await _locked(connection, alert_id)
    said = {"alert_id": alert_id, "at_us": now_us, "state": alert.state, "by": by, "reason": text, "kind": "comment"}
    await connection.execute(alert_steps.insert(), [said])


async def close_of_camera(connection: AsyncConnection, place: tuple[str, str, str], now_us: int, duty: Duty) -> None:
    """The state of the camera (site, edge, name) has changed: what was open about the old one is over."""
    site, edge, camera = place
    here = and_(alerts.c.site == site, alerts.c.edge == edge, alerts.c.source == camera)
    which = and_(alerts.c.type == "camera", here)
    await _close(connection, which, "the camera's state changed", now_us, duty)


async def close_gaps(connection: AsyncConnection, outbox_id: str, now_us: int, duty: Duty) -> None:
    """Nothing is missing any more."""
    which = alerts.c.alert_key.startswith(f"gap:{outbox_id}:")
    await _close(connection, which, "nothing is missing any more", now_us, duty)


async def _close(connection: AsyncConnection, which: Any, reason: str, now_us: int, duty: Duty) -> None:
    still_open = alerts.c.state.not_in(CLOSED)
    for alert in (await connection.execute(select(alerts).where(which, still_open))).all():
        await _move(connection, alert, Move("resolved", reason), None, now_us, duty)


async def note_overdue(database: Database, connection: AsyncConnection, alert_id: str, now_us: int, duty: Duty) -> bool:
    """Note that an alert's time has passed, once for each due time, and tell those who want to hear it."""
    own = and_(alerts.c.alert_id == alert_id, alerts.c.due_us <= now_us, alerts.c.overdue_us.is_(None))
    late = update(alerts).where(own).values(overdue_us=now_us).returning(*alerts.c)
    alert = (await connection.execute(late)).one_or_none()
    if alert is None:
        return False
    noted = {"alert_id": alert_id, "at_us": now_us, "state": alert.state, "kind": "overdue", "unit": alert.unit}
    await connection.execute(alert_steps.insert(), [noted])
    await connection.execute(messages.insert(), alert_messages.state(alert._asdict(), None, now_us))
    rows = duty.overdue(alert_id, alert.site, alert.severity, now_us)
    await database.insert_rows(connection, notifications, rows)
    return True


async def _locked(connection: AsyncConnection, alert_id: str) -> Row[Any]:
    query = select(alerts).where(alerts.c.alert_id == alert_id).with_for_update()
    alert = (await connection.execute(query)).one_or_none()
    if alert is None:
        raise NoSuchAlert(f"there is no alert {alert_id}")
    return alert


async def _move(
    connection: AsyncConnection, alert: Row[Any], move: Move, by: str | None, now_us: int, duty: Duty
) -> None:
    change = _changed(alert, move, by, now_us, duty)
    await connection.execute(update(alerts).where(alerts.c.alert_id == alert.alert_id).values(change))
    taken = {
        "alert_id": alert.alert_id,
        "at_us": now_us,
        "state": move.state,
        "by": by,
        "reason": move.reason,
        "kind": "reopened" if move.state == "new" else "state",
        "unit": move.unit,
        "cause": move.cause,
    }
    await connection.execute(alert_steps.insert(), [taken])
    now = {**alert._asdict(), **change}
    await connection.execute(messages.insert(), alert_messages.state(now, by, now_us))


def _changed(alert: Row[Any], move: Move, by: str | None, now_us: int, duty: Duty) -> dict[str, Any]:
    reopened = move.state == "new"
    opened_us = now_us if reopened else alert.opened_us or alert.raised_us
    change: dict[str, Any] = {
        "state": move.state,
        "state_us": max(now_us, alert.state_us),  # never back when the clock is: readers tell by it which is newer
        "opened_us": opened_us,
        "due_us": duty.rules.due_us(alert.severity, move.state, opened_us),
        "overdue_us": None,
        "cause": move.cause,
        "closed_us": now_us if move.state in CLOSED else None,
    }
    if reopened:
        return change | {"acknowledged_us": None, "arrived_us": None, "unit": None}
    if by is not None and alert.acknowledged_us is None:
        change["acknowledged_us"] = now_us
    if move.state == "on_scene":
        change["arrived_us"] = now_us
    if move.unit is not None:
        change["unit"] = move.unit
    return change
