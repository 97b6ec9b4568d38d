"""From compressed video to frames: what file and stream sources share.

One decoder thread, the Y plane as a view of the decoder's buffer (no copy for full-range video), one cheap pass to
bring limited-range video to full range, stream time from presentation time stamps. Colour is converted only when a
frame is asked for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from statistics import median
from typing import TYPE_CHECKING, cast

import av
import av.error
import numpy as np
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from edge.errors import SourceUnreadable
from edge.imaging import expand_limited_range, largest_difference, mean_difference
from edge.types import Bgr, Luma, Packet, StreamInfo

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet as GenericPacket
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from edge.ports import Clock, PacketSink

    AvPacket = GenericPacket[VideoStream]
    Buffer = bytes  # what a plane is to numpy; PyAV's stubs do not say that it is one

av.logging.set_level(av.logging.FATAL)

ASSUMED_FPS = 25.0
"""For the rare stream that says neither its rate nor its time stamps."""
_PLAUSIBLE_FPS = (0.5, 240.0)


def reason_of(error: av.error.FFmpegError) -> str:
    """FFmpeg's words for an error, without the address it appends (which may hold a password)."""
    return str(error.strerror or type(error).__name__)


@dataclass(frozen=True, slots=True)
class Picture:
    """One decoded picture before it becomes a `Frame`: stream time in seconds, full-range luma (h, w)."""

    stream_time_s: float
    luma: Luma
    convert: Callable[[], Bgr]
    repeated: bool


def first_video_stream(container: InputContainer, name: str) -> VideoStream:
    """The stream to decode, set to one decoder thread. Raises SourceUnreadable when none can be decoded."""
    if not container.streams.video:
        raise SourceUnreadable(f"{name}: holds no video stream")
    stream = container.streams.video[0]
    if not (stream.codec_context.width and stream.codec_context.height):
        raise SourceUnreadable(f"{name}: the video stream cannot be decoded (unknown codec or no picture size)")
    stream.codec_context.thread_count = 1
    stream.codec_context.thread_type = "NONE"
    return stream


def fps_of(stream: VideoStream) -> float:
    """Average frames per second as the container says, or as guessed from its start; else 25."""
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and _PLAUSIBLE_FPS[0] <= float(rate) <= _PLAUSIBLE_FPS[1]:
            return float(rate)
    return ASSUMED_FPS


def stream_info(stream: VideoStream, rotation: int = 0) -> StreamInfo:
    """What the recorder needs to write the stream's packets into a file."""
    context = stream.codec_context
    extradata = bytes(context.extradata) if context.extradata else b""
    return StreamInfo(context.name, context.width, context.height, extradata, fps_of(stream), rotation)


def luma_of(frame: VideoFrame) -> Luma:
    """(h, w) uint8 in full range: a view of the decoder's buffer if that is so already, else a new array."""
    component = frame.format.components[0]
    if component.bits != 8 or not component.is_luma or frame.format.is_rgb:
        frame = frame.reformat(format="gray", dst_color_range=ColorRange.JPEG)
    plane = frame.planes[0]
    rows = np.frombuffer(cast("Buffer", plane), np.uint8).reshape(
        -1, plane.line_size
    )  # lines are padded to the decoder's alignment
    luma = rows[: frame.height, : frame.width]
    return luma if is_full_range(frame) else expand_limited_range(luma)


def is_full_range(frame: VideoFrame) -> bool:
    """True for yuvj and gray formats and streams marked full range; unmarked YUV is limited, as the standards say."""
    return frame.color_range == ColorRange.JPEG or frame.format.name.startswith(("yuvj", "gray"))


def turned(picture: NDArray[np.uint8], rotation: int) -> NDArray[np.uint8]:
    """The picture turned counter-clockwise by 0, 90, 180 or 270 degrees; itself when there is nothing to turn."""
    return np.ascontiguousarray(np.rot90(picture, rotation // 90)) if rotation else picture


class RepeatCheck:
    """Recognises a picture that is the previous one again (20 pictures a second sent as 30, a stuttering encoder).

    Repeated means: the mean difference on every eighth line is below 2 % of what is usual between this camera's
    pictures, and no pixel of the whole picture differs by more than the encoder's own touch-ups. The second test keeps
    a lone small moving object in an otherwise still picture from being thrown away; it runs only on candidates.
    """

    SHARE_OF_USUAL = 0.02
    LARGEST_TOUCH_UP = 10.0
    _LINES = 8
    _HISTORY = 50

    def __init__(self) -> None:
        self._previous: Luma | None = None
        self._usual: deque[float] = deque(maxlen=self._HISTORY)
        self._limit = 0.0
        self._seen = 0

    def is_repeated(self, luma: Luma) -> bool:
        """Compare with the last picture that was news; a repeated one does not take its place."""
        previous = self._previous
        if previous is None or previous.shape != luma.shape:
            self._previous = luma
            return False
        difference = mean_difference(luma[:: self._LINES], previous[:: self._LINES])
        if difference <= self._limit and largest_difference(luma, previous) <= self.LARGEST_TOUCH_UP:
            return True
        self._previous = luma
        self._learn(difference)
        return False

    def _learn(self, difference: float) -> None:
        self._usual.append(difference)
        self._seen += 1
        if self._seen in {3, 6} or self._seen % 10 == 0:  # it changes slowly; each time would cost more than the check
            self._limit = self.SHARE_OF_USUAL * median(self._usual)


class StreamTimes:
    """Turns time stamps into seconds since the first one, for packets and pictures; counts where there are none."""

    _FROM_ZERO_S = 1.0
    _BACK_S = 1.0

    def __init__(self, time_base: Fraction, fps: float) -> None:
        self._time_base = time_base
        self._step_s = 1.0 / fps
        self._zero: int | None = None
        self._packets = 0
        self._last_s: float | None = None
        self.jumped_back = False
        """The time stamps went back by more than a second: a camera that set its clock, or files joined together."""

    def packet_times(self, packet: AvPacket) -> tuple[float, float]:
        """(pts_s, dts_s) of the next packet in reading order."""
        counted_s = self._packets * self._step_s
        first = packet.pts if packet.pts is not None else packet.dts
        if self._zero is None and first is not None:
            self._zero = self._zero_before(first, counted_s)
        self._packets += 1
        pts, dts = self._seconds(packet.pts), self._seconds(packet.dts)
        if pts is None:
            pts = counted_s if dts is None else dts
        return pts, pts if dts is None else dts

    def _zero_before(self, stamp: int, counted_s: float) -> int:
        """Where zero is, seen from the first stamp: FFmpeg gives none to the first packet of RTSP."""
        if counted_s == 0.0:
            return stamp
        if 0.0 <= float(stamp * self._time_base) <= self._FROM_ZERO_S:
            return 0
        return stamp - round(counted_s / float(self._time_base))

    def picture_time(self, pts: int | None) -> float:
        """Seconds of the next picture in display order; always later than the one before."""
        seconds = self._seconds(pts)
        last = self._last_s
        if seconds is None or (last is not None and seconds <= last):
            if seconds is not None and last is not None and seconds < last - self._BACK_S:
                self.jumped_back = True
            seconds = 0.0 if last is None else last + self._step_s
        self._last_s = seconds
        return seconds

    def _seconds(self, stamp: int | None) -> float | None:
        if stamp is None or self._zero is None:
            return None
        return float((stamp - self._zero) * self._time_base)


class Decoder:
    """Reads one opened container to its end: packets go to the sink as they come, pictures are yielded."""

    MAX_DAMAGED_IN_A_ROW = 250
    _COST_WEIGHT = 0.02

    def __init__(
        self, container: InputContainer, name: str, sink: PacketSink | None, clock: Clock, rotation: int = 0
    ) -> None:
        self._container = container
        self._name = name
        self._sink = sink
        self._clock = clock
        self.stream = first_video_stream(container, name)
        self.info = stream_info(self.stream, rotation)
        self.times = StreamTimes(self.stream.time_base or Fraction(1, 90_000), self.info.average_fps)
        self._repeats = RepeatCheck()
        self.damaged = 0
        self._damaged_in_a_row = 0
        self.decode_ms: float | None = None
        """Running mean per picture: decoding, normalising, comparing with the one before; not the waiting for data."""

    def pictures(self) -> Iterator[Picture]:
        """Yield pictures in display order. Reading errors (`av.error.FFmpegError`) pass through to be named."""
        if self._sink is not None:
            self._sink.start_stream(self.info)
        started = False
        for packet in self._container.demux(self.stream):
            if packet.size:
                started = started or packet.is_keyframe
                if not started:
                    continue  # joined in the middle: nothing can be decoded before the first key frame
                self._keep(packet)
            begin = self._clock.monotonic()
            pictures = self._decode(packet)
            if pictures:
                self._learn_cost(1e3 * (self._clock.monotonic() - begin) / len(pictures))
            yield from pictures

    def packets(self) -> Iterator[Packet]:
        """Only the compressed packets, from the first key frame; nothing is decoded and the sink is not used."""
        started = False
        for packet in self._container.demux(self.stream):
            started = started or bool(packet.size and packet.is_keyframe)
            if started and packet.size:
                yield self._timed_packet(packet)

    def _keep(self, packet: AvPacket) -> None:
        timed = self._timed_packet(packet)
        if self._sink is not None:
            self._sink.put_packet(timed)

    def _timed_packet(self, packet: AvPacket) -> Packet:
        pts_s, dts_s = self.times.packet_times(packet)
        duration_s = float((packet.duration or 0) * (packet.time_base or 0)) or 1.0 / self.info.average_fps
        return Packet(bytes(packet), pts_s, dts_s, duration_s, packet.is_keyframe)

    def _decode(self, packet: AvPacket) -> list[Picture]:
        try:
            frames = packet.decode()
        except av.error.InvalidDataError as error:
            self._count_damaged(error)
            return []
        whole = []
        for frame in frames:
            if frame.is_corrupt:
                self._count_damaged(None)
                continue
            self._damaged_in_a_row = 0
            whole.append(self._picture(frame))
        return whole

    def _picture(self, frame: VideoFrame) -> Picture:
        luma = turned(luma_of(frame), self.info.rotation)
        time_s = self.times.picture_time(frame.pts)
        return Picture(time_s, luma, _bgr_maker(frame, self.info.rotation), self._repeats.is_repeated(luma))

    def _learn_cost(self, ms: float) -> None:
        last = ms if self.decode_ms is None else self.decode_ms
        self.decode_ms = last + self._COST_WEIGHT * (ms - last)

    def _count_damaged(self, error: av.error.FFmpegError | None) -> None:
        self.damaged += 1
        self._damaged_in_a_row += 1
        if self._damaged_in_a_row >= self.MAX_DAMAGED_IN_A_ROW:
            reason = reason_of(error) if error else "corrupt pictures"
            raise SourceUnreadable(
                f"{self._name}: {self._damaged_in_a_row} pictures in a row cannot be decoded: {reason}"
            )


def _bgr_maker(frame: VideoFrame, rotation: int) -> Callable[[], Bgr]:
    return lambda: turned(cast("Bgr", frame.to_ndarray(format="bgr24")), rotation)
