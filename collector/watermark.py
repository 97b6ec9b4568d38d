"""Who looked at a picture and when, written into what he is given: a copy that leaves the house says whose it was.

The picture keeps its size, so that paths drawn over it stay where they belong. The stored file is never touched; its
SHA-256 goes on naming it.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from collector.picture_size import UnknownPicture, announced_size, is_png

QUALITY = 90
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_STROKES = (*((right, down, (0, 0, 0)) for right in (-1, 1) for down in (-1, 1)), (0, 0, (255, 255, 255)))
"""Offsets and colours; a thicker stroke for the edge would be a wider text."""
VEIL = 0.28
"""How strongly the text covers what is under it: legible, and every character of a plate stays so too."""


MOST_PIXELS = 100_000_000
"""No camera makes more; a larger picture is a trap for who decodes it."""


def stamp(content: bytes, text: str, width: int | None = None) -> tuple[bytes, str] | None:
    """(The picture with `text` (ASCII) over it, its media type); None when the bytes are no picture. PNG stays PNG.

    With `width` (px) it is made that small, if it is larger: a list of many pictures costs little then.
    """
    picture = _decode(content, width)
    if picture is None:
        return None
    veil = picture.copy()
    write(veil, text)
    marked = cv2.addWeighted(veil, VEIL, picture, 1 - VEIL, 0)
    png = is_png(content)
    options = [] if png else [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    done, encoded = cv2.imencode(".png" if png else ".jpg", marked, options)
    return (bytes(encoded), "image/png" if png else "image/jpeg") if done else None


def write(picture: np.ndarray, text: str) -> None:  # (h, w) or (h, w, 3) uint8
    """Write the text in lines all over the picture, white with a black edge."""
    height, width = picture.shape[:2]
    plain = text.encode("ascii", "replace").decode()
    (unit_width, unit_height), _ = cv2.getTextSize(plain, _FONT, 1.0, 1)
    scale = max(0.25, min(0.9 * width / unit_width, 0.6 * max(1.0, width / 1280)))
    step = max(int(unit_height * scale * 9), 40)
    for row, y in enumerate(range(height - max(4, int(4 * scale)), 0, -step)):
        x = 4 if row % 2 == 0 else max(4, width - int(unit_width * scale) - 4)
        for right, down, colour in _STROKES:
            cv2.putText(picture, plain, (x + right, y + down), _FONT, scale, colour, 1, cv2.LINE_AA)


def _decode(content: bytes, width: int | None) -> np.ndarray | None:  # (h, w, 3) uint8
    try:
        if math.prod(announced_size(content)) > MOST_PIXELS:
            return None
    except UnknownPicture:
        return None
    raw = np.frombuffer(content, np.uint8)
    if width is None:
        return cv2.imdecode(raw, cv2.IMREAD_COLOR)
    picture = cv2.imdecode(raw, cv2.IMREAD_REDUCED_COLOR_4)  # a JPEG is decoded at a quarter of its size
    if picture is not None and picture.shape[1] < width:
        picture = cv2.imdecode(raw, cv2.IMREAD_COLOR)
    if picture is None or picture.shape[1] <= width:
        return picture
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
