"""Generated plates in the place of real ones: light, colour, blur and noise are taken from the real plate.

What a real picture makes of a plate is fitted with the plate's own text: the drawn plate, blurred, times a gain plus an
offset, both smooth over the plate, is as near to the picture as least squares can bring it. The same gain, offset, blur
and noise are then put on any other plate. That gives each province and kind the light of real pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.plates.rectify import Corners, unwarp
from edge.types import Bgr
from simulator.plates import degrade

_BLURS = (0.0, 0.35, 0.6, 0.9, 1.3, 1.8, 2.5)
"""Standard deviations tried, in pixels of a plate that is 128 px wide."""
_WIDEST = 240
_LEAST_CORRELATION = 0.5
_LEAST_EXPLAINED = 0.55
"""Of a real plate whose text explains less of its picture the corners or the glyphs are too far off."""


@dataclass(frozen=True, slots=True)
class Donor:
    """A real picture with a plate whose appearance is known."""

    picture: Bgr
    corners: Corners
    gain: NDArray[np.float32]
    """(6, 3) coefficients of 1, x, y, xx, xy, yy for each colour."""
    offset: NDArray[np.float32]
    blur: float
    """Standard deviation in pixels of a plate 128 px wide."""
    noise: float

    def light_for(self, blue: bool) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Gain and offset for a plate: of a blue one's colours, the red alone tells how light falls on another's."""
        if blue:
            return self.gain, self.offset
        white = 255 * self.gain[0] + self.offset[0]
        cast = np.clip(white / max(float(white[2]), 1.0), 0.7, 1.4)
        return np.outer(self.gain[:, 2], cast).astype(np.float32), np.outer(self.offset[:, 2], cast).astype(np.float32)


def fit(picture: Bgr, corners: Corners, plate: Bgr) -> Donor | None:
    """What the picture made of this drawn `plate`; None when they do not match."""
    aligned = align(picture, corners, plate)
    if aligned is None:
        return None
    corners = aligned
    width = int(np.clip(np.ptp(corners[:, 0]), 40, _WIDEST))
    height = max(8, round(width * plate.shape[0] / plate.shape[1]))
    seen = unwarp(picture, corners, width, height).astype(np.float32)
    drawn = np.asarray(cv2.resize(plate, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    terms = _terms(width, height)
    trials = [(_solve(seen, _blurred(drawn, blur * width / 128), terms), blur) for blur in _BLURS]
    (gain, offset, residual), blur = min(trials, key=lambda trial: float(np.square(trial[0][2]).sum()))
    spread = seen - seen.mean((0, 1))
    if np.square(residual).sum() > (1 - _LEAST_EXPLAINED) * np.square(spread).sum():
        return None
    fine = residual - cv2.GaussianBlur(residual, (0, 0), 1.5)
    noise = float(1.4826 * np.median(np.abs(fine)))
    return Donor(picture, corners, gain, offset, blur, noise)


def align(picture: Bgr, corners: Corners, plate: Bgr) -> Corners | None:
    """Labelled corners moved so that the characters of the drawn `plate` lie on the real ones; None when lost.

    Enhanced correlation (Evangelidis, Psarakis 2008) of the red channel, where a blue plate has its contrast.
    """
    width, height = 192, round(192 * plate.shape[0] / plate.shape[1])
    seen = unwarp(picture, corners, width, height)[:, :, 2]
    drawn = np.asarray(cv2.resize(plate, (width, height), interpolation=cv2.INTER_AREA), np.uint8)[:, :, 2]
    until = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-4)
    begin, everywhere = np.eye(3, dtype=np.float32), np.ones_like(seen)
    try:
        score, move = cv2.findTransformECC(drawn, seen, begin, cv2.MOTION_HOMOGRAPHY, until, everywhere, 7)
    except cv2.error:
        return None
    if score < _LEAST_CORRELATION:
        return None
    box = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float32) - 0.5
    moved = (cv2.perspectiveTransform(box, move)[0] + 0.5) / (width, height)
    matrix = cv2.getPerspectiveTransform(np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32), corners)
    return np.asarray(cv2.perspectiveTransform(moved[None].astype(np.float32), matrix)[0], np.float32)


def transplant(donor: Donor, plate: Bgr, blue: bool, rng: np.random.Generator) -> tuple[Bgr, Corners]:
    """The donor's picture with this flat plate in place of its own, and the plate's corners. `blue`: as its own is."""
    corners = _with_aspect(donor.corners, plate.shape[1] / plate.shape[0])
    width = int(np.clip(np.ptp(corners[:, 0]), 40, _WIDEST))
    height = max(8, round(width * plate.shape[0] / plate.shape[1]))
    drawn = np.asarray(cv2.resize(plate, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    terms = _terms(width, height)
    blur = donor.blur * float(rng.uniform(0.7, 1.3)) * width / 128
    gain, offset = donor.light_for(blue)
    lit = _blurred(drawn, blur) * np.clip(terms @ gain, 0.03, 3.0) + terms @ offset
    lit += rng.standard_normal(lit.shape, np.float32) * donor.noise
    return degrade.place(np.asarray(np.clip(lit, 0, 255), np.uint8), donor.picture, corners), corners


def choose(donors: Sequence[Donor], rng: np.random.Generator) -> Donor:
    """One of them, each as likely."""
    return donors[int(rng.integers(len(donors)))]


def _solve(
    seen: NDArray[np.float32], drawn: NDArray[np.float32], terms: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Gain and offset (6, 3) and what they leave unexplained (h, w, 3)."""
    gain, offset = np.zeros((6, 3), np.float32), np.zeros((6, 3), np.float32)
    residual = np.empty_like(seen)
    flat = terms.reshape(-1, 6)
    for colour in range(3):
        design = np.hstack([flat * drawn[:, :, colour].reshape(-1, 1) / 255, flat])
        target = seen[:, :, colour].reshape(-1)
        solution = np.linalg.lstsq(design.T @ design + 1e-3 * np.eye(12), design.T @ target, rcond=None)[0]
        gain[:, colour], offset[:, colour] = solution[:6] / 255, solution[6:]
        residual[:, :, colour] = (target - design @ solution).reshape(seen.shape[:2])
    return gain, offset, residual


def _terms(width: int, height: int) -> NDArray[np.float32]:
    """(h, w, 6): 1, x, y, xx, xy, yy with x and y from -1 to 1."""
    x, y = np.meshgrid(np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32))
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=2)


def _blurred(drawn: Bgr, sigma: float) -> NDArray[np.float32]:
    values = drawn.astype(np.float32)
    return values if sigma < 0.2 else np.asarray(cv2.GaussianBlur(values, (0, 0), sigma), np.float32)


def _with_aspect(corners: Corners, aspect: float) -> Corners:
    """The same place for a plate of another shape: wider or higher about its middle, of about the same area."""
    single = 440 / 140
    if abs(aspect - single) < 0.05:
        return corners
    unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    matrix = cv2.getPerspectiveTransform(unit, corners)
    width = float(np.sqrt(aspect / single))
    height = 1 / width
    low, high = (0.5 - width / 2, 0.5 - height / 2), (0.5 + width / 2, 0.5 + height / 2)
    box = np.array([[[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]]], np.float32)
    return np.asarray(cv2.perspectiveTransform(box, matrix)[0], np.float32)
