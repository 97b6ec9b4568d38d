"""What an installer sets for falling objects. `FallingSettings()` works: the whole picture, no facade drawn."""

from __future__ import annotations

from math import hypot
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from edge.falling.remarks import said

Fraction = Annotated[float, Field(ge=0, le=1)]
Point = tuple[Fraction, Fraction]
"""(x, y) in picture fractions from the top left."""

NARROWEST = 2e-4
"""Of the picture: less than a pixel, as of corners on one line whose fractions were rounded."""


def with_area(corners: tuple[Point, ...]) -> tuple[Point, ...]:
    """The corners themselves. Raises ValueError when they all lie on one line."""
    x, y = corners[0]
    across, down = max(((u - x, v - y) for u, v in corners), key=lambda way: hypot(*way))
    beside = max(abs(across * (v - y) - down * (u - x)) for u, v in corners)
    if beside <= NARROWEST * hypot(across, down):
        raise ValueError(said("no_area"))
    return corners


Polygon = Annotated[tuple[Point, ...], Field(min_length=3), AfterValidator(with_area)]
"""Corners of an area, in order."""


class _Setting(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FloorLine(_Setting):
    """The slab at the bottom of a floor, as seen in the picture."""

    floor: int = Field(description="Number of the floor above this slab, as people of the house count.")
    left: Point = Field(description="Left end of the line, picture fractions.")
    right: Point = Field(description="Right end of the line, picture fractions.")


class ColumnLine(_Setting):
    """The left edge of a column of windows or flats, as seen in the picture."""

    column: int = Field(description="Number of the column to the right of this edge, as people of the house count.")
    top: Point = Field(description="Upper end of the line, picture fractions.")
    bottom: Point = Field(description="Lower end of the line, picture fractions.")


class FacadeSettings(_Setting):
    """The installer's drawing of the facade: it names floors and columns and gives gravity its scale."""

    floor_height_m: float = Field(default=3.0, gt=1.5, lt=10, description="Metres from slab to slab.")
    camera_height_m: float = Field(
        default=3.0,
        ge=-50,
        le=200,
        description="Metres from the slab of floor 1 up to the camera; tells how far off the facade things fall.",
    )
    floor_lines: tuple[FloorLine, ...] = Field(min_length=2, description="At least two; three or more fix perspective.")
    column_lines: tuple[ColumnLine, ...] = Field(
        default=(), description="None, or at least two; with two floors and two columns perspective is known."
    )
    columns_counted_from: Literal["left", "right"] = Field(
        default="left",
        description="`right` where column numbers grow from right to left, as the camera sees the house.",
    )

    @model_validator(mode="after")
    def _distinct_lines(self) -> FacadeSettings:
        floors = [line.floor for line in self.floor_lines]
        columns = [line.column for line in self.column_lines]
        for kind, numbers in (("floor", floors), ("column", columns)):
            twice = sorted(number for number in set(numbers) if numbers.count(number) > 1)
            if twice:
                raise ValueError(f"{kind}_lines: {said('twice', kind=kind, one=twice[0])}")
        if len(columns) == 1:
            raise ValueError(f"column_lines: {said('one_column')}")
        return self

    def left_edge(self, column: int) -> int:
        """Facade coordinate of a column's left edge: where columns are counted from the right, its higher one."""
        return column + int(self.columns_counted_from == "right")


class FallingSettings(_Setting):
    """Settings of the falling-object analyzer of one camera."""

    facade: FacadeSettings | None = Field(
        default=None, description="Floor and column lines; without them the origin is given in the picture only."
    )
    zones: tuple[Polygon, ...] = Field(
        default=(), description="Where to watch, as polygons in picture fractions; empty means the whole picture."
    )
    ignore: tuple[Polygon, ...] = Field(
        default=(), description="Where never to watch (a road, a flag, the clock of the camera)."
    )
    sensitivity: Literal["low", "normal", "high"] = Field(
        default="normal", description="`high` finds fainter and smaller objects at the price of more false alarms."
    )
    min_travel: float = Field(
        default=0.1, gt=0.01, lt=1, description="Shortest fall that is reported, as a fraction of the picture's height."
    )
    report_suspected: bool = Field(default=True, description="Report uncertain falls as `suspected` ones.")
    use_classifier: bool = Field(default=True, description="Let the trained network judge the object's look.")
