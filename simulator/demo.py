"""`make demo`: everything on one machine, simulated cameras, alerts as they come."""

from __future__ import annotations

import signal
from pathlib import Path

import click
from rich.console import Console

from simulator.rehearsal import Rehearsal
from simulator.score import DEFAULT_FOLDER, finish, make_console, print_alert, rehearse, render_with_progress
from simulator.site_life import SiteLife
from simulator.stack import StackError

SCENARIO = Path("configs/scenarios/demo.yaml")
BASELINE = Path("tests/baselines/demo.json")


@click.command("demo")
@click.option(
    "--scenario",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=SCENARIO,
    show_default=True,
    help="What the cameras show.",
)
@click.option(
    "--once", is_flag=True, help="Play the scenario once, print the score, end with 0 if it holds its baseline."
)
@click.option("--work", type=click.Path(file_okay=False, path_type=Path), default=DEFAULT_FOLDER, show_default=True)
def demo_command(scenario: Path, once: bool, work: Path) -> None:
    """Show Watchpost at work: broker, collector, two cameras and the agent, each a process of its own."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    console = make_console()
    console.print("[bold]Watchpost 平安前哨[/]  demo (open on this machine only; Ctrl-C ends it)")
    if once:
        finish(rehearse(scenario, work.resolve(), console), console, BASELINE, work / "demo-score.json")
        return
    try:
        run_until_interrupted(scenario, work.resolve(), console)
    except StackError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        console.print("\n  ended")


def run_until_interrupted(scenario: Path, folder: Path, console: Console) -> None:
    """Loop the cameras and print alerts until Ctrl-C."""
    rendered = render_with_progress(scenario, folder, console)
    with Rehearsal(rendered, folder / "run" / rendered.scenario.name, loop=True) as rehearsal:
        console.print(f"  live page   {rehearsal.sign_in_link}", soft_wrap=True)
        another = " ".join(["sign-in-link", *rehearsal.store_option, "--base-url", rehearsal.address])
        console.print(f"  (it works once; another one: python -m collector {another} --role admin)", soft_wrap=True)
        console.print(f"  MQTT        mosquitto_sub -p {rehearsal.mqtt_port} -t 'watchpost/v1/#' -v")
        console.print("  alerts as they come:")
        life = SiteLife(rehearsal)
        life.begin()
        while True:
            life.go_on()
            heard = rehearsal.hear(0.5)
            if heard is not None:
                print_alert(console, heard)
