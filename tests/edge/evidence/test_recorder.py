from __future__ import annotations

import hashlib
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from moving_video import FPS, SIZE, moving_square, write_video
from selenium import webdriver
from selenium.webdriver.chrome.service import Service as ChromeService
from selenium.webdriver.support.ui import WebDriverWait
from services import require

from edge.errors import OutboxError
from edge.evidence.files import EvidenceFiles
from edge.evidence.recorder import ClipResult, Recorder, RingLimits
from edge.imaging import Polygon
from edge.sources.file import FileSource
from edge.types import Bgr, Packet, StreamInfo

STEP = 1 / FPS
MASK = ((0.1, 0.1), (0.6, 0.1), (0.6, 0.7), (0.1, 0.7))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recorder")


@pytest.fixture(scope="module")
def video(folder: Path) -> Path:
    """8 s, a key frame every 12 frames (0.48 s), no B-frames."""
    return write_video(folder / "plain.mp4", moving_square(200))


class Clips:
    """Collects results, and waits for them."""

    def __init__(self) -> None:
        self.results: dict[str, ClipResult] = {}
        self._changed = threading.Condition()

    def __call__(self, result: ClipResult) -> None:
        with self._changed:
            assert result.token not in self.results, "one result a request"
            self.results[result.token] = result
            self._changed.notify_all()

    def wait(self, token: str, timeout_s: float = 10.0) -> ClipResult:
        with self._changed:
            assert self._changed.wait_for(lambda: token in self.results, timeout_s), f"no result for {token}"
            return self.results[token]


@contextmanager
def recording(folder: Path, clips: Clips, **options: object) -> Iterator[Recorder]:
    files = EvidenceFiles(folder / "evidence", 100_000_000)
    recorder = Recorder("gate", files, clips, **{"before_s": 1.0, "after_s": 0.5, **options})  # type: ignore[arg-type]
    try:
        yield recorder
    finally:
        recorder.close()


def packets_of(video: Path) -> tuple[StreamInfo, list[Packet]]:
    """What a source hands to its sink."""
    kept: list[Packet] = []
    infos: list[StreamInfo] = []

    class Sink:
        def start_stream(self, info: StreamInfo) -> None:
            infos.append(info)

        def put_packet(self, packet: Packet) -> None:
            kept.append(packet)

    for _ in FileSource("gate", video, Sink()).frames():
        pass
    return infos[0], kept


def decoded(path: Path) -> tuple[list[float], list[Bgr], str]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        times = [float(frame.pts * frame.time_base) for frame in frames]
        return times, [frame.to_ndarray(format="bgr24") for frame in frames], stream.codec_context.name


def test_a_clip_of_a_file_at_full_speed(tmp_path: Path, video: Path) -> None:
    """Asked for while the file runs, partly in the future: the same packets, from the key frame before it."""
    clips = Clips()
    with recording(tmp_path, clips) as recorder:
        originals = []
        for frame in FileSource("gate", video, recorder).frames():
            originals.append(frame.bgr())
            if frame.index == 100:
                recorder.request_clip("event", 4.0 - 1e-6, 4.0)
    result = clips.results["event"]
    assert result.failed is None
    assert result.note is None
    assert result.stored is not None
    times, pictures, codec = decoded(result.stored.path)
    assert codec == "h264"
    first = 72  # 4.0 s - 1 s = frame 75; the key frame before it
    assert times == pytest.approx([index * STEP for index in range(len(times))], abs=1e-4)
    assert len(pictures) == 112 - first + 1  # up to 4.5 s: frame 112 at 4.48 s
    assert all(np.array_equal(one, other) for one, other in zip(pictures, originals[first:], strict=False))
    assert result.stored.sha256 == hashlib.sha256(result.stored.path.read_bytes()).hexdigest()
    assert result.stored.role == "clip"
    assert result.stored.media_type == "video/mp4"


def test_the_index_stands_in_front_and_the_duration_is_right(tmp_path: Path, video: Path) -> None:
    clips = Clips()
    with recording(tmp_path, clips) as recorder:
        for frame in FileSource("gate", video, recorder).frames():
            if frame.index == 100:
                recorder.request_clip("event", 4.0, 4.0)
    stored = clips.results["event"].stored
    assert stored is not None
    data = stored.path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "a browser starts before it has loaded all"
    with av.open(str(stored.path)) as container:
        stream = container.streams.video[0]
        assert stream.duration is not None
        assert float(stream.duration * stream.time_base) == pytest.approx(41 * STEP, abs=0.01)
        assert next(container.demux(stream)).is_keyframe


@pytest.mark.services
def test_ffprobe_finds_the_clip_in_order(tmp_path: Path, folder: Path) -> None:
    program = require("ffprobe")
    clips = Clips()
    video = write_video(folder / "b-frames.mp4", moving_square(100), options={"bf": "2"})
    with recording(tmp_path, clips) as recorder:
        for frame in FileSource("gate", video, recorder).frames():
            if frame.index == 50:
                recorder.request_clip("event", 2.0, 2.0)
    stored = clips.results["event"].stored
    assert stored is not None
    command = [program, "-v", "warning", "-of", "json", "-show_frames", "-show_streams", str(stored.path)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stderr == ""
    probed = json.loads(result.stdout)
    assert probed["streams"][0]["codec_tag_string"] == "avc1"
    times = [float(frame["pts_time"]) for frame in probed["frames"]]
    assert times == pytest.approx([index * STEP for index in range(len(times))], abs=1e-3)
    assert probed["frames"][0]["key_frame"] == 1


@pytest.mark.services
@pytest.mark.parametrize("masks", [(), (MASK,)], ids=["wrapped", "masked"])
def test_a_browser_plays_the_clip(tmp_path: Path, video: Path, masks: tuple[Polygon, ...]) -> None:
    browser, driver = require("chromium"), require("chromedriver")
    clips = Clips()
    with recording(tmp_path, clips, masks=masks) as recorder:
        for frame in FileSource("gate", video, recorder).frames():
            if frame.index == 100:
                recorder.request_clip("event", 4.0, 4.0)
    stored = clips.results["event"].stored
    assert stored is not None
    page = tmp_path / "page.html"
    page.write_text(f"<video src='{stored.path.as_uri()}' muted autoplay></video>")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"):
        options.add_argument(argument)
    with webdriver.Chrome(options=options, service=ChromeService(driver)) as chrome:
        chrome.get(page.as_uri())
        seen = "const v = document.querySelector('video'); return [v.ended, v.duration, v.videoWidth, v.error?.message]"
        WebDriverWait(chrome, 30).until(lambda _: chrome.execute_script(seen)[0] or chrome.execute_script(seen)[3])
        ended, duration_s, width, error = chrome.execute_script(seen)
    assert error is None
    assert ended
    assert duration_s == pytest.approx(41 * STEP, abs=0.05)
    assert width == SIZE[0]


def test_privacy_masks_are_black_in_every_picture(tmp_path: Path, video: Path) -> None:
    clips = Clips()
    with recording(tmp_path, clips, masks=[MASK]) as recorder:
        for frame in FileSource("gate", video, recorder).frames():
            if frame.index == 100:
                recorder.request_clip("event", 4.0, 4.0)
    stored = clips.results["event"].stored
    assert stored is not None
    times, pictures, codec = decoded(stored.path)
    assert codec == "h264"
    assert len(times) == 41
    width, height = SIZE
    inside = np.s_[round(0.1 * height) + 2 : round(0.7 * height) - 2, round(0.1 * width) + 2 : round(0.6 * width) - 2]
    for picture in pictures:
        assert picture[inside].max() < 24, "no trace of what the mask covers"
        assert picture[:, round(0.75 * width) :].mean() > 60, "the rest is still to be seen"


def test_a_turned_video_stays_upright_in_its_clips(tmp_path: Path, folder: Path) -> None:
    """Wrapped, the clip carries the turn for its player; with masks the pictures themselves are turned, then masked."""
    path = write_video(folder / "turned.mp4", moving_square(100), rotation=90)
    plain, masked = Clips(), Clips()
    with recording(tmp_path, plain) as recorder:
        for frame in FileSource("gate", path, recorder).frames():
            if frame.index == 50:
                recorder.request_clip("event", 2.0, 2.0)
    with recording(tmp_path, masked, masks=[[(0, 0), (1, 0), (1, 0.5), (0, 0.5)]]) as recorder:
        for frame in FileSource("gate", path, recorder).frames():
            if frame.index == 50:
                recorder.request_clip("event", 2.0, 2.0)
    one, other = plain.results["event"].stored, masked.results["event"].stored
    assert one is not None
    assert other is not None
    assert next(FileSource("gate", one.path).frames()).luma.shape == (SIZE[0], SIZE[1])
    picture = decoded(other.path)[1][0]
    assert picture.shape[:2] == (SIZE[0], SIZE[1])
    assert picture[: SIZE[0] // 2 - 2].max() < 24
    assert picture[SIZE[0] // 2 + 2 :].mean() > 60


@pytest.mark.parametrize(
    ("encoder", "pixel_format", "name", "note"),
    [("libx265", "yuv420p", "h265.mp4", "H.265"), ("mjpeg", "yuvj420p", "jpeg.avi", "MJPEG")],
)
def test_what_browsers_do_not_play_is_converted(
    tmp_path: Path, folder: Path, encoder: str, pixel_format: str, name: str, note: str
) -> None:
    full = pixel_format == "yuvj420p"
    path = write_video(folder / name, moving_square(100), encoder=encoder, pixel_format=pixel_format, full_range=full)
    clips = Clips()
    with recording(tmp_path, clips) as recorder:
        originals = []
        for frame in FileSource("gate", path, recorder).frames():
            originals.append(frame.luma)
            if frame.index == 50:
                recorder.request_clip("event", 2.0, 2.0)
    result = clips.results["event"]
    assert result.stored is not None
    assert result.note == f"converted from {note}"
    times, pictures, codec = decoded(result.stored.path)
    assert codec == "h264"
    assert times == pytest.approx([index * STEP for index in range(len(times))], abs=1e-3)
    first = 24 if encoder == "libx265" else 25
    difference = np.abs(pictures[0].mean(axis=2) - originals[first])
    assert difference.mean() < 4, "same picture, same range"


def test_a_clip_ends_with_its_stream_and_says_so(tmp_path: Path, video: Path) -> None:
    info, packets = packets_of(video)
    clips = Clips()
    with recording(tmp_path, clips) as recorder:
        recorder.start_stream(info)
        for packet in packets[:60]:
            recorder.put_packet(packet)
        recorder.request_clip("event", 2.0, 3.5)
        recorder.start_stream(info)  # the camera was connected anew
        result = clips.wait("event")
    assert result.stored is not None
    assert result.note == "ends 1.6 s early, with the stream"
    assert len(decoded(result.stored.path)[0]) == 60 - 24


def test_what_the_connection_before_showed_is_not_cut_from_the_new_one(tmp_path: Path, folder: Path) -> None:
    """It may be told when the new one has begun, whose time begins at 0: what lies ahead will never come."""
    info, packets = packets_of(write_video(folder / "before.mp4", moving_square(75)))
    later_info, later = packets_of(write_video(folder / "after.mp4", (255 - picture for picture in moving_square(75))))
    clips = Clips()
    with recording(tmp_path, clips, ring_s=2.0) as recorder:
        recorder.start_stream(info)
        for packet in packets:
            recorder.put_packet(replace(packet, pts_s=packet.pts_s + 3600, dts_s=packet.dts_s + 3600))
        recorder.start_stream(later_info)
        recorder.put_packet(later[0])
        recorder.request_clip("before", 3602.0, 3602.5)
        result = clips.wait("before")
        for packet in later[1:70]:
            recorder.put_packet(packet)
        recorder.request_clip("long ago", 3602.0, 3602.5)
        assert recorder._pending == [], "it would gather packets for an hour"
        assert clips.wait("long ago").failed == "the connection that showed it has ended"
    assert result.stored is not None
    _, pictures, _ = decoded(result.stored.path)
    expected = decoded(folder / "before.mp4")[1]
    assert np.abs(pictures[-1].astype(int) - expected[-1]).max() <= 1, "the pictures of the connection before"


def test_a_silent_stream_does_not_hold_a_clip_back(tmp_path: Path, video: Path) -> None:
    info, packets = packets_of(video)
    clips = Clips()
    with recording(tmp_path, clips, limits=RingLimits(silence_s=0.2)) as recorder:
        recorder.start_stream(info)
        for packet in packets[:60]:
            recorder.put_packet(packet)
        recorder.request_clip("event", 2.0, 2.0)
        assert clips.wait("event", 5.0).note == "ends 0.1 s early, with the stream"


def test_several_clips_at_once(tmp_path: Path, video: Path) -> None:
    clips = Clips()
    with recording(tmp_path, clips, wait_when_busy=True, limits=RingLimits(waiting_clips=2)) as recorder:
        for frame in FileSource("gate", video, recorder).frames():
            if frame.index % 20 == 10:
                recorder.request_clip(f"event-{frame.index}", frame.stream_time_s, frame.stream_time_s + 0.3)
    assert len(clips.results) == 10
    assert all(result.stored is not None for result in clips.results.values())
    assert len({result.stored.sha256 for result in clips.results.values() if result.stored}) == 10


def test_the_ring_is_bounded_by_seconds_and_keeps_whole_groups(tmp_path: Path, video: Path) -> None:
    info, packets = packets_of(video)
    clips = Clips()
    with recording(tmp_path, clips, ring_s=2.0) as recorder:
        recorder.start_stream(info)
        for packet in packets:
            recorder.put_packet(packet)
        recorder.request_clip("old", 2.0, 7.0)
        result = clips.wait("old")
    assert result.stored is not None
    assert result.note is not None
    assert result.note.startswith("begins 4.")
    assert len(decoded(result.stored.path)[0]) <= 2.5 * FPS + 12


def test_the_ring_is_bounded_by_bytes(tmp_path: Path, video: Path) -> None:
    info, packets = packets_of(video)
    with recording(tmp_path, Clips(), limits=RingLimits(ring_bytes=20_000)) as recorder:
        recorder.start_stream(info)
        for packet in packets:
            recorder.put_packet(packet)
            assert sum(len(kept.data) for kept in recorder._ring) <= max(20_000, len(packet.data))


def test_no_stream_and_no_picture_are_failures_with_a_reason(tmp_path: Path, video: Path) -> None:
    info, packets = packets_of(video)
    clips = Clips()
    with recording(tmp_path, clips) as recorder:
        recorder.request_clip("early", 0.0, 1.0)
        assert clips.wait("early").failed == "no stream was running"
        recorder.start_stream(info)
        for packet in packets[1:10]:  # a connection in the middle of a group: no key frame yet
            recorder.put_packet(packet)
        recorder.request_clip("blind", 0.0, 0.1)
    assert clips.wait("blind").failed == "the stream held no complete picture of that time"


def test_a_full_disk_is_a_failure_with_a_reason(tmp_path: Path, video: Path) -> None:
    clips = Clips()
    files = EvidenceFiles(tmp_path / "evidence", quota_bytes=1000)
    recorder = Recorder("gate", files, clips)
    for frame in FileSource("gate", video, recorder).frames():
        if frame.index == 100:
            recorder.request_clip("event", 4.0, 4.0)
    recorder.close()
    assert "quota" in str(clips.results["event"].failed)
    assert list((tmp_path / "evidence" / "tmp").iterdir()) == []


def test_a_result_that_cannot_be_taken_does_not_stop_the_next(tmp_path: Path, video: Path) -> None:
    clips = Clips()

    def full_outbox(result: ClipResult) -> None:
        clips(result)
        if result.token == "first":
            raise OutboxError("the outbox is full")

    with recording(tmp_path, full_outbox) as recorder:  # type: ignore[arg-type]
        for frame in FileSource("gate", video, recorder).frames():
            if frame.index in {50, 100}:
                recorder.request_clip("first" if frame.index == 50 else "second", 1.0, 1.5)
    assert clips.results["second"].stored is not None


def test_parameter_sets_cut_short_are_a_failure_with_a_reason(tmp_path: Path, video: Path) -> None:
    info, packets = packets_of(video)
    clips = Clips()
    with recording(tmp_path, clips) as recorder:
        recorder.start_stream(replace(info, extradata=info.extradata[:12]))
        for packet in packets[:60]:
            recorder.put_packet(packet)
        recorder.request_clip("event", 1.0, 1.0)
    assert clips.results["event"].stored is None
    assert "clip" in str(clips.results["event"].failed)


def test_garbage_packets_are_a_failure_with_a_reason(tmp_path: Path) -> None:
    clips = Clips()
    with recording(tmp_path, clips) as recorder:
        recorder.start_stream(StreamInfo("hevc", 64, 64, b"", 25.0))
        for index in range(30):
            recorder.put_packet(Packet(bytes([index]) * 50, index * STEP, index * STEP, STEP, keyframe=index == 0))
        recorder.request_clip("event", 0.5, 0.5)
    assert clips.results["event"].stored is None
    assert "could be decoded" in str(clips.results["event"].failed)
