"""Figures of one run on the terminal and in a file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from simulator.figures import write_figures

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def tell(figures: DataclassInstance, json_file: Path | None) -> None:
    """A line for each figure; the same as JSON where a file is named."""
    for name, value in asdict(figures).items():
        click.echo(f"{name:>28}: {value}")
    write_figures(asdict(figures), json_file)
