"""Command line of the simulator: `python -m simulator --help`."""

from __future__ import annotations

import click

from simulator.broker import broker_command
from simulator.camera.command import camera_command
from simulator.demo import demo_command
from simulator.render import render_command
from simulator.score import score_command


@click.group()
def main() -> None:
    """Scenes with known truth: render them, play them as cameras, score what reached the collector."""


for command in (render_command, camera_command, broker_command, score_command, demo_command):
    main.add_command(command)

if __name__ == "__main__":
    main()
