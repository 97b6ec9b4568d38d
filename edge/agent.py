"""The only place where the agent's concrete parts are joined; and its life from start to stop."""

from __future__ import annotations

import hashlib
import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from contract.commands import Reply
from contract.events import CameraData, CameraState, EventType
from contract.status import CameraStatus
from contract.topics import EdgeTopics
from edge.config import AgentConfig, AnalyzerName, CameraSettings
from edge.control import Control
from edge.delivery import Delivery
from edge.errors import OutboxError
from edge.evidence.clips import ClipDesk
from edge.evidence.files import EvidenceFiles, StoredFile
from edge.evidence.proofs import PassageProofs
from edge.evidence.queue import UploadQueue
from edge.evidence.quota import EvidenceQuota
from edge.evidence.recorder import Recorder
from edge.evidence.strays import StraySearch
from edge.evidence.uploader import Uploader
from edge.falling.analyzer import FallingAnalyzer
from edge.health import CameraMeter
from edge.inference import ModelStore
from edge.keyfile import openness, read_key
from edge.outbox import Outbox
from edge.pipeline import PictureStore, Pipeline
from edge.plates.analyzer import PlatesAnalyzer
from edge.plates.watchlist import NoWatch, Watch, WatchBook
from edge.ports import Analyzer, Clock, PacketSink
from edge.privacy import PlatesClear, PlatesHashed, Privacy
from edge.reporting import Reporter
from edge.sight import Sight
from edge.sources.file import FileSource
from edge.sources.paired import PairedSource
from edge.sources.stream import OnState, StreamSource
from edge.supervisor import CameraParts, CameraWorker
from edge.types import Frame, Packet, StreamInfo
from edge.wanted import GOOD_AFTER_S, Wanted

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tools:
    """What all cameras share."""

    models: ModelStore
    watch: Watch = field(default_factory=NoWatch)


ANALYZERS: dict[AnalyzerName, Callable[[CameraSettings, Tools], Analyzer]] = {
    "falling": lambda camera, tools: FallingAnalyzer(camera.id, camera.falling, tools.models),
    "plates": lambda camera, tools: PlatesAnalyzer(camera.id, camera.plates, tools.models, watch=tools.watch),
}
"""A new analyzer: its folder, its settings in edge.config, one line here."""

_TICK_S = 1.0
_LAG_S = 3.0
"""A live picture that is analysed later than this is behind, not delayed by the network."""
_TIDY_S = 3600.0
_JOIN_S = 10.0
_LAST_DRAIN_S = 5.0
"""When told to stop: the cameras' last findings are delivered if that is possible at once."""


def build_analyzers(camera: CameraSettings, tools: Tools) -> dict[str, Analyzer]:
    """The camera's analyzers with fresh state. Raises ModelError."""
    return {name: ANALYZERS[name](camera, tools) for name in camera.analyzers}


def build_privacy(config: AgentConfig, models: ModelStore) -> Privacy:
    """What may leave the box. Raises ConfigError when the key of hashed plates cannot be read, or ModelError."""
    privacy = config.privacy
    if privacy.plates == "clear" or privacy.key_file is None:
        return PlatesClear()
    return PlatesHashed(read_key(privacy.key_file, "privacy.key_file"), models)


HEARTBEAT = "alive"
"""File in the data folder, touched about once a second while the agent runs: what `edge alive` looks at."""


def agent_version() -> str:
    """Version of the installed package; a checkout that is not installed says so."""
    try:
        return version("watchpost")
    except PackageNotFoundError:
        return "checkout"


def build_source(
    camera: CameraSettings, sink: PacketSink, clock: Clock, on_state: OnState | None = None
) -> FileSource | StreamSource | PairedSource:
    """The camera's source, not yet opened. Raises ConfigError when its password cannot be read."""
    if not camera.live:
        return FileSource(camera.id, Path(camera.source), sink, clock, realtime=camera.realtime)
    main = camera.address(camera.source)
    if camera.sub_source is None:
        return StreamSource(
            camera.id, main, sink, clock, transport=camera.transport, timeout_s=camera.timeout_s, on_state=on_state
        )
    return PairedSource(
        camera.id,
        main,
        camera.address(camera.sub_source),
        sink,
        clock,
        transport=camera.transport,
        timeout_s=camera.timeout_s,
        on_state=on_state,
    )


class NoRecording:
    """A packet sink for who wants frames only."""

    def start_stream(self, info: StreamInfo) -> None: ...

    def put_packet(self, packet: Packet) -> None: ...


class Agent:
    """Everything that runs on the box. `run` returns when it was told to stop, or with `once` when all files ended.

    Raises ConfigError, ModelError, OutboxError or EvidenceError when it cannot start.
    """

    def __init__(
        self,
        config: AgentConfig,
        clock: Clock,
        rng: random.Random,
        recent_log: Callable[[], str],
        wanted: Wanted | None = None,
    ) -> None:
        self._config = config
        self._wanted = wanted
        self.reconfigured = False
        """It ended because another configuration is to be tried."""
        self._clock = clock
        self._rng = rng
        self._stopping = threading.Event()
        self.outbox = Outbox.open(config.data_dir / "outbox.db", clock, config.outbox.max_mb, config.outbox.keep_days)
        self.reporter = Reporter(config.site, config.edge, self.outbox, clock)
        self._uploads = UploadQueue(self.outbox.database)
        self._files = EvidenceFiles(config.data_dir / "evidence", int(config.evidence.max_mb * 1_000_000))
        self._quota = EvidenceQuota(self._files, self._uploads, self._report_lost_evidence)
        self._files.make_room = self._quota.make_room
        self._models = ModelStore(config.models_dir)
        self._privacy = build_privacy(config, self._models)
        self._watch = WatchBook(config.data_dir, config.watchlist.key_file, clock)
        self._proofs = PassageProofs()
        self._delivery = self._make_delivery()
        self._uploader = self._make_uploader()
        found = (lambda: None) if self._uploader is None else self._uploader.wake
        self._strays = StraySearch(self._uploads, self._files.folder, clock, found)
        self._workers = {camera.id: self._make_worker(camera) for camera in config.cameras}
        self._control = Control(
            config=config,
            version=agent_version(),
            outbox=self.outbox,
            uploads=self._uploads,
            reporter=self.reporter,
            models=self._models,
            cameras=dict(self._workers),
            watch=self._watch,
            clock=clock,
            recent_log=recent_log,
            reply=self._reply,
            look_again=self._look_again,
            started_s=clock.monotonic(),
            problems=self._problems,
            wanted=wanted,
            restart=self._restart,
        )
        self._tidy_due_s = self._started_s = clock.monotonic()

    def run(self, once: bool = False, drain_s: float = 30.0) -> int:
        """Run until `stop`, or with `once` until all files ended and are delivered. Returns the exit status."""
        try:
            self._start()
            while not self._stopping.wait(_TICK_S if not once else _TICK_S / 20):
                self._tick()
                if once and not any(worker.running for worker in self._workers.values()):
                    self._drain(drain_s)
                    break
            return self._status()
        finally:
            self._shut_down()

    def _restart(self) -> None:
        self.reconfigured = True
        self._stopping.set()

    def stop(self) -> None:
        """Let `run` return; may be called from a signal handler."""
        self._stopping.set()

    def _start(self) -> None:
        self._report_damage()
        self._strays.start()
        if self._uploader is not None:
            self._uploader.start()
            self.outbox.on_put(self._uploader.wake)
            if self._delivery is not None:
                self._delivery.on_collector_back = self._uploader.collector_is_back
        if self._delivery is not None:
            self._delivery.start(self._control)
        for worker in self._workers.values():
            worker.start()

    def _shut_down(self) -> None:
        """Cameras first, so that their last findings are stored; then the connections; the outbox last."""
        for worker in self._workers.values():
            worker.stop()
        for worker in self._workers.values():
            if worker.running:
                worker.join(_JOIN_S)
        if self._delivery is not None and self._delivery.connected:
            self._drain(_LAST_DRAIN_S)
        self._strays.stop()
        if self._uploader is not None:
            self._uploader.stop()
        if self._delivery is not None:
            self._delivery.stop()
        self.outbox.close()

    def _tick(self) -> None:
        """Once a second: what waits is tried again, what is old goes, and a dead thread ends the agent."""
        self.reporter.retry()
        self._match_late()
        if self._wanted is not None and self._clock.monotonic() - self._started_s >= GOOD_AFTER_S:
            self._wanted.confirm()
        (self._config.data_dir / HEARTBEAT).touch()
        if self._clock.monotonic() >= self._tidy_due_s:
            self._tidy_due_s = self._clock.monotonic() + _TIDY_S
            self._tidy()
        if self.outbox.damage is not None:
            log.critical("%s; ending, so that a service manager starts us anew and it is repaired", self.outbox.damage)
            self._stopping.set()
        for name, part in (("delivery", self._delivery), ("uploader", self._uploader)):
            if part is not None and not part.alive:
                log.critical("the %s thread has died; ending, so that a service manager starts us anew", name)
                self._stopping.set()

    def _match_late(self) -> None:
        """The watch list's key may come at any time; what has waited for it is matched then."""
        self._watch.look_for_key()
        for hit in self._watch.take_late():
            files = self._proofs.of(hit.passage_id)
            shown = hit.model_copy(update={"evidence": tuple(file.reference() for file in files)})
            self.reporter.report(EventType.WATCHLIST_HIT, hit.camera, shown, hit.seen_at, files)

    def _tidy(self) -> None:
        try:
            self.outbox.tidy().result()
            self._quota.forget_before(self._clock.now() - self._config.evidence.keep_days * 86_400)
        except OutboxError as error:
            log.error("tidying failed: %s", error)

    def _drain(self, drain_s: float) -> None:
        """Wait until the collector has everything, at most so long."""
        deadline_s = self._clock.monotonic() + drain_s
        while self._clock.monotonic() < deadline_s:
            self.reporter.retry()
            events = self.outbox.pending_count() if self._delivery is not None else 0
            uploading = self._uploader is not None and self._uploader.problem is None
            if not events and not (uploading and self._uploads.waiting_count()):
                return
            self._clock.sleep(0.05)
        if self._delivery is not None:
            log.warning("%d events wait in %s for the next start", self.outbox.pending_count(), self.outbox.path)

    def _status(self) -> int:
        died = any(part is not None and not part.alive for part in (self._delivery, self._uploader))
        failed = any(worker.failure is not None for worker in self._workers.values())
        died = died or self.outbox.damage is not None
        return 1 if died or failed or self.reporter.waiting or self.reporter.lost else 0

    def _make_delivery(self) -> Delivery | None:
        config = self._config
        if config.broker is None:
            return None
        topics = EdgeTopics(config.site, config.edge)
        return Delivery(
            config.broker, config.delivery, topics, self.outbox, self._clock, config.health.interval_s, self._rng
        )

    def _make_uploader(self) -> Uploader | None:
        if self._config.collector is None:
            return None
        return Uploader(self._config.collector, self._uploads, self._clock, self._rng)

    def _make_worker(self, camera: CameraSettings) -> CameraWorker:
        meter = CameraMeter(camera.id, self._clock)
        states = CameraStates(camera, meter, self.reporter, self._publish_camera_status)
        sight = Sight(camera.drawing != "", self._view_file(camera))

        def watch_view(frame: Frame) -> None:
            seen = sight.observe(frame)
            if seen is not None:
                states.told_by_view(seen.state, seen.reason)

        def build() -> CameraParts:
            analyzers = build_analyzers(camera, Tools(self._models, self._watch))
            clips = self._make_clips(camera)
            source = build_source(camera, clips.recorder or NoRecording(), self._clock, states.told_by_stream)
            quality = self._config.evidence.jpeg_quality
            pictures = PictureStore(self._files, camera.privacy_masks, quality, self._privacy, self._proofs)
            meter.read_decode_ms = lambda: source.decode_ms
            falling = analyzers.get("falling")
            if isinstance(falling, FallingAnalyzer):
                meter.read_weather_mode = lambda: falling.weather_mode
                falling.read_offset = lambda: sight.view.offset
            pipeline = Pipeline(camera.id, analyzers, pictures, self.reporter, meter, clips, watch_view)
            return CameraParts(source, pipeline, clips)

        return CameraWorker(camera.id, camera.live, build, meter, states.enter, self._clock, self._rng)

    def _view_file(self, camera: CameraSettings) -> Path | None:
        """Keeps what a camera looks at, for this drawing; another drawing means another view. Files come and go."""
        if not camera.live:
            return None
        name = hashlib.sha256(camera.drawing.encode()).hexdigest()[:12]
        return self._config.data_dir / "views" / f"{camera.id}-{name}.npz"

    def _make_clips(self, camera: CameraSettings) -> ClipDesk:
        full_speed = not camera.live and not camera.realtime
        desk = ClipDesk(camera.id, self.reporter, self._clip_done, in_order=full_speed)
        if self._config.evidence.clips:
            desk.recorder = Recorder(
                camera.id,
                self._files,
                desk.take,
                before_s=self._config.evidence.clip_before_s,
                after_s=self._config.evidence.clip_after_s,
                ring_s=self._config.evidence.ring_s,
                masks=camera.privacy_masks,
                find_places=self._privacy.find_places,
                clock=self._clock,
                wait_when_busy=full_speed,
            )
        return desk

    def _clip_done(self, token: str, stored: StoredFile | None, failed: str | None) -> bool:
        return self._control.clip_done(token, stored, failed)

    def _publish_camera_status(self, camera_id: str, status: CameraStatus) -> None:
        if self._delivery is not None:
            self._delivery.set_camera_status(camera_id, status)

    def _report_damage(self) -> None:
        """A damaged outbox was replaced: the collector must hear what became of its numbers."""
        for key, records in self.outbox.losses():
            log.error("the outbox was damaged and begun anew: %s", key)
            for data in records:
                self.reporter.report_dropped(data)
            self.outbox.told(key)

    def _report_lost_evidence(self, count: int) -> None:
        reason = f"evidence reached its {self._config.evidence.max_mb:.0f} MB before it was uploaded"
        data = self.outbox.dropped((), {}, reason).model_copy(update={"evidence_files": count})
        self.reporter.report_dropped(data)

    def _problems(self) -> tuple[str, ...]:
        told = [part.problem for part in (self.reporter, self._delivery, self._uploader) if part is not None]
        if self.reporter.lost:
            told.append(f"{self.reporter.lost} events were lost, because the outbox could not take them")
        told += self._watch.problems
        told.append(self._open_key())
        told += [self._slowness(camera) for camera in self._config.cameras if camera.live]
        return tuple(problem for problem in told if problem is not None)

    def _open_key(self) -> str | None:
        """The key of hashed plates is worth nothing when everybody may read it."""
        privacy = self._config.privacy
        if privacy.plates == "clear" or privacy.key_file is None or not privacy.key_file.exists():
            return None
        return openness(privacy.key_file, "privacy.key_file")

    def _slowness(self, camera: CameraSettings) -> str | None:
        """A box that cannot keep up finds things late: that must be told, not be guessed from a delay."""
        lag_s = self._workers[camera.id].lag_s
        if lag_s is None or lag_s < _LAG_S:
            return None
        return (
            f"camera {camera.id} is {lag_s:.0f} s behind: this box is too slow for its cameras; "
            "use sub_source, fewer frames a second, or fewer cameras"
        )

    def _reply(self, reply: Reply) -> None:
        if self._delivery is not None:
            self._delivery.reply(reply)

    def _look_again(self) -> None:
        if self._delivery is not None:
            self._delivery.look_again()


@dataclass
class CameraStates:
    """Tells when a camera's state changes: retained status now, and an event as history."""

    camera: CameraSettings
    meter: CameraMeter
    reporter: Reporter
    publish: Callable[[str, CameraStatus], None]
    last_reason: str = ""
    view: tuple[CameraState, str] = ("up", "")

    def told_by_stream(self, state: CameraState, reason: str) -> None:
        """A stream says how it is; a broken connection counts as an error. While it is well, the view counts."""
        if state == "down":
            self.meter.failed(reason)
        self.enter(*(self.view if state == "up" and self.view[0] != "up" else (state, reason)))

    def told_by_view(self, state: CameraState, reason: str) -> None:
        """The pictures say how the camera stands; a stream that is down, blind or frozen is worse than that."""
        self.view = (state, reason)
        if self.meter.state in {"up", "moved", "blurred"}:
            self.enter(state, reason)

    def enter(self, state: CameraState, reason: str) -> None:
        """The camera is in this state; nothing happens when it was already."""
        changed = self.meter.enter(state)
        if not changed and reason == self.last_reason:
            return
        self.last_reason, since = reason, self.meter.since
        self.publish(self.camera.id, CameraStatus(state=state, since=since, reason=reason))
        if not changed:
            return  # another reason for the same state: it stands in the retained status, but makes no history
        log.info("camera %s: %s %s", self.camera.id, state, reason)
        if self.camera.live:
            previous = self.meter.previous
            data = CameraData(camera=self.camera.id, state=state, previous=previous, since=since, reason=reason)
            self.reporter.report(EventType.CAMERA, self.camera.id, data, since)
