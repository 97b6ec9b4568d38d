"""Plays a clip through the analyzer at full speed, timing the analyzer and the decoder apart."""

from __future__ import annotations

import time
from pathlib import Path

from edge.errors import SourceUnreadable
from edge.falling.analyzer import FallingAnalyzer
from edge.falling.bench.scoring import Result, Told
from edge.falling.settings import FallingSettings
from edge.inference import ModelStore
from edge.sources.file import FileSource


def run_clip(path: Path, settings: FallingSettings, models: ModelStore | None) -> tuple[list[Told], Result]:
    """Play a file through the analyzer at full speed, timing the analyzer and the decoder apart."""
    source = FileSource("clip", path)
    analyzer = FallingAnalyzer("clip", settings, models)
    told: list[Told] = []
    result = Result(path.name)
    spent, count, at_s = 0.0, 0, 0.0
    try:
        for frame in source.frames():
            begin = time.perf_counter()
            findings = analyzer.observe(frame)
            spent += time.perf_counter() - begin
            count, at_s = count + 1, frame.stream_time_s
            told += [Told(finding, at_s) for finding in findings]
    except SourceUnreadable as error:
        result.notes.append(f"cut short: {error}")
    told += [Told(finding, at_s) for finding in analyzer.finish()]
    result.ms_per_frame = 1e3 * spent / max(count, 1)
    result.decode_ms_per_frame = source.decode_ms or 0.0
    result.seconds = at_s
    return told, result
