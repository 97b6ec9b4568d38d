"""The collector's slow loops: telling edges what to look for, and deleting what has expired."""

from __future__ import annotations

import asyncio
import logging
import time

from collector import duty_changes, retention, watch_entries
from collector.database import Database
from collector.duty import Standing
from collector.evidence import ABANDONED_S, EvidenceStore
from collector.instants import Clock
from collector.intake import STORE_TROUBLE
from collector.pulse import Pulse
from contract.plate_keys import PlateKey

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
FOLLOW_EVERY_S = 2.0
EXPIRE_EVERY_S = 3600.0
FIRST_EXPIRY_S = 30.0


async def keep_edges_told(database: Database, key: PlateKey, pulse: Pulse, clock: Clock) -> None:
    """Tell edges of every change of the watch list, within seconds; until cancelled."""
    while True:
        try:
            if await watch_entries.tell_edges(database, key, clock()):
                pulse.beat()
        except STORE_TROUBLE as error:
            log.warning("the watch list waits to be told: %s", str(error).splitlines()[0])
        await pulse.wait(pulse.count, LOOK_EVERY_S)
        await asyncio.sleep(0.2)  # a busy pulse must not make this a busy loop


async def follow_duty(database: Database, standing: Standing) -> None:
    """Take over within seconds what administrators change of due times and channels; until cancelled."""
    while True:
        await asyncio.sleep(FOLLOW_EVERY_S)
        try:
            await duty_changes.refresh(database, standing)
        except STORE_TROUBLE as error:
            log.warning("changed due times wait: %s", str(error).splitlines()[0])


async def keep_no_longer(database: Database, store: EvidenceStore, key: bytes, clock: Clock) -> None:
    """Delete what has expired, every hour; until cancelled."""
    await asyncio.sleep(FIRST_EXPIRY_S)
    while True:
        try:
            deleted = await retention.expire(database, store, key, clock())
            await asyncio.to_thread(store.forget_abandoned, time.time() - ABANDONED_S)
            if deleted.files or any(deleted.rows.values()):
                log.info("expired: %s, %d files", dict(deleted.rows), deleted.files)
        except STORE_TROUBLE as error:
            log.warning("expiry waits: %s", str(error).splitlines()[0])
        await asyncio.sleep(EXPIRE_EVERY_S)
