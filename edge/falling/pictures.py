"""The pictures that prove a fall: the frame in which the object is seen best, the same with its path drawn and the
object along it, and a full-size cut-out of the origin from two seconds before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from edge.falling.candidate import Candidate
from edge.falling.motion import Floats
from edge.falling.tracker import Track
from edge.types import Bgr, Frame, Picture

_PATH = (0, 220, 255)
_ORIGIN = (40, 40, 255)
_ASIDE = 0.014
"""Picture heights that the line is drawn beside the path: a line upon it would hide the object."""
_OBJECTS = 8
"""At most so many places along the path at which the object itself is shown."""
_OWN_LEVELS = 10
"""Grey levels by which a pixel of the object differs from the pictures before and after, at least."""
_BEFORE_S = 2.0
"""How long before the first sighting the picture of the origin was taken, where one is held."""
_EVERY_S, _EARLIER = 0.8, 5
"""Seconds between the frames held for that, and how many."""
_ORIGIN_SHARE = 0.14
"""Of the picture's width and height: half the cut-out's sides."""
_RECENT = 6
"""Frames held because proposals are of a picture some frames ago."""
_KEPT = 6
"""Frames held for tracks that may become falls: at 1080p each is 3 MB."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The frame in which an object is seen best, and one from before its fall, if one was held."""

    frame: Frame
    before: Frame | None = None


@dataclass(frozen=True, slots=True)
class _Best:
    score: float
    proof: Proof


class BestFrames:
    """Holds, for each hopeful track, the frame in which its object stands out most, and one from before it."""

    def __init__(self) -> None:
        self._recent: deque[Frame] = deque(maxlen=_RECENT)
        self._earlier: deque[Frame] = deque(maxlen=_EARLIER)
        self._best: dict[int, _Best] = {}

    def add(self, frame: Frame) -> None:
        """Take in the newest frame; its luma is let go, because the picture is made from the decoder's own frame."""
        light = replace(frame, luma=frame.luma[:0].copy())
        self._recent.append(light)
        if not self._earlier or frame.stream_time_s - self._earlier[-1].stream_time_s >= _EVERY_S:
            self._earlier.append(light)

    def remember(self, hopeful: Sequence[Track]) -> None:
        """Note the frames in which these tracks were just seen, where they were never seen better."""
        for track in hopeful:
            point = track.points[-1]
            score = point.contrast * point.area**0.5
            best = self._best.get(track.number)
            if track.missed == 0 and (best is None or score > best.score):
                known = best.proof.before if best is not None else self._before(track.points[0].time_s)
                self._note(track.number, score, point.time_s, known)
        if len(self._best) > _KEPT:
            alive = {track.number for track in hopeful}
            order = sorted(self._best, key=lambda number: (number in alive, self._best[number].score))
            for number in order[: len(self._best) - _KEPT]:
                del self._best[number]

    def of(self, number: int) -> Proof:
        """The frames of a track; without any, the oldest frame that is held. A later piece of it may ask again."""
        best = self._best.get(number)
        return best.proof if best is not None else Proof(self._recent[0])

    def _before(self, start_s: float) -> Frame | None:
        """The held frame nearest to two seconds before a fall began; only frames from before it count."""
        earlier = [frame for frame in self._earlier if frame.stream_time_s < start_s]
        return min(earlier, key=lambda frame: abs(start_s - _BEFORE_S - frame.stream_time_s), default=None)

    def _note(self, number: int, score: float, time_s: float, before: Frame | None) -> None:
        frame = next((frame for frame in reversed(self._recent) if frame.stream_time_s == time_s), None)
        if frame is not None:
            self._best[number] = _Best(score, Proof(frame, before))


def fall_pictures(proof: Proof, candidate: Candidate, origin: tuple[float, float]) -> tuple[Picture, ...]:
    """Snapshot, path picture and, where a frame from before is held, the origin's; `origin` in picture fractions."""
    snapshot = proof.frame.bgr()
    path = draw_path(show_object(snapshot.copy(), candidate), candidate.points, origin)
    pictures = (Picture("snapshot", snapshot), Picture("path", path))
    if proof.before is None:
        return pictures
    return (*pictures, origin_picture(proof.before.bgr(), origin))


def origin_picture(bgr: Bgr, origin: tuple[float, float]) -> Picture:
    """The cut-out around a place in picture fractions, at full size; it stays inside the picture."""
    height, width = bgr.shape[:2]
    left, top = (min(max(place - _ORIGIN_SHARE, 0.0), 1 - 2 * _ORIGIN_SHARE) for place in origin)
    x, y = round(left * width), round(top * height)
    right, bottom = x + round(2 * _ORIGIN_SHARE * width), y + round(2 * _ORIGIN_SHARE * height)
    window = (x / width, y / height, right / width, bottom / height)
    return Picture("origin", np.ascontiguousarray(bgr[y:bottom, x:right]), window=window)


def show_object(bgr: Bgr, candidate: Candidate) -> Bgr:
    """Copy the object's own pixels, in grey, from the pictures along its path; changes and returns `bgr`."""
    patches = candidate.patches
    places = candidate.points[-len(patches) :]
    for k in _spread(places, 0.04):
        before, middle, after = (patches[k, i].astype(np.int16) for i in range(3))
        change = np.abs(2 * middle - before - after) // 2
        own = (change >= max(_OWN_LEVELS, change[8:24, 8:24].max() // 3)).astype(np.uint8)
        size = round(patches.shape[-1] * candidate.scale)
        shown = cv2.resize(patches[k, 1], (size, size), interpolation=cv2.INTER_LINEAR)
        mask = cv2.resize(own, (size, size), interpolation=cv2.INTER_NEAREST).astype(np.bool_)
        x, y = np.rint(places[k] * (bgr.shape[1], bgr.shape[0])).astype(int) - size // 2
        if x >= 0 and y >= 0 and x + size <= bgr.shape[1] and y + size <= bgr.shape[0]:
            bgr[y : y + size, x : x + size][mask] = shown[mask][:, None]
    return bgr


def _spread(places: Floats, apart: float) -> list[int]:
    """Indices of some places along the path that keep a distance from each other, in picture fractions."""
    chosen: list[int] = []
    for k in range(len(places)):
        if not chosen or np.abs(places[k] - places[chosen[-1]]).max() >= apart:
            chosen.append(k)
    if len(chosen) <= _OBJECTS:
        return chosen
    return [chosen[k] for k in np.linspace(0, len(chosen) - 1, _OBJECTS).astype(int)]


def draw_path(bgr: Bgr, path: Floats, origin: tuple[float, float]) -> Bgr:
    """Draw the path as a line beside the object, a tick per sighting, and the origin as a ring; changes `bgr`.

    `path` (n, 2) in picture fractions.
    """
    height, width = bgr.shape[:2]
    size = np.array([width, height])
    thickness = max(1, height // 540)
    start = np.rint(np.array(origin) * size).astype(np.int32)
    aside = np.array([_ASIDE * height * (1 if path[-1, 0] < 0.9 else -1), 0.0])
    points = np.rint(path * size + aside).astype(np.int32)
    cv2.polylines(bgr, [points.reshape(-1, 1, 2)], False, _PATH, thickness, cv2.LINE_AA)
    for x, y in points.tolist():
        cv2.circle(bgr, (x, y), 2 * thickness, _PATH, -1, cv2.LINE_AA)
    cv2.circle(bgr, (int(start[0]), int(start[1])), 12 * thickness, _ORIGIN, 2 * thickness, cv2.LINE_AA)
    return bgr
