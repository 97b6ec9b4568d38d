"""A region's plates for everything that draws them: the simulator's vehicles, training samples, measurements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, cast

import numpy as np

from contract.events import PlateColour
from edge.types import Bgr
from simulator.fonts import Use
from simulator.plates import draw, eu, kinds
from simulator.plates.holder import Holder, eu_holder


@dataclass(frozen=True)
class PlateMaker:
    """How the plates of a region are made. `kinds` are looks; a region's grammar may name several looks one kind."""

    region: str
    kinds: tuple[str, ...]
    random_plate: Callable[[np.random.Generator, str | None], tuple[str, str]]
    """A text and its kind; without a kind, each is as likely."""
    draw: Callable[[str, str, np.random.Generator, Use, float], Bgr]
    """Text, kind, randomness, which fonts, pixels a millimetre -> the clean plate."""
    rows: Callable[[str], Literal[1, 2]]
    colour: Callable[[str], PlateColour]
    size_mm: Callable[[str], tuple[int, int]]
    holder: Callable[[np.random.Generator], Holder | None] = field(default=lambda _rng: None)
    told_as: Callable[[str], str] = field(default=lambda kind: kind)
    """Kind -> how the region's grammar, and with it an event, names it."""


def _chinese(text: str, kind: str, rng: np.random.Generator, use: Use, scale: float) -> Bgr:
    return draw.draw_plate(text, cast("kinds.PlateKind", kind), draw.random_style(rng, use), scale)


def _chinese_size(kind: str) -> tuple[int, int]:
    if kinds.plate_rows(cast("kinds.PlateKind", kind)) == 2:
        return 440, 220
    return (480, 140) if kind in {"new_energy_small", "new_energy_large", "emergency"} else (440, 140)


CHINA = PlateMaker(
    "CN",
    kinds.KINDS,
    lambda rng, kind: kinds.random_plate(rng, cast("kinds.PlateKind | None", kind)),
    _chinese,
    lambda kind: kinds.plate_rows(cast("kinds.PlateKind", kind)),
    lambda kind: kinds.plate_colour(cast("kinds.PlateKind", kind)),
    _chinese_size,
)
EUROPE = PlateMaker(
    "eu",
    eu.EU_KINDS,
    eu.random_eu_plate,
    eu.draw_eu_plate,
    eu.eu_rows,
    eu.eu_colour,
    eu.eu_size_mm,
    eu_holder,
    lambda kind: "standard_double" if eu.eu_rows(kind) == 2 else "standard",
)
MAKERS: dict[str, PlateMaker] = {maker.region: maker for maker in (CHINA, EUROPE)}
"""By the region's name (`edge.plates.grammar.REGIONS`)."""
