"""`simulator score`: rehearse a scenario, print the score table, hold it against its baseline."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from simulator.figures import FIGURES_FILE, write_figures
from simulator.rehearsal import HeardAlert, Rehearsal, Score
from simulator.render import RenderedScenario, render_scenario
from simulator.scenario import Scenario, ScenarioError, load_scenario
from simulator.scenes import SceneError
from simulator.scoring import Count
from simulator.stack import FolderInUse, StackError, hold
from simulator.video import VideoError

DEFAULT_FOLDER = Path("var")
LOG_WIDTH = 120


class BaselineMissed(Exception):
    """The score is worse than its baseline; says in what."""


def make_console() -> Console:
    """Rich's console; where nobody looks at a terminal (a log, a pipe) wide enough for whole lines."""
    console = Console()
    return console if console.is_terminal else Console(width=LOG_WIDTH)


def render_with_progress(scenario_file: Path, folder: Path, console: Console) -> RenderedScenario:
    """Load a scenario and render it. Raises click.ClickException with what is wrong."""
    try:
        scenario = load_scenario(scenario_file)
    except (ScenarioError, SceneError) as error:
        raise click.ClickException(str(error)) from error
    return render_scenario_with_progress(scenario, folder, console)


def render_scenario_with_progress(
    scenario: Scenario, folder: Path, console: Console, processes: int = 2
) -> RenderedScenario:
    """Render what is not rendered yet, with a progress bar a camera. Raises click.ClickException with what is wrong."""
    columns = (TextColumn("  rendering {task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("frames"))
    scenes = folder / "scenes" / scenario.name
    try:
        with hold(scenes), Progress(*columns, console=console) as progress:
            bars = {camera.id: progress.add_task(camera.id, total=None) for camera in scenario.cameras}
            return render_scenario(
                scenario,
                scenes,
                lambda camera, done, total: progress.update(bars[camera], completed=done, total=total),
                processes,
            )
    except (ScenarioError, SceneError, VideoError, FolderInUse) as error:
        raise click.ClickException(str(error)) from error


def rehearse(scenario_file: Path, folder: Path, console: Console) -> Score:
    """Render, play through everything, score."""
    rendered = render_with_progress(scenario_file, folder, console)
    try:
        with Rehearsal(rendered, folder / "run" / rendered.scenario.name) as rehearsal:
            console.print(f"  live page   {rehearsal.sign_in_link}", soft_wrap=True)
            console.print(f"  MQTT        {rehearsal.mqtt_url}  (mosquitto_sub -t 'watchpost/v1/#' -v)")
            return rehearsal.play_to_the_end(lambda heard: print_alert(console, heard))
    except StackError as error:
        raise click.ClickException(str(error)) from error


def print_alert(console: Console, heard: HeardAlert) -> None:
    """One line for a person: when, how grave, what, where."""
    colour = {"critical": "bold red", "warning": "yellow", "info": "cyan"}[heard.alert.severity]
    when = heard.alert.occurred_at.astimezone().strftime("%H:%M:%S")
    late = " (late)" if heard.alert.late else ""
    console.print(
        f"  {when}  [{colour}]{heard.alert.severity:<8}[/]  {heard.alert.source:<10}  {heard.alert.title}{late}",
        highlight=False,
        soft_wrap=True,
    )


def table_of(score: Score) -> Table:
    """The score table, a row a camera."""
    table = Table(title=f"Score of {score.scenario}", title_justify="left")
    for column in ("camera", "what", "true", "found", "missed", "false", "duplicate", "plate exact", "floor ±1"):
        table.add_column(column, no_wrap=True, justify="left" if column in {"camera", "what"} else "right")
    for count in score.counts:
        table.add_row(
            count.camera,
            count.what,
            *(str(number) for number in (count.true, count.found, count.missed, count.false, count.duplicate)),
            _share(count.exact, count.true),
            _share(count.floor_within_1, count.found),
        )
    delivery = score.delivery
    table.caption = (
        f"{delivery.sent} events sent, {delivery.lost} lost, {delivery.duplicated} duplicated; "
        f"alert delay p50 {_seconds(delivery.delay_quantile(50))}, p95 {_seconds(delivery.delay_quantile(95))} "
        f"({len(delivery.delays_s)} alerts)"
    )
    table.caption_justify = "left"
    return table


def figures(score: Score) -> dict[str, Any]:
    """The score as plain values, for JSON and for baselines."""
    falls = [count for count in score.counts if count.what == "falls"]
    passages = [count for count in score.counts if count.what == "passages"]
    return {
        "scenario": score.scenario,
        "falls_found": _ratio(falls, "found"),
        "plates_exact": _ratio(passages, "exact"),
        "false": sum(count.false for count in score.counts),
        "duplicate": sum(count.duplicate for count in score.counts),
        "lost": score.delivery.lost,
        "duplicated": score.delivery.duplicated,
        "sent": score.delivery.sent,
        "delay_p50_s": score.delivery.delay_quantile(50),
        "delay_p95_s": score.delivery.delay_quantile(95),
        "counts": [asdict(count) for count in score.counts],
    }


def check_baseline(score: Score, baseline: dict[str, Any]) -> None:
    """Raise BaselineMissed when anything is lost or duplicated, or a figure is worse than the baseline's."""
    reached = figures(score)
    wrong = [f"{key} is {reached[key]}, must be 0" for key in ("lost", "duplicated") if reached[key] != 0]
    wrong += ["nothing was sent"] if reached["sent"] == 0 else []
    for key in ("falls_found", "plates_exact"):
        if key in baseline and (reached[key] or 0.0) < baseline[key]:
            wrong.append(f"{key} is {reached[key]}, the baseline is {baseline[key]}")
    for key in ("false", "duplicate", "delay_p95_s"):
        if key in baseline and (reached[key] is None or reached[key] > baseline[key]):
            wrong.append(f"{key} is {reached[key]}, the baseline is {baseline[key]}")
    if wrong:
        raise BaselineMissed("; ".join(wrong))


def finish(score: Score, console: Console, baseline: Path | None, json_file: Path | None) -> None:
    """Print the table, write the JSON, hold the baseline; click.ClickException when it is missed."""
    console.print(table_of(score))
    write_figures(figures(score), json_file)
    if baseline is None:
        return
    try:
        check_baseline(score, json.loads(baseline.read_text(encoding="utf-8")))
    except BaselineMissed as error:
        raise click.ClickException(f"baseline {baseline.name} missed: {error}") from error
    console.print(f"  holds its baseline ({baseline.name})")


@click.command("score")
@click.argument("scenario", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--work", type=click.Path(file_okay=False, path_type=Path), default=DEFAULT_FOLDER, show_default=True)
@click.option("--baseline", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="JSON to hold against.")
@click.option("--json", "json_file", type=FIGURES_FILE, help="Write the figures here.")
def score_command(scenario: Path, work: Path, baseline: Path | None, json_file: Path | None) -> None:
    """Play SCENARIO in real time through the real agent, broker and collector, and compare with its truth."""
    console = make_console()
    finish(rehearse(scenario, work.resolve(), console), console, baseline, json_file)


def _ratio(counts: list[Count], key: str) -> float | None:
    true = sum(count.true for count in counts)
    return round(sum(getattr(count, key) or 0 for count in counts) / true, 3) if true else None


def _share(part: int | None, whole: int) -> str:
    return "–" if part is None else f"{part} of {whole}"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} s"
