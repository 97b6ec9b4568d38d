"""The classifier of candidates: patches along the path and the path's figures → what it was.

`patch_stack` and `figures` are the pre-processing; training imports them from here, so that the box and the training
cannot differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.falling.candidate import Candidate
from edge.inference import OnnxModel

STACK = 9
"""Sightings that are looked at, spread evenly over the path."""
CLASSES: tuple[Kind, ...] = ("object", "animal_weather", "background")
FIGURES = 14
"""Length of `figures`."""
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
        feed = {"patches": patch_stack(candidate)[None], "figures": figures(candidate)[None]}
        logits = self._model.run(feed)[0][0].astype(np.float64)
        weights = np.exp(logits - logits.max())
        first, second, third = (weights / weights.sum()).tolist()
        return Look((first, second, third))


def patch_stack(candidate: Candidate) -> Floats32:
    """(9, 3, 32, 32) float32 in about −1..1: signed change in the middle picture, change around it, and the picture."""
    picked = np.rint(np.linspace(0, len(candidate.patches) - 1, STACK)).astype(int)
    before, middle, after = (candidate.patches[picked, i].astype(np.float32) for i in range(3))
    signed = (middle - (before + after) / 2) / 48
    around = (after - before) / 48
    level = middle.mean(axis=(1, 2), keepdims=True)
    stack = np.stack([signed, around, (middle - level) / 96], axis=1)
    return np.asarray(np.clip(stack, -1.5, 1.5), dtype=np.float32)


def figures(candidate: Candidate) -> Floats32:
    """(14,) float32, each about −1..1: what is known of the path besides its patches, free of the scene's scale."""
    fit = candidate.fit
    values = [
        np.log(candidate.size_px) / 2 - 1,
        np.log(len(candidate.times)) / 2 - 1,
        candidate.travel,
        candidate.sideways,
        candidate.fill,
        4 * candidate.activity,
        np.log1p(max(candidate.neighbours, 0.0)),
        np.log(candidate.growth) / 2,
        np.log(candidate.contrast) - 3.5,
        2 * candidate.sign_changes,
        10 * candidate.bend,
        8 * candidate.disturbance,
        fit.rms - 1,
        min(fit.acceleration / max(fit.acceleration_sigma, 1e-6), 60.0) / 30,
    ]
    return np.asarray(np.clip(np.array(values), -2, 2), dtype=np.float32)
