"""A contact sheet of the confusers: for each kind what moves in some seconds, all moments in one picture.

`python -m models.falling.sheet FILE.jpg` — to look at before any figure is believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import cv2
import numpy as np

from models.falling.confusers import Confuser, chosen, confuser_camera
from simulator.scenes import Bgr, build_scene

_COLUMNS = 4
_TILE = (400, 225)
_NOISE = 26
"""Grey levels that the sensor's noise alone may make."""


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--confuser", "names", multiple=True, help="Only these kinds.")
@click.option("--number", default=0, show_default=True, help="Which of a kind's towers.")
@click.option("--seconds", default=8.0, show_default=True, help="How much of the stream.")
def main(file: Path, names: tuple[str, ...], number: int, seconds: float) -> None:
    """Draw the sheet."""
    cv2.setNumThreads(1)
    try:
        kinds = chosen(names)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--confuser") from error
    cv2.imwrite(
        str(file), contact_sheet([_tile(kind, number, seconds) for kind in kinds]), [cv2.IMWRITE_JPEG_QUALITY, 82]
    )


def contact_sheet(tiles: Sequence[Bgr]) -> Bgr:
    """Tiles of one size in rows of four; what is missing in the last row is black."""
    blank = np.zeros_like(tiles[0])
    filled = [*tiles, *[blank] * (-len(tiles) % _COLUMNS)]
    return np.vstack([np.hstack(filled[start : start + _COLUMNS]) for start in range(0, len(filled), _COLUMNS)])


def _tile(kind: Confuser, number: int, seconds: float) -> Bgr:
    camera = confuser_camera(kind, number, 30, 8)
    scene = build_scene(camera, camera.seed or 0)
    first = round(5 * scene.fps)
    picture = moved(np.stack([scene.frame(first + step) for step in range(max(2, round(seconds * scene.fps)))]))
    tile = cv2.resize(picture, _TILE, interpolation=cv2.INTER_AREA).astype(np.uint8)
    cv2.putText(tile, kind.name, (8, 40), cv2.FONT_HERSHEY_DUPLEX, 0.7, (20, 20, 20), 4, cv2.LINE_AA)
    cv2.putText(tile, kind.name, (8, 40), cv2.FONT_HERSHEY_DUPLEX, 0.7, (60, 220, 255), 1, cv2.LINE_AA)
    return tile


def moved(pictures: Bgr) -> Bgr:
    """(n, h, w, 3) -> (h, w, 3): each pixel as it was when it was least like the first picture."""
    picture = np.array(pictures[0], np.uint8)
    most = np.full(picture.shape[:2], _NOISE, np.int16)
    for later in pictures[1:]:
        change = cv2.absdiff(later, pictures[0]).max(axis=2).astype(np.int16)
        further = change > most
        picture[further] = later[further]
        most = np.maximum(most, change)
    return picture


if __name__ == "__main__":
    main()
