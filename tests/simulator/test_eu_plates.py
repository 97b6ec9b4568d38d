"""Drawn European plates: every look is drawn, and what is written on it is what the edge's grammar admits."""

from __future__ import annotations

import numpy as np
import pytest

from edge.plates.grammar import EUROPE, REGIONS
from simulator.plates.brush import bent, cut_through
from simulator.plates.eu import DESIGNS, EU_KINDS, draw_eu_plate, random_eu_plate
from simulator.plates.makers import MAKERS


@pytest.mark.parametrize("kind", EU_KINDS)
def test_every_look_is_drawn_with_a_text_of_the_grammar(kind: str) -> None:
    rng = np.random.default_rng(3)
    for _ in range(5):
        text, _ = random_eu_plate(rng, kind)
        assert EUROPE.admits(text)
        plate = draw_eu_plate(text, kind, rng, scale=0.5)
        width, height = DESIGNS[kind].size
        assert plate.shape == (round(height / 2), round(width / 2), 3)
        assert plate.std() > 20, "something is written on it"


def test_same_seed_same_plate() -> None:
    first, second = (draw_eu_plate("MÜX123", "d", np.random.default_rng(9)) for _ in range(2))
    assert np.array_equal(first, second)


def test_a_number_that_the_country_does_not_give_is_refused() -> None:
    with pytest.raises(ValueError, match="no number of E"):
        draw_eu_plate("MÜX123", "e", np.random.default_rng(0))


def test_every_region_has_a_maker_that_draws_what_its_grammar_admits() -> None:
    assert MAKERS.keys() == REGIONS.keys()
    rng = np.random.default_rng(1)
    for name, maker in MAKERS.items():
        for kind in maker.kinds:
            text, _ = maker.random_plate(rng, kind)
            rows = {entry.rows for entry, _ in REGIONS[name].kinds_of(text)}
            assert maker.rows(kind) in rows, f"{name} {kind} {text}"
            width, height = maker.size_mm(kind)
            assert maker.draw(text, kind, rng, "simulator", 0.25).shape[:2] == (round(height / 4), round(width / 4))


def test_a_glyph_is_bent_and_cut_within_its_box() -> None:
    bar = np.zeros((96, 60), np.uint8)
    bar[:, 24:36] = 255
    moved = bent(bar, np.random.default_rng(1), 2.0)
    assert moved.shape == bar.shape
    assert (moved != bar).any()
    assert abs(int(moved.sum()) - int(bar.sum())) < 0.25 * int(bar.sum())
    cuts = [cut_through(bar, np.random.default_rng(seed)) for seed in range(8)]
    assert all((cut <= bar).all() for cut in cuts)
    assert any(cut.sum() < bar.sum() for cut in cuts)
