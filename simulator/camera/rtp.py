"""RTP (RFC 3550) packets of H.264 (RFC 6184) and H.265 (RFC 7798): single NAL units and fragments; RTCP."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from simulator.camera.recording import Codec

CLOCK_HZ = 90_000
PAYLOAD_TYPE = 96
MAX_PAYLOAD = 1400
"""Bytes after the RTP header: fits an Ethernet frame."""

_FU_A = 28
_HEVC_FU = 49
_UNIX_TO_NTP_S = 2_208_988_800
_SENDER_REPORT, _SOURCE_DESCRIPTION, _BYE = 200, 202, 203


def payloads(codec: Codec, nal: bytes) -> Iterator[bytes]:
    """RTP payloads of one NAL unit: itself when it fits, else fragments."""
    if len(nal) <= MAX_PAYLOAD:
        yield nal
    elif codec == "h264":
        yield from _fragments(bytes([nal[0] & 0xE0 | _FU_A]), nal[0] & 0x1F, nal[1:])
    else:
        header = bytes([nal[0] & 0x81 | _HEVC_FU << 1, nal[1]])
        yield from _fragments(header, nal[0] >> 1 & 0x3F, nal[2:])


def _fragments(header: bytes, kind: int, body: bytes) -> Iterator[bytes]:
    size = MAX_PAYLOAD - len(header) - 1
    for begin in range(0, len(body), size):
        start = 0x80 if begin == 0 else 0
        end = 0x40 if begin + size >= len(body) else 0
        yield header + bytes([start | end | kind]) + body[begin : begin + size]


class RtpSender:
    """Numbers the packets of one client's stream and reports on them."""

    def __init__(self, codec: Codec, ssrc: int) -> None:
        self._codec = codec
        self._ssrc = ssrc
        self.next_sequence = 1
        self._packets = 0
        self._octets = 0

    def packets(self, nals: tuple[bytes, ...], timestamp: int) -> Iterator[bytes]:
        """The RTP packets of one picture; the last one carries the marker bit."""
        chunks = [chunk for nal in nals for chunk in payloads(self._codec, nal)]
        for index, chunk in enumerate(chunks):
            marker = 0x80 if index == len(chunks) - 1 else 0
            yield (
                struct.pack(
                    "!BBHII", 0x80, marker | PAYLOAD_TYPE, self.next_sequence, timestamp & 0xFFFFFFFF, self._ssrc
                )
                + chunk
            )
            self.next_sequence = self.next_sequence + 1 & 0xFFFF
            self._packets += 1
            self._octets += len(chunk)

    def report(self, unix_s: float, timestamp: int) -> bytes:
        """Sender report (which wall clock time the RTP time is) and source description."""
        ntp = int((unix_s + _UNIX_TO_NTP_S) * 2**32)
        octets, packets = self._octets & 0xFFFFFFFF, self._packets & 0xFFFFFFFF
        body = struct.pack("!IQIII", self._ssrc, ntp, timestamp & 0xFFFFFFFF, packets, octets)
        name = b"\x01\x09watchpost\x00"  # CNAME, its length, end of the list
        chunk = struct.pack("!I", self._ssrc) + name
        chunk += bytes(-len(chunk) % 4)
        return _rtcp(_SENDER_REPORT, 0, body) + _rtcp(_SOURCE_DESCRIPTION, 1, chunk)

    def goodbye(self) -> bytes:
        """RTCP BYE: the stream is over."""
        return _rtcp(_BYE, 1, struct.pack("!I", self._ssrc))


def _rtcp(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def interleaved(channel: int, packet: bytes) -> bytes:
    """A packet inside the RTSP connection (RFC 2326, 10.12)."""
    return struct.pack("!cBH", b"$", channel, len(packet)) + packet
