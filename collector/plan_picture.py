"""A site plan as it is uploaded: its size read from its header first, then decoded, and encoded anew.

What is stored is only our own encoding: no metadata, no second file hidden behind the picture, no script.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

MAX_BYTES = 12_000_000
MAX_PIXELS = 40_000_000
MIN_SIDE_PX = 32
LONGEST_PX = 4096
"""Longer pictures are made smaller: more is not seen on a screen."""
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
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
    is_png = content.startswith(_PNG)
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED if is_png else cv2.IMREAD_COLOR)
    if picture is None:
        raise PictureRefused("the plan cannot be decoded: is the file whole?")
    picture = _on_white(picture)
    height, width = picture.shape[:2]
    if min(width, height) < MIN_SIDE_PX:
        raise PictureRefused(f"the plan has {width} x {height} pixels; at least {MIN_SIDE_PX} a side are needed")
    scale = LONGEST_PX / max(width, height)
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return _encoded(picture, is_png)


def _encoded(picture: NDArray[Any], is_png: bool) -> PlanPicture:
    options = [cv2.IMWRITE_PNG_COMPRESSION, 9] if is_png else [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    done, encoded = cv2.imencode(".png" if is_png else ".jpg", picture, options)
    if not done:
        raise PictureRefused("the plan cannot be encoded")
    height, width = picture.shape[:2]
    return PlanPicture(bytes(encoded), "image/png" if is_png else "image/jpeg", width, height)


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
    if content.startswith(_PNG) and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return width, height
    if content.startswith(_JPEG):
        return _jpeg_size(content)
    raise PictureRefused("a site plan is a PNG or JPEG picture")


def _jpeg_size(content: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if marker in _FRAME_MARKERS:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        at += 2 + max(length, 2)
    raise PictureRefused("the plan's JPEG header is broken")
