"""What was read against what was labelled. Pure: texts, places and counts; no picture and no net."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from edge.plates.bench.labels import without_province
from edge.plates.detector import overlap
from edge.plates.rectify import Corners


def align(expected: str, read: str) -> list[tuple[str, str]]:
    """Pairs (expected, read) of characters by the fewest edits; the empty string where one side has none."""
    rows, columns = len(expected) + 1, len(read) + 1
    cost = [[i + j if i == 0 or j == 0 else 0 for j in range(columns)] for i in range(rows)]
    for i in range(1, rows):
        for j in range(1, columns):
            swap = cost[i - 1][j - 1] + (expected[i - 1] != read[j - 1])
            cost[i][j] = min(swap, cost[i - 1][j] + 1, cost[i][j - 1] + 1)
    pairs: list[tuple[str, str]] = []
    i, j = rows - 1, columns - 1
    while i or j:
        if i and j and cost[i][j] == cost[i - 1][j - 1] + (expected[i - 1] != read[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((expected[i], read[j]))
        elif i and cost[i][j] == cost[i - 1][j] + 1:
            i -= 1
            pairs.append((expected[i], ""))
        else:
            j -= 1
            pairs.append(("", read[j]))
    return pairs[::-1]


@dataclass
class Readings:
    """Counts of read texts against labelled ones."""

    plates: int = 0
    exact: int = 0
    tail: int = 0
    characters: int = 0
    right: int = 0
    confusions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(expected, read) → how often; the empty string where a character was missed or invented."""

    def count(self, expected: str, read: str) -> None:
        """Count one plate; `read` is empty when nothing was."""
        self.plates += 1
        self.exact += read == expected
        self.tail += bool(read) and without_province(read) == without_province(expected)
        pairs = align(expected, read)
        self.characters += len(expected)
        self.right += sum(one == other for one, other in pairs)
        if read:
            self.confusions.update(pair for pair in pairs if pair[0] != pair[1])

    @property
    def exact_share(self) -> float | None:
        return share(self.exact, self.plates)

    @property
    def tail_share(self) -> float | None:
        """Exact when the province is not looked at."""
        return share(self.tail, self.plates)

    @property
    def character_share(self) -> float | None:
        return share(self.right, self.characters)


@dataclass
class Detections:
    """Counts of found boxes against labelled ones, at one least overlap."""

    least_overlap: float
    plates: int = 0
    boxes: int = 0
    matched: int = 0

    def count(self, labelled: Sequence[Corners], found: Sequence[Corners]) -> None:
        """Count one picture."""
        self.plates += len(labelled)
        self.boxes += len(found)
        self.matched += len(match(labelled, found, self.least_overlap))

    @property
    def recall(self) -> float | None:
        return share(self.matched, self.plates)

    @property
    def precision(self) -> float | None:
        return share(self.matched, self.boxes)


def match(labelled: Sequence[Corners], found: Sequence[Corners], least_overlap: float) -> dict[int, int]:
    """Index of the labelled box → index of the found one, best overlaps first, each used once."""
    pairs = sorted(
        (
            (value, i, j)
            for i, label in enumerate(labelled)
            for j, box in enumerate(found)
            if (value := overlap(label, box)) >= least_overlap
        ),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    taken: dict[int, int] = {}
    for _, i, j in pairs:
        if i not in taken and j not in taken.values():
            taken[i] = j
    return taken


def most_alike(expected: str, texts: Iterable[str]) -> str:
    """The text with the fewest differences; empty when there is none."""
    return min(texts, key=lambda text: sum(one != other for one, other in align(expected, text)), default="")


def share(part: int, whole: int) -> float | None:
    """0..1, or None of nothing."""
    return round(part / whole, 4) if whole else None
