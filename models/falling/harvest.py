"""Makes training samples for the falling-object classifier, an .npz for each source.

`python -m models.falling.harvest drawn --photos DIR --out FILE.npz` draws patches directly over photographs (quick);
`... clips FILE ... --out FILE.npz` what the agent's own finder brings up on real clips without a fall: all background;
`... photos --photos DIR --out FILE.npz` the same on encoded composites, labelled by their truth. `... towers DIR`
renders the simulator's towers of training seeds, and `... rendered DIR --out FILE.npz` takes what the finder brings up
on them: rendering is slow, and the finder changes.

A sample is what the classifier sees (`stack_patches`) and a label: 0 object, 1 bird, insect, leaf, rain or snow,
2 foliage, light, laundry, traffic, people.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from edge.falling.candidate import Candidate
from edge.falling.detector import stack_patches
from edge.falling.facade import build_facade
from edge.falling.figures import NAMES, figures
from edge.falling.finder import CandidateFinder
from edge.falling.settings import FallingSettings
from edge.sources.file import FileSource
from models.falling.composites import build_composite
from models.falling.confusers import Confuser, chosen, confuser_camera
from models.falling.rendered import scene_settings
from models.falling.samples import draw_sample, make_cast
from simulator.render import render_camera
from simulator.scenes import FIRST_TRAINING_SEED, CameraSpec, SceneError
from simulator.truth import FallTruth, read_truth
from simulator.video import encode

_NEAR = 0.012
"""Picture fraction within which a sighting belongs to a true path."""
_SAVE_EVERY = 5
"""Scenes."""
_MOST_OTHERS = 150
"""Candidates of one scene that are no falls: a snowfall brings up thousands."""
_AIR = {"birds", "bird", "insects", "insect", "leaves", "leaf", "rain", "snow", "hail", "plastic", "drips", "webs"}
"""Disturbances whose candidates are labelled 1; of the rest, 2."""
_RATES = (10, 12.5, 15, 20, 25, 25, 30)
"""Pictures a second of training towers."""
_SEEDS_OF_FALLS = 100_000
"""Training towers with confusers have seeds from this many further on."""


@dataclass
class Samples:
    """Grows by candidates; arrays are made when saved."""

    patches: list[NDArray[np.float32]] = field(default_factory=list)
    figures: list[NDArray[np.float32]] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    scenes: list[int] = field(default_factory=list)

    def add(self, candidate: Candidate, label: int, scene: int) -> None:
        """Append one."""
        self.add_drawn(stack_patches(candidate.patches), label, scene)
        self.figures[-1] = figures(candidate)

    def add_drawn(self, patches: NDArray[np.float32], label: int, scene: int) -> None:
        """Append patches without a path: their figures are not known."""
        self.patches.append(patches)
        self.figures.append(np.full(len(NAMES), np.nan, np.float32))
        self.labels.append(label)
        self.scenes.append(scene)

    def save(self, path: Path) -> None:
        """Write an .npz: patches (n, 9, 3, 32, 32) float16, figures (n, F), labels (n,), scenes (n,)."""
        new = path.with_suffix(".new.npz")
        np.savez(
            new,
            patches=np.array(self.patches, dtype=np.float16),
            figures=np.array(self.figures, dtype=np.float32).reshape(-1, len(NAMES)),
            labels=np.array(self.labels, dtype=np.int64),
            scenes=np.array(self.scenes, dtype=np.int64),
        )
        new.replace(path)


def candidates_of(path: Path, settings: FallingSettings | None = None) -> Iterator[Candidate]:
    """Everything the finder thinks worth a fit in a video file."""
    settings = settings or FallingSettings()
    facade = build_facade(settings.facade) if settings.facade is not None else None
    finder: CandidateFinder | None = None
    for frame in FileSource("harvest", path).frames():
        if frame.repeated:
            continue
        if finder is None:
            finder = CandidateFinder((frame.luma.shape[0], frame.luma.shape[1]), settings, facade)
        yield from finder.observe(frame.luma, frame.stream_time_s)
    if finder is not None:
        yield from finder.finish()


def on_path(candidate: Candidate, falls: list[FallTruth]) -> float:
    """Largest share of the candidate's sightings that lie on one true path at the right time."""
    shares = [0.0]
    for fall in falls:
        path = np.array(fall.path)
        x = np.interp(candidate.times, path[:, 0], path[:, 1], left=-9, right=-9)
        y = np.interp(candidate.times, path[:, 0], path[:, 2], left=-9, right=-9)
        near = np.hypot(candidate.points[:, 0] - x, candidate.points[:, 1] - y) < _NEAR + 0.5 * fall.size_px / 1280
        shares.append(float(near.mean()))
    return max(shares)


def take(
    samples: Samples, candidates: list[Candidate], falls: list[FallTruth], disturbances: set[str], scene: int
) -> None:
    """Label and keep a scene's candidates; what is half on a true path is left out, and of others no more than some."""
    shares = [on_path(candidate, falls) for candidate in candidates]
    others = [candidate for candidate, share in zip(candidates, shares, strict=True) if share < 0.3]
    for candidate, share in zip(candidates, shares, strict=True):
        if share >= 0.7:
            samples.add(candidate, 0, scene)
    air = disturbances & _AIR
    chosen = np.random.default_rng(scene).permutation(len(others))[:_MOST_OTHERS]
    for candidate in (others[index] for index in chosen):
        samples.add(candidate, 1 if air and candidate.activity < 0.2 else 2, scene)


@click.group()
def main() -> None:
    """Make training samples for the falling-object classifier."""
    cv2.setNumThreads(1)


_OUT = click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path))
_COUNT = click.option("--count", default=60, show_default=True, help="Scenes to make.")
_SEED = click.option("--seed", default=FIRST_TRAINING_SEED, show_default=True, help="First scene's seed.")


@main.command()
@click.option("--photos", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--clips", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_OUT
@_COUNT
@_SEED
def photos(photos: Path, clips: tuple[Path, ...], out: Path, count: int, seed: int) -> None:
    """Composites over photographs and real clips."""
    pictures = sorted(photos.glob("*.jpg"))
    samples = Samples()
    with tempfile.TemporaryDirectory() as folder, click.progressbar(range(seed, seed + count)) as seeds:
        for number in seeds:
            scene = build_composite(pictures, list(clips), number)
            path = Path(folder) / "scene.mp4"
            encode(scene.frames(), path, fps=scene.fps, bitrate_kbps=scene.bitrate_kbps)
            falls = [fall.truth(scene.size, scene.fps) for fall in scene.falls]
            take(samples, list(candidates_of(path)), falls, set(scene.disturbances), number)
            if number % _SAVE_EVERY == 0:
                samples.save(out)
    samples.save(out)
    click.echo(f"{len(samples.labels)} samples, by label {np.bincount(samples.labels, minlength=3).tolist()}")


@main.command()
@click.option("--photos", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@_OUT
@click.option("--count", default=3000, show_default=True, help="Samples to draw; every second one is an object.")
@_SEED
def drawn(photos: Path, out: Path, count: int, seed: int) -> None:
    """Patches drawn directly over photographs."""
    rng = np.random.default_rng(seed)
    cast = make_cast(rng, sorted(photos.glob("*.jpg")))
    samples = Samples()
    with click.progressbar(range(count)) as numbers:
        for number in numbers:
            label = (0, 1, 0, 2)[number % 4]
            # a quartet of labels is held out or trained on as one
            samples.add_drawn(draw_sample(rng, cast, label), label, number // 4)
    samples.save(out)


@main.command()
@click.argument("clips", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_OUT
def clips(clips: tuple[Path, ...], out: Path) -> None:
    """Candidates of real clips that hold no fall."""
    samples = Samples()
    for clip in clips:
        for number, candidate in enumerate(candidates_of(clip)):
            samples.add(candidate, 2, number // 8)
    samples.save(out)
    click.echo(f"{len(samples.labels)} samples")


_CONDITIONS = (
    ("day",), ("night",), ("night",), ("day", "rain"), ("day", "rain"), ("night", "rain"), ("day", "snow"),
    ("day", "snow"), ("night", "snow"), ("day", "wind"), ("day", "shake"), ("day", "shake"), ("day", "wind"),
    ("day", "wind"), ("night", "wind"), ("night",),
)  # fmt: skip


@main.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@_COUNT
@click.option("--confusers-every", default=3, show_default=True, help="Every so manieth tower has confusers, no falls.")
@click.option("--falls", default=3, show_default=True, help="In the 22 s of a tower; what does not fit is left out.")
@click.option("--confuser", "names", multiple=True, help="Only these kinds of confusers; else all in turn.")
@_SEED
def towers(folder: Path, count: int, confusers_every: int, falls: int, names: tuple[str, ...], seed: int) -> None:
    """Render the simulator's towers of training seeds into FOLDER; what is there already is left as it is."""
    if seed < FIRST_TRAINING_SEED:
        raise click.BadParameter(f"training seeds begin at {FIRST_TRAINING_SEED}", param_hint="--seed")
    try:
        kinds = chosen(names)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--confuser") from error
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        alone = number % confusers_every == confusers_every - 1
        camera = _quiet_camera(kinds, number // confusers_every, seed) if alone else _random_spec(seed + number, falls)
        try:
            if not (folder / f"{camera.id}.rendered.json").exists():
                render_camera(camera, camera.seed or 0, folder, SimpleQueue())
                click.echo(camera.id)
        except SceneError as error:  # its falls do not fit into its time
            click.echo(f"{camera.id} left out: {error}")


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_OUT
@click.option("--part", type=(int, int), default=(0, 1), show_default=True, help="K N: every N-th tower from K on.")
def rendered(folder: Path, out: Path, part: tuple[int, int]) -> None:
    """Towers of training seeds that were rendered before: NAME.mp4, NAME.truth.jsonl, NAME.installation.yaml."""
    samples = Samples()
    notes = sorted(folder.glob("*.rendered.json"))[part[0] :: part[1]]  # written last
    with click.progressbar(notes) as towers:
        for number, note in enumerate(towers):
            _take_rendered(samples, folder, note.name.removesuffix(".rendered.json"))
            if number % (4 * _SAVE_EVERY) == 0:
                samples.save(out)
    samples.save(out)
    click.echo(f"{len(samples.labels)} samples, by label {np.bincount(samples.labels, minlength=3).tolist()}")


def _take_rendered(samples: Samples, folder: Path, name: str) -> None:
    seed = int(name.rsplit("-", 1)[1])
    if seed < FIRST_TRAINING_SEED:
        raise click.BadParameter(f"{name}: training seeds begin at {FIRST_TRAINING_SEED}", param_hint="FOLDER")
    records = read_truth(folder / f"{name}.truth.jsonl")
    falls = [record for record in records if isinstance(record, FallTruth)]
    moving = {record.what for record in records if record.kind == "distractor"} | {name.split("-", maxsplit=1)[0]}
    settings = scene_settings(folder / f"{name}.installation.yaml") if seed % 2 else FallingSettings()
    # a network that shall judge faint paths, too, must have been shown some
    settings = settings.model_copy(update={"sensitivity": "high" if seed % 4 > 1 else "normal"})
    take(samples, list(candidates_of(folder / f"{name}.mp4", settings)), falls, moving, seed)


def _quiet_camera(kinds: Sequence[Confuser], number: int, first_seed: int) -> CameraSpec:
    """Confusers in turn, at any of the usual rates, twice as busy as where they are measured."""
    kind = kinds[number % len(kinds)]
    rng = np.random.default_rng(first_seed + number)
    first = first_seed + _SEEDS_OF_FALLS
    camera = confuser_camera(kind, number // len(kinds), 30, float(rng.choice(_RATES)), first)
    return camera.model_copy(update={"options": {**camera.options, "busy": 2 * kind.busy}})


def _random_spec(seed: int, falls: int) -> CameraSpec:
    rng = np.random.default_rng(seed)
    conditions = _CONDITIONS[int(rng.integers(len(_CONDITIONS)))]
    width, height = [(640, 360), (640, 360), (768, 432), (960, 540), (960, 540), (1280, 720)][int(rng.integers(6))]
    return CameraSpec(
        id=f"{conditions[-1]}-{seed}",
        scene="tower",
        width=width,
        height=height,
        fps=float(rng.choice(_RATES)),
        duration_s=22,
        conditions=conditions,
        effort="quick",
        bitrate_kbps=int(rng.uniform(2000, 4000) * (width * height / (1280 * 720)) ** 0.75),
        seed=seed,
        options={
            "falls": falls,
            "object_px": [2, 12 if width < 1000 else 24],
            "busy": float(rng.choice([1, 1, 3, 6])),
        },
    )


if __name__ == "__main__":
    main()
