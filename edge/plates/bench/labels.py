"""Labelled pictures: a folder with `labels.csv` and images, whole scenes or plates already cut out.

Columns: `file`; optionally `plate`, `kind`, the box `x1,y1,x2,y2` and the corners `tlx,tly,trx,try,brx,bry,blx,bly` in
pixels. Any of the optional ones may be absent or empty. Several rows of one file are several plates of one picture.
"""

from __future__ import annotations

import codecs
import csv
import io
import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.errors import BenchError
from edge.plates.alphabet import PROVINCES
from edge.plates.grammar import CHINA
from edge.plates.rectify import Corners
from edge.types import Bgr

LABELS = "labels.csv"
UNKNOWN = "unknown"
_SEPARATORS = (",", ";", "\t")
"""What may stand between columns: spreadsheets of many countries write semicolons."""
_BOX = ("x1", "y1", "x2", "y2")
_CORNERS = ("tlx", "tly", "trx", "try", "brx", "bry", "blx", "bly")
_FARTHEST_PX = 1_000_000
_CROP_ASPECT = (1.2, 7.0)
_CROP_HEIGHT_PX = 480
_SURE_CROP_HEIGHT_PX = 80
"""A picture without any place in its labels may be a plate cut out when it has such a shape, else it is a scene."""


class BrokenPicture(Exception):
    """A picture that is not there or cannot be decoded; says why."""


@dataclass(frozen=True, slots=True)
class Label:
    """One plate as a person labelled it."""

    text: str
    """Normalised; empty when only the place is known."""
    kind: str
    box: Corners | None
    """(4, 2) corners of the upright box, where the label has one."""
    corners: Corners | None
    """(4, 2) the plate's own corners, clockwise from top left, where the label has them."""

    @property
    def place(self) -> Corners | None:
        """The most exact place known."""
        return self.corners if self.corners is not None else self.box

    @property
    def province(self) -> str:
        """The province character, or `other` for a plate that bears none in front."""
        return self.text[0] if self.text and self.text[0] in PROVINCES else "other"


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """A file of the folder with its plates; none for a picture that is known to show no plate."""

    file: str
    path: Path
    labels: tuple[Label, ...]

    def read(self) -> Bgr:
        """(h, w, 3). Raises BrokenPicture."""
        try:
            data = np.frombuffer(self.path.read_bytes(), np.uint8)
        except OSError as error:
            raise BrokenPicture(error.strerror or "cannot be read") from error
        except ValueError as error:  # a name with a zero byte
            raise BrokenPicture("no file can have this name") from error
        try:
            picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
        except cv2.error as error:
            raise BrokenPicture(f"cannot be decoded: {error.err}") from error
        if picture is None:
            raise BrokenPicture("not a picture, or damaged" if data.size else "empty")
        return np.asarray(picture, np.uint8)

    def is_scene(self, picture: Bgr) -> bool | None:
        """Whether the picture is a whole scene, not a plate cut out; None where size and shape do not tell."""
        if len(self.labels) != 1 or self.labels[0].place is not None:
            return True
        height, width = picture.shape[:2]
        if height > _CROP_HEIGHT_PX or not _CROP_ASPECT[0] <= width / height <= _CROP_ASPECT[1]:
            return True
        return False if height <= _SURE_CROP_HEIGHT_PX else None


def normalise(text: str) -> str:
    """A plate's text as the reader writes it: full-width forms made plain, upper case, no spaces, dots or dashes.

    After a province stands a letter: whoever labelled a 0 there saw the letter O, but on plates that bear digits there.
    """
    plain = unicodedata.normalize("NFKC", text).upper()
    kept = "".join(character for character in plain if character.isalnum())
    zero = kept[1:2] == "0" and kept[0] in PROVINCES and not CHINA.admits(kept)
    return f"{kept[0]}O{kept[2:]}" if zero else kept


def without_province(text: str) -> str:
    """The text without the province character in front, if it has one."""
    return text[1:] if text and text[0] in PROVINCES else text


def read_labels(folder: Path) -> list[LabelledPicture]:
    """Every picture that `labels.csv` names, in its order. Raises BenchError."""
    path = folder / LABELS
    if not folder.is_dir():
        raise BenchError(f"{folder}: there is no such folder; give a folder that holds {LABELS} and its images")
    if not path.is_file():
        raise BenchError(
            f"{path}: missing; the folder needs a {LABELS} with the columns file,plate (and kind, box, corners)"
        )
    by_file: dict[str, list[Label]] = {}
    for file, label in _rows(path):
        plates = by_file.setdefault(file, [])
        if label is not None:
            plates.append(label)
    if not by_file:
        raise BenchError(f"{path}: holds no row; add a row `file,plate` for each plate")
    present = {_plain(entry.relative_to(folder).as_posix()): entry for entry in folder.rglob("*") if entry.is_file()}
    return [LabelledPicture(file, _find(folder, file, present), tuple(labels)) for file, labels in by_file.items()]


def _rows(path: Path) -> Iterator[tuple[str, Label | None]]:
    try:
        lines = io.StringIO(_text(path), newline="")
        first = lines.readline()
        lines.seek(0)
        reader = csv.DictReader(lines, delimiter=max(_SEPARATORS, key=first.count))
        columns = [name.strip().lower() for name in reader.fieldnames or ()]
        reader.fieldnames = columns
        says = "plate" in columns or any(set(place) <= set(columns) for place in (_BOX, _CORNERS))
        lacking = [] if "file" in columns else ["file"]
        lacking += [] if says else ["plate"]
        if lacking:
            raise BenchError(
                f"{path}: has no column {' and no column '.join(lacking)}; its first line must name them"
                " (`plate` may be left out where the place is given)"
            )
        for row in reader:
            file = (row["file"] or "").strip()
            if file:
                yield file, _label(row, f"{path}, line {reader.line_num}")
    except csv.Error as error:
        raise BenchError(f"{path}: not a table of comma-separated values: {error}") from error


def _text(path: Path) -> str:
    """In whichever of the ways in which spreadsheets write Chinese it is written. Raises BenchError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BenchError(f"{path}: cannot be read ({error.strerror})") from error
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            where = error.start
    raise BenchError(f"{path}: neither UTF-8 nor GB18030 text (byte {where}); save it as UTF-8")


def _label(row: dict[str, str | None], where: str) -> Label | None:
    """None when the row says only that the picture is there: it shows no plate."""
    text = normalise(row.get("plate") or "")
    ends = _numbers(row, _BOX, where)
    box = None if ends is None else _upright(ends)
    points = _numbers(row, _CORNERS, where)
    corners = None if points is None else np.array(points, np.float32).reshape(4, 2)
    if corners is not None and min(np.ptp(corners, 0)) < 1:
        corners = None
    if not text and box is None and corners is None:
        return None
    return Label(text, (row.get("kind") or "").strip().lower() or UNKNOWN, box, corners)


def _numbers(row: dict[str, str | None], names: Sequence[str], where: str) -> list[float] | None:
    """The values of these columns; None when one of them is absent or empty."""
    told = [(name, (row.get(name) or "").strip()) for name in names]
    if not all(value for _, value in told):
        return None
    numbers = []
    for name, value in told:
        try:
            numbers.append(float(value))
        except ValueError as error:
            raise BenchError(f"{where}: {name} is {value!r}, expected a number of pixels or nothing") from error
        if math.isfinite(numbers[-1]) and abs(numbers[-1]) > _FARTHEST_PX:
            raise BenchError(f"{where}: {name} is {value!r}, expected pixels of a picture, at most {_FARTHEST_PX}")
    return numbers if all(math.isfinite(number) for number in numbers) else None


def _upright(ends: list[float]) -> Corners | None:
    (left, right), (top, bottom) = sorted((ends[0], ends[2])), sorted((ends[1], ends[3]))
    if right - left < 1 or bottom - top < 1:
        return None
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def _find(folder: Path, file: str, present: dict[str, Path]) -> Path:
    """The file as named; else by a name that differs in case or in its way of writing accents, or under images/."""
    named = file.replace("\\", "/")
    exact = folder / named
    if exact.is_file():
        return exact
    return present.get(_plain(named)) or present.get(_plain(f"images/{named}")) or exact


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).lower()
