"""Video files as a camera: at full speed, or paced like the camera that recorded them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import av
import av.error

from edge.clock import SystemClock, utc
from edge.errors import SourceUnreadable
from edge.ports import Clock, PacketSink
from edge.sources.decoding import Decoder, Picture, first_video_stream, reason_of
from edge.types import Frame, StreamInfo

if TYPE_CHECKING:
    from av.container import InputContainer

_CUT_OFF_TOLERANCE_S = 1.0
"""A header may promise a little more than the last picture's time: its duration, an edit list, a rounded rate."""


class FileSource:
    """Frames of one video file on its own time base (PTS).

    `captured_at` is the file's creation time (its tag, else when it was last changed) plus the stream time, so the same
    file gives the same frames twice. Raises SourceUnreadable from `frames` and `probe`: not there, empty, not video;
    and from `frames`, after the last good frame, when the file is cut off.
    """

    def __init__(
        self,
        camera_id: str,
        path: Path,
        sink: PacketSink | None = None,
        clock: Clock | None = None,
        *,
        realtime: bool = False,
    ) -> None:
        self._camera_id = camera_id
        self._path = path
        self._sink = sink
        self._clock: Clock = clock or SystemClock()
        self._realtime = realtime
        self._closed = threading.Event()
        self.decode_ms: float | None = None
        """Running mean per frame (see `Decoder.decode_ms`)."""
        self.damaged = 0
        """Pictures that could not be decoded and were left out."""

    @property
    def live(self) -> bool:
        return False

    def probe(self) -> StreamInfo:
        """Open the file and read its header only."""
        with self._open() as container:
            return Decoder(container, str(self._path), None, self._clock, self._rotation()).info

    def close(self) -> None:
        self._closed.set()

    def frames(self) -> Iterator[Frame]:
        with self._open() as container:
            origin = _recorded_at(container, self._path)
            decoder = Decoder(container, str(self._path), self._sink, self._clock, self._rotation())
            started = self._clock.monotonic()
            for index, picture in enumerate(self._to_the_end(decoder)):
                if self._closed.is_set():
                    return
                if self._realtime:
                    self._wait_until(started + picture.stream_time_s)
                captured_at = origin + timedelta(seconds=picture.stream_time_s)
                yield Frame(
                    camera_id=self._camera_id,
                    index=index,
                    stream_time_s=picture.stream_time_s,
                    captured_at=captured_at,
                    luma=picture.luma,
                    convert=picture.convert,
                    repeated=picture.repeated,
                )

    def _open(self) -> InputContainer:
        if self._path.is_dir():
            raise SourceUnreadable(f"{self._path}: is a folder, not a video file")
        if not self._path.is_file():
            raise SourceUnreadable(f"{self._path}: there is no such file")
        if self._path.stat().st_size == 0:
            raise SourceUnreadable(f"{self._path}: the file is empty")
        try:
            return av.open(str(self._path), mode="r", metadata_errors="replace")
        except av.error.FFmpegError as error:
            raise SourceUnreadable(
                f"{self._path}: not a video file, or its end (with the index) is missing: {reason_of(error)}"
            ) from error

    def _rotation(self) -> int:
        """How phones note that they were held upright: only a decoded picture tells."""
        with self._open() as container:
            try:
                first = next(container.decode(first_video_stream(container, str(self._path))), None)
            except av.error.FFmpegError:
                return 0  # what is wrong is said when the frames are read
            return 0 if first is None else round(first.rotation / 90) * 90 % 360

    def _to_the_end(self, decoder: Decoder) -> Iterator[Picture]:
        """The decoder's pictures, and the truth about how the file ends."""
        count, last_s = 0, 0.0
        try:
            for picture in decoder.pictures():
                count, last_s = count + 1, picture.stream_time_s
                self.decode_ms, self.damaged = decoder.decode_ms, decoder.damaged
                yield picture
        except av.error.FFmpegError as error:
            raise SourceUnreadable(f"{self._path}: damaged after {last_s:.2f} s: {reason_of(error)}") from error
        self.damaged = decoder.damaged
        self._check_whole(decoder, count, last_s)

    def _check_whole(self, decoder: Decoder, count: int, last_s: float) -> None:
        if count == 0:
            raise SourceUnreadable(f"{self._path}: no picture could be decoded")
        stream = decoder.stream
        if stream.duration is None or stream.time_base is None:
            return
        promised_s = float(stream.duration * stream.time_base)
        if promised_s - last_s > _CUT_OFF_TOLERANCE_S + 2 / decoder.info.average_fps:
            raise SourceUnreadable(
                f"{self._path}: cut off: pictures end at {last_s:.2f} s, its header promises {promised_s:.2f} s"
            )

    def _wait_until(self, monotonic_s: float) -> None:
        wait_s = monotonic_s - self._clock.monotonic()
        if wait_s > 0:
            self._clock.sleep(wait_s)


def _recorded_at(container: InputContainer, path: Path) -> datetime:
    """When the first frame was taken, as well as the file knows it."""
    tag = container.metadata.get("creation_time", "")
    try:
        recorded = datetime.fromisoformat(tag)
    except ValueError:
        return utc(path.stat().st_mtime)
    return recorded if recorded.tzinfo else recorded.replace(tzinfo=UTC)
