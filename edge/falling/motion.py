"""Motion proposals: small things that are in one place in one picture only.

For pictures a < b < c a few hundredths of a second apart, `b − max(a, c)` is what is bright in b alone and
`min(a, c) − b` what is dark in b alone: an object without the ghosts that a two-frame difference leaves behind it.
What exceeds a threshold of noise, local gradient and local habit (the self-learned activity map) becomes blobs.
All image work is on half-size luma in uint8; results are working pixels.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import Luma

Floats = NDArray[np.float64]

CELL = 16
"""Working pixels along a side of the activity map's cells."""
PATCH = 32
"""Working pixels along a side of the patches that the classifier sees."""
_BLANK = np.zeros((PATCH, PATCH), dtype=np.uint8)
MAX_BLOBS = 320
_FIELDS = (6, 8)
_MANY_PATCHES = 12
GAP_S = 0.1
"""Wanted time between the three pictures: slow beginnings show, fast ends do not smear."""

_ACTIVITY_S = 8.0
_PAST, _PAST_EVERY_S = 4, 0.5
"""Copies of the map that are kept, and how often one is made: what moves now is asked of the oldest."""
_THRESHOLD_EVERY = 5
_RESTLESS = 0.2
"""Activity of a place, above that of the median place, from which on what moves there says nothing of the weather."""
_DEVIATIONS = 6.0
"""Of the noise, that a proposal must differ by: with five, the noise of many a night was taken for rain."""
_LIGHT_SHARE, _NOISE_GROWTH = 0.3, 2.0
"""Mean change over the mean of its amount, from which on the light has changed: noise goes up and down alike. And times
what it was taken for, by which noise is then believed to have grown."""
_GRADIENT_SHARE = 0.25
"""Grey levels of threshold for a grey level per pixel of gradient: what a quarter of a pixel of shake changes."""
_SPARSE = 20_000
"""Changed pixels up to which listing them is cheaper than filtering the whole mask."""
_FLASH_SHARE = 0.2
"""A picture that differs in more than this share of its pixels has changed its light: it proposes nothing."""


class Pictures:
    """The three working pictures that were compared: before, at and after a moment."""

    __slots__ = ("_asked", "_planes", "_three")

    def __init__(self, before: Luma, at: Luma, after: Luma) -> None:
        self._three = (before, at, after)
        self._planes: NDArray[np.uint8] | None = None
        self._asked = 0

    def patch(self, x: float, y: float) -> NDArray[np.uint8]:
        """(3, 32, 32) around a place in working pixels; a window that would leave the picture is moved inside."""
        height, width = self._three[1].shape
        left = min(max(round(x) - PATCH // 2, 0), max(0, width - PATCH))
        top = min(max(round(y) - PATCH // 2, 0), max(0, height - PATCH))
        windows = self._windows(slice(top, top + PATCH), slice(left, left + PATCH))
        if windows.shape[1:] == (PATCH, PATCH):
            return windows
        padding = ((0, 0), (0, PATCH - windows.shape[1]), (0, PATCH - windows.shape[2]))
        return np.asarray(np.pad(windows, padding), dtype=np.uint8)

    def change(self, rows: slice, columns: slice, sign: float) -> NDArray[np.int16]:
        """(h, w) grey levels by which the middle picture alone is brighter (`sign` 1) or darker (−1); below 0: less."""
        before, middle, after = (picture[rows, columns].astype(np.int16) for picture in self._three)
        if sign > 0:
            return np.asarray(middle - np.maximum(before, after), dtype=np.int16)
        return np.asarray(np.minimum(before, after) - middle, dtype=np.int16)

    def _windows(self, rows: slice, columns: slice) -> NDArray[np.uint8]:
        """Where many are asked for, as in rain, one copy of the whole saves many small ones."""
        self._asked += 1
        if self._planes is None and self._asked > _MANY_PATCHES:
            self._planes = np.stack(self._three)
        if self._planes is not None:
            return self._planes[:, rows, columns].copy()
        return np.stack([picture[rows, columns] for picture in self._three])


_NO_PICTURES = Pictures(_BLANK, _BLANK, _BLANK)


@dataclass(frozen=True, slots=True, eq=False)
class Proposals:
    """Blobs of one picture: (n,) arrays, working pixels, strongest contrast first.

    `pictures` are the three that were compared (before, at, after), for patches of what turns out to matter.
    """

    time_s: float
    x: Floats
    y: Floats
    width: Floats
    height: Floats
    area: Floats
    contrast: Floats
    sign: Floats
    activity: Floats
    neighbours: Floats
    pictures: Pictures
    large: int
    """Blobs that were too big to be an object."""
    crowd: int
    """Blobs of object size before the strongest were chosen."""
    spread: float
    """Share of 6 x 8 fields of the picture that hold one of them."""
    quiet_spread: float
    """The same, of those alone that are where not much more moves than everywhere."""
    usual_area: float
    """Their median area."""
    threshold: NDArray[np.uint8] | None = None
    """(h, w) grey levels that a change had to exceed; 255 where nothing is looked for."""

    def without_pictures(self) -> Proposals:
        """The same, light enough to be kept for seconds."""
        return replace(self, pictures=_NO_PICTURES, threshold=None)


class ActivityMap:
    """How often each cell of the picture moves: habit is not news. (rows, columns) shares 0..1, learned by itself."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.size = (max(1, shape[1] // CELL), max(1, shape[0] // CELL))
        self._shape = shape
        self._share = np.zeros((self.size[1], self.size[0]), dtype=np.float32)
        self._level = np.zeros_like(self._share)
        self._seen_s = 0.0
        self._past: deque[NDArray[np.float32]] = deque([self._share], maxlen=_PAST)
        self._past_s = 0.0

    def learn(self, where: NDArray[np.intp], weight: Floats, interval_s: float) -> None:
        """Take in one picture: flat cell indices (n,) of the pixels that passed the threshold, and their residues."""
        self._seen_s += interval_s
        if self._seen_s - self._past_s > _PAST_EVERY_S:
            self._past_s = self._seen_s
            self._past.append(cv2.dilate(self._share, np.ones((3, 3), np.uint8)).astype(np.float32))
        rate = min(1.0, interval_s / min(_ACTIVITY_S, max(self._seen_s, 2.0)))
        level = np.bincount(where, weight, self._share.size).reshape(self._share.shape) / CELL**2
        self._share += rate * ((level > 0) - self._share)
        self._level += rate * (level.astype(np.float32) - self._level)

    def cells(self, x: NDArray[np.intp], y: NDArray[np.intp]) -> NDArray[np.intp]:
        """(n,) flat cell indices of pixels."""
        column, row = np.minimum(x // CELL, self.size[0] - 1), np.minimum(y // CELL, self.size[1] - 1)
        return np.asarray(row * self.size[0] + column)

    def at(self, x: Floats, y: Floats) -> Floats:
        """(n,) activity around places in working pixels, 0 quiet to 1 always moving, as it was one or two seconds ago:
        a slow thing must not make itself suspicious."""
        spread = self._past[0]
        column = np.clip(x * self.size[0] / self._shape[1], 0, self.size[0] - 1).astype(int)
        row = np.clip(y * self.size[1] / self._shape[0], 0, self.size[1] - 1).astype(int)
        return np.asarray(np.maximum(spread[row, column] - np.median(spread), 0), dtype=np.float64)

    def extra_threshold(self) -> NDArray[np.float32]:
        """(rows, columns) grey levels to add where the picture is restless."""
        level = np.maximum(self._level - np.median(self._level), 0)
        share = np.maximum(self._share - self.everywhere - 0.03, 0)
        spread = cv2.blur(np.maximum(4.0 * level, 30.0 * share), (3, 3))
        return np.asarray(np.minimum(spread, 90.0), dtype=np.float32)

    @property
    def everywhere(self) -> float:
        """Share of the time that the median cell moves: rain over the whole picture is no place's habit."""
        return float(np.median(self._share))

    @property
    def busy(self) -> float:
        """Share of cells that move habitually."""
        return float(np.mean(self._share > 0.08))


class MotionDetector:
    """Keeps the last few half-size pictures and turns each new one into proposals for the middle one."""

    def __init__(self, shape: tuple[int, int], watched: NDArray[np.uint8] | None, base_threshold: float) -> None:
        """`shape` (h, w) of the working picture; `watched` (h, w) 255 where to look; threshold in grey levels."""
        self.shape = shape
        self.activity = ActivityMap(shape)
        self.noise = 1.0
        self._watched = watched
        self._base = base_threshold
        self._ring: deque[tuple[float, Luma]] = deque(maxlen=9)
        self._threshold: NDArray[np.uint8] | None = None
        self._count = 0
        self._gradient: NDArray[np.uint8] | None = None

    @property
    def gap(self) -> int:
        """Pictures between the three that are compared, from the stream's own pace."""
        if len(self._ring) < 3:
            return 1
        times = [time for time, _ in self._ring]
        interval = (times[-1] - times[0]) / (len(times) - 1)
        return int(np.clip(round(GAP_S / max(interval, 1e-3)), 1, (self._ring.maxlen or 9) // 2))

    def observe(self, luma: Luma, time_s: float, only: NDArray[np.uint8] | None = None) -> Proposals | None:
        """Add a picture; proposals of the picture one gap ago, None while the ring fills or in a flash.

        `only` (h, w): propose nothing where it is 0; the activity map learns everywhere all the same.
        """
        self._ring.append((time_s, luma))
        gap = self.gap
        if len(self._ring) < 2 * gap + 1:
            return None
        before, (middle_s, middle), after = self._ring[-1 - 2 * gap][1], self._ring[-1 - gap], luma
        bright = cv2.subtract(middle, cv2.max(before, after))
        dark = cv2.subtract(cv2.min(before, after), middle)
        residue = np.asarray(cv2.max(bright, dark), dtype=np.uint8)
        mask = self._mask(residue, middle, after)
        where = np.flatnonzero(mask.view(np.bool_))
        if len(where) > _FLASH_SHARE * mask.size:
            return None
        y, x = np.divmod(where, mask.shape[1])
        pixels = _Pixels(x, y, residue.ravel()[where].astype(np.float64), bright.ravel()[where] > 0)
        self.activity.learn(self.activity.cells(x, y), pixels.residue, self._interval())
        if len(where) == 0:
            return _empty(middle_s, Pictures(before, middle, after), self._threshold)
        return self._proposals(middle_s, Pictures(before, middle, after), pixels, mask, only)

    def _interval(self) -> float:
        return max(1e-3, self._ring[-1][0] - self._ring[-2][0])

    def _mask(self, residue: NDArray[np.uint8], middle: Luma, after: Luma) -> NDArray[np.uint8]:
        if self._count % _THRESHOLD_EVERY == 0 or self._threshold is None:
            self._refresh_threshold(middle, after)
        self._count += 1
        assert self._threshold is not None  # noqa: S101 (set by the refresh above)
        return np.asarray(cv2.compare(residue, self._threshold, cv2.CMP_GT))

    def _refresh_threshold(self, middle: Luma, after: Luma) -> None:
        change = after[::8, ::8].astype(np.int16) - middle[::8, ::8]
        difference = np.abs(change)
        most = difference.size * 9 // 10
        quiet = np.partition(difference, most, axis=None)[:most]
        sigma = max(0.4, float(quiet.mean()) / 0.65)
        if abs(float(change.mean())) > _LIGHT_SHARE * float(difference.mean()) and self._count > 0:
            sigma = min(sigma, _NOISE_GROWTH * self.noise)  # a change of light is no noise: it would deafen for seconds
        self.noise += 0.3 * (sigma - self.noise)
        if self._gradient is None or self._count % (6 * _THRESHOLD_EVERY) == 0:
            self._gradient = cv2.convertScaleAbs(_gradient(middle), alpha=_GRADIENT_SHARE).astype(np.uint8)
        extra = self.activity.extra_threshold() + max(self._base, _DEVIATIONS * self.noise)
        extra = np.rint(np.minimum(extra, 255)).astype(np.uint8)
        local = cv2.resize(extra, self.shape[::-1], interpolation=cv2.INTER_LINEAR)
        threshold = cv2.add(local, self._gradient)
        if self._watched is not None:
            threshold = cv2.max(threshold, cv2.bitwise_not(self._watched))
        self._threshold = np.asarray(threshold, np.uint8)

    def _proposals(
        self,
        time_s: float,
        pictures: Pictures,
        pixels: _Pixels,
        mask: NDArray[np.uint8],
        only: NDArray[np.uint8] | None,
    ) -> Proposals:
        label, stats = _components(_thinned(mask, pixels), pixels)
        blobs = _measure(pixels, label, len(stats))
        chosen, large, crowd = self._choose(stats)
        chosen = chosen[blobs.area[chosen] > 0]
        restless = self.activity.at(blobs.x[chosen], blobs.y[chosen]) > _RESTLESS
        spread, quiet_spread = self._spread(blobs, chosen), self._spread(blobs, chosen[~restless])
        usual_area = float(np.median(blobs.area[chosen])) if len(chosen) else 1.0
        if only is not None:
            chosen = chosen[only[blobs.y[chosen].astype(int), blobs.x[chosen].astype(int)] > 0]
        order = np.argsort(-blobs.contrast[chosen], kind="stable")[:MAX_BLOBS]
        chosen = chosen[order]
        x, y = blobs.x[chosen], blobs.y[chosen]
        return Proposals(
            time_s=time_s,
            x=x,
            y=y,
            width=np.maximum(2.0 * stats[chosen, cv2.CC_STAT_WIDTH] - 2, 1),
            height=np.maximum(2.0 * stats[chosen, cv2.CC_STAT_HEIGHT] - 2, 1),
            area=blobs.area[chosen],
            contrast=blobs.contrast[chosen],
            sign=np.where(blobs.light[chosen] >= 0.5, 1.0, -1.0),
            activity=self.activity.at(x, y),
            neighbours=_neighbours(blobs.x[1:], blobs.y[1:], x, y, 0.05 * self.shape[0]),
            pictures=pictures,
            large=large,
            crowd=crowd,
            spread=spread,
            quiet_spread=quiet_spread,
            usual_area=usual_area,
            threshold=self._threshold,
        )

    def _spread(self, blobs: _Blobs, chosen: NDArray[np.intp]) -> float:
        rows, columns = _FIELDS
        row = np.minimum(blobs.y[chosen] * rows / self.shape[0], rows - 1).astype(int)
        column = np.minimum(blobs.x[chosen] * columns / self.shape[1], columns - 1).astype(int)
        return len(np.unique(row * columns + column)) / (rows * columns)

    def _choose(self, stats: NDArray[np.int32]) -> tuple[NDArray[np.intp], int, int]:
        """Labels of blobs of an object's size, the number of larger ones, and the number of candidates in all."""
        height, width = self.shape
        wide, high = 2 * stats[:, cv2.CC_STAT_WIDTH], 2 * stats[:, cv2.CC_STAT_HEIGHT]
        small = (wide <= 0.05 * width + 4) & (high <= 0.12 * height + 4)
        small[0] = False  # the background
        return np.flatnonzero(small), int(len(small) - 1 - small.sum()), int(small.sum())


@dataclass(frozen=True, slots=True, eq=False)
class _Pixels:
    """The pixels that passed the threshold: (n,) places, residues, and whether they are brighter than before."""

    x: NDArray[np.intp]
    y: NDArray[np.intp]
    residue: Floats
    light: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Blobs:
    """By label: contrast-weighted centres, pixels, peak contrast and the share of brighter pixels."""

    x: Floats
    y: Floats
    area: Floats
    contrast: Floats
    light: Floats


def _thinned(mask: NDArray[np.uint8], pixels: _Pixels) -> NDArray[np.uint8]:
    """The mask widened by a pixel and thinned to every second one: it keeps every spot at a quarter of the cost."""
    if len(pixels.x) > _SPARSE:
        return np.ascontiguousarray(cv2.dilate(mask, np.ones((3, 3), np.uint8))[::2, ::2], dtype=np.uint8)
    thin = np.zeros(((mask.shape[0] + 1) // 2, (mask.shape[1] + 1) // 2), dtype=np.uint8)
    rows = (pixels.y // 2, np.minimum((pixels.y + 1) // 2, thin.shape[0] - 1))
    columns = (pixels.x // 2, np.minimum((pixels.x + 1) // 2, thin.shape[1] - 1))
    for row in rows:
        for column in columns:
            thin[row, column] = 1
    return thin


def _components(thin: NDArray[np.uint8], pixels: _Pixels) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """(n,) label of each changed pixel, and (labels, 5) boxes and areas on the thinned grid, the background first.

    Rows without any change are left out, but for one between two groups: a quiet picture has few others.
    """
    busy = np.asarray(thin.any(axis=1))
    kept = busy | np.append(False, busy[:-1])
    rows = np.flatnonzero(kept)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(thin[rows], connectivity=8, ltype=cv2.CV_32S)
    stats[1:, cv2.CC_STAT_TOP] = rows[stats[1:, cv2.CC_STAT_TOP]]
    place = np.cumsum(kept) - 1
    label = labels[place[pixels.y // 2], pixels.x // 2]
    return np.asarray(label, dtype=np.int32), np.asarray(stats, dtype=np.int32)


def _gradient(luma: Luma) -> NDArray[np.float32]:
    """Grey levels per pixel, the larger of both directions, widened by a pixel: where sub-pixel shake shows."""
    gx = cv2.Sobel(luma, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    gy = cv2.Sobel(luma, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    return np.asarray(cv2.dilate(cv2.max(np.abs(gx), np.abs(gy)), np.ones((3, 3), np.uint8)), dtype=np.float32)


def _measure(pixels: _Pixels, label: NDArray[np.int32], count: int) -> _Blobs:
    total = np.bincount(label, pixels.residue, count) + 1e-9
    area = np.bincount(label, minlength=count).astype(np.float64)
    # The mean of squares over the mean leans to the peak without the cost of a maximum by label.
    contrast = np.bincount(label, pixels.residue**2, count) / total
    return _Blobs(
        x=np.bincount(label, pixels.residue * pixels.x, count) / total,
        y=np.bincount(label, pixels.residue * pixels.y, count) / total,
        area=area,
        contrast=contrast,
        light=np.bincount(label, pixels.light, count) / np.maximum(area, 1),
    )


def _neighbours(all_x: Floats, all_y: Floats, x: Floats, y: Floats, radius: float) -> Floats:
    """(n,) how many other blobs, of any size, have their centre within the radius.

    Sorted by x, only a strip of them has to be looked at: a snowfall has thousands.
    """
    order = np.argsort(all_x, kind="stable")
    sorted_x, sorted_y = all_x[order], all_y[order]
    first = np.searchsorted(sorted_x, x - radius)
    counts = np.searchsorted(sorted_x, x + radius, side="right") - first
    whose = np.repeat(np.arange(len(x)), counts)
    other = np.arange(len(whose)) + np.repeat(first - (np.cumsum(counts) - counts), counts)
    dx, dy = sorted_x[other] - x[whose], sorted_y[other] - y[whose]
    near = dx * dx + dy * dy < radius * radius
    return np.asarray(np.bincount(whose[near], minlength=len(x)) - 1.0)


def _empty(time_s: float, pictures: Pictures, threshold: NDArray[np.uint8] | None) -> Proposals:
    none = np.zeros(0)
    arrays = (none,) * 9
    return Proposals(time_s, *arrays, pictures, 0, 0, 0.0, 0.0, 1.0, threshold)
