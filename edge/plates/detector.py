"""The detector: a picture -> the four corners of each plate in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.inference import ModelStore
from edge.plates.rectify import Corners, grow
from edge.types import Bgr

MODEL = "plate_detect"
STRIDE = 8
"""Pixels of the net's input per cell of its output."""
CORNER_SCALE = 32.0
"""The net's corner outputs are offsets from the cell's centre in units of this many pixels."""
SAME_PLATE = 0.15
"""Two detections that overlap by so much are one plate."""
CLOSE_UP = (192, 128)
"""Width and height of the second look at a plate."""
_MULTIPLE = 32
_MOST_LOOKS = 8
"""So many places of a picture are looked at closely at most: the best ones."""
_WELL_PLACED = 0.05
"""Corners that a close-up moved by less than this share of the plate's width are left as they are then."""
_FAINT, _CLEAR = 0.375, 1.5
"""Parts of the wanted score: on video what the first look gives so little is looked at closely, and what that look by
itself gives so much is a plate; the first one sees few pixels of it."""
_SURROUNDINGS = 1.5
"""How many widths around a known plate make a close-up in which it is searched."""
_CROP_WIDTHS = (80, 110)
"""How wide a crop is made in a close-up: sizes at which plates were seen in training."""


@dataclass(frozen=True, slots=True)
class PlateDetection:
    """One plate in one picture."""

    corners: Corners
    """(4, 2) float32 x, y in pixels of the picture, clockwise from the plate's own top left corner."""
    score: float


@dataclass(frozen=True, slots=True)
class Letterbox:
    """A picture scaled to the net's input: input pixel = picture pixel * scale; the padding is right and below."""

    pixels: Bgr
    scale: float


class PlateDetector:
    """Finds plates. `long_side` is the size that a picture is scaled down to (never up): cost grows with its square.

    With `refine`, the best plates are looked at again, closer: corners of a plate that is small in the scaled picture
    become exact enough to read it. Raises ModelError when the model cannot be loaded.
    """

    def __init__(
        self,
        models: ModelStore,
        long_side: int = 640,
        min_score: float = 0.4,
        max_plates: int = 16,
        refine: bool = True,
    ) -> None:
        self._model = models.load(MODEL)
        self._long_side = long_side
        self._min_score = min_score
        self._max_plates = max_plates
        self._refines = refine

    def detect(self, bgr: Bgr) -> list[PlateDetection]:
        """The plates of a picture (h, w, 3), best first, overlapping ones removed.

        A second pass at half the size finds plates that fill much of the picture; it costs a quarter of the first. With
        close-ups, half the score is enough to be looked at again, and the score is the mean of both looks. Where the
        close-up moved the corners much, a second one makes them exact.
        """
        enough = self._min_score / 2 if self._refines else self._min_score
        kept = self._candidates(bgr, (self._long_side, self._long_side // 2), enough)
        if not self._refines:
            return kept[: self._max_plates]
        first = kept[: min(self._max_plates, _MOST_LOOKS)]
        seen = zip(first, self._look_closer(bgr, first), strict=True)
        sure = [(before, after) for before, after in seen if after.score >= self._min_score]
        moved = [after for before, after in sure if _moved(before.corners, after.corners) > _WELL_PLACED]
        still = [after for before, after in sure if _moved(before.corners, after.corners) <= _WELL_PLACED]
        return suppress(sorted([*still, *self.refine(bgr, moved)], key=lambda item: -item.score))

    def glance(self, bgr: Bgr, most_plates: int, *, large: bool) -> list[PlateDetection]:
        """The same for a picture of a video, cheaper: `refine` what is to be read.

        The pass at half the size runs only with `large`; at most `most_plates` are looked at again, once, and not those
        that the first look alone is sure enough of.
        """
        sides = (self._long_side, self._long_side // 2) if large else (self._long_side,)
        kept = self._candidates(bgr, sides, _FAINT * self._min_score)
        sure = [item for item in kept if item.score >= 2 * self._min_score]
        doubtful = kept[len(sure) :][: max(0, most_plates - len(sure))]
        return suppress(sorted([*sure, *self._confirmed(bgr, doubtful)], key=lambda item: -item.score))

    def refine(self, bgr: Bgr, plates: list[PlateDetection]) -> list[PlateDetection]:
        """The same plates with corners from a close-up, exact enough to read them; scores stay."""
        exact = [
            PlateDetection(again.corners, first.score)
            for first, again in zip(plates, self._look_closer(bgr, plates), strict=True)
        ]
        return suppress(sorted(exact, key=lambda item: -item.score))

    def search_near(self, bgr: Bgr, corners: Corners) -> PlateDetection | None:
        """The best plate within about a width of this place, from a close-up of it; None if there is none.

        For a plate that is known to be there and that a look at the whole picture has missed.
        """
        view = close_up(bgr, grow(corners, _SURROUNDINGS))
        heat, offsets = self._model.run({"pictures": view.pixels[None]})
        found = decode(heat[0, 0], offsets[0], self._min_score)
        return PlateDetection(view.to_picture(found[0].corners), found[0].score) if found else None

    def find_corners_in_crop(self, crop: Bgr, min_score: float = 0.3) -> Corners | None:
        """The corners (4, 2), in the crop's pixels, of the plate that fills most of this crop (h, w, 3), or None.

        For pictures that are cut at a plate's box, where a tilted plate is still tilted. Corners may lie a little
        outside. Two sizes are looked at; their corners are averaged by score. Raises ValueError for an empty crop.
        """
        if min(crop.shape[:2]) < 1:
            raise ValueError(f"an empty crop: {crop.shape}")
        views = [on_larger_ground(crop, width) for width in _CROP_WIDTHS]
        heat, offsets = self._model.run({"pictures": np.stack([view.pixels for view in views])})
        found: list[PlateDetection] = []
        for index, view in enumerate(views):
            central = [item for item in decode(heat[index, 0], offsets[index], 0.05) if _is_central(item.corners)]
            found += [PlateDetection(view.to_picture(item.corners), item.score) for item in central[:1]]
        scores = np.array([item.score for item in found], np.float32)
        if scores.sum() < min_score * len(views):
            return None
        return np.asarray(np.average([item.corners for item in found], axis=0, weights=scores), np.float32)

    def _candidates(self, bgr: Bgr, sides: tuple[int, ...], min_score: float) -> list[PlateDetection]:
        """What passes at these sizes find, best first."""
        smaller, factor = halved(bgr, self._long_side)
        first = [item for side in sides for item in self._pass(smaller, side, min_score)]
        found = [PlateDetection((item.corners * factor).astype(np.float32), item.score) for item in first]
        return suppress(sorted(found, key=lambda item: -item.score))

    def _confirmed(self, bgr: Bgr, plates: list[PlateDetection]) -> list[PlateDetection]:
        """Those that both looks together, or the close-up by itself, take for plates."""
        found = []
        for before, after in zip(plates, self._look_closer(bgr, plates), strict=True):
            close = 2 * after.score - before.score
            if after.score >= self._min_score or close >= _CLEAR * self._min_score:
                found.append(PlateDetection(after.corners, max(after.score, self._min_score)))
        return found

    def _pass(self, bgr: Bgr, long_side: int, min_score: float) -> list[PlateDetection]:
        box = letterbox(bgr, long_side)
        heat, offsets = self._model.run({"pictures": box.pixels[None]})
        found = decode(heat[0, 0], offsets[0], min_score)
        return [PlateDetection((item.corners / box.scale).astype(np.float32), item.score) for item in found]

    def _look_closer(self, bgr: Bgr, items: list[PlateDetection]) -> list[PlateDetection]:
        """Each detection again from a close-up; where that shows nothing, the corners stay and half the score goes."""
        if not items:
            return []
        views = [close_up(bgr, item.corners) for item in items]
        heat, offsets = self._model.run({"pictures": np.stack([view.pixels for view in views])})
        seen = []
        for index, (item, view) in enumerate(zip(items, views, strict=True)):
            found = [one for one in decode(heat[index, 0], offsets[index], 0.05) if _is_central(one.corners)]
            corners = view.to_picture(found[0].corners) if found else item.corners
            seen.append(PlateDetection(corners, (item.score + (found[0].score if found else 0.0)) / 2))
        return seen


@dataclass(frozen=True, slots=True)
class CloseUp:
    """A part of a picture, scaled: input pixel = (picture pixel - origin) * scale."""

    pixels: Bgr
    origin: tuple[float, float]
    scale: tuple[float, float]

    def to_picture(self, corners: Corners) -> Corners:
        """Corners in the picture's own pixels."""
        return np.asarray(corners / np.array(self.scale, np.float32) + np.array(self.origin, np.float32), np.float32)


def close_up(bgr: Bgr, corners: Corners) -> CloseUp:
    """(128, 192, 3) around the plate, which becomes 96 px wide (or 60 px high, if that is less)."""
    width, height = CLOSE_UP
    seen = np.maximum(np.ptp(corners, axis=0), 2)
    scale = min(96 / float(seen[0]), 60 / float(seen[1]), 3.0)
    middle = (corners.min(0) + corners.max(0)) / 2
    half = (max(2, round(width / scale / 2)), max(2, round(height / scale / 2)))
    left, top = round(float(middle[0])) - half[0], round(float(middle[1])) - half[1]
    part, _ = halved(_cut(bgr, (left, top, left + 2 * half[0], top + 2 * half[1])), width)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    pixels = np.asarray(cv2.resize(part, (width, height), interpolation=how), np.uint8)
    return CloseUp(pixels, (left, top), (width / (2 * half[0]), height / (2 * half[1])))


def on_larger_ground(crop: Bgr, wanted: int) -> CloseUp:
    """A close-up in which the crop is `wanted` px wide (or as high as fits); its edge is repeated around it."""
    height, width = crop.shape[:2]
    scale = min(wanted / width, 0.75 * CLOSE_UP[1] / height)
    inner = (max(2, round(width * scale)), max(2, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(crop, inner, interpolation=how)
    left, top = (CLOSE_UP[0] - inner[0]) // 2, (CLOSE_UP[1] - inner[1]) // 2
    ends = (top, CLOSE_UP[1] - inner[1] - top, left, CLOSE_UP[0] - inner[0] - left)
    pixels = np.asarray(cv2.copyMakeBorder(small, *ends, cv2.BORDER_REPLICATE), np.uint8)
    across, down = inner[0] / width, inner[1] / height
    return CloseUp(pixels, (-left / across, -top / down), (across, down))


def letterbox(bgr: Bgr, long_side: int) -> Letterbox:
    """Scale the longer side down to `long_side` and pad right and below with grey to multiples of 32."""
    height, width = bgr.shape[:2]
    scale = min(1.0, long_side / max(height, width))
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = bgr if scale == 1.0 else _shrink(bgr, inner)
    padded = np.full((_up(inner[1]), _up(inner[0]), 3), 114, np.uint8)
    padded[: inner[1], : inner[0]] = small
    return Letterbox(padded, scale)


def halved(bgr: Bgr, least_px: int) -> tuple[Bgr, int]:
    """The picture halved while its longer side stays `least_px` or more, and by what it was divided in all.

    Exact halves are quick, and leave few pixels to be scaled; an odd last row or column is left out.
    """
    factor = 1
    while max(bgr.shape[:2]) >= 2 * least_px and min(bgr.shape[:2]) >= 2:
        height, width = bgr.shape[0] // 2, bgr.shape[1] // 2
        even = bgr[: 2 * height, : 2 * width]
        bgr = np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        factor *= 2
    return bgr, factor


def decode(heat: NDArray[np.float32], offsets: NDArray[np.float32], min_score: float) -> list[PlateDetection]:
    """Local maxima of the heat map (h, w) with the corners that the offsets (8, h, w) give there, in input pixels."""
    peaks = (heat >= min_score) & (heat >= cv2.dilate(heat, np.ones((3, 3), np.uint8)))
    detections = []
    for row, column in zip(*np.nonzero(peaks), strict=True):
        centre = (np.array([column, row], np.float32) + 0.5) * STRIDE
        corners = offsets[:, row, column].reshape(4, 2) * CORNER_SCALE + centre
        detections.append(PlateDetection(corners.astype(np.float32), float(heat[row, column])))
    return sorted(detections, key=lambda detection: -detection.score)


def suppress(detections: list[PlateDetection], most_overlap: float = 0.3) -> list[PlateDetection]:
    """Keep the best of those whose bounding boxes overlap; `detections` best first."""
    kept: list[PlateDetection] = []
    for detection in detections:
        if all(overlap(detection.corners, other.corners) <= most_overlap for other in kept):
            kept.append(detection)
    return kept


def overlap(first: Corners, second: Corners) -> float:
    """Intersection over union of two quadrilaterals' bounding boxes."""
    low = np.maximum(first.min(0), second.min(0))
    high = np.minimum(first.max(0), second.max(0))
    common = float(np.prod(np.maximum(high - low, 0)))
    union = float(np.prod(np.ptp(first, 0)) + np.prod(np.ptp(second, 0))) - common
    return common / union if union > 0 else 0.0


def _shrink(bgr: Bgr, size: tuple[int, int]) -> Bgr:
    """By area: linear interpolation would drop the thin strokes that make a plate look like one.

    To a half or more it drops none, and is five times as quick.
    """
    how = cv2.INTER_LINEAR if bgr.shape[1] <= 2 * size[0] else cv2.INTER_AREA
    return np.asarray(cv2.resize(bgr, size, interpolation=how), np.uint8)


def _cut(bgr: Bgr, box: tuple[int, int, int, int]) -> Bgr:
    """Left, top, right, bottom of the picture; what lies outside is grey."""
    left, top, right, bottom = box
    part = np.full((bottom - top, right - left, 3), 114, np.uint8)
    inner = bgr[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    y, x = max(0, -top), max(0, -left)
    part[y : y + inner.shape[0], x : x + inner.shape[1]] = inner[: part.shape[0] - y, : part.shape[1] - x]
    return part


def _moved(before: Corners, after: Corners) -> float:
    """The farthest that a corner moved, in shares of the plate's width."""
    away = np.linalg.norm(after - before, axis=1).max()
    return float(away) / max(float(np.ptp(after[:, 0])), 1.0)


def _is_central(corners: Corners) -> bool:
    """Whether a detection in a close-up is the plate that it was made for."""
    away = np.abs(corners.mean(0) - np.array(CLOSE_UP, np.float32) / 2)
    return bool(away[0] < 40 and away[1] < 26)


def _up(pixels: int) -> int:
    return math.ceil(pixels / _MULTIPLE) * _MULTIPLE
