"""The shipped plate models: in the manifest, and good enough on drawn plates in fonts that training never used."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from edge.inference import ModelStore, file_hash
from edge.plates.alphabet import ALPHABET
from edge.plates.decoding import Decoder
from edge.plates.detector import PlateDetector, overlap
from edge.plates.grammar import CHINA
from edge.plates.reader import COLOURS, LAYOUTS, PlateReader
from edge.plates.recognition import Recogniser
from models.plate_read.evaluate import Tally, conditions, drawn_cases, greedy, measure
from simulator.plates import KINDS, degrade, draw_plate, random_plate, random_style

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture(scope="module")
def store() -> ModelStore:
    return ModelStore(MODELS)


@pytest.mark.parametrize("name", ["plate_read", "plate_detect", "plate_read_eu"])
def test_model_is_in_the_manifest_and_small_enough_for_git(name: str) -> None:
    entry = json.loads((MODELS / "manifest.json").read_text(encoding="utf-8"))["models"][name]
    path = MODELS / entry["file"]
    assert entry["sha256"] == file_hash(path)
    assert entry["trained"]
    assert path.stat().st_size <= 3 * 1024 * 1024


@pytest.mark.parametrize("name", ["plate_read", "plate_detect", "plate_read_eu"])
def test_metrics_belong_to_the_shipped_weights(name: str) -> None:
    metrics = json.loads((MODELS / name / "metrics.json").read_text(encoding="utf-8"))
    digest = file_hash(MODELS / name / f"{name}.onnx")
    assert digest in {metrics.get("model_sha256"), metrics.get("models_sha256", {}).get(name)}
    assert metrics["command"]
    assert metrics["split"]


def test_reader_reads_drawn_plates_of_every_kind(store: ModelStore) -> None:
    tallies: dict[str, Tally] = defaultdict(Tally)
    measure(Recogniser(PlateReader(store), Decoder(CHINA)), drawn_cases(3, seed=4242), tallies)
    kinds = [tally for group, tally in tallies.items() if group.startswith("drawn")]
    total = sum(tally.plates for tally in kinds)
    assert len(kinds) == len(KINDS)
    assert sum(tally.exact for tally in kinds) / total >= 0.75
    assert sum(tally.colour for tally in kinds) / total >= 0.85


def test_reader_is_measured_one_fault_at_a_time(store: ModelStore) -> None:
    tallies: dict[str, Tally] = defaultdict(Tally)
    measure(Recogniser(PlateReader(store), Decoder(CHINA)), conditions(2), tallies)
    assert tallies["condition clean"].exact == 2
    assert {group for group in tallies if group.startswith("condition")} >= {"condition night", "condition haze"}


def test_reader_gives_probabilities(store: ModelStore) -> None:
    (read,) = PlateReader(store).read([np.full((40, 90, 3), 80, np.uint8)])
    assert read.log_probs.shape == (32, len(ALPHABET) + 1)
    assert np.allclose(np.exp(read.log_probs).sum(1), 1, atol=1e-4)
    assert read.colours.shape == (len(COLOURS),)
    assert read.one_row + read.two_rows + read.not_a_plate == pytest.approx(1, abs=1e-4)
    assert len(LAYOUTS) == 3


def test_reader_calls_an_empty_wall_no_plate(store: ModelStore) -> None:
    wall = np.random.default_rng(0).normal(120, 6, (32, 128, 3)).clip(0, 255).astype(np.uint8)
    (read,) = PlateReader(store).read([wall])
    assert read.not_a_plate > 0.5
    assert greedy(read.log_probs) == ""


def test_reading_many_crops_equals_reading_each(store: ModelStore) -> None:
    crops = [case.picture for case in drawn_cases(2, seed=1)][:20]
    reader = PlateReader(store)
    for crop, read in zip(crops, reader.read(crops), strict=True):
        assert np.allclose(read.log_probs, reader.read([crop])[0].log_probs, atol=1e-3)
    assert reader.read([]) == []


def road_scene(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A grey road with a dark car's rear and its plate."""
    rng = np.random.default_rng(seed)
    picture = np.full((540, 960, 3), 105, np.uint8)
    x, y = int(rng.uniform(250, 700)), int(rng.uniform(200, 400))
    picture[y - 90 : y + 60, x - 150 : x + 150] = rng.uniform(20, 70, 3)
    text, kind = random_plate(rng, "small_blue")
    view = degrade.View(float(rng.uniform(90, 140)), roll_deg=float(rng.uniform(-6, 6)))
    corners = degrade.quad_of(view, 440 / 140, (x, y))
    picture = degrade.place(draw_plate(text, kind, random_style(rng)), picture, corners)
    return degrade.noise(degrade.defocus(picture, 0.6), rng, 3.0), corners


def test_detector_finds_plates_and_their_corners(store: ModelStore) -> None:
    detector = PlateDetector(store)
    found = 0
    for seed in range(10):
        picture, corners = road_scene(seed)
        hits = [item for item in detector.detect(picture) if overlap(item.corners, corners) > 0.5]
        found += len(hits) == 1 and np.abs(hits[0].corners - corners).max() < 0.12 * np.ptp(corners[:, 0])
    assert found >= 8


def test_a_glance_finds_the_same_plates_and_refining_makes_them_exact(store: ModelStore) -> None:
    detector = PlateDetector(store, long_side=448)
    found = 0
    for seed in range(10):
        picture, corners = road_scene(seed)
        hits = [item for item in detector.glance(picture, 4, large=False) if overlap(item.corners, corners) > 0.4]
        exact = detector.refine(picture, hits)
        found += len(exact) == 1 and np.abs(exact[0].corners - corners).max() < 0.12 * np.ptp(corners[:, 0])
        assert [item.score for item in exact] == [item.score for item in hits]
    assert found >= 8


def test_a_known_plate_is_searched_near_its_place(store: ModelStore) -> None:
    detector = PlateDetector(store, long_side=448)
    found = 0
    for seed in range(10):
        picture, corners = road_scene(seed)
        aside = corners + np.array([0.3, 0.4], np.float32) * np.ptp(corners, 0)
        near = detector.search_near(picture, np.asarray(aside, np.float32))
        found += near is not None and overlap(near.corners, corners) > 0.5
    assert found >= 8
    road = np.random.default_rng(0).normal(105, 4, (540, 960, 3)).clip(0, 255).astype(np.uint8)
    assert detector.search_near(road, np.asarray(corners, np.float32)) is None


def test_detector_finds_nothing_on_an_empty_road(store: ModelStore) -> None:
    picture = np.random.default_rng(0).normal(105, 4, (540, 960, 3)).clip(0, 255).astype(np.uint8)
    assert PlateDetector(store).detect(picture) == []


def test_corners_are_found_in_a_crop_at_the_box_of_a_tilted_plate(store: ModelStore) -> None:
    detector = PlateDetector(store)
    near = 0
    for seed in range(10):
        picture, corners = road_scene(seed)
        low, high = corners.min(0).astype(int), corners.max(0).astype(int)
        crop = picture[low[1] : high[1], low[0] : high[0]]
        found = detector.find_corners_in_crop(crop)
        near += found is not None and np.abs(found + low - corners).max() < 0.12 * np.ptp(corners[:, 0])
    assert near >= 8


def test_no_corners_in_a_crop_without_a_plate(store: ModelStore) -> None:
    wall = np.random.default_rng(0).normal(120, 6, (24, 94, 3)).clip(0, 255).astype(np.uint8)
    assert PlateDetector(store).find_corners_in_crop(wall) is None
    with pytest.raises(ValueError, match="empty crop"):
        PlateDetector(store).find_corners_in_crop(wall[:0])
