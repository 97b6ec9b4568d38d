"""A camera's live stream (RTSP, HTTP): connects, reconnects for ever, and says how the camera is."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import av.error
import tenacity

from edge.addresses import redact
from edge.clock import SystemClock, utc
from edge.errors import SourceAuthRefused, SourceError, SourceStalled, SourceUnreadable
from edge.ports import Clock, PacketSink
from edge.sources.connecting import Transport, open_stream, source_error
from edge.sources.decoding import Decoder, Picture
from edge.sources.watching import PictureWatch
from edge.types import Frame, StreamInfo

_LOG = logging.getLogger(__name__)

StreamState = Literal["up", "down", "frozen", "blind"]
OnState = Callable[[StreamState, str], None]

_FORWARD_JUMP_S = 10.0
"""Time stamps that leap further than this belong to another clock: connect anew."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what."""

    timeout_s: float = 5.0
    """Without data for this long, a connection is given up."""
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    """Between attempts to connect: doubled each time, with jitter, never given up."""
    frozen_after_s: float = 10.0
    blind_after_s: float = 5.0


def attempts(patience: Patience, closed: threading.Event) -> tenacity.Retrying:
    """Tries again after every SourceError, without end; RetryError when `closed` is set meanwhile."""
    first_s, longest_s = patience.first_wait_s, patience.longest_wait_s
    growing = tenacity.wait_exponential(multiplier=first_s, max=longest_s) + tenacity.wait_random(0, first_s)

    def wait(state: tenacity.RetryCallState) -> float:
        if state.outcome is not None and isinstance(state.outcome.exception(), SourceAuthRefused):
            return longest_s  # cameras lock an account after some wrong attempts
        return float(growing(state))

    return tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(SourceError),
        wait=wait,
        sleep=tenacity.sleep_using_event(closed),
        stop=tenacity.stop_when_event_set(closed),
    )


class CaptureClock:
    """UTC of a live picture: stream time on an origin that is the least delayed arrival of the last half to one minute.

    The first pictures of a connection come late (FFmpeg looks at some before it hands out any), and a camera's clock
    drifts against ours: the least delayed arrival of a sliding window forgets both.
    """

    _WINDOW_S = 30.0

    def __init__(self) -> None:
        self._window_began_s: float | None = None
        self._origin_s = self._last_origin_s = float("inf")

    def captured_at(self, stream_time_s: float, now_s: float) -> datetime:
        """UTC of the picture with this stream time, arrived at `now_s` (seconds since the epoch)."""
        if self._window_began_s is None or not 0 <= now_s - self._window_began_s < self._WINDOW_S:
            self._window_began_s = now_s
            self._last_origin_s, self._origin_s = self._origin_s, float("inf")
        self._origin_s = min(self._origin_s, now_s - stream_time_s)
        return utc(self.origin_s + stream_time_s)

    @property
    def origin_s(self) -> float:
        """Stream time 0 in seconds since the epoch; infinite before the first picture."""
        return min(self._origin_s, self._last_origin_s)


class StreamSource:
    """Frames of a live camera. `frames` never ends by itself: the end of the stream is a disconnect.

    Stream time restarts at 0 with each connection. `on_state(state, reason)` is called when the state or, while down,
    the reason changes, from the thread that runs `frames`. `probe` raises SourceAuthRefused, SourceNotFound,
    SourceStalled and SourceUnreadable; `frames` reports them through `on_state` and `last_error` and tries again.
    """

    def __init__(  # noqa: PLR0913  (what a camera needs)
        self,
        camera_id: str,
        url: str,
        sink: PacketSink | None = None,
        clock: Clock | None = None,
        *,
        transport: Transport = "tcp",
        timeout_s: float = 5.0,
        on_state: OnState | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._camera_id = camera_id
        self._url = url
        self._sink = sink
        self._clock: Clock = clock or SystemClock()
        self._transport: Transport = transport
        self._patience = patience or Patience(timeout_s=timeout_s)
        self._on_state = on_state
        self._closed = threading.Event()
        self._told: tuple[StreamState, str] | None = None
        self._connections = 0
        self._capture = CaptureClock()
        self.last_error: str | None = None
        self.last_frame_monotonic_s: float | None = None
        self.decode_ms: float | None = None
        self.damaged = 0
        """Pictures of the running connection that could not be decoded and were left out."""

    @property
    def live(self) -> bool:
        return True

    @property
    def reconnects(self) -> int:
        """Connections after the first one."""
        return max(0, self._connections - 1)

    @property
    def connections(self) -> int:
        """How often it has been connected: tells one connection's stream time from the next one's."""
        return self._connections

    @property
    def origin_s(self) -> float:
        """Stream time 0 of the running connection, in seconds since the epoch (see `CaptureClock`)."""
        return self._capture.origin_s

    @property
    def last_frame_age_s(self) -> float | None:
        """Seconds since the last frame; None before the first one."""
        last = self.last_frame_monotonic_s
        return None if last is None else self._clock.monotonic() - last

    def probe(self) -> StreamInfo:
        """Connect once and read the stream's description."""
        with open_stream(self._url, self._transport, self._patience.timeout_s) as container:
            return Decoder(container, redact(self._url), None, self._clock).info

    def close(self) -> None:
        self._closed.set()

    def frames(self) -> Iterator[Frame]:
        index = 0
        while not self._closed.is_set():
            connected = self._connect_patiently()
            if connected is None:
                return
            first, pictures = connected
            with closing(pictures):
                for frame in self._play(first, pictures, index):
                    index = frame.index + 1
                    yield frame

    def _connect_patiently(self) -> tuple[Picture, Generator[Picture]] | None:
        """A connection that has delivered its first picture; None when closed meanwhile."""
        try:
            return attempts(self._patience, self._closed)(self._connect)
        except tenacity.RetryError:
            return None

    def _connect(self) -> tuple[Picture, Generator[Picture]]:
        pictures = self._pictures()
        try:
            first = next(pictures, None)
            if first is None:
                raise SourceStalled(f"{redact(self._url)}: connected, but the stream ended before its first picture")
        except SourceError as error:
            self._tell("down", str(error))
            raise
        self._capture = CaptureClock()
        self._connections += 1
        return first, pictures

    def _pictures(self) -> Generator[Picture]:
        """The pictures of one connection. Raises SourceError however it ends, except by a quiet end of stream."""
        with open_stream(self._url, self._transport, self._patience.timeout_s) as container:
            decoder = Decoder(container, redact(self._url), self._sink, self._clock)
            last_s = 0.0
            try:
                for picture in decoder.pictures():
                    self.decode_ms, self.damaged = decoder.decode_ms, decoder.damaged
                    if decoder.times.jumped_back or picture.stream_time_s - last_s > _FORWARD_JUMP_S:
                        raise SourceUnreadable(f"{redact(self._url)}: the camera's time stamps jumped; connecting anew")
                    last_s = picture.stream_time_s
                    yield picture
            except (av.error.FFmpegError, OSError) as error:
                raise source_error(self._url, error) from error

    def _play(self, first: Picture, rest: Iterator[Picture], index: int) -> Iterator[Frame]:
        """Frames of one connection until it ends; how it ended is told, not raised."""
        watch = PictureWatch(self._patience.frozen_after_s, self._patience.blind_after_s)
        picture: Picture | None = first
        try:
            while picture is not None and not self._closed.is_set():
                self.last_frame_monotonic_s = self._clock.monotonic()
                verdict = watch.judge(picture)
                self._tell(verdict.state, verdict.reason)
                yield Frame(
                    camera_id=self._camera_id,
                    index=index,
                    stream_time_s=picture.stream_time_s,
                    captured_at=self._capture.captured_at(picture.stream_time_s, self._clock.now()),
                    luma=picture.luma,
                    convert=picture.convert,
                    repeated=picture.repeated,
                )
                index += 1
                picture = next(rest, None)
        except SourceError as error:
            self._tell("down", str(error))
            return
        if not self._closed.is_set():
            self._tell("down", f"{redact(self._url)}: the camera ended the stream")

    def _tell(self, state: StreamState, reason: str) -> None:
        """Pass a change on. While frozen or blind, the growing duration in the reason is no change."""
        if state == "down":
            self.last_error = reason
        told = (state, reason if state == "down" else "")
        if told == self._told:
            return
        self._told = told
        _LOG.log(
            logging.INFO if state == "up" else logging.WARNING, "camera %s is %s %s", self._camera_id, state, reason
        )
        if self._on_state is not None:
            self._on_state(state, reason)
