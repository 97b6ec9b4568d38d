"""Figures of one run on the terminal and in a file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def tell(figures: DataclassInstance, json_file: Path | None) -> None:
    """A line for each figure; the same as JSON where a file is named."""
    for name, value in asdict(figures).items():
        click.echo(f"{name:>28}: {value}")
    if json_file is not None:
        json_file.write_text(json.dumps(asdict(figures), indent=1) + "\n", encoding="utf-8")
