"""Shapes of a plate's characters, fitted to the standard's boxes: from open fonts, or a folder of glyph pictures."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from edge.plates.alphabet import DIGITS, LETTERS
from simulator.fonts import FONT_FOLDER, FontFace, FontsMissing, font_files

Mask = NDArray[np.uint8]
"""(h, w) uint8 coverage of ink, 255 = ink."""

_LATIN = DIGITS + LETTERS
_DRAWN_PX = 160
_NARROW = {"1": 0.42, "I": 0.24}
"""Share of the box's width that these take; all other characters fill it."""


_PLAIN_BOWL = 0.93
"""The white inside an O fills its own convex hull; where a Q's fills more than this, no tail crosses it."""


class GlyphSource(Protocol):
    """One consistent set of shapes for every character of a plate."""

    def mask(self, character: str, width: int, height: int, kind_family: str) -> Mask:
        """(height, width) coverage; `kind_family` is `single`, `eight`, `double_up` or `double_down`."""
        ...


class FontGlyphs:
    """Glyphs of a Chinese and a Latin face, stretched to fill their boxes as the standard's do."""

    def __init__(self, han: FontFace, latin: FontFace, folder: Path = FONT_FOLDER) -> None:
        self.name = f"{han.name}+{latin.name}"
        self._files = font_files(han, folder) | {c: p for c, p in font_files(latin, folder).items() if c in _LATIN}
        self._cache: dict[tuple[str, int, int], Mask] = {}

    def mask(self, character: str, width: int, height: int, kind_family: str) -> Mask:
        key = (character, width, height)
        if key not in self._cache:
            self._cache[key] = self._shape(character, width, height, kind_family)
        return self._cache[key]

    def _shape(self, character: str, width: int, height: int, kind_family: str) -> Mask:
        """The font's own shape; its Q with the standard's tail, if it has none that is seen from far."""
        shape = _fit(_draw(self._files[character], character), character, width, height)
        if character == "Q" and bowl_filled(shape) > _PLAIN_BOWL:
            return with_tail(self.mask("O", width, height, kind_family))
        return shape


class PictureGlyphs:
    """Glyph pictures (black on white) named `140_<c>.jpg`, `220_up_<c>`, `220_down_<c>`, `220_<c>`, `green_<c>`."""

    name = "pictures"

    def __init__(self, folder: Path) -> None:
        if not any(folder.glob("140_*.jpg")):
            raise FontsMissing(f"{folder}: no glyph pictures 140_*.jpg in it")
        self._folder = folder
        self._cache: dict[tuple[str, int, int, str], Mask] = {}

    def characters(self) -> set[str]:
        """The characters that there are pictures of."""
        return {path.stem.removeprefix("140_") for path in self._folder.glob("140_*.jpg")}

    def mask(self, character: str, width: int, height: int, kind_family: str) -> Mask:
        key = (character, width, height, kind_family)
        if key not in self._cache:
            self._cache[key] = _resize(self._read(character, kind_family), width, height)
        return self._cache[key]

    def _read(self, character: str, kind_family: str) -> Mask:
        prefixes = {"eight": ("green_",), "double_up": ("220_up_", "220_"), "double_down": ("220_down_", "220_")}
        for prefix in (*prefixes.get(kind_family, ()), "140_"):
            path = self._folder / f"{prefix}{character}.jpg"
            if path.is_file():
                picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
                if picture is None:
                    raise FontsMissing(f"{path}: not a picture")
                return np.asarray(255 - picture, np.uint8)
        raise FontsMissing(f"{self._folder}: no picture of {character}")


@lru_cache(maxsize=256)
def _font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), size)


def _draw(path: Path, character: str) -> Mask:
    """The character's ink, cropped to its bounds."""
    canvas = Image.new("L", (2 * _DRAWN_PX, 2 * _DRAWN_PX), 0)
    ImageDraw.Draw(canvas).text((_DRAWN_PX // 2, _DRAWN_PX // 4), character, font=_font(path, _DRAWN_PX), fill=255)
    ink = np.asarray(canvas, np.uint8)
    ys, xs = np.nonzero(ink > 40)
    if len(xs) == 0:
        raise FontsMissing(f"{path.name} draws nothing for {character}")
    return np.ascontiguousarray(ink[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1])


def _fit(ink: Mask, character: str, width: int, height: int) -> Mask:
    inner = max(2, round(width * _NARROW.get(character, 1.0)))
    box = np.zeros((height, width), np.uint8)
    left = (width - inner) // 2
    box[:, left : left + inner] = _resize(ink, inner, height)
    return box


def _resize(ink: Mask, width: int, height: int) -> Mask:
    shrinks = ink.shape[0] > height or ink.shape[1] > width
    return np.asarray(
        cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.uint8
    )


def bowl_filled(letter: Mask) -> float:
    """How much of its convex hull the largest white area inside a letter (h, w) fills, 0..1; 0 without one."""
    framed = cv2.copyMakeBorder((letter <= 127).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    count, areas, stats, _ = cv2.connectedComponentsWithStats(framed, connectivity=4)
    inner = [i for i in range(1, count) if i != areas[0, 0]]
    if not inner:
        return 0.0
    bowl = (areas == max(inner, key=lambda i: int(stats[i, cv2.CC_STAT_AREA]))).astype(np.uint8)
    hull = cv2.convexHull(cv2.findNonZero(bowl))
    return float(bowl.sum() / cv2.fillConvexPoly(np.zeros_like(bowl), hull, 1).sum())


def with_tail(bowl: Mask) -> Mask:
    """An O (h, w) as the standard's Q: a tail as thick as its strokes goes from inside the bowl to the lower right."""
    height, width = bowl.shape
    stroke = max(2, round(float((bowl[height // 2] > 127).sum()) / 2))
    start, end = (round(0.50 * width), round(0.64 * height)), (width - 1, height - 1 - stroke // 3)
    letter = bowl.copy()
    cv2.line(letter, start, end, 255, stroke, cv2.LINE_AA)
    return letter


def draw_text(path: Path, text: str, size_px: int) -> Mask:
    """A line of text in one font file, for signs and camera overlays: (h, w) coverage."""
    font = _font(path, size_px)
    left, top, right, bottom = font.getbbox(text)
    canvas = Image.new("L", (max(1, int(right - left) + 2), max(1, int(bottom - top) + 2)), 0)
    ImageDraw.Draw(canvas).text((1 - left, 1 - top), text, font=font, fill=255)
    return np.asarray(canvas, np.uint8)
