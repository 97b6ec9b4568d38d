"""A plate in another's place gets the other's light; probabilities made honest by one temperature."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.plates.rectify import Corners, unwarp
from edge.types import Bgr
from models.plate_read.calibrate import calibration_error, penalty, tempered
from models.plate_read.transplant import Donor, fit, transplant
from simulator.plates import degrade, draw_plate, random_style
from simulator.plates.draw import PlateStyle
from simulator.plates.kinds import PlateKind

STYLE = random_style(np.random.default_rng(2), "training")
PLAIN = PlateStyle(STYLE.glyphs, bolts=2)


def photograph(text: str, light: float) -> tuple[Bgr, Corners]:
    """A drawn plate in a grey picture, as bright as `light` says, a little blurred and noisy."""
    rng = np.random.default_rng(1)
    plate = draw_plate(text, "small_blue", PLAIN, scale=0.5)
    corners = degrade.quad_of(degrade.View(180, roll_deg=3), plate.shape[1] / plate.shape[0], (150, 80))
    picture = degrade.place(plate, np.full((160, 300, 3), 80, np.uint8), corners)
    dim = np.clip(cv2.GaussianBlur(picture, (0, 0), 0.9) * light, 0, 255).astype(np.uint8)
    return degrade.noise(dim, rng, 2.0), corners


def donor(light: float) -> Donor:
    picture, corners = photograph("皖A6Z647", light)
    found = fit(picture, corners + np.float32(1.5), draw_plate("皖A6Z647", "small_blue", PLAIN, scale=0.5))
    assert found is not None
    return found


@pytest.mark.parametrize("light", [0.35, 0.9])
def test_light_and_place_of_the_real_plate_are_found(light: float) -> None:
    found = donor(light)
    assert np.abs(found.corners - photograph("皖A6Z647", light)[1]).max() < 1.5
    assert found.gain[0].mean() == pytest.approx(light, rel=0.15)
    assert 0.3 <= found.blur <= 1.3


@pytest.mark.parametrize("kind", ["small_blue", "large_yellow", "large_yellow_double", "new_energy_small"])
def test_another_plate_is_as_dark_as_the_one_before(kind: PlateKind) -> None:
    texts = {"new_energy_small": "苏BD12345"}
    text = texts.get(kind, "苏B52K18")
    found = donor(0.35)
    plate = draw_plate(text, kind, STYLE, scale=0.5)
    picture, corners = transplant(found, plate, kind == "small_blue", np.random.default_rng(5))
    assert picture.shape == found.picture.shape
    seen = unwarp(picture, corners, 220, 70).mean()
    drawn = plate.mean()
    assert seen == pytest.approx(0.35 * drawn, rel=0.25)


def test_a_picture_without_this_plate_is_no_donor() -> None:
    noise = np.random.default_rng(3).integers(0, 255, (160, 300, 3)).astype(np.uint8)
    corners = photograph("皖A6Z647", 1.0)[1]
    assert fit(noise, corners, draw_plate("皖A6Z647", "small_blue", PLAIN, scale=0.5)) is None


def test_claims_are_judged_by_what_came_true() -> None:
    right = np.array([True] * 8 + [False] * 2)
    assert calibration_error(np.full(10, 0.8), right) == pytest.approx(0)
    assert calibration_error(np.full(10, 0.99), right) == pytest.approx(0.19)
    assert penalty(np.full(10, 0.8), right) < min(penalty(np.full(10, p), right) for p in (0.5, 0.95))


def test_a_temperature_keeps_the_best_and_the_sum() -> None:
    log_probs = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]], np.float32))
    sharp = np.exp(tempered(log_probs, 0.5))
    assert np.allclose(sharp.sum(1), 1)
    assert sharp[0, 0] > 0.7
    assert (sharp.argmax(1) == log_probs.argmax(1)).all()
