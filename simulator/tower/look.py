"""How one tower looks: materials, windows, balconies, sun. All of it follows from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Colour = tuple[float, float, float]
"""(b, g, r), 0..255."""

Material = Literal["plaster", "tiles", "brick", "panels"]
CellKind = Literal["window", "pair", "balcony", "enclosed", "stairs"]
Railing = Literal["solid", "glass", "bars"]

_WALLS: tuple[Colour, ...] = (
    (196, 206, 212), (168, 190, 208), (140, 170, 196), (205, 205, 200), (150, 158, 166), (110, 130, 168),
    (90, 108, 146), (176, 196, 222), (190, 186, 176), (178, 200, 196), (222, 222, 220), (118, 140, 158),
)  # fmt: skip
_ACCENTS: tuple[Colour, ...] = (
    (92, 104, 128), (70, 84, 128), (120, 124, 128), (215, 216, 214), (86, 92, 98), (60, 76, 120), (150, 160, 170),
)  # fmt: skip
_FRAMES: tuple[Colour, ...] = ((215, 215, 212), (70, 66, 62), (120, 122, 124), (60, 80, 96))


@dataclass(frozen=True)
class Sun:
    """Where light comes from. `shift` (x, y): how far a shadow falls along the facade per metre that stands out."""

    lit: bool
    shift: tuple[float, float]
    shade: float
    sky_top: Colour
    sky_low: Colour
    clouds: float


@dataclass(frozen=True)
class Look:
    """One tower's style; `cells` has the kind of each column."""

    wall: Colour
    accent: Colour
    frame: Colour
    material: Material
    cells: tuple[CellKind, ...]
    railing: Railing
    sill_m: float
    window_m: tuple[float, float]
    panes: int
    air_conditioners: float
    cages: float
    curtains: float
    awnings: float
    dirt: float
    stripes: bool
    sun: Sun


def random_look(rng: np.random.Generator, columns: int) -> Look:
    """A tower as they stand in cities: mirrored plan, one material, much that its people have added."""
    half = [_cell_kind(rng) for _ in range((columns + 1) // 2)]
    if columns % 2:
        half[-1] = "stairs"
    kinds = half + half[: columns - len(half)][::-1]
    window = (float(rng.uniform(1.3, 2.1)), float(rng.uniform(1.35, 1.75)))
    return Look(
        wall=_pick(rng, _WALLS),
        accent=_pick(rng, _ACCENTS),
        frame=_pick(rng, _FRAMES),
        material=rng.choice(["plaster", "tiles", "brick", "panels"], p=[0.35, 0.35, 0.15, 0.15]),
        cells=tuple(kinds),
        railing=rng.choice(["solid", "glass", "bars"]),
        sill_m=float(rng.uniform(0.75, 1.0)),
        window_m=window,
        panes=int(rng.integers(2, 4)),
        air_conditioners=float(rng.uniform(0.3, 0.9)),
        cages=float(rng.choice([0.0, rng.uniform(0.1, 0.5)])),
        curtains=float(rng.uniform(0.3, 0.8)),
        awnings=float(rng.choice([0.0, rng.uniform(0.05, 0.3)])),
        dirt=float(rng.uniform(0.3, 1.0)),
        stripes=bool(rng.random() < 0.5),
        sun=_random_sun(rng),
    )


def _cell_kind(rng: np.random.Generator) -> CellKind:
    kinds: tuple[CellKind, ...] = ("window", "pair", "balcony", "enclosed")
    return kinds[int(rng.choice(4, p=[0.3, 0.2, 0.3, 0.2]))]


def _pick(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    base = colours[int(rng.integers(len(colours)))]
    shift = rng.normal(0, 5, 3)
    return (base[0] + float(shift[0]), base[1] + float(shift[1]), base[2] + float(shift[2]))


def _random_sun(rng: np.random.Generator) -> Sun:
    overcast = rng.random() < 0.4
    if overcast:
        grey = float(rng.uniform(185, 225))
        return Sun(False, (0.0, 0.0), 1.0, (grey, grey - 4, grey - 10), (grey + 15, grey + 14, grey + 10), 0.35)
    blue = float(rng.uniform(0.7, 1.0))
    top = (205.0 * blue + 25, 150.0 * blue + 20, 95.0 * blue + 10)
    low = (235.0, 215.0, 190.0)
    lit = bool(rng.random() < 0.65)
    shift = (float(rng.uniform(-1.1, 1.1)), float(-rng.uniform(0.5, 1.6)))
    return Sun(lit, shift, 0.52 if lit else 1.0, top, low, float(rng.uniform(0.2, 1.0)))
