"""Encodes pictures as a camera does: constant GOP, no B-frames, no scene-cut key frames, a bounded rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from simulator.scenes import Bgr, Codec, Effort

_BT601 = 6
"""H.273 code of the matrix that OpenCV converts with."""
_LIMITED_RANGE = 1
_ENCODERS: dict[Codec, str] = {"h264": "libx264", "hevc": "libx265"}


class VideoError(Exception):
    """A video could not be written."""


@dataclass(frozen=True, slots=True)
class Coding:
    """How pictures are coded. `quick` takes half the time of `camera`: shorter searches, simpler entropy coding, the
    same deblocking, and the same quality within 0.3 dB at these rates, as noise takes most of the bits.
    """

    fps: float
    bitrate_kbps: int
    codec: Codec = "h264"
    gop: int = 50
    effort: Effort = "camera"


def encode(
    frames: Iterable[Bgr],
    path: Path,
    *,
    fps: float,
    bitrate_kbps: int,
    codec: Codec = "h264",
    gop: int = 50,
    effort: Effort = "camera",
) -> int:
    """Write `frames` ((h, w, 3) uint8, blue first, all of one size) to an mp4; returns how many there were.

    One thread, so that the same frames give the same bytes. Raises VideoError when there is no frame.
    """
    count = 0
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream: VideoStream | None = None
        for picture in frames:
            if stream is None:
                height, width = picture.shape[:2]
                stream = _open_stream(container, (width, height), fps, codec)
                _set_up(stream.codec_context, Coding(fps, bitrate_kbps, codec, gop, effort))
            frame = to_video_frame(picture)
            frame.pts = count
            container.mux(stream.encode(frame))
            count += 1
        if stream is None:
            raise VideoError(f"{path}: no frame to encode")
        container.mux(stream.encode(None))
    return count


def to_video_frame(picture: Bgr) -> av.VideoFrame:
    """A limited-range BT.601 4:2:0 frame, as most cameras send it."""
    planes = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420).astype(np.uint8, copy=False)
    frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    frame.colorspace = _BT601
    frame.color_range = _LIMITED_RANGE
    return frame


def _open_stream(container: OutputContainer, size: tuple[int, int], fps: float, codec: Codec) -> VideoStream:
    stream = cast("VideoStream", container.add_stream(_ENCODERS[codec], rate=_rate(fps)))
    stream.width, stream.height = size
    if codec == "hevc":
        stream.codec_tag = "hvc1"
    return stream


def _rate(fps: float) -> Fraction:
    return Fraction(fps).limit_denominator(1001)


def _set_up(context: VideoCodecContext, coding: Coding) -> None:
    context.pix_fmt = "yuv420p"
    context.bit_rate = coding.bitrate_kbps * 1000
    context.time_base = 1 / _rate(coding.fps)
    context.gop_size = coding.gop
    context.max_b_frames = 0
    context.thread_count = 1
    context.colorspace = _BT601
    context.color_range = _LIMITED_RANGE
    buffer = f"vbv-maxrate={coding.bitrate_kbps * 3 // 2}:vbv-bufsize={coding.bitrate_kbps * 2}"
    keys = f"keyint={coding.gop}:min-keyint={coding.gop}:scenecut=0:bframes=0:{buffer}"
    if coding.codec == "hevc":
        context.options = {
            "preset": "ultrafast",
            "x265-params": f"{keys}:pools=none:frame-threads=1:log-level=error",
        }
    elif coding.effort == "quick":
        context.options = {"preset": "ultrafast", "x264-params": f"{keys}:no-deblock=0:deblock=0,0"}
    else:
        context.options = {"preset": "veryfast", "x264-params": f"{keys}:rc-lookahead=10:sync-lookahead=0"}


def transmit(frames: Iterable[Bgr], coding: Coding) -> Iterator[av.VideoFrame]:
    """Encode and decode in memory, picture by picture: what arrives at the other end of a camera's wire.

    One decoded frame for each that goes in, `pts` counts from 0; one thread each way. Raises VideoError for HEVC.
    """
    if coding.codec != "h264":
        raise VideoError(f"{coding.codec} is not transmitted in memory; use h264")
    receiver = av.CodecContext.create("h264", "r")
    receiver.thread_count = 1
    for packet in _packets(frames, coding):
        yield from receiver.decode(packet)
    yield from receiver.decode(None)


def _packets(frames: Iterable[Bgr], coding: Coding) -> Iterator[av.Packet[VideoStream]]:
    sender: VideoCodecContext | None = None
    for number, picture in enumerate(frames):
        if sender is None:
            sender = cast("VideoCodecContext", av.CodecContext.create(_ENCODERS["h264"], "w"))
            sender.width, sender.height = picture.shape[1], picture.shape[0]
            sender.framerate = _rate(coding.fps)
            _set_up(sender, coding)
        frame = to_video_frame(picture)
        frame.pts = number
        yield from sender.encode(frame)
    if sender is not None:
        yield from sender.encode(None)
