"""Repetitions: a further event of an open alert's group joins it instead of raising another one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, or_, select, update
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
    Two collectors that meet the first two events of a group at the same instant raise two alerts; that is accepted.
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


async def join(
    database: Database,
    connection: AsyncConnection,
    group: Group,
    draft: Draft,
    evidence: tuple[EvidenceRef, ...],
    now_us: int,
    duty: Duty,
) -> None:
    """Add an event to the alert of its group: count it, keep the graver view of it, tell of it."""
    own = alerts.c.alert_key == group.key if group.alert_id is None else alerts.c.alert_id == group.alert_id
    alert = (await connection.execute(select(alerts).where(own).with_for_update())).one()
    link = {"alert_id": alert.alert_id, "event_id": str(draft.event_id), "occurred_us": to_us(draft.occurred_at)}
    insert = database.insert(alert_events).values(link).on_conflict_do_nothing()
    if (await connection.execute(insert)).rowcount != 1:
        return
    change = _changed(alert, draft, now_us, duty)
    await connection.execute(update(alerts).where(alerts.c.alert_id == alert.alert_id).values(change))
    now = {**alert._asdict(), **change}
    reopened = alert.state in CLOSED
    step = {
        "alert_id": alert.alert_id,
        "at_us": now_us,
        "state": now["state"],
        "kind": "reopened" if reopened else "event",
        "event_id": str(draft.event_id),
    }
    await connection.execute(alert_steps.insert(), [step])
    await connection.execute(messages.insert(), _messages(now, draft, evidence, now_us, reopened))
    if now["severity"] != alert.severity and not draft.late:
        rows = duty.raised(alert.alert_id, alert.site, now["severity"], now_us)
        await database.insert_rows(connection, notifications, rows)


def _messages(
    now: Mapping[str, Any], draft: Draft, evidence: tuple[EvidenceRef, ...], now_us: int, reopened: bool
) -> list[alert_messages.MessageRow]:
    """A camera that fails again by itself makes no noise; whatever else repeats does."""
    told = alert_messages.state(now, None, now_us)
    return told if reopened else [alert_messages.news(now, draft, evidence, now_us, now["event_count"]), *told]


def _changed(alert: Row[Any], draft: Draft, now_us: int, duty: Duty) -> dict[str, Any]:
    change: dict[str, Any] = {
        "event_count": alert.event_count + 1,
        "last_event_us": max(alert.last_event_us, to_us(draft.occurred_at)),
        "late": alert.late and draft.late,
    }
    if alert.severity == "warning" and draft.severity == "critical":
        due_us = duty.rules.due_us("critical", alert.state, now_us)
        change |= {
            "severity": draft.severity,
            "certainty": draft.certainty,
            "title": draft.title,
            "parameters": json.dumps(dict(draft.parameters), ensure_ascii=False),
            "event_id": str(draft.event_id),
            "due_us": min((us for us in (alert.due_us, due_us) if us is not None), default=None),
        }
    if alert.state in CLOSED:
        due_us = duty.rules.due_us(alert.severity, "new", now_us)
        change |= {"state": "new", "state_us": now_us, "opened_us": now_us, "due_us": due_us, "closed_us": None}
        change |= {"event_id": str(draft.event_id)}
    return change
