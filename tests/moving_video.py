"""Tiny videos for tests: a bright square that moves over a textured ground, so that every frame can be told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

SIZE = (160, 96)
"""Width, height."""
FPS = 25

Plane = NDArray[np.uint8]


def ground(seed: int = 1) -> Plane:
    """(h, w) uint8 texture between 40 and 160."""
    width, height = SIZE
    coarse = np.random.default_rng(seed).integers(40, 160, (height // 8, width // 8), dtype=np.uint8)
    return coarse.repeat(8, 0).repeat(8, 1)


def moving_square(count: int, seed: int = 1) -> Iterator[Plane]:
    """Luma pictures, no two neighbours alike: the square moves 3 px and the whole ground trembles by a grey level."""
    still = ground(seed)
    for index in range(count):
        picture = still + np.uint8(index % 2)
        left = 4 + index * 3 % (SIZE[0] - 24)
        picture[30:46, left : left + 16] = 220
        yield picture


def write_video(
    path: Path,
    pictures: Iterable[Plane],
    *,
    encoder: str = "libx264",
    pixel_format: str = "yuv420p",
    full_range: bool = False,
    gop: int = 12,
    options: dict[str, str] | None = None,
    rotation: int = 0,
) -> Path:
    """Encode luma pictures without colour, without B-frames unless `options` ask; `rotation` as phones note it."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(encoder, rate=FPS)
        stream.width, stream.height = SIZE
        stream.pix_fmt = pixel_format
        stream.codec_context.gop_size = gop
        stream.codec_context.thread_count = 1
        stream.codec_context.time_base = Fraction(1, FPS)
        quality = {"libx264": {"crf": "12"}, "libx265": {"x265-params": "crf=14:log-level=error:pools=none"}}
        stream.set_display_rotation(rotation)
        stream.options = {"bf": "0", **quality.get(encoder, {"qscale": "2"}), **(options or {})}
        if encoder in {"mjpeg", "mpeg4"}:
            stream.bit_rate = 4_000_000
        if full_range:
            stream.codec_context.color_range = ColorRange.JPEG
        for index, luma in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(_with_grey_chroma(luma), format="yuv420p")
            frame.color_range = ColorRange.JPEG if full_range else ColorRange.MPEG
            frame = av.VideoFrame.from_ndarray(frame.to_ndarray(), format=pixel_format)
            frame.color_range = ColorRange.JPEG if full_range else ColorRange.MPEG
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _with_grey_chroma(luma: Plane) -> Plane:
    height, width = luma.shape
    return np.vstack([luma, np.full((height // 2, width), 128, np.uint8)])
