"""What a plate may be: each kind's patterns, colours and rows; and the decoder that reads nothing else.

A region is data: an alphabet and its kinds. `CHINA` follows GA 36 (number series, letters that are never issued) and
the vehicle plates in use beside it, `EUROPE` the countries of `edge.plates.europe`. Both go through the same detector,
reader net (with weights of their own) and decoder; docs/design/regions.md says what another region needs.

A pattern is a row of slots; each slot is the set of characters that may stand there. Patterns of one kind may differ in
length. A pattern's weight is its prior: series that are hardly ever issued need better evidence.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations, product
from typing import Literal

from contract.events import PlateColour
from edge.plates import europe
from edge.plates.alphabet import ALPHABET, DIGITS, LATIN_ALPHABET, LETTERS, PROVINCES

Slots = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A row of slots (each a string of the characters that may stand there) and its prior weight (0..1]."""

    slots: Slots
    weight: float = 1.0

    def admits(self, text: str) -> bool:
        return len(text) == len(self.slots) and all(c in slot for c, slot in zip(text, self.slots, strict=True))


@dataclass(frozen=True, slots=True)
class PlateKind:
    """One kind of plate of a region: its name on the wire, the colours it is made in, its rows, its patterns."""

    name: str
    colours: frozenset[PlateColour]
    rows: Literal[1, 2]
    patterns: tuple[Pattern, ...]

    def weight_of(self, text: str) -> float:
        """Prior weight of the pattern that admits this text; 0 when none does."""
        return max((pattern.weight for pattern in self.patterns if pattern.admits(text)), default=0.0)


@dataclass(frozen=True, slots=True)
class Appearance:
    """What the picture says beside the characters: probabilities of colours and of two rows. Empty means unknown."""

    colours: Mapping[str, float] = field(default_factory=dict)
    two_rows: float | None = None

    def weight(self, kind: PlateKind) -> float:
        """How far this look speaks for the kind, 0..1. Never 0: a colour can be misjudged at night."""
        colour = sum(self.colours.get(name, 0.0) for name in kind.colours) if self.colours else 1.0
        rows = 1.0 if self.two_rows is None else self.two_rows if kind.rows == 2 else 1.0 - self.two_rows
        return max(colour, 0.01) * max(rows, 0.01)


@dataclass(frozen=True, slots=True)
class TwoRows:
    """How a plate of two rows is cut so that all its characters stand in one row.

    `upper` and `lower` are the rows (left, top, right, bottom, in fractions of the plate), overlapping because corners
    are not exact. The upper row gets `upper_share` of the reader's width.
    """

    upper: tuple[float, float, float, float]
    lower: tuple[float, float, float, float]
    upper_share: float


GA36_ROWS = TwoRows((0.18, 0.0, 0.82, 5 / 12), (0.0, 1 / 3, 1.0, 1.0), 0.34)
"""Two characters above, five larger ones below."""


@dataclass(frozen=True)
class Region:
    """A region's plates: the reader's alphabet (CTC output i+1 is `alphabet[i]`), the kinds, and who reads them.

    `reader` names the model in the manifest. `widened` are cuts that are always read too: how far they go beyond the
    corners at the left and at the right, in plate widths. Long plates need them, whose ends a detector may miss, where
    what is left of a number may be a number as well. `crop_aspects` is width over height of the box of a tilted plate
    and of straight ones: what a picture that was cut at a plate may have been before it was squeezed.
    """

    name: str
    alphabet: str
    kinds: tuple[PlateKind, ...]
    reader: str = "plate_read"
    two_rows: TwoRows = GA36_ROWS
    widened: tuple[tuple[float, float], ...] = ()
    crop_aspects: tuple[float, ...] = (2.2, 3.1)

    def __post_init__(self) -> None:
        known = set(self.alphabet)
        for kind in self.kinds:
            for pattern in kind.patterns:
                unknown = set().union(*pattern.slots) - known
                if unknown:
                    raise ValueError(f"region {self.name}, kind {kind.name}: {sorted(unknown)} not in its alphabet")

    @cached_property
    def automaton(self) -> PatternAutomaton:
        """The patterns of all kinds, to walk along."""
        return PatternAutomaton(self.kinds)

    def kinds_of(self, text: str, appearance: Appearance | None = None) -> list[tuple[PlateKind, float]]:
        """Kinds that admit the text with their weights (prior times look), best first; empty when none does."""
        look = appearance or Appearance()
        weighed = [(kind, weight * look.weight(kind)) for kind, weight in self.automaton.endings_of(text)]
        return sorted(weighed, key=lambda entry: -entry[1])

    def admits(self, text: str) -> bool:
        return bool(self.automaton.endings_of(text))


class PatternAutomaton:
    """Patterns as one deterministic automaton: which characters may follow, and what a text is that ends here.

    It is built while it is walked, and kept; several threads may walk it.
    """

    def __init__(self, kinds: Sequence[PlateKind]) -> None:
        self._kinds: dict[Slots, list[tuple[PlateKind, float]]] = {}
        for kind in kinds:
            for pattern in kind.patterns:
                self._kinds.setdefault(pattern.slots, []).append((kind, pattern.weight))
        self._alive: list[tuple[int, frozenset[Slots]]] = [(0, frozenset(self._kinds))]
        self._number = {self._alive[0]: 0}
        self._steps: dict[tuple[int, str], int | None] = {}
        self._endings: dict[int, tuple[tuple[PlateKind, float], ...]] = {}
        self._building = threading.Lock()

    def step(self, state: int, character: str) -> int | None:
        """The state after one more character; None when no pattern goes on with it. State 0 is the start."""
        key = (state, character)
        if key not in self._steps:
            with self._building:
                self._steps[key] = self._make(state, character)
        return self._steps[key]

    def endings(self, state: int) -> tuple[tuple[PlateKind, float], ...]:
        """The kinds of a text that ends here, each with the weight of its best pattern, best first."""
        if state not in self._endings:
            place, alive = self._alive[state]
            weights: dict[str, tuple[PlateKind, float]] = {}
            for slots in alive:
                for kind, weight in self._kinds[slots] if len(slots) == place else ():
                    weights[kind.name] = (kind, max(weight, weights.get(kind.name, (kind, 0.0))[1]))
            self._endings[state] = tuple(sorted(weights.values(), key=lambda entry: (-entry[1], entry[0].name)))
        return self._endings[state]

    def endings_of(self, text: str) -> tuple[tuple[PlateKind, float], ...]:
        """The same of a whole text; empty when no kind admits it."""
        state: int | None = 0
        for character in text:
            state = self.step(state, character) if state is not None else None
        return () if state is None else self.endings(state)

    def _make(self, state: int, character: str) -> int | None:
        place, alive = self._alive[state]
        left = frozenset(slots for slots in alive if len(slots) > place and character in slots[place])
        if not left:
            return None
        following = (place + 1, left)
        if following not in self._number:
            self._alive.append(following)
            self._number[following] = len(self._alive) - 1
        return self._number[following]


# China ---------------------------------------------------------------------------------------------------------------

SERIAL_LETTERS = LETTERS.replace("I", "").replace("O", "")
"""GA 36: I and O are not issued in serial numbers, they look like 1 and 0."""
CITY_LETTERS = LETTERS.replace("I", "").replace("O", "")
"""The issuing authority's letter. O was once given to the police and other authorities; elsewhere it is rare."""
NEW_ENERGY_LETTERS = "ABCDEFGHJK"
"""D and F first (battery, other); the further ones follow where those are used up."""
MILITARY_LETTERS = "ABCDEFGHJKLMNOPRSTUVYZ"


def _serial(length: int, letters: range, weight: float = 1.0) -> list[Pattern]:
    """Serial numbers of this length with this many letters among the digits, at any places."""
    patterns = []
    for count in letters:
        for places in combinations(range(length), count):
            slots = tuple(SERIAL_LETTERS if place in places else DIGITS for place in range(length))
            patterns.append(Pattern(slots, weight))
    return patterns


def _around(head: Slots, serials: list[Pattern], tail: Slots = ()) -> tuple[Pattern, ...]:
    return tuple(Pattern(head + serial.slots + tail, serial.weight) for serial in serials)


def _kind(
    name: str, colours: tuple[PlateColour, ...], patterns: tuple[Pattern, ...], rows: Literal[1, 2] = 1
) -> PlateKind:
    return PlateKind(name, frozenset(colours), rows, patterns)


_AUTHORITY: Slots = (PROVINCES, CITY_LETTERS)
_POLICE_AUTHORITY: Slots = (PROVINCES, CITY_LETTERS + "O")
_SERIAL_5 = [*_serial(5, range(3)), *_serial(5, range(3, 6), weight=0.05)]
"""GA 36's series have at most two letters; a few self-chosen numbers have more."""
_SERIAL_4 = [*_serial(4, range(3)), *_serial(4, range(3, 5), weight=0.05)]
_ORDINARY = _around(_AUTHORITY, _SERIAL_5) + _around((PROVINCES, "O"), _serial(5, range(3), weight=0.1))
_NEW_ENERGY_SMALL = tuple(
    Pattern((*_AUTHORITY, first, second, *(DIGITS,) * 4), weight)
    for (first, weight), second in product(
        (("DF", 1.0), (NEW_ENERGY_LETTERS.replace("D", "").replace("F", ""), 0.3)), (DIGITS, SERIAL_LETTERS)
    )
)
_NEW_ENERGY_LARGE = (
    Pattern((*_AUTHORITY, *(DIGITS,) * 5, "DF")),
    Pattern((*_AUTHORITY, *(DIGITS,) * 5, NEW_ENERGY_LETTERS.replace("D", "").replace("F", "")), 0.3),
)
_MILITARY = (Pattern((MILITARY_LETTERS, LETTERS, *(DIGITS,) * 5)),)
_ARMED_POLICE = (
    Pattern(("W", "J", PROVINCES, *(DIGITS,) * 4, DIGITS + SERIAL_LETTERS)),
    Pattern(("W", "J", *(DIGITS,) * 5)),
)
_TRACTOR = (Pattern((PROVINCES, *(DIGITS,) * 7), weight=0.5),)
"""Two digits name the office of agricultural machines."""
_EMBASSY = (Pattern(("使", *(DIGITS,) * 6)), Pattern((*(DIGITS,) * 6, "使")))
_CONSULATE = (
    Pattern((PROVINCES, *(DIGITS,) * 5, "领")),
    Pattern((PROVINCES, CITY_LETTERS, *(DIGITS,) * 4, "领")),
)
_AVIATION = (
    *_around(("民", "航", SERIAL_LETTERS), _serial(4, range(1))),
    *_around(("民", "航"), _serial(5, range(1)), ()),
)
_EMERGENCY = (
    *_around((PROVINCES, "XS"), _serial(4, range(2)), ("应", "急")),
    *_around((PROVINCES, SERIAL_LETTERS.replace("X", "").replace("S", "")), _serial(4, range(2), 0.2), ("应", "急")),
)

CHINA = Region(
    "CN",
    ALPHABET,
    (
        _kind("small_blue", ("blue",), _ORDINARY),
        _kind("large_yellow", ("yellow",), _ORDINARY),
        _kind("large_yellow_double", ("yellow",), _ORDINARY, rows=2),
        _kind("trailer_double", ("yellow",), _around(_AUTHORITY, _SERIAL_4, ("挂",)), rows=2),
        _kind("new_energy_small", ("green",), _NEW_ENERGY_SMALL),
        _kind("new_energy_large", ("yellow_green", "green"), _NEW_ENERGY_LARGE),
        _kind("police", ("white",), _around(_POLICE_AUTHORITY, _SERIAL_4, ("警",))),
        _kind("police_double", ("white",), _around(_POLICE_AUTHORITY, _SERIAL_4, ("警",)), rows=2),
        _kind("military", ("white",), _MILITARY),
        _kind("military_double", ("white",), _MILITARY, rows=2),
        _kind("armed_police", ("white",), _ARMED_POLICE),
        _kind("armed_police_double", ("white",), _ARMED_POLICE, rows=2),
        _kind("black", ("black",), _ORDINARY),
        _kind("hongkong", ("black",), _around(("粤", "Z"), _SERIAL_4, ("港",))),
        _kind("macau", ("black",), _around(("粤", "Z"), _SERIAL_4, ("澳",))),
        _kind("learner", ("yellow",), _around(_AUTHORITY, _SERIAL_4, ("学",))),
        _kind("embassy", ("black",), _EMBASSY),
        _kind("consulate", ("black",), _CONSULATE),
        _kind("aviation", ("green",), _AVIATION),
        _kind("emergency", ("white",), _EMERGENCY),
        _kind("tractor_double", ("green",), _TRACTOR, rows=2),
    ),
)

# Europe --------------------------------------------------------------------------------------------------------------

_EUROPEAN = tuple(
    Pattern(slots, weight)
    for slots, weight in {
        **dict.fromkeys(europe.other_slots(), europe.OTHER_WEIGHT),
        **{
            sum(groups, ()): weight
            for older in (True, False)  # so that a present series outweighs an older one that looks like it
            for country in europe.COUNTRIES
            for groups, weight in country.weighed()
            if (weight < 1) == older
        },
    }.items()
)
_EUROPEAN_COLOURS: tuple[PlateColour, ...] = ("white", "yellow", "green", "blue", "black")
"""A colour means something else in each country, so it decides nothing."""

EUROPE = Region(
    "eu",
    LATIN_ALPHABET,
    (
        _kind("standard", _EUROPEAN_COLOURS, _EUROPEAN),
        _kind("standard_double", _EUROPEAN_COLOURS, _EUROPEAN, rows=2),
    ),
    reader="plate_read_eu",
    two_rows=TwoRows((0.0, 0.0, 1.0, 0.54), (0.0, 0.46, 1.0, 1.0), 0.5),
    widened=((0.08, 0.12), (0.0, 0.3), (0.2, 0.05)),
    crop_aspects=(2.2, 3.2, 4.6),
)
"""The kinds say no country: most series of one country could be those of another."""

REGIONS: dict[str, Region] = {region.name: region for region in (CHINA, EUROPE)}
