"""Number formats of European plates, as data: for each country the groups of characters from left to right.

A format is written as groups with spaces between, one sign for each character: `9` a digit, `A` a letter, `C` a
consonant, `M` a letter or one of the German umlauts, any other sign itself. `A{1,3}` stands for one to three of them.
Separators (dash, dot, seal) are not read and stand in no text.

What the letters may be differs by country and is given where the rule is well known. Formats are those of series on the
road at present; what fits none of them may still be a plate (`OTHERS`), with less weight.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations, product

from edge.plates.alphabet import DIGITS, LETTERS, UMLAUTS

Groups = tuple[tuple[str, ...], ...]
"""Groups of slots; a slot is the set of characters that may stand there."""

CONSONANTS = "".join(letter for letter in LETTERS if letter not in "AEIOU")
LONGEST = 8
"""Characters that the reader was taught at most; a longer number (Irish, of some counties) is unreadable."""
SHORTEST = 4


@dataclass(frozen=True, slots=True)
class Country:
    """A country's series. `letters` are those that `A` stands for; `older` formats are still seen, but rarer."""

    code: str
    formats: tuple[str, ...]
    letters: str = LETTERS
    older: tuple[str, ...] = ()

    def groups(self) -> list[Groups]:
        """All its formats of admitted lengths, spelt out."""
        return [groups for text in (*self.formats, *self.older) for groups in self._spelt(text)]

    def weighed(self) -> list[tuple[Groups, float]]:
        """Formats with their prior weights."""
        present = [(groups, 1.0) for text in self.formats for groups in self._spelt(text)]
        return present + [(groups, OLDER_WEIGHT) for text in self.older for groups in self._spelt(text)]

    def _spelt(self, text: str) -> list[Groups]:
        signs = {"9": DIGITS, "A": self.letters, "M": self.letters + UMLAUTS, "C": CONSONANTS}
        spelt = [_group(group, signs) for group in text.split()]
        found = [tuple(groups) for groups in product(*spelt)]
        return [groups for groups in found if SHORTEST <= sum(map(len, groups)) <= LONGEST]


OLDER_WEIGHT = 0.3
OTHER_WEIGHT = 0.05
_GROUP = re.compile(r"(.)(?:\{(\d),(\d)\})?")


def _group(text: str, signs: dict[str, str]) -> list[tuple[str, ...]]:
    """The slots of one group, once for each length that it may have."""
    parts = []
    for sign, least, most in _GROUP.findall(text):
        slot = signs.get(sign, sign)
        parts.append([(slot,) * count for count in range(int(least or 1), int(most or 1) + 1)])
    return [sum(choice, ()) for choice in product(*parts)]


def _without(letters: str) -> str:
    return "".join(letter for letter in LETTERS if letter not in letters)


COUNTRIES: tuple[Country, ...] = (
    Country("D", ("M{1,3} A{1,2} 9{1,4}",), older=("M{1,3} A{1,2} 9{1,4}E", "M{1,3} A{1,2} 9{1,4}H", "M{1,3} 9{2,5}")),
    Country("A", ("A{1,2} 9{1,5}A{1,3}",), _without("Q"), older=("A{1,2} A{2,5}9{1,2}",)),
    Country("CH", ("AA 9{2,6}",)),
    Country("F", ("AA 999 AA",), _without("IOU"), older=("9{1,4} AA{1,2} 99",)),
    Country("I", ("AA 999AA",), _without("IOQU")),
    Country("E", ("9999 CCC",), older=("A{1,2} 9999 A{1,2}",)),
    Country("P", ("AA 99 AA", "99 AA 99", "99 99 AA", "AA 99 99"), _without("KWY")),
    Country(
        "NL",
        (
            "99 CC CC", "99 CCC 9", "9 CCC 99", "CC 999 C", "C 999 CC", "CCC 99 C", "C 99 CCC", "9 CC 999", "999 CC 9",
            "CC CC 99", "CC 99 CC", "99 CC 99",
        ),
    ),
    Country("B", ("9 AAA 999",), _without("IOQ"), older=("AAA 999",)),
    Country("L", ("AA 9999",)),
    Country("GB", ("AA99 AAA",), _without("IQ"), older=("A9{1,3} AAA", "AAA 9{1,3}A", "AAA 9999")),
    Country("IRL", ("99 A{1,2} 9{1,5}", "999 A{1,2} 9{1,4}")),
    Country("DK", ("AA 99 999",)),
    Country("S", ("AAA 999", "AAA 99A"), _without("IQV")),
    Country("N", ("AA 99999",), _without("IMOQ")),
    Country("FIN", ("AAA 999",), older=("AAA 9{1,2}", "AA 9{2,3}")),
    Country("IS", ("AA A99", "AA 999")),
    Country("EST", ("999 AAA",)),
    Country("LV", ("AA 9{2,4}",)),
    Country("LT", ("AAA 999",)),
    Country(
        "PL",
        ("AA 99999", "AA 9999A", "AA 999AA", "AA 9A999", "AA 9AA99", "AAA A999", "AAA 99AA", "AAA 9A99", "AAA 99A9",
         "AAA 9AA9", "AAA AA99", "AAA 99999", "AAA 9999A", "AAA 999AA"),
    ),
    Country("CZ", ("9A9 9999", "9AA 9999", "EL9 99AA"), _without("GOQW"), older=("AAA 99 99",)),
    Country("SK", ("AA 999AA",), _without("Q")),
    Country("H", ("AAA 999", "AA AA 999")),
    Country("SLO", ("AA AA 999", "AA 99 AAA", "AA A9 999", "AA 99 9AA"), _without("QWXY")),
    Country("HR", ("AA 9{3,4} A{1,2}",), _without("QWXY")),
    Country("SRB", ("AA 9{3,4} AA",)),
    Country("RO", ("AA 99 AAA", "B 9{2,3} AAA"), _without("Q")),
    Country("BG", ("A{1,2} 9999 AA",), "ABCEHKMOPTXY"),
    Country("GR", ("AAA 9999",), "ABEHIKMNOPTXYZ"),
    Country("CY", ("AAA 999",)),
    Country("M", ("AAA 999",)),
    Country("UA", ("AA 9999 AA",), "ABCEHIKMOPTX"),
    Country("TR", ("99 A{1,3} 9{2,4}",), _without("QWX")),
)  # fmt: skip
"""By the sign on the blue band (or the oval where there is none)."""


def other_slots() -> list[tuple[str, ...]]:
    """Any order of digits and letters in two to four runs: other series, older ones, other countries."""
    found = []
    for length in range(SHORTEST, LONGEST + 1):
        for cuts in (cuts for count in (1, 2, 3) for cuts in combinations(range(1, length), count)):
            for first in (0, 1):
                runs = [(first + sum(cut <= place for cut in cuts)) % 2 for place in range(length)]
                found.append(tuple((DIGITS, LETTERS)[run] for run in runs))
    return found
