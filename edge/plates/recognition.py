"""From a plate's corners in a picture to its text: cut, read, decode; cut otherwise only when that was not sure.

Corners are never exact, and a cut that is a little off loses the province or tilts the strokes. Cuts that are wider,
narrower, sheared or turned a little are tried one group after another until they agree. Of many cuts one is easily sure
by chance, so a text is worth what all of them together give it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from edge.inference import ModelStore
from edge.plates.decoding import Decoder, Reading
from edge.plates.grammar import Appearance, Region
from edge.plates.reader import PlateReader, RawRead
from edge.plates.rectify import Corners, aspect, grow, part_of, rectify, shear, turn
from edge.types import Bgr

Rows = Literal[1, 2]
SURE = 0.9
"""A reading this probable needs no other cut."""
_LIKELY = 0.6
"""A longer text this probable stands against a shorter, surer one."""
_NO_PLATE = 0.9
"""What the net so surely calls no plate is not cut again."""
_LIKELY_TWO_ROWS = 0.5
_MAYBE_TWO_ROWS = 0.05
_TWO_ROWS_ASPECT = 2.6
"""Width over height between a double row (2.0) and a single one (3.1); perspective moves both."""
_ASPECT_SPREAD = 0.25

Cut = Callable[[Corners], Corners]
_FIRST: tuple[Cut, ...] = (lambda quad: grow(quad, 1.03),)
_WIDER: tuple[Cut, ...] = (lambda quad: quad, lambda quad: grow(quad, 1.07), lambda quad: grow(quad, 0.96))
_TURNED: tuple[Cut, ...] = (
    lambda quad: shear(grow(quad, 1.02), 0.03),
    lambda quad: shear(grow(quad, 1.02), -0.03),
    lambda quad: turn(grow(quad, 1.02), 0.12),
    lambda quad: turn(grow(quad, 1.02), -0.12),
)


@dataclass(frozen=True, slots=True)
class Recognition:
    """One plate read from one picture: the cut that read its text best, what the net said of that cut, and the text."""

    rows: Rows
    crop: Bgr
    read: RawRead
    reading: Reading
    cuts: int
    """How many cuts were read."""
    worth: float
    """The text's probability, the mean over the cuts; anything readable is worth more than anything unreadable."""


class Recogniser:
    """Reads plates at their corners with one region's reader and grammar."""

    def __init__(self, reader: PlateReader, decoder: Decoder) -> None:
        self.reader = reader
        self._decoder = decoder
        self._widened = tuple(_widen(left, right) for left, right in decoder.region.widened)

    @classmethod
    def of(cls, region: Region, models: ModelStore) -> Recogniser:
        """With the region's own reader. Raises ModelError when it cannot be loaded."""
        return cls(PlateReader(models, region.reader), Decoder(region))

    def recognise(self, bgr: Bgr, corners: Corners) -> Recognition:
        """The plate at these (4, 2) corners in pixels of the picture."""
        rows: Rows = 1
        found = self._read(bgr, corners, _FIRST, rows)
        two_rows = weigh_rows(max(cut.read.two_rows for cut in found), aspect(corners))
        if two_rows > _LIKELY_TWO_ROWS:
            rows = 2
            found += self._read(bgr, corners, _FIRST, rows)
        if rows == 1:
            found += self._read(bgr, corners, self._widened, rows)
        for cuts in (_WIDER, _TURNED):
            if self._best(found).worth >= SURE or min(cut.read.not_a_plate for cut in found) > _NO_PLATE:
                break
            found += self._read(bgr, corners, cuts, rows)
        if rows == 1 and two_rows > _MAYBE_TWO_ROWS and self._best(found).worth < SURE:
            found += self._read(bgr, corners, (*_FIRST, *_WIDER), 2)
        return replace(self._best(found), cuts=len(found))

    def _best(self, found: Sequence[Recognition]) -> Recognition:
        """What most speaks for; where plates are widened, the longest of those that are likely in any cut."""
        if not self._widened:
            return max(_agreed(found), key=lambda cut: cut.worth)
        likely = [cut for cut in found if cut.worth >= _LIKELY]
        return max(likely or found, key=lambda cut: (len(cut.reading.text) if likely else 0, cut.worth))

    def _read(self, bgr: Bgr, corners: Corners, cuts: Sequence[Cut], rows: Rows) -> list[Recognition]:
        two_rows = self._decoder.region.two_rows
        crops = [rectify(bgr, cut(corners), rows, two_rows=two_rows) for cut in cuts]
        found = []
        for crop, read in zip(crops, self.reader.read(crops), strict=True):
            reading = self._decoder.decode(read.log_probs, appearance(read, corners))
            worth = reading.probability if reading.readable else -1.0 + reading.probability
            found.append(Recognition(rows, crop, read, reading, 1, worth))
        return found


def _agreed(found: Sequence[Recognition]) -> list[Recognition]:
    """Each text by the cut that read it surest, worth what the cuts of as many rows give it in the mean."""
    surest = {(cut.rows, cut.reading.text): cut for cut in sorted(found, key=lambda cut: cut.worth)}
    agreed = []
    for (rows, text), cut in surest.items():
        worths = [other.worth for other in found if other.rows == rows and other.reading.text == text]
        count = sum(other.rows == rows for other in found)
        agreed.append(replace(cut, worth=sum(worths) / count) if cut.reading.readable else cut)
    return agreed


def _widen(left: float, right: float) -> Cut:
    return lambda quad: part_of(grow(quad, 1.03), (-left, 0.0, 1.0 + right, 1.0))


def appearance(read: RawRead, corners: Corners) -> Appearance:
    """What the net saw beside the characters, and the shape of the plate."""
    seen = read.appearance
    return seen if seen.two_rows is None else replace(seen, two_rows=weigh_rows(seen.two_rows, aspect(corners)))


def weigh_rows(two_rows: float, width_over_height: float) -> float:
    """Probability of two rows by the net and by the shape together, 0..1 (independent evidence: odds multiply)."""
    by_net = float(np.clip(two_rows, 1e-4, 1 - 1e-4))
    by_shape = (_TWO_ROWS_ASPECT - width_over_height) / _ASPECT_SPREAD
    odds = math.log(by_net / (1 - by_net)) + float(np.clip(by_shape, -6, 6))
    return 1 / (1 + math.exp(-odds))
