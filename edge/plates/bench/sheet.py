"""Contact sheets: small pictures with two lines of text each, to look at what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.errors import BenchError
from edge.types import Bgr

CELL = (320, 180)
"""Width and height of a picture's place."""
_TEXT_PX = 52
_COLUMNS = 5
_ROWS = 8
_INK = (30, 30, 30)


@dataclass(frozen=True, slots=True)
class Cell:
    """One picture of a sheet."""

    view: Bgr
    upper: str
    lower: str


def write_sheets(cells: Sequence[Cell], folder: Path, name: str) -> list[Path]:
    """Write `name-1.png`, `name-2.png`, ... with 40 pictures each; none without cells. Raises BenchError."""
    written = []
    page = _COLUMNS * _ROWS
    for number, start in enumerate(range(0, len(cells), page), start=1):
        path = folder / f"{name}-{number}.png"
        done, data = cv2.imencode(".png", _sheet(cells[start : start + page]))
        if not done:
            raise BenchError(f"{path}: the sheet could not be encoded")
        _save(path, data.tobytes())
        written.append(path)
    return written


def _save(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise BenchError(
            f"{path}: cannot be written ({error.strerror}); give a folder that can be written to"
        ) from error


def _sheet(cells: Sequence[Cell]) -> Bgr:
    columns = min(_COLUMNS, len(cells))
    rows = -(-len(cells) // columns)
    width, height = CELL[0], CELL[1] + _TEXT_PX
    sheet = np.full((rows * height, columns * width, 3), 235, np.uint8)
    for index, cell in enumerate(cells):
        top, left = index // columns * height, index % columns * width
        small = _fit(cell.view)
        sheet[top : top + small.shape[0], left : left + small.shape[1]] = small
        _write(sheet, cell.upper, (left + 4, top + CELL[1] + 20))
        _write(sheet, cell.lower, (left + 4, top + CELL[1] + 44))
    return sheet


def _fit(view: Bgr) -> Bgr:
    scale = min((CELL[0] - 4) / view.shape[1], (CELL[1] - 4) / view.shape[0])
    size = (max(1, round(view.shape[1] * scale)), max(1, round(view.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(view, size, interpolation=how), np.uint8)


def _write(sheet: Bgr, text: str, at: tuple[int, int]) -> None:
    """OpenCV 5 brings a typeface with Chinese characters; before it, these are left as question marks."""
    face = getattr(cv2, "FontFace", None)
    if face is None:
        plain = text.encode("ascii", "replace").decode("ascii")
        cv2.putText(sheet, plain, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, _INK, 1, cv2.LINE_AA)
    else:
        cv2.putText(sheet, text, at, _INK, face("uni"), 17, 400)
