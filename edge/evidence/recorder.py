"""The ring of compressed packets, and the clips that are cut from it.

The camera's thread puts packets and asks for clips; both return at once. A clip needs its seconds after the event: it
gathers them as they come, and the recorder's own thread then writes the file. Packets are kept, never pictures: 12 s of
4 Mbit/s are 6 MB.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from edge.clock import SystemClock
from edge.errors import EvidenceError, WatchpostError
from edge.evidence.clip import Cut, cut, write_clip
from edge.evidence.covering import FindPlaces
from edge.evidence.files import EvidenceFiles, StoredFile
from edge.imaging import Polygon
from edge.ports import Clock
from edge.types import Packet, StreamInfo

_LOG = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.5
_AHEAD_S = 2.0
"""What ends this much later than the newest packet of a young connection happened in the one before it."""


@dataclass(frozen=True, slots=True)
class ClipResult:
    """What became of a request: a stored file, or why there is none. `note` is for a person, beside the file."""

    token: str
    stored: StoredFile | None
    failed: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class RingLimits:
    """How much is kept, and for how long a clip is waited."""

    ring_s: float = 12.0
    ring_bytes: int = 64 << 20
    longest_clip_s: float = 60.0
    silence_s: float = 10.0
    """A clip whose packets do not come for this long is written as far as it goes."""
    waiting_clips: int = 16
    """Finished cuts that wait for the writing thread."""


@dataclass(slots=True, eq=False)
class _Pending:
    """A clip that waits for its last packets."""

    token: str
    info: StreamInfo
    from_s: float
    to_s: float
    packets: list[Packet] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Later packets show later pictures only."""
        last = self.packets[-1] if self.packets else None
        return last is not None and last.pts_s > self.to_s and last.dts_s > self.to_s


class Recorder:
    """Keeps one camera's last seconds and cuts clips from them. A `PacketSink`.

    `on_clip` is called once for every request, from the recorder's thread. With `wait_when_busy` (files at full speed)
    `put_packet` waits while too many clips wait to be written; a live camera's clip fails instead, and says so.
    """

    def __init__(  # noqa: PLR0913  (a recorder's plain settings)
        self,
        camera_id: str,
        files: EvidenceFiles,
        on_clip: Callable[[ClipResult], None],
        *,
        before_s: float = 4.0,
        after_s: float = 3.0,
        ring_s: float | None = None,
        masks: Sequence[Polygon] = (),
        find_places: FindPlaces | None = None,
        clock: Clock | None = None,
        wait_when_busy: bool = False,
        limits: RingLimits | None = None,
    ) -> None:
        self._camera_id = camera_id
        self._files = files
        self._on_clip = on_clip
        self._before_s, self._after_s = before_s, after_s
        self._masks = tuple(masks)
        self._find_places = find_places
        self._clock: Clock = clock or SystemClock()
        self._wait_when_busy = wait_when_busy
        self._limits = limits or RingLimits()
        self._ring_s = self._limits.ring_s if ring_s is None else ring_s
        self._lock = threading.Lock()
        self._info: StreamInfo | None = None
        self._ring: deque[Packet] = deque()
        self._ring_bytes = 0
        self._keys_s: deque[float] = deque()
        self._earlier: tuple[StreamInfo, list[Packet]] | None = None
        """The last seconds of the connection before, while the new one is young: what it showed may be told late."""
        self._last_packet_at_s = self._clock.monotonic()
        self._pending: list[_Pending] = []
        self._cuts: queue.Queue[tuple[_Pending, bool] | None] = queue.Queue()
        self._room = threading.Semaphore(self._limits.waiting_clips)
        self._closed = False
        self._thread = threading.Thread(target=self._write_clips, name=f"recorder-{camera_id}", daemon=True)
        self._thread.start()

    # --- the camera's thread

    def start_stream(self, info: StreamInfo) -> None:
        """A new connection: clips of the old one get what there is, and the ring begins anew."""
        with self._lock:
            ended = self._take_pending(lambda _: True)
            if self._info is not None and self._ring:
                self._earlier = (self._info, list(self._ring))
            self._info = info
            self._ring.clear()
            self._keys_s.clear()
            self._ring_bytes = 0
        self._hand_over(ended)

    def put_packet(self, packet: Packet) -> None:
        with self._lock:
            self._last_packet_at_s = self._clock.monotonic()
            self._ring.append(packet)
            self._ring_bytes += len(packet.data)
            if packet.keyframe:
                self._keys_s.append(packet.pts_s)
            self._drop_old()
            for pending in self._pending:
                pending.packets.append(packet)
            complete = self._take_pending(lambda pending: pending.complete)
        self._hand_over(complete)

    def request_clip(self, token: str, from_s: float, to_s: float) -> None:
        """A clip from `before_s` before stream time `from_s` to `after_s` after `to_s`; `on_clip` gets the result.

        A time that has not come yet is one of the connection before, while that is remembered: its clip gets what is
        left of it. What is farther ahead than a clip is long is never waited for.
        """
        begin_s = max(0.0, from_s - self._before_s)
        end_s = min(to_s + self._after_s, begin_s + self._limits.longest_clip_s)
        failed: str | None = None
        with self._lock:
            ready: list[_Pending] = []
            if self._info is None or self._closed:
                failed = "no stream was running"
            elif self._ring and self._earlier is not None and to_s > self._ring[-1].pts_s + _AHEAD_S:
                ready = [_Pending(token, self._earlier[0], begin_s, end_s, self._earlier[1])]
            elif self._ring and to_s > self._ring[-1].pts_s + self._limits.longest_clip_s:
                failed = "the connection that showed it has ended"
            else:
                self._pending.append(_Pending(token, self._info, begin_s, end_s, list(self._ring)))
                ready = self._take_pending(lambda waiting: waiting.complete)
        if failed is not None:
            self._tell(ClipResult(token, None, failed=failed))
        self._hand_over(ready)

    def finish_clips(self) -> None:
        """The stream has ended for good: write the waiting clips as far as they go. Returns at once."""
        with self._lock:
            ended = self._take_pending(lambda _: True)
        self._hand_over(ended)

    def close(self) -> None:
        """Write all waiting clips, call `on_clip` for each, and end the recorder's thread. Waits for all that."""
        with self._lock:
            self._closed = True
            ended = self._take_pending(lambda _: True)
        self._hand_over(ended)
        self._cuts.put(None)
        self._thread.join()

    def _drop_old(self) -> None:
        """By whole groups of pictures, so that a key frame `ring_s` old stays; above the bytes, at any packet."""
        horizon_s = self._ring[-1].pts_s - self._ring_s
        if horizon_s > 0:
            self._earlier = None
        while len(self._keys_s) > 1 and self._keys_s[1] <= horizon_s:
            self._drop_first()
            while not self._ring[0].keyframe:
                self._drop_first()
        while len(self._ring) > 1 and self._ring_bytes > self._limits.ring_bytes:
            self._drop_first()

    def _drop_first(self) -> None:
        packet = self._ring.popleft()
        self._ring_bytes -= len(packet.data)
        if packet.keyframe:
            self._keys_s.popleft()

    def _take_pending(self, applies: Callable[[_Pending], bool]) -> list[_Pending]:
        taken = [pending for pending in self._pending if applies(pending)]
        if taken:
            self._pending = [pending for pending in self._pending if pending not in taken]
        return taken

    def _hand_over(self, finished: list[_Pending]) -> None:
        for pending in finished:
            room = self._room.acquire(blocking=self._wait_when_busy or self._closed)
            self._cuts.put((pending, room))

    # --- the recorder's thread

    def _write_clips(self) -> None:
        while True:
            try:
                item = self._cuts.get(timeout=_LOOK_EVERY_S)
            except queue.Empty:
                self._give_up_waiting()
                continue
            if item is None:
                return
            pending, room = item
            result = self._write(pending) if room else self._too_busy(pending)
            if room:
                self._room.release()
            self._tell(result)

    def _give_up_waiting(self) -> None:
        """Hand over what waits for packets that no longer come."""
        with self._lock:
            if self._clock.monotonic() - self._last_packet_at_s < self._limits.silence_s:
                return
            silent = self._take_pending(lambda _: True)
        for pending in silent:
            self._cuts.put((pending, self._room.acquire(blocking=False)))

    def _tell(self, result: ClipResult) -> None:
        """One result that cannot be taken (a full outbox) must not cost the clips after it."""
        try:
            self._on_clip(result)
        except WatchpostError as error:
            _LOG.error("the clip %s of %s is not reported: %s", result.token, self._camera_id, error)

    def _too_busy(self, pending: _Pending) -> ClipResult:
        reason = f"{self._limits.waiting_clips} clips of {self._camera_id} are waiting to be written already"
        _LOG.warning("clip %s is given up: %s", pending.token, reason)
        return ClipResult(pending.token, None, failed=reason)

    def _write(self, pending: _Pending) -> ClipResult:
        clip = cut(pending.info, pending.packets, pending.from_s, pending.to_s)
        if clip is None:
            return ClipResult(pending.token, None, failed="the stream held no complete picture of that time")
        temporary = self._files.temporary_path(".mp4")
        try:
            converted = write_clip(temporary, clip, self._masks, self._find_places)
            stored = self._files.adopt(temporary, "clip", "video/mp4")
        except EvidenceError as error:
            temporary.unlink(missing_ok=True)
            _LOG.warning("clip %s of %s: %s", pending.token, self._camera_id, error)
            return ClipResult(pending.token, None, failed=str(error))
        notes = [note for note in (converted, _shortfall(pending, clip)) if note]
        return ClipResult(pending.token, stored, note="; ".join(notes) or None)


def _shortfall(pending: _Pending, clip: Cut) -> str | None:
    """What of the wanted time the clip lacks, in words."""
    step_s = 2 / clip.info.average_fps
    first_s, last_s = clip.packets[0].pts_s, max(packet.pts_s for packet in clip.packets)
    late_s, early_s = first_s - pending.from_s, pending.to_s - last_s
    lacks = [f"begins {late_s:.1f} s late"] if late_s > step_s else []
    lacks += [f"ends {early_s:.1f} s early, with the stream"] if early_s > step_s else []
    return ", ".join(lacks) or None
