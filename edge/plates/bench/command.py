"""`python -m edge bench plates` and `false-plates`: what the plate path is worth on data that somebody else has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import cv2

from edge.bench.output import OutputFile, write_json
from edge.errors import BenchError, WatchpostError
from edge.inference import ModelStore
from edge.plates.bench.false_plates import FalsePlates, look_for_false_plates, videos_in
from edge.plates.bench.labels import read_labels
from edge.plates.bench.measure import Bench, Measurement, video_side
from edge.plates.bench.report import figures, lines
from edge.plates.bench.sheet import Cell, write_sheets
from edge.plates.detector import PlateDetector
from edge.plates.grammar import REGIONS
from edge.plates.stills import StillReader

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("plates")
@click.option("--data", type=FOLDER, required=True, help="Folder with labels.csv and pictures: scenes, crops, or both.")
@click.option("--json", "json_file", type=OutputFile(), help="Write the figures here.")
@click.option("--failures", type=FOLDER, help="Write contact sheets of what went wrong into this folder.")
@click.option("--models", type=FOLDER, help="Folder with a manifest.json; the agent's own models when left out.")
@click.option(
    "--region",
    type=click.Choice(sorted(REGIONS), case_sensitive=False),
    default="CN",
    show_default=True,
    help="Whose plates.",
)
def plates_command(data: Path, json_file: Path | None, failures: Path | None, models: Path | None, region: str) -> None:
    """Detection, reading and cost on labelled pictures.

    A picture whose label has a box or corners is a whole scene, one without is a plate cut out. "exact" counts
    labelled plates: in a scene found and read without a mistake; cut out, read at the labelled corners or from the
    crop as it is.
    """
    cv2.setNumThreads(1)
    try:
        store = ModelStore(models)
        reader = StillReader(store, REGIONS[region])
        result = Bench(reader, PlateDetector(store, long_side=video_side())).measure(read_labels(data))
        told: dict[str, Any] = {"data": data.name, **figures(result, store)}
        write_json(told, json_file)  # before anything is printed: a pipe may close early
        if result.images == 0:
            names = "; ".join(f"{file}: {why}" for file, why in result.broken[:5])
            raise BenchError(f"{data}: none of the {len(result.broken)} pictures can be read ({names})")
        for line in lines(told):
            click.echo(line)
        if failures is not None:
            _write_failures(result, failures)
    except WatchpostError as error:
        raise click.ClickException(str(error)) from error


@click.command("false-plates")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder of videos without plates, or one.")
@click.option("--json", "json_file", type=OutputFile(), help="Write the figures here.")
@click.option("--pictures", type=FOLDER, help="Write contact sheets of all that was taken for a plate.")
@click.option("--models", type=FOLDER, help="Folder with a manifest.json; the agent's own models when left out.")
def false_plates_command(data: Path, json_file: Path | None, pictures: Path | None, models: Path | None) -> None:
    """What is reported on video without plates, for 1,000 frames.

    Look at the pictures before you call one false: traffic seen from afar still bears plates.
    """
    cv2.setNumThreads(1)
    try:
        result = look_for_false_plates(videos_in(data), ModelStore(models))
        for line in _false_lines(result):
            click.echo(line)
        write_json(result.figures(), json_file)
        if pictures is not None:
            sheets = (("passages", result.passages), ("boxes", result.boxes))
            for name, shown in sheets:
                cells = [Cell(one.view, f"{one.video} {one.time_s:.1f} s", one.text or "unreadable") for one in shown]
                write_sheets(cells, pictures, name)
    except WatchpostError as error:
        raise click.ClickException(str(error)) from error


def _false_lines(result: FalsePlates) -> Iterator[str]:
    columns = ("frames", "readable", "unreadable", "looked at", "boxes", "as plates")
    yield f"{'video':36} " + " ".join(f"{name:>10}" for name in columns)
    for name, one in [*result.by_video.items(), ("all", result.total)]:
        counts = (one.frames, one.readable, one.unreadable, one.looked, one.boxes, one.called_plates)
        yield f"{name:36} " + " ".join(f"{number:>10}" for number in counts)
    told = result.total.figures()
    yield (
        f"passages for 1,000 frames: {told['readable_per_1000']} readable, {told['unreadable_per_1000']} unreadable; "
        f"boxes for 1,000 frames looked at: {told['boxes_per_1000']}, "
        f"of which the reader takes for plates: {told['called_plates_per_1000']}"
    )
    for shown in result.passages:
        yield f"  {shown.video} {shown.time_s:.1f} s: {shown.text or '(unreadable)'}"
    for file, why in result.broken:
        yield f"  broken: {file}: {why}"


def _write_failures(result: Measurement, folder: Path) -> None:
    written = []
    for stage in ("scene", "crop"):
        cells = [
            Cell(
                one.view, f"{one.file}", f"{one.expected} → {one.read or ('unreadable' if one.found else 'not found')}"
            )
            for one in result.failures
            if one.stage == stage
        ]
        written += write_sheets(cells, folder, f"{stage}-failures")
    false = [Cell(one.view, f"{one.file} {one.score}", one.read or "unreadable") for one in result.unlabelled]
    written += write_sheets(false, folder, "without-label")
    click.echo(
        f"\n{len(written)} contact sheets in {folder}" if written else f"\nnothing went wrong, {folder} is empty"
    )
