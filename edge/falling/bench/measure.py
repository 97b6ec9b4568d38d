"""Plays a clip through the analyzer at full speed; the CPU time of the analyzer and of the decoder is told apart."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from edge.errors import BenchError, SourceUnreadable
from edge.falling.analyzer import FallingAnalyzer
from edge.falling.bench.labels import LabelledClip, labelled_falls
from edge.falling.bench.scoring import Judged, Result, Told, match, tally
from edge.falling.motion import Floats
from edge.falling.settings import FallingSettings
from edge.inference import ModelStore
from edge.sources.file import FileSource
from edge.sources.images import ImageSequenceSource, is_sequence, numbered_pictures
from edge.types import Frame

_MOG2_FRAMES = 200


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """What came of one clip: events, the (n,) stream times of its pictures, their (w, h), and counts of the cost."""

    told: list[Told]
    times: Floats
    size: tuple[int, int]
    result: Result
    cut_short: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One clip's figures; `problem` says what is wrong with it or with its labels, `unusable` that it has none."""

    result: Result
    judged: list[Judged]
    problem: str | None = None
    unusable: bool = False


def measure_clip(
    clip: LabelledClip, settings: FallingSettings, models: ModelStore | None, mog2: bool = False
) -> Measured:
    """Play one labelled clip and compare. What is wrong with the clip or its labels is told, not raised."""
    entry = clip.entry
    if entry is None:
        return Measured(Result(clip.name), [], clip.problem, unusable=True)
    try:
        numbers: list[int] = []
        if is_sequence(clip.path):
            if entry.fps is None:
                raise BenchError("a series of pictures needs `fps` in its labels")
            numbers = [number for number, _ in numbered_pictures(clip.path)]
        played = play(clip.path, FallingAnalyzer("clip", settings, models), entry.fps)
    except (SourceUnreadable, BenchError) as error:
        return Measured(Result(clip.name), [], str(error), unusable=True)
    played.result.name = clip.name
    if mog2:
        played.result.mog2_ms_per_frame = mog2_ms(clip.path, entry.fps)
    labels, notes = labelled_falls(entry, played.size, played.times, numbers)
    told = [*([played.cut_short] if played.cut_short is not None else []), *clip.notes, *notes]
    judged = match(played.told, labels)
    return Measured(tally(judged, labels, played.result), judged, "; ".join(told) or None)


def run_clip(path: Path, settings: FallingSettings, models: ModelStore | None) -> tuple[list[Told], Result]:
    """Play a video file; what ends it too early stands in the result's notes."""
    played = play(path, FallingAnalyzer("clip", settings, models))
    if played.cut_short is not None:
        played.result.notes.append(f"cut short: {played.cut_short}")
    return played.told, played.result


def play(path: Path, analyzer: FallingAnalyzer, fps: float | None = None) -> Played:
    """Play a video, or numbered pictures at `fps`. Raises SourceUnreadable when there is not one picture."""
    told: list[Told] = []
    times: list[float] = []
    size, cut_short = (0, 0), None
    decoded_s = analysed_s = 0.0
    frames = _frames(path, fps)
    while True:
        begin_s = time.thread_time()
        try:
            frame = next(frames, None)
        except SourceUnreadable as error:
            if not times:
                raise
            frame, cut_short = None, str(error)
        ready_s = time.thread_time()
        if frame is None:
            break
        findings = analyzer.observe(frame)
        analysed_s += time.thread_time() - ready_s
        decoded_s += ready_s - begin_s
        times.append(frame.stream_time_s)
        size = (frame.luma.shape[1], frame.luma.shape[0])
        told += [Told(finding, times[-1]) for finding in findings]
    told += [Told(finding, times[-1]) for finding in analyzer.finish()]
    per_frame = 1e3 / len(times)
    result = Result(path.name, frames=len(times), seconds=times[-1])
    result.ms_per_frame, result.decode_ms_per_frame = analysed_s * per_frame, decoded_s * per_frame
    return Played(told, np.array(times), size, result, cut_short)


def mog2_ms(path: Path, fps: float | None) -> float:
    """CPU milliseconds a frame of OpenCV's background model in colour, which such analyzers usually begin with."""
    model = cv2.createBackgroundSubtractorMOG2()
    spent_s, count = 0.0, 0
    with suppress(SourceUnreadable):  # how the clip ends was told when it was played
        for frame in islice(_frames(path, fps), _MOG2_FRAMES):
            picture = frame.bgr()
            begin_s = time.thread_time()
            model.apply(picture)
            spent_s += time.thread_time() - begin_s
            count += 1
    return 1e3 * spent_s / count


def _frames(path: Path, fps: float | None) -> Iterator[Frame]:
    if is_sequence(path):
        source = ImageSequenceSource("clip", path, fps or 25.0)
        yield from source.frames()
        if source.damaged:
            names = ", ".join(source.damaged[:3])
            raise SourceUnreadable(f"{path}: {len(source.damaged)} pictures cannot be decoded ({names})")
    else:
        yield from FileSource("clip", path).frames()
