"""Alerts whose time passes are noted, told on MQTT, and to those who want to be reminded."""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy import and_, select

from collector import alert_moves
from collector.database import Database
from collector.duty import Duty, Standing
from collector.instants import Clock
from collector.intake import STORE_TROUBLE
from collector.pulse import Pulse
from collector.schema import alerts

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
AT_ONCE = 100


async def watch(database: Database, pulse: Pulse, clock: Clock, duty: Standing) -> None:
    """Look for alerts whose time has passed until cancelled."""
    while True:
        try:
            if await look(database, clock(), duty.now):
                pulse.beat()
        except STORE_TROUBLE as error:
            log.error("cannot look for overdue alerts: %s", str(error).splitlines()[0])
        await asyncio.sleep(LOOK_EVERY_S)


async def look(database: Database, now_us: int, duty: Duty) -> int:
    """Note every alert whose time has passed; returns how many that were."""
    late = and_(alerts.c.due_us <= now_us, alerts.c.overdue_us.is_(None))
    async with database.read() as connection:
        query = select(alerts.c.alert_id).where(late).order_by(alerts.c.due_us).limit(AT_ONCE)
        found = (await connection.execute(query)).scalars().all()
    noted = 0
    for alert_id in found:
        async with database.write() as connection:
            noted += await alert_moves.note_overdue(database, connection, alert_id, now_us, duty)
    return noted
