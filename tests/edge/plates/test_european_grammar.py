"""The European region: formats of many countries through the one grammar and decoder."""

from __future__ import annotations

import numpy as np
import pytest

from edge.plates.alphabet import LATIN_ALPHABET
from edge.plates.decoding import Decoder
from edge.plates.europe import COUNTRIES, LONGEST, SHORTEST
from edge.plates.grammar import EUROPE, REGIONS, Appearance


@pytest.mark.parametrize(
    "text",
    ["MÜX123", "BAB1234E", "W12345A", "AB123CD", "1234BCD", "AA00AA", "12GBB3", "1ABC123", "AB12CDE", "12D12345",
     "ABC12D", "DW12345", "1A23456", "NA123AB", "B123ABC", "34ABC123", "PKA1234"],
)  # fmt: skip
def test_numbers_of_present_series_have_full_weight(text: str) -> None:
    kinds = EUROPE.kinds_of(text)
    assert [kind.name for kind, _ in kinds] == ["standard", "standard_double"]
    assert kinds[0][1] == 1.0


def test_other_series_need_better_evidence() -> None:
    (_, weight), *_ = EUROPE.kinds_of("A1B2")
    assert 0 < weight < 0.1


@pytest.mark.parametrize("text", ["", "AB1", "ABCDEF", "1234567", "A1B2C3", "AB123CD45", "粤B12345", "ab123cd"])
def test_what_is_no_number_is_not_admitted(text: str) -> None:
    assert not EUROPE.admits(text)


def test_every_country_has_numbers_of_admitted_lengths() -> None:
    for country in COUNTRIES:
        lengths = {sum(map(len, groups)) for groups in country.groups()}
        assert lengths, country.code
        assert min(lengths) >= SHORTEST
        assert max(lengths) <= LONGEST


def logits(text: str, doubts: dict[int, tuple[str, float]] | None = None) -> np.ndarray:
    """CTC log probabilities that say this text, at some places with a share for another character."""
    steps = np.full((2 * len(text) + 1, len(LATIN_ALPHABET) + 1), 1e-5)
    steps[::2, 0] = 1.0
    for place, character in enumerate(text):
        row = steps[2 * place + 1]
        row[LATIN_ALPHABET.index(character) + 1] = 1.0
        for other, share in [(doubts or {})[place]] if place in (doubts or {}) else []:
            row[LATIN_ALPHABET.index(other) + 1] = share
    return np.log(steps / steps.sum(1, keepdims=True)).astype(np.float32)


def test_the_grammar_decides_between_letter_and_digit() -> None:
    reading = Decoder(EUROPE).decode(logits("AB1Z3CD", {3: ("2", 0.8)}))
    assert reading.text == "AB123CD"


def test_letters_alone_are_unreadable() -> None:
    reading = Decoder(EUROPE).decode(logits("TAXIBUS"))
    assert not reading.readable
    assert reading.alternatives[0][0] == "TAXIBUS"


def test_rows_choose_the_kind() -> None:
    two = Decoder(EUROPE).decode(logits("AB123CD"), Appearance({"white": 0.9}, two_rows=0.95))
    assert two.kind is not None
    assert (two.kind.name, two.kind.rows) == ("standard_double", 2)


def test_regions_name_different_readers() -> None:
    readers = [region.reader for region in REGIONS.values()]
    assert len(set(readers)) == len(readers)
