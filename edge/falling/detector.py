"""The classifier of candidates: patches along the path → what it was.

`stack_patches` is the pre-processing; training imports it from here, so that the box and the training cannot differ.
How the path goes is not its business: that is fitted, and judged in words (`verdict`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.falling.candidate import Candidate
from edge.falling.figures import figures
from edge.inference import OnnxModel

STACK = 9
"""Sightings that are looked at, spread evenly over the path."""
CLASSES: tuple[Kind, ...] = ("object", "animal_weather", "background")
MODEL_NAME = "falling"

Kind = Literal["object", "animal_weather", "background"]
Floats32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Look:
    """Probabilities of what a candidate is: a falling object; bird, insect, rain or snow; foliage, light, traffic."""

    probabilities: tuple[float, float, float]

    @property
    def object(self) -> float:
        """Probability of a falling object."""
        return self.probabilities[0]

    @property
    def best(self) -> Kind:
        """The most probable kind."""
        return CLASSES[int(np.argmax(self.probabilities))]


class FallClassifier:
    """Wraps the ONNX network `falling`."""

    def __init__(self, model: OnnxModel) -> None:
        self._model = model

    def look(self, candidate: Candidate) -> Look:
        """Judge one candidate. Raises ModelError when the network does not fit."""
        feed = {"patches": stack_patches(candidate.patches)[None], "figures": figures(candidate)[None]}
        feed = {name: feed[name] for name in self._model.interface.inputs}
        logits = self._model.run(feed)[0][0].astype(np.float64)
        weights = np.exp(logits - logits.max())
        first, second, third = (weights / weights.sum()).tolist()
        return Look((first, second, third))


def stack_patches(patches: NDArray[np.uint8]) -> Floats32:
    """(n, 3, 32, 32) uint8 of a path → (9, 3, 32, 32) float32 in about −1..1.

    Channels: signed change in the middle picture, change around it (before to after), and the picture itself.
    """
    picked = np.rint(np.linspace(0, len(patches) - 1, STACK)).astype(int)
    before, middle, after = (patches[picked, i].astype(np.float32) for i in range(3))
    signed = (middle - (before + after) / 2) / 48
    around = (after - before) / 48
    level = middle.mean(axis=(1, 2), keepdims=True)
    stack = np.stack([signed, around, (middle - level) / 96], axis=1)
    return np.asarray(np.clip(stack, -1.5, 1.5), dtype=np.float32)
