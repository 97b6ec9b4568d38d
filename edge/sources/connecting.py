"""Opening a live stream: FFmpeg's options for it, and its errors as ours. No message holds a password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import av
import av.error

from edge.addresses import redact
from edge.errors import SourceAuthRefused, SourceError, SourceNotFound, SourceStalled, SourceUnreadable
from edge.sources.decoding import reason_of

if TYPE_CHECKING:
    from av.container import InputContainer

Transport = Literal["tcp", "udp"]

_REORDER_PACKETS = 500
"""UDP packets held back to put late ones in order."""
_RECEIVE_BUFFER = 4 << 20
"""Bytes; a key frame comes at once, and the system's default would drop the end of it."""

_LOOK_FIRST_US = "500000"
"""How much FFmpeg looks at before it hands out the first picture (none of it is lost); its own default costs 1.2 s."""


def open_stream(url: str, transport: Transport, timeout_s: float) -> InputContainer:
    """Connect to an RTSP or HTTP(S) address. Raises the four kinds of SourceError."""
    options: dict[str, str] = {}
    read_timeout_s = timeout_s
    if url.startswith(("rtsp://", "rtsps://")):
        options = {"rtsp_transport": transport, "buffer_size": str(_RECEIVE_BUFFER), "analyzeduration": _LOOK_FIRST_US}
        options |= {"reorder_queue_size": str(_REORDER_PACKETS)} if transport == "udp" else {}
        read_timeout_s = timeout_s / 2  # FFmpeg waits once more for the answer to its good-bye
    try:
        container = av.open(
            url, mode="r", options=options, timeout=(timeout_s, read_timeout_s), metadata_errors="replace"
        )
    except (av.error.FFmpegError, OSError) as error:
        raise source_error(url, error) from error
    if container.streams.video and not container.streams.video[0].codec_context.width:
        container.close()
        raise SourceStalled(f"{redact(url)}: connected, but no picture came within the time-out")
    return container


def source_error(url: str, error: av.error.FFmpegError | OSError) -> SourceError:
    """What FFmpeg reports, as this agent's error with the redacted address and what to do."""
    shown = redact(url)
    if isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError):
        return SourceAuthRefused(f"{shown}: the camera refuses user name or password (401/403); correct them")
    if isinstance(error, av.error.HTTPNotFoundError):
        return SourceNotFound(f"{shown}: the camera answers, but has no such stream (404); correct the path")
    if isinstance(error, av.error.ExitError | TimeoutError):
        return SourceStalled(f"{shown}: nothing came within the time-out; is the camera on and reachable?")
    reason = reason_of(error) if isinstance(error, av.error.FFmpegError) else str(error.strerror)
    return SourceUnreadable(f"{shown}: {reason}")
