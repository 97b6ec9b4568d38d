"""What the agent measures about itself and its cameras."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from contract.events import CameraState
from contract.status import CameraHealth
from edge.clock import utc
from edge.ports import Clock

_THERMAL_ZONE = Path("/sys/class/thermal/thermal_zone0/temp")
_PROCESS_STATUS = Path("/proc/self/status")


class CameraMeter:
    """Counts one camera's frames, times its analyzers and holds its state. Written by its worker, read by delivery."""

    def __init__(self, camera_id: str, clock: Clock) -> None:
        self._camera_id = camera_id
        self._clock = clock
        self._lock = threading.Lock()
        self._frames = 0
        self._since_s = clock.monotonic()
        self._last_frame_s: float | None = None
        self._analysis: dict[str, tuple[float, int]] = {}
        self.frames_total = 0
        self.errors = 0
        self.last_error: str | None = None
        self.reconnects = 0
        self.read_decode_ms: Callable[[], float | None] = lambda: None
        self.read_weather_mode: Callable[[], bool] = lambda: False
        self._told = self._has_been_up = False
        self.previous: CameraState | None = None
        self.state: CameraState = "down"
        self.since: datetime = utc(clock.now())
        self.last_stream_time_s = 0.0
        self.lag_s: float | None = None

    def saw_frame(self, stream_time_s: float, captured_at: datetime) -> None:
        """A frame begins its way."""
        with self._lock:
            self._frames += 1
            self.frames_total += 1
            self._last_frame_s = self._clock.monotonic()
            self.last_stream_time_s = stream_time_s
            self.lag_s = round(self._clock.now() - captured_at.timestamp(), 3)

    @contextmanager
    def analysis(self, name: str) -> Iterator[None]:
        """Time one analyzer on one frame."""
        begin = self._clock.monotonic()
        yield
        spent_s = self._clock.monotonic() - begin
        with self._lock:
            total_s, count = self._analysis.get(name, (0.0, 0))
            self._analysis[name] = (total_s + spent_s, count + 1)

    def failed(self, error: str) -> None:
        """Something went wrong; the message is shown in health until the next one."""
        with self._lock:
            self.errors += 1
            self.last_error = error

    def enter(self, state: CameraState) -> bool:
        """Change the state; False when it was that already. The first state of all is a change, too."""
        with self._lock:
            if state == self.state and self._told:
                return False
            self.previous = self.state if self._told else None
            self.reconnects += self.previous == "down" and self._has_been_up
            self._told = True
            self._has_been_up |= state != "down"
            self.state, self.since = state, utc(self._clock.now())
            return True

    def take(self) -> CameraHealth:
        """The figures since the last call."""
        with self._lock:
            now_s = self._clock.monotonic()
            elapsed_s = max(now_s - self._since_s, 1e-6)
            health = CameraHealth(
                id=self._camera_id,
                state=self.state,
                fps=round(self._frames / elapsed_s, 2),
                last_frame_age_s=None if self._last_frame_s is None else round(now_s - self._last_frame_s, 3),
                lag_s=self.lag_s,
                decode_ms=self.read_decode_ms(),
                analysis_ms={
                    name: round(1e3 * total / count, 3) for name, (total, count) in self._analysis.items() if count
                },
                reconnects=self.reconnects,
                errors=self.errors,
                last_error=self.last_error,
                weather_mode=self.read_weather_mode(),
            )
            self._frames, self._since_s, self._analysis = 0, now_s, {}
            return health


def resident_memory_mb() -> float:
    """Resident memory of this process; 0 where the system does not tell."""
    try:
        lines = _PROCESS_STATUS.read_text().splitlines()
    except OSError:
        return 0.0
    kilobytes = next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)
    return round(kilobytes / 1024, 1)


def temperature_c() -> float | None:
    """The board's temperature, where it has a sensor that Linux knows."""
    try:
        return int(_THERMAL_ZONE.read_text()) / 1000
    except (OSError, ValueError):
        return None


def disk_free_mb(folder: Path) -> float:
    """Free space where the agent's data lie."""
    return round(shutil.disk_usage(folder).free / 1_000_000, 1)
