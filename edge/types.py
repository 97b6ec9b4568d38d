"""The agent's vocabulary: frozen values that travel between its parts. Units are in the names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from contract.events import EventData, EventType

Luma = NDArray[np.uint8]
"""(h, w) uint8, full range 0..255: the source has normalised limited-range video already."""

Bgr = NDArray[np.uint8]
"""(h, w, 3) uint8, blue first, as OpenCV expects."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture of one camera.

    `stream_time_s` comes from the stream's presentation time stamps and starts at 0 with the connection
    (or the file), never from the wall clock; `captured_at` is its best estimate in UTC. `luma` is (h, w) uint8,
    full range.
    `repeated` says that the picture is the one before it again (a 20 fps picture in a 30 fps stream): it carries
    time but no news, and a differencing analyzer must skip it.
    """

    camera_id: str
    index: int
    stream_time_s: float
    captured_at: datetime
    luma: Luma
    convert: Callable[[], Bgr] = field(repr=False, compare=False)
    repeated: bool = False

    def bgr(self) -> Bgr:
        """(h, w, 3) uint8: the picture in colour, made anew at each call (1 to 3 ms at 1080p); ask only when needed."""
        return self.convert()


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What is needed to put a stream's compressed packets into a file again."""

    codec: str
    """FFmpeg's codec name, for instance `h264` or `hevc`."""
    width: int
    height: int
    extradata: bytes
    average_fps: float
    rotation: int = 0
    """Degrees counter-clockwise by which pictures are turned for display (a phone held upright): 0, 90, 180, 270."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One compressed video packet, times in seconds of stream time (the same zero as `Frame.stream_time_s`)."""

    data: bytes
    pts_s: float
    dts_s: float
    duration_s: float
    keyframe: bool


PictureRole = Literal["snapshot", "plate", "path", "origin"]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that proves a finding: whole frame (`snapshot`), rectified plate, the frame with the path drawn, or a
    cut-out of the origin (`origin`)."""

    role: PictureRole
    bgr: Bgr
    plate: NDArray[np.float32] | None = None
    """Corners (4, 2) x, y in pixels of the plate that the finding is about, where there is one in the picture."""
    window: tuple[float, float, float, float] | None = None
    """Left, top, right, bottom of a cut-out in fractions of its whole frame; None for a whole frame."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What an analyzer is convinced of, before it has an id, a sequence number or files on disk.

    `data` carries no evidence yet: the pipeline fills `data.evidence` after the pictures are on disk.
    `started_s` and `ended_s` are stream times: the clip is cut around them. `wants_clip` is False for what a still
    proves.
    """

    camera_id: str
    event_type: EventType
    occurred_at: datetime
    started_s: float
    ended_s: float
    data: EventData
    pictures: tuple[Picture, ...]
    wants_clip: bool = True
