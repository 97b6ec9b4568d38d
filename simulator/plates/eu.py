"""Drawn European plates: one design for each country's look, texts from the formats that the edge's grammar admits too.

Nothing here follows one country's drawing to the millimetre: sizes, spacing, fonts, stroke widths and the places of
seals vary from plate to plate, so that a reader learns letters and not a layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

import cv2
import numpy as np

from contract.events import PlateColour
from edge.plates.europe import COUNTRIES, Country, Groups, other_slots
from edge.types import Bgr
from simulator.fonts import Use
from simulator.plates.brush import Brush
from simulator.plates.draw import blend, relief, shifted
from simulator.plates.glyphs import Mask

Rgb = tuple[int, int, int]
Gap = Literal["space", "dash", "dot", "seals", "arms"]
Band = Literal["left", "both", "none"]

_WHITE: Rgb = (240, 240, 236)
_YELLOW: Rgb = (245, 195, 30)
_INK: Rgb = (18, 18, 20)
_BLUE: Rgb = (0, 51, 153)
_OLD_SHARE = 0.25
"""Share of plates without the blue band where it is usual: older ones."""


@dataclass(frozen=True, slots=True)
class Design:
    """A look: whose numbers, size in mm, colours (RGB), what is beside and between the groups of characters."""

    code: str
    size: tuple[int, int] = (520, 110)
    ground: Rgb = _WHITE
    ink: Rgb = _INK
    colour: PlateColour = "white"
    band: Band = "left"
    gaps: tuple[Gap, ...] = ("space",)
    rows: Literal[1, 2] = 1
    rim: float = 0.6
    """Probability of a line along the edge."""
    stripes: Rgb | None = None
    """Lines along the upper and lower edge."""


_RED: Rgb = (165, 20, 40)
_GREEN: Rgb = (20, 130, 60)
_LOW = (300, 200)

DESIGNS: dict[str, Design] = {
    "d": Design("D", gaps=("seals",), rim=0.95),
    "d_double": Design("D", (290, 200), gaps=("seals",), rows=2, rim=0.95),
    "a": Design("A", gaps=("arms",), stripes=(200, 20, 40), rim=0.2),
    "a_electric": Design("A", gaps=("arms",), ink=_GREEN, rim=0.5),
    "ch": Design("CH", (500, 110), band="none", gaps=("dot", "arms"), rim=0.3),
    "ch_double": Design("CH", (300, 160), band="none", gaps=("dot", "arms"), rows=2),
    "f": Design("F", band="both", gaps=("dash",)),
    "f_double": Design("F", (275, 200), band="both", gaps=("dash",), rows=2),
    "i": Design("I", band="both", gaps=("space", "arms")),
    "i_narrow": Design("I", (360, 110), band="both"),
    "i_double": Design("I", (297, 214), band="both", rows=2),
    "e": Design("E", rim=0.8),
    "e_double": Design("E", (340, 220), rows=2, rim=0.8),
    "p": Design("P", gaps=("dash", "dot", "space"), rim=0.8),
    "nl": Design("NL", ground=_YELLOW, colour="yellow", gaps=("dash",), rim=0.9),
    "nl_double": Design("NL", (340, 210), ground=_YELLOW, colour="yellow", gaps=("dash",), rows=2, rim=0.9),
    "b": Design("B", ink=_RED, gaps=("dash",), rim=0.95),
    "b_double": Design("B", (340, 210), ink=_RED, gaps=("dash",), rows=2, rim=0.95),
    "l": Design("L", ground=_YELLOW, colour="yellow", rim=0.5),
    "gb_front": Design("GB", rim=0.3),
    "gb_rear": Design("GB", ground=_YELLOW, colour="yellow", rim=0.3),
    "gb_double": Design("GB", (285, 203), ground=_YELLOW, colour="yellow", rows=2, rim=0.3),
    "irl": Design("IRL", gaps=("dash",)),
    "dk": Design("DK", (504, 120), rim=0.9),
    "s": Design("S", gaps=("space", "seals"), rim=0.7),
    "n": Design("N", gaps=("space",)),
    "n_double": Design("N", _LOW, rows=2),
    "n_van": Design("N", ground=(20, 130, 70), ink=_INK, colour="green"),
    "fin": Design("FIN", (440, 120), gaps=("dash",)),
    "is": Design("IS", ink=(20, 50, 130), gaps=("seals", "space")),
    "est": Design("EST"),
    "lv": Design("LV", gaps=("dash",)),
    "lt": Design("LT", gaps=("seals", "space")),
    "pl": Design("PL", gaps=("space", "seals"), rim=0.9),
    "pl_double": Design("PL", (305, 214), gaps=("space", "seals"), rows=2, rim=0.9),
    "cz": Design("CZ", gaps=("space", "seals"), rim=0.9),
    "sk": Design("SK", gaps=("arms", "dash"), rim=0.8),
    "h": Design("H", gaps=("dash", "arms"), rim=0.8),
    "h_electric": Design("H", ground=(120, 200, 110), colour="green", gaps=("dash",)),
    "slo": Design("SLO", gaps=("arms", "dash"), rim=0.9),
    "hr": Design("HR", gaps=("arms", "dash"), rim=0.7),
    "srb": Design("SRB", gaps=("arms", "dash")),
    "ro": Design("RO", gaps=("space",), rim=0.9),
    "bg": Design("BG", rim=0.6),
    "gr": Design("GR", gaps=("dash", "space"), rim=0.6),
    "cy": Design("CY"),
    "m": Design("M"),
    "ua": Design("UA", rim=0.9),
    "tr": Design("TR", rim=0.7),
    "other": Design("", gaps=("space", "dash", "dot", "seals", "arms")),
    "other_double": Design("", _LOW, gaps=("space", "dash", "seals"), rows=2),
    "old_black": Design("", ground=(22, 22, 24), ink=_WHITE, colour="black", band="none", gaps=("space", "dash")),
    "old_blue": Design("", ground=(20, 60, 150), ink=_WHITE, colour="blue", band="none", gaps=("dash", "space")),
}  # fmt: skip
EU_KINDS = tuple(DESIGNS)
_COUNTRIES = {country.code: country for country in COUNTRIES}


def random_eu_plate(rng: np.random.Generator, kind: str | None = None) -> tuple[str, str]:
    """A text that this look may have, and the look."""
    chosen = kind if kind is not None else EU_KINDS[int(rng.integers(len(EU_KINDS)))]
    groups = _random_groups(rng, DESIGNS[chosen].code)
    return "".join(slot[int(rng.integers(len(slot)))] for group in groups for slot in group), chosen


def eu_rows(kind: str) -> Literal[1, 2]:
    """Number of rows of characters."""
    return DESIGNS[kind].rows


def eu_colour(kind: str) -> PlateColour:
    """The colour that an event names."""
    return DESIGNS[kind].colour


def eu_size_mm(kind: str) -> tuple[int, int]:
    """Width and height in millimetres."""
    return DESIGNS[kind].size


def draw_eu_plate(text: str, kind: str, rng: np.random.Generator, use: Use = "simulator", scale: float = 1.0) -> Bgr:
    """A clean plate at `scale` pixels a millimetre, everything that may vary at random, in fonts reserved for `use`.

    Raises ValueError for a text that the country does not give, FontsMissing without fonts.
    """
    design = DESIGNS[kind]
    groups = _grouped(text, design.code, rng)
    width, height = (round(side * scale) for side in design.size)
    plate = np.empty((height, width, 3), np.uint8)
    plate[:] = np.array(shifted(design.ground, rng, 6.0), np.float32)
    brush = Brush(rng, use)
    room = _bands(plate, design, rng, brush, scale)
    ink = shifted(design.ink, rng, 8.0)
    _edges(plate, design, ink, rng, scale)
    coverage = np.zeros((height, width), np.uint8)
    for row, box in _rows(groups, design, room, (width, height), rng):
        _write(plate, coverage, row, box, _Manner(brush, design.gaps[int(rng.integers(len(design.gaps)))], ink))
    plate = blend(plate, coverage, ink)
    if rng.random() < 0.6:
        plate = relief(plate, coverage, float(rng.uniform(0.1, 0.6)))
    for _ in range(int(rng.choice([0, 0, 1, 2, 2]))):
        _screw(plate, rng, scale)
    return plate


@dataclass(frozen=True, slots=True)
class _Manner:
    brush: Brush
    gap: Gap
    ink: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class _Box:
    """Where a row may stand, in pixels."""

    left: float
    right: float
    top: float
    height: float
    rng: np.random.Generator


def _random_groups(rng: np.random.Generator, code: str) -> Groups:
    country: Country | None = _COUNTRIES.get(code)
    if country is None:
        return _runs(_OTHERS[int(rng.integers(len(_OTHERS)))])
    choices = _weighed(country)
    weights = np.array([weight for _, weight in choices])
    return choices[int(rng.choice(len(choices), p=weights / weights.sum()))][0]


@lru_cache(maxsize=64)
def _weighed(country: Country) -> list[tuple[Groups, float]]:
    return country.weighed()


def _grouped(text: str, code: str, rng: np.random.Generator) -> list[str]:
    """The text cut into the groups of one of the country's formats."""
    country = _COUNTRIES.get(code)
    formats = (
        [groups for groups, _ in _weighed(country)]
        if country
        else [_runs(slots) for slots in _OTHERS if len(slots) == len(text)]
    )
    fitting = [groups for groups in formats if _fits(text, groups)]
    if not fitting:
        raise ValueError(f"{text!r} is no number of {code or 'any series'}")
    groups = fitting[int(rng.integers(len(fitting)))]
    ends = np.cumsum([len(group) for group in groups])
    return [text[end - len(group) : end] for group, end in zip(groups, ends, strict=True)]


def _fits(text: str, groups: Groups) -> bool:
    slots = [slot for group in groups for slot in group]
    return len(slots) == len(text) and all(c in slot for c, slot in zip(text, slots, strict=True))


def _runs(slots: tuple[str, ...]) -> Groups:
    """Consecutive equal slots as one group."""
    cuts = [0, *(i for i in range(1, len(slots)) if slots[i] != slots[i - 1]), len(slots)]
    return tuple(slots[a:b] for a, b in pairwise(cuts))


_OTHERS = other_slots()


def _rows(
    groups: list[str], design: Design, room: tuple[float, float, float], size: tuple[int, int], rng: np.random.Generator
) -> list[tuple[list[str], _Box]]:
    """Groups of each row and where they stand."""
    width, height = size
    left, below, right = room[0] + 0.012 * width, room[1] + 0.012 * width, room[2] - 0.012 * width
    if design.rows == 1:
        tall = height * float(rng.uniform(0.62, 0.8))
        return [(groups, _Box(left, right, (height - tall) * float(rng.uniform(0.42, 0.58)), tall, rng))]
    cut = _break(groups, rng)
    tall = height * float(rng.uniform(0.34, 0.4))
    upper, lower = height * float(rng.uniform(0.08, 0.1)), height * float(rng.uniform(0.54, 0.57))
    return [(groups[:cut], _Box(left, right, upper, tall, rng)), (groups[cut:], _Box(below, right, lower, tall, rng))]


def _break(groups: list[str], rng: np.random.Generator) -> int:
    """After which group the second row begins: both rows get about as much, or one group stands alone above."""
    total = sum(map(len, groups))
    allowed = [n for n in range(1, len(groups)) if max(len("".join(groups[:n])), total - len("".join(groups[:n]))) <= 6]
    return allowed[int(rng.integers(len(allowed)))] if allowed else 1


def _write(plate: Bgr, coverage: Mask, groups: Sequence[str], box: _Box, manner: _Manner) -> None:
    """Characters into `coverage`; what is between the groups into it or onto the plate."""
    brush, rng = manner.brush, box.rng
    shares = [[brush.share(c) for c in group] for group in groups]
    gap = {"seals": max(0.55, brush.gap), "arms": max(0.5, brush.gap)}.get(manner.gap, brush.gap)
    wanted = sum(map(sum, shares)) + brush.spacing * sum(len(g) - 1 for g in groups) + gap * (len(groups) - 1)
    unit = min(box.height, (box.right - box.left) / max(wanted, 0.1))
    x = box.left + max(0.0, box.right - box.left - wanted * unit) * float(np.clip(rng.normal(0.5, 0.2), 0, 1))
    top, tall = round(box.top), round(box.height)
    for number, (group, widths) in enumerate(zip(groups, shares, strict=True)):
        if number:
            _between(plate, coverage, (x, x + gap * unit), box, manner, first=number == 1)
            x += gap * unit
        for place, (character, share) in enumerate(zip(group, widths, strict=True)):
            x += brush.spacing * unit if place else 0.0
            mask = brush.mask(character, round(share * unit), tall)
            area = coverage[top : top + tall, round(x) : round(x) + mask.shape[1]]
            np.maximum(area, mask[: area.shape[0], : area.shape[1]], out=area)
            x += share * unit


def _between(plate: Bgr, coverage: Mask, span: tuple[float, float], box: _Box, manner: _Manner, first: bool) -> None:
    middle, centre = (span[0] + span[1]) / 2, box.top + box.height / 2
    room, rng = span[1] - span[0], box.rng
    if manner.gap == "dash":
        half = room * float(rng.uniform(0.2, 0.36))
        thick = box.height * float(rng.uniform(0.05, 0.08))
        corners = [(round(middle - half), round(centre - thick)), (round(middle + half), round(centre + thick))]
        cv2.rectangle(coverage, corners[0], corners[1], 255, -1)
    elif manner.gap == "dot":
        y = centre if rng.random() < 0.7 else box.top + 0.9 * box.height
        cv2.circle(coverage, (round(middle), round(y)), max(1, round(0.07 * box.height)), 255, -1, cv2.LINE_AA)
    elif manner.gap == "seals" and first:
        radius = max(2, round(min(room * 0.42, box.height * float(rng.uniform(0.16, 0.26)))))
        for y in (box.top + radius, box.top + box.height - radius)[: 1 if rng.random() < 0.25 else 2]:
            _seal(plate, (round(middle), round(y)), radius, rng)
    elif manner.gap == "arms" and first:
        radius = max(2, round(min(room * 0.42, box.height * float(rng.uniform(0.2, 0.32)))))
        _arms(plate, (round(middle), round(centre)), radius, rng)


def _seal(plate: Bgr, centre: tuple[int, int], radius: int, rng: np.random.Generator) -> None:
    """A round sticker: a coloured or grey disc with a ring and something in it."""
    colour = rng.uniform(60, 240, 3) if rng.random() < 0.6 else np.full(3, rng.uniform(120, 210))
    cv2.circle(plate, centre, radius, tuple(map(float, colour)), -1, cv2.LINE_AA)
    inner = tuple(map(float, np.clip(colour + rng.normal(0, 60, 3), 0, 255)))
    cv2.circle(plate, centre, max(1, round(radius * rng.uniform(0.3, 0.7))), inner, -1, cv2.LINE_AA)
    if rng.random() < 0.5:
        cv2.circle(plate, centre, radius, (40.0, 40.0, 40.0), 1, cv2.LINE_AA)


def _arms(plate: Bgr, centre: tuple[int, int], radius: int, rng: np.random.Generator) -> None:
    """A coat of arms: a shield of two or three colours."""
    x, y = centre
    shield = np.array([[-0.8, -1], [0.8, -1], [0.8, 0.2], [0, 1.1], [-0.8, 0.2]]) * radius + (x, y)
    cv2.fillPoly(plate, [shield.round().astype(np.int32)], tuple(map(float, rng.uniform(0, 255, 3))), cv2.LINE_AA)
    half = shield[[0, 1, 2]] if rng.random() < 0.5 else shield[[0, 3, 4]]
    cv2.fillPoly(plate, [half.round().astype(np.int32)], tuple(map(float, rng.uniform(0, 255, 3))), cv2.LINE_AA)


def _bands(
    plate: Bgr, design: Design, rng: np.random.Generator, brush: Brush, scale: float
) -> tuple[float, float, float]:
    """Draw the blue bands; returns where characters may begin (upper and lower row) and end, in pixels."""
    height, width = plate.shape[:2]
    if design.band == "none" or rng.random() < _OLD_SHARE:
        return 0.02 * width, 0.02 * width, 0.98 * width
    band = round(float(rng.uniform(36, 50)) * scale)
    short = design.rows == 2 and rng.random() < 0.5
    tall = height // 2 if short else height
    _band(plate[:tall, :band], design.code, rng, brush, stars=design.code not in {"UA", "TR", "CH"})
    right = float(width)
    if design.band == "both" and rng.random() < 0.9:
        _band(plate[:, width - band :], "", rng, brush, stars=False)
        right -= band
    elif design.code == "P" and rng.random() < 0.5:
        plate[:, width - band :] = np.array((30.0, 190.0, 245.0)) + rng.normal(0, 8, 3)
        right -= band
    return float(band), 0.02 * width if short else float(band), right


def _band(area: Bgr, code: str, rng: np.random.Generator, brush: Brush, stars: bool) -> None:
    """A blue field with a ring of stars and the country's sign, or with a small number of the department."""
    height, width = area.shape[:2]
    area[:] = np.array(shifted(_BLUE, rng, 22.0), np.float32)
    if stars:
        ring = min(width * 0.33, height * 0.22)
        for angle in np.arange(12) * np.pi / 6:
            spot = (round(width / 2 + ring * np.sin(angle)), round(height * 0.3 + ring * np.cos(angle)))
            cv2.circle(area, spot, max(1, round(ring * 0.16)), (40.0, 210.0, 250.0), -1, cv2.LINE_AA)
    sign = code or "".join(str(digit) for digit in rng.integers(0, 10, 2))
    tall = max(3, round(height * float(rng.uniform(0.18, 0.26))))
    each = max(2, round(min(tall * 0.6, 0.85 * width / len(sign))))
    left, top = round(width / 2 - each * len(sign) / 2), round(height * 0.64)
    for character in sign:
        mask = brush.mask(character, each - 1, tall)
        patch = area[top : top + mask.shape[0], max(0, left) : max(0, left) + mask.shape[1]]
        patch[:] = blend(patch, mask[: patch.shape[0], : patch.shape[1]], (245.0, 245.0, 245.0))
        left += each


def _edges(plate: Bgr, design: Design, ink: tuple[float, float, float], rng: np.random.Generator, scale: float) -> None:
    height, width = plate.shape[:2]
    if design.stripes is not None and rng.random() < 0.8:
        for y in (round(6 * scale), round(height - 7 * scale)):
            colour = tuple(float(v) for v in reversed(design.stripes))
            cv2.line(plate, (0, y), (width, y), colour, max(1, round(3 * scale)))
    if rng.random() < design.rim:
        inset = round(float(rng.uniform(0, 5)) * scale)
        corners = ((inset, inset), (width - 1 - inset, height - 1 - inset))
        cv2.rectangle(plate, corners[0], corners[1], ink, max(1, round(float(rng.uniform(2, 5)) * scale)), cv2.LINE_AA)


def _screw(plate: Bgr, rng: np.random.Generator, scale: float) -> None:
    height, width = plate.shape[:2]
    centre = (round(width * float(rng.uniform(0.1, 0.9))), round(height * float(rng.choice([0.12, 0.5, 0.88]))))
    grey = float(rng.uniform(30, 230))
    cv2.circle(plate, centre, max(1, round(float(rng.uniform(4, 8)) * scale)), (grey,) * 3, -1, cv2.LINE_AA)
