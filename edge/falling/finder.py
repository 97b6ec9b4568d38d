"""From pictures to candidates: stabilise, propose, track, fit. The analyzer judges them; training learns from them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.falling.backtrack import Backtracker
from edge.falling.ballistics import least_squares
from edge.falling.candidate import Candidate, Surroundings, View, make_candidate
from edge.falling.facade import Facade
from edge.falling.motion import MotionDetector
from edge.falling.pieces import Pieces
from edge.falling.settings import FacadeSettings, FallingSettings
from edge.falling.stabilise import Stabiliser
from edge.falling.tracker import GravityTracker, Track
from edge.falling.weather import WeatherWatch
from edge.types import Luma

_THRESHOLD = {"low": 12.0, "normal": 7.0, "high": 5.0}
"""Grey levels that a proposal must differ by, by sensitivity."""
_FULL_SIZE_BELOW = 1000
"""Pictures narrower than this are analysed at full size, wider ones at half size."""
_MIN_DESCENT = 0.05
"""Picture heights a track must have gone down to be worth a fit."""
_MIN_DESCENT_IN_WEATHER = 0.08
_LARGE_IN_WEATHER, _LARGE_AND_LONG = 3.0, 1.5
"""Times the usual area of what moves: at once, and after so many sightings as no drop and few flakes reach."""
_LONG_IN_WEATHER = 24
_MOST_PIECES = 12
_AGREE = 0.6
"""Share of the sightings of an added piece that must lie on the common curve."""
_ACTIVE = 0.35
"""Mean activity along a track that is seen where something moves all the time."""
_GAINS = 4.0
"""Standard deviations by which a pull is more than none."""
_BESIDE = 0.15
"""Of the facade's width: how far beside it a fall is still looked for in rain and snow."""
_NEXT = 0.06
"""Picture heights below the last sighting of a thing at which it is asked whether it could have been seen there."""
_GAIN_SHARE = 0.1
"""Half the gain of speed over the mean speed."""


class CandidateFinder:
    """The state of one uninterrupted stream of pictures of one size."""

    def __init__(self, picture: tuple[int, int], settings: FallingSettings, facade: Facade | None) -> None:
        """`picture` is the (h, w) of the luma that `observe` will be given."""
        scale = 2 if picture[1] >= _FULL_SIZE_BELOW else 1
        shape = (max(1, picture[0] // scale), picture[1] // scale)
        self.picture = picture
        self.view = View(shape[1], shape[0], scale)
        self.tracker = GravityTracker(shape)
        self.weather = WeatherWatch()
        self.stabiliser = Stabiliser()
        self._watched = _watched(shape, settings)
        self._finished = False
        self.motion = MotionDetector(shape, self._watched, _THRESHOLD[settings.sensitivity])
        self.backtracker = Backtracker()
        self.pieces = Pieces(shape[0])
        self._facade = facade
        # A drawing that does not fit the view any more (no facade) says nothing of where falls are seen either.
        drawn = settings.facade if facade is not None else None
        self._before_facade = _before_facade(shape, drawn) if drawn is not None else None
        self._rng = np.random.default_rng(0)

    def observe(self, luma: Luma, time_s: float) -> list[Candidate]:
        """Look at the next picture; candidates of the tracks that ended with it."""
        steady = self.stabiliser.steady(_working(luma, self.view.scale), time_s)
        proposals = self.motion.observe(steady, time_s, self._before_facade if self.weather.active else None)
        if proposals is None:
            return []
        self.weather.observe(proposals)
        ended = self.tracker.observe(proposals)
        self.backtracker.remember(self.tracker.index, proposals)
        return self._candidates(ended)

    def finish(self) -> list[Candidate]:
        """Candidates of the tracks that are still open."""
        self._finished = True
        return self._candidates(self.tracker.finish())

    def hopeful(self) -> list[Track]:
        """Live tracks that may still become falls."""
        tracks = self.tracker.gaining() if self.weather.active else self.tracker.tracks
        return [track for track in tracks if len(track.points) >= 6 and self._worth_a_fit(track)]

    def _candidates(self, ended: list[Track]) -> list[Candidate]:
        made = []
        around = self.weather.surroundings(self.motion.noise, self._before_facade)
        for track in ended:
            alone = self._worth_a_fit(track) and self._stands_out(track)
            if alone:
                self.backtracker.lengthen(track)
                made.append(self._candidate(track, around))
            if _at_rest(track):
                if alone or not self.weather.active or self._large(track):
                    made.append(self._joined(track, around))
                self.pieces.keep(track)
        return [candidate for candidate in made if candidate is not None]

    def _joined(self, track: Track, around: Surroundings) -> Candidate | None:
        """The candidate of a track together with the pieces before it; None where it has none."""
        best: Candidate | None = None
        for _ in range(_MOST_PIECES):
            whole = self.pieces.before(track)
            if whole is None:
                break
            if self._worth_a_fit(whole):
                candidate = self._candidate(whole, around)
                added = len(whole.points) - len(track.points)
                if candidate is None or candidate.fit.inliers[:added].mean() < _AGREE:
                    break
                best = candidate
            track = whole
        return best

    def _candidate(self, track: Track, around: Surroundings) -> Candidate | None:
        siblings = self.tracker.siblings(track)
        found = make_candidate(track, siblings, self.view, self._facade, around, self._rng)
        if found is None:
            return None
        found = replace(found, lost_in_view=self._looked_below(found))
        if self.weather.active:
            return found
        x, y = found.points[0] * (self.view.width, self.view.height)
        return replace(found, moved_before=self.backtracker.moved_before(found.start_s, x, y, self.view.height))

    def _looked_below(self, found: Candidate) -> bool:
        """Whether the picture went on, and its next place would have been inside it and watched."""
        if self._finished:
            return False
        x, y = found.points[-1] + (found.points[-1] - found.points[0]) * _NEXT / max(found.travel, _NEXT)
        column, row = int(x * self.view.width), int(y * self.view.height)
        if not (0 <= column < self.view.width and 0 <= row < self.view.height):
            return False
        return self._watched is None or bool(self._watched[row, column])

    def _worth_a_fit(self, track: Track) -> bool:
        """Cheap look before the fit: most tracks of a busy scene end here."""
        points = track.points
        if track.descent < _MIN_DESCENT * self.view.height or not _at_rest(track):
            return False
        return len(points) >= 0.4 * (points[-1].index - points[0].index + 1)

    def _stands_out(self, track: Track) -> bool:
        """In rain and snow hundreds of things go down each second: is this one large, or does it gain speed as they do
        not?"""
        if not self.weather.active:
            return True
        if track.descent < _MIN_DESCENT_IN_WEATHER * self.view.height:
            return False
        times = np.array([point.time_s for point in track.points])
        if self._large(track):
            return True
        t = times - times.mean()
        y = np.array([point.y for point in track.points])
        (_, speed, half_pull), covariance, rms = least_squares(t, y, np.ones_like(t), 2)
        deviation = float(np.sqrt(covariance[2, 2])) * max(0.5, rms)
        gain = half_pull * (t[-1] - t[0])
        return bool(half_pull > _GAINS * deviation and gain > _GAIN_SHARE * max(speed, 1e-6))

    def _large(self, track: Track) -> bool:
        """Beside the drops and flakes."""
        area = float(np.median([point.area for point in track.points]))
        wanted = _LARGE_AND_LONG if len(track.points) >= _LONG_IN_WEATHER else _LARGE_IN_WEATHER
        return area > wanted * self.weather.usual_area


def _at_rest(track: Track) -> bool:
    """Whether it was seen where usually nothing moves."""
    return track.activity <= _ACTIVE * len(track.points)


def _working(luma: Luma, scale: float) -> Luma:
    if scale == 1:
        return luma
    height, width = luma.shape
    return np.asarray(cv2.resize(luma, (width // 2, max(1, height // 2)), interpolation=cv2.INTER_AREA), dtype=np.uint8)


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


def _before_facade(shape: tuple[int, int], drawn: FacadeSettings) -> NDArray[np.uint8]:
    """(h, w) 255 where things that leave the drawn facade are seen: before it, a little beside it, and below it."""
    ends = [end for line in drawn.floor_lines for end in (line.left, line.right)]
    ends += [end for line in drawn.column_lines for end in (line.top, line.bottom)]
    hull = cv2.convexHull(np.array(ends, np.float32)).reshape(-1, 2)
    margin = _BESIDE * float(np.ptp(hull[:, 0]))
    grown = hull + np.where(hull > hull.mean(axis=0), 1.0, -1.0) * np.array([margin, _BESIDE / 2])
    feet = np.array([[grown[:, 0].min(), 1.0], [grown[:, 0].max(), 1.0]])
    outline = cv2.convexHull(np.concatenate([grown, feet]).astype(np.float32))
    mask = np.zeros(shape, dtype=np.uint8)
    cv2.fillPoly(mask, [np.rint(outline * np.array([shape[1], shape[0]])).astype(np.int32)], 255)
    return mask
