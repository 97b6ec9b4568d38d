"""The pictures that prove a fall: the frame in which the object is seen best, and the same with its path drawn."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from edge.falling.motion import Floats
from edge.falling.tracker import Track
from edge.types import Bgr, Frame, Picture

_PATH = (0, 220, 255)
_ORIGIN = (40, 40, 255)
_RECENT = 6
"""Frames held because proposals are of a picture some frames ago."""
_KEPT = 6
"""Frames held for tracks that may become falls: at 1080p each is 3 MB."""


@dataclass(frozen=True, slots=True)
class _Best:
    score: float
    frame: Frame


class BestFrames:
    """Holds, for each hopeful track, the frame in which its object stands out most."""

    def __init__(self) -> None:
        self._recent: deque[Frame] = deque(maxlen=_RECENT)
        self._best: dict[int, _Best] = {}

    def add(self, frame: Frame) -> None:
        """Take in the newest frame; its luma is let go, because the picture is made from the decoder's own frame."""
        self._recent.append(replace(frame, luma=frame.luma[:0].copy()))

    def remember(self, hopeful: Sequence[Track]) -> None:
        """Note the frames in which these tracks were just seen, where they were never seen better."""
        for track in hopeful:
            point = track.points[-1]
            score = point.contrast * point.area**0.5
            best = self._best.get(track.number)
            if track.missed == 0 and (best is None or score > best.score):
                self._note(track.number, score, point.time_s)
        if len(self._best) > _KEPT:
            alive = {track.number for track in hopeful}
            order = sorted(self._best, key=lambda number: (number in alive, self._best[number].score))
            for number in order[: len(self._best) - _KEPT]:
                del self._best[number]

    def take(self, number: int) -> Frame:
        """The best frame of a track, and forget it; without one, the oldest frame that is held."""
        best = self._best.pop(number, None)
        return best.frame if best is not None else self._recent[0]

    def _note(self, number: int, score: float, time_s: float) -> None:
        frame = next((frame for frame in reversed(self._recent) if frame.stream_time_s == time_s), None)
        if frame is not None:
            self._best[number] = _Best(score, frame)


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
