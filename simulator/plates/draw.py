"""Draw a clean plate: ground, frame line, characters, dot, bolts. What dirt and cameras do to it is in `degrade`."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from edge.types import Bgr
from simulator.fonts import FONT_FOLDER, Use, faces
from simulator.plates.glyphs import FontGlyphs, GlyphSource, Mask
from simulator.plates.kinds import LOOKS, RED, Layout, PlateKind, layout_of

Colour = tuple[float, float, float]
"""Blue, green, red, 0..255."""


@dataclass(frozen=True)
class PlateStyle:
    """How one plate of a kind differs from the next: glyphs, paint, bolts. Sizes in mm, colours as offsets in BGR."""

    glyphs: GlyphSource = field(repr=False)
    ground_shift: Colour = (0.0, 0.0, 0.0)
    ink_shift: Colour = (0.0, 0.0, 0.0)
    boldness: int = 0
    """Strokes thicker (> 0) or thinner (< 0), in pixels of the drawn plate."""
    bolts: int = 4
    bolt_radius_mm: float = 6.0
    bolt_grey: float = 150.0
    frame_line: bool = True
    ink_gradient: float = 0.0
    """Light falls from above: the relief's upper edges are brighter by this much."""
    variant: int = 0
    """Which of its layouts, of a kind that has several."""


def random_style(rng: np.random.Generator, use: Use = "simulator", folder: Path = FONT_FOLDER) -> PlateStyle:
    """A style with fonts reserved for `use`. Raises simulator.fonts.FontsMissing."""
    han, latin = faces("han", use), faces("latin", use)
    glyphs = font_glyphs(int(rng.integers(len(han))), int(rng.integers(len(latin))), use, folder)
    return varied_style(rng, glyphs)


def varied_style(rng: np.random.Generator, glyphs: GlyphSource) -> PlateStyle:
    """A style with these glyphs and everything else at random."""
    return PlateStyle(
        glyphs=glyphs,
        ground_shift=_shift(rng, 12.0),
        ink_shift=_shift(rng, 8.0),
        boldness=int(rng.choice([-1, 0, 0, 0, 1])),
        bolts=int(rng.choice([0, 2, 4, 4])),
        bolt_radius_mm=float(rng.uniform(4.5, 8.0)),
        bolt_grey=float(rng.uniform(60, 230)),
        frame_line=bool(rng.random() < 0.9),
        ink_gradient=float(rng.choice([0.0, rng.uniform(0.0, 0.5)])),
        variant=int(rng.integers(12)),
    )


def draw_plate(text: str, kind: PlateKind, style: PlateStyle, scale: float = 1.0) -> Bgr:
    """The plate at `scale` pixels a millimetre: 440 x 140 px (480 new energy, 220 high with two rows) at 1.

    Raises ValueError for a text that the kind cannot have.
    """
    layout = layout_of(text, kind, style.variant)
    height, width = round(layout.height * scale), round(layout.width * scale)
    look = LOOKS[kind]
    ground = _ground(kind, width, height, _bgr(look.ground, style.ground_shift))
    ink = _bgr(look.ink, style.ink_shift)
    if style.frame_line:
        _frame_line(ground, ink, scale)
    family = _family(layout)
    coverage = np.zeros((height, width), np.uint8)
    red = np.zeros((height, width), np.uint8)
    for index, (character, box) in enumerate(zip(text, layout.boxes, strict=True)):
        target = red if look.is_red(text, index) else coverage
        _place(target, style.glyphs, character, box, (scale, family[index], style.boldness))
    if layout.dot is not None:
        _disc(coverage, layout.dot, 5.5, scale)
    if kind in {"new_energy_small", "new_energy_large"}:
        _emblem(ground, (137, 70), scale)
    ground = blend(ground, coverage, ink)
    if red.any():
        ground = blend(ground, red, _bgr(RED, style.ink_shift))
    if style.ink_gradient:
        ground = relief(ground, np.maximum(coverage, red), style.ink_gradient)
    for bolt in layout.bolts[: style.bolts]:
        _bolt(ground, bolt, style, scale)
    return ground


@lru_cache(maxsize=64)
def font_glyphs(han: int, latin: int, use: Use, folder: Path = FONT_FOLDER) -> FontGlyphs:
    """The glyphs of the n-th Chinese and m-th Latin face reserved for `use` (kept: drawing fonts is slow)."""
    return FontGlyphs(faces("han", use)[han], faces("latin", use)[latin], folder)


def _shift(rng: np.random.Generator, size: float) -> Colour:
    blue, green, red = rng.normal(0.0, size, 3)
    return (float(blue), float(green), float(red))


def _bgr(rgb: tuple[int, int, int], shift: Colour) -> Colour:
    red, green, blue = rgb
    values = (blue + shift[0], green + shift[1], red + shift[2])
    return (min(255.0, max(0.0, values[0])), min(255.0, max(0.0, values[1])), min(255.0, max(0.0, values[2])))


def _family(layout: Layout) -> list[str]:
    if layout.height == 220:
        return ["double_up"] * (len(layout.boxes) - 5) + ["double_down"] * 5
    return ["eight" if layout.width == 480 else "single"] * len(layout.boxes)


def shifted(rgb: tuple[int, int, int], rng: np.random.Generator, size: float) -> Colour:
    """A colour of paint as BGR, somewhat off: no two plates are alike."""
    return _bgr(rgb, _shift(rng, size))


def _ground(kind: PlateKind, width: int, height: int, colour: Colour) -> Bgr:
    ground = np.empty((height, width, 3), np.float32)
    ground[:] = colour
    if kind == "new_energy_small":
        light = np.linspace(1.0, 0.0, height, dtype=np.float32)[:, None, None]
        ground += light * (np.array([225, 240, 225], np.float32) - np.asarray(colour, np.float32))
        ground[int(0.85 * height) :] *= 0.95
    if kind == "new_energy_large":
        ground[:, : round(width * 0.28)] = np.array([30, 170, 240], np.float32)
    return np.clip(ground, 0, 255).astype(np.uint8)


def _frame_line(ground: Bgr, ink: Colour, scale: float) -> None:
    height, width = ground.shape[:2]
    inset = max(1, round(5 * scale))
    thickness = max(1, round(2.5 * scale))
    cv2.rectangle(ground, (inset, inset), (width - 1 - inset, height - 1 - inset), ink, thickness, cv2.LINE_AA)


def _place(
    coverage: Mask,
    glyphs: GlyphSource,
    character: str,
    box: tuple[float, float, float, float],
    how: tuple[float, str, int],
) -> None:
    scale, family, boldness = how
    x, y, width, height = (round(value * scale) for value in box)
    mask = glyphs.mask(character, width, height, family)
    if boldness:
        operation = cv2.dilate if boldness > 0 else cv2.erode
        mask = np.asarray(operation(mask, np.ones((2, 2), np.uint8), iterations=abs(boldness)), np.uint8)
    area = coverage[y : y + height, x : x + width]
    np.maximum(area, mask[: area.shape[0], : area.shape[1]], out=area)


def _disc(coverage: Mask, centre: tuple[float, float], radius_mm: float, scale: float) -> None:
    place = (round(centre[0] * scale), round(centre[1] * scale))
    cv2.circle(coverage, place, max(1, round(radius_mm * scale)), 255, -1, cv2.LINE_AA)


def _emblem(ground: Bgr, centre: tuple[float, float], scale: float) -> None:
    """The round new-energy mark between the second and the third character."""
    place = (round(centre[0] * scale), round(centre[1] * scale))
    radius = max(2, round(15 * scale))
    cv2.circle(ground, place, radius, (250, 250, 250), -1, cv2.LINE_AA)
    for start, colour in ((30, (60, 160, 40)), (150, (40, 170, 230)), (270, (190, 120, 30))):
        cv2.ellipse(ground, place, (radius, radius), 0, start, start + 110, colour, max(1, radius // 3), cv2.LINE_AA)


def blend(ground: Bgr, coverage: Mask, colour: Colour) -> Bgr:
    """Ink of this colour over a ground (h, w, 3), as far as `coverage` (h, w) says."""
    alpha = coverage[:, :, None].astype(np.float32) * np.float32(1 / 255)
    mixed = ground + alpha * (np.asarray(colour, np.float32) - ground)
    return np.asarray(mixed, np.uint8)


def relief(ground: Bgr, coverage: Mask, strength: float) -> Bgr:
    """Embossed strokes: lit from above, so the upper edge is brighter and the lower one darker."""
    edge = cv2.Sobel(coverage, cv2.CV_32F, 0, 1, ksize=3) * (strength / 16)
    return np.clip(ground + edge[:, :, None], 0, 255).astype(np.uint8)


def _bolt(ground: Bgr, centre: tuple[float, float], style: PlateStyle, scale: float) -> None:
    place = (round(centre[0] * scale), round(centre[1] * scale))
    radius = max(1, round(style.bolt_radius_mm * scale))
    grey = style.bolt_grey
    cv2.circle(ground, place, radius, (grey * 0.6,) * 3, -1, cv2.LINE_AA)
    cv2.circle(ground, place, max(1, round(radius * 0.7)), (grey,) * 3, -1, cv2.LINE_AA)
