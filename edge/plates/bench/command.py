"""`python -m edge bench`: what the plate path is worth on pictures and video that somebody else has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import cv2

from edge.errors import BenchError, WatchpostError
from edge.inference import ModelStore
from edge.plates.bench.labels import read_labels
from edge.plates.bench.measure import Bench, Measurement, video_side
from edge.plates.bench.report import figures, lines
from edge.plates.bench.sheet import Cell, write_sheets
from edge.plates.detector import PlateDetector
from edge.plates.grammar import REGIONS
from edge.plates.stills import StillReader

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group()
def bench() -> None:
    """Measure what is found and read, and what it costs, on your own data."""


@bench.command("plates")
@click.option("--data", type=FOLDER, required=True, help="Folder with labels.csv and pictures: scenes, crops, or both.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
@click.option("--failures", type=FOLDER, help="Write contact sheets of what went wrong into this folder.")
@click.option("--models", type=FOLDER, help="Folder with a manifest.json; the agent's own models when left out.")
@click.option("--region", type=click.Choice(sorted(REGIONS)), default="CN", show_default=True, help="Whose plates.")
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
        if result.images == 0:
            names = "; ".join(f"{file}: {why}" for file, why in result.broken[:5])
            raise BenchError(f"{data}: none of the {len(result.broken)} pictures can be read ({names})")
        told: dict[str, Any] = {"data": data.name, **figures(result, store)}
        for line in lines(told):
            click.echo(line)
        if json_file is not None:
            json_file.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        if failures is not None:
            _write_failures(result, failures)
    except WatchpostError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from error


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
