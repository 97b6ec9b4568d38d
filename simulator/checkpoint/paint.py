"""What a vehicle looks like, unrolled: colour and gloss of its shell and of its side, painted once per vehicle."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.checkpoint.noise import clouds
from simulator.checkpoint.vehicles import Part, Shell

Array = NDArray[np.float32]
Colour = tuple[float, float, float]

PAINTS: tuple[tuple[float, Colour], ...] = (
    (0.26, (208, 208, 206)), (0.22, (38, 36, 35)), (0.16, (150, 148, 146)), (0.1, (96, 92, 90)),
    (0.08, (118, 66, 34)), (0.07, (36, 32, 138)), (0.04, (52, 74, 96)), (0.04, (170, 196, 206)), (0.03, (60, 88, 40)),
)  # fmt: skip
_GLASS: Colour = (38, 36, 33)
_PLASTIC: Colour = (34, 33, 32)
TEXELS_PER_METRE = 150


@dataclass
class Skin:
    """Colour (rows, columns, 3) in grey values, gloss (rows, columns), and own light (rows, columns, 3)."""

    colour: Array
    gloss: Array
    glow: Array


@dataclass(frozen=True)
class Lamp:
    """A lamp of the end that faces the camera, in vehicle coordinates."""

    l: float  # noqa: E741 (the coordinate's name)
    y: float
    z: float


def pick_paint(kind: str, rng: np.random.Generator) -> Colour:
    """A body colour as often as it is met."""
    if kind == "bus":
        return [(60, 140, 70), (200, 210, 214), (160, 90, 40), (40, 60, 190)][int(rng.integers(4))]
    if kind == "truck":
        return [(190, 60, 30), (40, 40, 170), (206, 206, 204), (120, 150, 40)][int(rng.integers(4))]
    shares = np.array([share for share, _ in PAINTS])
    blue, green, red = PAINTS[int(rng.choice(len(PAINTS), p=shares / shares.sum()))][1]
    shift = rng.uniform(-10, 10)
    return (blue + shift, green + shift, red + shift)


class Painter:
    """Paints one shell."""

    def __init__(self, shell: Shell, body: Colour, rng: np.random.Generator, *, lamps_on: bool) -> None:
        self._shell = shell
        self._rng = rng
        # A stream of its own: what is drawn with it changes nothing that is drawn later, the plate above all.
        self._looks = rng.spawn(1)[0]
        self._body = body
        self._rows = int(shell.arc * TEXELS_PER_METRE)
        self._columns = int(2 * shell.half_width * TEXELS_PER_METRE)
        shape = (self._rows, self._columns)
        self._skin = Skin(
            np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32), np.zeros((*shape, 3), np.float32)
        )
        self._lamps_on = lamps_on
        owner = np.linspace(0, len(shell.parts) - 1, self._rows).astype(int)
        self._parts: list[Part] = [shell.parts[i] for i in owner]
        self._heights = np.interp(
            np.linspace(0, len(shell.centre) - 1, self._rows), np.arange(len(shell.centre)), shell.centre[:, 1]
        )

    def paint(self) -> Skin:
        """Everything, from the ground colours to the dirt."""
        for part in dict.fromkeys(self._parts):
            self._ground(part)
        for start, end, part in self._runs():
            if part in ("windscreen", "rearglass"):
                self._glass(start, end)
            elif part == "bonnet":
                self._bonnet(start, end)
            elif part == "roof":
                self._fill(start + 2, start + 5, 0.06, 0.94, (20, 20, 20), 0.1)
                self._roof(start, end)
            elif part == "cargo":
                self._cargo(start, end)
        self._end()
        self._relief()
        self._dirt()
        return self._skin

    def _runs(self) -> list[tuple[int, int, Part]]:
        runs: list[tuple[int, int, Part]] = []
        start = 0
        for row in range(1, self._rows + 1):
            if row == self._rows or self._parts[row] != self._parts[start]:
                runs.append((start, row, self._parts[start]))
                start = row
        return runs

    def _ground(self, part: Part) -> None:
        rows = np.array([p == part for p in self._parts])
        colour, gloss = (_GLASS, 0.95) if part in ("windscreen", "rearglass") else (self._body, 0.42)
        if part == "cargo":
            colour, gloss = (176, 180, 182), 0.12
        self._skin.colour[rows] = colour
        self._skin.gloss[rows] = gloss

    def _row_at(self, height: float) -> int:
        """Row of the facing end's surface at this height above the road."""
        facing = self._heights[: self._rows // 3]
        return int(np.searchsorted(np.maximum.accumulate(facing), height))

    def _fill(self, top: int, bottom: int, left: float, right: float, colour: Colour, gloss: float) -> None:
        columns = slice(int(left * self._columns), int(right * self._columns))
        self._skin.colour[top:bottom, columns] = colour
        self._skin.gloss[top:bottom, columns] = gloss

    def _shape(
        self, points: list[tuple[float, float]], colour: Colour, gloss: float, glow: Colour | None = None
    ) -> None:
        """A polygon given by (fraction across, height above the road) on the facing end."""
        polygon = np.array([[x * self._columns, self._row_at(z)] for x, z in points], np.float32)
        low = np.maximum(np.floor(polygon.min(0)).astype(int) - 2, 0)
        high = np.minimum(np.ceil(polygon.max(0)).astype(int) + 3, (self._columns, self._rows))
        if (high <= low).any():
            return
        mask = np.zeros((int(high[1] - low[1]), int(high[0] - low[0])), np.uint8)
        cv2.fillPoly(mask, [np.round((polygon - low) * 8).astype(np.int32)], 255, cv2.LINE_AA, shift=3)
        share = (mask / 255.0).astype(np.float32)[..., None]
        area = (slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0])))
        self._skin.colour[area] += (np.array(colour, np.float32) - self._skin.colour[area]) * share
        self._skin.gloss[area] += (gloss - self._skin.gloss[area]) * share[..., 0]
        if glow is not None:
            self._skin.glow[area] += np.array(glow, np.float32) * share

    def _glass(self, start: int, end: int) -> None:
        rows = end - start
        edge = max(2, rows // 14)
        self._fill(start, start + edge, 0, 1, (16, 16, 16), 0.3)
        self._fill(end - edge, end, 0, 1, (18, 18, 18), 0.3)
        for side in (0.0, 0.95):
            self._fill(start, end, side, side + 0.05, self._body, 0.42)
        dash = start + edge + rows // 6
        self._skin.colour[start + edge : dash, :] *= 1.35
        for seat in (0.27, 0.72):
            centre = (int(seat * self._columns), start + int(rows * 0.5))
            axes = (int(0.075 * self._columns), int(min(rows * 0.26, 0.3 * TEXELS_PER_METRE)))
            cv2.ellipse(self._skin.colour, centre, axes, 0, 0, 360, (46, 46, 47), -1, cv2.LINE_AA)
        if self._rng.random() < 0.8:
            left = int((0.62 + 0.2 * self._rng.random()) * self._columns)
            self._skin.colour[end - edge - rows // 6 : end - edge - 2, left : left + self._columns // 22] = (
                170,
                190,
                176,
            )
        soft = cv2.GaussianBlur(self._skin.colour[start:end], (0, 0), 2.0)
        self._skin.colour[start:end] = soft

    def _bonnet(self, start: int, end: int) -> None:
        for side in (0.2, 0.8):
            points = np.array(
                [[side * self._columns, start], [(0.5 + (side - 0.5) * 0.8) * self._columns, end]], np.int32
            )
            cv2.line(
                self._skin.colour,
                tuple(points[0].tolist()),
                tuple(points[1].tolist()),
                tuple(c * 0.72 for c in self._body),
                2,
                cv2.LINE_AA,
            )
        self._skin.colour[max(start - 2, 0) : start + 1] *= 0.4
        self._skin.colour[end - 5 : end] = _PLASTIC
        self._skin.gloss[end - 5 : end] = 0.1

    def _roof(self, start: int, end: int) -> None:
        """Gutters along both edges; on every other car a glass roof."""
        for side in (0.09, 0.9):
            self._skin.colour[start + 5 : end, int(side * self._columns) : int((side + 0.012) * self._columns)] *= 0.45
        if self._shell.kind in ("car", "suv") and self._looks.random() < 0.5:
            tall = end - start
            self._fill(start + tall // 8, start + tall // 2, 0.2, 0.8, _GLASS, 0.8)

    def _relief(self) -> None:
        """What a bent sheet does to light where the shell's coarse form does not: darker edges, soft ribs, folds."""
        across = np.linspace(-1, 1, self._columns, dtype=np.float32)[None]
        rounded = 1 - 0.16 * np.abs(across) ** 3
        ribs = 0.05 * np.exp(-(((np.abs(across) - 0.42) / 0.05) ** 2)) - 0.05 * np.exp(
            -(((np.abs(across) - 0.5) / 0.05) ** 2)
        )
        sheet = np.array([p not in ("windscreen", "rearglass", "cargo") for p in self._parts])[:, None]
        self._skin.colour *= np.where(sheet, rounded * (1 + ribs), 1).astype(np.float32)[..., None]
        for start, end, part in self._runs():
            if part in ("windscreen", "rearglass"):
                self._reflection(start, end)
            edge = np.exp(-np.abs(np.arange(self._rows) - start) / (0.02 * TEXELS_PER_METRE))
            self._skin.colour *= (1 - 0.22 * edge[:, None, None]).astype(np.float32)

    def _reflection(self, start: int, end: int) -> None:
        """Slanting bands of sky in the glass, brighter towards the roof."""
        across, up = np.meshgrid(
            np.linspace(0, 1, self._columns, dtype=np.float32), np.linspace(0, 1, end - start, dtype=np.float32)
        )
        level = 10 * up
        for _ in range(3):
            place, wide, bright = (
                self._looks.uniform(-0.2, 1.0),
                self._looks.uniform(0.03, 0.14),
                self._looks.uniform(8, 26),
            )
            level += bright * np.exp(-(((across - place - 0.35 * up) / wide) ** 2))
        if self._lamps_on:
            level *= 0.2
        inside = np.clip((0.5 - np.abs(across - 0.5) - 0.05) * 40, 0, 1)
        self._skin.colour[start:end] += (level * inside)[..., None] * np.array([1.08, 1.0, 0.92], np.float32)

    def _cargo(self, start: int, end: int) -> None:
        for row in range(start, end, max(8, (end - start) // 40)):
            self._skin.colour[row : row + 2] *= 0.86
        self._skin.colour[start:end] *= 1 + 0.04 * clouds(self._rng, (self._columns, end - start), 5)[..., None]

    def _end(self) -> None:
        if self._shell.end == "front":
            self._front()
        else:
            self._rear()

    def _front(self) -> None:
        shell, rng = self._shell, self._rng
        fascia = [self._heights[i] for i, p in enumerate(self._parts[: self._rows // 3]) if p == "fascia"]
        low, high = float(min(fascia)), float(max(fascia))
        tall = high - low
        big = shell.kind in ("truck", "bus")
        shade = float(rng.uniform(16, 34))
        dark: Colour = (shade, shade, shade)
        chrome = (176.0, 178.0, 178.0)
        inset = rng.uniform(0.2, 0.3)
        grille_low, grille_high = low + rng.uniform(-0.05, 0.1) * tall, high - (0.45 if big else 0.12) * tall
        taper = rng.uniform(-0.05, 0.05)
        grille = [
            (inset, grille_high),
            (1 - inset, grille_high),
            (1 - inset - taper, grille_low),
            (inset + taper, grille_low),
        ]
        self._shape(
            [(x + (0.012 if x > 0.5 else -0.012), z + (0.012 if z > low else -0.012)) for x, z in grille],
            chrome if rng.random() < 0.6 else dark,
            0.6,
        )
        self._shape(grille, dark, 0.15)
        for slat in np.linspace(grille_low, grille_high, int(rng.integers(4, 8)))[1:-1]:
            self._shape(
                [
                    (inset + 0.02, slat + 0.009),
                    (0.98 - inset, slat + 0.009),
                    (0.98 - inset, slat - 0.009),
                    (inset + 0.02, slat - 0.009),
                ],
                (92, 92, 92),
                0.5,
            )
        middle = (grille_low + grille_high) / 2 + 0.1 * tall
        centre = (self._columns // 2, self._row_at(middle))
        cv2.ellipse(
            self._skin.colour,
            centre,
            (int(0.05 * self._columns), int(0.035 * self._columns)),
            0,
            0,
            360,
            (206, 206, 204),
            -1,
            cv2.LINE_AA,
        )
        bottom = float(self._heights[0])
        mouth = bottom + 0.35 * (low - bottom)
        self._shape(
            [(0.17, mouth + 0.05), (0.83, mouth + 0.05), (0.78, bottom + 0.02), (0.22, bottom + 0.02)], _PLASTIC, 0.08
        )
        self._headlamps(low, high)

    def _headlamps(self, low: float, high: float) -> None:
        tall, rng = high - low, self._rng
        slim = rng.uniform(0.4, 0.75)
        top = high - 0.05 * tall
        glow: Colour | None = (210.0, 225.0, 235.0) if self._lamps_on else None
        for mirror in (False, True):
            outer = [(0.015, top), (0.2, top - 0.18 * tall), (0.2, top - slim * tall), (0.04, top - slim * tall * 0.85)]
            points = [(1 - x, z) if mirror else (x, z) for x, z in outer]
            self._shape(points, (128, 130, 132), 0.85, None)
            core = [
                (0.07, top - 0.16 * tall),
                (0.165, top - 0.26 * tall),
                (0.165, top - slim * tall * 0.85),
                (0.08, top - slim * tall * 0.75),
            ]
            self._shape([(1 - x, z) if mirror else (x, z) for x, z in core], (222, 224, 224), 0.7, glow)
            fog = self._shell.centre[0, 1] + 0.16
            round_x = 0.88 if mirror else 0.12
            cv2.circle(
                self._skin.colour,
                (int(round_x * self._columns), self._row_at(float(fog))),
                int(0.025 * self._columns),
                (160, 160, 158),
                -1,
                cv2.LINE_AA,
            )

    def _rear(self) -> None:
        rng, shell = self._rng, self._shell
        top = (
            {"car": 0.92, "suv": 1.05, "van": 1.15, "truck": 0.95, "bus": 1.3}[shell.kind]
            * shell.height
            / {"car": 1.43, "suv": 1.66, "van": 1.9, "truck": 3.15, "bus": 3.05}[shell.kind]
        )
        tall = rng.uniform(0.14, 0.2) if shell.kind in ("car", "truck") else rng.uniform(0.28, 0.42)
        inner = rng.uniform(0.16, 0.28) if shell.kind == "car" else rng.uniform(0.1, 0.15)
        glow: Colour | None = (26.0, 26.0, 170.0) if self._lamps_on else None
        for mirror in (False, True):
            outer = [(0.01, top), (inner, top - 0.02), (inner * 0.9, top - tall), (0.02, top - tall)]
            self._shape([(1 - x, z) if mirror else (x, z) for x, z in outer], (32, 28, 150), 0.8, glow)
            clear = [
                (0.05, top - tall * 0.62),
                (inner * 0.8, top - tall * 0.62),
                (inner * 0.75, top - tall * 0.9),
                (0.05, top - tall * 0.9),
            ]
            self._shape([(1 - x, z) if mirror else (x, z) for x, z in clear], (190, 192, 200), 0.6)
        low = float(self._heights[0])
        self._shape([(0.1, low + 0.14), (0.9, low + 0.14), (0.88, low), (0.12, low)], _PLASTIC, 0.1)
        self._shape([(0.3, top - 0.03), (0.7, top - 0.03), (0.7, top - 0.05), (0.3, top - 0.05)], (120, 120, 120), 0.7)

    def _dirt(self) -> None:
        soil = clouds(self._rng, (self._columns, self._rows), 6, octaves=5)
        low = np.clip(1.15 - self._heights / 0.75, 0, 1)[:, None]
        level = np.clip(self._rng.uniform(0.0, 0.5) * low * (0.6 + 0.4 * soil), 0, 0.75).astype(np.float32)
        self._skin.colour += (np.array((96, 112, 122), np.float32) - self._skin.colour) * level[..., None]
        self._skin.gloss *= 1 - 0.8 * level
        self._skin.colour *= 1 + 0.018 * soil[..., None]


def paint_side(shell: Shell, body: Colour, rng: np.random.Generator) -> Skin:
    """The side as a picture of `l` (columns) by `z` from the roof down to the road (rows)."""
    height, length = shell.height, shell.length
    rows, columns = int(height * TEXELS_PER_METRE / 2), int(length * TEXELS_PER_METRE / 2)
    scale = TEXELS_PER_METRE / 2
    colour = np.full((rows, columns, 3), body, np.float32)
    gloss = np.full((rows, columns), 0.4, np.float32)
    belt = {"car": 0.95, "suv": 1.08, "van": 1.15, "truck": 1.4, "bus": 1.25}[shell.kind]
    top, low = int((height - (height - 0.1)) * scale), int((height - belt) * scale)
    if shell.kind == "truck":
        cab = (0.3, 1.7) if shell.end == "front" else (length - 1.7, length - 0.3)
        colour[:, :] = (170, 174, 176)
        colour[:, int((cab[0] - 0.3) * scale) : int((cab[1] + 0.3) * scale)] = body
        spans = [cab]
    else:
        pillars = int(rng.integers(3, 5)) if shell.kind != "bus" else 7
        marks = np.linspace(0.16 * length, 0.9 * length, pillars + 1)
        spans = [(a + 0.05, b - 0.05) for a, b in pairwise(marks)]
    for a, b in spans:
        colour[top:low, int(a * scale) : int(b * scale)] = _GLASS
        gloss[top:low, int(a * scale) : int(b * scale)] = 0.9
    for at in (0.19 * length, 0.8 * length):
        centre, radius = (
            (int(at * scale), rows - int(0.33 * scale)),
            int((0.5 if shell.kind in ("truck", "bus") else 0.35) * scale),
        )
        cv2.circle(colour, centre, radius, (14, 14, 14), -1, cv2.LINE_AA)
        cv2.circle(colour, centre, int(radius * 0.62), (120, 122, 124), -1, cv2.LINE_AA)
        cv2.circle(colour, centre, int(radius * 0.2), (60, 60, 60), -1, cv2.LINE_AA)
    shadow = np.clip((np.arange(rows) - (rows - 0.34 * scale)) / (0.25 * scale), 0, 0.75)[:, None, None]
    return Skin(colour * (1 - shadow.astype(np.float32)), gloss, np.zeros_like(colour))
