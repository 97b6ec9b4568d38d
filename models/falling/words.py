"""Several networks on the same candidates: which falls each would confirm, and how wrong it is where nothing falls.

The finder is run once; the networks only differ in their word. So two trainings can be compared in minutes, before the
verdict, the merging and the luck of thresholds blur it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from edge.falling.candidate import Candidate
from edge.falling.detector import CLASSES, stack_patches
from edge.falling.figures import figures
from edge.falling.settings import FallingSettings
from edge.falling.verdict import possible
from models.falling.harvest import candidates_of, on_path
from simulator.truth import FallTruth

SURE = (0.6, 0.8, 0.94)
"""Words at which falls and false candidates are counted."""
_ON, _OFF = 0.6, 0.3
"""Share of its sightings on a true path from which a candidate shows that fall, and below which it shows none."""


@dataclass(frozen=True, slots=True)
class Heard:
    """All possible candidates of some clips: `fall` names the fall that one shows, "" for none, None for something
    between."""

    patches: NDArray[np.float32]
    figures: NDArray[np.float32]
    fall: tuple[str | None, ...]


def hear(clips: Iterable[tuple[Path, Sequence[FallTruth], FallingSettings]]) -> Heard:
    """Candidates of clips with their falls; without a fall, all that is found is none."""
    kept: list[tuple[Candidate, str | None]] = []
    for path, falls, settings in clips:
        found = (candidate for candidate in candidates_of(path, settings) if possible(candidate, settings))
        kept += [(candidate, _shown(candidate, falls)) for candidate in found]
    patches = np.array([stack_patches(candidate.patches) for candidate, _ in kept], np.float32)
    rows = np.array([figures(candidate) for candidate, _ in kept], np.float32)
    return Heard(patches, rows, tuple(fall for _, fall in kept))


def _shown(candidate: Candidate, falls: Sequence[FallTruth]) -> str | None:
    shares = {fall.id: on_path(candidate, [fall]) for fall in falls}
    best = max(shares, key=lambda fall: shares[fall], default="")
    share = shares.get(best, 0.0)
    return best if share > _ON else "" if share < _OFF else None


def object_words(network: Path, heard: Heard) -> NDArray[np.float64]:
    """(n,) how sure a network is that each candidate is a falling object."""
    session = ort.InferenceSession(str(network), providers=["CPUExecutionProvider"])
    logits = session.run(None, {"patches": heard.patches, "figures": heard.figures})[0].astype(np.float64)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(weights[:, CLASSES.index("object")] / weights.sum(axis=1))


def word_lines(networks: Sequence[Path], heard: Heard) -> list[str]:
    """A line for each network: falls and false candidates at each word, and its highest wrong word."""
    if not heard.fall:
        return ["no candidate"]
    falls = {fall for fall in heard.fall if fall}
    lines = [f"{len(heard.fall)} possible candidates, {len(falls)} falls among them"]
    none = np.array([fall == "" for fall in heard.fall])
    for network in networks:
        words = object_words(network, heard)
        counts = ", ".join(
            f"from {sure:g}: {len({heard.fall[i] for i in np.flatnonzero(words >= sure)} & falls)} falls, "
            f"{int((none & (words >= sure)).sum())} false"
            for sure in SURE
        )
        worst = f"{words[none].max():.2f}" if none.any() else "-"
        lines.append(f"{network.name}: {counts}; highest wrong word {worst}")
    return lines
