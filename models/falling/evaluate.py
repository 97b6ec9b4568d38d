"""Measures the falling-object analyzer on rendered scenes with truth; real clips are for `edge bench falling`.

`python -m models.falling.evaluate scenes DIR` — DIR holds NAME.mp4, NAME.truth.jsonl and NAME.installation.yaml.
`python -m models.falling.evaluate seeds DIR` — renders towers of evaluation seeds into DIR, one for each condition.
`python -m models.falling.evaluate funnel DIR` — how far each fall of rendered scenes came: seen, tracked, judged.
`python -m models.falling.evaluate words --scenes DIR --network FILE ...` — several networks on the same candidates.
`python -m models.falling.evaluate ablation DIR` — what is found in rendered scenes without one step at a time.
`python -m models.falling.evaluate speed DIR` — cost beside decoding and MOG2, from 720p to 2160p.
`python -m models.falling.evaluate conditions DIR` — recall by condition and size, origin and false events, on streams.
`python -m models.falling.evaluate overlays --clip FILE` — recall where falls are drawn into real clips or photographs.
`python -m models.falling.evaluate confusers DIR` — false events by kind of what moves and is no fall, on streams.

Streams are drawn, encoded, decoded and analysed in memory; DIR keeps the figures of each tower, so that a run that was
stopped goes on where it was, and only what depends on a change is measured again.

A fall is found by a confirmed event whose time overlaps it (half a second before, one after) and whose path touches
the labelled boxes; a second one is a duplicate; a confirmed event at a mirror image is neither found nor false; every
other confirmed event is false. Suspected events are listed beside, never counted as found or false.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np

from edge.falling.bench.measure import run_clip
from edge.falling.bench.scoring import Labelled, Result, score
from edge.falling.detector import MODEL_NAME, FallClassifier
from edge.falling.settings import FallingSettings
from edge.inference import ModelStore
from models.falling.ablation import STEPS, ablation_lines, leave_out
from models.falling.conditions import condition_lines, condition_rows, fall_cameras, measure_falls
from models.falling.confusers import FIRST_SEED, chosen, measure_quiet, quiet_cameras, quiet_lines, quiet_table
from models.falling.funnel import follow, funnel_lines
from models.falling.jobs import Figures, measure_all
from models.falling.overlays import measure_overlays
from models.falling.plots import plot_origins, plot_quiet, plot_recall
from models.falling.rendered import rendered_scenes, scene_labels, scene_settings
from models.falling.seeds import CONDITIONS, condition_table, seed_scenario
from models.falling.speed import measure_cost, speed_lines, speed_scenario
from models.falling.words import hear, word_lines
from simulator.render import render_scenario
from simulator.scenes import FIRST_TRAINING_SEED, Condition


def print_results(results: list[Result], verbose: bool) -> None:
    """A table, a line per clip, and the totals."""
    click.echo(
        f"{'clip':24} {'falls':>5} {'found':>5} {'dupl':>4} {'false':>5} {'mirr':>4} {'susp':>4} {'(hit)':>5} "
        f"{'ms':>6} {'decode':>6} {'ratio':>5}"
    )
    for r in results:
        click.echo(
            f"{r.name:24} {r.falls:5d} {r.found:5d} {r.duplicate:4d} {r.false:5d} {r.mirror:4d} {r.suspected:4d} "
            f"{r.suspected_hits:5d} {r.ms_per_frame:6.2f} {r.decode_ms_per_frame:6.2f} "
            f"{r.ms_per_frame / max(r.decode_ms_per_frame, 1e-9):5.2f}"
        )
        for note in r.notes if verbose else []:
            click.echo(f"    {note}")
    total = {key: sum(getattr(r, key) for r in results) for key in ("falls", "found", "duplicate", "false")}
    delays = [delay for r in results for delay in r.delay_s]
    errors = [error for r in results for error in r.floor_errors]
    covered = [ok for r in results for ok in r.floor_covered]
    click.echo(f"total {total} in {sum(r.seconds for r in results):.0f} s")
    if delays:
        click.echo(f"delay after the last sight: median {np.median(delays):.2f} s, largest {max(delays):.2f} s")
    if errors:
        near = float(np.mean(np.abs(errors) <= 1))
        click.echo(f"origin floor: exact {np.mean(np.array(errors) == 0):.2f}, within 1 {near:.2f}, "
                   f"interval right {np.mean(covered):.2f}")  # fmt: skip


def _store(classifier: bool) -> ModelStore | None:
    return ModelStore() if classifier else None


def _results(jobs: Iterator[tuple[str, Path, list[Labelled], FallingSettings]], classifier: bool) -> list[Result]:
    models = _store(classifier)
    results = []
    for name, path, labels, settings in jobs:
        told, result = run_clip(path, settings, models)
        result.name = name
        results.append(score(told, labels, result))
    return results


def _scene_jobs(
    folder: Path, classifier: bool, facade: bool
) -> Iterator[tuple[str, Path, list[Labelled], FallingSettings]]:
    for truth in sorted(folder.rglob("*.truth.jsonl")):
        name = truth.name.removesuffix(".truth.jsonl")
        if '"scene":"tower"' not in truth.read_text(encoding="utf-8").replace(" ", ""):
            continue
        settings = scene_settings(truth.with_name(f"{name}.installation.yaml"), use_classifier=classifier)
        if not facade:
            settings = settings.model_copy(update={"facade": None})
        yield f"{truth.parent.name}/{name}"[-24:], truth.with_name(f"{name}.mp4"), scene_labels(truth), settings


@click.group()
def main() -> None:
    """Measure the falling-object analyzer."""
    cv2.setNumThreads(1)


_FOLDER = click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
_CLASSIFIER = click.option("--classifier/--no-classifier", default=True, help="Let the network judge.")
_VERBOSE = click.option("--verbose", is_flag=True, help="Print every event and every miss.")
_JSON = click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the results there as well.")


def _report(results: list[Result], verbose: bool, json_path: Path | None) -> None:
    print_results(results, verbose)
    if json_path is not None:
        json_path.write_text(json.dumps([asdict(r) for r in results], indent=1) + "\n", encoding="utf-8")


@main.command()
@_FOLDER
@_CLASSIFIER
@_VERBOSE
@_JSON
@click.option("--facade/--no-facade", default=True, help="Use the floor lines of the installation.")
def scenes(folder: Path, classifier: bool, verbose: bool, json_path: Path | None, facade: bool) -> None:
    """Rendered scenes with truth."""
    _report(_results(_scene_jobs(folder, classifier, facade), classifier), verbose, json_path)


@main.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@_CLASSIFIER
@_VERBOSE
@_JSON
@click.option(
    "--condition",
    "conditions",
    multiple=True,
    type=click.Choice(sorted(set(CONDITIONS))),
    help="One tower each; may be repeated. Left out: day three times, every other condition once.",
)
@click.option(
    "--first-seed",
    type=click.IntRange(0, FIRST_TRAINING_SEED - 10_000),
    default=700,
    show_default=True,
    help="The first tower's seed; each further tower has the next one.",
)
@click.option("--rounds", type=click.IntRange(1, 500), default=1, show_default=True, help="Times the conditions.")
@click.option("--seconds", type=click.FloatRange(4, 3600), default=20, show_default=True, help="Length of a video.")
@click.option("--falls", type=click.IntRange(0, 1000), default=3, show_default=True, help="Falls in a video.")
@click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="Towers drawn at once.")
def seeds(
    folder: Path,
    classifier: bool,
    verbose: bool,
    json_path: Path | None,
    conditions: tuple[Condition, ...],
    first_seed: int,
    rounds: int,
    seconds: float,
    falls: int,
    processes: int,
) -> None:
    """Render towers of evaluation seeds, measure on them, and print a line for each condition."""
    scenario = seed_scenario(first_seed, conditions or CONDITIONS, rounds, seconds, falls)
    render_scenario(scenario, folder, processes=processes)
    wanted = {camera.id for camera in scenario.cameras}
    towers = _scene_jobs(folder, classifier, True)
    jobs = ((path.stem, path, labels, settings) for _, path, labels, settings in towers if path.stem in wanted)
    results = _results(jobs, classifier)
    _report(results, verbose, json_path)
    click.echo("\n".join(condition_table(results)))


@main.command()
@_FOLDER
@_CLASSIFIER
@click.option("--facade/--no-facade", default=True, help="Use the floor lines of the installation.")
def funnel(folder: Path, classifier: bool, facade: bool) -> None:
    """Where the falls of rendered scenes are lost."""
    network = FallClassifier(ModelStore().load(MODEL_NAME)) if classifier else None
    fates = []
    for path, falls, settings in rendered_scenes(folder):
        known = settings if facade else settings.model_copy(update={"facade": None})
        fates += follow(path, falls, known, network)
    click.echo("\n".join(funnel_lines(fates)))


@main.command()
@click.option(
    "--scenes", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Rendered scenes."
)
@click.option("--clip", "clips", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--network", "networks", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def words(folder: Path | None, clips: tuple[Path, ...], networks: tuple[Path, ...]) -> None:
    """Several networks (.onnx) on the same candidates, of rendered scenes or of clips without a fall."""
    heard = hear(
        [*(rendered_scenes(folder) if folder is not None else ()), *((clip, (), FallingSettings()) for clip in clips)]
    )
    click.echo("\n".join(word_lines(networks or [ModelStore().path_of(MODEL_NAME)], heard)))


@main.command()
@_FOLDER
@click.option("--step", "names", multiple=True, type=click.Choice([step.name for step in STEPS[1:]]))
def ablation(folder: Path, names: tuple[str, ...]) -> None:
    """The same rendered scenes with one step of the analyzer left out at a time."""
    clips = [(path, labels, settings) for _, path, labels, settings in _scene_jobs(folder, True, True)]
    steps = [STEPS[0], *(step for step in STEPS[1:] if not names or step.name in names)]
    rows = []
    for step in steps:
        rows.append(leave_out(step, clips, ModelStore()))
        click.echo(asdict(rows[-1]), err=True)
    click.echo("\n".join(ablation_lines(rows)))


@main.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed", type=click.IntRange(0, FIRST_SEED - 50_000), default=950, show_default=True)
@click.option("--seconds", type=click.FloatRange(4, 3600), default=12, show_default=True, help="Length of a video.")
def speed(folder: Path, seed: int, seconds: float) -> None:
    """What the analysis costs beside decoding and MOG2, from 720p to 2160p, by day, at night, in rain and snow."""
    rendered = render_scenario(speed_scenario(seed, seconds), folder, processes=1)
    models = ModelStore()
    costs = [measure_cost(camera.video, scene_settings(camera.installation), models) for camera in rendered.cameras]
    click.echo("\n".join(speed_lines(costs)))


_PROCESSES = click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True)
_STOP = click.option("--stop-after", type=float, default=1e6, help="Minutes; then no further tower is begun.")
_FPS = click.option("--fps", type=click.FloatRange(5, 60), default=12.5, show_default=True, help="Frames per second.")
_DIR = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))


def _save(folder: Path, name: str, rows: Sequence[Any], figures: list[Figures]) -> None:
    said = {"rows": [asdict(row) for row in rows], "towers": figures}
    (folder / f"{name}.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    click.echo(f"{folder / name}.json, .png")


@main.command()
@_DIR
@_CLASSIFIER
@_PROCESSES
@_STOP
@_FPS
@click.option("--condition", "names", multiple=True, type=click.Choice(list(dict.fromkeys(CONDITIONS))))
@click.option("--rounds", type=click.IntRange(1, 1000), default=4, show_default=True, help="Towers for each condition.")
@click.option("--first-seed", type=click.IntRange(0, FIRST_SEED - 50_000), default=20_000, show_default=True)
@click.option("--seconds", type=click.FloatRange(10, 3600), default=40, show_default=True, help="Length of a stream.")
@click.option("--falls", type=click.IntRange(1, 1000), default=5, show_default=True, help="Falls in a stream.")
def conditions(
    folder: Path, classifier: bool, processes: int, stop_after: float, fps: float, names: tuple[Condition, ...],
    rounds: int, first_seed: int, seconds: float, falls: int,
) -> None:  # fmt: skip
    """Recall by condition and size of the thing, with its interval; floors of origin; false events."""
    cameras = fall_cameras(names or tuple(dict.fromkeys(CONDITIONS)), first_seed, rounds, seconds, falls, fps)
    figures = measure_all(
        cameras, measure_falls, folder / "towers", classifier=classifier, processes=processes, stop_s=60 * stop_after
    )
    rows = condition_rows(figures)
    click.echo("\n".join(condition_lines(rows)))
    plot_recall(rows, folder / "conditions.png")
    plot_origins(figures, folder / "origins.png")
    _save(folder, "conditions", rows, figures)


@main.command()
@click.option("--photos", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of .jpg facades.")
@click.option("--clip", "clips", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--clip-frames", type=click.IntRange(2), help="Only so many pictures of a clip, before a real fall in it."
)
@click.option("--count", type=click.IntRange(1, 100_000), default=40, show_default=True, help="Scenes of 12 s.")
@click.option("--first-seed", type=click.IntRange(0, FIRST_TRAINING_SEED - 1), default=30_000, show_default=True)
@_VERBOSE
def overlays(
    photos: Path | None, clips: tuple[Path, ...], clip_frames: int | None, count: int, first_seed: int, verbose: bool
) -> None:
    """Falls drawn into real pictures, by weather; name clips that training never saw."""
    pictures = sorted(photos.glob("*.jpg")) if photos is not None else []
    if not pictures and not clips:
        raise click.UsageError("give a folder of pictures (--photos) or a clip (--clip) to draw falls into")
    figures = []
    for one in measure_overlays(pictures, clips, first_seed, count, ModelStore(), clip_frames):
        figures.append(one)
        if verbose:
            click.echo(f"{one['seed']} {one['over']:36} {one['condition']:6} {one['said']}", err=True)
    click.echo("\n".join(condition_lines(condition_rows(figures))))


@main.command()
@_DIR
@_CLASSIFIER
@_PROCESSES
@_STOP
@_FPS
@click.option("--confuser", "names", multiple=True, help="Only these kinds.")
@click.option("--minutes", type=click.FloatRange(0.1, 10_000), default=2, show_default=True, help="For each kind.")
@click.option("--seconds", type=click.FloatRange(10, 3600), default=60, show_default=True, help="Length of a stream.")
def confusers(
    folder: Path, classifier: bool, processes: int, stop_after: float, fps: float, names: tuple[str, ...],
    minutes: float, seconds: float,
) -> None:  # fmt: skip
    """False events by kind: birds, insects, rain, lifts and so on, each alone; none of them holds a fall."""
    try:
        kinds = chosen(names)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--confuser") from error
    cameras = quiet_cameras(kinds, minutes, seconds, fps)
    figures = measure_all(
        cameras, measure_quiet, folder / "towers", classifier=classifier, processes=processes, stop_s=60 * stop_after
    )
    rows = quiet_table(figures)
    click.echo("\n".join(quiet_lines(rows)))
    plot_quiet(rows, folder / "confusers.png")
    _save(folder, "confusers", rows, figures)


if __name__ == "__main__":
    main()
