"""Encodes pictures as a camera does: constant GOP, no B-frames, no scene-cut key frames, a bounded rate."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from simulator.scenes import Bgr, Codec

_BT601 = 6
"""H.273 code of the matrix that OpenCV converts with."""
_LIMITED_RANGE = 1


class VideoError(Exception):
    """A video could not be written."""


def encode(
    frames: Iterable[Bgr], path: Path, *, fps: float, bitrate_kbps: int, codec: Codec = "h264", gop: int = 50
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
                stream = _open_stream(container, (width, height), fps, bitrate_kbps, (codec, gop))
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


def _open_stream(
    container: OutputContainer, size: tuple[int, int], fps: float, bitrate_kbps: int, coding: tuple[Codec, int]
) -> VideoStream:
    codec, gop = coding
    rate = Fraction(fps).limit_denominator(1001)
    stream = container.add_stream("libx264" if codec == "h264" else "libx265", rate=rate)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.bit_rate = bitrate_kbps * 1000
    context = stream.codec_context
    context.time_base = 1 / rate
    context.gop_size = gop
    context.max_b_frames = 0
    context.thread_count = 1
    context.colorspace = _BT601
    context.color_range = _LIMITED_RANGE
    buffer = f"vbv-maxrate={bitrate_kbps * 3 // 2}:vbv-bufsize={bitrate_kbps * 2}"
    keys = f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes=0:{buffer}"
    options = {"preset": "veryfast" if codec == "h264" else "ultrafast"}
    if codec == "h264":
        options["x264-params"] = f"{keys}:rc-lookahead=10:sync-lookahead=0"
    else:
        options["x265-params"] = f"{keys}:pools=none:frame-threads=1:log-level=error"
        stream.codec_tag = "hvc1"
    context.options = options
    return stream
