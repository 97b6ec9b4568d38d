"""`simulator passages`: checkpoints of fresh seeds by condition, played to the plates analyzer and scored.

The analyzer runs on the video files as fast as it can, without broker and collector: what is scored is reading alone.
Beside each passage's text, every single reading behind it is held against the truth: the vote must beat the frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import cv2
import numpy as np
import yaml

from contract.envelope import Envelope, event_type_name
from contract.events import EventType, PlatePassageData
from edge.inference import ModelStore
from edge.plates.analyzer import PlatesAnalyzer
from edge.plates.bench.measure import view_of
from edge.plates.bench.sheet import Cell, write_sheets
from edge.plates.recognition import Recogniser, Recognition
from edge.plates.rectify import Corners
from edge.plates.settings import PlatesSettings
from edge.plates.stills import StillReader
from edge.sources.file import FileSource
from edge.types import Bgr, Finding
from simulator.figures import FIGURES_FILE, write_figures
from simulator.render import RenderedCamera
from simulator.scenario import Scenario
from simulator.scenes import FIRST_TRAINING_SEED, CameraSpec, Condition
from simulator.score import DEFAULT_FOLDER, make_console, render_scenario_with_progress
from simulator.scoring import Played, score_passages
from simulator.truth import PassageTruth, read_truth

CONDITIONS: tuple[Condition, ...] = ("day", "night", "rain")
_DURATION_S = 20.0
_OPTIONS: tuple[dict[str, Any], ...] = ({"lanes": 2}, {"lanes": 2, "leaving_lanes": [2]}, {"lanes": 3})
"""Roads in turn; vehicles follow each other closely."""
_HEADWAY_S = [0.4, 1.6]
_SIZES = {2: (1280, 720), 3: (1600, 900)}
"""Picture size by lanes."""
_SLACK_S = 0.2
_BITRATE_KBPS = 4000


class _Recorder(Recogniser):
    """Notes every reading that the analyzer makes, and when."""

    def __init__(self, inner: Recogniser) -> None:
        self._inner = inner
        self.now_s = 0.0
        self.readings: list[tuple[float, str]] = []

    def recognise(self, bgr: Bgr, corners: Corners) -> Recognition:
        found = self._inner.recognise(bgr, corners)
        if not found.read.refused:
            self.readings.append((self.now_s, found.reading.text))
        return found


class _RecordedAnalyzer(PlatesAnalyzer):
    """The product's analyzer, its recogniser listened to."""

    def __init__(self, camera_id: str, settings: PlatesSettings, models: ModelStore) -> None:
        super().__init__(camera_id, settings, models)
        self.recorder = _Recorder(self._recogniser)
        self._recogniser = self.recorder


@dataclass
class Tally:
    """Counts of one condition."""

    scenes: int = 0
    passages: int = 0
    found: int = 0
    exact: int = 0
    false: int = 0
    duplicate: int = 0
    readings: int = 0
    readings_exact: int = 0
    proofs: int = 0
    proofs_show_it: int = 0
    """Passages told with a text, and those of them whose evidence picture, read on its own, bears the very same."""
    wrong: list[dict[str, str]] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """As plain values with the shares that are compared."""
        return {
            **asdict(self),
            "passage_exact": _share(self.exact, self.passages),
            "single_frame_exact": _share(self.readings_exact, self.readings),
            "evidence_shows_it": _share(self.proofs_show_it, self.proofs),
        }


@dataclass(frozen=True, slots=True)
class Watched:
    """What the analyzer made of one video."""

    played: Played
    findings: tuple[Finding, ...]
    readings: tuple[tuple[float, str], ...]
    proved: tuple[bool, ...] = ()
    """For each passage told with a text, whether its evidence picture bears it."""


def scenario_of(seed: int, scenes: int, conditions: Sequence[Condition]) -> Scenario:
    """Checkpoints, `scenes` of each condition."""
    cameras = [_camera(condition, number) for condition in conditions for number in range(1, scenes + 1)]
    return Scenario(name=f"passages-{seed}", seed=seed, cameras=tuple(cameras))


def _camera(condition: Condition, number: int) -> CameraSpec:
    options = _OPTIONS[(number - 1) % len(_OPTIONS)]
    width, height = _SIZES[options["lanes"]]
    return CameraSpec(
        id=f"{condition}-{number}",
        scene="checkpoint",
        width=width,
        height=height,
        duration_s=_DURATION_S,
        conditions=(condition,),
        bitrate_kbps=_BITRATE_KBPS,
        options={**options, "headway_s": _HEADWAY_S},
    )


def watch(camera: RenderedCamera, models: ModelStore) -> Watched:
    """Play the video to the analyzer with what the installer drew."""
    drawn = yaml.safe_load(camera.installation.read_text(encoding="utf-8")) or {}
    analyzer = _RecordedAnalyzer(camera.id, PlatesSettings.model_validate(drawn.get("plates", {})), models)
    findings: list[Finding] = []
    started: datetime | None = None
    for frame in FileSource(camera.id, camera.video).frames():
        started = started or frame.captured_at
        analyzer.recorder.now_s = frame.stream_time_s
        findings += analyzer.observe(frame)
    findings += analyzer.finish()
    if started is None:
        raise click.ClickException(f"{camera.video}: holds no frame; remove it and run again")
    played = Played(camera.id, started, read_truth(camera.truth))
    still = StillReader(models)
    proved = tuple(_bears(one, still) for one in findings if _is_final(one) and _text(one))
    return Watched(played, tuple(findings), tuple(analyzer.recorder.readings), proved)


def _bears(finding: Finding, still: StillReader) -> bool:
    """Whether the snapshot of a passage, at the corners that its event names, is read as the passage's text."""
    if not isinstance(finding.data, PlatePassageData) or finding.data.corners is None:
        return False
    snapshot, _ = finding.pictures
    size = np.array([snapshot.bgr.shape[1], snapshot.bgr.shape[0]], np.float32)
    corners = np.array([tuple(point) for point in finding.data.corners], np.float32) * size
    return still.read_place(snapshot.bgr, corners).text == _text(finding)


def count(watched: Watched, tally: Tally) -> Iterator[Cell]:
    """Score one video into the tally; yields what went wrong as pictures."""
    finals = {UUID(int=i + 1): one for i, one in enumerate(watched.findings) if _is_final(one)}
    envelopes = [_envelope(identity, one, watched.played.camera) for identity, one in finals.items()]
    score, matches = score_passages(watched.played, envelopes)
    truths = [one for one in watched.played.records if isinstance(one, PassageTruth)]
    tally.scenes += 1
    tally.passages += score.true
    tally.found += score.found
    tally.exact += score.exact or 0
    tally.false += score.false
    tally.duplicate += score.duplicate
    tally.proofs += len(watched.proved)
    tally.proofs_show_it += sum(watched.proved)
    tally.readings += len(watched.readings)
    tally.readings_exact += sum(_is_exact(time_s, text, truths) for time_s, text in watched.readings)
    for match in matches:
        read, truth = _text(finals[match.event.id]), match.truth
        if isinstance(truth, PassageTruth) and read != truth.plate:
            yield _tell(tally, watched, truth.plate, read or "unreadable", finals[match.event.id])
    matched = {match.truth.id for match in matches}
    for truth in truths:
        if truth.id not in matched:
            yield _tell(tally, watched, truth.plate, f"missed {truth.t_first_s:.1f}-{truth.t_last_s:.1f} s", None)
    taken = {match.event.id for match in matches}
    for identity, finding in finals.items():
        if identity not in taken:
            yield _tell(tally, watched, "nothing new", _text(finding) or "unreadable", finding)


def _tell(tally: Tally, watched: Watched, expected: str, read: str, finding: Finding | None) -> Cell:
    camera = watched.played.camera
    tally.wrong.append({"camera": camera, "expected": expected, "read": read})
    return Cell(_picture_of(finding), f"{camera}", f"{expected} → {read}")


def _picture_of(finding: Finding | None) -> Bgr:
    """The evidence around the plate; grey where there is none."""
    if finding is None or not isinstance(finding.data, PlatePassageData) or finding.data.corners is None:
        return np.full((90, 160, 3), 128, np.uint8)
    frame = finding.pictures[0].bgr
    size = np.array([frame.shape[1], frame.shape[0]], np.float32)
    return view_of(frame, np.array([tuple(point) for point in finding.data.corners], np.float32) * size)


def _is_final(finding: Finding) -> bool:
    return isinstance(finding.data, PlatePassageData) and finding.data.stage == "final"


def _text(finding: Finding) -> str:
    plate = finding.data.plate if isinstance(finding.data, PlatePassageData) else None
    return plate.text if plate is not None else ""


def _envelope(identity: UUID, finding: Finding, camera: str) -> Envelope:
    """The finding as it would reach the collector, which is what the score compares."""
    return Envelope(
        id=identity,
        source=f"/local/local/{camera}",
        type=event_type_name(EventType.PLATE_PASSAGE),
        time=finding.occurred_at,
        site="local",
        edge="local",
        outboxid=UUID(int=1),
        sequence=identity.int,
        data=finding.data.model_dump(mode="json"),
    )


def _is_exact(time_s: float, text: str, truths: Sequence[PassageTruth]) -> bool:
    """Whether this is the text of a plate that was in view then."""
    return any(
        text == truth.plate and truth.t_first_s - _SLACK_S <= time_s <= truth.t_last_s + _SLACK_S for truth in truths
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _lines(tallies: dict[str, Tally]) -> Iterator[str]:
    columns = ["scenes", "passages", "found", "exact", "missed", "false", "duplicate", "passage", "1 frame"]
    columns += ["readings", "evidence"]
    yield f"{'':8} " + " ".join(f"{name:>9}" for name in columns)
    for name, one in tallies.items():
        told = one.figures()
        counts = (one.scenes, one.passages, one.found, one.exact, one.passages - one.found, one.false, one.duplicate)
        shares = (told["passage_exact"], told["single_frame_exact"])
        proved = f"{one.proofs_show_it}/{one.proofs}"
        cells = [*counts, *("–" if share is None else f"{share:.4f}" for share in shares), one.readings, proved]
        yield f"{name:8} " + " ".join(f"{cell:>9}" for cell in cells)
    for one in tallies.values():
        for wrong in one.wrong:
            yield f"  {wrong['camera']}: {wrong['expected']} read as {wrong['read']}"


@click.command("passages")
@click.option("--seed", type=click.IntRange(0, FIRST_TRAINING_SEED - 1), default=100, show_default=True)
@click.option(
    "--scenes", type=click.IntRange(1, 20), default=5, show_default=True, help="Of each condition, 20 s each."
)
@click.option("--condition", "conditions", type=click.Choice(CONDITIONS), multiple=True, help="All when left out.")
@click.option("--work", type=click.Path(file_okay=False, path_type=Path), default=DEFAULT_FOLDER, show_default=True)
@click.option("--json", "json_file", type=FIGURES_FILE, help="Write the figures here.")
@click.option("--failures", type=click.Path(file_okay=False, path_type=Path), help="Contact sheets of what went wrong.")
@click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="Scenes rendered at once.")
def passages_command(
    seed: int,
    scenes: int,
    conditions: tuple[Condition, ...],
    work: Path,
    json_file: Path | None,
    failures: Path | None,
    processes: int,
) -> None:
    """Score reading on simulated checkpoints by day, at night and in rain; what is rendered already is used again."""
    cv2.setNumThreads(1)
    console = make_console()
    scenario = scenario_of(seed, scenes, conditions or CONDITIONS)
    rendered = render_scenario_with_progress(scenario, work.resolve(), console, processes)
    models = ModelStore()
    tallies: dict[str, Tally] = {}
    cells: list[Cell] = []
    for camera in rendered.cameras:
        cells += count(watch(camera, models), tallies.setdefault(camera.id.split("-")[0], Tally()))
    for line in _lines(tallies):
        click.echo(line)
    told = {"scenario": scenario.name, "conditions": {name: one.figures() for name, one in tallies.items()}}
    write_figures(told, json_file)
    if failures is not None:
        write_sheets(cells, failures, "passages")
