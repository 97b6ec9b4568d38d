"""What reading a frame costs: `python tests/measure_decoding.py [FILE]`. CPU time of one thread, ms per frame.

Without FILE it makes 1080p25 H.264 of 4 Mbit/s with a key frame every 50 frames (moving things and noise, so that the
rate is really used). The recipe: PyAV, one decoder thread, the Y plane without a copy; the rest is what `edge.sources`
adds to it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np

from edge.sources.decoding import RepeatCheck, luma_of
from edge.sources.file import FileSource
from edge.types import Bgr, Packet, StreamInfo
from simulator.video import encode

FRAMES = 250
ROUNDS = 5


class Forgetful:
    """A sink that keeps nothing: what handing over the packets costs."""

    def start_stream(self, info: StreamInfo) -> None: ...

    def put_packet(self, packet: Packet) -> None: ...


def street() -> Iterator[Bgr]:
    """(1080, 1920, 3) pictures: sensor noise over a texture, and things that move."""
    rng = np.random.default_rng(7)
    ground = rng.integers(30, 200, (135, 240, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    grain = [rng.normal(0, 2.5, ground.shape[:2]).astype(np.int8)[:, :, None] for _ in range(7)]
    for index in range(FRAMES):
        picture = np.clip(ground.astype(np.int16) + grain[index % 7], 0, 255).astype(np.uint8)
        for lane in range(6):
            left = (index * (4 + 3 * lane) + 300 * lane) % 1700
            picture[150 * lane + 60 : 150 * lane + 150, left : left + 200] = 40 * lane + 20
        yield picture


def cost_ms(run: Callable[[], int]) -> float:
    """The least of some rounds: the machine may be busy with other things."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.thread_time()
        count = run()
        best = min(best, 1e3 * (time.thread_time() - began) / count)
    return best


def decode(path: Path, look: Callable[[av.VideoFrame], object]) -> int:
    """The recipe; returns the number of frames."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        stream.codec_context.thread_type = "NONE"
        return len([look(frame) is None for frame in container.decode(stream)])


def y_plane(frame: av.VideoFrame) -> object:
    """The decoder's own buffer as an array."""
    plane = frame.planes[0]
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]


def demux(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for packet in container.demux(video=0) if packet.size)


def rows(path: Path) -> Iterator[tuple[str, float]]:
    """Each line adds something to the one before it, unless it says otherwise."""

    def read(source: FileSource) -> int:
        return sum(1 for _ in source.frames())

    def checked() -> int:
        check = RepeatCheck()
        return decode(path, lambda frame: check.is_repeated(luma_of(frame)))

    yield "demux only", cost_ms(lambda: demux(path))
    yield "decode, Y plane without a copy (the recipe)", cost_ms(lambda: decode(path, y_plane))
    yield "+ normalised to full range", cost_ms(lambda: decode(path, luma_of))
    yield "+ repeated pictures recognised", cost_ms(checked)
    yield "FileSource", cost_ms(lambda: read(FileSource("c", path)))
    yield "FileSource, packets to a sink", cost_ms(lambda: read(FileSource("c", path, Forgetful())))
    yield (
        "the recipe, and BGR of every frame",
        cost_ms(lambda: decode(path, lambda frame: frame.to_ndarray(format="bgr24"))),
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder) / "street.mp4"
        if len(sys.argv) == 1:
            encode(street(), path, fps=25, bitrate_kbps=4000, gop=50)
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            seconds = float((stream.duration or 0) * (stream.time_base or 0)) or 1.0
            rate = 8e-6 * path.stat().st_size / seconds
            print(
                f"{stream.codec_context.name} {stream.width}x{stream.height} {rate:.1f} Mbit/s, {stream.frames} frames"
            )
        for name, ms in rows(path):
            print(f"{ms:7.2f} ms  {name}")


if __name__ == "__main__":
    main()
