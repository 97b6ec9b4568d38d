"""Scenes with one drawn plate, in fonts that training never used: what the detector finds of each kind, width, light.

The plate hangs on a car's body, roughly drawn, before a photograph. Only recall and corners can be counted: what else
a photograph shows is not labelled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np

from edge.plates.detector import PlateDetector, overlap
from edge.plates.rectify import Corners, part_of
from edge.types import Bgr
from models.plate_read.backgrounds import Backgrounds
from models.plate_read.evaluate import CONDITIONS, Spoil
from simulator.plates import degrade
from simulator.plates.makers import MAKERS, PlateMaker

_SIZE = (640, 480)
_WIDTHS = ((18.0, 30.0), (30.0, 60.0), (60.0, 120.0), (120.0, 240.0))
_USUAL_PX = (40.0, 160.0)
_LEAST_OVERLAP = 0.5


@dataclass(frozen=True, slots=True)
class DrawnScene:
    """A picture (480, 640, 3) with one plate, and the row of the table that it counts in."""

    group: str
    picture: Bgr
    corners: Corners


@dataclass
class DrawnTally:
    """Counts of one row."""

    plates: int = 0
    found: int = 0
    errors: list[float] = field(default_factory=list)

    def as_metrics(self) -> dict[str, float]:
        error = round(float(np.mean(self.errors)), 4) if self.errors else 0.0
        recall = round(self.found / max(1, self.plates), 4)
        return {"plates": self.plates, "recall": recall, "corner_error_share_of_width": error}


def drawn_scenes(backgrounds: Backgrounds, count: int, seed: int = 4242) -> Iterator[DrawnScene]:
    """`count` scenes of each kind of each region, twice as many of each width and light."""
    rng = np.random.default_rng(seed)

    def as_usual(picture: Bgr, rng: np.random.Generator, width_px: float) -> Bgr:
        return degrade.camera(picture, rng, width_px, 0.5)

    for region, maker in MAKERS.items():
        for kind in maker.kinds:
            rows = "" if region == "CN" else f" {maker.rows(kind)} row{'s' * (maker.rows(kind) - 1)}"
            group = f"drawn {region}{rows}" if region != "CN" else f"drawn {kind}"
            for _ in range(count):
                yield _scene(rng, backgrounds, (maker, kind), group, _USUAL_PX, as_usual)
    for name, widths, spoil in _one_thing_at_a_time():
        for _ in range(2 * count):
            maker = MAKERS["CN"]
            kind = maker.kinds[int(rng.integers(len(maker.kinds)))]
            yield _scene(rng, backgrounds, (maker, kind), name, widths, spoil)


def measure_drawn(detector: PlateDetector, scenes: Iterator[DrawnScene]) -> dict[str, DrawnTally]:
    """Count by group, and over all kinds of a region's drawn plates."""
    tallies: dict[str, DrawnTally] = {}
    for scene in scenes:
        tally = tallies.setdefault(scene.group, DrawnTally())
        tally.plates += 1
        found = detector.detect(scene.picture)
        best = max(found, key=lambda one: overlap(one.corners, scene.corners), default=None)
        if best is not None and overlap(best.corners, scene.corners) >= _LEAST_OVERLAP:
            tally.found += 1
            away = np.linalg.norm(best.corners - scene.corners, axis=1).mean()
            tally.errors.append(float(away / np.ptp(scene.corners[:, 0])))
    return tallies


def _one_thing_at_a_time() -> Iterator[tuple[str, tuple[float, float], Spoil]]:
    def faint(picture: Bgr, rng: np.random.Generator, _width_px: float) -> Bgr:
        return degrade.noise(picture, rng, 2)

    for widths in _WIDTHS:
        yield f"condition {widths[0]:.0f} to {widths[1]:.0f} px wide", widths, faint
    for name, (_, spoil) in CONDITIONS.items():
        if "px wide" not in name:
            yield f"condition {name}", _USUAL_PX, spoil


def _scene(
    rng: np.random.Generator,
    backgrounds: Backgrounds,
    what: tuple[PlateMaker, str],
    group: str,
    widths: tuple[float, float],
    spoil: Spoil,
) -> DrawnScene:
    maker, kind = what
    text, _ = maker.random_plate(rng, kind)
    plate = degrade.surface(maker.draw(text, kind, rng, "simulator", 1.0), rng, 0.4)
    view = degrade.random_view(rng, *widths)
    room = 0.6 * view.width_px
    centre = (float(rng.uniform(room, _SIZE[0] - room)), float(rng.uniform(room, _SIZE[1] - room)))
    corners = degrade.quad_of(view, plate.shape[1] / plate.shape[0], centre)
    picture = _on_a_car(_photograph(backgrounds, rng), corners, rng)
    holder = maker.holder(rng)
    if holder is not None:
        picture = degrade.place(holder.picture, picture, part_of(corners, holder.part))
    return DrawnScene(group, spoil(degrade.place(plate, picture, corners), rng, view.width_px), corners)


def _photograph(backgrounds: Backgrounds, rng: np.random.Generator) -> Bgr:
    """(480, 640, 3) of a photograph; plain ground when there are none."""
    if not backgrounds.pictures:
        return backgrounds.patch(rng, *_SIZE)
    picture = backgrounds.pictures[int(rng.integers(len(backgrounds.pictures)))]
    return np.asarray(cv2.resize(picture, _SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def _on_a_car(picture: Bgr, corners: Corners, rng: np.random.Generator) -> Bgr:
    """A body of one colour around the plate, with a darker bumper."""
    paint = rng.uniform(15, 235) + rng.normal(0, 12, 3)
    for part, shade in (((-0.9, -2.4, 1.9, 1.8), 1.0), ((-0.9, 0.9, 1.9, 1.8), float(rng.uniform(0.3, 0.9)))):
        flat = np.full((40, 80, 3), np.clip(paint * shade, 0, 255), np.uint8)
        picture = degrade.place(flat, picture, part_of(corners, part))
    return picture
