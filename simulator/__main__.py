"""Command line of the simulator: `python -m simulator --help`."""

from __future__ import annotations

import importlib

import click

COMMANDS = {
    "render": "simulator.render:render_command",
    "camera": "simulator.camera.command:camera_command",
    "broker": "simulator.broker:broker_command",
    "score": "simulator.score:score_command",
    "demo": "simulator.demo:demo_command",
    "bench": "simulator.bench:bench_command",
}


class _Commands(click.Group):
    """Imports a command when it is asked for: a camera must not wait for the plotting library."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command = getattr(importlib.import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name]} is not a command")
        return command


@click.group(cls=_Commands)
def main() -> None:
    """Scenes with known truth: render them, play them as cameras, score what reached the collector."""


if __name__ == "__main__":
    main()
