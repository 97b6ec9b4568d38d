"""Drawn Chinese licence plates (GA 36): kinds and texts, glyphs of open fonts, drawing, what a camera does to them."""

from simulator.plates.draw import PlateStyle, draw_plate, random_style
from simulator.plates.kinds import KINDS, PlateKind, plate_colour, plate_rows, random_plate

__all__ = [
    "KINDS",
    "PlateKind",
    "PlateStyle",
    "draw_plate",
    "plate_colour",
    "plate_rows",
    "random_plate",
    "random_style",
]
