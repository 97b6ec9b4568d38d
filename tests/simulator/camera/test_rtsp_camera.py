"""The simulated camera seen from outside: by FFmpeg's players, by a bare socket, and as a process."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import av
import pytest
from moving_video import FPS, SIZE, moving_square, write_video
from services import free_port, require

from simulator.camera.background import BackgroundCamera, ControlServer
from simulator.camera.recording import Recording, UnplayableVideo
from simulator.camera.server import PortTaken, RtspCamera


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("camera")


@pytest.fixture(scope="module")
def video(folder: Path) -> Path:
    """2 s, a key frame every 12 frames, large enough that key frames are cut into several RTP packets."""
    return write_video(folder / "camera.mp4", moving_square(50))


@pytest.fixture(scope="module")
def recording(video: Path) -> Recording:
    return Recording.read(video)


def pictures(path: Path | str, count: int | None = None, **options: str) -> list[bytes]:
    """Decoded luma of a file or stream."""
    found = []
    with av.open(str(path), options=options, timeout=(5.0, 3.0)) as container:
        for frame in container.decode(video=0):
            found.append(frame.to_ndarray(format="gray").tobytes())
            if len(found) == count:
                break
    return found


@pytest.mark.parametrize(
    ("transport", "encoder", "options"),
    [
        ("tcp", "libx264", {}),
        ("udp", "libx264", {}),
        ("tcp", "libx264", {"bf": "2"}),
        ("tcp", "libx265", {}),
        ("udp", "libx265", {}),
    ],
    ids=["h264-tcp", "h264-udp", "b-frames-tcp", "h265-tcp", "h265-udp"],
)
def test_every_picture_arrives_unchanged(folder: Path, transport: str, encoder: str, options: dict[str, str]) -> None:
    path = write_video(folder / f"{encoder}-{len(options)}.mp4", moving_square(26), encoder=encoder, options=options)
    with BackgroundCamera(RtspCamera(Recording.read(path))) as camera:
        received = pictures(camera.url, rtsp_transport=transport)
    assert received == pictures(path)


def test_time_goes_on_over_loops(recording: Recording) -> None:
    stamps: list[float] = []
    with (
        BackgroundCamera(RtspCamera(recording, loop=True)) as camera,
        av.open(camera.url, options={"rtsp_transport": "tcp"}, timeout=(5.0, 3.0)) as container,
    ):
        stream = container.streams.video[0]
        for packet in container.demux(stream):
            if packet.pts is not None:
                stamps.append(float(packet.pts * stream.time_base))
            if len(stamps) == 70:
                break
    steps = [after - before for before, after in pairwise(stamps)]
    assert steps == pytest.approx([1 / FPS] * 69, abs=1e-3)


def test_it_plays_in_real_time_and_all_clients_see_the_same(folder: Path) -> None:
    """The second client joins a running timeline: its first picture is the next key frame, not the beginning."""
    recording = Recording.read(write_video(folder / "long.mp4", moving_square(150)))
    with BackgroundCamera(RtspCamera(recording)) as camera:
        began = time.monotonic()
        first = subprocess.Popen(_player(camera.url), stdout=subprocess.PIPE)
        while camera.camera.players == 0:
            time.sleep(0.01)
        time.sleep(0.7)
        second = subprocess.run(_player(camera.url), stdout=subprocess.PIPE, check=True)
        output, _ = first.communicate()
    assert time.monotonic() - began >= recording.duration_s - 0.2
    one, other = output.split(), second.stdout.split()
    assert len(one) == 150
    assert 12 <= len(other) <= 150 - 12
    assert one[-len(other) :] == other


def _player(url: str) -> list[str]:
    """A process that prints a digest of every picture."""
    program = (
        "import av,hashlib,sys\n"
        "with av.open(sys.argv[1], options={'rtsp_transport': 'tcp'}, timeout=(5.0, 3.0)) as container:\n"
        "    for frame in container.decode(video=0):\n"
        "        print(hashlib.sha256(frame.to_ndarray(format='gray').tobytes()).hexdigest())\n"
    )
    return [sys.executable, "-c", program, url]


@pytest.mark.services
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_ffmpeg_plays_it_with_digest_sign_in(recording: Recording, transport: str) -> None:
    program = require("ffmpeg")
    with BackgroundCamera(RtspCamera(recording, user="viewer", password="pass word")) as camera:
        url = camera.url.replace("rtsp://", "rtsp://viewer:pass%20word@")
        command = [program, "-v", "warning", "-rtsp_transport", transport, "-i", url, "-f", "framecrc", "-"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    assert len([line for line in result.stdout.splitlines() if not line.startswith("#")]) == 50
    assert "error" not in result.stderr.lower()


@pytest.mark.services
def test_ffprobe_reads_its_description(recording: Recording) -> None:
    program = require("ffprobe")
    with BackgroundCamera(RtspCamera(recording, path="/cam/1", loop=True)) as camera:
        command = [program, "-v", "error", "-of", "json", "-show_streams", "-rtsp_transport", "tcp", camera.url]
        result = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    stream = json.loads(result.stdout)["streams"][0]
    assert (stream["codec_name"], stream["width"], stream["height"]) == ("h264", *SIZE)
    assert stream["avg_frame_rate"] == "25/1"


def test_the_ledger_holds_what_was_played(recording: Recording, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    with BackgroundCamera(RtspCamera(recording, loop=True, ledger=ledger)) as camera:
        time.sleep(0.3)
        assert not ledger.exists(), "it waits for the first PLAY"
        before = datetime.now(UTC)
        pictures(camera.url, 60, rtsp_transport="tcp")
        after = datetime.now(UTC)
        camera.control("stall")
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    plays = [line for line in lines if line["kind"] == "play"]
    assert [line["loop"] for line in plays] == [0, 1]
    starts = [datetime.fromisoformat(line["at"]) for line in plays]
    assert before <= starts[0] <= after
    assert (starts[1] - starts[0]).total_seconds() == pytest.approx(recording.duration_s, abs=1e-3)
    assert lines[-1]["kind"] == "control"
    assert lines[-1]["action"] == "stall"


def test_it_can_start_at_once(recording: Recording, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    with BackgroundCamera(RtspCamera(recording, start_at="now", ledger=ledger)):
        assert json.loads(ledger.read_text())["loop"] == 0


def ask(url: str, text: str) -> str:
    """One bare request; returns the answer's text."""
    host, port = url.removeprefix("rtsp://").split("/")[0].split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(text.encode())
        return connection.recv(4096).decode()


def test_answers_of_the_protocol(recording: Recording) -> None:
    with BackgroundCamera(RtspCamera(recording)) as camera:
        url = camera.url
        options = ask(url, f"OPTIONS {url} RTSP/1.0\r\nCSeq: 7\r\n\r\n")
        assert options.startswith("RTSP/1.0 200 OK\r\nCSeq: 7\r\n")
        assert "GET_PARAMETER" in options
        described = ask(url, f"DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        assert "sprop-parameter-sets=" in described
        assert "m=video 0 RTP/AVP 96" in described
        assert "404 Not Found" in ask(url, f"DESCRIBE {url}x RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        assert "405 Method" in ask(url, f"RECORD {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        assert "454 Session" in ask(url, f"PLAY {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        multicast = "Transport: RTP/AVP;multicast"
        assert "461 Unsupported" in ask(url, f"SETUP {url}/trackID=0 RTSP/1.0\r\nCSeq: 1\r\n{multicast}\r\n\r\n")
        assert "400 Bad Request" in ask(url, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert "400 Bad Request" in ask(url, f"DESCRIBE {url} RTSP/1.0\r\nContent-Length: x\r\n\r\n")
        assert "400 Bad Request" in ask(url, "A" * 20_000)
        assert not camera.camera.timeline.started, "asking is not playing"


def test_digest_sign_in_refuses_a_wrong_answer(recording: Recording) -> None:
    with BackgroundCamera(RtspCamera(recording, user="viewer", password="right")) as camera:
        url = camera.url
        refused = ask(url, f"DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        assert re.search(
            r'401 Unauthorized.*WWW-Authenticate: Digest realm="[^"]+", nonce="[0-9a-f]{32}"', refused, re.DOTALL
        )
        basic = "Authorization: Basic dmlld2VyOnJpZ2h0"
        assert "401" in ask(url, f"DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\n{basic}\r\n\r\n")
        replayed = 'Authorization: Digest username="viewer", nonce="00", uri="x", response=""'
        assert "401" in ask(url, f"DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\n{replayed}\r\n\r\n")


def test_after_the_end_it_is_off(recording: Recording) -> None:
    with BackgroundCamera(RtspCamera(recording)) as camera:
        assert len(pictures(camera.url, rtsp_transport="tcp")) == 50
        assert "503" in ask(camera.url, f"DESCRIBE {camera.url} RTSP/1.0\r\nCSeq: 1\r\n\r\n")


def test_control_over_http(recording: Recording) -> None:
    with BackgroundCamera(RtspCamera(recording)) as camera, ControlServer(camera, 0) as control:

        def post(action: str) -> dict[str, str]:
            request = urllib.request.Request(f"{control.url}/{action}", method="POST")
            with urllib.request.urlopen(request, timeout=5) as reply:
                return json.load(reply)

        assert post("freeze") == {"mode": "frozen"}
        with urllib.request.urlopen(control.url, timeout=5) as reply:
            assert json.load(reply)["mode"] == "frozen"
        assert post("refuse") == {"mode": "refusing"}
        with pytest.raises(ConnectionRefusedError):
            ask(camera.url, "OPTIONS * RTSP/1.0\r\n\r\n")
        assert post("resume") == {"mode": "playing"}
        assert "200 OK" in ask(camera.url, "OPTIONS * RTSP/1.0\r\n\r\n")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            post("explode")


def test_files_that_are_no_camera_video(folder: Path) -> None:
    (folder / "letter.mp4").write_text("not a video")
    with pytest.raises(UnplayableVideo, match=r"letter\.mp4: not a video"):
        Recording.read(folder / "letter.mp4")
    jpeg = write_video(folder / "jpeg.avi", moving_square(5), encoder="mjpeg", pixel_format="yuvj420p", full_range=True)
    with pytest.raises(UnplayableVideo, match=r"jpeg\.avi: mjpeg video; a camera plays H\.264 or H\.265"):
        Recording.read(jpeg)


def test_a_taken_port_is_named(recording: Recording) -> None:
    with BackgroundCamera(RtspCamera(recording)) as camera:
        second = BackgroundCamera(RtspCamera(recording, port=camera.camera.port))
        with pytest.raises(PortTaken, match=f"port {camera.camera.port} on 127.0.0.1 cannot be used"):
            second.__enter__()


@pytest.mark.e2e
def test_the_command_plays_says_where_and_ends_on_a_signal(video: Path, tmp_path: Path) -> None:
    port, control = free_port(), free_port()
    command = [sys.executable, "-m", "simulator", "camera", str(video), "--port", str(port)]
    options = [
        "--control-port",
        str(control),
        "--ledger",
        str(tmp_path / "ledger.jsonl"),
        "--user",
        "u",
        "--password",
        "p",
    ]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith(f"rtsp://127.0.0.1:{port}/main  h264 160x96 25 fps")
            assert str(control) in process.stdout.readline()
            assert len(pictures(f"rtsp://u:p@127.0.0.1:{port}/main", 10, rtsp_transport="tcp")) == 10
            taken = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
            assert taken.returncode == 1
            assert f"port {port}" in taken.stderr
            assert "Traceback" not in taken.stderr
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
