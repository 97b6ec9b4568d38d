"""Due times, limits and rules of channels that administrators have changed: in the store, in force within seconds."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from collector.database import Database
from collector.duty import ChannelRule, Duty, Standing
from collector.limits import LIMITS, Limit, limited
from collector.schema_duty import channel_rules, due_times, limits
from collector.workflow import Due
from contract.alerts import Severity


async def refresh(database: Database, standing: Standing) -> None:
    """Take over what was changed, here or at another collector on the same store."""
    async with database.read() as connection:
        standing.now = await in_force(connection, standing.configured)


async def in_force(connection: AsyncConnection, configured: Duty) -> Duty:
    """What is configured, with what the store has over it."""
    due = {severity: due_of(row) for severity, row in (await due_rows(connection)).items()}
    rules = {channel: rule_of(row) for channel, row in (await channel_rows(connection)).items()}
    changed: dict[Limit, int] = {row.name: row.value for row in (await limit_rows(connection)).values()}
    return limited(configured.changed(due, rules), changed)


async def due_rows(connection: AsyncConnection) -> dict[Severity, Row[Any]]:
    """Severity → what somebody has set."""
    return {row.severity: row for row in await connection.execute(select(due_times))}


async def channel_rows(connection: AsyncConnection) -> dict[str, Row[Any]]:
    """Name of a channel → what somebody has set."""
    return {row.channel: row for row in await connection.execute(select(channel_rules))}


async def limit_rows(connection: AsyncConnection) -> dict[Limit, Row[Any]]:
    """Name of a limit → what somebody has set."""
    return {row.name: row for row in await connection.execute(select(limits)) if row.name in LIMITS}


def due_of(row: Row[Any]) -> Due:
    """From the store."""
    return Due(acknowledge_s=row.acknowledge_s, arrive_s=row.arrive_s, close_s=row.close_s)


def rule_of(row: Row[Any]) -> ChannelRule:
    """From the store."""
    return ChannelRule(tuple(row.severities.split()), row.after_s, row.overdue, row.paused)


async def set_due(
    database: Database, connection: AsyncConnection, severity: Severity, due: Due, *, by: str, now_us: int
) -> None:
    """Set the due times of a severity."""
    change = {**due.model_dump(), "changed_us": now_us, "changed_by": by}
    insert = database.insert(due_times).values(severity=severity, **change)
    await connection.execute(insert.on_conflict_do_update(index_elements=["severity"], set_=change))


async def set_rule(
    database: Database, connection: AsyncConnection, channel: str, rule: ChannelRule, *, by: str, now_us: int
) -> None:
    """Set of what a channel is told, and when."""
    told = {"severities": " ".join(rule.severities), "after_s": int(rule.after_s), "overdue": rule.overdue}
    change = {**told, "paused": rule.paused, "changed_us": now_us, "changed_by": by}
    insert = database.insert(channel_rules).values(channel=channel, **change)
    await connection.execute(insert.on_conflict_do_update(index_elements=["channel"], set_=change))


async def set_limit(
    database: Database, connection: AsyncConnection, name: Limit, value: int, *, by: str, now_us: int
) -> None:
    """Set how near is near, or how soon a repetition is one case."""
    change = {"value": value, "changed_us": now_us, "changed_by": by}
    insert = database.insert(limits).values(name=name, **change)
    await connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_=change))


async def unset_due(connection: AsyncConnection, severity: Severity) -> bool:
    """Back to what is configured; whether anything was set."""
    own = delete(due_times).where(due_times.c.severity == severity)
    return (await connection.execute(own)).rowcount > 0


async def unset_rule(connection: AsyncConnection, channel: str) -> bool:
    """Back to what is configured; whether anything was set."""
    own = delete(channel_rules).where(channel_rules.c.channel == channel)
    return (await connection.execute(own)).rowcount > 0


async def unset_limit(connection: AsyncConnection, name: Limit) -> bool:
    """Back to what is configured; whether anything was set."""
    own = delete(limits).where(limits.c.name == name)
    return (await connection.execute(own)).rowcount > 0
