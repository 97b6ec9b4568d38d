"""The reader: rectified crops -> probabilities of characters, colour and rows. The grammar comes after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.events import PlateColour
from edge.inference import ModelStore
from edge.plates.grammar import Appearance
from edge.plates.rectify import READER_HEIGHT, READER_WIDTH
from edge.types import Bgr

MODEL = "plate_read"
COLOURS: tuple[PlateColour, ...] = ("blue", "green", "yellow", "yellow_green", "white", "black")
"""Order of the colour outputs."""
LAYOUTS = ("one_row", "two_rows", "not_a_plate")
"""Order of the layout outputs."""
_BATCH = 16
_NOT_A_PLATE = 0.6


@dataclass(frozen=True, slots=True)
class RawRead:
    """What the net says about one crop, before any grammar."""

    log_probs: NDArray[np.float32]
    """(T, C) natural logarithms of probabilities: step, then character (CTC: blank at 0, `ALPHABET[i]` at i + 1)."""
    colours: NDArray[np.float32]
    """(6,) probabilities in the order of COLOURS."""
    one_row: float
    two_rows: float
    """Probability that the plate has two rows, whether the crop was cut as one row or as two."""
    not_a_plate: float

    @property
    def colour(self) -> PlateColour:
        """The most probable colour."""
        return COLOURS[int(np.argmax(self.colours))]

    @property
    def appearance(self) -> Appearance:
        """Colours and rows as the grammar weighs them."""
        rows = self.one_row + self.two_rows
        colours: dict[str, float] = {name: float(p) for name, p in zip(COLOURS, self.colours, strict=True)}
        return Appearance(colours, self.two_rows / rows if rows > 0 else None)

    @property
    def refused(self) -> bool:
        """Whether the net says that this is no plate at all."""
        return self.not_a_plate > _NOT_A_PLATE


class PlateReader:
    """Reads crops made by `edge.plates.rectify`. Raises ModelError when the model cannot be loaded."""

    def __init__(self, models: ModelStore, model: str = MODEL) -> None:
        self._model = models.load(model)

    def read(self, crops: Sequence[Bgr]) -> list[RawRead]:
        """One RawRead for each crop, in order. A crop of another size than 32 x 128 is resized."""
        reads: list[RawRead] = []
        for start in range(0, len(crops), _BATCH):
            batch = np.stack([prepare(crop) for crop in crops[start : start + _BATCH]])
            log_probs, colours, layouts = self._model.run({"crops": batch})
            reads += [
                RawRead(log_probs[i], colours[i], float(layouts[i][0]), float(layouts[i][1]), float(layouts[i][2]))
                for i in range(len(batch))
            ]
        return reads


def prepare(crop: Bgr) -> Bgr:
    """(32, 128, 3) uint8: the size that the net takes; brightness and contrast are normalised inside the net."""
    if crop.shape[:2] == (READER_HEIGHT, READER_WIDTH):
        return crop
    smaller = crop.shape[0] > READER_HEIGHT
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(crop, (READER_WIDTH, READER_HEIGHT), interpolation=how), np.uint8)
