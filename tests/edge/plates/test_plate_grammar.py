"""What a plate may be, and the decoder that reads nothing else."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.plates.alphabet import ALPHABET, BLANK
from edge.plates.decoding import Decoder
from edge.plates.grammar import CHINA, Appearance, Pattern, PatternAutomaton, PlateKind, Region

DECODER = Decoder(CHINA)
PATTERNS = [(kind, pattern) for kind in CHINA.kinds for pattern in kind.patterns]


@st.composite
def plates(draw: st.DrawFn) -> tuple[str, PlateKind]:
    """A text that some kind's pattern admits."""
    kind, pattern = draw(st.sampled_from(PATTERNS))
    return "".join(draw(st.sampled_from(slot)) for slot in pattern.slots), kind


def spell(text: str, frames_each: int = 3, sure: float = 0.9, seed: int = 0) -> NDArray[np.float32]:
    """CTC log-probabilities (T, classes) of a reader that reads this text; the rest is spread at random."""
    rng = np.random.default_rng(seed)
    rows = []
    for character in text:
        for place in range(frames_each):
            row = rng.random(len(ALPHABET) + 1)
            row *= (1 - sure) / row.sum()
            row[ALPHABET.index(character) + 1 if place == 1 else BLANK] += sure
            rows.append(row)
    return np.log(np.array(rows, dtype=np.float32))


def confuse(log_probs: NDArray[np.float32], place: int, shares: dict[str, float]) -> NDArray[np.float32]:
    """The same with the character at this place shared among several."""
    probabilities = np.exp(log_probs)
    row = np.full(len(ALPHABET) + 1, 1e-7)
    for character, share in shares.items():
        row[ALPHABET.index(character) + 1] = share
    probabilities[place * 3 + 1] = row / row.sum()
    return np.log(probabilities).astype(np.float32)


@given(plates(), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_what_a_kind_admits_is_read_back(plate: tuple[str, PlateKind], seed: int) -> None:
    text, kind = plate
    reading = DECODER.decode(spell(text, seed=seed), Appearance({next(iter(kind.colours)): 1.0}, float(kind.rows == 2)))
    assert reading.text == text
    assert reading.kind is not None
    assert reading.kind.weight_of(text) > 0
    assert "".join(belief.character for belief in reading.characters) == text
    assert all(0 <= belief.probability <= 1 for belief in reading.characters)


@given(st.integers(0, 10_000), st.integers(4, 40))
@settings(max_examples=40, deadline=None)
def test_noise_gives_an_admitted_text_or_none(seed: int, length: int) -> None:
    rng = np.random.default_rng(seed)
    raw = rng.normal(0, 3, (length, len(ALPHABET) + 1))
    log_probs = raw - np.log(np.exp(raw).sum(axis=1, keepdims=True))
    reading = DECODER.decode(log_probs)
    assert reading.text == "" or CHINA.admits(reading.text)
    assert reading.readable == bool(reading.text)
    assert 0 <= reading.probability <= 1


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("京A12345", "small_blue"),
        ("沪AFD123", "small_blue"),
        ("沪AFD1234", "new_energy_small"),
        ("沪AFDK2345", None),
        ("沪A1234学警", None),
        ("粤BD12345", "new_energy_small"),
        ("粤B12345D", "new_energy_large"),
        ("苏E8K98挂", "trailer_double"),
        ("苏E8K981挂", None),
        ("苏E8998挂", "trailer_double"),
        ("粤ZR219港", "hongkong"),
        ("粤Z0021澳", "macau"),
        ("浙A1234学", "learner"),
        ("京O1234警", "police"),
        ("WJ沪12345", "armed_police"),
        ("WJ沪1234X", "armed_police_double"),
        ("WJ12345", "armed_police"),
        ("WJ沪X2345", None),
        ("VA12345", "military_double"),
        ("京A1234警", "police_double"),
        ("鲁0812345", "tractor_double"),
        ("民航01234", "aviation"),
        ("使224578", "embassy"),
        ("沪22478领", "consulate"),
        ("民航A1234", "aviation"),
        ("川X1234应急", "emergency"),
        ("京I12345", None),
        ("京A1I345", None),
        ("京A1O345", None),
        ("京A1234", None),
        ("京京12345", None),
    ],
)
def test_examples_of_each_kind(text: str, kind: str | None) -> None:
    kinds = [entry.name for entry, _ in CHINA.kinds_of(text)]
    if kind is None:
        assert kinds == []
    else:
        assert kind in kinds


def test_letters_that_are_not_issued_become_what_they_look_like() -> None:
    log_probs = confuse(spell("京A12345"), 3, {"I": 0.6, "1": 0.35, "7": 0.05})
    reading = DECODER.decode(log_probs, Appearance({"blue": 1.0}))
    assert reading.text == "京A11345"
    assert reading.characters[3].ranked[0][0] == "1"
    assert reading.characters[3].ranked[1][0] == "7"


def test_an_alternative_is_named_with_its_probability() -> None:
    reading = DECODER.decode(confuse(spell("京A12345"), 5, {"8": 0.6, "3": 0.4}))
    assert reading.text == "京A12385"
    assert reading.alternatives[0][0] == "京A12335"
    assert reading.alternatives[0][1] == pytest.approx(reading.probability * 2 / 3, rel=0.05)


@pytest.mark.parametrize("text", ["京A1234", "12345", "HELLO", "京A123456", "京沪粤"])
def test_what_no_grammar_admits_is_unreadable_with_its_alternatives(text: str) -> None:
    reading = DECODER.decode(spell(text, sure=0.999))
    assert not reading.readable
    assert reading.text == ""
    assert reading.alternatives[0][0] == text


@given(plates())
@settings(max_examples=60, deadline=None)
def test_walking_the_automaton_gives_what_the_patterns_say(plate: tuple[str, PlateKind]) -> None:
    text, _ = plate
    expected = {kind.name: weight for kind in CHINA.kinds if (weight := kind.weight_of(text)) > 0}
    assert {kind.name: weight for kind, weight in CHINA.automaton.endings_of(text)} == expected
    assert not CHINA.admits(text[:-3])


def test_many_threads_walk_one_automaton() -> None:
    texts = ["京A12345", "沪AFD1234", "粤ZR219港", "川X1234应急", "使224578", "鲁0812345"] * 50
    expected = [{kind.name for kind in CHINA.kinds if kind.weight_of(text) > 0} for text in texts]
    automaton = PatternAutomaton(CHINA.kinds)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(automaton.endings_of, texts))
    assert [{kind.name for kind, _ in one} for one in found] == expected


def test_colour_narrows_the_kind() -> None:
    for colour, name in [("blue", "small_blue"), ("yellow", "large_yellow"), ("black", "black")]:
        reading = DECODER.decode(spell("粤B1A345"), Appearance({colour: 0.97, "white": 0.03}, 0.02))
        assert reading.kind is not None
        assert reading.kind.name == name
    double = DECODER.decode(spell("粤B1A345"), Appearance({"yellow": 1.0}, 0.98))
    assert double.kind is not None
    assert double.kind.name == "large_yellow_double"


def test_colour_decides_between_texts_that_are_equally_likely() -> None:
    log_probs = confuse(spell("粤Z1234港", sure=0.97), 6, {"港": 0.5, "5": 0.5})
    assert DECODER.decode(log_probs, Appearance({"black": 1.0})).readable
    assert DECODER.decode(log_probs, Appearance({"blue": 1.0})).text == "粤Z12345"


def test_equal_neighbours_stay_two_characters() -> None:
    assert DECODER.decode(spell("京A11111")).text == "京A11111"


def test_probabilities_of_another_alphabet_are_refused() -> None:
    with pytest.raises(ValueError, match="reader and region differ"):
        DECODER.decode(np.zeros((20, 7), np.float32))
    with pytest.raises(ValueError, match="broken"):
        DECODER.decode(np.full((20, len(ALPHABET) + 1), -np.inf, np.float32))


def test_a_second_region_is_data() -> None:
    letters, digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
    kinds = (
        PlateKind("long", frozenset({"white"}), 1, (Pattern((letters,) * 2 + (digits,) * 4),)),
        PlateKind("short", frozenset({"white"}), 1, (Pattern((letters,) + (digits,) * 3),)),
    )
    region = Region("XX", ALPHABET, kinds)
    decoder = Decoder(region)
    assert decoder.decode(spell("OI1234")).text == "OI1234"
    assert decoder.decode(spell("B007")).text == "B007"
    assert not decoder.decode(spell("京A12345", sure=0.999)).readable
    with pytest.raises(ValueError, match="not in its alphabet"):
        Region("YY", "0123", kinds)


def test_the_same_input_gives_the_same_reading() -> None:
    rng = random.Random(4)
    log_probs = confuse(spell("京A12345"), rng.randrange(2, 7), {"8": 0.5, "B": 0.5})
    assert DECODER.decode(log_probs) == Decoder(CHINA).decode(log_probs)
