"""`python -m simulator camera FILE`: play a video file as an RTSP camera."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from simulator.camera.background import BackgroundCamera, ControlServer
from simulator.camera.recording import Recording, UnplayableVideo
from simulator.camera.server import PortTaken, RtspCamera


@click.command("camera")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8554, show_default=True, help="RTSP port; 0 takes a free one.")
@click.option("--path", default="/main", show_default=True, help="The stream's path in its address.")
@click.option("--user", help="Ask for this user (Digest).")
@click.option("--password", default="", envvar="WATCHPOST_CAMERA_PASSWORD", help="The user's password.")
@click.option("--loop", is_flag=True, help="Begin again at the end; time goes on without a jump.")
@click.option(
    "--start",
    "start_at",
    type=click.Choice(["first-play", "now"]),
    default="first-play",
    show_default=True,
    help="When the video begins.",
)
@click.option("--control-port", type=int, help="Listen for POST /stall, /drop, /freeze, /refuse, /end, /resume here.")
@click.option("--ledger", type=click.Path(dir_okay=False, path_type=Path), help="Append what was played, JSON lines.")
def camera_command(file: Path, control_port: int | None, **settings: Any) -> None:
    """Play an H.264 or H.265 FILE as a camera: any player opens the address that is printed."""
    try:
        recording = Recording.read(file)
        with ExitStack() as running:
            camera = running.enter_context(BackgroundCamera(RtspCamera(recording, **settings)))
            click.echo(f"{camera.url}  {recording.codec} {recording.width}x{recording.height} {recording.fps:.4g} fps")
            if control_port is not None:
                control = running.enter_context(ControlServer(camera, control_port))
                click.echo(f"{control.url}  control")
            _wait_for_signal()
    except (UnplayableVideo, PortTaken) as error:
        raise click.ClickException(str(error)) from error


def _wait_for_signal() -> None:
    ended = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: ended.set())
    while not ended.wait(1.0):
        pass
