"""A site plan as it is uploaded: its size read from its header first, then decoded, and encoded anew.

What is stored is only our own encoding: no metadata, no second file hidden behind the picture, no script.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from collector.picture_size import UnknownPicture, announced_size, is_png

MAX_BYTES = 12_000_000
MAX_PIXELS = 40_000_000
MIN_SIDE_PX = 32
LONGEST_PX = 4096
"""Longer pictures are made smaller: more is not seen on a screen."""
_QUALITY = 88


class PictureRefused(ValueError):
    """It cannot be a site plan; says why and what would do."""


@dataclass(frozen=True, slots=True)
class PlanPicture:
    """A picture of our own encoding."""

    content: bytes
    media_type: str
    width_px: int
    height_px: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def encode_anew(content: bytes) -> PlanPicture:
    """PNG stays PNG on white, JPEG stays JPEG. Raises PictureRefused."""
    width, height = _announced_size(content)
    if width * height > MAX_PIXELS:
        raise PictureRefused(f"the plan has {width} x {height} pixels; at most {MAX_PIXELS // 1_000_000} million fit")
    png = is_png(content)
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED if png else cv2.IMREAD_COLOR)
    if picture is None:
        raise PictureRefused("the plan cannot be decoded: is the file whole?")
    picture = _on_white(picture)
    height, width = picture.shape[:2]
    if min(width, height) < MIN_SIDE_PX:
        raise PictureRefused(f"the plan has {width} x {height} pixels; at least {MIN_SIDE_PX} a side are needed")
    scale = LONGEST_PX / max(width, height)
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return _encoded(picture, png)


def _encoded(picture: NDArray[Any], png: bool) -> PlanPicture:
    options = [cv2.IMWRITE_PNG_COMPRESSION, 9] if png else [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    done, encoded = cv2.imencode(".png" if png else ".jpg", picture, options)
    if not done:
        raise PictureRefused("the plan cannot be encoded")
    height, width = picture.shape[:2]
    return PlanPicture(bytes(encoded), "image/png" if png else "image/jpeg", width, height)


def _on_white(decoded: Any) -> NDArray[np.uint8]:
    """Three or one channels of eight bits; what was transparent becomes white."""
    picture: NDArray[Any] = decoded // 257 if decoded.dtype == np.uint16 else decoded
    if picture.ndim == 3 and picture.shape[2] == 4:
        alpha = picture[:, :, 3:].astype(np.float32) / 255
        picture = picture[:, :, :3].astype(np.float32) * alpha + 255 * (1 - alpha)
    whole: NDArray[np.uint8] = np.clip(picture, 0, 255).astype(np.uint8)
    return whole


def _announced_size(content: bytes) -> tuple[int, int]:
    """(width, height) by the header, before anything is decoded. Raises PictureRefused."""
    if content.startswith(b"RIFF"):
        raise PictureRefused("a site plan is a PNG or JPEG picture")
    try:
        return announced_size(content)
    except UnknownPicture as error:
        raise PictureRefused(f"a site plan is a PNG or JPEG picture; {error}") from error
