"""The group of benches; each analyzer brings its own."""

from __future__ import annotations

import click

from edge.falling.bench.command import falling_command
from edge.plates.bench.command import false_plates_command, plates_command


@click.group()
def bench() -> None:
    """Measure what is found and read, and what it costs, on your own data."""


for command in (falling_command, plates_command, false_plates_command):
    bench.add_command(command)
