"""A dark picture made lighter: the detector has hardly seen contrasts of a few grey levels."""

from __future__ import annotations

import cv2
import numpy as np

from edge.types import Bgr

_DARK = 75.0
"""A picture whose mean is below this (of 255) is dark."""
_LIGHTENED = (255 * np.sqrt(np.arange(256) / 255)).astype(np.uint8)


def lightened(bgr: Bgr) -> Bgr | None:
    """The square root of a dark picture (h, w, 3), scaled to 0..255; None for one that is light enough."""
    if float(bgr.mean()) >= _DARK:
        return None
    return np.asarray(cv2.LUT(bgr, _LIGHTENED), np.uint8)
