"""Alerts in the store: raised once per key, moved from state to state, and told of through the messages table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, and_, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from collector.alerts import CLOSED, NEWS_FOR, STEPS, Draft
from collector.database import Database
from collector.instants import to_instant, to_us
from collector.schema import alert_steps, alerts, messages
from contract.alerts import AlertMessage, AlertState, AlertStateMessage
from contract.events import EvidenceRef
from contract.topics import SiteTopics


class NoSuchAlert(LookupError):
    """There is no alert of this id."""


class WrongStep(ValueError):
    """The alert's state does not allow this step; says which ones it allows."""


async def raise_new(
    database: Database,
    connection: AsyncConnection,
    drafts: Sequence[tuple[Draft, tuple[EvidenceRef, ...]]],
    now_us: int,
) -> int:
    """Raise those whose key has no alert yet, in few statements whatever their number; returns how many that were."""
    if not drafts:
        return 0
    firsts: dict[str, tuple[UUID, Draft, tuple[EvidenceRef, ...]]] = {}
    for draft, evidence in drafts:
        firsts.setdefault(draft.key, (uuid4(), draft, evidence))
    insert = database.insert(alerts).on_conflict_do_nothing(index_elements=["alert_key"]).returning(alerts.c.alert_key)
    rows = [_row(draft, str(alert_id), now_us) for alert_id, draft, _ in firsts.values()]
    new_keys = set((await connection.execute(insert, rows)).scalars())
    raised = [first for key, first in firsts.items() if key in new_keys]
    if raised:
        steps = [{"alert_id": str(key), "at_us": now_us, "state": draft.first_state} for key, draft, _ in raised]
        await database.insert_rows(connection, alert_steps, steps)
        told = [row for key, draft, evidence in raised for row in _raised_messages(draft, key, evidence, now_us)]
        await database.insert_rows(connection, messages, told)
    raisers = {id(draft) for _, draft, _ in raised}
    await _follow_events(connection, [draft for draft, _ in drafts if id(draft) not in raisers])
    return len(raised)


async def _follow_events(connection: AsyncConnection, drafts: Sequence[Draft]) -> None:
    """The final reading of a passage corrects the alert that its provisional one raised; nobody is told twice."""
    last = {draft.key: draft for draft in drafts if draft.type == "plate_passage"}
    if last:
        own = update(alerts).where(alerts.c.alert_key == bindparam("own_key"))
        changes = [
            {"own_key": key, "new_title": draft.title, "new_event_id": str(draft.event_id)}
            for key, draft in last.items()
        ]
        change: dict[str, Any] = {"title": bindparam("new_title"), "event_id": bindparam("new_event_id")}
        await connection.execute(own.values(change), changes)


def _row(draft: Draft, alert_id: str, now_us: int) -> dict[str, object]:
    return {
        "alert_id": alert_id,
        "alert_key": draft.key,
        "type": draft.type,
        "severity": draft.severity,
        "certainty": draft.certainty,
        "title": draft.title,
        "site": draft.site,
        "edge": draft.edge,
        "source": draft.source,
        "event_id": str(draft.event_id) if draft.event_id else None,
        "occurred_us": to_us(draft.occurred_at),
        "raised_us": now_us,
        "late": draft.late,
        "state": draft.first_state,
        "state_us": now_us,
    }


def _raised_messages(
    draft: Draft, alert_id: UUID, evidence: tuple[EvidenceRef, ...], now_us: int
) -> list[dict[str, object]]:
    raised_at = to_instant(now_us)
    expires = raised_at + NEWS_FOR
    alert = AlertMessage(
        alert_id=alert_id,
        type=draft.type,
        severity=draft.severity,
        certainty=draft.certainty,
        title=draft.title,
        site=draft.site,
        edge=draft.edge,
        source=draft.source,
        occurred_at=draft.occurred_at,
        raised_at=raised_at,
        event_id=draft.event_id,
        late=draft.late,
        evidence=evidence,
        expires=expires,
    )
    topic = SiteTopics(draft.site).alert(draft.severity, draft.type)
    found = [_message(topic, alert.model_dump_json(), False, now_us, to_us(expires))]
    if draft.first_state not in CLOSED:
        found.append(_state_message(draft.site, str(alert_id), draft.first_state, None, now_us))
    return found


def _message(topic: str, payload: str, retain: bool, now_us: int, expires_us: int | None) -> dict[str, object]:
    return {"topic": topic, "payload": payload, "retain": retain, "created_us": now_us, "expires_us": expires_us}


def _state_message(site: str, alert_id: str, state: AlertState, by: str | None, now_us: int) -> dict[str, object]:
    content = AlertStateMessage(alert_id=UUID(alert_id), state=state, at=to_instant(now_us), by=by)
    return _message(SiteTopics(site).alert_state(alert_id), content.model_dump_json(), True, now_us, None)


async def step(
    connection: AsyncConnection, alert_id: str, state: AlertState, *, by: str | None, reason: str | None, now_us: int
) -> None:
    """Move an alert on. Raises NoSuchAlert or WrongStep."""
    alert = (
        await connection.execute(select(alerts).where(alerts.c.alert_id == alert_id).with_for_update())
    ).one_or_none()
    if alert is None:
        raise NoSuchAlert(f"there is no alert {alert_id}")
    allowed = STEPS[alert.state]
    if state not in allowed:
        words = f"may become {', '.join(sorted(allowed))}" if allowed else "is closed"
        raise WrongStep(f"the alert is {alert.state} and cannot become {state}; it {words}")
    await _move(connection, alert, state, by, reason, now_us)


async def _move(
    connection: AsyncConnection, alert: Row[Any], state: AlertState, by: str | None, reason: str | None, now_us: int
) -> None:
    change = {"state": state, "state_us": now_us}
    await connection.execute(update(alerts).where(alerts.c.alert_id == alert.alert_id).values(change))
    taken = {"alert_id": alert.alert_id, "at_us": now_us, "state": state, "by": by, "reason": reason}
    await connection.execute(alert_steps.insert(), [taken])
    told = [_state_message(alert.site, alert.alert_id, state, by, now_us)]
    if state in CLOSED:  # told once more as closed, then the retained message is cleared
        told.append(_message(SiteTopics(alert.site).alert_state(alert.alert_id), "", True, now_us, None))
    await connection.execute(messages.insert(), told)


async def close_of_camera(connection: AsyncConnection, site: str, edge: str, camera: str, now_us: int) -> None:
    """The camera's state has changed: what was open about the old one is over."""
    place = and_(alerts.c.site == site, alerts.c.edge == edge, alerts.c.source == camera)
    await _close(connection, and_(alerts.c.type == "camera", place), "the camera's state changed", now_us)


async def close_gaps(connection: AsyncConnection, outbox_id: str, now_us: int) -> None:
    """Nothing is missing any more."""
    await _close(connection, alerts.c.alert_key.startswith(f"gap:{outbox_id}:"), "nothing is missing any more", now_us)


async def _close(connection: AsyncConnection, which: Any, reason: str, now_us: int) -> None:
    still_open = alerts.c.state.not_in(CLOSED)
    for alert in (await connection.execute(select(alerts).where(which, still_open))).all():
        await _move(connection, alert, "resolved", None, reason, now_us)
