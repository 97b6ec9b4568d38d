"""`python -m edge calibrate`: draw a facade on a still, check the drawing, see its map."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from edge import config
from edge.checks import first_frame
from edge.clock import SystemClock
from edge.config import CameraSettings
from edge.errors import ConfigError, EvidenceError, SourceUnreadable, WatchpostError
from edge.falling.calibration.drawing import Drawing, check_map, read_drawing, to_yaml
from edge.falling.calibration.page import SAVED_AS, drawing_page
from edge.falling.calibration.preview import draw_preview
from edge.imaging import decode_jpeg, encode_jpeg
from edge.sources.file import FileSource
from edge.types import Bgr

_PICTURES = {".jpg", ".jpeg", ".png", ".bmp"}
_FILE = click.Path(path_type=Path)
_OUT = click.Path(dir_okay=False, path_type=Path)
_AT = click.option(
    "--at", "at_s", default=0.0, show_default=True, help="Second of a video file to take the still from."
)
_CAMERA = click.option("--camera", help="With a configuration for STILL: the camera; its only one when left out.")


@click.group()
def calibrate() -> None:
    """Tell a camera where floors and columns are. STILL is a picture, a video file, or an agent's configuration."""


@calibrate.command("draw")
@click.argument("still", metavar="STILL", type=_FILE)
@_CAMERA
@_AT
@click.option("--drawing", "drawing_file", type=_FILE, help="Go on with this drawing (YAML).")
@click.option("--out", type=_OUT, default=Path("calibrate.html"), show_default=True, help="The page to write.")
def draw_command(still: Path, camera: str | None, at_s: float, drawing_file: Path | None, out: Path) -> None:
    """Write a page to draw on, for any browser; it works without a network and gives YAML for the configuration."""
    with _plainly():
        picture, drawing = _still(still, camera, at_s)
        if drawing_file is not None:
            drawing = read_drawing(drawing_file, (picture.shape[1], picture.shape[0]))
        then = _check_command(still, camera, at_s)
        _write(out, drawing_page(picture, drawing, then).encode("utf-8"))
    click.echo(f"{out}: open it in a browser, draw, and download the drawing; then: {then}")


@calibrate.command("check")
@click.argument("drawing_file", metavar="DRAWING", type=_FILE)
@click.argument("still", metavar="STILL", type=_FILE)
@_CAMERA
@_AT
@click.option("--preview", type=_OUT, default=Path("preview.jpg"), show_default=True, help="JPEG to write.")
@click.option("--out", type=_OUT, help="Write the keys for the configuration here; else they are printed.")
def check_command(
    drawing_file: Path, still: Path, camera: str | None, at_s: float, preview: Path, out: Path | None
) -> None:
    """Check a drawing: the page's YAML, or a file of points in pixels. Prints its residual and writes a preview.

    Exit status 1 when no map fits it.
    """
    with _plainly():
        picture, _ = _still(still, camera, at_s)
        drawing = read_drawing(drawing_file, (picture.shape[1], picture.shape[0]))
        try:
            facade, told = check_map(drawing)
        except ConfigError as error:
            raise ConfigError(f"{drawing_file}: {error}") from error
        _write(preview, encode_jpeg(draw_preview(picture, drawing, facade)))
        if out is not None:
            _write(out, to_yaml(drawing).encode("utf-8"))
    for line in told:
        click.echo(line, err=True)
    click.echo(f"preview: {preview}", err=True)
    if out is None:
        click.echo(to_yaml(drawing), nl=False)


def _check_command(still: Path, camera: str | None, at_s: float) -> str:
    """To check, with the same still, what the page saves."""
    words = ["python", "-m", "edge", "calibrate", "check", SAVED_AS, str(still)]
    words += ["--camera", camera] if camera is not None else []
    words += ["--at", f"{at_s:g}"] if at_s else []
    return shlex.join(words)


def _still(path: Path, camera_id: str | None, at_s: float) -> tuple[Bgr, Drawing]:
    """(h, w, 3) and what the configuration has drawn already."""
    if path.suffix.lower() in _PICTURES:
        try:
            return decode_jpeg(path.read_bytes()), Drawing()
        except (OSError, EvidenceError) as error:
            raise SourceUnreadable(f"{path}: cannot be read as a picture ({error})") from error
    if path.suffix.lower() in {".yaml", ".yml"}:
        camera = _camera_of(path, camera_id)
        drawn = Drawing(falling=camera.falling, privacy_masks=camera.privacy_masks)
        return first_frame(camera, SystemClock()).bgr(), drawn
    for frame in FileSource("still", path).frames():
        if frame.stream_time_s >= at_s:
            return frame.bgr(), Drawing()
    raise SourceUnreadable(f"{path}: ends before second {at_s:g}")


def _camera_of(path: Path, camera_id: str | None) -> CameraSettings:
    cameras = {camera.id: camera for camera in config.load(path).cameras}
    wanted = camera_id if camera_id is not None else next(iter(cameras))
    if wanted not in cameras or (camera_id is None and len(cameras) > 1):
        raise ConfigError(f"{path}: name the camera: --camera {' or '.join(cameras)}")
    return cameras[wanted]


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise EvidenceError(f"{path}: cannot be written ({error.strerror}); choose another place") from error


@contextmanager
def _plainly() -> Iterator[None]:
    """Errors as one line, not as a traceback."""
    try:
        yield
    except WatchpostError as error:
        raise click.ClickException(str(error)) from error
