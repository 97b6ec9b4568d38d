"""`python -m edge bench falling`: what the falling-object analyzer finds on labelled clips."""

from __future__ import annotations

from pathlib import Path

import click
import cv2

from edge.bench.output import OutputFile, write_json
from edge.errors import BenchError, EvidenceError, WatchpostError
from edge.falling.bench.labels import read_labels
from edge.falling.bench.measure import Measured, measure_clip
from edge.falling.bench.report import figures, lines
from edge.falling.settings import FallingSettings
from edge.imaging import encode_jpeg
from edge.inference import ModelStore

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("falling")
@click.option("--data", type=FOLDER, required=True, help="Folder with labels.json and the clips it names.")
@click.option("--json", "json_file", type=OutputFile(), help="Write the figures here.")
@click.option("--pictures", type=FOLDER, help="Write the pictures of every event into this folder.")
@click.option("--models", type=FOLDER, help="Folder with a manifest.json; the agent's own models when left out.")
@click.option("--mog2", is_flag=True, help="Time OpenCV's background model on the same pictures as well.")
def falling_command(data: Path, json_file: Path | None, pictures: Path | None, models: Path | None, mog2: bool) -> None:
    """Falls found, missed, told twice and told falsely on labelled clips, how late, and at what cost.

    Only confirmed events count; suspected ones stand beside. No facade is drawn for any clip. A clip without labelled
    falls must give no event.
    """
    cv2.setNumThreads(1)
    try:
        store = ModelStore(models)
        measured = []
        for clip in read_labels(data):
            measured.append(measure_clip(clip, FallingSettings(), store, mog2))
            if pictures is not None:
                _write_pictures(measured[-1], pictures)
        told = {"data": data.name, **figures(measured)}
        write_json(told, json_file)  # before anything is printed: a pipe may close early
        for line in lines(told):
            click.echo(line)
        if all(one.unusable for one in measured):
            raise BenchError(f"{data}: none of the {len(measured)} clips could be measured")
    except WatchpostError as error:
        raise click.ClickException(str(error)) from error


def _write_pictures(measured: Measured, folder: Path) -> None:
    for number, judged in enumerate(measured.judged, start=1):
        for picture in judged.told.finding.pictures:
            path = folder / f"{measured.result.name}-{number}-{judged.role}-{picture.role}.jpg"
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(encode_jpeg(picture.bgr))
            except (OSError, EvidenceError) as error:
                raise BenchError(f"{path}: cannot be written ({error})") from error
