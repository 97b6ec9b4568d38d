"""Cross-validation of the reader: plates on one side only, learnt without those left out, figures of all folds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra `train`")

from edge.plates.rectify import rectify
from models.plate_read.backgrounds import Backgrounds
from models.plate_read.crossvalidate import Source, Tuning, exact, fold_of, sources, summary, tune
from models.plate_read.evaluate import drawn_cases
from models.plate_read.samples import Generator, write_shard
from models.plate_read.train import Trainer
from models.training import RunSettings


@pytest.fixture(scope="module")
def plates(tmp_path_factory: pytest.TempPathFactory) -> list[Source]:
    """Six cut-out plates in a folder that training may see."""
    folder = tmp_path_factory.mktemp("data") / "crops_a"
    folder.mkdir()
    lines = ["file,plate,kind,x1,y1,x2,y2,tlx,tly,trx,try,brx,bry,blx,bly"]
    for number, case in enumerate(case for case in drawn_cases(6, seed=3) if "drawn small_blue" in case.groups):
        cv2.imwrite(str(folder / f"{number:04d}.png"), rectify(case.picture, case.corners, 1))
        lines.append(f"{number:04d}.png,{case.text},blue" + "," * 12)
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return sources([folder])


def test_pictures_of_one_plate_share_a_fold() -> None:
    assert fold_of("皖A12345", 3) == fold_of("皖A12345", 3)
    assert {fold_of(f"皖A{number:05d}", 3) for number in range(50)} == {0, 1, 2}


def test_a_fold_is_learnt_from_the_others_and_read(plates: list[Source], tmp_path: Path) -> None:
    assert len(plates) == 6
    cache = tmp_path / "cache"
    cache.mkdir()
    generator = Generator(np.random.default_rng(1), None, Backgrounds(()))
    write_shard(cache / "drawn-00001", [generator.sample() for _ in range(48)])
    base = Trainer(RunSettings("cpu", 1e-3))
    base.save(tmp_path / "base.pt")
    (tmp_path / "learning").mkdir()
    weights = tune(Tuning(cache, tmp_path / "base.pt", 0.01, "float32", 5), plates[:4], tmp_path / "learning")
    assert any(not value.equal(weights[name]) for name, value in base.mean.state_dict().items())
    tallies = exact(weights, plates[4:], tmp_path / "read")
    assert tallies["crops_a"].plates == 2
    assert sorted(path.name for path in (tmp_path / "learning").glob("real-fold*"))
    control = tmp_path / "control"
    control.mkdir()
    drawn = tune(Tuning(cache, tmp_path / "base.pt", 0.01, "float32", 5), [], control)
    assert not list(control.glob("real-fold*"))
    assert any(not value.equal(drawn[name]) for name, value in base.mean.state_dict().items())


def test_mean_and_spread_are_those_of_the_folds() -> None:
    folds = [{"a": {when: {"exact": share} for when in ("before", "drawn", "after")}} for share in (0.8, 0.9, 1.0)]
    assert summary(folds)["a"]["after"] == {"mean": 0.9, "deviation": 0.1, "least": 0.8}
