"""Reads a text from CTC probabilities along a region's grammar: prefix beam search that only walks admitted patterns.

Graves et al., "Connectionist temporal classification" (2006): the probability of a text is the sum over its alignments.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.plates.alphabet import BLANK
from edge.plates.grammar import Appearance, PlateKind, Region

MAX_ALTERNATIVES = 4


@dataclass(frozen=True, slots=True)
class CharacterBelief:
    """What may stand at one place: (character, probability), best first; the first is the one read."""

    ranked: tuple[tuple[str, float], ...]

    @property
    def character(self) -> str:
        return self.ranked[0][0]

    @property
    def probability(self) -> float:
        return self.ranked[0][1]


@dataclass(frozen=True, slots=True)
class Reading:
    """One plate as read from one picture. `kind` is None and `text` empty when no grammar admits what was read."""

    text: str
    kind: PlateKind | None
    probability: float
    characters: tuple[CharacterBelief, ...] = ()
    alternatives: tuple[tuple[str, float], ...] = ()

    @property
    def readable(self) -> bool:
        return self.kind is not None


@dataclass(frozen=True, slots=True)
class DecodingLimits:
    """How far the search goes, and how far an admitted text may stay behind what the net would freely read."""

    beam: int = 10
    candidates: int = 6
    floor: float = 1e-3
    """Characters less probable than this at a step are not followed."""
    least_share: float = 1e-5
    """Texts less probable than the best one by this factor are not followed either."""
    least_ratio: float = 0.01


class _Hypothesis(NamedTuple):
    """A complete admitted text, its CTC probability, and the automaton's state at its end."""

    text: str
    probability: float
    state: int


@dataclass(slots=True)
class _Branch:
    state: int
    blank: float = 0.0
    character: float = 0.0

    @property
    def total(self) -> float:
        return self.blank + self.character


class Decoder:
    """Decodes CTC log-probabilities (T, 1 + len(alphabet)), blank first, along the grammar of one region."""

    def __init__(self, region: Region, limits: DecodingLimits | None = None) -> None:
        self.region = region
        self._limits = limits or DecodingLimits()
        self._automaton = region.automaton
        self._output = {character: i + 1 for i, character in enumerate(region.alphabet)}

    def decode(self, log_probs: NDArray[np.floating], appearance: Appearance | None = None) -> Reading:
        """The best admitted text, or an unreadable one with its alternatives.

        An admitted text that is far less likely than what the net reads without a grammar is not accepted: the
        grammar may correct a confusion, it may not invent a plate.
        """
        _check_shape(log_probs, len(self.region.alphabet) + 1)
        probabilities = np.exp(log_probs.astype(np.float64))
        hypotheses = self._search(probabilities)
        free_text, free_probability = greedy(probabilities, self.region.alphabet)
        ranked = self._weigh(hypotheses, appearance or Appearance())
        if not ranked or ranked[0][2] < self._limits.least_ratio * free_probability:
            return _unreadable(free_text, free_probability, hypotheses)
        text, kind, probability, _ = ranked[0]
        others = tuple((other, min(1.0, p)) for other, _, p, _ in ranked[1 : 1 + MAX_ALTERNATIVES])
        return Reading(text, kind, min(1.0, probability), _characters(text, hypotheses), others)

    def _weigh(
        self, hypotheses: Sequence[_Hypothesis], appearance: Appearance
    ) -> list[tuple[str, PlateKind, float, float]]:
        """(text, its best kind, CTC probability, probability times weight), best weighed first."""
        looks: dict[str, float] = {}
        ranked = []
        for text, probability, state in hypotheses:
            weighed = []
            for kind, weight in self._automaton.endings(state):
                if kind.name not in looks:
                    looks[kind.name] = appearance.weight(kind)
                weighed.append((weight * looks[kind.name], kind))
            if weighed:
                weight, kind = max(weighed, key=lambda entry: entry[0])
                ranked.append((text, kind, probability, probability * weight))
        return sorted(ranked, key=lambda entry: -entry[3])

    def _search(self, probabilities: NDArray[np.float64]) -> list[_Hypothesis]:
        """Complete admitted texts with their CTC probabilities, best first."""
        beam = {"": _Branch(0, blank=1.0)}
        candidates, blanks = self._candidates(probabilities), probabilities[:, BLANK].tolist()
        step, steps = 0, len(blanks)
        while step < steps:
            if candidates[step]:
                beam = self._prune(self._extend(beam, probabilities[step].tolist(), candidates[step]))
                step += 1
                continue
            first = step
            while step < steps and not candidates[step]:
                step += 1
            self._stay(beam, probabilities[first], math.prod(blanks[first + 1 : step]))
        ends = self._automaton.endings
        done = [_Hypothesis(text, b.total, b.state) for text, b in beam.items() if b.total > 0 and ends(b.state)]
        return sorted(done, key=lambda entry: -entry.probability)

    def _stay(self, beam: dict[str, _Branch], row: NDArray[np.float64], blanks: float) -> None:
        """Steps in which no text grows, as most are: the first one, and those after it, which are blank together.

        That a character goes on there for a second step is left out: it is less probable than `floor` squared.
        """
        blank = float(row[BLANK])
        for text, branch in beam.items():
            kept = branch.character * float(row[self._output[text[-1]]]) if branch.character else 0.0
            branch.blank = ((branch.blank + branch.character) * blank + kept) * blanks
            branch.character = 0.0

    def _extend(
        self, beam: dict[str, _Branch], row: list[float], candidates: list[tuple[str, float]]
    ) -> dict[str, _Branch]:
        following: dict[str, _Branch] = {}
        for text, branch in beam.items():
            last = text[-1:]
            total = branch.blank + branch.character
            stay = following.get(text)
            if stay is None:
                stay = following[text] = _Branch(branch.state)
            stay.blank += total * row[BLANK]
            if last:
                stay.character += branch.character * row[self._output[last]]
            for character, probability in candidates:
                gain = probability * (branch.blank if character == last else total)
                state = self._automaton.step(branch.state, character) if gain > 0 else None
                if state is None:
                    continue
                longer = text + character
                grown = following.get(longer)
                if grown is None:
                    grown = following[longer] = _Branch(state)
                grown.character += gain
        return following

    def _candidates(self, probabilities: NDArray[np.float64]) -> list[list[tuple[str, float]]]:
        """For each step the characters that may follow, with their probabilities."""
        worth = probabilities > self._limits.floor
        worth[:, BLANK] = False
        steps, outputs = np.nonzero(worth)
        candidates: list[list[tuple[str, float]]] = [[] for _ in probabilities]
        alphabet = self.region.alphabet
        for step, output, p in zip(steps.tolist(), outputs.tolist(), probabilities[worth].tolist(), strict=True):
            candidates[step].append((alphabet[output - 1], p))
        most = self._limits.candidates
        return [sorted(one, key=lambda entry: -entry[1])[:most] if len(one) > most else one for one in candidates]

    def _prune(self, beam: dict[str, _Branch]) -> dict[str, _Branch]:
        """The best; of them those not hopelessly behind."""
        if len(beam) == 1:
            return beam
        totals = sorted((branch.blank + branch.character for branch in beam.values()), reverse=True)
        least = max(self._limits.least_share * totals[0], totals[: self._limits.beam][-1])
        return {text: branch for text, branch in beam.items() if branch.blank + branch.character >= least}


def greedy(probabilities: NDArray[np.float64], alphabet: str) -> tuple[str, float]:
    """Best path without a grammar: (text, probability of that path)."""
    path = probabilities.argmax(axis=1)
    kept = [int(k) for i, k in enumerate(path) if k != BLANK and (i == 0 or k != path[i - 1])]
    return "".join(alphabet[k - 1] for k in kept), float(probabilities.max(axis=1).prod())


def _check_shape(log_probs: NDArray[np.floating], classes: int) -> None:
    if log_probs.ndim != 2 or log_probs.shape[0] < 1 or log_probs.shape[1] != classes:
        raise ValueError(f"expected log-probabilities (T, {classes}), got {log_probs.shape}: reader and region differ")
    if not np.isfinite(log_probs.max(axis=1)).all():
        raise ValueError("log-probabilities with a row of nothing finite: the reader's output is broken")


def _characters(text: str, hypotheses: Sequence[_Hypothesis]) -> tuple[CharacterBelief, ...]:
    """Per place, the share of each character among the admitted hypotheses of this length."""
    rivals = [(other, p) for other, p, _ in hypotheses if len(other) == len(text)]
    total = sum(p for _, p in rivals)
    beliefs = []
    for place, read in enumerate(text):
        shares: dict[str, float] = {}
        for other, p in rivals:
            shares[other[place]] = shares.get(other[place], 0.0) + p / total
        rest = sorted(((c, p) for c, p in shares.items() if c != read), key=lambda entry: -entry[1])
        ranked = ((read, min(1.0, shares[read])), *((c, min(1.0, p)) for c, p in rest[:MAX_ALTERNATIVES]))
        beliefs.append(CharacterBelief(ranked))
    return tuple(beliefs)


def _unreadable(free_text: str, free_probability: float, hypotheses: Sequence[_Hypothesis]) -> Reading:
    seen = [(free_text, free_probability)] if free_text else []
    seen += [(text, p) for text, p, _ in hypotheses if text != free_text]
    alternatives = tuple((text, min(1.0, p)) for text, p in seen[:MAX_ALTERNATIVES])
    return Reading("", None, min(1.0, free_probability), (), alternatives)
