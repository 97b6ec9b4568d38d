"""The one place where the collector's parts are joined, started and ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, field
from uuid import uuid4

from sqlalchemy import select

from collector import reminders
from collector.access import CookieSigner, cookie_signer
from collector.audit import signing_key
from collector.database import Database
from collector.duty import Standing
from collector.duty_changes import refresh
from collector.evidence import EvidenceStore
from collector.gaps import watch
from collector.housekeeping import follow_duty, keep_edges_told, keep_no_longer
from collector.instants import Clock, system_clock
from collector.intake import Intake, Publisher
from collector.mqtt import Link
from collector.notifier import Notifier
from collector.people import offer_first_admin
from collector.pulse import Pulse
from collector.schema import edges, outboxes
from collector.settings import Settings
from collector.watchlists import read_key
from contract.plate_keys import PlateKey

log = logging.getLogger(__name__)

STOP_TIMEOUT_S = 0.5


@dataclass
class Collector:
    """A running collector; the API reads from it."""

    settings: Settings
    database: Database
    evidence: EvidenceStore
    signer: CookieSigner
    clock: Clock
    pulse: Pulse = field(default_factory=Pulse)
    link: Link | None = None
    intake: Intake | None = None
    watch_key: PlateKey | None = None
    duty: Standing = field(default_factory=Standing)
    """Due times and who is told, as they are in force."""
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    async def start(cls, settings: Settings, clock: Clock = system_clock) -> Collector:
        """Migrate the store, connect to the broker, start the loops."""
        settings.data_folder.mkdir(parents=True, exist_ok=True)
        database = Database(settings.database)
        await database.migrate()
        folder = settings.data_folder / "evidence"
        evidence = EvidenceStore(folder, settings.max_evidence_bytes, bucket=settings.bucket)
        collector = cls(settings, database, evidence, await cookie_signer(database), clock)
        collector.duty = Standing(settings.duty)
        await refresh(database, collector.duty)
        await collector._keep_house(settings)
        if settings.broker is not None:
            await collector._join_broker(settings)
        return collector

    async def _keep_house(self, settings: Settings) -> None:
        key = signing_key(settings.data_folder)
        self._spawn("expiry", keep_no_longer(self.database, self.evidence, key, self.clock))
        if settings.watch_key_file is not None:
            self.watch_key = read_key(settings.watch_key_file)
            self._spawn("watch list", keep_edges_told(self.database, self.watch_key, self.pulse, self.clock))
        self._spawn("duty", follow_duty(self.database, self.duty))
        token = await offer_first_admin(self.database)
        if token is not None and settings.address:
            log.warning(
                "nobody can sign in yet; make the first administrator: %s/sign-in#first.%s", settings.address, token
            )

    async def _join_broker(self, settings: Settings) -> None:
        assert settings.broker is not None  # noqa: S101 -- the only caller has checked it
        name = f"watchpost-collector-{_own_name(settings)}"
        self.link = Link(settings.broker, name, asyncio.get_running_loop(), share=settings.share)
        self.intake = Intake(self.database, self.link, self.pulse, self.clock, self.duty)
        publisher = Publisher(self.database, self.link, self.pulse, self.clock)
        for site in await self._known_sites():
            self.link.serve_site(site)
        self._spawn("ingest", self.intake.run())
        self._spawn("publish", publisher.run())
        self._spawn("gaps", watch(self.database, self.pulse, self.clock, settings.gap_patience, self.duty))
        self._spawn("reminders", reminders.watch(self.database, self.pulse, self.clock, self.duty))
        self._spawn("notifications", Notifier(self.database, self.pulse, self.clock, self.duty).run())
        self.link.start()

    async def _known_sites(self) -> set[str]:
        async with self.database.read() as connection:
            found = select(outboxes.c.site).union(select(edges.c.site))
            return set((await connection.execute(found)).scalars())

    def _spawn(self, name: str, loop: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(loop, name=name)
        task.add_done_callback(_tell_if_it_failed)
        self.tasks.append(task)

    def trouble(self) -> list[str]:
        """Why this collector cannot take events right now; empty when it can."""
        found = [f"the {task.get_name()} loop has ended" for task in self.tasks if task.done()]
        if self.intake is not None and self.intake.store_trouble is not None:
            found.append(self.intake.store_trouble)
        if self.link is not None and not self.link.connected.is_set():
            found.append(self.link.last_error or f"not yet connected to {self.link.address}")
        return found

    async def stop(self) -> None:
        """End in order: no more messages, no more loops, then the store."""
        self.closing.set()
        self.pulse.beat()
        for task in self.tasks:
            task.cancel()
        if self.tasks:  # one that has failed has said so, and must not keep the others from their end
            await asyncio.wait(self.tasks, timeout=STOP_TIMEOUT_S)
        if self.link is not None:
            await asyncio.to_thread(self.link.stop)
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self.database.close()
        except TimeoutError:
            log.warning("the database did not answer the goodbye within %g s; left without it", STOP_TIMEOUT_S)


def _tell_if_it_failed(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.critical("the %s loop ended: %r", task.get_name(), task.exception(), exc_info=task.exception())


def _own_name(settings: Settings) -> str:
    """A name that stays with the data folder: the broker knows this collector again after a restart."""
    path = settings.data_folder / "collector-name"
    if not path.exists():
        path.write_text(uuid4().hex[:12], encoding="utf-8")
    return path.read_text(encoding="utf-8").strip()
