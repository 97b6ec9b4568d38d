"""The pictures that prove a fall: the frame in which the object is seen best, and the same with its path drawn."""

from __future__ import annotations

import cv2
import numpy as np

from edge.falling.motion import Floats
from edge.types import Bgr, Frame, Picture

_PATH = (0, 220, 255)
_ORIGIN = (40, 40, 255)


def fall_pictures(frame: Frame, path: Floats, origin: tuple[float, float]) -> tuple[Picture, ...]:
    """Snapshot and path picture; `path` (n, 2) and `origin` in picture fractions."""
    snapshot = frame.bgr()
    return Picture("snapshot", snapshot), Picture("path", draw_path(snapshot.copy(), path, origin))


def draw_path(bgr: Bgr, path: Floats, origin: tuple[float, float]) -> Bgr:
    """Draw the path as a line with a dot per sighting and the origin as a ring; changes and returns `bgr`."""
    height, width = bgr.shape[:2]
    size = np.array([width, height])
    points = np.rint(path * size).astype(np.int32)
    start = np.rint(np.array(origin) * size).astype(np.int32)
    thickness = max(1, height // 540)
    line = np.concatenate([start[None], points])
    cv2.polylines(bgr, [line.reshape(-1, 1, 2)], False, _PATH, thickness, cv2.LINE_AA)
    for x, y in points.tolist():
        cv2.circle(bgr, (x, y), 2 * thickness, _PATH, -1, cv2.LINE_AA)
    cv2.circle(bgr, (int(start[0]), int(start[1])), 12 * thickness, _ORIGIN, 2 * thickness, cv2.LINE_AA)
    return bgr
