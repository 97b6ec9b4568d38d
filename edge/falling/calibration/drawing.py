"""The installer's drawing, as a file with pixels or as the configuration's keys, and what its map is worth.

A file of points is for who measures places in another program; all places are pixels of the still:

    size: [1920, 1080]                    # of the still; may be left out
    floor_height_m: 2.9
    camera_height_m: 4
    floors: {1: [[310, 900], [1600, 890]], 8: [[350, 420], [1580, 430]]}
    columns: {1: [[350, 300], [310, 1000]], 5: [[1580, 300], [1600, 1000]]}
    columns_counted_from: left            # right: column numbers grow from right to left; may be left out
    outline: [[300, 200], [1620, 210], [1640, 1000], [290, 1000]]
    ignore: [[[0, 950], [600, 960], [0, 1080]]]
    privacy: []

Places a little beside the picture count as its edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.errors import ConfigError
from edge.falling.facade import Facade, build_facade, misfits
from edge.falling.remarks import said
from edge.falling.settings import ColumnLine, FacadeSettings, FallingSettings, FloorLine, Point, Polygon, with_area
from edge.yaml_files import parse_yaml

_DIGITS = 4
"""Of picture fractions: a tenth of a pixel at 1080p."""
CROOKED = 0.15
"""Floors or columns that a line may be off without a word."""
CLOSE = 0.3
"""Of the picture: floor lines that span less lie close together."""
_BESIDE = 0.05
"""Of the picture: how far beside it a place may lie and still be meant for its edge."""
Coordinate = Annotated[float, Field(allow_inf_nan=False)]
Pixel = tuple[Coordinate, Coordinate]
Line = tuple[Pixel, Pixel]
Area = Annotated[tuple[Pixel, ...], Field(min_length=3)]


class Drawing(BaseModel):
    """What a drawing adds to a camera's configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    falling: FallingSettings = Field(default_factory=FallingSettings)
    privacy_masks: tuple[Polygon, ...] = ()


class PointsFile(BaseModel):
    """Places in pixels of the still."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: tuple[int, int] | None = Field(default=None, description="Width and height of the still.")
    floor_height_m: float = 3.0
    camera_height_m: float = 3.0
    floors: dict[int, Line]
    columns: dict[int, Line] = Field(default_factory=dict)
    columns_counted_from: Literal["left", "right"] = "left"
    outline: Area | None = None
    ignore: tuple[Area, ...] = ()
    privacy: tuple[Area, ...] = ()


def read_drawing(path: Path, size: tuple[int, int]) -> Drawing:
    """A file of points, or of the configuration's keys `falling` and `privacy_masks`; `size` (w, h) of the still.

    Raises ConfigError that names what is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    _, raw = parse_yaml(text, path)
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: expected the keys floors, columns, ... or falling; found {type(raw).__name__}")
    try:
        if "falling" in raw or "privacy_masks" in raw:
            return Drawing.model_validate(raw)
        points = PointsFile.model_validate(raw)
        if points.size is not None and points.size != size:
            raise ConfigError(
                f"{path}: drawn on a still of {points.size[0]} x {points.size[1]} pixels, this one has "
                f"{size[0]} x {size[1]}"
            )
        return _from_points(points, _Still(path, size))
    except ValidationError as error:
        told = (
            f"{'.'.join(map(str, item['loc']))}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors(include_url=False)
        )
        raise ConfigError(f"{path}: {'; '.join(told)}") from error


@dataclass(frozen=True)
class _Still:
    """Turns places in pixels of a still of (w, h) into fractions; `path` names the file of points in errors."""

    path: Path
    size: tuple[int, int]

    def fraction(self, what: str, place: Pixel) -> Point:
        """Of one place. Raises ConfigError for one that lies far from the picture."""
        x, y = (value / side for value, side in zip(place, self.size, strict=True))
        if not (-_BESIDE <= x <= 1 + _BESIDE and -_BESIDE <= y <= 1 + _BESIDE):
            raise ConfigError(
                f"{self.path}: {what}: the place ({place[0]:g}, {place[1]:g}) lies outside the still of "
                f"{self.size[0]} x {self.size[1]} pixels; measure it in that very picture"
            )
        return round(min(max(x, 0.0), 1.0), _DIGITS), round(min(max(y, 0.0), 1.0), _DIGITS)

    def area(self, what: str, places: Area) -> tuple[Point, ...]:
        """Of the corners of an area. Raises ConfigError as `fraction` does, and for corners on one line."""
        try:
            return with_area(tuple(self.fraction(what, place) for place in places))
        except ValueError as error:
            raise ConfigError(f"{self.path}: {what}: {error}") from error


def _from_points(points: PointsFile, still: _Still) -> Drawing:
    _refuse_fractions(points, still)
    floors, columns = [], []
    for floor, ends in points.floors.items():
        left, right = sorted(still.fraction(f"floor {floor}", end) for end in ends)
        floors.append(FloorLine(floor=floor, left=left, right=right))
    for column, ends in points.columns.items():
        top, bottom = sorted((still.fraction(f"column {column}", end) for end in ends), key=itemgetter(1))
        columns.append(ColumnLine(column=column, top=top, bottom=bottom))
    facade = FacadeSettings(
        floor_height_m=points.floor_height_m,
        camera_height_m=points.camera_height_m,
        floor_lines=tuple(floors),
        column_lines=tuple(columns),
        columns_counted_from=points.columns_counted_from,
    )
    zones = () if points.outline is None else (still.area("outline", points.outline),)
    ignore = tuple(still.area("ignore", area) for area in points.ignore)
    falling = FallingSettings(facade=facade, zones=zones, ignore=ignore)
    return Drawing(falling=falling, privacy_masks=tuple(still.area("privacy", area) for area in points.privacy))


def _refuse_fractions(points: PointsFile, still: _Still) -> None:
    """The configuration counts in fractions, a file of points does not: as pixels all would lie in one corner."""
    ends = [value for line in points.floors.values() for end in line for value in end]
    if ends and max(ends) <= 1:
        raise ConfigError(
            f"{still.path}: floors: these places look like fractions of the picture; a file of points counts in pixels "
            f"of the still ({still.size[0]} x {still.size[1]})"
        )


def to_yaml(drawing: Drawing) -> str:
    """The drawing as keys of a camera in the agent's configuration."""
    told = drawing.model_dump(mode="json", exclude_defaults=True)
    facade = drawing.falling.facade
    if facade is not None:  # both heights stand there even where they are the usual ones: they want to be looked at
        heights = {"floor_height_m": facade.floor_height_m, "camera_height_m": facade.camera_height_m}
        told["falling"]["facade"] = heights | told["falling"]["facade"]
    return _dump(told)


class _Dumper(yaml.SafeDumper):
    """Points on one line, everything else in blocks."""


def _sequence(dumper: yaml.SafeDumper, items: list[Any]) -> yaml.Node:
    flow = all(isinstance(item, int | float) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=flow)


_Dumper.add_representer(list, _sequence)


def _dump(told: Mapping[str, Any]) -> str:
    return str(yaml.dump(dict(told), Dumper=_Dumper, sort_keys=False, width=110))


def check_map(drawing: Drawing) -> tuple[Facade | None, list[str]]:
    """The facade's map and what a person should know about it, line by line. Raises ConfigError when none fits."""
    settings = drawing.falling.facade
    if settings is None:
        return None, ["no facade is drawn: falls are found, their origin is told in the picture only"]
    facade = build_facade(settings)
    floors, columns = misfits(facade, settings)
    lines = [f"map of {len(floors)} floors and {len(columns)} columns"]
    lines += [f"  floor {floor:>3}: off by {off:.3f} floors" for floor, off in floors.items()]
    lines += [f"  column {column:>3}: off by {off:.3f} columns" for column, off in columns.items()]
    lines.append(f"largest residual: {facade.residual_floors:.3f} floors")
    return facade, lines + list(_advice(settings, floors, columns))


def _advice(settings: FacadeSettings, floors: Mapping[int, float], columns: Mapping[int, float]) -> list[str]:
    told = []
    for kind, off in (("floor", floors), ("column", columns)):
        worst = max(off, key=lambda number: off[number], default=None)
        if worst is not None and off[worst] > CROOKED:
            told.append(said("crooked", kind=kind, one=worst))
    if len(settings.floor_lines) < 3:
        told.append(said("two_floors"))
    if len(settings.column_lines) == 2:
        told.append(said("two_columns"))
    if not settings.column_lines:
        told.append(said("no_columns"))
    heights = np.array([(line.left[1] + line.right[1]) / 2 for line in settings.floor_lines])
    if np.ptp(heights) < CLOSE:
        told.append(said("close"))
    return told
