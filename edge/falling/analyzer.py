"""The falling-object analyzer of one camera: frames in, one finding per fall out. Start reading at `observe`."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.events import EventType, FallingObjectData, Interval, PathPoint
from edge.falling.ballistics import G, Origin, find_origin
from edge.falling.candidate import Candidate, View, make_candidate
from edge.falling.detector import MODEL_NAME, FallClassifier, Look
from edge.falling.facade import Facade, build_facade
from edge.falling.mirror import Extent, FallMerger, extent_of
from edge.falling.motion import Floats, MotionDetector
from edge.falling.pictures import fall_pictures
from edge.falling.settings import FallingSettings
from edge.falling.stabilise import Stabiliser
from edge.falling.tracker import GravityTracker, Track
from edge.falling.verdict import Verdict, explain, judge
from edge.falling.weather import WeatherWatch
from edge.inference import ModelStore
from edge.types import Finding, Frame, Luma

_THRESHOLD = {"low": 16.0, "normal": 12.0, "high": 9.0}
"""Grey levels that a proposal must differ by, by sensitivity."""
_FULL_SIZE_BELOW = 1000
"""Pictures narrower than this are analysed at full size, wider ones at half size."""
_GAP_S = 2.0
"""A hole in the stream longer than this closes everything that is open."""
_RECENT = 6
_KEPT_FRAMES = 6
"""Frames held for the pictures of tracks that may become falls."""


@dataclass(frozen=True, slots=True)
class _Fall:
    """A judged candidate on its way to a finding."""

    candidate: Candidate
    look: Look | None
    verdict: Verdict
    frame: Frame
    weather: bool


@dataclass(frozen=True, slots=True)
class _Best:
    score: float
    frame: Frame


class FallingAnalyzer:
    """Watches one camera for falling objects (see `edge.ports.Analyzer`). Raises ModelError, ConfigError when built."""

    def __init__(self, camera_id: str, settings: FallingSettings, models: ModelStore | None = None) -> None:
        """`models` is needed unless the settings switch the classifier off."""
        self._camera_id = camera_id
        self._settings = settings
        self._facade: Facade | None = build_facade(settings.facade) if settings.facade is not None else None
        self._classifier: FallClassifier | None = None
        if settings.use_classifier:
            store = models if models is not None else ModelStore()
            self._classifier = FallClassifier(store.load(MODEL_NAME))
        self._view: _Scene | None = None
        self._last_s: float | None = None

    @property
    def weather_mode(self) -> bool:
        """Whether the camera looks through rain or snow at the moment."""
        return self._view is not None and self._view.weather.active

    def observe(self, frame: Frame) -> Sequence[Finding]:
        """Look at the next frame; findings of falls that have left the view."""
        findings: list[Finding] = []
        if self._interrupted(frame):
            findings += self.finish()
        self._last_s = frame.stream_time_s
        if frame.repeated:
            return findings
        scene = self._scene(frame)
        scene.recent.append(frame)
        luma = scene.stabiliser.steady(_working(frame.luma, scene.view.scale), frame.stream_time_s)
        proposals = scene.motion.observe(luma, frame.stream_time_s)
        if proposals is not None:
            scene.weather.observe(proposals)
            ended = scene.tracker.observe(proposals)
            self._remember_best(scene)
            for track in ended:
                self._consider(scene, track)
        findings += self._tell(scene, frame.stream_time_s)
        return findings

    def finish(self) -> Sequence[Finding]:
        """Close what is open: the stream has ended or was interrupted."""
        if self._view is None:
            return []
        scene = self._view
        for track in scene.tracker.finish():
            self._consider(scene, track)
        findings = [self._finding(fall) for fall in scene.merger.release(np.inf, [])]
        self._view = None
        return findings

    def _interrupted(self, frame: Frame) -> bool:
        if self._last_s is None or self._view is None:
            return False
        step = frame.stream_time_s - self._last_s
        return step < 0 or step > _GAP_S or self._view.picture != frame.luma.shape

    def _scene(self, frame: Frame) -> _Scene:
        if self._view is None:
            self._view = _Scene(frame.luma.shape[:2], self._settings)
        return self._view

    def _remember_best(self, scene: _Scene) -> None:
        """Keep the frame in which each hopeful track is seen best, for its pictures."""
        hopeful = {track.number: track for track in scene.tracker.tracks if scene.hopeful(track)}
        for number, track in hopeful.items():
            point = track.points[-1]
            score = point.contrast * np.sqrt(point.area)
            best = scene.best.get(number)
            if track.missed == 0 and (best is None or score > best.score):
                frame = scene.frame_at(point.time_s)
                if frame is not None:
                    scene.best[number] = _Best(float(score), frame)
        excess = sorted(scene.best, key=lambda n: (n in hopeful, scene.best[n].score))[: -_KEPT_FRAMES or None]
        for number in excess:
            del scene.best[number]

    def _consider(self, scene: _Scene, track: Track) -> None:
        """Fit, look at and judge an ended track."""
        best = scene.best.pop(track.number, None)
        if not scene.worth_a_fit(track):
            return
        candidate = make_candidate(track, scene.view, self._facade, scene.rng)
        if candidate is None:
            return
        without_look = judge(candidate, None, scene.weather.active, self._settings)
        if without_look.certainty is None:
            return
        look = self._classifier.look(candidate) if self._classifier is not None else None
        verdict = judge(candidate, look, scene.weather.active, self._settings)
        if verdict.certainty is None:
            return
        frame = best.frame if best is not None else scene.recent[0]
        certain = verdict.certainty == "confirmed"
        fall = _Fall(candidate, look, verdict, frame, scene.weather.active)
        scene.merger.add(extent_of(candidate, certain), fall, certain)

    def _tell(self, scene: _Scene, now_s: float) -> list[Finding]:
        return [self._finding(fall) for fall in scene.merger.release(now_s, scene.open_extents())]

    def _finding(self, fall: _Fall) -> Finding:
        candidate = fall.candidate
        data = describe_fall(self._camera_id, candidate, self._facade, fall.verdict, fall.look, fall.weather)
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


class _Scene:
    """The state of one uninterrupted stream."""

    def __init__(self, picture: tuple[int, int], settings: FallingSettings) -> None:
        self.picture = picture
        scale = 2 if picture[1] >= _FULL_SIZE_BELOW else 1
        height, width = picture[0] // scale, picture[1] // scale
        self.view = View(width, height, scale)
        self.stabiliser = Stabiliser()
        self.motion = MotionDetector(
            (height, width), _watched((height, width), settings), _THRESHOLD[settings.sensitivity]
        )
        self.tracker = GravityTracker((height, width))
        self.weather = WeatherWatch((height, width))
        self.merger: FallMerger[_Fall] = FallMerger()
        self.recent: deque[Frame] = deque(maxlen=_RECENT)
        self.best: dict[int, _Best] = {}
        self.rng = np.random.default_rng(0)

    def frame_at(self, time_s: float) -> Frame | None:
        """The recent frame of that stream time."""
        return next((frame for frame in reversed(self.recent) if frame.stream_time_s == time_s), None)

    def worth_a_fit(self, track: Track) -> bool:
        """Cheap look before the fit: most tracks of a busy scene end here."""
        points = track.points
        if track.descent < 0.05 * self.view.height:
            return False
        if np.mean([point.activity for point in points]) > 0.35:
            return False
        return len(points) >= 0.4 * (points[-1].index - points[0].index + 1)

    def hopeful(self, track: Track) -> bool:
        """Whether a live track may still become a fall."""
        return len(track.points) >= 6 and self.worth_a_fit(track)

    def open_extents(self) -> list[Extent]:
        """Where live tracks that may become falls are."""
        return [self._extent(track) for track in self.tracker.tracks if self.hopeful(track)]

    def _extent(self, track: Track) -> Extent:
        first, last = track.points[0], track.points[-1]
        width, height = self.view.width, self.view.height
        return Extent(
            first.time_s, last.time_s, first.x / width, last.x / width, first.y / height, last.y / height, 0.0
        )


def _working(luma: Luma, scale: float) -> Luma:
    if scale == 1:
        return luma
    height, width = luma.shape
    return np.asarray(cv2.resize(luma, (width // 2, height // 2), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _watched(shape: tuple[int, int], settings: FallingSettings) -> NDArray[np.uint8] | None:
    """(h, w) 255 inside the zones and outside of what is ignored; None when everything is watched."""
    if not settings.zones and not settings.ignore:
        return None
    size = np.array([shape[1], shape[0]])
    mask = np.full(shape, 0 if settings.zones else 255, dtype=np.uint8)
    for polygons, value in ((settings.zones, 255), (settings.ignore, 0)):
        for polygon in polygons:
            cv2.fillPoly(mask, [np.rint(np.array(polygon) * size).astype(np.int32)], value)
    return mask


def describe_fall(
    camera_id: str,
    candidate: Candidate,
    facade: Facade | None,
    verdict: Verdict,
    look: Look | None,
    weather: bool,
) -> FallingObjectData:
    """The event's data for a judged candidate; `verdict.certainty` must not be None."""
    if verdict.certainty is None:
        raise ValueError("a candidate that is neither confirmed nor suspected has no event")
    scale = facade if candidate.metric else None
    origin, x, y = _origin(candidate, scale)
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
        hypothesis=fit.hypothesis,
        path=path,
        duration_s=round(candidate.duration_s, 3),
        origin=PathPoint(t_s=round(origin.time_s, 3), x=x, y=y),
        origin_floor=_floor(origin, scale),
        origin_column=_column(candidate, scale),
        acceleration_g=round(fit.acceleration / G, 3) if scale is not None else None,
        speed_mps=round(fit.end_speed, 2) if scale is not None else None,
        size_px=round(candidate.size_px, 1),
        why=explain(candidate, look, weather, verdict),
        weather_mode=weather,
    )


def _origin(candidate: Candidate, facade: Facade | None) -> tuple[Origin, float, float]:
    """Where it began along the way down, and that place in picture fractions."""
    slack = 0.3 * facade.floor_height_m / 2 if facade is not None else 0.01
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


def _floor(origin: Origin, facade: Facade | None) -> Interval | None:
    if facade is None:
        return None
    height = facade.floor_height_m
    return Interval(
        value=round(-origin.s / height, 2), low=round(-origin.high / height, 2), high=round(-origin.low / height, 2)
    )


def _column(candidate: Candidate, facade: Facade | None) -> Interval | None:
    """Column of the first sightings: a fall begins at its window, whatever the throw adds later."""
    if facade is None or not facade.has_columns:
        return None
    columns: Floats = facade.coordinates(candidate.points[: max(3, len(candidate.points) // 4)])[:, 0]
    spread = 0.15 + float(np.std(columns))
    value = float(columns[0])
    return Interval(value=round(value, 2), low=round(value - spread, 2), high=round(value + spread, 2))
