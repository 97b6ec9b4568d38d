"""Characters of drawn European plates: glyphs of open faces, thickened, bent, cut, stretched, a manner for each."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from simulator.fonts import FONT_FOLDER, Use, faces, font_files
from simulator.plates.glyphs import Mask, draw_text

_GLYPH_PX = 96


class Brush:
    """One plate's characters: a font, its stretch, stroke width, and whether all take the same width."""

    def __init__(self, rng: np.random.Generator, use: Use) -> None:
        self._files = face_files(use, int(rng.integers(len(faces("european", use)))))
        self._bold = int(rng.choice([-3, -2, 0, 0, 0, 2, 3, 5]))
        self._round = bool(rng.random() < 0.3)
        self._even = rng.random() < 0.5
        self._even_share = float(rng.uniform(0.46, 0.72))
        self._stretch = float(rng.uniform(0.85, 1.3))
        self._bend = float(rng.choice([0.0, 0.0, 1.5, 2.6]))
        self._cut = bool(rng.random() < 0.12)
        self._own = int(rng.integers(1 << 30))
        self.spacing = float(rng.uniform(0.05, 0.17))
        self.gap = float(rng.uniform(0.2, 0.7))

    def share(self, character: str) -> float:
        """Width over height as it is wanted."""
        shape = self._shape(character)
        own = shape.shape[1] / shape.shape[0] * self._stretch
        if not self._even:
            return float(np.clip(own, 0.12, 0.95))
        return self._even_share * (0.45 if character == "I" else 0.6 if character == "1" else 1.0)

    def mask(self, character: str, width: int, height: int) -> Mask:
        """(height, width) coverage."""
        shape = self._made_its_own(self._shape(character), character)
        how = cv2.INTER_AREA if shape.shape[0] > height else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(shape, (max(2, width), max(2, height)), interpolation=how), np.uint8)

    def _shape(self, character: str) -> Mask:
        return _glyph(self._files[character], character, self._bold, self._round)

    def _made_its_own(self, shape: Mask, character: str) -> Mask:
        """Bent and cut like no face: the same character of one plate always in the same way."""
        if not self._bend and not self._cut:
            return shape
        rng = np.random.default_rng((self._own, ord(character)))
        if self._bend:
            shape = bent(shape, rng, self._bend)
        return cut_through(shape, rng) if self._cut else shape


@lru_cache(maxsize=4096)
def _ink(file: Path, character: str) -> Mask:
    """A tightly cropped capital or digit, 96 px high, with a margin of 4 px."""
    ink = draw_text(file, character, 2 * _GLYPH_PX)
    ys, xs = np.nonzero(ink > 40)
    ink = ink[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    width = max(4, round(_GLYPH_PX * ink.shape[1] / ink.shape[0]))
    shape = cv2.resize(ink, (width, _GLYPH_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.copyMakeBorder(shape, 4, 4, 4, 4, cv2.BORDER_CONSTANT, value=0), np.uint8)


@lru_cache(maxsize=8192)
def _glyph(file: Path, character: str, bold: int, rounded: bool) -> Mask:
    """The same without the margin, its strokes thickened (> 0) or thinned (< 0)."""
    ink = shape = _ink(file, character)
    if bold:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (abs(bold), abs(bold)))
        shape = np.asarray(cv2.dilate(shape, kernel) if bold > 0 else cv2.erode(shape, kernel), np.uint8)
    if rounded:
        soft = np.asarray(cv2.GaussianBlur(shape, (0, 0), 3.0), np.float32)
        shape = np.clip((soft - 95) * 4, 0, 255).astype(np.uint8)
    left, top, width, height = cv2.boundingRect((shape > 40).astype(np.uint8))
    if width == 0:
        return ink
    return np.ascontiguousarray(shape[top : top + height, left : left + width])


def bent(shape: Mask, rng: np.random.Generator, most_px: float) -> Mask:
    """A glyph (h, w) whose strokes are smoothly moved by about this much, so that shapes vary beyond the faces."""
    height, width = shape.shape
    moves = cv2.resize(rng.normal(0, most_px, (4, 3, 2)).astype(np.float32), (width, height))
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    edged = cv2.remap(shape, x + moves[..., 0], y + moves[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(edged, np.uint8)


def cut_through(shape: Mask, rng: np.random.Generator) -> Mask:
    """A glyph with a narrow cut in one stroke, as in faces that are made hard to forge (Germany, Netherlands)."""
    height, width = shape.shape
    angle = float(rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)]))
    start = np.array([rng.uniform(0.2, 0.8) * width, rng.uniform(0.15, 0.85) * height])
    end = start + np.array([np.cos(angle), np.sin(angle)]) * float(rng.uniform(0.25, 0.6)) * width
    ends = [(round(float(x)), round(float(y))) for x, y in (start, end)]
    return np.asarray(cv2.line(shape.copy(), ends[0], ends[1], 0, int(rng.integers(2, 6))), np.uint8)


@lru_cache(maxsize=64)
def face_files(use: Use, number: int) -> dict[str, Path]:
    return font_files(faces("european", use)[number], FONT_FOLDER)
