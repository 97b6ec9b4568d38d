"""One worker per camera: a thread that runs the camera's pipeline and starts it anew when something breaks."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from contract.events import CameraState
from contract.status import CameraHealth
from edge.errors import EvidenceError, WatchpostError
from edge.evidence.files import StoredFile
from edge.health import CameraMeter
from edge.pipeline import Pipeline
from edge.ports import Clock, Source

log = logging.getLogger(__name__)

_FIRST_RESTART_S = 1.0
_LONGEST_RESTART_S = 60.0
_HEALTHY_AFTER_S = 60.0


class Clips(Protocol):
    """The camera's recorder, as its worker needs it."""

    def request_clip(self, token: str, from_s: float, to_s: float) -> None: ...

    def close(self) -> None:
        """Finish the clips that were asked for."""
        ...


@dataclass(frozen=True, slots=True)
class CameraParts:
    """What runs for one camera until it ends or breaks; then all of it is made anew."""

    source: Source
    pipeline: Pipeline
    clips: Clips


class CameraWorker:
    """Runs one camera on its own thread. Other cameras never notice its errors.

    `live` says that it is a camera, which is tried again for ever; a file is played once.
    """

    def __init__(
        self,
        camera_id: str,
        live: bool,
        build: Callable[[], CameraParts],
        meter: CameraMeter,
        report_state: Callable[[CameraState, str], None],
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self.camera_id = camera_id
        self._live = live
        self._build = build
        self._meter = meter
        self._report_state = report_state
        self._clock = clock
        self._rng = rng
        self._parts: CameraParts | None = None
        self._stopping = threading.Event()
        self._restart_s = _FIRST_RESTART_S
        self._thread = threading.Thread(target=self._run, name=f"camera-{camera_id}", daemon=True)
        self.failure: str | None = None
        """Why a file could not be played to its end."""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; `join` waits for it."""
        self._stopping.set()
        self._close_source()

    def join(self, timeout_s: float | None = None) -> None:
        self._thread.join(timeout_s)

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    @property
    def lag_s(self) -> float | None:
        """How long ago the last analysed frame was captured; None while the camera is down."""
        return None if self._meter.state == "down" else self._meter.lag_s

    def health(self) -> CameraHealth:
        return self._meter.take()

    def restart(self) -> None:
        """Close the camera's stream and begin anew."""
        self._restart_s = _FIRST_RESTART_S
        self._close_source()

    def request_snapshot(self, taken: Callable[[StoredFile | None, str], None]) -> None:
        """Store the next frame."""
        parts = self._parts
        if parts is None:
            taken(None, f"camera {self.camera_id} is not running: {self._meter.last_error or 'starting'}")
        else:
            parts.pipeline.request_snapshot(taken)

    def request_clip(self, token: str, seconds: float) -> None:
        """The last seconds as a clip. Raises EvidenceError."""
        parts = self._parts
        if parts is None:
            raise EvidenceError(f"camera {self.camera_id} is not running now")
        until_s = self._meter.last_stream_time_s
        parts.clips.request_clip(token, max(0.0, until_s - seconds), until_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            begin_s = self._clock.monotonic()
            try:
                self._run_once()
            except Exception as error:  # noqa: BLE001 (the one supervisor: counted, reported, restarted)
                self._failed(error)
            if not self._live:
                return
            if self._clock.monotonic() - begin_s > _HEALTHY_AFTER_S:
                self._restart_s = _FIRST_RESTART_S
            self._stopping.wait(self._restart_s * self._rng.uniform(0.8, 1.2))
            self._restart_s = min(2 * self._restart_s, _LONGEST_RESTART_S)

    def _run_once(self) -> None:
        """From opening the source to its end."""
        parts = self._parts = self._build()
        try:
            if not self._stopping.is_set():  # asked to stop while the models were loading
                self._play(parts)
        finally:
            self._parts = None
            parts.source.close()
            parts.clips.close()
            parts.pipeline.refuse_snapshots("the camera has stopped")

    def _play(self, parts: CameraParts) -> None:
        """A stream tells its own state; of a file we know it."""
        if not self._live:
            self._report_state("up", "playing a file")
        parts.pipeline.run(parts.source)
        if not self._live:
            self._report_state("down", "the file has ended")

    def _failed(self, error: Exception) -> None:
        """Count and report. A file is not tried again: it would break at the same place."""
        expected = isinstance(error, WatchpostError)
        text = str(error) if expected else f"{type(error).__name__}: {error}"
        self._meter.failed(text)
        log.error("camera %s: %s", self.camera_id, text, exc_info=None if expected else error)
        self._report_state("down", text)
        if not self._live:
            self.failure = text

    def _close_source(self) -> None:
        parts = self._parts
        if parts is not None:
            parts.source.close()
