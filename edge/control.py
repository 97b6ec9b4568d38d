"""What the agent answers when it is spoken to over MQTT: commands, sensors, configuration, watch list."""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from contract.base import CONTRACT_VERSION
from contract.commands import Command, ConfigDesired, ConfigReported, Reply
from contract.events import EventType, SensorData
from contract.status import Birth, CameraHealth, CameraInfo, Health
from edge.addresses import redact
from edge.clock import utc
from edge.config import AgentConfig
from edge.errors import EvidenceError, OutboxError
from edge.evidence.files import StoredFile
from edge.evidence.queue import UploadQueue
from edge.health import disk_free_mb, resident_memory_mb, temperature_c
from edge.inference import ModelStore
from edge.outbox import Outbox
from edge.plates.watchlist import WatchBook
from edge.ports import Clock
from edge.reporting import Reporter
from edge.wanted import Wanted

log = logging.getLogger(__name__)

_HEALTH_EXPIRY = timedelta(seconds=120)


class CommandedCamera(Protocol):
    """What a command may ask of a camera."""

    def health(self) -> CameraHealth: ...

    def restart(self) -> None: ...

    def request_snapshot(self, taken: Callable[[StoredFile | None, str], None]) -> None: ...

    def request_clip(self, token: str, seconds: float) -> None:
        """The last seconds as a clip; it is answered through `Control.clip_done`. Raises EvidenceError."""
        ...


class CommandRefused(ValueError):
    """The command cannot be done; the text goes back in the reply."""


@dataclass
class Control:
    """Implements `edge.ports.AgentSide` over the agent's parts."""

    config: AgentConfig
    version: str
    outbox: Outbox
    uploads: UploadQueue
    reporter: Reporter
    models: ModelStore
    cameras: dict[str, CommandedCamera]
    watch: WatchBook
    clock: Clock
    recent_log: Callable[[], str]
    reply: Callable[[Reply], None]
    look_again: Callable[[], None]
    """Tells delivery that old events are pending again."""
    started_s: float = 0.0
    problems: Callable[[], tuple[str, ...]] = tuple
    """What does not work now, beside the cameras."""
    wanted: Wanted | None = None
    restart: Callable[[], None] = lambda: None
    """Ends this run of the agent, so that the next one has another configuration."""
    clips_asked: set[str] = field(default_factory=set)

    def birth(self, connection_id: UUID) -> Birth:
        cameras = tuple(
            CameraInfo(id=camera.id, address=redact(camera.source), analyzers=camera.analyzers)
            for camera in self.config.cameras
        )
        return Birth(
            version=self.version,
            contract_version=CONTRACT_VERSION,
            connection_id=connection_id,
            outbox_id=self.outbox.outbox_id,
            outbox_depth=self.outbox.pending_count(),
            outbox_settled=self.outbox.settled_to(),
            models=self.models.infos(),
            cameras=cameras,
            python=platform.python_version(),
            machine=f"{platform.system()} {platform.machine()}",
            at=utc(self.clock.now()),
        )

    def health(self) -> Health:
        now = utc(self.clock.now())
        oldest_s = self.outbox.oldest_pending_s()
        return Health(
            at=now,
            uptime_s=round(self.clock.monotonic() - self.started_s, 1),
            cameras=tuple(camera.health() for camera in self.cameras.values()),
            temperature_c=temperature_c(),
            memory_mb=resident_memory_mb(),
            disk_free_mb=disk_free_mb(self.config.data_dir),
            outbox_depth=self.outbox.pending_count(),
            outbox_id=self.outbox.outbox_id,
            outbox_settled=self.outbox.settled_to(),
            outbox_oldest_s=None if oldest_s is None else max(0.0, round(self.clock.now() - oldest_s, 1)),
            evidence_pending=self.uploads.waiting_count(),
            problems=self.problems(),
            expires=now + _HEALTH_EXPIRY,
        )

    def on_sensor(self, sensor: str, raw: dict[str, Any]) -> None:
        data = SensorData.model_validate(raw | {"sensor": sensor})
        self.reporter.put(self.reporter.make(EventType.SENSOR, sensor, data))

    def on_config(self, desired: ConfigDesired) -> ConfigReported:
        """Take a wanted configuration, or say why not. Raises OutboxError."""
        now = utc(self.clock.now())
        if self.wanted is None:
            errors = ("this agent takes its configuration from its own file only",)
            return ConfigReported(revision=None, state="refused", errors=errors, at=now)
        return self.wanted.take(desired, now, self.restart)

    def on_watchlist(self, payload: bytes) -> None:
        """Put the list into force, or say in health why not. Raises OutboxError."""
        self.watch.take(payload)

    def on_command(self, command: Command) -> None:
        log.info("command %s (%s)", command.name, command.id)
        try:
            text = self._do(command)
        except CommandRefused as refusal:
            self._answer(command.id, ok=False, text=str(refusal))
            return
        if text is not None:
            self._answer(command.id, ok=True, text=text)

    def clip_done(self, token: str, stored: StoredFile | None, failed: str | None) -> bool:
        """A clip is finished; True when a command had asked for it."""
        if token not in self.clips_asked:
            return False
        self.clips_asked.discard(token)
        self._answer_with_file(token, stored, failed or "")
        return True

    def _do(self, command: Command) -> str | None:
        """Do it; returns the answer, or None when it is answered later."""
        match command.name:
            case "test-event":
                data = SensorData(sensor=self.config.edge, kind="test", alarm=False, text=f"asked by {command.id}")
                return f"event {self.reporter.report(EventType.SENSOR, self.config.edge, data)}"
            case "replay":
                return self._replay(command)
            case "logs":
                return redact(self.recent_log())
            case "restart-camera":
                self._camera(command).restart()
                return f"camera {command.camera} is restarting"
            case "snapshot":
                identity = command.id
                self._camera(command).request_snapshot(lambda file, text: self._answer_with_file(identity, file, text))
                return None
            case "clip":
                self._request_clip(command)
                return None

    def _request_clip(self, command: Command) -> None:
        if not self.config.evidence.clips:
            raise CommandRefused("evidence.clips is off in this edge's configuration")
        self.clips_asked.add(command.id)
        try:
            self._camera(command).request_clip(command.id, command.seconds or 10.0)
        except EvidenceError as error:
            self.clips_asked.discard(command.id)
            raise CommandRefused(str(error)) from error

    def _replay(self, command: Command) -> str:
        ours = [one for one in command.ranges if one.outbox_id == str(self.outbox.outbox_id)]
        if not ours:
            raise CommandRefused(f"no range of this edge's outbox {self.outbox.outbox_id}")
        replay = self.outbox.mark_replay((one.from_sequence, one.to_sequence) for one in ours)
        if replay.missing:
            reasons = sorted({why for _, _, why in replay.missing})
            ranges = [(low, high) for low, high, _ in replay.missing]
            data = self.outbox.dropped(ranges, {}, f"asked for again, but {' or '.join(reasons)}")
            self.reporter.report_dropped(data)
        self.look_again()
        gone = sum(high - low + 1 for low, high, _ in replay.missing)
        return f"{replay.marked} events are sent again, {gone} are no longer here"

    def _camera(self, command: Command) -> CommandedCamera:
        camera = self.cameras.get(command.camera or "")
        if camera is None:
            raise CommandRefused(f"no camera {command.camera!r}; there are {', '.join(self.cameras)}")
        return camera

    def _answer_with_file(self, identity: str, file: StoredFile | None, text: str) -> None:
        try:
            if file is not None:
                self.uploads.add(file, self.clock.now())
        except OutboxError as error:
            file, text = None, str(error)
        sha256 = None if file is None else file.sha256
        self._answer(identity, ok=file is not None, text=text, evidence=sha256)

    def _answer(self, identity: str, ok: bool, text: str, evidence: str | None = None) -> None:
        self.reply(Reply(id=identity, ok=ok, text=text, evidence_sha256=evidence, at=utc(self.clock.now())))
