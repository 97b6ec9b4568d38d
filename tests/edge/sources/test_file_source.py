from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
import pytest
from moving_video import FPS, SIZE, ground, moving_square, write_video

from edge.errors import SourceUnreadable
from edge.sources.file import FileSource
from edge.types import Frame, Packet, StreamInfo


@dataclass
class Collected:
    """A sink that remembers."""

    infos: list[StreamInfo] = field(default_factory=list)
    packets: list[Packet] = field(default_factory=list)

    def start_stream(self, info: StreamInfo) -> None:
        self.infos.append(info)

    def put_packet(self, packet: Packet) -> None:
        self.packets.append(packet)


def remux(source: Path, target: Path, created: str = "", **options: str) -> None:
    """The same packets in another container file."""
    with av.open(str(source)) as container, av.open(str(target), "w", options=options) as out:
        if created:
            out.metadata["creation_time"] = created
        stream = out.add_stream_from_template(container.streams.video[0])
        for packet in container.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("videos")


@pytest.fixture(scope="module")
def video(folder: Path) -> Path:
    return write_video(folder / "plain.mp4", moving_square(50))


@pytest.mark.parametrize(
    ("name", "encoder", "pixel_format", "codec"),
    [
        ("h264.mp4", "libx264", "yuv420p", "h264"),
        ("h265.mp4", "libx265", "yuv420p", "hevc"),
        ("motion-jpeg.avi", "mjpeg", "yuvj420p", "mjpeg"),
        ("mpeg4.avi", "mpeg4", "yuv420p", "mpeg4"),
        ("h264.mkv", "libx264", "yuv420p", "h264"),
    ],
)
def test_reads_what_cameras_write(folder: Path, name: str, encoder: str, pixel_format: str, codec: str) -> None:
    full = pixel_format == "yuvj420p"
    path = write_video(folder / name, moving_square(30), encoder=encoder, pixel_format=pixel_format, full_range=full)
    source = FileSource("lane-1", path)
    frames = list(source.frames())
    assert source.probe().codec == codec
    assert [frame.index for frame in frames] == list(range(30))
    assert [frame.stream_time_s for frame in frames] == pytest.approx([index / FPS for index in range(30)], abs=2e-3)
    assert all(frame.luma.shape == (SIZE[1], SIZE[0]) and frame.luma.dtype == np.uint8 for frame in frames)
    assert frames[3].bgr().shape == (SIZE[1], SIZE[0], 3)
    lefts = [int(np.argmax(frame.luma[38] > 200)) for frame in frames[:20]]
    assert lefts == pytest.approx([4 + 3 * index for index in range(20)], abs=1)


def test_b_frames_come_in_display_order(folder: Path) -> None:
    path = write_video(folder / "b-frames.mp4", moving_square(40), options={"bf": "3"})
    sink = Collected()
    frames = list(FileSource("c", path, sink).frames())
    times = [frame.stream_time_s for frame in frames]
    assert times == pytest.approx([index / FPS for index in range(40)], abs=2e-3)
    assert [packet.pts_s for packet in sink.packets] != sorted(packet.pts_s for packet in sink.packets)
    assert sorted(packet.pts_s for packet in sink.packets) == pytest.approx(times, abs=2e-3)


def test_full_and_limited_range_give_the_same_luma(folder: Path) -> None:
    """The same scene, once as 16..235 and once as 0..255 on disk, must look the same to the analyzers."""
    shades = np.linspace(0, 255, SIZE[0]).astype(np.uint8)[None, :].repeat(SIZE[1], 0)
    limited = np.rint(16 + shades * (219 / 255)).astype(np.uint8)
    full_file = write_video(folder / "full.mp4", [shades] * 5, pixel_format="yuvj420p", full_range=True)
    limited_file = write_video(folder / "limited.mp4", [limited] * 5)
    seen_full = next(iter(FileSource("c", full_file).frames())).luma
    seen_limited = next(iter(FileSource("c", limited_file).frames())).luma
    assert np.abs(seen_full.astype(int) - shades).max() <= 4
    assert np.abs(seen_limited.astype(int) - shades).max() <= 5
    assert seen_limited.min() <= 3
    assert seen_limited.max() >= 252


def test_padded_lines_are_not_part_of_the_picture(folder: Path) -> None:
    with av.open(str(folder / "odd.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = (
            150,
            90,
            "yuv420p",
        )  # 150 is no multiple of the decoder's alignment
        for _ in range(5):
            picture = np.full((135, 150), 128, np.uint8)
            picture[:90] = np.linspace(30, 220, 150).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="yuv420p")))
        container.mux(stream.encode(None))
    luma = next(iter(FileSource("c", folder / "odd.mp4").frames())).luma
    assert luma.shape == (90, 150)
    assert np.all(np.diff(luma.astype(int).mean(axis=0)) >= -1)


def test_repeated_pictures_are_marked_and_lone_small_movers_are_not(folder: Path) -> None:
    """20 pictures a second in a 25 fps file: every fifth is the one before. A 4-px object on a still ground is news."""
    doubled = [picture for index, picture in enumerate(moving_square(48)) for _ in range(2 if index % 4 == 3 else 1)]
    frames = list(FileSource("c", write_video(folder / "doubled.mp4", doubled, gop=250)).frames())
    assert [frame.index for frame in frames if frame.repeated] == list(range(4, 60, 5))

    still = ground()
    lone = [still.copy() for _ in range(40)]
    for index in range(20, 40):
        lone[index][index : index + 4, 81:85] = 250
    frames = list(FileSource("c", write_video(folder / "lone.mp4", lone, options={"crf": "20"})).frames())
    assert not any(frame.repeated for frame in frames[20:])
    assert all(frame.repeated for frame in frames[3:12])


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_phone_held_upright_gives_upright_pictures(folder: Path, video: Path, rotation: int) -> None:
    path = write_video(folder / f"turned-{rotation}.mp4", moving_square(50), rotation=rotation)
    turned, plain = next(FileSource("c", path).frames()), next(FileSource("c", video).frames())
    assert np.array_equal(turned.luma, np.rot90(plain.luma, rotation // 90))
    assert np.array_equal(turned.bgr(), np.rot90(plain.bgr(), rotation // 90))


def test_packets_reach_the_sink_and_describe_the_stream(video: Path) -> None:
    sink = Collected()
    frames = list(FileSource("c", video, sink).frames())
    assert [(info.codec, info.width, info.height) for info in sink.infos] == [("h264", *SIZE)]
    assert len(sink.packets) == len(frames) == 50
    assert [index for index, packet in enumerate(sink.packets) if packet.keyframe] == [0, 12, 24, 36, 48]
    assert sink.packets[10].pts_s == pytest.approx(frames[10].stream_time_s)
    assert sink.infos[0].average_fps == FPS


def test_the_same_file_gives_the_same_frames_twice(video: Path) -> None:
    first, second = (list(FileSource("c", video).frames()) for _ in range(2))
    assert [(f.stream_time_s, f.captured_at, f.repeated) for f in first] == [
        (f.stream_time_s, f.captured_at, f.repeated) for f in second
    ]
    assert all(np.array_equal(a.luma, b.luma) for a, b in zip(first, second, strict=True))


def test_capture_time_comes_from_the_file(folder: Path) -> None:
    path = folder / "dated.mp4"
    remux(write_video(folder / "undated.mp4", moving_square(30)), path, created="2026-03-01T10:00:00Z")
    frames = list(FileSource("c", path).frames())
    assert frames[0].captured_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert (frames[25].captured_at - frames[0].captured_at).total_seconds() == pytest.approx(1.0)


class SteppingClock:
    """A clock that only moves when it is slept on."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def test_realtime_paces_by_stream_time(video: Path) -> None:
    clock = SteppingClock()
    for frame in FileSource("c", video, clock=clock, realtime=True).frames():
        assert clock.seconds == pytest.approx(frame.stream_time_s)


def test_close_ends_the_frames(video: Path) -> None:
    source = FileSource("c", video)
    frames = source.frames()
    next(frames)
    source.close()
    assert list(frames) == []


def test_a_file_that_is_not_there_or_empty_or_not_video(folder: Path) -> None:
    with pytest.raises(SourceUnreadable, match=r"gone\.mp4: there is no such file"):
        next(FileSource("c", folder / "gone.mp4").frames())
    with pytest.raises(SourceUnreadable, match="is a folder, not a video file"):
        next(FileSource("c", folder).frames())
    (folder / "empty.mp4").touch()
    with pytest.raises(SourceUnreadable, match=r"empty\.mp4: the file is empty"):
        next(FileSource("c", folder / "empty.mp4").frames())
    (folder / "letter.mp4").write_text("This is a letter. " * 500)
    with pytest.raises(SourceUnreadable, match=r"letter\.mp4: not a video file"):
        FileSource("c", folder / "letter.mp4").probe()
    with av.open(str(folder / "sound.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(SourceUnreadable, match=r"sound\.wav: holds no video stream"):
        next(FileSource("c", folder / "sound.wav").frames())


def test_a_file_without_its_end_gives_its_frames_and_then_says_so(folder: Path) -> None:
    """An index at the front (or none) lets the part that is there be read; the error names file and time."""
    fast = folder / "front.mp4"
    remux(write_video(folder / "long.mp4", moving_square(250), gop=25), fast, movflags="+faststart")
    data = fast.read_bytes()
    (folder / "cut.mp4").write_bytes(data[: len(data) * 6 // 10])
    frames: list[Frame] = []
    with pytest.raises(SourceUnreadable, match=r"cut\.mp4: (cut off|damaged).* \d\.\d\d s"):  # noqa: PT012
        for frame in FileSource("c", folder / "cut.mp4").frames():
            frames.append(frame)  # noqa: PERF402  (what came before the error counts)
    assert 60 <= len(frames) < 240

    plain = (folder / "long.mp4").read_bytes()  # its index stands at the end
    (folder / "headless.mp4").write_bytes(plain[: len(plain) // 2])
    with pytest.raises(SourceUnreadable, match=r"headless\.mp4: not a video file, or its end"):
        next(FileSource("c", folder / "headless.mp4").frames())


def test_damaged_pictures_in_the_middle_are_left_out_and_counted(folder: Path) -> None:
    data = bytearray(write_video(folder / "whole.avi", moving_square(60), encoder="mpeg4").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 600] = bytes(600)
    (folder / "scratched.avi").write_bytes(data)
    source = FileSource("c", folder / "scratched.avi")
    frames = list(source.frames())
    assert 40 <= len(frames) <= 60
    times = [frame.stream_time_s for frame in frames]
    assert times == sorted(times)
