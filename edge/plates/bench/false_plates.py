"""What the analyzer reports on video that shows no readable plate: passages, and the detector's boxes behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from contract.events import PlatePassageData
from edge.errors import BenchError, SourceUnreadable
from edge.inference import ModelStore
from edge.plates.analyzer import PlatesAnalyzer
from edge.plates.bench.measure import video_side, view_of
from edge.plates.detector import PlateDetector
from edge.plates.rectify import Corners
from edge.plates.settings import PlatesSettings
from edge.plates.stills import StillReader
from edge.sources.file import FileSource
from edge.types import Bgr, Finding

_VIDEOS = {".avi", ".mkv", ".mov", ".mp4", ".mpg", ".ts", ".webm"}
_EVERY = 5
"""The detector alone looks at one whole frame in so many."""
_MOST_PLATES = 4
_SHOWN_BOXES = 12
_PLACE_PX = 48
"""Of one video so many of the detector's boxes are shown, each place once."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Something taken for a plate, with the part of the frame that shows it."""

    video: str
    time_s: float
    text: str
    """What was read; empty when it could not be."""
    score: float
    view: Bgr


@dataclass
class Counts:
    """What was seen in one video, or in all."""

    frames: int = 0
    looked: int = 0
    boxes: int = 0
    """Detector's boxes in the frames looked at."""
    called_plates: int = 0
    """Those boxes that the reader does not refuse."""
    readable: int = 0
    """Passages reported with a text."""
    unreadable: int = 0
    """Passages reported as unreadable."""

    def add(self, other: Counts) -> None:
        """Count another video's too."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def figures(self) -> dict[str, float | int | None]:
        """As plain values, with passages and boxes for 1,000 frames."""
        per_1000 = {
            "readable_per_1000": _per_1000(self.readable, self.frames),
            "unreadable_per_1000": _per_1000(self.unreadable, self.frames),
            "boxes_per_1000": _per_1000(self.boxes, self.looked),
            "called_plates_per_1000": _per_1000(self.called_plates, self.looked),
        }
        return {**vars(self), **per_1000}


@dataclass
class FalsePlates:
    """The result over a folder."""

    by_video: dict[str, Counts] = field(default_factory=dict)
    passages: list[Shown] = field(default_factory=list)
    boxes: list[Shown] = field(default_factory=list)
    broken: list[tuple[str, str]] = field(default_factory=list)
    places: dict[str, set[tuple[int, int]]] = field(default_factory=dict)
    """Cells of the pictures whose boxes are among `boxes` already."""

    @property
    def total(self) -> Counts:
        """All videos together."""
        total = Counts()
        for counts in self.by_video.values():
            total.add(counts)
        return total

    def figures(self) -> dict[str, Any]:
        """Everything as plain values."""
        return {
            "total": self.total.figures(),
            "by_video": {name: counts.figures() for name, counts in self.by_video.items()},
            "passages": [
                {"video": one.video, "time_s": round(one.time_s, 2), "text": one.text} for one in self.passages
            ],
            "broken": [{"file": file, "why": why} for file, why in self.broken],
        }


def videos_in(data: Path) -> list[Path]:
    """The videos of a folder by name, or the one file. Raises BenchError when there is none."""
    if data.is_file():
        return [data]
    if not data.is_dir():
        raise BenchError(f"{data}: there is no such folder; give a folder with videos")
    found = sorted(path for path in data.iterdir() if path.suffix.lower() in _VIDEOS)
    if not found:
        raise BenchError(f"{data}: holds no video ({', '.join(sorted(_VIDEOS))})")
    return found


def look_for_false_plates(videos: Sequence[Path], models: ModelStore) -> FalsePlates:
    """Run the analyzer, and beside it the detector alone, over every video. A damaged video is named."""
    result = FalsePlates()
    detector = PlateDetector(models, long_side=video_side())
    reader = StillReader(models)
    for video in videos:
        counts = result.by_video.setdefault(video.name, Counts())
        analyzer = PlatesAnalyzer(video.stem, PlatesSettings(), models)
        reported: dict[str, Shown] = {}
        try:
            for frame in FileSource(video.stem, video).frames():
                counts.frames += 1
                _keep(video.name, analyzer.observe(frame), reported)
                if frame.index % _EVERY == 0:
                    _look(video.name, frame.stream_time_s, frame.bgr(), detector, reader, result)
        except SourceUnreadable as error:
            result.broken.append((video.name, str(error)))
        _keep(video.name, analyzer.finish(), reported)
        counts.readable = sum(bool(one.text) for one in reported.values())
        counts.unreadable = len(reported) - counts.readable
        result.passages += reported.values()
    return result


def _look(
    video: str, time_s: float, picture: Bgr, detector: PlateDetector, reader: StillReader, result: FalsePlates
) -> None:
    """The detector alone at the whole frame."""
    counts = result.by_video[video]
    counts.looked += 1
    for found in detector.glance(picture, _MOST_PLATES, large=True):
        plate = reader.read_at(picture, found.corners, found.score)
        counts.boxes += 1
        counts.called_plates += plate.is_plate
        if _is_new(video, found.corners, result.places):
            result.boxes.append(Shown(video, time_s, plate.text, found.score, view_of(picture, found.corners)))


def _keep(video: str, findings: Sequence[Finding], reported: dict[str, Shown]) -> None:
    """One entry a passage: its last finding, with a text if any of its findings had one."""
    for finding in findings:
        data = finding.data
        if not isinstance(data, PlatePassageData):
            continue
        earlier = reported.get(data.passage_id)
        text = data.plate.text if data.readable and data.plate is not None else ""
        frame = finding.pictures[0].bgr
        place = None
        if data.corners is not None:
            size = np.array([frame.shape[1], frame.shape[0]], np.float32)
            place = np.array([(point[0], point[1]) for point in data.corners], np.float32) * size
        text = text or (earlier.text if earlier else "")
        reported[data.passage_id] = Shown(video, finding.started_s, text, 0.0, view_of(frame, place))


def _is_new(video: str, corners: Corners, places: dict[str, set[tuple[int, int]]]) -> bool:
    """Whether this place of this video has not been shown yet, and there is room to show it."""
    x, y = (corners.mean(0) // _PLACE_PX).astype(int)
    known = places.setdefault(video, set())
    if (int(x), int(y)) in known or len(known) >= _SHOWN_BOXES:
        return False
    known.add((int(x), int(y)))
    return True


def _per_1000(number: int, frames: int) -> float | None:
    return round(1000 * number / frames, 2) if frames else None
