"""What a picture says about its camera: frozen (the same again and again) or blind (covered, or nothing to see)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from edge.sources.decoding import Picture
from edge.types import Luma

SeenState = Literal["up", "frozen", "blind"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """State of a connected camera and, for a person, why."""

    state: SeenState
    reason: str


class PictureWatch:
    """Judges the pictures of one connection. Times are stream times in seconds."""

    LEAST_CONTRAST = 12
    """Grey levels between the darkest and the brightest percent; less is a covered lens, fog or plain darkness."""
    _CHECK_EVERY_S = 1.0
    _SAMPLE = 16

    def __init__(self, frozen_after_s: float, blind_after_s: float) -> None:
        self._frozen_after_s = frozen_after_s
        self._blind_after_s = blind_after_s
        self._news_s: float | None = None
        self._checked_s: float | None = None
        self._contrast_s: float | None = None
        self._contrast = 255

    def judge(self, picture: Picture) -> Verdict:
        """The camera's state with this picture."""
        now = picture.stream_time_s
        if self._news_s is None or not picture.repeated:
            self._news_s = now
        self._look(picture.luma, now)
        same_s = now - self._news_s
        if same_s >= self._frozen_after_s:
            return Verdict("frozen", f"the same picture for {same_s:.0f} s")
        flat_s = now - (self._contrast_s if self._contrast_s is not None else now)
        if flat_s >= self._blind_after_s:
            return Verdict("blind", f"almost no contrast ({self._contrast} of 255 grey levels) for {flat_s:.0f} s")
        return Verdict("up", "")

    def _look(self, luma: Luma, now: float) -> None:
        if self._checked_s is not None and now - self._checked_s < self._CHECK_EVERY_S:
            return
        self._checked_s = now
        dark, bright = np.percentile(luma[:: self._SAMPLE, :: self._SAMPLE], (1, 99))
        self._contrast = round(float(bright - dark))
        if self._contrast >= self.LEAST_CONTRAST or self._contrast_s is None:
            self._contrast_s = now
