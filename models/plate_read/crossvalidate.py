"""Cross-validation over the real pictures of training: learn from the others, read those left out.

    python -m models.plate_read.crossvalidate --cache CACHE --base FILE --real FOLDER ... [--folds 3] [--minutes 3]

CACHE and the run that made --base must hold no real plate at all (`samples` without --real): then the figures before
and after say what real pictures add on plates that nothing was learnt from. As a control, the same is read after as
many minutes of drawn plates alone. Pictures of one plate share a fold.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

import click
import cv2
import numpy as np
import torch

from edge.inference import ModelStore
from edge.plates.grammar import CHINA
from edge.plates.recognition import Recogniser
from models.manifest import write_manifest
from models.plate_read.backgrounds import Backgrounds
from models.plate_read.evaluate import Case, Tally, measure
from models.plate_read.export import export
from models.plate_read.samples import SHARD, Generator, RealPlate, read_real, real_sample, write_shard
from models.plate_read.train import Feed, Trainer
from models.training import RunSettings, prepare_torch, train_until

_RATE, _BATCH = 5e-4, 128
_WHEN = ("before", "drawn", "after")
"""As the base reads, after more drawn plates alone, and after drawn and real ones."""


@dataclass(frozen=True, slots=True)
class Source:
    """A real plate for training and the folder that it is from."""

    folder: str
    plate: RealPlate


@dataclass(frozen=True, slots=True)
class Tuning:
    """How each fold is learnt: drawn shards, weights to begin with, minutes, precision, seed."""

    cache: Path
    base: Path
    minutes: float
    precision: str
    seed: int


def fold_of(text: str, folds: int) -> int:
    """The fold of a plate, 0 and up: by its text, so that no plate is on both sides."""
    return crc32(text.encode()) % folds


def sources(folders: Sequence[Path]) -> list[Source]:
    """Every real plate that training may see. Raises FileNotFoundError."""
    return [Source(folder.name, plate) for folder in folders for plate in read_real(folder, training=True)]


def tune(tuning: Tuning, learnt: Sequence[Source], scratch: Path) -> dict[str, Any]:
    """Averaged weights after learning from these plates among the drawn ones, or from drawn ones alone."""
    for shard in tuning.cache.glob("*.npy"):
        (scratch / shard.name).symlink_to(shard.resolve())
    rng = np.random.default_rng(tuning.seed)
    if learnt:
        generator = Generator(rng, None, Backgrounds(()))
        samples = [real_sample(generator, rng, learnt[place % len(learnt)].plate) for place in range(SHARD)]
        write_shard(scratch / "real-fold", samples)
    trainer = Trainer(RunSettings("cpu", _RATE, tuning.precision))
    trainer.begin_from([tuning.base])
    feed = Feed(scratch, _BATCH, rng, torch.Generator().manual_seed(tuning.seed))
    train_until(
        trainer, scratch / "fold.pt", tuning.minutes, lambda share: trainer.learn(*feed.next(), share), feed.refresh
    )
    weights: dict[str, Any] = trainer.mean.state_dict()
    return weights


def exact(weights: dict[str, Any], left_out: Sequence[Source], scratch: Path) -> dict[str, Tally]:
    """The plates left out, read as the device reads them, by folder."""
    target = scratch / "plate_read" / "plate_read.onnx"
    target.parent.mkdir(parents=True)
    export(weights, target, "cross-validation")
    write_manifest(scratch)
    cases = [
        Case((one.folder,), one.plate.picture, one.plate.corners, one.plate.text, one.plate.colour, one.plate.rows)
        for one in left_out
    ]
    tallies: dict[str, Tally] = defaultdict(Tally)
    measure(Recogniser.of(CHINA, ModelStore(scratch)), cases, tallies)
    return tallies


def drawn_alone(tuning: Tuning) -> dict[str, Any]:
    """The control: as many minutes of learning, without a real plate."""
    with TemporaryDirectory() as name:
        return tune(tuning, [], Path(name))


def fold_figures(
    tuning: Tuning, control: dict[str, Any], plates: Sequence[Source], number: int, folds: int
) -> dict[str, Any]:
    """One fold: plates left out, exact before and after and by the control's weights, by folder."""
    left_out = [one for one in plates if fold_of(one.plate.text, folds) == number]
    learnt = [one for one in plates if fold_of(one.plate.text, folds) != number]
    with TemporaryDirectory() as name:
        scratch = Path(name)
        base = torch.load(tuning.base, map_location="cpu", weights_only=True)["mean"]
        before = exact(base, left_out, scratch / "before")
        drawn = exact(control, left_out, scratch / "drawn")
        (scratch / "learning").mkdir()
        after = exact(tune(tuning, learnt, scratch / "learning"), left_out, scratch / "after")
    return {
        folder: {when: tally[folder].as_metrics() for when, tally in zip(_WHEN, (before, drawn, after), strict=True)}
        for folder in sorted(before)
    }


def summary(folds: Sequence[dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """By folder and by what was learnt: mean, standard deviation and least of the folds' shares read exactly."""
    told: dict[str, dict[str, dict[str, float]]] = {}
    for folder in folds[0]:
        told[folder] = {}
        for when in _WHEN:
            shares = np.array([fold[folder][when]["exact"] for fold in folds])
            deviation = float(shares.std(ddof=1)) if len(shares) > 1 else 0.0
            figures = {"mean": float(shares.mean()), "deviation": deviation, "least": float(shares.min())}
            told[folder][when] = {name: round(value, 4) for name, value in figures.items()}
    return told


def show(number: int, fold: dict[str, Any]) -> None:
    """Print one fold."""
    for folder, both in fold.items():
        exactly, tail = (" -> ".join(f"{both[when][key]:.3f}" for when in _WHEN) for key in ("exact", "without_first"))
        plates = both["before"]["plates"]
        click.echo(f"fold {number + 1}, {folder}: {plates} left out, exact {exactly}, without the province {tail}")


@click.command()
@click.option(
    "--cache", type=click.Path(path_type=Path, exists=True), required=True, help="Shards without real plates."
)
@click.option("--base", type=click.Path(path_type=Path, exists=True), required=True, help="Run on those alone.")
@click.option("--real", type=click.Path(path_type=Path, exists=True), multiple=True, required=True)
@click.option("--folds", default=3, show_default=True)
@click.option("--minutes", default=3.0, show_default=True, help="Of processor time for each fold.")
@click.option("--precision", type=click.Choice(["float32", "bfloat16"]), default="float32", show_default=True)
@click.option("--seed", default=31, show_default=True)
@click.option("--json", "target", type=click.Path(path_type=Path), help="Write the figures here.")
def main(
    cache: Path,
    base: Path,
    real: tuple[Path, ...],
    folds: int,
    minutes: float,
    precision: str,
    seed: int,
    target: Path | None,
) -> None:
    """Print, for each fold and for all, the plates read exactly before, by the control, and after."""
    cv2.setNumThreads(1)
    prepare_torch(1, seed)
    plates = sources(real)
    tuning = Tuning(cache, base, minutes, precision, seed)
    found: list[dict[str, Any]] = []
    control = drawn_alone(tuning)
    for number in range(folds):
        found.append(fold_figures(tuning, control, plates, number, folds))
        show(number, found[-1])
    told = summary(found)
    for folder, both in told.items():
        shown = ", ".join(f"{when} {one['mean']:.3f} ± {one['deviation']:.3f}" for when, one in both.items())
        click.echo(f"{folder}, {folds} folds: {shown}")
    if target is not None:
        content = {"folds": found, "summary": told, "minutes": minutes, "seed": seed}
        target.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
