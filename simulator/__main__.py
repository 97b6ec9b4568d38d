"""Command line of the simulator: `python -m simulator --help`."""

from __future__ import annotations

import importlib

import click

COMMANDS = {
    "render": "simulator.render:render_command",
    "camera": "simulator.camera.command:camera_command",
    "broker": "simulator.broker:broker_command",
    "score": "simulator.score:score_command",
    "passages": "simulator.passages:passages_command",
    "sensor": "simulator.sensor:sensor_command",
    "demo": "simulator.demo:demo_command",
    "bench": "simulator.bench:bench_command",
    "faults": "simulator.faults.command:faults_command",
    "ingest": "simulator.faults.ingest_speed:ingest_command",
    "queries": "simulator.faults.query_speed:queries_command",
    "soak": "simulator.faults.soak:soak_command",
    "speeds": "simulator.faults.plots:speeds_command",
    "throughput": "simulator.faults.throughput:throughput_command",
    "screenload": "simulator.screen_load.command:screenload_command",
    "handling": "simulator.screen_load.handling:handling_command",
}


class _Commands(click.Group):
    """Imports a command when it is asked for: a camera must not wait for the plotting library."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        try:
            command = getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as error:
            return _unavailable(cmd_name, error)
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name]} is not a command")
        return command


def _unavailable(name: str, error: ModuleNotFoundError) -> click.Command:
    """Stands in the list in place of a command whose parts are not installed; says which extra brings them."""
    if error.name is not None and error.name.split(".")[0] == "simulator":
        raise error  # our own mistake, not a missing part
    extra = "dev" if name in {"bench", "handling", "screenload", "speeds"} else "demo"
    remedy = f"{error.name} is not installed: pip install 'watchpost[{extra}]'"

    def refuse() -> None:
        raise click.ClickException(f"`{name}`: {remedy}")

    settings = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
    return click.Command(name, context_settings=settings, callback=refuse, help=f"({remedy})")


@click.group(cls=_Commands)
def main() -> None:
    """Scenes with known truth: render them, play them as cameras, score what reached the collector."""


if __name__ == "__main__":
    main()
