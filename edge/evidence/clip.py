"""Compressed packets to an mp4 that browsers play: the same pictures again when that is possible, else H.264 anew.

H.264 without privacy masks is only wrapped (4 ms for 6 s). With masks, or with moving places that must be covered, it
is decoded, those places blackened, and encoded again; so is every other codec, because browsers play nothing else for
certain.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import av.error
import numpy as np
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from edge.errors import EvidenceError
from edge.evidence.covering import FindPlaces, cover_moving
from edge.imaging import Polygon, mask_pixels
from edge.types import Bgr, Packet, StreamInfo

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_TIME_BASE = Fraction(1, 90_000)
_START_CODE = b"\x00\x00\x00\x01"
_BLACK_LUMA, _NO_COLOUR = 16, 128
_CODEC_NAMES = {"hevc": "H.265", "mjpeg": "MJPEG", "mpeg4": "MPEG-4"}
_OPTIONS = {"movflags": "+faststart"}


@dataclass(frozen=True, slots=True)
class Cut:
    """The packets of a clip in reading order; the first one is a key frame and all others are shown after it."""

    info: StreamInfo
    packets: tuple[Packet, ...]


def cut(info: StreamInfo, packets: Sequence[Packet], from_s: float, to_s: float) -> Cut | None:
    """From the key frame at or before `from_s` (else the first one after it) to `to_s`; None when nothing is there."""
    keys = [index for index, packet in enumerate(packets) if packet.keyframe]
    if not keys:
        return None
    first = max((index for index in keys if packets[index].pts_s <= from_s), default=keys[0])
    start_s = packets[first].pts_s
    wanted = [index for index in range(first, len(packets)) if start_s <= packets[index].pts_s <= to_s]
    if not wanted:
        return None
    kept = (packet for packet in packets[first : wanted[-1] + 1] if packet.pts_s >= start_s)
    return Cut(info, tuple(kept))


def write_clip(path: Path, clip: Cut, masks: Sequence[Polygon], find: FindPlaces | None = None) -> str | None:
    """Write the mp4; returns what a person should know about it. `find` names moving places to cover, too.

    Raises EvidenceError.
    """
    try:
        if clip.info.codec == "h264" and not masks and find is None and clip.info.extradata:
            _wrap(path, clip)
            return None
        _encode_again(path, clip, masks, find)
    except (av.error.FFmpegError, OSError) as error:
        raise EvidenceError(f"the clip cannot be written: {error.strerror or type(error).__name__}") from error
    except (ValueError, IndexError) as error:  # PyAV for what it does not know, and parameter sets that are cut short
        raise EvidenceError(f"the {clip.info.codec} stream cannot be made a clip: {error}") from error
    if clip.info.codec == "h264":
        return None
    return f"converted from {_CODEC_NAMES.get(clip.info.codec, clip.info.codec)}"


# --- the same packets in an mp4


def _wrap(path: Path, clip: Cut) -> None:
    length_size = _length_size(clip.info.extradata)
    sets = _parameter_sets(clip.info.extradata) if length_size else clip.info.extradata
    beginning = io.BytesIO(sets + _byte_stream(clip.packets[0].data, length_size))
    with av.open(beginning, format="h264") as template, av.open(str(path), "w", format="mp4", options=_OPTIONS) as out:
        stream = out.add_stream_from_template(template.streams.video[0])
        stream.time_base = _TIME_BASE
        stream.set_display_rotation(clip.info.rotation)
        for packet, (pts, dts, duration) in zip(clip.packets, _stamps(clip.packets), strict=True):
            wrapped = av.Packet(_byte_stream(packet.data, length_size))
            wrapped.stream, wrapped.time_base = stream, _TIME_BASE
            wrapped.pts, wrapped.dts, wrapped.duration = pts, dts, duration
            wrapped.is_keyframe = packet.keyframe
            out.mux_one(wrapped)


def _stamps(packets: Sequence[Packet]) -> Iterator[tuple[int, int, int]]:
    """(pts, dts, duration) from 0 on. Live streams often lack decoding times: they follow from the order of display."""
    shown = [round((packet.pts_s - packets[0].pts_s) / _TIME_BASE) for packet in packets]
    ordered = sorted(shown)
    delay = max(early - pts for early, pts in zip(ordered, shown, strict=True))
    for index, pts in enumerate(shown):
        place = min(index + 1, len(ordered) - 1)
        duration = ordered[place] - ordered[place - 1] if place else round(packets[0].duration_s / _TIME_BASE)
        yield pts, ordered[index] - delay, duration


def _length_size(extradata: bytes) -> int:
    """Bytes of the length before each NAL unit in an avcC stream (ISO/IEC 14496-15); 0 for a byte stream."""
    return (extradata[4] & 3) + 1 if extradata[0] == 1 else 0


def _byte_stream(data: bytes, length_size: int) -> bytes:
    """NAL units with start codes, as the mp4 writer takes them."""
    if length_size == 0:
        return data
    nals, position = [], 0
    while position + length_size < len(data):
        begin = position + length_size
        position = begin + int.from_bytes(data[position:begin], "big")
        nals.append(data[begin:position])
    return b"".join(_START_CODE + nal for nal in nals)


def _parameter_sets(avcc: bytes) -> bytes:
    """SPS and PPS of a decoder configuration record as a byte stream."""
    sets, position = [], 5
    for mask in (0x1F, 0xFF):  # the SPS, then the PPS
        count, position = avcc[position] & mask, position + 1
        for _ in range(count):
            begin = position + 2
            position = begin + int.from_bytes(avcc[position:begin], "big")
            sets.append(_START_CODE + avcc[begin:position])
    return b"".join(sets)


# --- decoded and encoded again


def _encode_again(path: Path, clip: Cut, masks: Sequence[Polygon], find: FindPlaces | None) -> None:
    count = 0
    with av.open(str(path), "w", format="mp4", options=_OPTIONS) as out:
        stream: VideoStream | None = None
        burner: _Burner | None = None
        for (frame, pts), places in _with_places(_decoded(clip), find):
            if stream is None or burner is None:
                stream = _h264_stream(out, clip.info, frame)
                burner = _Burner(masks, stream.width, stream.height)
            shown = burner.burn(frame, places)
            shown.pts, shown.time_base = pts, _TIME_BASE
            out.mux(stream.encode(shown))
            count += 1
        if stream is not None:
            out.mux(stream.encode(None))
    if count == 0:
        raise EvidenceError(f"no picture of the clip's {len(clip.packets)} {clip.info.codec} packets could be decoded")


def _with_places(
    frames: Iterator[tuple[VideoFrame, int]], find: FindPlaces | None
) -> Iterator[tuple[tuple[VideoFrame, int], list[Polygon]]]:
    """Each picture with the moving places to cover in it."""
    if find is None:
        return ((frame, []) for frame in frames)
    return cover_moving(frames, lambda frame: np.asarray(frame[0].to_ndarray(format="bgr24"), np.uint8), find)


def _decoded(clip: Cut) -> Iterator[tuple[VideoFrame, int]]:
    """Whole pictures with their time in the clip. Damaged ones are left out."""
    context = av.CodecContext.create(clip.info.codec, "r")
    assert isinstance(context, av.VideoCodecContext)  # noqa: S101  (its name came from a video stream)
    context.thread_count = 1
    context.width, context.height = clip.info.width, clip.info.height
    if clip.info.extradata:
        context.extradata = clip.info.extradata
    last = -1
    for packet in (*clip.packets, None):
        compressed = None
        if packet is not None:
            compressed = av.Packet(packet.data)
            compressed.pts = round((packet.pts_s - clip.packets[0].pts_s) / _TIME_BASE)
            compressed.time_base = _TIME_BASE
        try:
            frames = context.decode(compressed)
        except av.error.InvalidDataError:
            continue
        for frame in frames:
            if frame.is_corrupt:
                continue
            last = max(last + 1, frame.pts if frame.pts is not None else last + 1)
            yield _upright(frame, clip.info.rotation), last


def _upright(frame: VideoFrame, rotation: int) -> VideoFrame:
    if not rotation:
        return frame
    turned: Bgr = np.ascontiguousarray(np.rot90(frame.to_ndarray(format="bgr24"), rotation // 90), np.uint8)
    return av.VideoFrame.from_ndarray(turned, format="bgr24")


def _h264_stream(out: av.container.OutputContainer, info: StreamInfo, frame: VideoFrame) -> VideoStream:
    rate = Fraction(info.average_fps).limit_denominator(1001)
    stream = out.add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": "23"})
    stream.width, stream.height = frame.width & ~1, frame.height & ~1  # 4:2:0 needs even sizes
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = _TIME_BASE
    stream.codec_context.thread_count = 1
    stream.codec_context.gop_size = max(1, round(2 * info.average_fps))
    stream.codec_context.color_range = ColorRange.MPEG
    return stream


class _Burner:
    """Brings pictures to limited-range 4:2:0 and blackens the masked places in all three planes."""

    def __init__(self, masks: Sequence[Polygon], width: int, height: int) -> None:
        self._width, self._height = width, height
        self._masks = tuple(masks)
        self._always = mask_pixels(masks, width, height)

    def burn(self, frame: VideoFrame, places: Sequence[Polygon] = ()) -> VideoFrame:
        """The picture with the masks, and `places` of this one picture, black."""
        width, height = self._width, self._height
        even = frame.reformat(width, height, "yuv420p", dst_color_range=ColorRange.MPEG)
        if not self._masks and not places:
            return even
        covered = self._always | mask_pixels(places, width, height) if places else self._always
        chroma: NDArray[np.bool_] = np.any(covered.reshape(height // 2, 2, width // 2, 2), axis=(1, 3))
        planes = even.to_ndarray()
        luma, quarter = width * height, width * height // 4
        flat = planes.reshape(-1)
        flat[:luma][covered.reshape(-1)] = _BLACK_LUMA
        for part in (flat[luma : luma + quarter], flat[luma + quarter :]):
            part[chroma.reshape(-1)] = _NO_COLOUR
        burnt = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        burnt.color_range = ColorRange.MPEG
        return burnt
