"""The stabiliser measures what it is there for, leaves alone what is no shake, and bears pictures of any size."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
import pytest
from falling_scenes import HEIGHT, START, WIDTH, grey, luma_pictures, wall

from edge.falling.analyzer import FallingAnalyzer
from edge.falling.settings import FallingSettings
from edge.falling.stabilise import Stabiliser, translate
from edge.types import Frame, Luma

CALM_UNTIL_S = 2.4
WALL = wall()


def seen(shift: tuple[float, float], seed: int = 0, light: float = 0.0) -> Luma:
    """The wall, its content moved by (x, y) pixels, with noise; `light` grey levels brighter."""
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], dtype=np.float64)
    moved = cv2.warpAffine(WALL, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    noise = np.random.default_rng(seed).normal(0, 1.5, moved.shape)
    return np.clip(moved + light + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def settled() -> Stabiliser:
    """One that has looked at the still wall for a while."""
    stabiliser = Stabiliser()
    for number in range(12):
        stabiliser.steady(seen((0, 0), number), number * 0.2)
    return stabiliser


def ask(stabiliser: Stabiliser, luma: Luma, time_s: float = CALM_UNTIL_S) -> Luma:
    """The picture twice: a still camera is looked at in every second picture only."""
    stabiliser.steady(luma, time_s)
    return stabiliser.steady(luma, time_s + 0.04)


@pytest.mark.parametrize("shift", [(0.6, 0.0), (-1.7, 0.9), (3.25, -2.5), (14.0, -9.0)])
def test_a_shift_is_measured_to_a_fraction_of_a_pixel_and_taken_back(
    settled: Stabiliser, shift: tuple[float, float]
) -> None:
    steadied = ask(settled, seen(shift, 40))
    assert settled.shaking
    assert settled.shift == pytest.approx(shift, abs=0.2)
    inside = np.s_[20:-20, 20:-20]
    assert np.abs(steadied[inside].astype(float) - WALL[inside]).mean() < 2.5
    assert np.abs(seen(shift, 40)[inside].astype(float) - WALL[inside]).mean() > 3.0 or abs(shift[0]) < 1


def test_a_still_camera_gets_its_own_pictures_back(settled: Stabiliser) -> None:
    luma = seen((0, 0), 41)
    assert ask(settled, luma) is luma
    assert not settled.shaking


def test_another_view_is_no_shake(settled: Stabiliser) -> None:
    luma = cv2.resize(np.random.default_rng(42).integers(0, 255, (36, 64), dtype=np.uint8), (WIDTH, HEIGHT))
    assert ask(settled, luma) is luma


def test_what_covers_a_quarter_of_the_picture_does_not_drag_it_along(settled: Stabiliser) -> None:
    luma = seen((0, 0), 43)
    luma[:, : WIDTH // 4] = seen((5.0, 0.0), 44)[:, : WIDTH // 4]
    ask(settled, luma)
    assert settled.shift == (0.0, 0.0)


def test_light_is_no_shift_and_does_not_hide_one(settled: Stabiliser) -> None:
    ask(settled, seen((0, 0), 45, light=25.0))
    assert settled.shift == (0.0, 0.0)
    ask(settled, seen((1.5, 0.0), 46, light=25.0), CALM_UNTIL_S + 0.1)
    assert settled.shift == pytest.approx((1.5, 0.0), abs=0.15)


def test_places_keep_their_meaning_although_the_anchor_is_renewed() -> None:
    """A camera that is pushed a little once, and stays there for longer than an anchor does."""
    stabiliser = Stabiliser()
    for number in range(60):
        time_s = number * 0.25
        luma = seen((2.0, 1.0) if time_s > 3 else (0.0, 0.0), number)
        steadied = stabiliser.steady(luma, time_s)
    inside = np.s_[20:-20, 20:-20]
    assert np.abs(steadied[inside].astype(float) - WALL[inside]).mean() < 2.5


@pytest.mark.parametrize("shift", [(0.5, 0.0), (-2.25, 1.75), (7.0, -3.0)])
def test_translating_is_what_a_bilinear_warp_does(shift: tuple[float, float]) -> None:
    luma = seen((0, 0), 47)
    matrix = np.array([[1, 0, -shift[0]], [0, 1, -shift[1]]], dtype=np.float64)
    warped = cv2.warpAffine(luma, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    inside = np.s_[10:-10, 10:-10]
    assert np.abs(translate(luma, shift)[inside].astype(int) - warped[inside]).max() <= 2


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (3, 3), (3, 640), (640, 3), (1, 500), (15, 90), (16, 16), (17, 40)])
def test_pictures_of_any_size_are_borne(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    stabiliser = Stabiliser()
    for number in range(30):
        luma = rng.integers(0, 255, shape, dtype=np.uint8)
        assert stabiliser.steady(luma, number * 0.2).shape == shape


@pytest.mark.parametrize("shape", [(3, 64), (64, 3)])
def test_the_analyzer_bears_pictures_of_a_few_pixels(shape: tuple[int, int]) -> None:
    analyzer = FallingAnalyzer("cam-1", FallingSettings(use_classifier=False))
    for number in range(30):
        luma = np.full(shape, 100 + number % 3, np.uint8)
        assert list(analyzer.observe(Frame("cam-1", number, number / 25, START, luma, partial(grey, luma)))) == []


def test_a_whole_scene_is_steadied() -> None:
    def sway(time_s: float) -> tuple[float, float]:
        return (3 * np.sin(8 * time_s), 0.0) if time_s > 0.4 else (0.0, 0.0)

    stabiliser = Stabiliser()
    left = [
        np.abs(stabiliser.steady(luma, time_s)[20:-20, 20:-20].astype(float) - WALL[20:-20, 20:-20]).mean()
        for time_s, luma in luma_pictures(1.4, [], sway=sway)
    ]
    assert max(left[15:]) < 2.5
