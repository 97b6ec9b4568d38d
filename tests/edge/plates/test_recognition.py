"""From corners to a text: one cut where that is sure, more where corners are off; rows by the net and by the shape."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.inference import ModelStore
from edge.plates.decoding import Decoder, Reading
from edge.plates.grammar import CHINA, Appearance
from edge.plates.reader import PlateReader
from edge.plates.recognition import SURE, Recogniser, weigh_rows
from edge.plates.rectify import Corners, aspect, grow, rectify, shear, turn
from edge.plates.stills import StillPlate
from edge.types import Bgr
from simulator.plates import draw_plate, random_style
from simulator.plates.degrade import View, place, quad_of
from simulator.plates.kinds import PlateKind

MODELS = Path(__file__).parents[3] / "models"
SQUARE = np.array([[0, 0], [4, 0], [4, 2], [0, 2]], np.float32)


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return Recogniser(PlateReader(ModelStore(MODELS)), Decoder(CHINA))


def scene(text: str, kind: PlateKind) -> tuple[Bgr, Corners]:
    plate = draw_plate(text, kind, random_style(np.random.default_rng(4), "simulator"))
    corners = quad_of(View(150), plate.shape[1] / plate.shape[0], (150, 100))
    wall = np.full((200, 300, 3), 90, np.uint8)
    return np.asarray(cv2.GaussianBlur(place(plate, wall, corners), (0, 0), 0.8), np.uint8), corners


@pytest.mark.parametrize(("probability", "told"), [(0.04, ""), (0.06, "苏B52K18")])
def test_a_text_that_hardly_anything_speaks_for_is_not_told(
    recogniser: Recogniser, probability: float, told: str
) -> None:
    found = recogniser.recognise(*scene("苏B52K18", "small_blue"))
    doubtful = replace(found, reading=replace(found.reading, probability=probability))
    plate = StillPlate(SQUARE, 0.5, doubtful)
    assert (plate.text, plate.is_plate) == (told, bool(told))


def test_a_clear_plate_is_cut_once(recogniser: Recogniser) -> None:
    found = recogniser.recognise(*scene("苏B52K18", "small_blue"))
    assert (found.reading.text, found.rows, found.cuts) == ("苏B52K18", 1, 1)


def test_where_the_first_cut_is_not_sure_others_are_tried(recogniser: Recogniser) -> None:
    picture, corners = scene("苏B52K18", "small_blue")
    gains = []
    for share in (-0.6, -0.5, 0.5, 0.6):
        tilted = turn(corners, share)
        read = PlateReader(ModelStore(MODELS)).read([rectify(picture, grow(tilted, 1.03), 1)])[0]
        first = Decoder(CHINA).decode(read.log_probs, read.appearance)
        found = recogniser.recognise(picture, tilted)
        assert first.probability < SURE
        assert found.cuts > 1
        assert found.reading.readable
        gains.append(found.reading.probability - (first.probability if first.readable else -1))
    assert min(gains) >= 0
    assert sum(gain > 0.1 for gain in gains) >= 2


class Undecided(Decoder):
    """A decoder that hears a wrong text once, surely, and the right one of all other cuts, less surely."""

    def __init__(self) -> None:
        super().__init__(CHINA)
        self.asked = 0

    def decode(self, log_probs: NDArray[np.floating], appearance: Appearance | None = None) -> Reading:
        self.asked += 1
        heard = super().decode(log_probs, appearance)
        text, sure = ("浙B52K18", 0.95) if self.asked == 3 else ("苏B52K18", 0.7)
        return replace(heard, text=text, probability=sure)


def test_one_cut_that_is_sure_does_not_outvote_all_others() -> None:
    found = Recogniser(PlateReader(ModelStore(MODELS)), Undecided()).recognise(*scene("苏B52K18", "small_blue"))
    assert found.reading.text == "苏B52K18"
    assert found.cuts > 4, "one sure cut among doubtful ones is no reason to stop"
    assert found.worth < found.reading.probability == 0.7


def test_two_rows_are_laid_side_by_side(recogniser: Recogniser) -> None:
    found = recogniser.recognise(*scene("苏B52K18", "large_yellow_double"))
    assert (found.reading.text, found.rows) == ("苏B52K18", 2)
    assert found.reading.kind is not None
    assert found.reading.kind.name == "large_yellow_double"


def test_what_is_surely_no_plate_is_not_cut_again_and_again(recogniser: Recogniser) -> None:
    corners = scene("苏B52K18", "small_blue")[1]
    grille = np.where(np.arange(200)[:, None, None] % 12 < 6, 150, 60).repeat(300, 1).repeat(3, 2).astype(np.uint8)
    wall = np.random.default_rng(0).normal(120, 6, (200, 300, 3)).clip(0, 255).astype(np.uint8)
    assert recogniser.recognise(grille, corners).cuts == 1
    for picture in (grille, wall):
        found = recogniser.recognise(picture, corners)
        assert found.read.refused
        assert not found.reading.readable


def test_shape_and_net_decide_together_about_rows() -> None:
    assert weigh_rows(0.99, 3.6) < 0.7 < weigh_rows(0.99, 2.0)
    assert weigh_rows(0.3, 1.9) > 0.5
    assert weigh_rows(0.01, 3.1) < 0.01


def test_shear_and_turn_move_edges_as_told() -> None:
    assert shear(SQUARE, 0.25).tolist() == [[1, 0], [5, 0], [3, 2], [-1, 2]]
    assert turn(SQUARE, 0.5).tolist() == [[0, -1], [4, 1], [4, 3], [0, 1]]
    assert aspect(SQUARE) == pytest.approx(2)
