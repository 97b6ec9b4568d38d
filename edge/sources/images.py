"""A folder of numbered pictures as a camera: `name%d.jpg`, played at a given rate."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

from edge.clock import utc
from edge.errors import EvidenceError, SourceUnreadable
from edge.imaging import decode_jpeg, decode_luma
from edge.sources.decoding import RepeatCheck
from edge.types import Frame

_NUMBERED = re.compile(r"^(?P<before>.*?)(?P<number>\d+)(?P<after>\.(?:jpe?g|png|bmp))$", re.IGNORECASE)
_DIRECTIVE = re.compile(r"%0?\d*d")


def numbered_pictures(path: Path) -> list[tuple[int, Path]]:
    """(number, file) in order for a pattern such as `clip/img%d.jpg`, or for a folder of one series of pictures.

    Zeros before a number are of no account. Raises SourceUnreadable when there is none, when two have one number, or
    when a folder holds several series.
    """
    if path.is_dir():
        found = _series_in(path)
    else:
        before, _, after = _split(path.name)
        wanted = re.compile(re.escape(before) + r"(\d+)" + re.escape(after), re.IGNORECASE)
        names = ((wanted.fullmatch(entry.name), entry) for entry in _entries(path.parent))
        found = [(int(match[1]), entry) for match, entry in names if match]
    if not found:
        raise SourceUnreadable(f"{path}: no numbered picture is there")
    found.sort()
    for (number, one), (following, other) in pairwise(found):
        if number == following:
            raise SourceUnreadable(f"{path}: two pictures are number {number} ({one.name}, {other.name}); keep one")
    return found


def is_sequence(path: Path) -> bool:
    """Whether a path means numbered pictures: a folder, or a name with `%d` in it."""
    return path.is_dir() or (_DIRECTIVE.search(path.name) is not None and not path.is_file())


def _split(name: str) -> tuple[str, str, str]:
    match = _DIRECTIVE.search(name)
    if match is None:
        raise SourceUnreadable(f"{name}: neither a folder nor a pattern such as name%d.jpg")
    return name[: match.start()], match[0], name[match.end() :]


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise SourceUnreadable(f"{folder}: {error.strerror or 'cannot be read'}") from error


def _series_in(folder: Path) -> list[tuple[int, Path]]:
    matches = [(match, entry) for entry in _entries(folder) if (match := _NUMBERED.match(entry.name))]
    series = Counter((match["before"], match["after"].lower()) for match, _ in matches)
    if len(series) > 1:
        names = ", ".join(f"{before}%d{after}" for before, after in sorted(series))
        raise SourceUnreadable(f"{folder}: holds several series of pictures ({names}); name one of them")
    return [(int(match["number"]), entry) for match, entry in matches]


class ImageSequenceSource:
    """Frames of numbered pictures; a gap in the numbers is a gap in time, a broken picture is left out and named."""

    def __init__(self, camera_id: str, path: Path, fps: float) -> None:
        """`path` is a pattern or a folder (see `numbered_pictures`), `fps` the pictures a second."""
        self._camera_id = camera_id
        self._path = path
        self._fps = fps
        self.damaged: list[str] = []
        """Names of pictures that could not be decoded."""

    def frames(self) -> Iterator[Frame]:
        """Raises SourceUnreadable when there is no picture, or none that can be decoded."""
        pictures = numbered_pictures(self._path)
        first, start = pictures[0][0], utc(pictures[0][1].stat().st_mtime)
        repeats = RepeatCheck()
        count = 0
        for number, file in pictures:
            try:
                data = file.read_bytes()
                luma = decode_luma(data)
            except (OSError, EvidenceError):
                self.damaged.append(file.name)
                continue
            time_s = (number - first) / self._fps
            yield Frame(
                camera_id=self._camera_id,
                index=number - first,
                stream_time_s=time_s,
                captured_at=start + timedelta(seconds=time_s),
                luma=luma,
                convert=partial(decode_jpeg, data),
                repeated=repeats.is_repeated(luma),
            )
            count += 1
        if count == 0:
            raise SourceUnreadable(f"{self._path}: none of {len(pictures)} pictures can be decoded")
