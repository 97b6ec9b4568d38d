"""Many readings of one plate become one: a vote per character, weighted by how sure each reading was.

Readings of one vehicle are pooled as products of probabilities, as if the frames were witnesses; frames of one passage
are alike, so they count for fewer witnesses than they are: for the square root of their number.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from edge.plates.decoding import MAX_ALTERNATIVES, CharacterBelief, Reading
from edge.plates.grammar import PlateKind, Region

_LEAST_WEIGHT = 0.05
"""A hopeless reading still counts a little: where there is nothing better it decides."""
_UNNAMED = 0.004
"""Probability of a character that a reading does not name at a place."""
_TOLD = 0.001
_READINGS_KEPT = 60
"""The surest ones: a vehicle that stands for weeks is read each few minutes."""


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
        self._readings: list[Reading] = []
        self._refused: dict[str, float] = {}
        self._verdict: Verdict | None = NOTHING_READ
        self.count = 0

    def add(self, reading: Reading) -> None:
        """Count one reading. An unreadable one leaves only its alternatives."""
        self.count += 1
        self._verdict = None
        if reading.readable:
            self._keep([reading])
            return
        self._refuse(reading.alternatives)

    def absorb(self, other: PlateVote) -> None:
        """Count the readings of another vote, too: they were of the same vehicle."""
        self.count += other.count
        self._verdict = None
        self._keep(other._readings)
        self._refuse(tuple(other._refused.items()))

    def _refuse(self, texts: tuple[tuple[str, float], ...]) -> None:
        for text, probability in texts:
            self._refused[text] = max(self._refused.get(text, 0.0), probability)
        self._refused = dict(sorted(self._refused.items(), key=lambda entry: -entry[1])[:_READINGS_KEPT])

    def _keep(self, readings: list[Reading]) -> None:
        self._readings += readings
        while len(self._readings) > _READINGS_KEPT:
            self._readings.remove(min(self._readings, key=lambda reading: reading.probability))

    def verdict(self) -> Verdict:
        """The admitted text that the readings together make most probable, its kind, and how sure it is."""
        if self._verdict is None:
            self._verdict = self._decide()
        return self._verdict

    def _decide(self) -> Verdict:
        if not self._readings:
            return Verdict("", None, 0.0, (), _best(self._refused), 0)
        readings = self._of_one_length()
        places = [_pool(readings, place) for place in range(len(readings[0].text))]
        shares = {text: _share(places, text) for text in self._candidates(readings, places)}
        text, share = max(shares.items(), key=lambda entry: (entry[1], entry[0]))
        same = [reading.probability for reading in readings if reading.text == text]
        doubt = math.prod(1 - min(p, 0.999) for p in same)
        others = {other: value for other, value in shares.items() if other != text and value >= _TOLD}
        beliefs = tuple(_belief(place, read) for place, read in zip(places, text, strict=True))
        return Verdict(text, self._kind(text), share * (1 - doubt), beliefs, _best(others), len(same))

    def _of_one_length(self) -> list[Reading]:
        """The readings of the length with the most weight."""
        by_length: dict[int, list[Reading]] = defaultdict(list)
        for reading in self._readings:
            by_length[len(reading.text)].append(reading)
        return max(by_length.values(), key=lambda group: sum(_weight(reading) for reading in group))

    def _candidates(self, readings: list[Reading], places: list[dict[str, float]]) -> set[str]:
        consensus = "".join(max(place, key=lambda c: place[c]) for place in places)
        texts = {consensus, *(r.text for r in readings), *(text for r in readings for text, _ in r.alternatives)}
        return {text for text in texts if len(text) == len(places) and self._region.admits(text)}

    def _kind(self, text: str) -> PlateKind:
        weights: dict[str, float] = defaultdict(float)
        for reading in self._readings:
            if reading.kind is not None:
                weights[reading.kind.name] += _weight(reading)
        return max((kind for kind, _ in self._region.kinds_of(text)), key=lambda kind: weights.get(kind.name, 0.0))


def _weight(reading: Reading) -> float:
    return math.sqrt(max(reading.probability, _LEAST_WEIGHT))


def _pool(readings: list[Reading], place: int) -> dict[str, float]:
    """Probability of each character at a place, by all readings together."""
    named = [dict(reading.characters[place].ranked) for reading in readings]
    weights = [_weight(reading) for reading in readings]
    witnesses = math.sqrt(sum(weights) ** 2 / sum(w * w for w in weights))
    logs = {
        character: witnesses
        * sum(w * math.log(max(seen.get(character, 0.0), _UNNAMED)) for w, seen in zip(weights, named, strict=True))
        / sum(weights)
        for character in {c for seen in named for c in seen}
    }
    most = max(logs.values())
    total = sum(math.exp(value - most) for value in logs.values())
    return {character: math.exp(value - most) / total for character, value in sorted(logs.items())}


def _share(places: list[dict[str, float]], text: str) -> float:
    return math.prod(place.get(c, 0.0) for place, c in zip(places, text, strict=True))


def _belief(place: dict[str, float], read: str) -> CharacterBelief:
    rest = sorted(((c, p) for c, p in place.items() if c != read and p >= _TOLD), key=lambda entry: -entry[1])
    return CharacterBelief(((read, place.get(read, 0.0)), *rest[:MAX_ALTERNATIVES]))


def _best(texts: dict[str, float]) -> tuple[tuple[str, float], ...]:
    ranked = sorted(texts.items(), key=lambda entry: (-entry[1], entry[0]))
    return tuple((text, min(1.0, p)) for text, p in ranked[:MAX_ALTERNATIVES])
