"""Drawn plates: texts of each kind, sizes, determinism, and what the degradations must not change."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import pytest

from edge.plates.alphabet import ALPHABET, PROVINCES
from edge.plates.grammar import REGIONS
from edge.plates.rectify import rectify, unwarp
from simulator.fonts import Use, faces
from simulator.plates import KINDS, degrade, draw_plate, plate_colour, plate_rows, random_plate, random_style
from simulator.plates.draw import font_glyphs
from simulator.plates.glyphs import bowl_filled, with_tail
from simulator.plates.kinds import LOOKS, layout_of

USES: tuple[Use, ...] = ("training", "simulator")


def plate(kind: str, seed: int = 1) -> tuple[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    text, _ = random_plate(rng, kind)
    return text, draw_plate(text, kind, random_style(rng))


@pytest.mark.parametrize("kind", KINDS)
def test_size_and_characters_of_each_kind(kind: str) -> None:
    text, picture = plate(kind)
    wide = kind in {"new_energy_small", "new_energy_large", "emergency"}
    height = 220 if plate_rows(kind) == 2 else 140
    assert picture.shape == (height, 480 if wide else 440, 3)
    assert picture.dtype == np.uint8
    lengths = {"armed_police": {7, 8}, "armed_police_double": {7, 8}, "tractor_double": {8}}
    assert len(text) in lengths.get(kind, {8 if wide else 7})
    assert set(text) <= set(ALPHABET)


@pytest.mark.parametrize("kind", KINDS)
def test_characters_stay_inside_the_plate_and_apart(kind: str) -> None:
    layout = layout_of(random_plate(np.random.default_rng(0), kind)[0], kind)
    for x, y, width, height in layout.boxes:
        assert x >= 0
        assert y >= 0
        assert x + width <= layout.width
        assert y + height <= layout.height
    for first, second in zip(layout.boxes, layout.boxes[1:], strict=False):
        assert second[1] > first[1] or second[0] >= first[0] + first[2]


def test_the_small_province_of_the_armed_police_stands_at_several_heights() -> None:
    tops = {layout_of("WJ粤12345", "armed_police", variant).boxes[2][1] for variant in range(4)}
    assert len(tops) == 3
    assert len(layout_of("WJ12345", "armed_police").boxes) == 7


@pytest.mark.parametrize(
    ("kind", "text", "red"),
    [
        ("police", "粤A1234警", [6]),
        ("embassy", "使224578", [0]),
        ("embassy", "224578使", [6]),
        ("consulate", "沪22478领", [6]),
        ("emergency", "川X1234应急", [6, 7]),
        ("armed_police", "WJ粤12345", [0, 1, 2]),
        ("armed_police", "WJ12345", [0, 1]),
        ("hongkong", "粤ZR219港", []),
        ("small_blue", "粤B12345", []),
    ],
)
def test_words_and_letters_that_are_red(kind: str, text: str, red: list[int]) -> None:
    assert [place for place in range(len(text)) if LOOKS[kind].is_red(text, place)] == red


def test_a_sensor_of_one_colour_a_pixel_keeps_plain_areas_and_colours_fine_strokes() -> None:
    plain = np.full((9, 11, 3), (200, 90, 30), np.uint8)
    assert np.array_equal(degrade.mosaic(plain), plain)
    strokes = np.zeros((12, 12, 3), np.uint8)
    strokes[:, ::2] = 255
    assert np.ptp(degrade.mosaic(strokes).astype(int), axis=2).max() > 100


def test_same_seed_same_plate_other_seed_another() -> None:
    assert plate("small_blue", 5)[0] == plate("small_blue", 5)[0]
    assert np.array_equal(plate("small_blue", 5)[1], plate("small_blue", 5)[1])
    assert plate("small_blue", 5)[0] != plate("small_blue", 6)[0]


def test_provinces_are_uniform() -> None:
    rng = np.random.default_rng(0)
    counts = Counter(random_plate(rng, "small_blue")[0][0] for _ in range(6200))
    assert set(counts) == set(PROVINCES)
    assert max(counts.values()) < 1.35 * 200
    assert min(counts.values()) > 0.65 * 200


@pytest.mark.parametrize(
    ("kind", "channel"), [("small_blue", 0), ("large_yellow", 2), ("new_energy_small", 1), ("aviation", 1)]
)
def test_ground_has_the_colour_of_the_kind(kind: str, channel: int) -> None:
    _, picture = plate(kind)
    mean = picture[5:-5, 5:-5].reshape(-1, 3).mean(0)
    assert mean.argmax() == channel
    assert plate_colour(kind) in {"blue", "yellow", "green"}


def test_text_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="a small_blue plate has 7 characters"):
        draw_plate("京A1234", "small_blue", random_style(np.random.default_rng(0)))


LATIN_FACES = [(use, number) for use in USES for number in range(len(faces("latin", use)))]


@pytest.mark.parametrize(("use", "latin"), LATIN_FACES)
def test_a_tail_crosses_the_bowl_of_every_q(use: Use, latin: int) -> None:
    glyphs = font_glyphs(0, latin, use)
    o, q, zero = (glyphs.mask(character, 45, 90, "single") for character in "OQ0")
    assert bowl_filled(q) < 0.93 < min(bowl_filled(o), bowl_filled(zero))
    for other in (o, zero):
        assert np.abs(q.astype(int) - other).mean() > 0.03 * 255


def test_a_bowl_with_a_tail_is_told_from_one_without() -> None:
    bowl = np.zeros((90, 45), np.uint8)
    cv2.ellipse(bowl, (22, 45), (17, 39), 0, 0, 360, 255, 9)
    assert bowl_filled(bowl) > 0.95
    assert bowl_filled(with_tail(bowl)) < 0.9
    assert bowl_filled(np.zeros((90, 45), np.uint8)) == 0


def test_different_characters_look_different() -> None:
    rng = np.random.default_rng(0)
    style = random_style(rng)
    pictures = [draw_plate(f"京A{digit * 5}", "small_blue", style) for digit in "0123456789"]
    for index, first in enumerate(pictures):
        for second in pictures[index + 1 :]:
            assert np.abs(first.astype(int) - second).mean() > 1.0


def test_placing_and_rectifying_gives_the_plate_back() -> None:
    _, picture = plate("small_blue")
    corners = np.array([[60, 40], [380, 70], [370, 180], [50, 140]], np.float32)
    scene = degrade.place(picture, np.full((220, 440, 3), 90, np.uint8), corners)
    back = unwarp(scene, corners, 220, 70)
    expected = cv2.resize(picture, (220, 70), interpolation=cv2.INTER_AREA)
    assert np.abs(back.astype(int) - expected).mean() < 8
    wrong = unwarp(scene, corners + 12, 220, 70)
    assert np.abs(wrong.astype(int) - expected).mean() > 20


def test_two_rows_are_laid_side_by_side() -> None:
    text, picture = plate("large_yellow_double")
    height, width = picture.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    crop = rectify(picture, corners, 2)
    assert crop.shape == (32, 128, 3)
    upper = crop[:, :43]
    lower = crop[:, 43:]
    assert (upper.max(2) < 90).mean() > 0.05, "the upper row's ink is on the left"
    assert (lower.max(2) < 90).mean() > 0.1, "the lower row's ink is on the right"
    assert len(text) == 7


@pytest.mark.parametrize("severity", [0.3, 1.0, 1.5])
def test_degradations_keep_shape_and_type(severity: float) -> None:
    rng = np.random.default_rng(3)
    _, picture = plate("police")
    for _ in range(20):
        worn = degrade.surface(picture, rng, severity)
        seen = degrade.camera(worn, rng, 100, severity)
        assert seen.shape == picture.shape
        assert seen.dtype == np.uint8


def test_severity_zero_leaves_the_surface_alone() -> None:
    _, picture = plate("black")
    assert np.array_equal(degrade.surface(picture, np.random.default_rng(0), 0.0), picture)


def test_downsampling_loses_detail() -> None:
    _, picture = plate("small_blue")
    coarse = degrade.downsample(picture, 8)
    assert coarse.shape == picture.shape
    assert coarse.astype(float).std() < picture.astype(float).std()


def test_infrared_has_no_colour() -> None:
    _, picture = plate("small_blue")
    seen = degrade.infrared(picture, np.random.default_rng(0))
    assert np.array_equal(seen[..., 0], seen[..., 2])


def test_plate_outside_the_picture_changes_nothing() -> None:
    ground = np.full((50, 50, 3), 7, np.uint8)
    _, picture = plate("small_blue")
    corners = np.array([[100, 100], [140, 100], [140, 112], [100, 112]], np.float32)
    assert np.array_equal(degrade.place(picture, ground, corners), ground)


@pytest.mark.parametrize("kind", KINDS)
def test_drawn_texts_are_what_the_grammar_admits(kind: str) -> None:
    rng = np.random.default_rng(9)
    china = REGIONS["CN"]
    for _ in range(40):
        text, _ = random_plate(rng, kind)
        assert kind in {found.name for found, _ in china.kinds_of(text)}, text


def test_light_spreads_from_bright_strokes_as_light_does() -> None:
    plate = np.full((60, 60, 3), 40, np.uint8)
    plate[:, 28:32] = 230
    even = degrade.glow(plate, 2.0, 1.0)[30, :, 0]
    blurred = degrade.defocus(plate, 2.0)[30, :, 0]
    over = degrade.glow(plate, 2.0, 2.0)[30, :, 0]
    assert (even > 100).sum() > (blurred > 100).sum()
    assert (over > 100).sum() > (even > 100).sum()


def test_points_picked_from_a_picture_lose_thin_strokes() -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[20] = 255
    seen = [int(degrade.aliased(np.roll(picture, shift, 0), 1.0, 2.0).max()) for shift in range(2)]
    assert min(seen) == 0
    assert max(seen) > 150
