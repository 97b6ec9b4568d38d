"""What is known of one ended track: its fit, and the figures a verdict is based on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.falling.ballistics import FallFit, fit_fall
from edge.falling.facade import Facade
from edge.falling.motion import Floats
from edge.falling.tracker import MIN_POINTS, Siblings, Track, TrackPoint

_OWN_SHARE = 0.12
"""At most this share of a patch is taken for the object's own change: larger things are vehicles near by."""


@dataclass(frozen=True, slots=True)
class View:
    """How working pixels relate to the picture. `scale` is picture pixels per working pixel, sizes are working ones."""

    width: int
    height: int
    scale: float

    def fractions(self, x: Floats, y: Floats) -> Floats:
        """(n,) working pixels → (n, 2) picture fractions, kept inside the picture."""
        points = np.column_stack([(x + 0.5) / self.width, (y + 0.5) / self.height])
        return np.clip(points, 0.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What the picture was like while the candidate was seen."""

    weather: float
    """Share of the picture's fields in which something small moves."""
    crowd: float
    """Things that move, of an object's size, in one picture."""
    usual_area: float
    """Their median area, working pixels."""
    noise: float
    """Grey levels of temporal noise."""
    before_facade: NDArray[np.uint8] | None
    """(h, w) of the working picture, 255 where things that leave the drawn facade are seen; None without one."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """An ended track that goes down. Arrays hold the fit's inliers only, (n,) or (n, 2).

    Lengths are picture heights, activity and fill are shares, `size_px` is a diameter in picture pixels.
    """

    number: int
    surroundings: Surroundings
    aspect: float
    """Width of the picture over its height."""
    picture_height: float
    """Picture pixels."""
    scale: float
    """Picture pixels per working pixel."""
    fit: FallFit
    metric: bool
    """Whether the fit is in metres (a facade was drawn) or in picture heights."""
    times: Floats
    points: Floats
    down: Floats
    """Along the way down, in the fit's unit; `sigma` are the standard deviations."""
    sigma: Floats
    sizes_px: Floats
    travel: float
    sideways: float
    duration_s: float
    fill: float
    activity: float
    neighbours: float
    growth: float
    """Factor by which the area grows along the path."""
    contrast: float
    sign_changes: float
    light: float
    """Share of the sightings in which it is brighter than what is behind it."""
    fading: float
    """Factor by which its contrast grows from the first to the last third of the path."""
    backdrop: float
    """Grey level of what is behind it, median."""
    siblings: int
    """Other things that began near by at about the same time."""
    burst: int
    """Those of them that began where usually nothing moves, as sparks do and leaves do not."""
    bend: float
    """Deviation of the path from a straight line in the picture, as a share of its length."""
    disturbance: float
    """Share of the pixels around the object that change besides it: a wheel of a car brings its car along."""
    beside: float
    """Share of the sightings that are not before the drawn facade, nor a little beside or below it."""
    patches: NDArray[np.uint8]
    """(m, 3, 32, 32), m ≤ n: not of the sightings that were found by going back."""
    lost_in_view: bool = True
    """Whether the place below the last sighting was looked at too, and it was seen no more."""
    moved_before: float = 0.0
    """Share of the pictures shortly before in which something moved where the path begins; 0 in rain and snow."""

    @property
    def start_s(self) -> float:
        """Stream time of the first inlier."""
        return float(self.times[0])

    @property
    def end_s(self) -> float:
        """Stream time of the last inlier."""
        return float(self.times[-1])

    @property
    def size_px(self) -> float:
        """Median diameter in picture pixels."""
        return float(np.median(self.sizes_px))


def make_candidate(
    track: Track, siblings: Siblings, view: View, facade: Facade | None, surroundings: Surroundings,
    rng: np.random.Generator,
) -> Candidate | None:  # fmt: skip
    """Fit a track; None when it does not go down as anything that falls does."""
    points = track.points
    times = np.array([point.time_s for point in points])
    x, y = np.array([point.x for point in points]), np.array([point.y for point in points])
    fractions = view.fractions(x, y)
    deviation = np.array([0.6 + 0.15 * max(point.width, point.height) for point in points])
    metric, s, sigma = _along(fractions, deviation / view.height, facade)
    fit = fit_fall(times, s, sigma, bend=not metric, rng=rng)
    if fit is None:
        return None
    used = [point for point, inlier in zip(points, fit.inliers, strict=True) if inlier]
    if sum(point.patch is not None for point in used) < MIN_POINTS:
        return None
    along = (s[fit.inliers], sigma[fit.inliers])
    return _describe((track.number, siblings, view, surroundings), fit, metric, used, fractions[fit.inliers], along)


def _along(fractions: Floats, deviation: Floats, facade: Facade | None) -> tuple[bool, Floats, Floats]:
    """(metric, s, sigma): metres below floor 0 where the facade reaches, else picture heights."""
    if facade is not None:
        s = facade.metres_down(fractions)
        below = facade.metres_down(fractions + np.array([0.0, 1e-3]))
        scale = (below - s) / 1e-3
        if np.all(np.isfinite(scale)) and np.all(scale > 0):
            return True, s, scale * deviation
    return False, fractions[:, 1], deviation


def _describe(
    seen: tuple[int, Siblings, View, Surroundings],
    fit: FallFit,
    metric: bool,
    used: list[TrackPoint],
    fractions: Floats,
    along: tuple[Floats, Floats],
) -> Candidate:
    number, siblings, view, surroundings = seen
    aspect = view.width / view.height
    times = np.array([point.time_s for point in used])
    dx = float(fractions[-1, 0] - fractions[0, 0]) * aspect
    dy = float(fractions[-1, 1] - fractions[0, 1])
    area = np.array([point.area for point in used])
    third = max(1, len(used) // 3)
    signs = np.array([point.sign for point in used])
    contrast = np.array([point.contrast for point in used])
    tracked = [point for point in used if point.patch is not None]
    pictures = used[-1].index - used[0].index + 1
    patches = np.stack([point.patch for point in tracked if point.patch is not None])
    return Candidate(
        number=number,
        surroundings=surroundings,
        aspect=aspect,
        picture_height=view.height * view.scale,
        scale=view.scale,
        fit=fit,
        metric=metric,
        times=times,
        points=fractions,
        down=along[0],
        sigma=along[1],
        sizes_px=np.maximum(np.sqrt(area), 1.0) * view.scale,
        travel=dy,
        sideways=abs(dx) / max(dy, 1e-6),
        duration_s=float(times[-1] - times[0]),
        fill=len(used) / pictures,
        activity=float(np.mean([point.activity for point in tracked])),
        neighbours=float(np.mean([point.neighbours for point in tracked])),
        growth=float(np.median(area[-third:]) / np.median(area[:third])),
        contrast=float(np.median(contrast)),
        sign_changes=float(np.mean(signs[1:] != signs[:-1])),
        light=float(np.mean(signs > 0)),
        fading=float(np.median(contrast[-third:]) / np.median(contrast[:third])),
        backdrop=float(np.median(patches[:, [0, 2]])),
        siblings=siblings.all,
        burst=siblings.at_rest,
        bend=_bend(times, fractions * [aspect, 1.0]),
        disturbance=_disturbance(patches, np.array([point.area for point in tracked])),
        beside=_beside(used, surroundings.before_facade),
        patches=patches,
    )


def _beside(used: list[TrackPoint], before_facade: NDArray[np.uint8] | None) -> float:
    if before_facade is None:
        return 0.0
    height, width = before_facade.shape
    places = [(min(max(int(p.y), 0), height - 1), min(max(int(p.x), 0), width - 1)) for p in used]
    return float(np.mean([before_facade[place] == 0 for place in places]))


def _bend(times: Floats, path: Floats) -> float:
    """Distance sideways from a smooth (quadratic) curve of time, which 95 % of the path keep, over its length."""
    t = (times - times[0]) / max(float(times[-1] - times[0]), 1e-6)
    design = t[:, None] ** np.arange(3)
    fitted, *_ = np.linalg.lstsq(design, path[:, 0], rcond=None)
    length = float(np.hypot(*(path[-1] - path[0])))
    return float(np.quantile(np.abs(design @ fitted - path[:, 0]), 0.95) / max(length, 1e-6))


def _disturbance(patches: NDArray[np.uint8], area: Floats) -> float:
    """Median over the path of the share of pixels that differ between the pictures before and after.

    The object itself is in both of them, a little above and a little below: its own pixels are allowed for.
    """
    change = np.abs(patches[:, 0].astype(np.int16) - patches[:, 2])
    share = (change > 10).mean(axis=(1, 2)) - np.minimum(2.5 * area / patches[0, 0].size, _OWN_SHARE)
    return float(np.median(np.maximum(share, 0.0)))
