"""Units, places and hazards from a table (CSV) or from GeoJSON: all of a file, or nothing and what is wrong with it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

MAX_BYTES = 5_000_000
MOST_ROWS = 5000
MOST_FAULTS = 50
POINT = ("longitude", "latitude")
Row = TypeVar("Row", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and where."""

    where: str
    """For a table `line 3, column latitude`; for GeoJSON `feature 2, property title`."""
    message: str


class TableRefused(ValueError):
    """A file that cannot be taken; nothing of it was."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{fault.where}: {fault.message}" for fault in faults[:MOST_FAULTS]))
        self.faults = faults[:MOST_FAULTS]


def read_rows(content: bytes, model: type[Row], key: str, constants: Mapping[str, str]) -> list[Row]:
    """The rows of a CSV or GeoJSON file; `key` names the column that is unique. Raises TableRefused."""
    text = _text(content)
    is_json = text.lstrip().startswith("{")
    faults: list[Fault] = []
    rows: list[Row] = []
    first: dict[str, str] = {}
    fields = [name for name in model.model_fields if name not in constants]
    for where, part, values in _features(text) if is_json else _lines(text, fields):
        try:
            row = model.model_validate({**values, **constants})
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            faults += [Fault(f"{where}, {part} {'.'.join(map(str, one['loc']))}", one["msg"]) for one in found]
            continue
        name = str(getattr(row, key))
        if name in first:
            faults.append(Fault(f"{where}, {part} {key}", f"{name!r} stands in {first[name]} already"))
        first.setdefault(name, where)
        rows.append(row)
    if len(rows) > MOST_ROWS:
        faults.append(Fault("file", f"{len(rows)} rows; at most {MOST_ROWS} are taken at once: split it"))
    if not rows and not faults:
        faults.append(Fault("file", f"no rows; the columns are {', '.join(fields)}"))
    if faults:
        raise TableRefused(faults)
    return rows


def _text(content: bytes) -> str:
    """UTF-8, or what a spreadsheet in China writes (GB 18030)."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise TableRefused([Fault("file", "neither UTF-8 nor GB 18030 text: save it as CSV UTF-8")])


def _lines(text: str, fields: list[str]) -> Iterator[tuple[str, str, dict[str, str]]]:
    reader = csv.DictReader(io.StringIO(text), restkey="", strict=True)
    try:
        names = [name.strip() for name in reader.fieldnames or []]
        unknown = [name for name in names if name not in fields]
        if unknown:
            known = ", ".join(fields)
            raise TableRefused(
                [Fault(f"line 1, column {name or '(empty)'}", f"is not one of {known}") for name in unknown]
            )
        reader.fieldnames = names
        for line in reader:
            if "" in line:
                raise TableRefused([Fault(f"line {reader.line_num}", f"has more than {len(names)} columns")])
            filled = {name: value.strip() for name, value in line.items() if value and value.strip()}
            if filled:
                yield f"line {reader.line_num}", "column", filled
    except csv.Error as error:
        raise TableRefused([Fault(f"line {reader.line_num}", f"not CSV: {error}")]) from error


def _features(text: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise TableRefused([Fault(f"line {error.lineno}, column {error.colno}", f"not JSON: {error.msg}")]) from error
    except RecursionError as error:
        raise TableRefused([Fault("file", "not GeoJSON: nested too deeply")]) from error
    features = content.get("features")
    if content.get("type") != "FeatureCollection" or not isinstance(features, list):
        raise TableRefused([Fault("file", "not GeoJSON: expected a FeatureCollection with a list of features")])
    for number, feature in enumerate(features, 1):
        where = f"feature {number}"
        if not isinstance(feature, dict) or not isinstance(feature.get("properties") or {}, dict):
            raise TableRefused([Fault(where, "is not a Feature with properties")])
        yield where, "property", {**(feature.get("properties") or {}), **_point(where, feature.get("geometry"))}


def _point(where: str, geometry: Any) -> dict[str, Any]:
    if geometry is None:
        return {}
    coordinates = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if not isinstance(coordinates, list) or geometry.get("type") != "Point" or len(coordinates) < len(POINT):
        raise TableRefused([Fault(f"{where}, geometry", "is not a Point of [longitude, latitude]")])
    return dict(zip(POINT, coordinates, strict=False))
