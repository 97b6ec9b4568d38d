"""RTSP 1.0 (RFC 2326) on the wire: requests, answers, the session description (RFC 4566), Digest sign-in (RFC 2617)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from simulator.camera.recording import Recording
from simulator.camera.rtp import CLOCK_HZ, PAYLOAD_TYPE

REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    461: "Unsupported Transport",
    503: "Service Unavailable",
}
METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, SET_PARAMETER, TEARDOWN"
TRACK = "trackID=0"
MAX_LINE = 8192
_MAX_HEADERS = 64
_MAX_BODY = 65_536


class MalformedRequest(Exception):
    """What came is not RTSP; the connection is of no more use."""


@dataclass(frozen=True, slots=True)
class Request:
    """One RTSP request; header names in lower case."""

    method: str
    url: str
    headers: dict[str, str]

    @property
    def sequence(self) -> str:
        return self.headers.get("cseq", "0")

    @property
    def path(self) -> str:
        """The stream's path without the track and a trailing slash."""
        path = urlsplit(self.url).path
        return path.removesuffix(TRACK).rstrip("/") or "/"


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request; interleaved packets from the client (receiver reports) are passed over. None: it hung up."""
    try:
        while (first := await reader.readexactly(1)) == b"$":
            header = await reader.readexactly(3)
            await reader.readexactly(int.from_bytes(header[1:], "big"))
        line = first + await reader.readuntil(b"\n")
        while not line.strip():
            line = await reader.readuntil(b"\n")
        headers = await _read_headers(reader)
        await reader.readexactly(_body_length(headers))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except asyncio.LimitOverrunError as error:
        raise MalformedRequest(f"a line longer than {MAX_LINE} bytes") from error
    parts = line.decode("latin-1").split()
    if len(parts) != 3 or not parts[2].startswith("RTSP/"):
        raise MalformedRequest(f"not an RTSP request line: {line[:80]!r}")
    return Request(parts[0].upper(), parts[1], headers)


async def _read_headers(reader: asyncio.StreamReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(_MAX_HEADERS):
        line = (await reader.readuntil(b"\n")).decode("latin-1").strip()
        if not line:
            return headers
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    raise MalformedRequest(f"more than {_MAX_HEADERS} header lines")


def _body_length(headers: dict[str, str]) -> int:
    text = headers.get("content-length", "0")
    if not text.isdigit() or int(text) > _MAX_BODY:
        raise MalformedRequest(f"Content-Length {text[:20]!r}")
    return int(text)


def answer(status: int, sequence: str, headers: dict[str, str] | None = None, body: str = "") -> bytes:
    """An RTSP answer, ready to send."""
    lines = [f"RTSP/1.0 {status} {REASONS[status]}", f"CSeq: {sequence}", "Server: Watchpost simulator"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines += ["Content-Type: application/sdp", f"Content-Length: {len(body.encode())}"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@dataclass(frozen=True, slots=True)
class Transport:
    """How a client wants its packets: two channels of the RTSP connection, or two UDP ports of its own."""

    interleaved: tuple[int, int] | None
    client_ports: tuple[int, int] | None


def parse_transport(header: str) -> Transport | None:
    """The first transport offered that this server can serve; None when there is none."""
    for offer in header.split(","):
        if "multicast" in offer:
            continue
        if "RTP/AVP/TCP" in offer:
            channels = re.search(r"interleaved=(\d+)-(\d+)", offer)
            return Transport((int(channels[1]), int(channels[2])) if channels else (0, 1), None)
        ports = re.search(r"client_port=(\d+)-(\d+)", offer)
        if "RTP/AVP" in offer and ports:
            return Transport(None, (int(ports[1]), int(ports[2])))
    return None


def session_description(recording: Recording, host: str) -> str:
    """SDP of the one video track, with its parameter sets."""
    encoded = [base64.b64encode(nal).decode() for nal in recording.parameter_sets]
    if recording.codec == "h264":
        name, profile = "H264", recording.parameter_sets[0][1:4].hex()
        format_line = f"packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={','.join(encoded)}"
    else:
        name = "H265"
        kinds = {32: "vps", 33: "sps", 34: "pps"}
        pairs = zip(recording.parameter_sets, encoded, strict=True)
        format_line = ";".join(f"sprop-{kinds[nal[0] >> 1 & 0x3F]}={text}" for nal, text in pairs)
    lines = [
        "v=0",
        f"o=- 1 1 IN IP4 {host}",
        "s=Watchpost simulated camera",
        f"c=IN IP4 {host}",
        "t=0 0",
        "a=range:npt=now-",
        "a=control:*",
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        f"a=rtpmap:{PAYLOAD_TYPE} {name}/{CLOCK_HZ}",
        f"a=fmtp:{PAYLOAD_TYPE} {format_line}",
        f"a=framerate:{recording.fps:.3f}",
        f"a=control:{TRACK}",
    ]
    return "\r\n".join(lines) + "\r\n"


@dataclass(frozen=True, slots=True)
class DigestGate:
    """Asks for user and password by Digest; without a user everybody may enter."""

    user: str | None
    password: str
    realm: str = "Watchpost camera"
    nonce: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def challenge(self) -> str:
        return f'Digest realm="{self.realm}", nonce="{self.nonce}"'

    def admits(self, request: Request) -> bool:
        """True when the request carries the right response to this gate's nonce."""
        if self.user is None:
            return True
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        given = dict(re.findall(r'(\w+)="?([^",]*)"?', rest))
        if scheme.lower() != "digest" or given.get("username") != self.user or given.get("nonce") != self.nonce:
            return False
        secret = _md5(f"{self.user}:{self.realm}:{self.password}")
        action = _md5(f"{request.method}:{given.get('uri', '')}")
        middle = [self.nonce]
        if "qop" in given:
            middle += [given.get("nc", ""), given.get("cnonce", ""), given["qop"]]
        expected = _md5(":".join([secret, *middle, action]))
        return hmac.compare_digest(expected, given.get("response", ""))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()  # RFC 2617 knows no other
