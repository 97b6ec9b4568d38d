"""The live timeline that all clients of a camera share: which picture is due when, loop after loop, and its ledger."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulator.camera.recording import AccessUnit, Recording


class Ledger:
    """Append-only JSON lines, each on disk before the call returns: what was really played, for the score."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def write(self, kind: str, at_unix_s: float, **details: Any) -> None:
        """Append `{"kind": ..., "at": UTC, ...}` and fsync."""
        if self._path is None:
            return
        line = {"kind": kind, "at": datetime.fromtimestamp(at_unix_s, tz=UTC).isoformat(), **details}
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, (json.dumps(line) + "\n").encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class DueUnit:
    """A picture with its place on the timeline, in seconds since it started: `due_s` to send, `show_s` to display."""

    unit: AccessUnit
    due_s: float
    show_s: float


class Timeline:
    """Starts once, then runs by the monotonic clock whether anybody watches or not."""

    def __init__(self, recording: Recording, *, loop: bool, ledger: Ledger) -> None:
        self._recording = recording
        self._loop = loop
        self._ledger = ledger
        self._started: float | None = None
        self._started_unix_s = 0.0
        self._loops_written = 0

    @property
    def started(self) -> bool:
        return self._started is not None

    def start(self) -> None:
        """Let it run from now on; a second call changes nothing."""
        if self._started is None:
            self._started, self._started_unix_s = time.monotonic(), time.time()
            self.write_loops()

    @property
    def now_s(self) -> float:
        """Seconds since the start; 0 before it."""
        return 0.0 if self._started is None else time.monotonic() - self._started

    @property
    def over(self) -> bool:
        """True when a recording that does not loop has been played."""
        return not self._loop and self.now_s > self._recording.duration_s

    def unix_s(self, timeline_s: float) -> float:
        """The wall clock at a place on the timeline."""
        return self._started_unix_s + timeline_s

    @property
    def next_loop_s(self) -> float:
        """When the next loop begins."""
        return self._loops_written * self._recording.duration_s

    def write_loops(self) -> None:
        """Enter the loops that have begun into the ledger; `at` is when the loop's first picture was due."""
        while self.started and self.now_s >= self.next_loop_s and (self._loop or self._loops_written == 0):
            self._ledger.write("play", self.unix_s(self.next_loop_s), loop=self._loops_written)
            self._loops_written += 1

    def units_from(self, timeline_s: float) -> Iterator[DueUnit]:
        """Pictures from the first key frame due at or after a time, without end when it loops."""
        loop = max(0, int(timeline_s // self._recording.duration_s))
        waiting = True
        while loop == 0 or self._loop:
            base_s = loop * self._recording.duration_s
            for unit in self._recording.units:
                due_s = base_s + unit.dts_s
                if waiting and (due_s < timeline_s or not unit.keyframe):
                    continue
                waiting = False
                yield DueUnit(unit, due_s, base_s + unit.pts_s)
            loop += 1
