"""Plates as keyed hashes: the one normalisation, the one folding and the one hash, for whoever makes or matches them.

A plate is never hashed without a key: there are so few plates that all of them can be tried. For the same reason
whoever holds the key can find every plate behind its hashes; a key is a secret like the list itself.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Literal

KEY_BYTES = 32
CONFUSABLES = ("0ODQ", "1IL", "8B", "5S", "2Z")
"""Characters that look alike on a plate; each group is folded to its first one."""
MOST_CONFUSED = 4
"""In one plate at most so many characters are tried against others that look like them."""

_FOLD = str.maketrans({other: group[0] for group in CONFUSABLES for other in group[1:]})
_ALIKE = {character: group.replace(character, "") for group in CONFUSABLES for character in group}
_SEPARATORS = re.compile(r"[\s·•‧・.\-_]+")
_PLATE_LENGTHS = range(3, 13)
_KEY = re.compile(r"^[0-9a-fA-F]{64}$")

Purpose = Literal["exact", "folded", "passage"]


class PlateKeyError(ValueError):
    """A text is no key or no plate; says what was expected. The key itself never stands in the message."""


@dataclass(frozen=True, slots=True)
class PlateKey:
    """A secret of 32 bytes. Two keys are the same when their `key_id` is; the id does not give the key away."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise PlateKeyError(f"a key has {KEY_BYTES} bytes, this one has {len(self.secret)}")

    @classmethod
    def parse(cls, text: str) -> PlateKey:
        """From 64 hexadecimal digits, as a key file holds them. Raises PlateKeyError."""
        digits = text.strip()
        if not _KEY.match(digits):
            raise PlateKeyError(f"a key is {2 * KEY_BYTES} hexadecimal digits; found {len(digits)} other characters")
        return cls(bytes.fromhex(digits))

    @property
    def key_id(self) -> str:
        """Names the key: 16 hexadecimal digits."""
        return hmac.digest(self.secret, b"watchpost key id", "sha256").hex()[:16]

    def digest(self, purpose: Purpose, plate: str) -> str:
        """HMAC-SHA256 of `<purpose>:<plate>` in UTF-8, lower-case hexadecimal; a folded one is folded here.

        `plate` is normalised. Hashes of different purposes cannot be compared with each other, on purpose.
        """
        text = fold(plate) if purpose == "folded" else plate
        return hmac.new(self.secret, f"{purpose}:{text}".encode(), hashlib.sha256).hexdigest()


def normalise(text: str) -> str:
    """A plate as it is hashed: upper case, without blanks, dots and hyphens (`京A·12345`, `京a 12345` are one).

    Raises PlateKeyError when what remains is no plate: 3 to 12 letters and digits of any script.
    """
    plain = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()
    if len(plain) not in _PLATE_LENGTHS or not plain.isalnum():
        raise PlateKeyError(f"{text!r} is no plate: expected 3 to 12 letters and digits")
    return plain


def fold(plate: str) -> str:
    """The plate with every character replaced by the first of those that look like it."""
    return plate.translate(_FOLD)


def look_alikes(plate: str, most: int = MOST_CONFUSED) -> Iterator[str]:
    """Every other plate that folds to the same text and differs in 1 to `most` characters, the nearest first."""
    places = [index for index, character in enumerate(plate) if character in _ALIKE]
    for count in range(1, min(most, len(places)) + 1):
        for chosen in combinations(places, count):
            for letters in product(*(_ALIKE[plate[place]] for place in chosen)):
                other = list(plate)
                for place, letter in zip(chosen, letters, strict=True):
                    other[place] = letter
                yield "".join(other)
