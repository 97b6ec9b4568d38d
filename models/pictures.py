"""How the recipes read a picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edge.types import Bgr


def read_picture(path: Path) -> Bgr:
    """(h, w, 3). Raises FileNotFoundError, also for what is there and is no picture."""
    picture = cv2.imread(str(path))
    if picture is None:
        raise FileNotFoundError(f"{path} is missing or not a picture")
    return np.asarray(picture, np.uint8)
