"""Training of the plate models: labels are what was drawn, targets are what the device decodes, runs can be resumed."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra `train`")
import torch

from edge.inference import ModelStore
from edge.plates.alphabet import ALPHABET
from edge.plates.detector import STRIDE, PlateDetector, decode
from edge.plates.rectify import unwarp
from models.manifest import write_manifest
from models.plate_detect import negatives, scenery
from models.plate_detect import train as detect
from models.plate_detect.drawn import drawn_scenes, measure_drawn
from models.plate_detect.samples import SceneGenerator
from models.plate_read import export as read_export
from models.plate_read import train as read
from models.plate_read.augment import augment
from models.plate_read.backgrounds import Backgrounds
from models.plate_read.net import ExportedReader, ReaderNet
from models.plate_read.quantise import Batches, quantise
from models.plate_read.samples import (
    LONGEST,
    NO_TEXT,
    NOT_A_PLATE,
    Generator,
    Sample,
    cut_by_edge,
    in_training_split,
    write_shard,
)
from models.plate_read.transplant import Donor
from models.training import RunSettings
from simulator.plates import degrade, draw_plate, random_style

PHOTO = np.random.default_rng(0).integers(0, 255, (400, 500, 3), np.uint8)


def samples(count: int, seed: int = 1) -> list[Sample]:
    generator = Generator(np.random.default_rng(seed), None, Backgrounds(()))
    return [generator.sample() for _ in range(count)]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    write_shard(folder / "drawn-00001", samples(96))
    return folder


def test_same_seed_same_samples() -> None:
    for first, second in zip(samples(6), samples(6), strict=True):
        assert first.text == second.text
        assert np.array_equal(first.crop, second.crop)


def test_labels_say_what_was_drawn(cache: Path) -> None:
    labels = np.load(cache / "drawn-00001.labels.npy")
    for label, sample in zip(labels, samples(96), strict=True):
        length = label[LONGEST]
        if sample.text is None:
            assert length == NO_TEXT
            continue
        assert "".join(ALPHABET[code - 1] for code in label[:length]) == sample.text
        assert (sample.text == "") == (sample.layout == NOT_A_PLATE)


def test_rare_and_favoured_beginnings_are_drawn_more_often(tmp_path: Path) -> None:
    crop = np.zeros((32, 128, 3), np.uint8)
    write_shard(tmp_path / "real-1", [Sample(crop, "皖A12345", 0, 0)] * 90)
    write_shard(tmp_path / "real-2", [Sample(crop, "湘A12345", 0, 0)] * 10)

    def share(weigh: read.Weigh | None) -> float:
        _, labels = read.Pool.read(tmp_path, "real", weigh).draw(np.random.default_rng(2), 4000)
        return float((labels[:, 0] == ALPHABET.index("湘") + 1).mean())

    assert share(None) == pytest.approx(0.10, abs=0.02)
    assert share(read.evenly) == pytest.approx(0.25, abs=0.03)
    assert share(read.favouring("湘", 9.0)) == pytest.approx(0.50, abs=0.03)


def test_a_cached_crop_is_another_at_each_use(cache: Path) -> None:
    crops, _ = read.Pool.read(cache, "drawn").draw(np.random.default_rng(0), 64)
    generator = torch.Generator().manual_seed(3)
    first, second = (augment(torch.from_numpy(crops), generator) for _ in range(2))
    assert first.shape == second.shape == (64, 32, 128, 3)
    assert float(first.min()) >= 0
    assert float(first.max()) <= 255
    assert all(float((one - other).abs().mean()) > 1 for one, other in zip(first, second, strict=True))


def test_held_out_pictures_are_never_trained_on() -> None:
    assert in_training_split(399, "ccpd600")
    assert not in_training_split(400, "ccpd600")
    assert not in_training_split(0, "easypr_a")


def test_reader_learns_and_resumes(cache: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    crops, labels = read.Pool.read(cache, "drawn").draw(np.random.default_rng(0), 32)
    batch = torch.from_numpy(crops).float(), torch.from_numpy(labels.astype(np.int64))
    trainer = read.Trainer(RunSettings("cpu", 1e-2))
    losses = []
    for _ in range(8):
        trainer.step = 200  # past the warm-up
        losses.append(trainer.learn(*batch, 0.0)["text"])
    assert losses[-1] < 0.7 * losses[0]
    trainer.save(tmp_path / "run.pt")
    again = read.Trainer(RunSettings("cpu", 1e-2))
    again.load(tmp_path / "run.pt")
    assert (again.step, again.seen) == (trainer.step, trainer.seen)
    for key, value in trainer.net.state_dict().items():
        assert torch.equal(value, again.net.state_dict()[key])


def test_exported_reader_says_the_same_as_the_net(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = ReaderNet().eval()
    path = tmp_path / "plate_read" / "plate_read.onnx"
    path.parent.mkdir()
    read_export.export(net.state_dict(), path, "in a test")
    assert write_manifest(tmp_path)["models"]["plate_read"]["trained"] == "in a test"
    crops = np.random.default_rng(0).integers(0, 255, (3, 32, 128, 3), np.uint8)
    found = ModelStore(tmp_path).load("plate_read").run({"crops": crops})
    with torch.no_grad():
        expected = ExportedReader(net)(torch.from_numpy(crops))
    for one, other in zip(found, expected, strict=True):
        assert np.allclose(one, other.numpy(), atol=1e-3)


def test_weights_of_two_runs_are_averaged() -> None:
    torch.manual_seed(0)
    first, second = ReaderNet().state_dict(), ReaderNet().state_dict()
    mean = read_export.mean_of([first, second])
    name = "characters.weight"
    assert torch.allclose(mean[name], (first[name] + second[name]) / 2)
    assert torch.equal(read_export.mean_of([first])[name], first[name])


def test_eight_bit_reader_is_smaller_and_sees_nearly_the_same(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "models" / "plate_read_eu" / "plate_read_eu.onnx"
    target = tmp_path / "plate_read_eu" / "plate_read_eu.onnx"
    crops = np.stack([sample.crop for sample in samples(64, seed=5)])
    quantise(shipped, target, Batches("crops", np.split(crops, 2)))
    assert write_manifest(tmp_path)["models"]["plate_read_eu"]["trained"].endswith("; 8 bits")
    assert target.stat().st_size < 0.5 * shipped.stat().st_size
    small = ModelStore(tmp_path).load("plate_read_eu").run({"crops": crops})[0]
    full = ModelStore(shipped.parents[1]).load("plate_read_eu").run({"crops": crops})[0]
    assert (small.argmax(2) == full.argmax(2)).mean() > 0.9


def test_detector_targets_are_what_the_device_decodes() -> None:
    quad = np.array([[70, 90], [150, 84], [152, 110], [73, 117]], np.float32)
    corners = np.full((1, 4, 4, 2), np.nan, np.float32)
    corners[0, 0] = quad
    corners[0, 1] = quad[:] * 0.5 + 150
    target = detect.targets(corners, 320 // STRIDE, 320 // STRIDE)
    found = decode(target.heat[0, 0].numpy(), target.offsets[0].numpy(), 0.99)
    assert len(found) == 2
    for expected in (quad, quad * 0.5 + 150):
        nearest = min(found, key=lambda item: float(np.abs(item.corners - expected).max()))
        assert np.allclose(nearest.corners, expected, atol=1e-3)


def test_mirrored_corners_keep_their_order() -> None:
    quads = np.array([[[10, 20], [50, 22], [50, 34], [10, 32]]], np.float32)
    _, turned = detect.mirror(PHOTO[:100, :100], quads)
    (quad,) = turned
    assert quad[0, 0] < quad[1, 0]
    assert quad[3, 0] < quad[2, 0]
    assert np.allclose(quad[0], (50, 22))


def test_scenes_carry_the_corners_of_plates_inside() -> None:
    generator = SceneGenerator(np.random.default_rng(2), None, Backgrounds((PHOTO,)))
    for _ in range(6):
        scene = generator.scene()
        assert scene.picture.shape == (320, 320, 3)
        for quad in scene.corners:
            assert (quad.mean(0) > 0).all()
            assert (quad.mean(0) < 320).all()


def test_close_ups_hold_their_plate() -> None:
    corners = np.full((1, 4, 4, 2), np.nan, np.float32)
    corners[0, 0] = [[100, 150], [180, 150], [180, 175], [100, 175]]
    views, quads = detect.close_ups(np.random.default_rng(0), np.zeros((1, 320, 320, 3), np.uint8), corners)
    assert views.shape == (1, 128, 192, 3)
    assert np.allclose(quads[0, 0].mean(0), (96, 64), atol=16)


def photo_of_a_car() -> scenery.RealScene:
    """Noise with a blue plate drawn into it, and how that plate was lit."""
    quad = np.array([[150, 200], [350, 190], [352, 255], [152, 265]], np.float32)
    plate = draw_plate("京A12345", "small_blue", random_style(np.random.default_rng(1), "training"), scale=0.5)
    picture = degrade.place(plate, PHOTO, quad)
    donor = Donor(picture, quad, np.eye(6, 3, dtype=np.float32) * 0 + 0.5, np.zeros((6, 3), np.float32), 0.5, 1.0)
    return scenery.RealScene(picture, quad[None], quad, donor)


def test_cut_turns_plates_with_the_picture() -> None:
    scene = photo_of_a_car()
    ground = np.zeros((160, 200, 3), np.uint8)
    for seed in range(20):
        view, quads = scenery.cut(scene, scenery.Cut((200, 160), 70), ground, np.random.default_rng(seed))
        assert view.shape == (160, 200, 3)
        assert len(quads) == 1
        inner = unwarp(view, quads[0], 40, 12)
        assert inner[3:-3, 3:-3, 0].mean() > inner[3:-3, 3:-3, 2].mean() + 30, "the plate is blue"
        cross = np.cross(np.append(quads[0][1] - quads[0][0], 0), np.append(quads[0][3] - quads[0][0], 0))
        assert cross[2] > 0, "clockwise"


def test_plates_are_erased_and_replaced() -> None:
    scene = photo_of_a_car()
    rng = np.random.default_rng(3)
    bare = scenery.without_plates(scene, rng)
    assert len(bare.quads) == 0
    inner = unwarp(bare.picture, scene.focus, 40, 12)
    assert inner[..., 0].mean() < inner[..., 2].mean() + 30
    again = scenery.with_drawn_plate(scene, Generator(rng, None, Backgrounds((PHOTO,))), rng)
    assert np.abs(again.quads[0].mean(0) - scene.focus.mean(0)).max() < 8
    assert (again.picture != scene.picture).any()


def test_drawn_negatives_stay_in_the_picture() -> None:
    for seed in range(60):
        changed = negatives.add_one(PHOTO, np.random.default_rng(seed))
        assert changed.shape == PHOTO.shape
    assert (np.random.default_rng(0).integers(0, 255, (400, 500, 3), np.uint8) == PHOTO).all()


def test_close_ups_hold_the_plates_that_they_show() -> None:
    scene = photo_of_a_car()
    pictures = np.repeat(scene.picture[None], 30, axis=0)
    corners = np.full((30, 4, 4, 2), np.nan, np.float32)
    corners[:, 0] = scene.quads[0]
    views, quads = detect.close_ups(np.random.default_rng(0), pictures, corners)
    assert views.shape == (30, 128, 192, 3)
    shown = [(view, quad[0]) for view, quad in zip(views, quads, strict=True) if not np.isnan(quad[0]).any()]
    assert len(shown) >= 15
    blue = [float(np.subtract(*unwarp(view, quad, 40, 12)[2:-2, 2:-2].mean((0, 1))[[0, 2]])) for view, quad in shown]
    assert min(blue) > 20


def test_the_picture_s_edge_cuts_the_plate_and_not_its_corners() -> None:
    picture = np.arange(200, dtype=np.uint8)[None, :, None].repeat(50, 0).repeat(3, 2)
    corners = np.array([[40, 10], [160, 10], [160, 40], [40, 40]], np.float32)
    sides = set()
    for seed in range(8):
        cut, moved = cut_by_edge(picture, corners, np.random.default_rng(seed))
        assert np.ptp(moved[:, 0]) == 120
        at_left = bool(moved[0, 0] < 0)
        sides.add(at_left)
        assert at_left or cut.shape[1] < 160
        assert cut[0, 0, 0] == (40 - moved[0, 0] if at_left else 0)
    assert sides == {True, False}


def test_what_the_detector_finds_is_counted_by_kind_width_and_light() -> None:
    detector = PlateDetector(ModelStore(), 640, 0.4)
    tallies = measure_drawn(detector, islice(drawn_scenes(Backgrounds(()), 1), 0, None, 4))
    assert {"drawn small_blue", "drawn eu 1 row", "condition night"} & set(tallies)
    assert sum(tally.plates for tally in tallies.values()) == sum(1 for _ in drawn_scenes(Backgrounds(()), 1)) // 4 + 1
    share = sum(tally.found for tally in tallies.values()) / sum(tally.plates for tally in tallies.values())
    assert share > 0.6
    assert all(0 <= tally.as_metrics()["corner_error_share_of_width"] < 0.5 for tally in tallies.values())


def test_only_the_kinds_asked_for_are_drawn() -> None:
    generator = Generator(np.random.default_rng(4), None, Backgrounds(()), only=("tractor_double",))
    texts = [sample.text for sample in (generator.sample() for _ in range(20)) if sample.text]
    assert texts
    assert all(len(text) == 8 and text[1:].isdigit() for text in texts)
