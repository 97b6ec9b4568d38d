"""Textures out of random numbers, made once and sampled often."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def clouds(rng: np.random.Generator, size: tuple[int, int], cells: int, octaves: int = 4, rough: float = 0.5) -> Array:
    """Smooth random field (h, w), mean 0 and deviation 1; `size` is (width, height), `cells` the coarsest grid."""
    width, height = size
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        n = cells * 2**octave
        grid = rng.standard_normal((max(2, n * height // width + 2), n + 2)).astype(np.float32)
        total += rough**octave * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray((total - total.mean()) / max(float(total.std()), 1e-6), np.float32)


def tile(rng: np.random.Generator, side: int, blur: float) -> Array:
    """A square of fine grain that repeats without a seam, mean 0 and deviation 1."""
    grain = rng.standard_normal((side, side)).astype(np.float32)
    pad = int(4 * blur) + 2
    wrapped = cv2.GaussianBlur(np.pad(grain, pad, mode="wrap"), (0, 0), blur)[pad:-pad, pad:-pad]
    return np.asarray((wrapped - wrapped.mean()) / max(float(wrapped.std()), 1e-6), np.float32)


def sample(texture: Array, x: Array, y: Array, texels_per_metre: float) -> Array:
    """Read a repeating tile at world places."""
    side = texture.shape[0]
    u, v = (x * texels_per_metre) % side, (y * texels_per_metre) % side
    closed = np.pad(texture, ((0, 1), (0, 1)), mode="wrap")
    return np.asarray(cv2.remap(closed, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR), np.float32)
