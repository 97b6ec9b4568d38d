"""Plates of a picture on its own: detector -> reader -> grammar, the path that a video's frames take without the vote.

A photograph has no second frame to correct the first, so the detector looks at the whole of it, at two sizes, and at
every plate again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.inference import ModelStore
from edge.plates.decoding import Decoder, Reading
from edge.plates.detector import PlateDetection, PlateDetector
from edge.plates.grammar import CHINA, Region
from edge.plates.reader import PlateReader, RawRead
from edge.plates.rectify import Corners
from edge.types import Bgr


@dataclass(frozen=True, slots=True)
class StillPlate:
    """One plate of a picture: where it is, what the reader saw, and what the grammar makes of it."""

    corners: Corners
    """(4, 2) float32 x, y in pixels of the picture, clockwise from the plate's own top left corner."""
    score: float
    """How sure the detector is, 0..1; 1 where the corners were given."""
    crop: Bgr
    read: RawRead
    reading: Reading

    @property
    def text(self) -> str:
        """What was read; empty when no grammar admits it."""
        return self.reading.text


class StillReader:
    """Reads single pictures. Raises ModelError when a model cannot be loaded."""

    def __init__(self, models: ModelStore, region: Region = CHINA, min_score: float = 0.4) -> None:
        self.detector = PlateDetector(models, min_score=min_score)
        self._reader = PlateReader(models)
        self._decoder = Decoder(region)

    def read_picture(self, bgr: Bgr) -> list[StillPlate]:
        """Every plate of a picture (h, w, 3), the surest first; what the reader calls no plate is left out."""
        return self.read_detections(bgr, self.detector.detect(bgr))

    def read_detections(self, bgr: Bgr, detections: list[PlateDetection]) -> list[StillPlate]:
        """What `read_picture` does after the detector."""
        plates = [self.read_at(bgr, found.corners, found.score) for found in detections]
        return [plate for plate in plates if not plate.read.refused]

    def read_at(self, bgr: Bgr, corners: Corners, score: float = 1.0) -> StillPlate:
        """The plate at these corners of a picture."""
        [cut] = self._reader.read_plates(bgr, [corners])
        reading = self._decoder.decode(cut.read.log_probs, cut.read.appearance)
        return StillPlate(np.asarray(corners, np.float32), score, cut.crop, cut.read, reading)

    def read_crop(self, crop: Bgr) -> StillPlate:
        """A picture (h, w, 3) that was cut out around one plate: as it is, and straightened where that reads surer."""
        as_it_is = self.read_at(crop, outline(crop))
        corners = self.detector.find_corners_in_crop(crop)
        if corners is None:
            return as_it_is
        return max(as_it_is, self.read_at(crop, corners), key=_worth)


def outline(bgr: Bgr) -> Corners:
    """(4, 2): the corners of the whole picture."""
    height, width = bgr.shape[:2]
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)


def _worth(plate: StillPlate) -> tuple[bool, float]:
    return plate.reading.readable, plate.reading.probability
