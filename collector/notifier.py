"""Sends what the notifications table says is to be sent: taken by one collector, tried until it is out or too old."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, and_, select, update

from collector.alerts import CLOSED
from collector.channels import Channel, ChannelError
from collector.database import Database
from collector.duty import Standing
from collector.instants import HOUR_US, SECOND_US, Clock
from collector.intake import STORE_TROUBLE
from collector.pulse import Pulse
from collector.schema import alerts
from collector.schema_alerts import notifications
from collector.sending import Refused, Unsent, send

log = logging.getLogger(__name__)

AT_ONCE = 50
TAKEN_FOR_US = 120 * SECOND_US
"""If the collector that took one dies, another may try after this time."""
FIRST_PAUSE_S = 5
LONGEST_PAUSE_S = 600
TOO_OLD_US = 24 * HOUR_US


class Notifier:
    """One loop that sends; channels side by side, each in order."""

    def __init__(self, database: Database, pulse: Pulse, clock: Clock, duty: Standing) -> None:
        self._database = database
        self._pulse = pulse
        self._clock = clock
        self._duty = duty

    async def run(self) -> None:
        """Until cancelled."""
        seen = -1
        while True:
            try:
                while await self.send_some():
                    pass
            except STORE_TROUBLE as error:
                log.warning("notifications wait: %s", str(error).splitlines()[0])
            seen = await self._pulse.wait(seen, timeout_s=1.0)

    async def send_some(self) -> int:
        """Try those that are due; returns how many there were."""
        due = notifications.c.next_us <= self._clock()
        joined = notifications.join(alerts, alerts.c.alert_id == notifications.c.alert_id)
        columns = (*notifications.c, *(column.label(f"alert_{column.name}") for column in alerts.c))
        query = select(*columns).select_from(joined).where(due).order_by(notifications.c.notification_id)
        async with self._database.read() as connection:
            rows = (await connection.execute(query.limit(AT_ONCE))).all()
        by_channel: dict[str, list[Row[Any]]] = defaultdict(list)
        for row in rows:
            by_channel[row.channel].append(row)
        await asyncio.gather(*(self._send_all(name, own) for name, own in by_channel.items()))
        return len(rows)

    async def _send_all(self, name: str, rows: Sequence[Row[Any]]) -> None:
        for row in rows:
            if await self._take(row):
                await self._send(self._channel(name), row)

    async def _take(self, row: Row[Any]) -> bool:
        """Whether it is ours: two collectors on one store must not send it twice."""
        own = notifications.c.notification_id == row.notification_id
        untaken = and_(own, notifications.c.next_us == row.next_us)
        values = {"next_us": self._clock() + TAKEN_FOR_US, "attempts": row.attempts + 1}
        async with self._database.write() as connection:
            return (await connection.execute(update(notifications).where(untaken).values(values))).rowcount == 1

    async def _send(self, channel: Channel | None, row: Row[Any]) -> None:
        if _is_needless(row):
            await self._note(row, next_us=None)
            return
        if channel is None:
            await self._note(row, next_us=None, error=self._why_not(row.channel))
            return
        try:
            await send(channel, row, self._duty.configured.page, self._clock())
        except (Refused, ChannelError) as error:
            log.error("channel %s does not take notifications: %s", channel.name, error)
            await self._note(row, next_us=None, error=str(error)[:500])
        except Unsent as error:
            await self._later(row, channel, error)
        else:
            await self._note(row, next_us=None, sent_us=self._clock(), error=None)

    def _channel(self, name: str) -> Channel | None:
        return next((channel for channel in self._duty.now.channels if channel.name == name), None)

    def _why_not(self, name: str) -> str:
        if any(channel.name == name for channel in self._duty.configured.channels):
            return "an administrator has paused this channel"
        return "the configuration has no such channel any more"

    async def _later(self, row: Row[Any], channel: Channel, error: Unsent) -> None:
        pause_s = min(FIRST_PAUSE_S * 2**row.attempts, LONGEST_PAUSE_S)
        now_us = self._clock()
        again = now_us - row.created_us < TOO_OLD_US
        log.warning("channel %s: %s; %s", channel.name, error, f"again in {pause_s} s" if again else "given up")
        await self._note(row, next_us=now_us + pause_s * SECOND_US if again else None, error=str(error)[:500])

    async def _note(self, row: Row[Any], **values: Any) -> None:
        own = notifications.c.notification_id == row.notification_id
        async with self._database.write() as connection:
            await connection.execute(update(notifications).where(own).values(values))


def _is_needless(row: Row[Any]) -> bool:
    """Somebody has acknowledged it in time, or it is closed by now."""
    if row.occasion == "unacknowledged":
        return bool(row.alert_state != "new")
    return row.alert_state in CLOSED
