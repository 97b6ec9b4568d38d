"""Measures the falling-object analyzer on real clips with labels, and on rendered scenes with truth.

`python -m models.falling.evaluate clips DIR` — DIR holds labels.json and the clips it names.
`python -m models.falling.evaluate scenes DIR` — DIR holds NAME.mp4, NAME.truth.jsonl and NAME.installation.yaml.
`python -m models.falling.evaluate seeds DIR` — renders towers of evaluation seeds into DIR, one for each condition.

A fall is found by a confirmed event whose time overlaps it (half a second before, one after) and whose path touches
the labelled boxes; a second one is a duplicate; a confirmed event at a mirror image is neither found nor false; every
other confirmed event is false. Suspected events are listed beside, never counted as found or false.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import yaml

from contract.events import FallingObjectData
from edge.errors import SourceUnreadable
from edge.falling.analyzer import FallingAnalyzer
from edge.falling.settings import FallingSettings
from edge.inference import ModelStore
from edge.sources.file import FileSource
from edge.types import Finding
from models.falling.seeds import CONDITIONS, condition_table, seed_scenario
from simulator.render import render_scenario
from simulator.scenes import FIRST_TRAINING_SEED, Condition

_BEFORE_S, _AFTER_S = 0.5, 1.0
_TOUCH = 0.02
"""Fraction of the picture that a path may pass beside a labelled place and still touch it."""


@dataclass(frozen=True)
class Labelled:
    """One labelled fall or mirror: seconds, and (n, 3) rows of time, x, y in picture fractions."""

    kind: str
    start_s: float
    end_s: float
    path: np.ndarray
    floor: int | None = None
    column: int | None = None
    what: str = ""


@dataclass
class Result:
    """Counts of one clip; only confirmed events count as found or false."""

    name: str
    falls: int = 0
    found: int = 0
    missed: int = 0
    duplicate: int = 0
    false: int = 0
    mirror: int = 0
    suspected: int = 0
    suspected_hits: int = 0
    delay_s: list[float] = field(default_factory=list)
    floor_errors: list[float] = field(default_factory=list)
    floor_covered: list[bool] = field(default_factory=list)
    ms_per_frame: float = 0.0
    decode_ms_per_frame: float = 0.0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Told:
    """A finding, and the stream time at which the analyzer returned it."""

    finding: Finding
    at_s: float

    @property
    def data(self) -> FallingObjectData:
        """The event's data."""
        assert isinstance(self.finding.data, FallingObjectData)
        return self.finding.data


def run_clip(path: Path, settings: FallingSettings, models: ModelStore | None) -> tuple[list[Told], Result]:
    """Play a file through the analyzer at full speed, timing the analyzer and the decoder apart."""
    source = FileSource("clip", path)
    analyzer = FallingAnalyzer("clip", settings, models)
    told: list[Told] = []
    result = Result(path.name)
    spent, count, at_s = 0.0, 0, 0.0
    try:
        for frame in source.frames():
            begin = time.perf_counter()
            findings = analyzer.observe(frame)
            spent += time.perf_counter() - begin
            count, at_s = count + 1, frame.stream_time_s
            told += [Told(finding, at_s) for finding in findings]
    except SourceUnreadable as error:
        result.notes.append(f"cut short: {error}")
    told += [Told(finding, at_s) for finding in analyzer.finish()]
    result.ms_per_frame = 1e3 * spent / max(count, 1)
    result.decode_ms_per_frame = source.decode_ms or 0.0
    result.seconds = at_s
    return told, result


def score(told: list[Told], labels: list[Labelled], result: Result) -> Result:
    """Compare what was told with the labels; fills and returns `result`."""
    hits: dict[int, int] = {}
    falls = [label for label in labels if label.kind == "fall"]
    for event in told:
        matched = [i for i, label in enumerate(labels) if _touches(event, label)]
        fall = min(
            (i for i in matched if labels[i].kind == "fall"), key=lambda i: _apart(event, labels[i]), default=None
        )
        confirmed = event.data.certainty == "confirmed"
        result.notes.append(_line(event, labels[fall].what if fall is not None else "no fall"))
        if not confirmed:
            result.suspected += 1
            result.suspected_hits += fall is not None
        elif fall is not None:
            hits[fall] = hits.get(fall, 0) + 1
            if hits[fall] == 1:
                _measure(event, labels[fall], result)
        elif matched:
            result.mirror += 1
        else:
            result.false += 1
    result.falls = len(falls)
    result.found = len(hits)
    result.missed = len(falls) - len(hits)
    result.duplicate = sum(count - 1 for count in hits.values())
    result.notes += [
        f"missed {label.what} {label.start_s:.2f}-{label.end_s:.2f} s"
        for i, label in enumerate(labels)
        if label.kind == "fall" and i not in hits
    ]
    return result


def _touches(event: Told, label: Labelled) -> bool:
    if event.finding.ended_s < label.start_s - _BEFORE_S or event.finding.started_s > label.end_s + _AFTER_S:
        return False
    path = np.array([(point.x, point.y) for point in event.data.path])
    gaps = np.abs(path[:, None] - label.path[None, :, 1:]).max(axis=2)
    return bool((gaps.min(axis=1) < _TOUCH).sum() >= 2)


def _apart(event: Told, label: Labelled) -> float:
    """Median distance at the same moment: which of several falls that cross an event's path it belongs to."""
    times = np.array([event.finding.started_s + point.t_s for point in event.data.path])
    gaps = [np.interp(times, label.path[:, 0], label.path[:, axis]) for axis in (1, 2)]
    path = np.array([(point.x, point.y) for point in event.data.path])
    return float(np.median(np.hypot(path[:, 0] - gaps[0], path[:, 1] - gaps[1])))


def _measure(event: Told, label: Labelled, result: Result) -> None:
    result.delay_s.append(event.at_s - label.end_s)
    floor = event.data.origin_floor
    if floor is not None and label.floor is not None:
        result.floor_errors.append(float(np.floor(floor.value) - label.floor))
        result.floor_covered.append(bool(floor.low <= label.floor + 1 and floor.high >= label.floor))


def _line(event: Told, truth: str) -> str:
    data = event.data
    floor = f" floor {data.origin_floor.value}" if data.origin_floor else ""
    return (
        f"{data.certainty} {data.confidence:.2f} {data.hypothesis} {event.finding.started_s:.2f}-"
        f"{event.finding.ended_s:.2f} s{floor} [{truth}] {data.why}"
    )


def clip_labels(entry: dict[str, Any], path: Path) -> list[Labelled]:
    """Labels of one clip of labels.json, in seconds and fractions."""
    capture = cv2.VideoCapture(str(path))
    width, height = (capture.get(key) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    fps = float(entry.get("fps") or capture.get(cv2.CAP_PROP_FPS))
    capture.release()
    labels = []
    for event in entry["events"]:
        rows = [
            (int(frame) / fps, (x + w / 2) / width, (y + h / 2) / height)
            for frame, (x, y, w, h) in event["boxes"].items()
        ]
        first, last = event["frames"]
        labels.append(Labelled(event["kind"], first / fps, last / fps, np.array(rows), what=event.get("note", "")))
    return labels


def scene_labels(path: Path) -> list[Labelled]:
    """Labels of a rendered scene from its truth file."""
    labels = []
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["kind"] == "fall":
            what = f"{record['object']} {record['size_px']:.1f} px from floor {record['origin_floor']}"
            labels.append(
                Labelled(
                    "fall", record["t_first_s"], record["t_last_s"], np.array(record["path"]),
                    record["origin_floor"], record["origin_column"], what,
                )
            )  # fmt: skip
    return labels


def scene_settings(path: Path, **changes: object) -> FallingSettings:
    """The installer's settings beside a rendered scene; without them, none."""
    raw = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return FallingSettings.model_validate({**(raw or {}).get("falling", {}), **changes})


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


def _clip_jobs(folder: Path, classifier: bool) -> Iterator[tuple[str, Path, list[Labelled], FallingSettings]]:
    for name, entry in json.loads((folder / "labels.json").read_text(encoding="utf-8")).items():
        path = folder / entry["file"]
        yield name, path, clip_labels(entry, path), FallingSettings(use_classifier=classifier)


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
def clips(folder: Path, classifier: bool, verbose: bool, json_path: Path | None) -> None:
    """Real clips with labels.json."""
    _report(_results(_clip_jobs(folder, classifier), classifier), verbose, json_path)


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


if __name__ == "__main__":
    main()
