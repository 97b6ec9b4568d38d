"""The detector's arithmetic: letterbox, decoding, overlap, close-ups. The trained net is tested with the models,
but for what a closer look adds."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from plate_fonts import needs_fonts

from edge.inference import ModelStore
from edge.plates.detector import (
    CORNER_SCALE,
    STRIDE,
    PlateDetector,
    close_up,
    decode,
    halved,
    letterbox,
    overlap,
    suppress,
)
from edge.plates.rectify import aspect, part_of, rectify
from simulator.plates import degrade, draw_plate, random_style

QUAD = np.array([[-40, -12], [40, -12], [40, 12], [-40, 12]], np.float32)


@pytest.mark.parametrize(("height", "width"), [(1080, 1920), (960, 544), (100, 90), (641, 640)])
def test_letterbox_scales_down_and_pads_to_32(height: int, width: int) -> None:
    box = letterbox(np.zeros((height, width, 3), np.uint8), 640)
    assert box.pixels.shape[0] % 32 == 0
    assert box.pixels.shape[1] % 32 == 0
    assert max(box.pixels.shape[:2]) <= 672
    assert box.scale == min(1.0, 640 / max(height, width))


@pytest.mark.parametrize(
    ("height", "width", "size", "factor"),
    [(1080, 1920, (540, 960), 2), (721, 1283, (360, 641), 2), (400, 700, (400, 700), 1), (2160, 3840, (540, 960), 4)],
)
def test_halving_stops_before_the_wanted_side(height: int, width: int, size: tuple[int, int], factor: int) -> None:
    smaller, divided = halved(np.full((height, width, 3), 77, np.uint8), 512)
    assert smaller.shape[:2] == size
    assert divided == factor
    assert (smaller == 77).all()


def test_decode_gives_corners_in_input_pixels() -> None:
    heat = np.zeros((10, 20), np.float32)
    offsets = np.zeros((8, 10, 20), np.float32)
    heat[4, 7], heat[4, 8] = 0.9, 0.6
    offsets[:, 4, 7] = (QUAD / CORNER_SCALE).reshape(8)
    (found,) = decode(heat, offsets, 0.4)
    centre = np.array([7.5 * STRIDE, 4.5 * STRIDE])
    assert np.allclose(found.corners, QUAD + centre, atol=1e-4)
    assert found.score == pytest.approx(0.9)


def test_decode_of_an_empty_picture_is_empty() -> None:
    assert decode(np.zeros((10, 20), np.float32), np.zeros((8, 10, 20), np.float32), 0.4) == []


def test_suppress_keeps_the_best_of_overlapping_ones() -> None:
    heat = np.zeros((10, 40), np.float32)
    offsets = np.tile((QUAD / CORNER_SCALE).reshape(8, 1, 1), (1, 10, 40))
    heat[4, 7], heat[4, 9], heat[4, 30] = 0.8, 0.9, 0.7
    kept = suppress(decode(heat, offsets.astype(np.float32), 0.4))
    assert [round(item.score, 1) for item in kept] == [0.9, 0.7]


def test_overlap_of_equal_and_of_distant_boxes() -> None:
    assert overlap(QUAD, QUAD) == pytest.approx(1.0)
    assert overlap(QUAD, QUAD + 200) == 0.0


@pytest.mark.parametrize("centre", [(300.0, 200.0), (10.0, 5.0), (635.0, 355.0)])
@pytest.mark.parametrize("size", [0.4, 1.0, 5.0])
def test_close_up_maps_back_to_the_picture(centre: tuple[float, float], size: float) -> None:
    picture = np.zeros((360, 640, 3), np.uint8)
    corners = (QUAD * size + np.array(centre)).astype(np.float32)
    view = close_up(picture, corners)
    assert view.pixels.shape == (128, 192, 3)
    there = (corners - np.array(view.origin)) * np.array(view.scale)
    assert np.allclose(there.mean(0), (96, 64), atol=4)
    assert np.allclose(view.to_picture(there.astype(np.float32)), corners, atol=1e-3)


def test_rectify_outside_the_picture_repeats_its_edge() -> None:
    crop = rectify(np.full((20, 20, 3), 50, np.uint8), QUAD + 500, 1)
    assert crop.shape == (32, 128, 3)
    assert (crop == 50).all()


def test_part_of_a_quadrilateral_follows_its_perspective() -> None:
    square = np.array([[0, 0], [100, 0], [100, 50], [0, 50]], np.float32)
    assert np.allclose(part_of(square, (0, 0.5, 1, 1)), [[0, 25], [100, 25], [100, 50], [0, 50]], atol=1e-3)
    assert aspect(square) == pytest.approx(2.0)


@needs_fonts
def test_what_the_first_look_hardly_shows_is_a_plate_where_a_closer_one_is_sure() -> None:
    """A wide picture is searched with few pixels: a plate of 70 in 1,600 has 22 of them there."""
    detector = PlateDetector(ModelStore(), long_side=512, min_score=0.4)
    rng = np.random.default_rng(11)
    street = cv2.GaussianBlur(rng.integers(60, 150, (900, 1600, 3)).astype(np.uint8), (0, 0), 3)
    cv2.rectangle(street, (500, 200), (1000, 700), (190, 110, 40), -1)
    plate = draw_plate("粤BD12345", "new_energy_small", random_style(np.random.default_rng(3), "simulator"))
    corners = degrade.quad_of(degrade.View(70, roll_deg=1.0), plate.shape[1] / plate.shape[0], (750, 600))
    shown = degrade.noise(degrade.defocus(degrade.place(plate, street, corners), 1.0), rng, 3.0)
    [first] = detector._candidates(shown, (512,), 0.1)
    assert first.score < 0.2, "by itself it is less than half of what is wanted"
    [found] = detector.glance(shown, 4, large=False)
    assert found.score >= 0.4
    assert np.abs(found.corners.mean(0) - (750, 600)).max() < 10
