"""The live source against the simulator's RTSP camera: real connections, real failures."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from moving_video import FPS, SIZE, moving_square, write_video
from services import free_port

from edge.errors import SourceAuthRefused, SourceNotFound, SourceStalled, SourceUnreadable
from edge.sources.paired import PairedSource
from edge.sources.stream import Patience, StreamSource
from edge.types import Frame, Packet, StreamInfo
from simulator.camera.background import BackgroundCamera
from simulator.camera.recording import Recording
from simulator.camera.server import RtspCamera

IMPATIENT = Patience(timeout_s=1.0, first_wait_s=0.1, longest_wait_s=0.4, frozen_after_s=1.0, blind_after_s=1.0)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """4 s of H.264 with a key frame every half second."""
    folder = tmp_path_factory.mktemp("camera")
    return Recording.read(write_video(folder / "camera.mp4", moving_square(100)))


@dataclass
class Watched:
    """A source that is read on its own thread, as the agent does."""

    source: StreamSource | PairedSource
    states: list[tuple[str, str]]
    frames: list[Frame] = field(default_factory=list)

    def read(self) -> None:
        for frame in self.source.frames():
            self.frames.append(frame)

    def wait(self, condition: Callable[[], bool], what: str, timeout_s: float = 15.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"{what}: not within {timeout_s} s; states {self.states}"
            time.sleep(0.02)

    def wait_for_state(self, state: str) -> str:
        """Wait until it is the last state told; returns the reason."""
        self.wait(lambda: bool(self.states) and self.states[-1][0] == state, f"state {state}")
        return self.states[-1][1]

    def wait_for_frames(self, count: int) -> None:
        self.wait(lambda: len(self.frames) >= count, f"{count} frames")


@contextmanager
def watching(url: str, transport: str = "tcp", patience: Patience = IMPATIENT) -> Iterator[Watched]:
    states: list[tuple[str, str]] = []
    source = StreamSource(
        "gate", url, transport=transport, patience=patience, on_state=lambda state, why: states.append((state, why))
    )
    with running(Watched(source, states)) as watched:
        yield watched


@contextmanager
def running(watched: Watched) -> Iterator[Watched]:
    thread = threading.Thread(target=watched.read)
    thread.start()
    try:
        yield watched
    finally:
        watched.source.close()
        thread.join(10)
        assert not thread.is_alive(), "close() did not end the frames"


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_frames_come_with_the_streams_time(recording: Recording, transport: str) -> None:
    with BackgroundCamera(RtspCamera(recording)) as camera, watching(camera.url, transport) as watched:
        watched.wait_for_frames(60)
        frames = watched.frames[:60]
        assert [frame.index for frame in frames] == list(range(60))
        assert [frame.stream_time_s for frame in frames] == pytest.approx([i / FPS for i in range(60)], abs=2e-3)
        assert frames[0].luma.shape == (SIZE[1], SIZE[0])
        assert watched.states == [("up", "")]
        assert watched.source.last_frame_age_s is not None
        assert watched.source.last_frame_age_s < 1.0
        late = [frame.captured_at.timestamp() - camera.camera.timeline.unix_s(frame.stream_time_s) for frame in frames]
        assert 0 <= late[-1] < 0.3, "captured_at is when the camera sent the picture, not when the connection was made"


def test_h265_camera(tmp_path: Path) -> None:
    video = write_video(tmp_path / "camera.mp4", moving_square(100), encoder="libx265", gop=12)
    with BackgroundCamera(RtspCamera(Recording.read(video))) as camera, watching(camera.url) as watched:
        watched.wait_for_frames(30)
        assert watched.source.probe().codec == "hevc"
        steps = [after.stream_time_s - before.stream_time_s for before, after in pairwise(watched.frames[:30])]
        assert steps == pytest.approx([1 / FPS] * 29, abs=2e-3)


def test_wrong_password_and_wrong_path_are_told_apart(recording: Recording) -> None:
    with BackgroundCamera(RtspCamera(recording, user="installer", password="s3:cret")) as camera:
        host = camera.url.removeprefix("rtsp://")
        with pytest.raises(SourceAuthRefused, match="refuses user name or password") as refused:
            StreamSource("gate", f"rtsp://installer:wrong-one@{host}").probe()
        assert "wrong-one" not in str(refused.value)
        with pytest.raises(SourceAuthRefused):
            StreamSource("gate", camera.url).probe()
        with pytest.raises(SourceNotFound, match="no such stream"):
            StreamSource("gate", f"rtsp://installer:s3%3Acret@{host}/elsewhere").probe()
        info = StreamSource("gate", f"rtsp://installer:s3%3Acret@{host}").probe()
        assert (info.codec, info.width, info.height) == ("h264", *SIZE)
        with watching(f"rtsp://installer:wrong-one@{host}") as watched:
            reason = watched.wait_for_state("down")
            assert "401" in reason
            assert "wrong-one" not in reason + str(watched.source.last_error)


def test_no_camera_and_no_stream(recording: Recording) -> None:
    with pytest.raises(SourceUnreadable, match="Connection refused"):
        StreamSource("gate", f"rtsp://127.0.0.1:{free_port()}/main").probe()
    with BackgroundCamera(RtspCamera(recording)) as camera:
        camera.control("stall")
        with pytest.raises(SourceStalled, match="no picture came"):
            StreamSource("gate", camera.url, timeout_s=1.0).probe()


def test_a_killed_camera_is_found_again_after_its_restart(recording: Recording) -> None:
    port = free_port()
    with watching(f"rtsp://127.0.0.1:{port}/main") as watched:
        assert "Connection refused" in watched.wait_for_state("down")
        with BackgroundCamera(RtspCamera(recording, port=port, loop=True)):
            watched.wait_for_state("up")
            watched.wait_for_frames(10)
        watched.wait_for_state("down")
        before = len(watched.frames)
        with BackgroundCamera(RtspCamera(recording, port=port, loop=True)):
            watched.wait_for_state("up")
            watched.wait_for_frames(before + 10)
        assert watched.frames[before].stream_time_s == 0.0
        assert watched.source.reconnects == 1
        assert [frame.index for frame in watched.frames] == list(range(len(watched.frames)))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_stalled_camera_is_down_and_recovers(recording: Recording, transport: str) -> None:
    with BackgroundCamera(RtspCamera(recording, loop=True)) as camera, watching(camera.url, transport) as watched:
        watched.wait_for_frames(10)
        camera.control("stall")
        began = time.monotonic()
        assert "within the time-out" in watched.wait_for_state("down")
        assert time.monotonic() - began < 4 * IMPATIENT.timeout_s
        camera.control("resume")
        watched.wait_for_state("up")


def test_a_frozen_picture_is_seen_and_its_end_too(recording: Recording) -> None:
    with BackgroundCamera(RtspCamera(recording, loop=True)) as camera, watching(camera.url) as watched:
        watched.wait_for_frames(10)
        camera.control("freeze")
        assert "the same picture" in watched.wait_for_state("frozen")
        camera.control("resume")
        watched.wait_for_state("up")
        assert watched.source.reconnects == 0


def test_a_covered_lens_is_blind(tmp_path: Path) -> None:
    dark = [picture // 32 + 20 for picture in moving_square(75)]
    recording = Recording.read(write_video(tmp_path / "dark.mp4", dark))
    with BackgroundCamera(RtspCamera(recording, loop=True)) as camera, watching(camera.url) as watched:
        assert "almost no contrast" in watched.wait_for_state("blind")


@pytest.mark.parametrize("action", ["drop", "end", "refuse"])
def test_the_end_of_a_live_stream_is_a_disconnect(recording: Recording, action: str) -> None:
    with BackgroundCamera(RtspCamera(recording, loop=True)) as camera, watching(camera.url) as watched:
        watched.wait_for_frames(10)
        camera.control(action)
        watched.wait(lambda: any(state == "down" for state, _ in watched.states), "down")
        assert "ended the stream" in next(why for state, why in watched.states if state == "down")
        camera.control("resume")
        before = len(watched.frames)
        watched.wait_for_state("up")
        watched.wait_for_frames(before + 5)
        assert watched.source.reconnects >= 1


@dataclass
class Ring:
    """A sink that remembers packets by connection."""

    streams: list[tuple[StreamInfo, list[Packet]]] = field(default_factory=list)

    def start_stream(self, info: StreamInfo) -> None:
        self.streams.append((info, []))

    def put_packet(self, packet: Packet) -> None:
        self.streams[-1][1].append(packet)


def test_sub_stream_is_analysed_while_the_main_stream_is_recorded(recording: Recording, tmp_path: Path) -> None:
    """A main packet's time on the sub stream's clock must be when the camera really showed it."""
    small = Recording.read(write_video(tmp_path / "sub.mp4", moving_square(50), gop=25))
    ring = Ring()
    with (
        BackgroundCamera(RtspCamera(recording, loop=True, start_at="now")) as main,
        BackgroundCamera(RtspCamera(small, loop=True, start_at="now")) as sub,
    ):
        source = PairedSource("gate", main.url, sub.url, ring, patience=IMPATIENT)
        with running(Watched(source, [])) as watched:
            watched.wait(lambda: bool(ring.streams) and len(ring.streams[-1][1]) > 50, "main packets")
            info, packets = ring.streams[-1]
            assert info.codec == "h264"
            assert packets[0].keyframe
            key = next(packet for packet in reversed(packets) if packet.keyframe)
            shown_at = source.analysed.origin_s + key.pts_s
            in_loop_s = (shown_at - main.camera.timeline.unix_s(0.0)) % recording.duration_s
            keys_s = [unit.pts_s for unit in recording.units if unit.keyframe] + [recording.duration_s]
            assert min(abs(in_loop_s - key_s) for key_s in keys_s) < 0.15
            main.control("refuse")
            watched.wait(lambda: source.recording_error is not None, "recording_error")
            count = len(watched.frames)
            watched.wait_for_frames(count + 10)
            main.control("resume")
            watched.wait(lambda: len(ring.streams) >= 2 and bool(ring.streams[-1][1]), "recorded again")
