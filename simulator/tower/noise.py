"""Smooth and cellular random fields that textures, clouds and sensor noise are made of."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
"""(h, w) float32 around 0."""


def smooth(rng: np.random.Generator, size: tuple[int, int], cell: tuple[float, float]) -> Field:
    """Field of `size` (w, h) that varies over about `cell` (w, h) pixels, standard deviation about 1."""
    width, height = size
    grid = (max(2, int(np.ceil(width / cell[0])) + 3), max(2, int(np.ceil(height / cell[1])) + 3))
    coarse = rng.standard_normal((grid[1], grid[0])).astype(np.float32)
    field: Field = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC).astype(np.float32)
    return field


def cells(rng: np.random.Generator, size: tuple[int, int], cell: tuple[float, float]) -> Field:
    """Field of `size` (w, h) with one value per tile of `cell` (w, h) pixels."""
    width, height = size
    grid = (max(1, int(np.ceil(width / cell[0]))), max(1, int(np.ceil(height / cell[1]))))
    coarse = rng.standard_normal((grid[1], grid[0])).astype(np.float32)
    field: Field = cv2.resize(coarse, size, interpolation=cv2.INTER_NEAREST).astype(np.float32)
    return field


def fractal(rng: np.random.Generator, size: tuple[int, int], cell: tuple[float, float], octaves: int) -> Field:
    """Sum of smooth fields, each of half the cell and 0.55 of the strength of the one before."""
    total = np.zeros((size[1], size[0]), np.float32)
    strength = 1.0
    for octave in range(octaves):
        total += strength * smooth(rng, size, (cell[0] / 2**octave, cell[1] / 2**octave))
        strength *= 0.55
    return total
