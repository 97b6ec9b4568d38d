"""Many readings of one plate become one: a vote per character, weighted by how sure each reading was."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from edge.plates.decoding import MAX_ALTERNATIVES, CharacterBelief, Reading
from edge.plates.grammar import PlateKind, Region

_LEAST_WEIGHT = 0.01
"""A hopeless reading still counts a little: where there is nothing better it decides."""
_ABSENT = 0.01
"""Share of a character that no reading named at a place."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the readings say together. `kind` is None and `text` empty when none of them was admitted by the grammar."""

    text: str
    kind: PlateKind | None
    confidence: float
    characters: tuple[CharacterBelief, ...]
    alternatives: tuple[tuple[str, float], ...]
    agreeing: int
    """Readings that read exactly this text."""


NOTHING_READ = Verdict("", None, 0.0, (), (), 0)


class PlateVote:
    """Collects the readings of one vehicle."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._places: dict[int, list[dict[str, float]]] = {}
        self._weights: dict[int, float] = defaultdict(float)
        self._texts: dict[str, list[float]] = defaultdict(list)
        self._rivals: set[str] = set()
        self._kinds: dict[str, float] = defaultdict(float)
        self._refused: dict[str, float] = defaultdict(float)
        self.count = 0

    def add(self, reading: Reading) -> None:
        """Count one reading. An unreadable one leaves only its alternatives."""
        self.count += 1
        if reading.kind is None:
            for text, probability in reading.alternatives:
                self._refused[text] = max(self._refused[text], probability)
            return
        weight = max(reading.probability, _LEAST_WEIGHT)
        length = len(reading.text)
        places = self._places.setdefault(length, [defaultdict(float) for _ in range(length)])
        for place, belief in zip(places, reading.characters, strict=True):
            for character, probability in belief.ranked:
                place[character] += weight * probability
        self._weights[length] += weight
        self._texts[reading.text].append(reading.probability)
        self._rivals.update(text for text, _ in reading.alternatives)
        self._kinds[reading.kind.name] += weight

    def verdict(self) -> Verdict:
        """The admitted text with the most votes, its kind, and how sure it is, per character and as a whole."""
        if not self._weights:
            return Verdict("", None, 0.0, (), _best(self._refused), 0)
        length = max(self._weights, key=lambda n: self._weights[n])
        scored = {text: self._share(text) for text in self._candidates(length)}
        ranked = sorted(scored.items(), key=lambda entry: (-entry[1], entry[0]))
        text, share = ranked[0]
        doubt = math.prod(1 - min(p, 0.999) for p in self._texts.get(text, ()))
        others = {other: value for other, value in ranked[1:] if value > 0.001}
        agreeing = len(self._texts.get(text, ()))
        return Verdict(text, self._kind(text), share * (1 - doubt), self._beliefs(text), _best(others), agreeing)

    def _candidates(self, length: int) -> set[str]:
        consensus = "".join(max(place, key=lambda c: place[c]) for place in self._places[length])
        texts = {consensus, *self._texts, *self._rivals}
        return {text for text in texts if len(text) == length and self._region.admits(text)}

    def _share(self, text: str) -> float:
        places, total = self._places[len(text)], self._weights[len(text)]
        return math.prod(max(place[c] / total, _ABSENT) for place, c in zip(places, text, strict=True))

    def _kind(self, text: str) -> PlateKind:
        admitted = [kind for kind, _ in self._region.kinds_of(text)]
        return max(admitted, key=lambda kind: self._kinds.get(kind.name, 0.0))

    def _beliefs(self, text: str) -> tuple[CharacterBelief, ...]:
        total = self._weights[len(text)]
        beliefs = []
        for place, read in zip(self._places[len(text)], text, strict=True):
            rest = sorted(((c, w / total) for c, w in place.items() if c != read), key=lambda entry: -entry[1])
            named = tuple((c, min(1.0, p)) for c, p in rest[:MAX_ALTERNATIVES] if p > 0.001)
            beliefs.append(CharacterBelief(((read, min(1.0, place[read] / total)), *named)))
        return tuple(beliefs)


def _best(texts: dict[str, float]) -> tuple[tuple[str, float], ...]:
    ranked = sorted(texts.items(), key=lambda entry: (-entry[1], entry[0]))
    return tuple((text, min(1.0, p)) for text, p in ranked[:MAX_ALTERNATIVES])
