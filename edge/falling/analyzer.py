"""The falling-object analyzer of one camera: frames in, one finding per fall out. Start reading at `observe`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from contract.events import EventType, FallingObjectData, Interval, PathPoint
from edge.falling.ballistics import G, Origin, find_origin
from edge.falling.candidate import Candidate, View
from edge.falling.detector import MODEL_NAME, FallClassifier, Look
from edge.falling.facade import Facade, build_facade
from edge.falling.finder import CandidateFinder
from edge.falling.mirror import Extent, FallMerger, extent_of
from edge.falling.motion import Floats
from edge.falling.origin import Viewpoint, find_origin_floor, find_viewpoint
from edge.falling.pictures import BestFrames, fall_pictures
from edge.falling.settings import FallingSettings
from edge.falling.tracker import Track
from edge.falling.verdict import Verdict, explain, judge, sinks_steadily
from edge.inference import ModelStore
from edge.types import Finding, Frame

_GAP_S = 2.0
"""A hole in the stream longer than this closes everything that is open."""


@dataclass(frozen=True, slots=True)
class _Fall:
    """A judged candidate on its way to a finding."""

    candidate: Candidate
    look: Look | None
    verdict: Verdict
    frame: Frame
    weather: bool


class FallingAnalyzer:
    """Watches one camera for falling objects (see `edge.ports.Analyzer`). Raises ModelError, ConfigError when built."""

    def __init__(self, camera_id: str, settings: FallingSettings, models: ModelStore | None = None) -> None:
        """`models` is needed unless the settings switch the classifier off."""
        self._camera_id = camera_id
        self._settings = settings
        self._facade: Facade | None = None
        self._viewpoint: Viewpoint | None = None
        if settings.facade is not None:
            self._facade = build_facade(settings.facade)
            self._viewpoint = find_viewpoint(self._facade, settings.facade.camera_height_m)
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
            finder = CandidateFinder((frame.luma.shape[0], frame.luma.shape[1]), self._settings, self._facade)
            self._stream = _Stream(finder)
        stream = self._stream
        stream.frames.add(frame)
        candidates = stream.finder.observe(frame.luma, frame.stream_time_s)
        hopeful = stream.finder.hopeful()
        stream.frames.remember(hopeful)
        for candidate in candidates:
            self._consider(stream, candidate)
        open_extents = [_extent(track, stream.finder.view) for track in hopeful]
        return findings + [self._finding(fall) for fall in stream.merger.release(frame.stream_time_s, open_extents)]

    def finish(self) -> Sequence[Finding]:
        """Close what is open: the stream has ended or was interrupted."""
        stream, self._stream = self._stream, None
        if stream is None:
            return []
        for candidate in stream.finder.finish():
            self._consider(stream, candidate)
        return [self._finding(fall) for fall in stream.merger.release(np.inf, [])]

    def _interrupted(self, frame: Frame) -> bool:
        if self._stream is None:
            return False
        step = frame.stream_time_s - self._last_s
        return step < 0 or step > _GAP_S or self._stream.finder.picture != frame.luma.shape

    def _consider(self, stream: _Stream, candidate: Candidate) -> None:
        """Judge a candidate; first without the network, which most need not trouble."""
        weather = stream.finder.weather.active
        frame = stream.frames.take(candidate.number)
        if judge(candidate, None, weather, self._settings).certainty is None:
            return
        look = self._classifier.look(candidate) if self._classifier is not None else None
        verdict = judge(candidate, look, weather, self._settings)
        if verdict.certainty is None:
            return
        certain = verdict.certainty == "confirmed"
        fall = _Fall(candidate, look, verdict, frame, weather)
        stream.merger.add(extent_of(candidate, certain), fall, certain)

    def _finding(self, fall: _Fall) -> Finding:
        candidate = fall.candidate
        data = describe_fall(self._camera_id, fall, self._facade, self._viewpoint)
        origin = (data.origin.x, data.origin.y)
        since = timedelta(seconds=candidate.start_s - fall.frame.stream_time_s)
        return Finding(
            camera_id=self._camera_id,
            event_type=EventType.FALLING_OBJECT,
            occurred_at=fall.frame.captured_at + since,
            started_s=candidate.start_s,
            ended_s=candidate.end_s,
            data=data,
            pictures=fall_pictures(fall.frame, candidate.points, origin),
        )


class _Stream:
    """What is kept of one uninterrupted stream."""

    def __init__(self, finder: CandidateFinder) -> None:
        self.finder = finder
        self.merger: FallMerger[_Fall] = FallMerger()
        self.frames = BestFrames()


def _extent(track: Track, view: View) -> Extent:
    first, last = track.points[0], track.points[-1]
    width, height = view.width, view.height
    return Extent(first.time_s, last.time_s, first.x / width, last.x / width, first.y / height, last.y / height, 0.0)


def describe_fall(camera_id: str, fall: _Fall, facade: Facade | None, viewpoint: Viewpoint | None) -> FallingObjectData:
    """The event's data for a candidate that was judged to be confirmed or suspected."""
    candidate, verdict = fall.candidate, fall.verdict
    if verdict.certainty is None:
        raise ValueError("a candidate that is neither confirmed nor suspected has no event")
    scale = facade if candidate.metric else None
    origin, x, y = _origin(candidate, scale, viewpoint)
    seconds = candidate.times - candidate.times[0]
    path = tuple(
        PathPoint(t_s=round(float(t), 3), x=float(px), y=float(py))
        for t, (px, py) in zip(seconds, candidate.points, strict=True)
    )
    fit = candidate.fit
    return FallingObjectData(
        camera=camera_id,
        certainty=verdict.certainty,
        confidence=round(verdict.confidence, 3),
        hypothesis="terminal_velocity" if sinks_steadily(candidate) else "free_fall",
        path=path,
        duration_s=round(candidate.duration_s, 3),
        origin=PathPoint(t_s=round(origin.time_s, 3), x=x, y=y),
        origin_floor=_floor(origin, scale, 0.0 if viewpoint is not None else _OVERHANG_FLOORS),
        origin_column=_column(candidate, scale),
        acceleration_g=round(fit.acceleration / G, 3) if scale is not None else None,
        speed_mps=round(fit.end_speed, 2) if scale is not None else None,
        size_px=round(candidate.size_px, 1),
        why=explain(candidate, fall.look, fall.weather, verdict),
        weather_mode=fall.weather,
    )


def _origin(candidate: Candidate, facade: Facade | None, viewpoint: Viewpoint | None) -> tuple[Origin, float, float]:
    """Where it began along the way down, and that place in picture fractions."""
    slack = 0.3 * facade.floor_height_m / 2 if facade is not None else 0.01
    if facade is not None and viewpoint is not None:
        origin = find_origin_floor(candidate.times, candidate.down, candidate.sigma, viewpoint, slack)
    else:
        gravity = G if facade is not None else None
        first = float(candidate.fit.place(np.zeros(1))[0])
        origin = find_origin(candidate.fit, first, slack, gravity, np.random.default_rng(0))
    head = slice(0, max(3, len(candidate.times) // 3))
    seconds = candidate.times[head] - candidate.times[0]
    drift = np.polyfit(seconds, candidate.points[head, 0], 1)
    x = float(np.clip(np.polyval(drift, max(origin.time_s, -0.6)), 0, 1))
    y = float(np.clip(origin.s if facade is None else _row_of(facade, x, origin.s), 0, 1))
    return origin, x, y


def _row_of(facade: Facade, x: float, s: float) -> float:
    """Picture fraction from the top at which column x of the picture is s metres below floor 0."""
    rows = np.linspace(0, 1, 401)
    metres = facade.metres_down(np.column_stack([np.full_like(rows, x), rows]))
    order = np.argsort(metres)
    return float(np.interp(s, metres[order], rows[order]))


_OVERHANG_FLOORS = 2.0
"""What is thrown outwards is seen before a higher floor than the one it left: where the camera's place is not known,
the interval is open downwards for it."""


def _floor(origin: Origin, facade: Facade | None, overhang: float) -> Interval | None:
    if facade is None:
        return None
    height = facade.floor_height_m
    return Interval(
        value=round(-origin.s / height, 2),
        low=round(-origin.high / height - overhang, 2),
        high=round(-origin.low / height, 2),
    )


def _column(candidate: Candidate, facade: Facade | None) -> Interval | None:
    """Column of the first sightings: a fall begins at its window, whatever the throw adds later."""
    if facade is None or not facade.has_columns:
        return None
    columns: Floats = facade.coordinates(candidate.points[: max(3, len(candidate.points) // 4)])[:, 0]
    spread = 0.15 + float(np.std(columns))
    value = float(columns[0])
    return Interval(value=round(value, 2), low=round(value - spread, 2), high=round(value + spread, 2))
