"""What a European plate is screwed into: a frame of plastic, most with a dealer's name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.plates.alphabet import LATIN_ALPHABET
from edge.plates.europe import LONGEST
from edge.types import Bgr
from simulator.fonts import faces
from simulator.plates.brush import face_files
from simulator.plates.draw import blend
from simulator.plates.glyphs import draw_text


@dataclass(frozen=True, slots=True)
class Holder:
    """What is around a plate: a picture, and where it lies (left, top, right, bottom, in fractions of the plate)."""

    picture: Bgr
    part: tuple[float, float, float, float]


def eu_holder(rng: np.random.Generator) -> Holder | None:
    """Half of the plates sit in a frame of plastic, most with a dealer's name beneath."""
    if rng.random() < 0.5:
        return None
    below = float(rng.uniform(0.08, 0.3))
    side, above = float(rng.uniform(0.006, 0.02)), float(rng.uniform(0.02, 0.1))
    picture = np.empty((140, 520, 3), np.uint8)
    picture[:] = rng.uniform(5, 60) if rng.random() < 0.85 else rng.uniform(120, 200)
    if rng.random() < 0.8:
        size = max(9, round(140 * below / (1 + below + above) * 0.75))
        word = " ".join(_word(rng) for _ in range(int(rng.integers(1, 4))))
        mask = draw_text(_word_file(rng), word, size)[:40, :500]
        top, left = 140 - mask.shape[0] - 2, (520 - mask.shape[1]) // 2
        area = picture[top : top + mask.shape[0], left : left + mask.shape[1]]
        area[:] = blend(area, mask, (float(rng.uniform(120, 255)),) * 3)
    return Holder(picture, (-side, -above, 1 + side, 1 + below))


def _word(rng: np.random.Generator) -> str:
    letters = "".join(LATIN_ALPHABET[10 + int(i)] for i in rng.integers(0, 26, int(rng.integers(2, LONGEST))))
    return letters if rng.random() < 0.5 else letters.capitalize()


def _word_file(rng: np.random.Generator) -> Path:
    return face_files("training", int(rng.integers(len(faces("european", "training")))))["A"]
