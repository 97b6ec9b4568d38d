"""What may leave the box about plates: everything, or keyed hashes and covered pictures.

With `privacy.plates: hashed` a passage is told by its hash; plates are covered in every picture of every event, in
snapshots that were asked for, and in clips. Hits of the watch list stay in clear, and so does the plate they are about
in their pictures, but not in clips. All findings pass here, on their way from an analyzer to the disk.

What it cannot do: a plate that the detector does not find is not covered. It looks at the full picture at two sizes,
at a dark one lightened as well, and takes a weak suspicion for enough; a clip is looked at in every third picture
(`edge.evidence.covering`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from contract.events import EventType, PlatePassageData
from contract.plate_keys import PlateKey, normalise
from edge.evidence.covering import FindPlaces
from edge.imaging import Polygon, burn_masks
from edge.inference import ModelStore
from edge.plates.darkness import lightened
from edge.plates.detector import SAME_PLATE, PlateDetector, overlap
from edge.plates.rectify import Corners
from edge.types import Bgr, Finding, Picture

_SIDES = (1920, 480)
"""Long sides of the two searches, each followed by one at half the size: for plates of 24 px and of a whole picture."""
_SUSPICION = 0.2
_MOST = 64
_MARGIN = 1.35
"""How much larger than the plate the covered place is."""


class Privacy(Protocol):
    """What the pipeline asks before anything is written."""

    @property
    def find_places(self) -> FindPlaces | None:
        """Finds what must be covered in the pictures of clips; None where nothing must."""
        ...

    def discreet(self, finding: Finding) -> Finding:
        """The finding as it may be told."""
        ...

    def cover(self, picture: Picture, event_type: EventType | None) -> Bgr:
        """A picture of such an event (None: of no event) as it may be shown."""
        ...


class PlatesClear:
    """Nothing is hidden."""

    find_places: FindPlaces | None = None

    def discreet(self, finding: Finding) -> Finding:
        return finding

    def cover(self, picture: Picture, event_type: EventType | None) -> Bgr:  # noqa: ARG002
        return picture.bgr


class PlatesHashed:
    """Passages as keyed hashes, plates in pictures covered. Raises ModelError when the detector cannot be loaded."""

    def __init__(self, key: PlateKey, models: ModelStore) -> None:
        self._key = key
        self._detectors = [
            PlateDetector(models, long_side=side, min_score=_SUSPICION, max_plates=_MOST, refine=False)
            for side in _SIDES
        ]

    def discreet(self, finding: Finding) -> Finding:
        """A passage without its text, its alternatives and its plate's own picture; anything else as it is."""
        data = finding.data
        if not isinstance(data, PlatePassageData):
            return finding
        read = data.plate
        hidden: dict[str, object] = {"plate": None}
        if read is not None:
            hidden |= {"plate_kind": read.kind, "plate_colour": read.colour}
        if read is not None and read.text:
            digest = self._key.digest("passage", normalise(read.text))
            hidden |= {"plate_digest": digest, "plate_key_id": self._key.key_id}
        pictures = tuple(picture for picture in finding.pictures if picture.role != "plate")
        return replace(finding, data=data.model_copy(update=hidden), pictures=pictures)

    def find_places(self, bgr: Bgr) -> Sequence[Polygon]:
        """Every plate of a picture (h, w, 3), a little larger."""
        return _outlines(self._plates(bgr), bgr)

    def cover(self, picture: Picture, event_type: EventType | None) -> Bgr:
        """Black over every plate; over the one that the picture is about as well, but for a hit of the watch list."""
        if picture.role == "plate":
            return picture.bgr  # only hits still have one
        found = self._plates(picture.bgr)
        known = picture.plate
        if known is not None:
            found = [corners for corners in found if overlap(corners, known) < SAME_PLATE]
            if event_type is not EventType.WATCHLIST_HIT:
                found.append(known)
        return burn_masks(picture.bgr, _outlines(found, picture.bgr))

    def _plates(self, bgr: Bgr) -> list[Corners]:
        """Where plates are; in a dark picture also those that somebody would see who makes it lighter."""
        lighter = lightened(bgr)
        views = [bgr] if lighter is None else [bgr, lighter]
        return [item.corners for view in views for detector in self._detectors for item in detector.detect(view)]


def _outlines(plates: Sequence[Corners], bgr: Bgr) -> list[Polygon]:
    """Each plate a little larger, in picture fractions."""
    size = np.array([bgr.shape[1], bgr.shape[0]], np.float32)
    outlines: list[Polygon] = []
    for corners in plates:
        middle = corners.mean(0)
        grown = middle + (corners - middle) * _MARGIN + np.sign(corners - middle) * 2
        outlines.append([(float(x), float(y)) for x, y in grown / size])
    return outlines
