"""The installer's drawing, as a file with pixels or as the configuration's keys, and what its map is worth.

A file of points is for who measures places in another program; all places are pixels of the still:

    size: [1920, 1080]                    # of the still; may be left out
    floor_height_m: 2.9
    camera_height_m: 4
    floors: {1: [[310, 900], [1600, 890]], 8: [[350, 420], [1580, 430]]}
    columns: {1: [[350, 300], [310, 1000]], 5: [[1580, 300], [1600, 1000]]}
    outline: [[300, 200], [1620, 210], [1640, 1000], [290, 1000]]
    ignore: [[[0, 950], [600, 960], [0, 1080]]]
    privacy: []
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.errors import ConfigError
from edge.falling.facade import Facade, build_facade, misfits
from edge.falling.settings import ColumnLine, FacadeSettings, FallingSettings, FloorLine, Polygon

_DIGITS = 4
"""Of picture fractions: a tenth of a pixel at 1080p."""
_CROOKED_FLOORS = 0.15
Pixel = tuple[float, float]
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
    outline: Area | None = None
    ignore: tuple[Area, ...] = ()
    privacy: tuple[Area, ...] = ()


def read_drawing(path: Path, size: tuple[int, int]) -> Drawing:
    """A file of points, or of the configuration's keys `falling` and `privacy_masks`; `size` (w, h) of the still.

    Raises ConfigError that names what is wrong.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
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
        return _from_points(points, size)
    except ValidationError as error:
        told = (f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_url=False))
        raise ConfigError(f"{path}: {'; '.join(told)}") from error


def _from_points(points: PointsFile, size: tuple[int, int]) -> Drawing:
    def fraction(place: Pixel) -> tuple[float, float]:
        """Clicks a little beside the picture count as its edge."""
        x, y = (min(max(value / side, 0.0), 1.0) for value, side in zip(place, size, strict=True))
        return round(x, _DIGITS), round(y, _DIGITS)

    def area(places: Area) -> tuple[tuple[float, float], ...]:
        return tuple(map(fraction, places))

    floors, columns = [], []
    for floor, ends in points.floors.items():
        left, right = sorted(map(fraction, ends))
        floors.append(FloorLine(floor=floor, left=left, right=right))
    for column, ends in points.columns.items():
        top, bottom = sorted(map(fraction, ends), key=lambda place: place[1])
        columns.append(ColumnLine(column=column, top=top, bottom=bottom))
    facade = FacadeSettings(
        floor_height_m=points.floor_height_m,
        camera_height_m=points.camera_height_m,
        floor_lines=tuple(floors),
        column_lines=tuple(columns),
    )
    zones = () if points.outline is None else (area(points.outline),)
    falling = FallingSettings(facade=facade, zones=zones, ignore=tuple(map(area, points.ignore)))
    return Drawing(falling=falling, privacy_masks=tuple(map(area, points.privacy)))


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
    return facade, lines + list(_advice(settings, floors))


def _advice(settings: FacadeSettings, floors: Mapping[int, float]) -> list[str]:
    told = []
    worst = max(floors, key=lambda floor: floors[floor])
    if floors[worst] > _CROOKED_FLOORS:
        told.append(f"floor {worst} fits badly: is its number right, and do both ends lie on the same slab?")
    if len(settings.floor_lines) < 3:
        told.append("two floors fit any map: draw a third one, so that a mistake can show")
    if not settings.column_lines:
        told.append("no columns: a fall will name its floor, not its window")
    heights = np.array([(line.left[1] + line.right[1]) / 2 for line in settings.floor_lines])
    if np.ptp(heights) < 0.3:
        told.append("the floors lie close together: draw some near the top and near the bottom of the house")
    return told
