"""Who took a clip and when, burnt into every picture of the copy that he takes away. The stored file is never touched.

The copy is encoded anew as H.264, which browsers play, whatever the camera made; sound is left out.
"""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from collector.watermark import VEIL, write

_TIME_BASE = Fraction(1, 90_000)
_NOTHING = 128
"""Grey of a canvas on which black and white text is written."""
ONE_BY_ONE = ThreadPoolExecutor(1, thread_name_prefix="clips")
"""A clip of ten seconds takes seconds of one core: never two at once."""


class NoVideo(ValueError):
    """The file cannot be read as a video."""


def stamp_clip(path: Path, text: str) -> bytes:
    """An MP4 of the clip with `text` (ASCII) over each picture. Raises NoVideo."""
    buffer = io.BytesIO()
    try:
        with av.open(str(path)) as source, av.open(buffer, "w", format="mp4") as target:
            _encode(source, target, text)
    except (av.error.FFmpegError, IndexError) as error:
        raise NoVideo(f"the clip cannot be decoded: {error}") from error
    return buffer.getvalue()


def _encode(source: av.container.InputContainer, target: av.container.OutputContainer, text: str) -> None:
    video = source.streams.video[0]
    video.thread_count = 1
    width, height = video.width & ~1, video.height & ~1  # 4:2:0 needs even sizes
    rate = Fraction(video.average_rate or 25).limit_denominator(1001)
    stream = target.add_stream("libx264", rate=rate, options={"preset": "superfast", "crf": "23"})
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.codec_context.time_base = _TIME_BASE
    stream.codec_context.thread_count = 1
    mark = _Mark(text, width, height)
    target.metadata["comment"] = text
    for number, frame in enumerate(source.decode(video)):
        marked = mark.over(frame)
        marked.time_base = _TIME_BASE
        at = number / rate if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base
        marked.pts = round(at / _TIME_BASE)
        target.mux(stream.encode(marked))
    target.mux(stream.encode(None))


class _Mark:
    """The text as a share of each pixel of luma, and what it draws it to."""

    def __init__(self, text: str, width: int, height: int) -> None:
        canvas: NDArray[np.uint8] = np.full((height, width), _NOTHING, np.uint8)
        write(canvas, text)
        self._size = (width, height)
        self._where = np.flatnonzero(canvas != _NOTHING)
        self._ink = canvas.reshape(-1)[self._where] * np.float32(VEIL)

    def over(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The picture, in limited range, with the text over it."""
        planes = frame.reformat(*self._size, "yuv420p", dst_color_range=ColorRange.MPEG).to_ndarray()
        flat = planes.reshape(-1)
        flat[self._where] = flat[self._where] * np.float32(1 - VEIL) + self._ink
        marked = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        marked.color_range = ColorRange.MPEG
        return marked
