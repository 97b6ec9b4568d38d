"""The size that a picture's header announces, before anything is decoded: a few kilobytes may claim a gigapixel."""

from __future__ import annotations

import struct

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class UnknownPicture(ValueError):
    """Not a picture that we know, or its header is broken; says which."""


def is_png(content: bytes) -> bool:
    """By its first bytes."""
    return content.startswith(_PNG)


def announced_size(content: bytes) -> tuple[int, int]:
    """(width, height) in pixels of a PNG, JPEG or WebP. Raises UnknownPicture."""
    if is_png(content) and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return width, height
    if content.startswith(_JPEG):
        return _jpeg_size(content)
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP" and len(content) >= 30:
        return _webp_size(content)
    raise UnknownPicture("it is no PNG, JPEG or WebP picture")


def _jpeg_size(content: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if marker in _FRAME_MARKERS:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        at += 2 + max(length, 2)
    raise UnknownPicture("its JPEG header is broken")


def _webp_size(content: bytes) -> tuple[int, int]:
    """By the kind of its first chunk: https://developers.google.com/speed/webp/docs/riff_container."""
    kind = content[12:16]
    if kind == b"VP8X":
        sides = content[24:27], content[27:30]
        return int.from_bytes(sides[0], "little") + 1, int.from_bytes(sides[1], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", content[26:30])
        return width & 0x3FFF, height & 0x3FFF
    raise UnknownPicture("its WebP header is broken")
