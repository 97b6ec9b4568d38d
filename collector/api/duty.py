"""/api/v1/duty: until when a person must have acted, what is near and what one case, who is told outside the page.

The configuration file is the beginning; what an administrator changes here stands over it. Addresses and keys of
channels stay in the file and are never answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, Field, model_validator
from sqlalchemy import Row, Select, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import audit, duty_changes
from collector.access import ACTORS, AUDITORS, Principal
from collector.api.guard import AdminOfAll, Running, allow
from collector.channels import Channel, ChannelError
from collector.duty import ChannelRule, Duty
from collector.instants import to_text
from collector.limits import RANGES, Limit, values_of
from collector.schema_alerts import notifications
from collector.sending import Refused, Unsent, example, send, trouble, without_login
from collector.service import Collector
from collector.titles import Language
from collector.workflow import Due
from contract.alerts import Severity

router = APIRouter(prefix="/api/v1/duty", tags=["alerts"])
Told = Annotated[Principal, Depends(allow(ACTORS | AUDITORS))]
Urgent = Literal["critical", "warning"]
LONGEST_S = 30 * 24 * 3600
Time = Annotated[int, Field(ge=1, le=LONGEST_S)]
AS_CONFIGURED = "as configured"
LOOKED_AT = 1000
"""So many of the newest messages say how a channel is."""


class DueTimes(BaseModel):
    """Seconds after an alert was raised or opened again."""

    acknowledge_s: Time = Field(examples=[60])
    arrive_s: Time = Field(examples=[600])
    close_s: Time = Field(examples=[3600])

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.acknowledge_s <= self.arrive_s <= self.close_s:
            raise ValueError(
                "acknowledge_s, arrive_s and close_s count from the same moment: each is at least the one before"
            )
        return self


class DueItem(BaseModel):
    """What is in force for alerts of a severity, and what the configuration says."""

    severity: Severity
    due: Due
    configured: Due
    changed_by: str | None = Field(description="Null: nobody has changed it.")
    changed_at: str | None


class Rule(BaseModel):
    """Of what a channel is told, and when."""

    severities: list[Urgent] = Field(min_length=1, max_length=2, examples=[["critical"]])
    after_s: int = Field(ge=0, le=LONGEST_S, description="0: at once; else if nobody has acknowledged.", examples=[120])
    overdue: bool = Field(description="Also when an alert has passed its time.")
    paused: bool = Field(default=False, description="It is told nothing; what waits to be sent is given up.")


class RuleItem(BaseModel):
    """The same, as it may stand in a configuration file."""

    severities: list[Severity]
    after_s: float
    overdue: bool
    paused: bool


class ChannelItem(BaseModel):
    """A way to tell people outside the page."""

    name: str
    way: str | None = Field(description="mail, wecom, dingtalk, webhook or Apprise's own name; null: cannot be read.")
    sites: list[str] = Field(description="Of which sites it is told; empty: all.")
    language: Language
    rule: RuleItem
    configured: RuleItem
    changed_by: str | None = Field(description="Null: nobody has changed it.")
    changed_at: str | None
    trouble: str | None = Field(description="Why it cannot be used, such as a file that is not there.")
    waiting: int = Field(description="Messages that are to be sent, now or when their time comes.")
    given_up: int = Field(description="Of the newest 1,000 messages.")
    last_sent_at: str | None


class LimitItem(BaseModel):
    """How near is near (`near_m`, `heard_s`), or how soon a repetition is one case (`again_…_s`)."""

    name: Limit
    value: int = Field(description="Metres or seconds, as the name ends.")
    configured: int
    lowest: int
    highest: int
    changed_by: str | None = Field(description="Null: nobody has changed it.")
    changed_at: str | None


class NewLimit(BaseModel):
    """Another value."""

    value: int = Field(ge=0, le=1_000_000, examples=[300])


class DutyItem(BaseModel):
    """What is in force."""

    due: list[DueItem]
    limits: list[LimitItem]
    channels: list[ChannelItem]


class TestResult(BaseModel):
    """What came of a test message."""

    taken: bool = Field(description="Whether the service took it; whether it was read nobody can say.")
    error: str | None


@router.get("")
async def get_duty(collector: Running, _principal: Told) -> DutyItem:
    """Due times, and who is told outside the page."""
    async with collector.database.read() as connection:
        return await _duty(collector, connection)


@router.put("/due/{severity}")
async def set_due(severity: Urgent, times: DueTimes, collector: Running, principal: AdminOfAll) -> DutyItem:
    """Change the due times of a severity; recorded. Open alerts take them over at their next step."""
    due = Due(**times.model_dump())
    told = f"acknowledge {times.acknowledge_s} s, arrive {times.arrive_s} s, close {times.close_s} s"
    async with collector.database.write() as connection:
        now_us = collector.clock()
        await duty_changes.set_due(collector.database, connection, severity, due, by=principal.name, now_us=now_us)
        await _record(collector, connection, principal, "set-due", f"due/{severity}", told)
    return await _in_force(collector)


@router.delete("/due/{severity}")
async def reset_due(severity: Urgent, collector: Running, principal: AdminOfAll) -> DutyItem:
    """Back to the due times of the configuration; recorded. 404 when they were not changed."""
    async with collector.database.write() as connection:
        if not await duty_changes.unset_due(connection, severity):
            raise HTTPException(404, f"the due times of {severity} are those of the configuration")
        await _record(collector, connection, principal, "set-due", f"due/{severity}", AS_CONFIGURED)
    return await _in_force(collector)


@router.put("/limits/{name}")
async def set_limit(name: Limit, new: NewLimit, collector: Running, principal: AdminOfAll) -> DutyItem:
    """Change how near is near, or how soon a repetition is one case (0: never); recorded, and in force at once."""
    lowest, highest = RANGES[name]
    if not lowest <= new.value <= highest:
        raise HTTPException(422, f"{name} is {lowest} to {highest}")
    async with collector.database.write() as connection:
        now_us = collector.clock()
        await duty_changes.set_limit(collector.database, connection, name, new.value, by=principal.name, now_us=now_us)
        await _record(collector, connection, principal, "set-limit", f"limits/{name}", str(new.value))
    return await _in_force(collector)


@router.delete("/limits/{name}")
async def reset_limit(name: Limit, collector: Running, principal: AdminOfAll) -> DutyItem:
    """Back to what the configuration says; recorded. 404 when it was not changed."""
    async with collector.database.write() as connection:
        if not await duty_changes.unset_limit(connection, name):
            raise HTTPException(404, f"{name} is as configured")
        await _record(collector, connection, principal, "set-limit", f"limits/{name}", AS_CONFIGURED)
    return await _in_force(collector)


@router.put("/channels/{name}")
async def set_channel(name: str, rule: Rule, collector: Running, principal: AdminOfAll) -> DutyItem:
    """Change of what a channel is told, and when; recorded. Its address stays as the configuration says."""
    _configured(collector, name)
    wanted = ChannelRule(tuple(dict.fromkeys(rule.severities)), rule.after_s, rule.overdue, rule.paused)
    more = [word for word, given in (("overdue too", rule.overdue), ("paused", rule.paused)) if given]
    told = ", ".join([*wanted.severities, f"after {rule.after_s} s", *more])
    async with collector.database.write() as connection:
        now_us = collector.clock()
        await duty_changes.set_rule(collector.database, connection, name, wanted, by=principal.name, now_us=now_us)
        await _record(collector, connection, principal, "set-channel", f"channels/{name}", told)
    return await _in_force(collector)


@router.delete("/channels/{name}")
async def reset_channel(name: str, collector: Running, principal: AdminOfAll) -> DutyItem:
    """Back to what the configuration says of a channel; recorded. 404 when it was not changed."""
    async with collector.database.write() as connection:
        if not await duty_changes.unset_rule(connection, name):
            raise HTTPException(404, f"channel {name} is as configured")
        await _record(collector, connection, principal, "set-channel", f"channels/{name}", AS_CONFIGURED)
    return await _in_force(collector)


@router.post("/channels/{name}/test")
async def test_channel(name: str, collector: Running, principal: AdminOfAll) -> TestResult:
    """Send a message through a channel that says it is a test; recorded."""
    channel = _configured(collector, name)
    async with collector.database.write() as connection:
        await _record(collector, connection, principal, "test-channel", f"channels/{name}/test")
    now_us = collector.clock()
    try:
        await send(channel, example(now_us, principal.name), collector.duty.configured.page, now_us)
    except (Unsent, Refused, ChannelError) as error:
        return TestResult(taken=False, error=without_login(str(error))[:500])
    return TestResult(taken=True, error=None)


def _configured(collector: Collector, name: str) -> Channel:
    found = next((one for one in collector.duty.configured.channels if one.name == name), None)
    if found is None:
        names = ", ".join(one.name for one in collector.duty.configured.channels) or "none"
        raise HTTPException(404, f"the configuration has no channel {name!r}; it has: {names}")
    return found


async def _record(
    collector: Collector,
    connection: AsyncConnection,
    principal: Principal,
    action: str,
    what: str,
    told: str | None = None,
) -> None:
    """`told`: what it was set to, where the record has reasons."""
    subject = f"/api/v1/duty/{what}"
    await audit.record(connection, principal, action, subject, now_us=collector.clock(), reason=told)


async def _in_force(collector: Collector) -> DutyItem:
    """Take it over at once, and answer it."""
    await duty_changes.refresh(collector.database, collector.duty)
    async with collector.database.read() as connection:
        return await _duty(collector, connection)


async def _duty(collector: Collector, connection: AsyncConnection) -> DutyItem:
    configured = collector.duty.configured
    due, rules = await duty_changes.due_rows(connection), await duty_changes.channel_rows(connection)
    states = await _states(connection)
    severities: Sequence[Severity] = ("critical", "warning")
    return DutyItem(
        limits=_limit_items(configured, await duty_changes.limit_rows(connection)),
        due=[_due_item(severity, configured.rules.due[severity], due.get(severity)) for severity in severities],
        channels=[_channel_item(one, rules.get(one.name), states.get(one.name)) for one in configured.channels],
    )


def _limit_items(configured: Duty, rows: dict[Limit, Row[Any]]) -> list[LimitItem]:
    items = []
    for name, value in values_of(configured).items():
        row, (lowest, highest) = rows.get(name), RANGES[name]
        now = value if row is None else row.value
        items.append(LimitItem(name=name, value=now, configured=value, lowest=lowest, highest=highest, **_changed(row)))
    return items


def _due_item(severity: Severity, configured: Due, row: Row[Any] | None) -> DueItem:
    due = configured if row is None else duty_changes.due_of(row)
    return DueItem(severity=severity, due=due, configured=configured, **_changed(row))


def _channel_item(channel: Channel, row: Row[Any] | None, state: Row[Any] | None) -> ChannelItem:
    configured = ChannelRule.of(channel)
    wrong = trouble(channel)
    return ChannelItem(
        name=channel.name,
        way=None if wrong else channel.way(),
        sites=list(channel.sites),
        language=channel.language,
        rule=_rule_item(configured if row is None else duty_changes.rule_of(row)),
        configured=_rule_item(configured),
        **_changed(row),
        trouble=wrong,
        waiting=state.waiting if state else 0,
        given_up=state.given_up if state else 0,
        last_sent_at=to_text(state.sent_us) if state else None,
    )


def _rule_item(rule: ChannelRule) -> RuleItem:
    return RuleItem(severities=list(rule.severities), after_s=rule.after_s, overdue=rule.overdue, paused=rule.paused)


def _changed(row: Row[Any] | None) -> dict[str, str | None]:
    if row is None:
        return {"changed_by": None, "changed_at": None}
    return {"changed_by": row.changed_by, "changed_at": to_text(row.changed_us)}


async def _states(connection: AsyncConnection) -> dict[str, Row[Any]]:
    """Channel → waiting, given_up, sent_us of the newest messages."""
    newest = select(notifications).order_by(notifications.c.notification_id.desc()).limit(LOOKED_AT).subquery()
    waits = case((newest.c.next_us.is_not(None), 1), else_=0)
    over = and_(newest.c.next_us.is_(None), newest.c.sent_us.is_(None), newest.c.error.is_not(None))
    sums = (func.sum(waits).label("waiting"), func.sum(case((over, 1), else_=0)).label("given_up"))
    query: Select[Any] = select(newest.c.channel, *sums, func.max(newest.c.sent_us).label("sent_us")).group_by(
        newest.c.channel
    )
    return {row.channel: row for row in await connection.execute(query)}
