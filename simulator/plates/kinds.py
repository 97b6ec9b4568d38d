"""Kinds of plates: size, places of the characters, colours (after GA 36), and texts drawn at random.

Sizes are millimetres of the real plate, which are pixels of the drawn one: 440 x 140 single row, 480 x 140 new energy,
440 x 220 double row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from contract.events import PlateColour
from edge.plates.alphabet import PROVINCES, SPECIAL

PlateKind = Literal[
    "small_blue",
    "large_yellow",
    "large_yellow_double",
    "trailer_double",
    "new_energy_small",
    "new_energy_large",
    "police",
    "military",
    "black",
    "hongkong",
    "macau",
    "learner",
    "embassy",
    "consulate",
    "aviation",
    "emergency",
    "armed_police",
    "armed_police_double",
    "military_double",
    "police_double",
    "tractor_double",
]
KINDS: tuple[PlateKind, ...] = get_args(PlateKind)

SERIAL_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
"""I and O are not issued: they look like 1 and 0."""
ENERGY_LETTERS = "ABCDEFGHJK"
MILITARY_LETTERS = "VKHBSLJNGCEZ"

Box = tuple[float, float, float, float]
"""x, y, width, height in mm from the plate's top left corner."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are on a plate, in mm."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    dot: tuple[float, float] | None
    bolts: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Look:
    """Colours of a kind, RGB as on the real plate.

    `red` are the positions of red characters; with `red_words` so are those that say what the plate is for.
    """

    colour: PlateColour
    ground: tuple[int, int, int]
    ink: tuple[int, int, int]
    red: tuple[int, ...] = ()
    red_words: bool = False

    def is_red(self, text: str, place: int) -> bool:
        """Whether the character at this place of a text is red; a digit never is."""
        return (place in self.red and not text[place].isdigit()) or (self.red_words and text[place] in SPECIAL)


def _row(widths: list[float], gaps: list[float], left: float, top: float, height: float) -> list[Box]:
    boxes: list[Box] = []
    x = left
    for width, gap in zip(widths, [*gaps, 0.0], strict=True):
        boxes.append((x, top, width, height))
        x += width + gap
    return boxes


def _bolts(width: int, height: int) -> tuple[tuple[float, float], ...]:
    left, right = width / 2 - 110, width / 2 + 110
    return ((left, 12), (right, 12), (left, height - 12), (right, height - 12))


def _single(dot_after: int) -> Layout:
    gaps = [34.0 if index == dot_after - 1 else 12.0 for index in range(6)]
    boxes = _row([45.0] * 7, gaps, 15.5, 25, 90)
    dot_x = boxes[dot_after - 1][0] + 45 + 17
    return Layout(440, 140, tuple(boxes), (dot_x, 70), _bolts(440, 140))


def _eight() -> Layout:
    boxes = _row([45.0, *[43.0] * 7], [9.0, 49.0, *[9.0] * 5], 15.5, 25, 90)
    return Layout(480, 140, tuple(boxes), None, _bolts(480, 140))


def _double(upper: list[Box], dot: tuple[float, float] | None) -> Layout:
    lower = _row([65.0] * 5, [15.0] * 4, 27.5, 90, 110)
    return Layout(440, 220, (*upper, *lower), dot, ((70, 25), (370, 25), (70, 205), (370, 205)))


def _armed_police() -> tuple[Layout, ...]:
    """Two letters, a province that is smaller (at the foot, in the middle, at the top) or as large, five characters."""
    letters, serial = _row([43.0, 43.0], [8.0], 14, 25, 90), _row([43.0] * 5, [9.0] * 4, 174, 25, 90)
    provinces: tuple[Box, ...] = ((112, 59, 38, 56), (112, 42, 38, 56), (112, 25, 38, 56), (112, 25, 42, 90))
    return tuple(Layout(440, 140, (*letters, box, *serial), (162, 70), _bolts(440, 140)) for box in provinces)


_SINGLE = _single(dot_after=2)
_POLICE = _single(dot_after=1)
_EMBASSY = {"first": _single(dot_after=4), "last": _single(dot_after=3)}
_EIGHT = _eight()
_DOUBLE = _double(_row([80.0, 80.0], [60.0], 110, 15, 60), (220, 45))
_DOUBLE_OF_THREE = _double(_row([62.0] * 3, [24.0, 24.0], 103, 15, 60), None)
_ARMED_POLICE = _armed_police()
_DOUBLES: frozenset[PlateKind] = frozenset(kind for kind in KINDS if kind.endswith("_double"))

_BLUE = Look("blue", (10, 70, 180), (245, 245, 245))
_YELLOW = Look("yellow", (240, 175, 25), (15, 15, 15))
_BLACK = Look("black", (18, 18, 20), (240, 240, 240))
_WHITE = Look("white", (238, 238, 236), (20, 20, 20), red_words=True)
_MISSION = Look("black", _BLACK.ground, _BLACK.ink, red_words=True)
_GREEN = Look("green", (25, 125, 80), (245, 245, 245))
_RED = (205, 25, 30)

LOOKS: dict[PlateKind, Look] = {
    "small_blue": _BLUE,
    "large_yellow": _YELLOW,
    "large_yellow_double": _YELLOW,
    "trailer_double": _YELLOW,
    "learner": _YELLOW,
    "new_energy_small": Look("green", (120, 205, 140), (15, 15, 15)),
    "new_energy_large": Look("yellow_green", (70, 190, 100), (15, 15, 15)),
    "police": _WHITE,
    "police_double": _WHITE,
    "military": Look("white", _WHITE.ground, _WHITE.ink, red=(0, 1)),
    "military_double": Look("white", _WHITE.ground, _WHITE.ink, red=(0, 1)),
    "armed_police": Look("white", _WHITE.ground, _WHITE.ink, red=(0, 1, 2)),
    "armed_police_double": Look("white", _WHITE.ground, _WHITE.ink, red=(0, 1, 2)),
    "emergency": _WHITE,
    "black": _BLACK,
    "hongkong": _BLACK,
    "macau": _BLACK,
    "embassy": _MISSION,
    "consulate": _MISSION,
    "aviation": _GREEN,
    "tractor_double": _GREEN,
}
RED = _RED


def plate_colour(kind: PlateKind) -> PlateColour:
    """The colour that an event names."""
    return LOOKS[kind].colour


def plate_rows(kind: PlateKind) -> Literal[1, 2]:
    """Number of rows of characters."""
    return 2 if kind in _DOUBLES else 1


def layout_of(text: str, kind: PlateKind, variant: int = 0) -> Layout:
    """The layout of a text of a kind; `variant` chooses where a kind is made in several ways.

    Raises ValueError when the text is too long or too short for it.
    """
    if kind in _DOUBLES:
        layout = _DOUBLE_OF_THREE if len(text) == 8 else _DOUBLE
    elif kind == "armed_police":
        layout = _ARMED_POLICE[variant % len(_ARMED_POLICE)] if len(text) == 8 else _SINGLE
    elif kind in ("new_energy_small", "new_energy_large", "emergency"):
        layout = _EIGHT
    elif kind == "police":
        layout = _POLICE
    elif kind == "embassy":
        layout = _EMBASSY["first" if text.startswith("使") else "last"]
    else:
        layout = _SINGLE
    if len(text) != len(layout.boxes):
        raise ValueError(f"a {kind} plate has {len(layout.boxes)} characters, {text!r} has {len(text)}")
    return layout


def random_plate(rng: np.random.Generator, kind: PlateKind | None = None) -> tuple[str, PlateKind]:
    """A text and its kind; kinds and provinces are uniform, so that no province is favoured."""
    chosen: PlateKind = kind if kind is not None else KINDS[int(rng.integers(len(KINDS)))]
    return _TEXTS[chosen](rng), chosen


def _pick(rng: np.random.Generator, characters: str, count: int = 1) -> str:
    return "".join(characters[int(index)] for index in rng.integers(len(characters), size=count))


def _digits(rng: np.random.Generator, count: int) -> str:
    return _pick(rng, "0123456789", count)


def _office(rng: np.random.Generator) -> str:
    """Province and the letter of its issuing office."""
    return _pick(rng, PROVINCES) + _pick(rng, SERIAL_LETTERS)


def _serial(rng: np.random.Generator, count: int, most_letters: int = 2) -> str:
    """Digits with up to `most_letters` letters anywhere."""
    characters = list(_digits(rng, count))
    for place in rng.permutation(count)[: int(rng.integers(most_letters + 1))]:
        characters[place] = _pick(rng, SERIAL_LETTERS)
    return "".join(characters)


def _ordinary(rng: np.random.Generator) -> str:
    """One in fifty with the O that was once the police's letter."""
    office = _office(rng) if rng.random() < 0.98 else _pick(rng, PROVINCES) + "O"
    return office + _serial(rng, 5)


def _energy_small(rng: np.random.Generator) -> str:
    return _office(rng) + _pick(rng, ENERGY_LETTERS) + _serial(rng, 1, 1) + _digits(rng, 4)


def _energy_large(rng: np.random.Generator) -> str:
    return _office(rng) + _digits(rng, 5) + _pick(rng, ENERGY_LETTERS)


def _aviation(rng: np.random.Generator) -> str:
    return "民航" + (_pick(rng, SERIAL_LETTERS) if rng.random() < 0.5 else _digits(rng, 1)) + _digits(rng, 4)


def _armed(rng: np.random.Generator) -> str:
    """Of a province with a number that may end with the branch's letter; one in ten of the headquarters."""
    if rng.random() < 0.1:
        return "WJ" + _digits(rng, 5)
    last = _pick(rng, "BXTSHDJ") if rng.random() < 0.4 else _digits(rng, 1)
    return "WJ" + _pick(rng, PROVINCES) + _digits(rng, 4) + last


def _military(rng: np.random.Generator) -> str:
    return _pick(rng, MILITARY_LETTERS) + _pick(rng, SERIAL_LETTERS) + _digits(rng, 5)


def _police(rng: np.random.Generator) -> str:
    return _office(rng) + _serial(rng, 4, 1) + "警"


def _embassy(rng: np.random.Generator) -> str:
    return "使" + _digits(rng, 6) if rng.random() < 0.5 else _digits(rng, 6) + "使"


_TEXTS = {
    "small_blue": _ordinary,
    "large_yellow": _ordinary,
    "large_yellow_double": _ordinary,
    "black": _ordinary,
    "trailer_double": lambda rng: _office(rng) + _serial(rng, 4, 1) + "挂",
    "learner": lambda rng: _office(rng) + _serial(rng, 4, 1) + "学",
    "police": _police,
    "police_double": _police,
    "hongkong": lambda rng: "粤Z" + _serial(rng, 4) + "港",
    "macau": lambda rng: "粤Z" + _serial(rng, 4) + "澳",
    "consulate": lambda rng: _office(rng) + _digits(rng, 4) + "领",
    "emergency": lambda rng: _pick(rng, PROVINCES) + _pick(rng, "XS") + _digits(rng, 4) + "应急",
    "military": _military,
    "military_double": _military,
    "armed_police": _armed,
    "armed_police_double": _armed,
    "tractor_double": lambda rng: _pick(rng, PROVINCES) + _digits(rng, 7),
    "aviation": _aviation,
    "embassy": _embassy,
    "new_energy_small": _energy_small,
    "new_energy_large": _energy_large,
}
