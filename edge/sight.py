"""What a camera's pictures say of its view: moved, blurred, or something on the lens. It looks every two seconds.

A moved camera is found by correlating the picture's edges, 320 pixels wide, with those learned when it was drawn on: by
how much it is shifted, and whether it is the same view at all. Blur is found by the energy of the finest edges beside
that of coarser ones, on tiles of the full picture: a ratio that light and contrast hardly change. What is usual is
learned by itself, follows the seasons of a day slowly, and is kept over restarts while the drawing stays the same.

It does not see a small turn about the camera's axis, and cannot judge what is too dark to have edges.
"""

from __future__ import annotations

import logging
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.imaging import shrunk
from edge.types import Frame, Luma

log = logging.getLogger(__name__)

Floats32 = NDArray[np.float32]
Offset = tuple[float, float]
"""(x, y) in picture fractions: where the content of the learned view is now."""
State = Literal["up", "blurred", "moved"]

_EVERY_S = 2.0
_LEARN = 10
"""Looks until the view is known; from then on it follows slowly."""
_FOLLOW = 1 / 300
_WIDTH = 320
_LEAST_CONTRAST = 12.0
_SMALL = 0.03
"""Shift in picture fractions that the drawings follow by themselves."""
_STILL_PX = 1.2
"""Shift in pixels of 320 that is none: shake, and the measure's own error."""
_FIT_GAIN = 0.1
"""By how much a shifted view must fit better than the same one unshifted."""
_LOST_SHARE = 0.5
"""Of the usual fit: below it, it is another view."""
_BLUR_SHARE, _BLUR_PART_SHARE = 0.5, 0.4
"""Of the usual sharpness, for the whole picture and for one tile."""
_FADED_SHARE = 0.15
"""Of a tile's usual coarse edges, when the picture's light is allowed for: something hides them."""
_BLURRED_FROM_THE_START = 0.42
_CLEAR_SHARE = 0.7
_PART_TILES = 3
_TILE, _COARSE, _COLUMNS, _ROWS = 96, 4, 6, 4
_TEXTURE = 8.0
"""Squared grey levels of coarse edges that a tile needs to be judged."""
_CONFIRM = {"shifted": 5, "lost": 15, "blurred": 10, "in part": 20, "clear": 5}
"""Looks in a row that say the same before it is told."""
_ACCEPT_UNDRAWN = 60
"""Looks after which another view is the new one, where nothing is drawn on it."""


@dataclass(frozen=True, slots=True)
class View:
    """The camera's state as far as its view tells. `offset` is None when its drawings do not fit any more."""

    state: State = "up"
    reason: str = ""
    offset: Offset | None = (0.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """One look: edges (h, 320), and for each tile sharpness and coarse energy; (24,)."""

    edges: Floats32
    sharpness: Floats32
    energy: Floats32


class Sight:
    """Watches the view of one camera, over all its connections. Used from the camera's thread; `view` from any."""

    def __init__(self, drawn: bool, memory: Path | None = None) -> None:
        """`drawn`: whether the installer drew on this view. `memory`: a file that keeps what was learned."""
        self.view = View()
        self._drawn = drawn
        self._memory = memory
        self._looked_s: float | None = None
        self._last_tiles: Floats32 | None = None
        self._edges: Floats32 | None = None
        self._sharpness = np.zeros(_COLUMNS * _ROWS, np.float32)
        self._energy = np.zeros(_COLUMNS * _ROWS, np.float32)
        self._usual_fit = 0.0
        self._looks = 0
        self._suspicion = ("", 0)
        self._shift: Offset = (0.0, 0.0)
        if memory is not None:
            self._recall(memory)

    def observe(self, frame: Frame) -> View | None:
        """Look at a frame when it is time; the view when its state, reason or offset has changed."""
        if self._looked_s is not None and 0 <= frame.stream_time_s - self._looked_s < _EVERY_S:
            return None
        first = self._looked_s is None or frame.stream_time_s < self._looked_s
        self._looked_s = frame.stream_time_s
        look = self._take(frame.luma)
        if look is None:
            return None
        if self._edges is None or self._edges.shape != look.edges.shape or self._looks < _LEARN:
            self._learn(look)
            return self._tell(self._doubt_unknown(look))
        if first:  # a new connection: where the view is now must be known before anything is judged by it
            self._last_tiles = None
        return self._tell(self._compare(look, hurry=first))

    def _take(self, luma: Luma) -> _Look | None:
        """None when it is too dark or too flat to see anything."""
        small = shrunk(luma, _WIDTH).astype(np.float32)
        dark, bright = np.percentile(small[::4, ::4], (2, 98))
        if bright - dark < _LEAST_CONTRAST:
            return None
        sharpness, energy = self._sharpness_of(luma)
        return _Look(_edges(small), sharpness, energy)

    def _sharpness_of(self, luma: Luma) -> tuple[Floats32, Floats32]:
        """Fine over coarse energy of edges, without the part that noise has in both."""
        tiles = _tiles(luma)
        if self._last_tiles is None or self._last_tiles.shape != tiles.shape:
            noise = np.zeros(len(tiles), np.float32)
        else:
            change = np.abs(tiles[:, ::3, ::3] - self._last_tiles[:, ::3, ::3]).reshape(len(tiles), -1)
            noise = (1.4826 * np.median(change, axis=1)) ** 2 / 2
        self._last_tiles = tiles
        coarse = tiles.reshape(len(tiles), _TILE // _COARSE, _COARSE, _TILE // _COARSE, _COARSE).mean(axis=(2, 4))
        fine_energy = np.maximum(_energy(tiles) - 4 * noise, 0)
        coarse_energy = np.maximum(_energy(coarse) - 4 * noise / _COARSE**2, 0)
        return fine_energy * _COARSE / (coarse_energy + 1e-3), coarse_energy

    # --- what is usual

    def _learn(self, look: _Look) -> None:
        if self._edges is None or self._edges.shape != look.edges.shape:
            self._edges, self._looks, self._usual_fit = look.edges.copy(), 0, 0.0
            self._sharpness, self._energy = look.sharpness.copy(), look.energy.copy()
        self._looks += 1
        rate = 1 / self._looks
        self._edges += rate * (look.edges - self._edges)
        self._sharpness += rate * (look.sharpness - self._sharpness)
        self._energy += rate * (look.energy - self._energy)
        if self._looks == _LEARN:
            self._usual_fit = _fit(self._edges, look.edges)[1]
            self._remember()

    def _follow(self, look: _Look, fit: float, shift: tuple[int, int]) -> None:
        assert self._edges is not None  # noqa: S101 (the caller has compared with it)
        back = np.roll(look.edges, (-shift[1], -shift[0]), axis=(0, 1))
        self._edges += _FOLLOW * (back - self._edges)
        judged = look.energy > _TEXTURE
        self._sharpness[judged] += _FOLLOW * (look.sharpness - self._sharpness)[judged]
        self._energy += _FOLLOW * (look.energy - self._energy)
        self._usual_fit += _FOLLOW * (fit - self._usual_fit)
        self._looks += 1
        if self._looks % 600 == 0:
            self._remember()

    # --- judging

    def _doubt_unknown(self, look: _Look) -> View:
        """Before the view is known, only plain blur can be told."""
        judged = look.energy > _TEXTURE
        if judged.sum() >= _PART_TILES and float(np.median(look.sharpness[judged])) < _BLURRED_FROM_THE_START:
            return self._confirmed("blurred", View("blurred", "out of focus, or the lens is covered by something"))
        return self._confirmed("clear", View())

    def _compare(self, look: _Look, hurry: bool) -> View:
        assert self._edges is not None  # noqa: S101 (the caller has looked)
        (dx, dy), fit, unshifted = _fit(self._edges, look.edges)
        blur = self._blur(look)
        if fit < _LOST_SHARE * self._usual_fit:
            return self._confirmed(*blur) if blur is not None and blur[0] == "blurred" else self._lost()
        shifted = np.hypot(dx, dy) > _STILL_PX and fit - unshifted > _FIT_GAIN * self._usual_fit
        shift = (dx / _WIDTH, dy / look.edges.shape[0]) if shifted else (0.0, 0.0)
        if max(abs(shift[0] - self._shift[0]), abs(shift[1] - self._shift[1])) > _STILL_PX / look.edges.shape[0]:
            return self._shifted(shift, hurry)
        if blur is not None:
            return self._confirmed(*blur)
        self._follow(look, fit, (round(dx), round(dy)) if shifted else (0, 0))
        large = max(map(abs, self._shift)) > _SMALL  # it has been told, and stays until the view is back
        return self._confirmed("clear", _moved_far(self._shift) if large else View(offset=self._shift))

    def _blur(self, look: _Look) -> tuple[str, View] | None:
        known = self._energy > _TEXTURE
        judged = known & (look.energy > _TEXTURE)
        if judged.sum() < _PART_TILES:
            return None
        share = np.divide(look.sharpness, self._sharpness, out=np.ones_like(look.sharpness), where=self._sharpness > 0)
        usual = float(np.median(share[judged]))
        if usual < _BLUR_SHARE:
            reason = f"edges have {usual:.0%} of their usual sharpness: focus, fog, or dirt on the lens"
            return "blurred", View("blurred", reason, self.view.offset)
        light = float(np.median(look.energy[judged] / self._energy[judged]))
        faded = known & (look.energy < _FADED_SHARE * light * self._energy)
        bad = (judged & (share < _BLUR_PART_SHARE)) | faded
        if bad.sum() >= _PART_TILES and usual > _CLEAR_SHARE:
            where = _place(bad.reshape(_ROWS, _COLUMNS))
            reason = f"a part of the picture ({where}) is blurred or hidden: drops, dirt or a web on the lens?"
            return "in part", View("blurred", reason, self.view.offset)
        return None

    def _lost(self) -> View:
        view = View("moved", "another view than the one that was drawn on: draw it anew, or turn the camera back", None)
        told = self._confirmed("lost", view)
        if not self._drawn and self._suspicion[1] > _ACCEPT_UNDRAWN:
            self._edges, self._shift = None, (0.0, 0.0)
        return told

    def _shifted(self, shift: Offset, hurry: bool) -> View:
        if max(map(abs, shift)) > _SMALL:
            view = _moved_far(shift)
        elif shift == (0.0, 0.0):
            view = View()
        else:
            view = View("moved", f"the view has shifted by {_percent(shift)}; floors and columns follow it", shift)
        told = self._confirmed("shifted", view, hurry)
        if told is view:
            self._shift = shift
        return told

    def _confirmed(self, kind: str, view: View, hurry: bool = False) -> View:
        """The new view when it was suspected often enough in a row, else the old one."""
        count = self._suspicion[1] + 1 if self._suspicion[0] == kind else 1
        self._suspicion = (kind, count)
        return view if hurry or count >= _CONFIRM[kind] else self.view

    def _tell(self, view: View) -> View | None:
        if view == self.view or (view.state == self.view.state != "up" and view.offset == self.view.offset):
            return None
        self.view = view
        return view

    # --- over restarts

    def _remember(self) -> None:
        """Without it the view is learned anew at the next start: no reason to stop watching now."""
        if self._memory is None or self._edges is None:
            return
        unfinished = self._memory.with_suffix(".new")
        try:
            self._memory.parent.mkdir(parents=True, exist_ok=True)
            with unfinished.open("wb") as file:
                np.savez_compressed(
                    file,
                    edges=self._edges,
                    sharpness=self._sharpness,
                    energy=self._energy,
                    usual_fit=self._usual_fit,
                )
            unfinished.replace(self._memory)
        except OSError as error:
            log.warning("%s: the camera's view cannot be kept (%s)", self._memory, error)

    def _recall(self, memory: Path) -> None:
        """What cannot be read is learned anew."""
        if not memory.is_file():
            return
        try:
            with np.load(memory, allow_pickle=False) as kept:
                self._edges, self._sharpness, self._energy = kept["edges"], kept["sharpness"], kept["energy"]
                self._usual_fit, self._looks = float(kept["usual_fit"]), _LEARN
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            log.warning("%s: cannot be read (%s); the view is learned anew", memory, error)
            self._edges, self._looks = None, 0


def _moved_far(shift: Offset) -> View:
    return View("moved", f"the view has shifted by {_percent(shift)}: its drawings do not fit any more", None)


def _percent(shift: Offset) -> str:
    return f"{100 * shift[0]:+.1f} % of its width, {100 * shift[1]:+.1f} % of its height"


def _edges(small: Floats32) -> Floats32:
    """Strength of edges, evened out: where they are counts more than how strong the light makes them."""
    across, down = np.zeros_like(small), np.zeros_like(small)
    across[:, 1:-1] = small[:, 2:] - small[:, :-2]
    down[1:-1] = small[2:] - small[:-2]
    strength = np.hypot(across, down)
    return np.asarray(np.sqrt(np.minimum(strength, 3 * np.median(strength) + 20)), np.float32)


def _fit(known: Floats32, seen: Floats32) -> tuple[tuple[float, float], float, float]:
    """((dx, dy) in pixels where the known edges are in the seen ones, correlation there, and correlation unshifted)."""
    height, width = known.shape
    window = _window(height, width)
    one, other = ((edges - edges.mean()) * window for edges in (known, seen))
    one, other = one - one.mean(), other - other.mean()
    spectrum = np.fft.rfft2(other) * np.conj(np.fft.rfft2(one))
    fits = np.fft.irfft2(spectrum, known.shape) / (np.linalg.norm(one) * np.linalg.norm(other) + 1e-9)
    row, column = divmod(int(fits.argmax()), width)
    dx = column + _vertex(*(float(fits[row, (column + k) % width]) for k in (-1, 0, 1)))
    dy = row + _vertex(*(float(fits[(row + k) % height, column]) for k in (-1, 0, 1)))
    shift = (dx - width if dx > width / 2 else dx, dy - height if dy > height / 2 else dy)
    return shift, float(fits[row, column]), float(fits[0, 0])


@lru_cache(maxsize=4)
def _window(height: int, width: int) -> Floats32:
    """Fades out towards the edges, where the content of a shifted view changes."""
    return np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)


def _vertex(before: float, at: float, after: float) -> float:
    """Where between −½ and ½ the parabola through three values has its top."""
    bend = before - 2 * at + after
    return 0.0 if bend >= -1e-12 else max(-0.5, min(0.5, (before - after) / (2 * bend)))


def _tiles(luma: Luma) -> Floats32:
    """(24, 96, 96) squares of the full picture, spread evenly; overlapping where it is small."""
    height, width = luma.shape
    tiles = []
    for row in range(_ROWS):
        for column in range(_COLUMNS):
            y, x = ((k + 0.5) * side / count for k, side, count in ((row, height, _ROWS), (column, width, _COLUMNS)))
            top = int(min(max(y - _TILE / 2, 0), max(height - _TILE, 0)))
            left = int(min(max(x - _TILE / 2, 0), max(width - _TILE, 0)))
            tile = luma[top : top + _TILE, left : left + _TILE]
            tiles.append(np.pad(tile, ((0, _TILE - tile.shape[0]), (0, _TILE - tile.shape[1])), mode="edge"))
    return np.stack(tiles).astype(np.float32)


def _energy(tiles: Floats32) -> Floats32:
    """(n,) mean squared difference of neighbours, across and down."""
    across, down = np.diff(tiles, axis=2), np.diff(tiles, axis=1)
    return np.asarray((across**2).mean(axis=(1, 2)) + (down**2).mean(axis=(1, 2)), np.float32)


def _place(bad: NDArray[np.bool_]) -> str:
    """In words, of a (4, 6) grid."""
    rows, columns = np.nonzero(bad)
    upright = ("top", "middle", "bottom")[int(np.mean(rows) * 3 / _ROWS)]
    across = ("left", "centre", "right")[int(np.mean(columns) * 3 / _COLUMNS)]
    return f"{upright} {across}"
