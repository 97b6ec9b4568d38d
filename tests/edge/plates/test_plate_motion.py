"""The motion gate: open for a vehicle, closed for noise."""

from __future__ import annotations

import numpy as np

from edge.plates.motion import MotionGate


def street(rng: np.random.Generator, noise: float) -> np.ndarray:
    ramp = np.linspace(60, 160, 640)[None] + np.zeros((360, 1))
    return np.clip(ramp + rng.normal(0, noise, (360, 640)), 0, 255).astype(np.uint8)


def test_noise_keeps_it_closed_by_day_and_night() -> None:
    for noise in (2.0, 12.0):
        rng, gate = np.random.default_rng(1), MotionGate()
        assert not any(gate.observe(street(rng, noise)).any for _ in range(30))


def test_a_vehicle_opens_it_where_it_is() -> None:
    rng, gate = np.random.default_rng(2), MotionGate()
    gate.observe(street(rng, 3))
    picture = street(rng, 3)
    picture[100:220, 300:440] = 230
    motion = gate.observe(picture)
    assert motion.box is not None
    left, top, right, bottom = motion.box
    assert left <= 300 / 640 <= right
    assert left > 0.35
    assert right < 0.75
    assert top <= 100 / 360 < bottom
    assert 0 < motion.share < 0.3


def test_one_insect_does_not_open_it() -> None:
    rng, gate = np.random.default_rng(3), MotionGate()
    gate.observe(street(rng, 3))
    picture = street(rng, 3)
    picture[100:110, 300:310] = 255
    assert not gate.observe(picture).any


def test_first_picture_and_another_size_are_still() -> None:
    gate = MotionGate()
    assert not gate.observe(np.zeros((360, 640), np.uint8)).any
    assert not gate.observe(np.full((180, 320), 255, np.uint8)).any
    gate.reset()
    assert not gate.observe(np.zeros((180, 320), np.uint8)).any
