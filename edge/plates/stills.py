"""Plates of a picture on its own: detector -> reader -> grammar, the path that a video's frames take without the vote.

A photograph has no second frame to correct the first, so the detector looks at the whole of it, at two sizes, and at
every plate again.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edge.inference import ModelStore
from edge.plates.darkness import lightened
from edge.plates.decoding import Reading
from edge.plates.detector import PlateDetection, PlateDetector
from edge.plates.grammar import CHINA, Region
from edge.plates.reader import RawRead
from edge.plates.recognition import SURE, Recogniser, Recognition
from edge.plates.rectify import Corners
from edge.types import Bgr

_UNREADABLE_SCORE = 0.7
"""What cannot be read is taken for a plate only when the detector is so sure: else it is a lamp, a clock, a sign."""
_HARDLY_TEXT = 0.05
"""A text so unlikely is what the grammar makes of a clock or a sign: it is not told."""
_READABLE_SCORE = 0.4
_SURE_TEXT = 0.5
"""A text this sure makes a plate even of what the detector doubts."""

_PLACE_MARGIN = 0.05


@dataclass(frozen=True, slots=True)
class StillPlate:
    """One plate of a picture: where it is, and what was read there."""

    corners: Corners
    """(4, 2) float32 x, y in pixels of the picture, clockwise from the plate's own top left corner."""
    score: float
    """How sure the detector is, 0..1; 1 where the corners were given."""
    recognition: Recognition

    @property
    def read(self) -> RawRead:
        """What the net says of the cut that read best."""
        return self.recognition.read

    @property
    def reading(self) -> Reading:
        """What the grammar makes of it."""
        return self.recognition.reading

    @property
    def is_plate(self) -> bool:
        """Whether detector and reader together take it for a plate."""
        if self.read.refused:
            return False
        if not self.text:
            return self.score >= _UNREADABLE_SCORE
        return self.score >= _READABLE_SCORE or self.reading.probability >= _SURE_TEXT

    @property
    def text(self) -> str:
        """What was read; empty when no grammar admits it, or hardly anything speaks for it."""
        return self.reading.text if self.reading.probability >= _HARDLY_TEXT else ""


class StillReader:
    """Reads single pictures. Raises ModelError when a model cannot be loaded."""

    def __init__(self, models: ModelStore, region: Region = CHINA, min_score: float = 0.25) -> None:
        self.detector = PlateDetector(models, min_score=min_score)
        self._recogniser = Recogniser.of(region, models)
        self._aspects = region.crop_aspects

    def read_picture(self, bgr: Bgr) -> list[StillPlate]:
        """Every plate of a picture (h, w, 3), the surest first; what the reader does not take for one is left out."""
        return self.read_detections(bgr, self.detector.detect(bgr))

    def read_detections(self, bgr: Bgr, detections: list[PlateDetection]) -> list[StillPlate]:
        """What `read_picture` does after the detector. A dark picture without plates is looked at again, lightened."""
        plates = self._read_all(bgr, detections)
        lighter = None if plates else lightened(bgr)
        return plates if lighter is None else self._read_all(lighter, self.detector.detect(lighter))

    def _read_all(self, bgr: Bgr, detections: list[PlateDetection]) -> list[StillPlate]:
        plates = [self.read_place(bgr, found.corners, found.score) for found in detections]
        return [plate for plate in plates if plate.is_plate]

    def read_net(self, crop: Bgr) -> None:
        """Only the net, on one cut: what the reader alone costs."""
        self._recogniser.reader.read([crop])

    def read_at(self, bgr: Bgr, corners: Corners, score: float = 1.0) -> StillPlate:
        """The plate at these corners of a picture."""
        return StillPlate(np.asarray(corners, np.float32), score, self._recogniser.recognise(bgr, corners))

    def read_place(self, bgr: Bgr, corners: Corners, score: float = 1.0) -> StillPlate:
        """The plate somewhere at these corners: read there, or, in doubt, where a stretched cut of it shows it."""
        best = self.read_at(bgr, corners, score)
        if best.read.refused or best.recognition.worth >= SURE:
            return best
        crop, origin = _around(bgr, corners)
        found = self._straighten(crop, self._aspects[0]) if min(crop.shape[:2]) > 0 else None
        return best if found is None else max(best, self.read_at(bgr, found + origin, score), key=_worth)

    def read_crop(self, crop: Bgr) -> StillPlate:
        """A picture (h, w, 3) that was cut out around one plate: as it is, or straightened if that reads surer."""
        best = self.read_at(crop, outline(crop))
        for ratio in self._aspects:
            if best.recognition.worth >= SURE:
                break
            corners = self._straighten(crop, ratio)
            if corners is not None:
                best = max(best, self.read_at(crop, corners), key=_worth)
        return best

    def _straighten(self, crop: Bgr, ratio: float) -> Corners | None:
        """The plate's corners in a crop that is first brought to this width over height: many were squeezed flat."""
        height, width = crop.shape[:2]
        stretched = np.asarray(
            cv2.resize(crop, (width, max(4, round(width / ratio))), interpolation=cv2.INTER_CUBIC), np.uint8
        )
        corners = self.detector.find_corners_in_crop(stretched)
        if corners is None:
            return None
        return np.asarray(corners * np.array([1, height / stretched.shape[0]], np.float32), np.float32)


def _around(bgr: Bgr, corners: Corners) -> tuple[Bgr, Corners]:
    """The part of the picture that holds these corners and a little more, and its left top corner (2,)."""
    low, high = corners.min(0), corners.max(0)
    margin = _PLACE_MARGIN * (high - low)
    left, top = np.maximum(np.floor(low - margin), 0).astype(int)
    right, bottom = np.maximum(np.ceil(high + margin), 0).astype(int)
    return bgr[top:bottom, left:right], np.array([left, top], np.float32)


def _worth(plate: StillPlate) -> float:
    return plate.recognition.worth


def outline(bgr: Bgr) -> Corners:
    """(4, 2): the corners of the whole picture."""
    height, width = bgr.shape[:2]
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
