"""What the detector takes for plates: the reader's hard negatives come from beside the labels, never from held-out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edge.inference import ModelStore
from edge.plates.detector import PlateDetector
from edge.types import Bgr
from models.pictures import read_picture
from models.plate_detect.mine import labelled
from models.plate_read import hard_negatives
from models.plate_read.samples import NOT_A_PLATE
from simulator.plates import degrade, draw_plate, random_style

CORNERS = ("tl", "tr", "br", "bl")
ELSEWHERE = np.array([[2, 2], [42, 2], [42, 14], [2, 14]], np.float32)


@pytest.fixture
def street(tmp_path: Path) -> Path:
    """Two pictures with one plate each, the second one labelled elsewhere, and a held-out one that is not there."""
    folder = tmp_path / "ccpd600"
    (folder / "images").mkdir(parents=True)
    rows = ["file,plate," + ",".join(corner + axis for corner in CORNERS for axis in "xy")]
    picture, corners = _scene()
    for name, place in (("0000", corners), ("0001", ELSEWHERE), ("0400", corners)):
        rows.append(f"images/{name}.png,皖A12345," + ",".join(f"{value:.1f}" for value in place.reshape(-1)))
        if name != "0400":
            assert cv2.imwrite(str(folder / "images" / f"{name}.png"), picture)
    (folder / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def _scene() -> tuple[Bgr, np.ndarray]:
    rng = np.random.default_rng(3)
    plate = draw_plate("皖A12345", "small_blue", random_style(rng, "simulator"), scale=0.5)
    corners = degrade.quad_of(degrade.View(120.0), 440 / 140, (200.0, 150.0))
    return degrade.place(plate, np.full((300, 400, 3), 110, np.uint8), corners), corners


def test_only_what_overlaps_no_label_is_a_hard_negative(street: Path) -> None:
    detector = PlateDetector(ModelStore(None), min_score=0.2)
    scenes = [(read_picture(path), quads) for path, quads in labelled(street)]
    assert len(scenes) == 2  # the held-out picture is not even opened
    at_plate, beside = (list(hard_negatives.mine(detector, [scene])) for scene in scenes)
    assert not at_plate
    assert len(beside) == 1
    picture, corners = beside[0]
    assert picture is scenes[1][0]
    assert np.abs(corners - _scene()[1]).max() < 10


def test_shards_hold_crops_that_are_no_plate(street: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hard_negatives, "SHARD", 16)
    photos, cache = tmp_path / "photos", tmp_path / "cache"
    photos.mkdir()
    cache.mkdir()
    assert cv2.imwrite(str(photos / "wall.png"), np.full((300, 400, 3), 90, np.uint8))
    arguments = ["--cache", str(cache), "--photos", str(photos), "--real", str(street)]
    result = CliRunner().invoke(hard_negatives.main, arguments, catch_exceptions=False)
    assert result.output == "1 false detections, 12 samples\n"
    for name, count in (("real-hard-00001", 12), ("real-emblems-00001", 8)):
        assert np.load(cache / f"{name}.crops.npy").shape == (count, 32, 128, 3)
        assert (np.load(cache / f"{name}.labels.npy")[:, -1] == NOT_A_PLATE).all()


def test_a_folder_without_labels_is_no_place_without_plates(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(labelled(tmp_path))


def test_what_is_no_picture_is_said(tmp_path: Path) -> None:
    (tmp_path / "torn.jpg").write_bytes(b"no picture")
    with pytest.raises(FileNotFoundError, match="not a picture"):
        read_picture(tmp_path / "torn.jpg")
