"""Repetitions: a further event of an open alert's group joins it instead of raising another one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import alert_messages
from collector.alerts import CLOSED, Draft
from collector.database import Database
from collector.duty import Duty
from collector.instants import SECOND_US, to_us
from collector.schema import alert_steps, alerts, messages
from collector.schema_alerts import alert_events, notifications
from collector.workflow import AlertRules
from contract.events import EvidenceRef

_CHANGING = (
    *("event_count", "last_event_us", "late", "severity", "certainty", "title", "parameters", "event_id", "due_us"),
    *("state", "state_us", "opened_us", "closed_us"),
)
"""Columns of an alert that an event which joins it may change."""


@dataclass
class Group:
    """The alert that events of one group join: one of the store, or one that this batch is about to raise."""

    alert_id: str | None
    key: str
    """Of the alert."""
    first_us: int
    last_us: int
    within_us: int

    @classmethod
    def begun_by(cls, draft: Draft, rules: AlertRules) -> Group:
        at_us = to_us(draft.occurred_at)
        return cls(None, draft.key, at_us, at_us, _within_us(draft, rules))

    def takes(self, draft: Draft) -> bool:
        """Whether this event is near enough in time, and if so, stretch the group to it."""
        at_us = to_us(draft.occurred_at)
        if draft.key == self.key or not self.first_us - self.within_us <= at_us <= self.last_us + self.within_us:
            return False
        self.first_us, self.last_us = min(self.first_us, at_us), max(self.last_us, at_us)
        return True


def _within_us(draft: Draft, rules: AlertRules) -> int:
    return int(rules.group_within_s.get(draft.type, 0) * SECOND_US)


async def open_groups(connection: AsyncConnection, drafts: Sequence[Draft], rules: AlertRules) -> dict[str, Group]:
    """Group → the newest alert that further events may join.

    A camera's alert that ended by itself and that nobody has touched may go on: a loose cable is one case, not fifty.
    Collectors that share a store take turns (`database.Turn.INGEST`): two never raise two alerts for one group.
    """
    wanted = {draft.group: draft for draft in drafts if draft.group}
    if not wanted:
        return {}
    untouched = and_(alerts.c.type == "camera", alerts.c.state == "resolved", alerts.c.acknowledged_us.is_(None))
    may_go_on = or_(alerts.c.state.not_in(CLOSED), untouched)
    query = select(alerts).where(alerts.c.alert_group.in_(wanted), may_go_on).order_by(alerts.c.last_event_us)
    return {
        row.alert_group: Group(
            row.alert_id, row.alert_key, row.occurred_us, row.last_event_us, _within_us(wanted[row.alert_group], rules)
        )
        for row in await connection.execute(query)
    }


@dataclass(frozen=True, slots=True)
class Repetition:
    """An event that joins the alert of its group."""

    group: Group
    draft: Draft
    evidence: tuple[EvidenceRef, ...]


@dataclass
class _Written:
    """What joining leaves behind, to be written at once."""

    links: list[dict[str, Any]] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    told: list[alert_messages.MessageRow] = field(default_factory=list)
    people: list[dict[str, Any]] = field(default_factory=list)


async def join(
    database: Database, connection: AsyncConnection, repeated: Sequence[Repetition], now_us: int, duty: Duty
) -> None:
    """Add events to the alerts of their groups: count them, keep the graver view, tell of each."""
    if not repeated:
        return
    alerts_now = await _lock(connection, [one.group for one in repeated])
    by_key = {alert["alert_key"]: alert["alert_id"] for alert in alerts_now.values()}
    event_ids = {str(one.draft.event_id) for one in repeated}
    found = await database.matching(connection, "alert_id, event_id", alert_events.c.event_id, event_ids)
    linked = {tuple(row) for row in found}
    written = _Written()
    for one in repeated:
        alert_id = one.group.alert_id or by_key[one.group.key]
        link = (alert_id, str(one.draft.event_id))
        if link not in linked:
            linked.add(link)
            alerts_now[alert_id] = _joined(alerts_now[alert_id], one, now_us, duty, written)
    await _update(connection, [alerts_now[alert_id] for alert_id in {link["alert_id"] for link in written.links}])
    await database.insert_rows(connection, alert_events, written.links)
    await database.insert_rows(connection, alert_steps, written.steps)
    await database.insert_rows(connection, messages, written.told)
    await database.insert_rows(connection, notifications, written.people)


async def _lock(connection: AsyncConnection, groups: Sequence[Group]) -> dict[str, dict[str, Any]]:
    """The alerts of these groups by their ids, as they are; nobody else changes them until the end."""
    ids = {group.alert_id for group in groups if group.alert_id is not None}
    keys = {group.key for group in groups if group.alert_id is None}
    own = or_(alerts.c.alert_id.in_(ids), alerts.c.alert_key.in_(keys))
    query = select(alerts).where(own).order_by(alerts.c.alert_id).with_for_update()
    return {row.alert_id: row._asdict() for row in await connection.execute(query)}


async def _update(connection: AsyncConnection, changed: Sequence[dict[str, Any]]) -> None:
    if changed:
        own = update(alerts).where(alerts.c.alert_id == bindparam("own_id"))
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in _CHANGING}
        rows = [
            {"own_id": alert["alert_id"], **{f"new_{name}": alert[name] for name in _CHANGING}} for alert in changed
        ]
        await connection.execute(own.values(values), rows)


def _joined(alert: Mapping[str, Any], one: Repetition, now_us: int, duty: Duty, written: _Written) -> dict[str, Any]:
    """The alert after this event; what it leaves behind is noted in `written`."""
    draft = one.draft
    now = {**alert, **_changed(alert, draft, now_us, duty)}
    reopened = alert["state"] in CLOSED
    own = {"alert_id": alert["alert_id"], "event_id": str(draft.event_id)}
    written.links.append({**own, "occurred_us": to_us(draft.occurred_at)})
    kind = "reopened" if reopened else "event"
    written.steps.append({**own, "at_us": now_us, "state": now["state"], "kind": kind})
    written.told += _messages(now, draft, one.evidence, now_us, reopened)
    if now["severity"] != alert["severity"] and not draft.late:
        written.people += duty.raised(alert["alert_id"], alert["site"], now["severity"], now_us)
    return now


def _messages(
    now: Mapping[str, Any], draft: Draft, evidence: tuple[EvidenceRef, ...], now_us: int, reopened: bool
) -> list[alert_messages.MessageRow]:
    """A camera that fails again by itself makes no noise; whatever else repeats does."""
    told = alert_messages.state(now, None, now_us)
    return told if reopened else [alert_messages.news(now, draft, evidence, now_us, now["event_count"]), *told]


def _changed(alert: Mapping[str, Any], draft: Draft, now_us: int, duty: Duty) -> dict[str, Any]:
    change: dict[str, Any] = {
        "event_count": alert["event_count"] + 1,
        "last_event_us": max(alert["last_event_us"], to_us(draft.occurred_at)),
        "late": alert["late"] and draft.late,
    }
    if alert["severity"] == "warning" and draft.severity == "critical":
        due_us = duty.rules.due_us("critical", alert["state"], now_us)
        change |= {
            "severity": draft.severity,
            "certainty": draft.certainty,
            "title": draft.title,
            "parameters": json.dumps(dict(draft.parameters), ensure_ascii=False),
            "event_id": str(draft.event_id),
            "due_us": min((us for us in (alert["due_us"], due_us) if us is not None), default=None),
        }
    if alert["state"] in CLOSED:
        due_us = duty.rules.due_us(alert["severity"], "new", now_us)
        change |= {"state": "new", "state_us": max(now_us, alert["state_us"]), "opened_us": now_us}
        change |= {"due_us": due_us, "closed_us": None}
        change |= {"event_id": str(draft.event_id)}
    return change
