"""What is seen where no plate is: patches of photographs, plain ground, lettering of signs and of of an overlay."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.types import Bgr
from models.pictures import read_picture
from simulator.fonts import faces, font_files
from simulator.plates.glyphs import draw_text


@dataclass(frozen=True, slots=True)
class Backgrounds:
    """Pictures without plates to cut patches from; none given: plain noise."""

    pictures: tuple[Bgr, ...]

    @classmethod
    def read(cls, folder: Path | None, most: int = 220) -> Backgrounds:
        if folder is None:
            return cls(())
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})[:most]
        return cls(tuple(shrink(read_picture(path), 900) for path in files))

    def patch(self, rng: np.random.Generator, width: int, height: int) -> Bgr:
        """(height, width, 3): a random place at a random scale."""
        if not self.pictures or rng.random() < 0.3:
            base = np.full((height, width, 3), rng.uniform(0, 255, 3), np.float32)
            ramp = np.linspace(rng.uniform(-40, 40), rng.uniform(-40, 40), height)[:, None, None]
            return np.asarray(np.clip(base + ramp, 0, 255), np.uint8)
        picture = self.pictures[int(rng.integers(len(self.pictures)))]
        zoom = rng.uniform(0.5, 3.0)
        h, w = min(picture.shape[0], max(8, int(height * zoom))), min(picture.shape[1], max(8, int(width * zoom)))
        y, x = int(rng.integers(picture.shape[0] - h + 1)), int(rng.integers(picture.shape[1] - w + 1))
        return np.asarray(cv2.resize(picture[y : y + h, x : x + w], (width, height)), np.uint8)


def shrink(picture: Bgr, long_side: int) -> Bgr:
    """Scale down to this longer side."""
    scale = min(1.0, long_side / max(picture.shape[:2]))
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def lettering(rng: np.random.Generator, ground: Bgr) -> Bgr:
    """Text that is no plate: a clock, a counter, a sign."""
    words = (
        f"20{rng.integers(10, 30)}-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}",
        f"{rng.integers(24):02d}:{rng.integers(60):02d}:{rng.integers(60):02d}",
        f"CAM {rng.integers(1, 99)}",
        f"No.{rng.integers(1000, 9999)}",
        "TAXI",
        "".join(chr(int(code)) for code in rng.integers(97, 123, 9)),
    )
    latin = faces("latin", "training")
    files = font_files(latin[int(rng.integers(len(latin)))])
    ink = draw_text(files["a"], str(rng.choice(words)), int(rng.uniform(18, 46)))
    height, width = min(ink.shape[0], ground.shape[0]), min(ink.shape[1], ground.shape[1])
    y, x = (int(rng.integers(ground.shape[0] - height + 1)), int(rng.integers(ground.shape[1] - width + 1)))
    area = ground[y : y + height, x : x + width].astype(np.float32)
    colour = np.array(rng.choice([(255, 255, 255), (0, 0, 0), (40, 220, 250), (30, 30, 220)]), np.float32)
    area += ink[:height, :width, None] / 255.0 * (colour - area)
    ground = ground.copy()
    ground[y : y + height, x : x + width] = area.astype(np.uint8)
    return ground
