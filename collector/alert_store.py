"""Alerts in the store: raised once per key, joined by repetitions of their group, told of through the messages table.

What people do about them is in `alert_moves`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from sqlalchemy import bindparam, update
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import alert_messages
from collector.alert_groups import Group, Repetition, join, open_groups
from collector.alerts import CLOSED, Draft
from collector.database import NONE_IS_THERE, Database
from collector.duty import Duty
from collector.instants import to_us
from collector.schema import alert_steps, alerts, messages
from collector.schema_alerts import alert_events, notifications
from collector.titles import titles
from contract.events import EvidenceRef
from contract.identity import time_ordered


@dataclass(frozen=True, slots=True)
class Proposal:
    """An alert that something asks for, with all that is written if it is raised."""

    draft: Draft
    evidence: tuple[EvidenceRef, ...]
    row: dict[str, Any]
    told: list[alert_messages.MessageRow]
    people: list[dict[str, Any]]


def propose(asked: Sequence[tuple[Draft, tuple[EvidenceRef, ...]]], now_us: int, duty: Duty) -> list[Proposal]:
    """Make alerts ready, raised at `now_us`, in the same order. Pure."""
    named = [titles(draft.type, draft.parameters) for draft, _ in asked]
    rows = [_row(draft, names["en"], now_us, duty) for (draft, _), names in zip(asked, named, strict=True)]
    news = [
        alert_messages.news(row, draft, evidence, now_us, told=names)
        for (draft, evidence), row, names in zip(asked, rows, named, strict=True)
    ]
    states = [[] if row["state"] in CLOSED else alert_messages.state(row, None, now_us) for row in rows]
    people = [_notifications(row, draft, now_us, duty) for (draft, _), row in zip(asked, rows, strict=True)]
    return [
        Proposal(draft, evidence, row, [first, *more], told)
        for (draft, evidence), row, first, more, told in zip(asked, rows, news, states, people, strict=True)
    ]


async def raise_new(
    database: Database, connection: AsyncConnection, proposals: Sequence[Proposal], now_us: int, duty: Duty
) -> int:
    """Raise those whose key has no alert yet and whose group no open one; returns how many that were.

    Few statements, whatever their number.
    """
    if not proposals:
        return 0
    groups = await open_groups(connection, [one.draft for one in proposals], duty.rules)
    first: list[Proposal] = []
    repeated: list[Repetition] = []
    for proposal in proposals:
        draft = proposal.draft
        group = groups.get(draft.group or "")
        if group is not None and group.takes(draft):
            repeated.append(Repetition(group, draft, proposal.evidence))
            continue
        first.append(proposal)
        if draft.group:  # a second one of this very batch joins it
            groups[draft.group] = Group.begun_by(draft, duty.rules)
    raised = await _raise(database, connection, first)
    await join(database, connection, repeated, now_us, duty)
    return raised


async def _raise(database: Database, connection: AsyncConnection, proposals: Sequence[Proposal]) -> int:
    firsts: dict[str, Proposal] = {}
    for one in proposals:
        firsts.setdefault(one.draft.key, one)
    if not firsts:
        return 0
    known = {row[0] for row in await database.matching(connection, "alert_key", alerts.c.alert_key, firsts)}
    raised = [one for key, one in firsts.items() if key not in known]
    await database.insert_rows(connection, alerts, [one.row for one in raised], NONE_IS_THERE)
    await _write_beside(database, connection, raised)
    raisers = {id(one) for one in raised}
    await _follow_events(connection, [one.draft for one in proposals if id(one) not in raisers])
    return len(raised)


_STEP = ("alert_id", "at_us", "state", "kind")
_LINK = ("alert_id", "event_id", "occurred_us")


async def _write_beside(database: Database, connection: AsyncConnection, raised: Sequence[Proposal]) -> None:
    """History, events, messages and notifications of new alerts, all in their transaction."""
    rows = [one.row for one in raised]
    steps = [(row["alert_id"], row["raised_us"], row["state"], "raised") for row in rows]
    stood_for = [
        (row["alert_id"], row["event_id"], row["occurred_us"])
        for row in rows
        if row["event_id"] is not None and row["severity"] != "info"
    ]
    told = [row for one in raised for row in one.told]
    people = [row for one in raised for row in one.people]
    await database.insert_tuples(connection, alert_steps, _STEP, steps, NONE_IS_THERE)
    await database.insert_tuples(connection, alert_events, _LINK, stood_for, NONE_IS_THERE)
    await database.insert_rows(connection, messages, told, NONE_IS_THERE)
    await database.insert_rows(connection, notifications, people, NONE_IS_THERE)


def _notifications(row: dict[str, Any], draft: Draft, now_us: int, duty: Duty) -> list[dict[str, Any]]:
    """History, come late, wakes nobody."""
    if draft.late or draft.severity == "info":
        return []
    return duty.raised(row["alert_id"], draft.site, draft.severity, now_us)


async def _follow_events(connection: AsyncConnection, drafts: Sequence[Draft]) -> None:
    """The final reading of a passage corrects the alert that its provisional one raised; nobody is told twice."""
    last = {draft.key: draft for draft in drafts if draft.type == "plate_passage"}
    if last:
        own = update(alerts).where(alerts.c.alert_key == bindparam("own_key"))
        changes = [
            {
                "own_key": key,
                "new_title": draft.title,
                "new_parameters": to_json(dict(draft.parameters)).decode(),
                "new_event_id": str(draft.event_id),
            }
            for key, draft in last.items()
        ]
        names = ("title", "parameters", "event_id")
        change: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
        await connection.execute(own.values(change), changes)


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
        "parameters": to_json(dict(draft.parameters)).decode(),
        "alert_group": draft.group,
        "event_count": 1,
        "last_event_us": occurred_us,
        "opened_us": now_us,
        "due_us": duty.rules.due_us(draft.severity, state, now_us),
        "overdue_us": None,
        "unit": None,
    }
