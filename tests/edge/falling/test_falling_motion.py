"""Proposals on drawn pictures: the thing is found where it is, the restless part of the picture learns to be quiet."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from falling_scenes import HEIGHT, WIDTH, drop, luma_pictures

from edge.falling.motion import MotionDetector, Pictures
from edge.falling.stabilise import Stabiliser, translate


def test_a_falling_thing_is_proposed_where_it_was_one_gap_ago() -> None:
    place = drop(300, 40, 0.4, 160)
    detector = MotionDetector((HEIGHT, WIDTH), None, 12.0)
    hits = total = 0
    for time_s, luma in luma_pictures(1.8, [place]):
        proposals = detector.observe(luma, time_s)
        at = place(proposals.time_s) if proposals is not None else None
        if proposals is None or at is None or proposals.time_s < 0.8:
            continue
        total += 1
        near = np.hypot(proposals.x - at[0], proposals.y - at[1]) < 2.0
        hits += bool(near.any())
        if near.any():
            assert proposals.sign[near][0] == 1.0
            assert 3 <= proposals.area[near][0] <= 80
    assert total > 15
    assert hits / total > 0.9


def test_a_still_picture_proposes_nothing() -> None:
    detector = MotionDetector((HEIGHT, WIDTH), None, 12.0)
    counts = [len(p.x) for t, luma in luma_pictures(1.0, []) if (p := detector.observe(luma, t)) is not None]
    assert len(counts) > 10
    assert sum(counts) == 0


def test_a_change_of_light_proposes_nothing() -> None:
    detector = MotionDetector((HEIGHT, WIDTH), None, 12.0)
    for number, (time_s, luma) in enumerate(luma_pictures(1.0, [])):
        lit = np.clip(luma.astype(np.int16) + (60 if number == 15 else 0), 0, 255).astype(np.uint8)
        proposals = detector.observe(lit, time_s)
        assert proposals is None or len(proposals.x) == 0


@pytest.mark.parametrize("until_s", [1.1, 2.0], ids=["a lamp", "a flicker of a second"])
def test_a_change_of_light_does_not_deafen(until_s: float) -> None:
    """Half the light, in turns of three pictures, and what falls right after it is proposed."""
    detector = MotionDetector((HEIGHT, WIDTH), None, 7.0)
    thing = drop(210.0, 20.0, until_s + 0.1, 250.0)
    seen = 0
    for number, (time_s, luma) in enumerate(luma_pictures(until_s + 1.0, [thing])):
        dimmed = 1.0 <= time_s < until_s and number // 3 % 2
        proposals = detector.observe(luma // 2 if dimmed else luma, time_s)
        at = thing(proposals.time_s) if proposals is not None else None
        if proposals is not None and at is not None:
            seen += bool((np.hypot(proposals.x - at[0], proposals.y - at[1]) < 6).any())
    assert seen >= 12


def test_noise_that_has_grown_is_soon_known() -> None:
    """A camera that turns up its gain at dusk."""
    detector = MotionDetector((HEIGHT, WIDTH), None, 7.0)
    for time_s, luma in luma_pictures(1.0, [], noise=0.5):
        detector.observe(luma, time_s)
    assert detector.noise < 1.5
    for time_s, luma in luma_pictures(1.0, [], noise=6.0):
        detector.observe(luma, 1.0 + time_s)
    assert detector.noise > 4.5


def test_what_moves_habitually_is_known_as_active() -> None:
    rng = np.random.default_rng(0)
    detector = MotionDetector((HEIGHT, WIDTH), None, 12.0)
    last = None
    for time_s, luma in luma_pictures(5.0, []):
        luma[100:140, 200:260] = rng.integers(0, 255, (40, 60))
        last = detector.observe(luma, time_s) or last
    busy, quiet = detector.activity.at(np.array([230.0, 500.0]), np.array([120.0, 300.0]))
    assert busy > 0.3
    assert quiet < 0.02


@pytest.mark.parametrize("at_home", [True, False], ids=["leaves, each in its place", "drops, anywhere"])
def test_what_moves_in_its_place_is_no_weather(at_home: bool) -> None:
    rng = np.random.default_rng(0)
    detector = MotionDetector((HEIGHT, WIDTH), None, 12.0)
    homes = np.array([(x, y) for x in range(40, WIDTH - 40, 150) for y in range(30, HEIGHT - 30, 60)])
    spreads = []
    for time_s, luma in luma_pictures(4.0, []):
        sway = rng.integers(-7, 8, homes.shape)
        places = homes + sway if at_home else rng.integers(5, [WIDTH - 5, HEIGHT - 5], homes.shape)
        for x, y in places:
            luma[y : y + 3, x : x + 3] = 255
        if (seen := detector.observe(luma, time_s)) is not None and time_s > 2:
            spreads.append((seen.spread, seen.quiet_spread))
    everything, quiet = np.mean(spreads, axis=0)
    assert everything > 0.3
    assert (quiet < 0.15) if at_home else (quiet > 0.9 * everything)


def test_nothing_is_proposed_outside_of_what_is_watched() -> None:
    watched = np.zeros((HEIGHT, WIDTH), np.uint8)
    watched[:, :200] = 255
    detector = MotionDetector((HEIGHT, WIDTH), watched, 12.0)
    for time_s, luma in luma_pictures(1.5, [drop(300, 40, 0.2, 160)]):
        proposals = detector.observe(luma, time_s)
        assert proposals is None or len(proposals.x) == 0


@pytest.mark.parametrize(("fps", "gap"), [(10.0, 1), (25.0, 2), (50.0, 4)])
def test_the_gap_follows_the_pace_of_the_stream(fps: float, gap: int) -> None:
    detector = MotionDetector((HEIGHT, WIDTH), None, 12.0)
    blank = np.zeros((HEIGHT, WIDTH), np.uint8)
    for index in range(20):
        detector.observe(blank, index / fps)
    assert detector.gap in (gap, gap + 1)


def test_a_patch_at_the_edge_is_moved_inside() -> None:
    picture = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64).astype(np.uint8)
    assert np.array_equal(Pictures(picture, picture, picture).patch(1, 1)[1], picture[:32, :32])
    assert Pictures(picture[:20], picture[:20], picture[:20]).patch(30, 10).shape == (3, 32, 32)


def test_shake_is_taken_out_and_a_still_camera_is_left_alone() -> None:
    def sway(time_s: float) -> tuple[float, float]:
        return (2.5 * np.sin(9 * time_s), 1.5 * np.cos(7 * time_s)) if time_s > 1.0 else (0.0, 0.0)

    stabiliser = Stabiliser()
    first = None
    before, after = [], []
    for time_s, luma in luma_pictures(3.0, [], sway=sway):
        first = luma if first is None else first
        steady = stabiliser.steady(luma, time_s)
        if time_s < 1.0:
            assert steady is luma
        elif time_s > 1.3:
            inner = (slice(10, -10), slice(10, -10))
            before.append(np.abs(luma[inner].astype(int) - first[inner]).mean())
            after.append(np.abs(steady[inner].astype(int) - first[inner]).mean())
    assert np.mean(before) > 3.0
    assert np.mean(after) < 0.7 * np.mean(before)
    assert stabiliser.shaking


def test_a_snowfall_does_not_move_a_still_camera() -> None:
    """Flakes are the strongest edges of such a picture, and in all of them they go the same way."""
    rng = np.random.default_rng(2)
    house = cv2.resize(rng.integers(90, 150, (HEIGHT // 8, WIDTH // 8)).astype(np.uint8), (WIDTH, HEIGHT))
    flakes = rng.uniform((0, 0), (WIDTH, HEIGHT), (300, 2))
    stabiliser, moved = Stabiliser(), []
    for number in range(75):
        picture = house.copy()
        for x, y in (flakes + number * np.array([0.7, 2.2])) % (WIDTH, HEIGHT):
            cv2.circle(picture, (int(8 * x), int(8 * y)), 10, 230, -1, cv2.LINE_AA, 3)
        stabiliser.steady(picture, 0.08 * number)
        moved.append(max(map(abs, stabiliser.shift)))
    assert np.mean(np.array(moved[30:]) > 0) < 0.1


@pytest.mark.parametrize("grey", [16, 128])
def test_a_stream_that_begins_black_or_grey_does_not_shake_after_it(grey: int) -> None:
    """What is left of noise in such pictures held the place of edges for seconds."""
    stabiliser, shifts = Stabiliser(), []
    rng = np.random.default_rng(3)
    for time_s, luma in luma_pictures(4.0, []):
        empty = np.asarray(np.clip(rng.normal(grey, 1.0, luma.shape), 0, 255), np.uint8)
        stabiliser.steady(empty if time_s < 1.0 else luma, time_s)
        shifts.append((time_s, max(map(abs, stabiliser.shift))))
    assert max(shift for time_s, shift in shifts if time_s > 1.1) == 0


def test_a_threshold_never_wraps_round() -> None:
    """In a picture of nothing but noise six deviations of it are more than a grey level can be."""
    rng = np.random.default_rng(0)
    detector = MotionDetector((HEIGHT, WIDTH), None, 12.0)
    for number in range(60):
        detector.observe(rng.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8), number / 25)
    assert detector.noise * 6 > 256
    assert detector._threshold is not None
    assert detector._threshold.min() == 255


def test_a_house_before_much_sky_is_steadied_although_the_sky_stands_still() -> None:
    """What is left of a sky after compression has edges too, weak ones that do not move with the camera."""
    rng = np.random.default_rng(4)
    sky = rng.integers(0, 5, (HEIGHT, WIDTH)).astype(np.uint8)
    house = np.full((HEIGHT, WIDTH), 120, dtype=np.uint8)
    house[20 : 20 + 8 * 38, 250:370] = np.kron(rng.integers(60, 200, (38, 15)), np.ones((8, 8)))
    house = cv2.GaussianBlur(house, (0, 0), 1.0).astype(np.uint8)
    stabiliser = Stabiliser()
    for number, shift in enumerate([(0.0, 0.0), (0.6, -0.4), (-1.0, 1.3), (1.6, 0.9), (-0.4, -1.2)]):
        stabiliser.steady(translate(house, (-shift[0], -shift[1])) + sky, 0.08 * number)
        assert stabiliser.shift == pytest.approx(shift, abs=0.15)


def test_translating_by_whole_and_by_half_pixels() -> None:
    picture = np.add.outer(np.arange(40) * 2, np.arange(60)).astype(np.uint8)
    inner = (slice(5, -5), slice(5, -5))
    assert np.array_equal(translate(picture, (2.0, -3.0))[inner], picture[2:-8, 7:-3])
    assert np.abs(translate(picture, (0.5, 0.0))[inner].astype(float) - picture[inner] - 0.5).max() <= 0.5
