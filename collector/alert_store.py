"""Alerts in the store: raised once per key, joined by repetitions of their group, told of through the messages table.

What people do about them is in `alert_moves`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, update
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import alert_messages
from collector.alert_groups import Group, Repetition, join, open_groups
from collector.alerts import CLOSED, Draft
from collector.database import Database
from collector.duty import Duty
from collector.instants import to_us
from collector.schema import alert_steps, alerts, messages
from collector.schema_alerts import alert_events, notifications
from collector.titles import Language, titles
from contract.events import EvidenceRef
from contract.identity import time_ordered

Proven = tuple[Draft, tuple[EvidenceRef, ...]]


@dataclass(frozen=True, slots=True)
class _Raised:
    row: dict[str, Any]
    draft: Draft
    evidence: tuple[EvidenceRef, ...]
    titles: dict[Language, str]


async def raise_new(
    database: Database, connection: AsyncConnection, drafts: Sequence[Proven], now_us: int, duty: Duty
) -> int:
    """Raise those whose key has no alert yet and whose group no open one; returns how many that were.

    Few statements, whatever their number.
    """
    if not drafts:
        return 0
    groups = await open_groups(connection, [draft for draft, _ in drafts], duty.rules)
    first: list[Proven] = []
    repeated: list[Repetition] = []
    for draft, evidence in drafts:
        group = groups.get(draft.group or "")
        if group is not None and group.takes(draft):
            repeated.append(Repetition(group, draft, evidence))
            continue
        first.append((draft, evidence))
        if draft.group:  # a second one of this very batch joins it
            groups[draft.group] = Group.begun_by(draft, duty.rules)
    raised = await _raise(database, connection, first, now_us, duty)
    await join(database, connection, repeated, now_us, duty)
    return raised


async def _raise(
    database: Database, connection: AsyncConnection, drafts: Sequence[Proven], now_us: int, duty: Duty
) -> int:
    firsts: dict[str, _Raised] = {}
    for draft, evidence in drafts:
        if draft.key not in firsts:
            told = titles(draft.type, draft.parameters)
            firsts[draft.key] = _Raised(_row(draft, told["en"], now_us, duty), draft, evidence, told)
    if not firsts:
        return 0
    known = {row[0] for row in await database.matching(connection, "alert_key", alerts.c.alert_key, firsts)}
    raised = [one for key, one in firsts.items() if key not in known]
    await database.insert_rows(connection, alerts, [one.row for one in raised], clause="")
    await _write_beside(database, connection, raised, now_us, duty)
    raisers = {id(one.draft) for one in raised}
    await _follow_events(connection, [draft for draft, _ in drafts if id(draft) not in raisers])
    return len(raised)


async def _write_beside(
    database: Database, connection: AsyncConnection, raised: Sequence[_Raised], now_us: int, duty: Duty
) -> None:
    """History, events, messages and notifications of new alerts, all in their transaction."""
    steps = [
        {"alert_id": one.row["alert_id"], "at_us": now_us, "state": one.row["state"], "kind": "raised"}
        for one in raised
    ]
    stood_for = [
        {"alert_id": one.row["alert_id"], "event_id": one.row["event_id"], "occurred_us": one.row["occurred_us"]}
        for one in raised
        if one.row["event_id"] is not None and one.draft.severity != "info"
    ]
    told = [row for one in raised for row in _messages(one, now_us)]
    people = [row for one in raised for row in _notifications(one, now_us, duty)]
    await database.insert_rows(connection, alert_steps, steps)
    await database.insert_rows(connection, alert_events, stood_for)
    await database.insert_rows(connection, messages, told)
    await database.insert_rows(connection, notifications, people)


def _messages(one: _Raised, now_us: int) -> list[dict[str, object]]:
    found = [alert_messages.news(one.row, one.draft, one.evidence, now_us, told=one.titles)]
    return found if one.row["state"] in CLOSED else [*found, *alert_messages.state(one.row, None, now_us)]


def _notifications(one: _Raised, now_us: int, duty: Duty) -> list[dict[str, Any]]:
    """History, come late, wakes nobody."""
    if one.draft.late or one.draft.severity == "info":
        return []
    return duty.raised(one.row["alert_id"], one.draft.site, one.draft.severity, now_us)


async def _follow_events(connection: AsyncConnection, drafts: Sequence[Draft]) -> None:
    """The final reading of a passage corrects the alert that its provisional one raised; nobody is told twice."""
    last = {draft.key: draft for draft in drafts if draft.type == "plate_passage"}
    if last:
        own = update(alerts).where(alerts.c.alert_key == bindparam("own_key"))
        changes = [
            {
                "own_key": key,
                "new_title": draft.title,
                "new_parameters": json.dumps(dict(draft.parameters), ensure_ascii=False),
                "new_event_id": str(draft.event_id),
            }
            for key, draft in last.items()
        ]
        names = ("title", "parameters", "event_id")
        change: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
        await connection.execute(own.values(change), changes)


_as_json = json.JSONEncoder(ensure_ascii=False).encode  # made once: `json.dumps` would make one for each


def _row(draft: Draft, title: str, now_us: int, duty: Duty) -> dict[str, Any]:
    state, occurred_us = draft.first_state, to_us(draft.occurred_at)
    return {
        "alert_id": str(time_ordered(now_us)),
        "alert_key": draft.key,
        "type": draft.type,
        "severity": draft.severity,
        "certainty": draft.certainty,
        "title": title,
        "site": draft.site,
        "edge": draft.edge,
        "source": draft.source,
        "event_id": str(draft.event_id) if draft.event_id else None,
        "occurred_us": occurred_us,
        "raised_us": now_us,
        "late": draft.late,
        "state": state,
        "state_us": now_us,
        "parameters": _as_json(dict(draft.parameters)),
        "alert_group": draft.group,
        "event_count": 1,
        "last_event_us": occurred_us,
        "opened_us": now_us,
        "due_us": duty.rules.due_us(draft.severity, state, now_us),
        "overdue_us": None,
        "unit": None,
    }
