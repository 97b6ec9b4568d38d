"""The compressed pictures of a video file, as NAL units with their times. Nothing is decoded or encoded again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import av
import av.error

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

    AvPacket = Packet[VideoStream]

Codec = Literal["h264", "hevc"]

_START_CODE = re.compile(rb"\x00\x00(?:\x00)?\x01")
_H264_PARAMETERS = {7, 8}  # SPS, PPS
_HEVC_PARAMETERS = {32, 33, 34}  # VPS, SPS, PPS
_HEVC_ARRAYS_OFFSET = 22
_AVCC_SETS_OFFSET = 5


class UnplayableVideo(Exception):
    """The file cannot be played as a camera; says which and why."""


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One compressed picture. Times in seconds from the first picture; `nals` without start codes or lengths."""

    dts_s: float
    pts_s: float
    keyframe: bool
    nals: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """A whole video in reading order; `parameter_sets` are (VPS,) SPS and PPS, `duration_s` is one loop's length."""

    codec: Codec
    width: int
    height: int
    fps: float
    parameter_sets: tuple[bytes, ...]
    units: tuple[AccessUnit, ...]
    duration_s: float

    @classmethod
    def read(cls, path: Path) -> Recording:
        """Read an H.264 or H.265 file. Raises UnplayableVideo."""
        try:
            with av.open(str(path)) as container:
                return cls._from(container, path)
        except (av.error.FFmpegError, OSError) as error:
            raise UnplayableVideo(f"{path}: not a video that can be opened: {error.strerror}") from error

    @classmethod
    def _from(cls, container: av.container.InputContainer, path: Path) -> Recording:
        if not container.streams.video:
            raise UnplayableVideo(f"{path}: holds no video")
        stream = container.streams.video[0]
        context = stream.codec_context
        if context.name not in {"h264", "hevc"}:
            raise UnplayableVideo(f"{path}: {context.name} video; a camera plays H.264 or H.265")
        codec: Codec = "h264" if context.name == "h264" else "hevc"
        extradata = bytes(context.extradata or b"")
        fps = float(stream.average_rate or stream.guessed_rate or 25)
        raw = [packet for packet in container.demux(stream) if packet.size]
        if not raw or not raw[0].is_keyframe:
            raise UnplayableVideo(f"{path}: does not begin with a key frame")
        length_size = length_size_of(codec, extradata)
        units = tuple(_units(raw, length_size, fps))
        sets = parameter_sets_of(codec, extradata) or _inband_sets(codec, units)
        if not sets:
            raise UnplayableVideo(f"{path}: has no parameter sets (SPS, PPS)")
        units = tuple(_without_sets(codec, unit) for unit in units)
        return cls(codec, context.width, context.height, fps, sets, units, units[-1].dts_s + 1 / fps)


def _units(packets: list[AvPacket], length_size: int, fps: float) -> Iterator[AccessUnit]:
    first = packets[0]
    time_base = float(first.time_base or 1 / 90_000)
    zero_dts = first.dts if first.dts is not None else 0
    zero_pts = first.pts if first.pts is not None else zero_dts
    for index, packet in enumerate(packets):
        dts_s = index / fps if packet.dts is None else (packet.dts - zero_dts) * time_base
        pts_s = dts_s if packet.pts is None else (packet.pts - zero_pts) * time_base
        yield AccessUnit(dts_s, pts_s, packet.is_keyframe, tuple(split_nals(bytes(packet), length_size)))


def length_size_of(codec: Codec, extradata: bytes) -> int:
    """Bytes of the length before each NAL unit (ISO/IEC 14496-15); 0 for a byte stream with start codes."""
    if not extradata or extradata[0] != 1:
        return 0
    return (extradata[4 if codec == "h264" else 21] & 3) + 1


def split_nals(data: bytes, length_size: int) -> Iterator[bytes]:
    """NAL units of one packet, length-prefixed or (length_size 0) with start codes."""
    if length_size == 0:
        yield from (nal.rstrip(b"\x00") for nal in _START_CODE.split(data) if nal)
        return
    position = 0
    while position + length_size <= len(data):
        length = int.from_bytes(data[position : position + length_size], "big")
        position += length_size
        if length:
            yield data[position : position + length]
        position += length


def nal_type(codec: Codec, nal: bytes) -> int:
    """The NAL unit's type: 5 bits in H.264, 6 bits in H.265."""
    return nal[0] & 0x1F if codec == "h264" else (nal[0] >> 1) & 0x3F


def parameter_sets_of(codec: Codec, extradata: bytes) -> tuple[bytes, ...]:
    """(VPS,) SPS and PPS from a decoder configuration record or a byte stream."""
    if length_size_of(codec, extradata) == 0:
        nals = split_nals(extradata, 0)
        return tuple(nal for nal in nals if nal_type(codec, nal) in _parameter_types(codec))
    return tuple(_avcc_sets(extradata) if codec == "h264" else _hvcc_sets(extradata))


def _avcc_sets(record: bytes) -> Iterator[bytes]:
    position = _AVCC_SETS_OFFSET
    for mask in (0x1F, 0xFF):  # the SPS, then the PPS
        count, position = record[position] & mask, position + 1
        for _ in range(count):
            nal, position = _counted(record, position)
            yield nal


def _hvcc_sets(record: bytes) -> Iterator[bytes]:
    arrays, position = record[_HEVC_ARRAYS_OFFSET], _HEVC_ARRAYS_OFFSET + 1
    for _ in range(arrays):
        kind = record[position] & 0x3F
        count = int.from_bytes(record[position + 1 : position + 3], "big")
        position += 3
        for _ in range(count):
            nal, position = _counted(record, position)
            if kind in _HEVC_PARAMETERS:
                yield nal


def _counted(record: bytes, position: int) -> tuple[bytes, int]:
    end = position + 2 + int.from_bytes(record[position : position + 2], "big")
    return record[position + 2 : end], end


def _parameter_types(codec: Codec) -> set[int]:
    return _H264_PARAMETERS if codec == "h264" else _HEVC_PARAMETERS


def _inband_sets(codec: Codec, units: tuple[AccessUnit, ...]) -> tuple[bytes, ...]:
    return tuple(nal for nal in units[0].nals if nal_type(codec, nal) in _parameter_types(codec))


def _without_sets(codec: Codec, unit: AccessUnit) -> AccessUnit:
    """The server sends the parameter sets before every key frame itself."""
    nals = tuple(nal for nal in unit.nals if nal_type(codec, nal) not in _parameter_types(codec))
    return AccessUnit(unit.dts_s, unit.pts_s, unit.keyframe, nals)
