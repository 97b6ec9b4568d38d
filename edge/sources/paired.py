"""A camera with two streams: the small one is analysed, the large one's packets are recorded without being decoded."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace

import av.error
import tenacity

from edge.addresses import redact
from edge.clock import SystemClock
from edge.errors import SourceError, SourceStalled
from edge.ports import Clock, PacketSink
from edge.sources.connecting import Transport, open_stream, source_error
from edge.sources.decoding import Decoder
from edge.sources.stream import CaptureClock, OnState, Patience, StreamSource, attempts
from edge.types import Frame, Packet, StreamInfo

_LOG = logging.getLogger(__name__)

_SETTLE_S = 2.0
"""Both streams run this long before their times are compared: the first packets of a connection arrive in a heap."""


class PairedSource:
    """Frames of the sub stream; the sink gets the main stream's packets, on the sub stream's time.

    The two streams' times are joined by their least delayed arrivals, anew whenever one of them reconnects: a clip may
    be off by some hundredths of a second. While the main stream is down, analysis goes on; `recording_error` tells.
    """

    def __init__(  # noqa: PLR0913  (what a camera needs)
        self,
        camera_id: str,
        main_url: str,
        sub_url: str,
        sink: PacketSink,
        clock: Clock | None = None,
        *,
        transport: Transport = "tcp",
        timeout_s: float = 5.0,
        on_state: OnState | None = None,
        patience: Patience | None = None,
    ) -> None:
        clock = clock or SystemClock()
        patience = patience or Patience(timeout_s=timeout_s)
        self.analysed = StreamSource(
            camera_id, sub_url, None, clock, transport=transport, on_state=on_state, patience=patience
        )
        """The sub stream, with its state and figures."""
        self._recorded = _MainStream(main_url, sink, self.analysed, clock, transport, patience)

    @property
    def live(self) -> bool:
        return True

    @property
    def reconnects(self) -> int:
        return self.analysed.reconnects

    @property
    def decode_ms(self) -> float | None:
        return self.analysed.decode_ms

    @property
    def last_error(self) -> str | None:
        return self.analysed.last_error

    @property
    def last_frame_monotonic_s(self) -> float | None:
        return self.analysed.last_frame_monotonic_s

    @property
    def last_frame_age_s(self) -> float | None:
        return self.analysed.last_frame_age_s

    @property
    def recording_error(self) -> str | None:
        """Why the main stream is not recorded at present; None while it is."""
        return self._recorded.error

    def probe(self) -> StreamInfo:
        """Connect to both streams once; describes the analysed one. Raises SourceError."""
        self._recorded.probe()
        return self.analysed.probe()

    def frames(self) -> Iterator[Frame]:
        self._recorded.start()
        yield from self.analysed.frames()

    def close(self) -> None:
        self._recorded.close()
        self.analysed.close()


class _MainStream:
    """Reads packets on its own thread and passes them on with the sub stream's times."""

    def __init__(
        self,
        url: str,
        sink: PacketSink,
        sub: StreamSource,
        clock: Clock,
        transport: Transport,
        patience: Patience,
    ) -> None:
        self._url = url
        self._sink = sink
        self._sub = sub
        self._clock = clock
        self._transport: Transport = transport
        self._patience = patience
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="main-stream", daemon=True)
        self.error: str | None = None

    def probe(self) -> None:
        open_stream(self._url, self._transport, self._patience.timeout_s).close()

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                attempts(self._patience, self._closed)(self._connect_and_read)
            except tenacity.RetryError:
                return

    def _connect_and_read(self) -> None:
        """One connection. Raises SourceError only when it gave nothing, so that waiting grows with failures alone."""
        recorded = False
        try:
            for _ in self._read():
                recorded = True
                self.error = None
            if not self._closed.is_set():
                raise SourceStalled(f"{redact(self._url)}: the camera ended the stream")
        except SourceError as error:
            if self.error is None:
                _LOG.warning("the main stream is not recorded: %s", error)
            self.error = str(error)
            if not recorded:
                raise

    def _read(self) -> Iterator[Packet]:
        """The packets of one connection, already passed on. Raises SourceError."""
        with open_stream(self._url, self._transport, self._patience.timeout_s) as container:
            decoder = Decoder(container, redact(self._url), None, self._clock)
            join = _Join(decoder.info, self._sink, self._sub, self._clock)
            try:
                for packet in decoder.packets():
                    if self._closed.is_set():
                        return
                    join.put(packet)
                    yield packet
            except (av.error.FFmpegError, OSError) as error:
                raise source_error(self._url, error) from error


class _Join:
    """Moves the main stream's packets onto the sub stream's time; holds them back until both times are known."""

    def __init__(self, info: StreamInfo, sink: PacketSink, sub: StreamSource, clock: Clock) -> None:
        self._info = info
        self._sink = sink
        self._sub = sub
        self._clock = clock
        self._capture = CaptureClock()
        self._held: list[Packet] = []
        self._connection: int | None = None
        self._connection_seen = 0
        self._since_s = clock.monotonic()
        self._shift_s = 0.0

    def put(self, packet: Packet) -> None:
        self._capture.captured_at(packet.pts_s, self._clock.now())
        if self._connection is not None and self._connection == self._sub.connections:
            self._pass_on(packet)
            return
        self._hold(packet)
        if self._settled():
            self._shift_s = self._capture.origin_s - self._sub.origin_s
            self._sink.start_stream(self._info)
            for held in self._held:
                self._pass_on(held)
            self._held = []

    def _hold(self, packet: Packet) -> None:
        """Keep from the last key frame but one on: never more than two groups of pictures."""
        if packet.keyframe:
            keys = [index for index, held in enumerate(self._held) if held.keyframe]
            self._held = self._held[keys[-1] :] if keys else []
        self._held.append(packet)

    def _settled(self) -> bool:
        now_s = self._clock.monotonic()
        if self._sub.connections != self._connection_seen:
            self._connection_seen, self._since_s = self._sub.connections, now_s
        ready = self._connection_seen > 0 and now_s - self._since_s >= _SETTLE_S
        self._connection = self._connection_seen if ready else None
        return ready

    def _pass_on(self, packet: Packet) -> None:
        self._sink.put_packet(replace(packet, pts_s=packet.pts_s + self._shift_s, dts_s=packet.dts_s + self._shift_s))
