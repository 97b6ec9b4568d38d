"""Runs the product's own path over labelled pictures and counts: found, read, how long."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import cv2
import numpy as np

from edge.plates.analyzer import SEARCH_SIDES
from edge.plates.bench.labels import BrokenPicture, Label, LabelledPicture
from edge.plates.bench.scoring import Detections, Readings, match, most_alike
from edge.plates.detector import PlateDetector, overlap
from edge.plates.rectify import Corners
from edge.plates.stills import StillPlate, StillReader
from edge.types import Bgr

Stage = Literal["scene", "crop"]
_LEAST_OVERLAP = 0.1
"""A reading counts for the labelled plate that its box overlaps at least so much."""
_FILLED = 0.5
"""Of a plate that was cut out, the plate takes more than this share of the width."""
_SHOWN_MARGIN = 0.5
_SHOWN_PX = 320
_VIDEO_SIZE = (1920, 1080)
_VIDEO_FRAMES = 40
_VIDEO_PLATES = 4
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Failure:
    """A plate that was not read as labelled, with the part of the picture that shows it."""

    file: str
    stage: Stage
    expected: str
    read: str
    found: bool
    view: Bgr


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """A box where no plate is labelled: a false one, or a plate that the labels leave out."""

    file: str
    box: tuple[int, int, int, int]
    """Left, top, right, bottom in pixels."""
    score: float
    read: str
    view: Bgr


@dataclass
class Group:
    """Readings of one kind, of one province, or of all."""

    scene: Readings = field(default_factory=Readings)
    crop: Readings = field(default_factory=Readings)

    def count(self, stage: Stage, expected: str, read: str) -> None:
        """Count one reading."""
        (self.scene if stage == "scene" else self.crop).count(expected, read)


@dataclass
class Timings:
    """CPU seconds for: a still's detection, a plate's reading, its net alone, a video frame's detection."""

    detect: list[float] = field(default_factory=list)
    read_net: list[float] = field(default_factory=list)
    read: list[float] = field(default_factory=list)
    glance: list[float] = field(default_factory=list)


@dataclass
class Measurement:
    """Everything counted over one folder."""

    images: int = 0
    scenes: int = 0
    broken: list[tuple[str, str]] = field(default_factory=list)
    total: Group = field(default_factory=Group)
    by_kind: dict[str, Group] = field(default_factory=lambda: defaultdict(Group))
    by_province: dict[str, Group] = field(default_factory=lambda: defaultdict(Group))
    at_50: Detections = field(default_factory=lambda: Detections(0.5))
    at_70: Detections = field(default_factory=lambda: Detections(0.7))
    detector_alone: Detections = field(default_factory=lambda: Detections(0.5))
    """Before the reader has said which of them are no plates."""
    failures: list[Failure] = field(default_factory=list)
    unlabelled: list[Unlabelled] = field(default_factory=list)
    timings: Timings = field(default_factory=Timings)


class Bench:
    """Measures one folder's pictures."""

    def __init__(self, still: StillReader, video: PlateDetector) -> None:
        self._still = still
        self._video = video

    def measure(self, pictures: Iterable[LabelledPicture]) -> Measurement:
        """Read every picture; what cannot be decoded is counted and named."""
        result = Measurement()
        for labelled in pictures:
            try:
                picture = labelled.read()
            except BrokenPicture as error:
                result.broken.append((labelled.file, str(error)))
                continue
            if result.images == 0:
                self._warm_up(picture)
            result.images += 1
            if self._is_scene(labelled, picture):
                self._scene(labelled, picture, result)
            else:
                self._crop(labelled.file, labelled.labels[0], picture, result)
        return result

    def _is_scene(self, labelled: LabelledPicture, picture: Bgr) -> bool:
        """By its labels and its shape; where those do not tell, by how much of the picture a plate fills."""
        known = labelled.is_scene(picture)
        if known is not None:
            return known
        plates = self._still.detector.detect(picture)
        return bool(plates) and float(np.ptp(plates[0].corners[:, 0])) < _FILLED * picture.shape[1]

    def _warm_up(self, picture: Bgr) -> None:
        for _ in range(3):
            self._still.read_picture(picture)
            self._still.read_crop(picture)

    def _scene(self, labelled: LabelledPicture, picture: Bgr, result: Measurement) -> None:
        result.scenes += 1
        detections = _timed(result.timings.detect, lambda: self._still.detector.detect(picture))
        plates = self._still.read_detections(picture, detections)
        places = [label.place for label in labelled.labels if label.place is not None]
        if len(places) == len(labelled.labels):
            found = [plate.corners for plate in plates]
            result.at_50.count(places, found)
            result.at_70.count(places, found)
            result.detector_alone.count(places, [one.corners for one in detections])
            self._keep_unlabelled(labelled.file, places, plates, picture, result)
        for label in labelled.labels:
            if label.text:
                self._judge_scene(labelled.file, label, plates, picture, result)
                self._read_at_label(labelled.file, label, picture, result)
        if len(result.timings.glance) < _VIDEO_FRAMES:
            frame = as_video_frame(picture)
            _timed(result.timings.glance, lambda: self._video.glance(frame, _VIDEO_PLATES, large=False))

    def _judge_scene(
        self, file: str, label: Label, plates: list[StillPlate], picture: Bgr, result: Measurement
    ) -> None:
        """A plate is read when a box that overlaps it was read as labelled."""
        place = label.place
        near = [plate for plate in plates if place is None or overlap(place, plate.corners) >= _LEAST_OVERLAP]
        read = most_alike(label.text, (plate.text for plate in near))
        if place is None and not _alike(label.text, read):
            read = ""
        if read != label.text:
            shown = view_of(picture, place if place is not None else None)
            result.failures.append(Failure(file, "scene", label.text, read, bool(near), shown))
        _count(result, "scene", label, read)

    def _read_at_label(self, file: str, label: Label, picture: Bgr, result: Measurement) -> None:
        """The reader alone: at the labelled corners, or on the picture cut at the labelled box."""
        if label.corners is not None:
            corners = label.corners
            plate = _timed(result.timings.read, lambda: self._still.read_place(picture, corners))
        elif label.box is not None:
            cut = _cut(picture, label.box)
            if cut.size == 0:
                return
            plate = _timed(result.timings.read, lambda: self._still.read_crop(cut))
        else:
            return
        self._judge_crop(file, label, plate, view_of(picture, label.place), result)

    def _crop(self, file: str, label: Label, picture: Bgr, result: Measurement) -> None:
        plate = _timed(result.timings.read, lambda: self._still.read_crop(picture))
        self._judge_crop(file, label, plate, picture, result)

    def _judge_crop(self, file: str, label: Label, plate: StillPlate, shown: Bgr, result: Measurement) -> None:
        _timed(result.timings.read_net, lambda: self._still.read_net(plate.recognition.crop))
        read = plate.text
        if read != label.text:
            result.failures.append(Failure(file, "crop", label.text, read, True, shown))
        _count(result, "crop", label, read)

    def _keep_unlabelled(
        self, file: str, places: list[Corners], plates: list[StillPlate], picture: Bgr, result: Measurement
    ) -> None:
        taken = set(match(places, [plate.corners for plate in plates], 0.5).values())
        for index, plate in enumerate(plates):
            if index not in taken:
                low, high = plate.corners.min(0), plate.corners.max(0)
                box = (round(float(low[0])), round(float(low[1])), round(float(high[0])), round(float(high[1])))
                shown = view_of(picture, plate.corners)
                result.unlabelled.append(Unlabelled(file, box, round(plate.score, 3), plate.text, shown))


def as_video_frame(picture: Bgr) -> Bgr:
    """(1080, 1920, 3): the picture scaled to fit, grey around it."""
    width, height = _VIDEO_SIZE
    scale = min(width / picture.shape[1], height / picture.shape[0])
    inner = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    frame = np.full((height, width, 3), 114, np.uint8)
    frame[: inner[1], : inner[0]] = cv2.resize(picture, inner, interpolation=cv2.INTER_AREA)
    return frame


def video_side() -> int:
    """The size at which the analyzer searches a whole frame."""
    return SEARCH_SIDES[-1]


def view_of(picture: Bgr, place: Corners | None) -> Bgr:
    """A copy of the part around a place, for people to look at; the whole picture, made small, without a place."""
    if place is None:
        part = picture
    else:
        margin = _SHOWN_MARGIN * np.maximum(np.ptp(place, 0), 8)
        around = np.array([place.min(0) - margin, place.max(0) + margin], np.float32)
        part = _cut(picture, around)
        part = picture if part.size == 0 else part
    scale = min(1.0, _SHOWN_PX / part.shape[1])
    if scale == 1.0:
        return part.copy()
    size = (_SHOWN_PX, max(1, round(part.shape[0] * scale)))
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)


def _cut(picture: Bgr, place: Corners) -> Bgr:
    height, width = picture.shape[:2]
    left, top = np.clip(np.floor(place.min(0)), 0, (width, height)).astype(int)
    right, bottom = np.clip(np.ceil(place.max(0)), 0, (width, height)).astype(int)
    return picture[top:bottom, left:right]


def _count(result: Measurement, stage: Stage, label: Label, read: str) -> None:
    for group in (result.total, result.by_kind[label.kind], result.by_province[label.province]):
        group.count(stage, label.text, read)


def _alike(expected: str, read: str) -> bool:
    """Where a label has no place: whether a reading can be meant for it."""
    return sum(one == other for one, other in zip(expected, read, strict=False)) >= len(expected) / 2


def _timed(times: list[float], work: Callable[[], T]) -> T:
    began = time.thread_time()
    done = work()
    times.append(time.thread_time() - began)
    return done
