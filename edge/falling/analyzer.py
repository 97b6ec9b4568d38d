"""The falling-object analyzer of one camera: frames in, one finding per fall out. Start reading at `observe`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from contract.events import EventType
from edge.falling.candidate import Candidate, View
from edge.falling.detector import MODEL_NAME, FallClassifier
from edge.falling.facade import Facade, build_facade
from edge.falling.finder import CandidateFinder
from edge.falling.finding import Fall, describe_fall
from edge.falling.mirror import Extent, FallMerger, Released, extent_of
from edge.falling.origin import Viewpoint, find_viewpoint
from edge.falling.pictures import BestFrames, Proof, fall_pictures
from edge.falling.settings import FallingSettings
from edge.falling.tracker import Track
from edge.falling.verdict import doubted, judge, possible
from edge.inference import ModelStore
from edge.types import Finding, Frame

_GAP_S = 2.0
"""A hole in the stream longer than this closes everything that is open."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A fall on its way to a finding."""

    fall: Fall
    proof: Proof


class FallingAnalyzer:
    """Watches one camera for falling objects (see `edge.ports.Analyzer`). Raises ModelError, ConfigError when built."""

    def __init__(self, camera_id: str, settings: FallingSettings, models: ModelStore | None = None) -> None:
        """`models` is needed unless the settings switch the classifier off."""
        self._camera_id = camera_id
        self._settings = settings
        self._facade = build_facade(settings.facade) if settings.facade is not None else None
        self.read_offset: Callable[[], tuple[float, float] | None] = lambda: (0.0, 0.0)
        """How far the view has shifted from its drawing, (x, y) picture fractions; None when it does not fit any more.
        Asked when a stream begins: what shifts later is steadied."""
        self._classifier: FallClassifier | None = None
        if settings.use_classifier:
            store = models if models is not None else ModelStore()
            self._classifier = FallClassifier(store.load(MODEL_NAME))
        self._stream: _Stream | None = None
        self._last_s = 0.0

    @property
    def weather_mode(self) -> bool:
        """Whether the camera looks through rain or snow at the moment."""
        return self._stream is not None and self._stream.finder.weather.active

    def observe(self, frame: Frame) -> Sequence[Finding]:
        """Look at the next frame; findings of falls that have left the view."""
        findings = list(self.finish()) if self._interrupted(frame) else []
        self._last_s = frame.stream_time_s
        if frame.repeated:
            return findings
        if self._stream is None:
            self._stream = self._begin((frame.luma.shape[0], frame.luma.shape[1]))
        stream = self._stream
        stream.frames.add(frame)
        candidates = stream.finder.observe(frame.luma, frame.stream_time_s)
        hopeful = stream.finder.hopeful()
        stream.frames.remember(hopeful)
        for candidate in candidates:
            self._consider(stream, candidate)
        rivals = hopeful if stream.merger.holds else []
        open_extents = [_extent(track, stream.finder.view) for track in rivals]
        return findings + self._findings(stream.merger.release(frame.stream_time_s, open_extents))

    def finish(self) -> Sequence[Finding]:
        """Close what is open: the stream has ended or was interrupted."""
        stream, self._stream = self._stream, None
        if stream is None:
            return []
        for candidate in stream.finder.finish():
            self._consider(stream, candidate)
        return self._findings(stream.merger.release(np.inf, []))

    def _begin(self, picture: tuple[int, int]) -> _Stream:
        offset = self.read_offset()
        facade = self._facade.shifted(offset) if self._facade is not None and offset is not None else None
        viewpoint = None
        if facade is not None and self._settings.facade is not None:
            viewpoint = find_viewpoint(facade, self._settings.facade.camera_height_m)
        return _Stream(CandidateFinder(picture, self._settings, facade), facade, viewpoint)

    def _interrupted(self, frame: Frame) -> bool:
        if self._stream is None:
            return False
        step = frame.stream_time_s - self._last_s
        return step < 0 or step > _GAP_S or self._stream.finder.picture != frame.luma.shape

    def _consider(self, stream: _Stream, candidate: Candidate) -> None:
        """Judge a candidate; first without the network, which most need not trouble."""
        weather = stream.finder.weather.active
        proof = stream.frames.of(candidate.number)
        if not possible(candidate, self._settings):
            return
        look = self._classifier.look(candidate) if self._classifier is not None else None
        verdict = judge(candidate, look, weather, self._settings)
        if verdict.certainty is None:
            if not weather:  # drops and flakes beside a fall say nothing of it
                stream.merger.refuse(extent_of(candidate, False))
            return
        certain = verdict.certainty == "confirmed"
        height, width = stream.finder.picture
        fall = Fall(candidate, look, verdict, weather, (width, height), stream.facade, stream.viewpoint, self._lost())
        stream.merger.add(extent_of(candidate, certain), _Waiting(fall, proof), certain)

    def _lost(self) -> bool:
        return self._facade is not None and self.read_offset() is None

    def _findings(self, released: list[Released[_Waiting]]) -> list[Finding]:
        findings = []
        for waiting, is_doubted in released:
            fall = waiting.fall
            verdict = doubted(fall.candidate, fall.verdict) if is_doubted else fall.verdict
            if verdict.certainty == "confirmed" or self._settings.report_suspected:
                findings.append(self._finding(replace(waiting, fall=replace(fall, verdict=verdict))))
        return findings

    def _finding(self, waiting: _Waiting) -> Finding:
        candidate, frame = waiting.fall.candidate, waiting.proof.frame
        data = describe_fall(self._camera_id, waiting.fall)
        origin = (data.origin.x, data.origin.y)
        since = timedelta(seconds=candidate.start_s - frame.stream_time_s)
        return Finding(
            camera_id=self._camera_id,
            event_type=EventType.FALLING_OBJECT,
            occurred_at=frame.captured_at + since,
            started_s=candidate.start_s,
            ended_s=candidate.end_s,
            data=data,
            pictures=fall_pictures(waiting.proof, candidate, origin),
        )


class _Stream:
    """What is kept of one uninterrupted stream."""

    def __init__(self, finder: CandidateFinder, facade: Facade | None, viewpoint: Viewpoint | None) -> None:
        self.finder = finder
        self.facade = facade
        self.viewpoint = viewpoint
        self.merger: FallMerger[_Waiting] = FallMerger()
        self.frames = BestFrames()


def _extent(track: Track, view: View) -> Extent:
    first, last = track.points[0], track.points[-1]
    width, height = view.width, view.height
    path = np.array([(point.time_s, point.x / width, point.y / height) for point in track.points])
    return Extent(
        first.time_s, last.time_s, first.x / width, last.x / width, first.y / height, last.y / height, 0.0, path
    )
