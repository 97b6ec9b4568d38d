"""Figures of a run: their file is tried before the run, written after it, and read again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from pydantic import TypeAdapter, ValidationError

from edge.bench.output import OutputFile, write_json, write_text
from edge.errors import BenchError

FIGURES_FILE = OutputFile()
"""Type of each option that names a file for figures or for a page."""
PLOT_FILE = OutputFile(".png", ".svg", ".pdf")
HELD_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
"""Type of each option that names a file with figures."""
COUNT = click.IntRange(min=1)
AMOUNT = click.FloatRange(min=0, min_open=True)
"""Of minutes, or of events a second."""


def write_figures(figures: object, file: Path | None) -> None:
    """As JSON, where a file is named. Raises click.ClickException."""
    with _clearly():
        write_json(figures, file)


def write_page(page: str, file: Path) -> None:
    """As it is. Raises click.ClickException."""
    with _clearly():
        write_text(page, file)


def read_figures(file: Path, shape: TypeAdapter[Any], made_by: str) -> Any:
    """The JSON that such a command has written, as it stands there. Raises click.ClickException when it is none."""
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
        shape.validate_python(held)
    except OSError as error:
        raise click.ClickException(f"{file}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise click.ClickException(f"{file}: no figures of `{made_by}` ({where}: {first['msg']})") from error
    except (ValueError, RecursionError) as error:
        raise click.ClickException(f"{file}: no figures of `{made_by}`: no JSON ({error})") from error
    return held


@contextmanager
def _clearly() -> Iterator[None]:
    try:
        yield
    except BenchError as error:
        raise click.ClickException(str(error)) from error
