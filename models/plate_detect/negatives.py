"""Drawn things that look like plates and are none: name plates, overlays, lamps, emblems, grilles, road marks."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import Bgr
from simulator.fonts import faces, font_files
from simulator.plates import degrade
from simulator.plates.glyphs import Mask, draw_text

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"


def add_one(picture: Bgr, rng: np.random.Generator) -> Bgr:
    """One thing at a random place."""
    things: tuple[Callable[[Bgr, np.random.Generator], Bgr], ...] = (
        name_plate,
        overlay,
        han_board,
        taxi_sign,
        lamp,
        emblem,
        grille,
        road_mark,
    )
    return things[int(rng.integers(len(things)))](picture, rng)


def name_plate(picture: Bgr, rng: np.random.Generator) -> Bgr:
    """A maker's or a model's name in metal on the body, with a shadow."""
    count = int(rng.integers(2, 8))
    alphabet = LETTERS + (DIGITS if rng.random() < 0.3 else "")
    text = ("  " if rng.random() < 0.3 else "").join(_random(rng, alphabet, count))
    ink = _latin(text, rng)
    shadow = _paint(picture, ink, rng.uniform(0, 90, 3), rng, None)
    return _paint(shadow[0], ink, rng.uniform(120, 255, 3), rng, shadow[1] - 1)[0]


def overlay(picture: Bgr, rng: np.random.Generator) -> Bgr:
    """What a camera writes into its picture: dates, times, counters, names of places."""
    numbers = rng.integers(0, 60, 3)
    separator = str(rng.choice(list("-/.")))
    date = separator.join((f"20{rng.integers(10, 30)}", f"{rng.integers(1, 13):02d}", f"{rng.integers(1, 29):02d}"))
    time = ":".join(f"{number:02d}" for number in (numbers[0] % 24, *numbers[1:]))
    counter = f"{rng.integers(0, 9):04d}/{rng.integers(0, 99999):05d}"
    words = (
        date,
        time,
        time,
        counter,
        f"{date} {time}",
        f"CAM {rng.integers(1, 99)}",
        f"No.{rng.integers(1000, 9999)}",
    )
    text = words[int(rng.integers(len(words)))]
    ink = _han(int(rng.integers(3, 9)), rng) if rng.random() < 0.25 else _latin(text, rng)
    height = rng.uniform(7, 30)
    ink = _scaled(ink, height / ink.shape[0])
    colour = np.array(rng.choice([(255, 255, 255), (255, 255, 255), (0, 0, 0), (40, 220, 250), (30, 30, 220)]))
    y, x = (int(rng.integers(-4, max(1, side - 8))) for side in picture.shape[:2])
    if rng.random() < 0.4:
        edge = np.asarray(cv2.dilate(ink, np.ones((3, 3), np.uint8)), np.uint8)
        picture = _blend(picture, edge, 255.0 - colour, (x, y))
    return _blend(picture, ink, colour, (x, y))


def han_board(picture: Bgr, rng: np.random.Generator) -> Bgr:
    """Chinese lettering on a board in a plate's colours: a sign, an advertisement, a company's name on a truck."""
    count = int(rng.choice([2, 3, 4, 5, 6, 9, 12]))
    ink = _han(count, rng)
    if rng.random() < 0.2:
        second = _han(count, rng)
        ink = np.vstack([ink, cv2.resize(second, (ink.shape[1], second.shape[0]), interpolation=cv2.INTER_AREA)])
    return _board(picture, ink, rng)


def taxi_sign(picture: Bgr, rng: np.random.Generator) -> Bgr:
    """A lit sign on a roof, or a panel with a word."""
    word = str(rng.choice(["TAXI", "TAXI", "STOP", "EXIT", "BUS", "P", "OPEN"]))
    ink = _latin(word, rng)
    if rng.random() < 0.4:
        han = _han(2, rng)
        ink = np.hstack([np.asarray(cv2.resize(han, (2 * ink.shape[0], ink.shape[0])), np.uint8), ink])
    return _board(picture, ink, rng)


def lamp(picture: Bgr, rng: np.random.Generator) -> Bgr:
    """A pair of lamps: glass, one or two reflectors, bright spots; or their glare at night."""
    width = rng.uniform(14, 110)
    height = width * rng.uniform(0.22, 0.7)
    canvas = np.zeros((64, 160, 3), np.float32) + rng.uniform(20, 200, 3)
    alpha = np.zeros((64, 160), np.uint8)
    corners = np.array([[8, 8], [152, 8], [152, 56], [8, 56]], np.float32) + rng.normal(0, 7, (4, 2))
    cv2.fillConvexPoly(alpha, corners.astype(np.int32), 255, cv2.LINE_AA)
    lines = int(rng.integers(0, 20))
    for x in np.linspace(0, 160, lines):
        shade = float(rng.uniform(60, 255))
        cv2.line(canvas, (int(x), 0), (int(x + rng.normal(0, 6)), 64), (shade, shade, shade), int(rng.integers(1, 3)))
    for _ in range(int(rng.integers(1, 4))):
        centre, radius = (int(rng.uniform(20, 140)), int(rng.uniform(15, 50))), int(rng.uniform(6, 24))
        colour = rng.choice([(245, 250, 255), (120, 180, 250), (40, 40, 200), (190, 190, 190)])
        cv2.circle(canvas, centre, radius, [float(v) for v in colour], -1, cv2.LINE_AA)
        cv2.circle(canvas, centre, max(2, radius // 2), [float(v) for v in rng.uniform(60, 255, 3)], -1, cv2.LINE_AA)
    x, y = rng.uniform(0, picture.shape[1]), rng.uniform(0, picture.shape[0])
    picture = _stamp(picture, canvas, alpha, (x, y), (width, height))
    return _stamp(picture, canvas[:, ::-1], alpha[:, ::-1], (x + width * rng.uniform(2.5, 4.5), y), (width, height))


def emblem(picture: Bgr, rng: np.random.Generator) -> Bgr:
    """A ring or an oval with a few letters or strokes."""
    canvas = np.zeros((80, 120, 3), np.float32) + rng.uniform(0, 120, 3)
    alpha = np.zeros((80, 120), np.uint8)
    metal = [float(v) for v in rng.uniform(130, 255) + rng.normal(0, 12, 3)]
    rings = int(rng.choice([1, 1, 4]))
    for index in range(rings):
        centre = (60, 40) if rings == 1 else (24 + 24 * index, 40)
        axes = (int(rng.uniform(30, 56)), int(rng.uniform(20, 36))) if rings == 1 else (17, 17)
        cv2.ellipse(alpha, centre, axes, 0, 0, 360, 255, -1 if rings == 1 else 4, cv2.LINE_AA)
        cv2.ellipse(canvas, centre, axes, 0, 0, 360, metal, int(rng.integers(3, 9)), cv2.LINE_AA)
    if rings == 1:
        ink = _scaled(_latin("".join(_random(rng, LETTERS, int(rng.integers(1, 5)))), rng), 0.6)[:34, :70]
        y, x = 40 - ink.shape[0] // 2, 60 - ink.shape[1] // 2
        area = canvas[y : y + ink.shape[0], x : x + ink.shape[1]]
        area += ink[:, :, None] / 255.0 * (np.array(metal, np.float32) - area)
    width = rng.uniform(12, 70)
    place = (rng.uniform(0, picture.shape[1]), rng.uniform(0, picture.shape[0]))
    return _stamp(picture, canvas, alpha, place, (width, width * rng.uniform(0.5, 0.9)))


def grille(picture: Bgr, rng: np.random.Generator) -> Bgr:
    """Bars in a frame: a radiator grille, a vent, a drain, a row of windows."""
    canvas = np.zeros((64, 160, 3), np.float32) + rng.uniform(0, 90, 3)
    alpha = np.full((64, 160), 255, np.uint8)
    bar = [float(v) for v in rng.uniform(60, 255) + rng.normal(0, 10, 3)]
    across, down = int(rng.choice([0, 3, 6, 9])), int(rng.choice([0, 5, 7, 9, 14, 25]))
    for y in np.linspace(4, 60, across):
        cv2.line(canvas, (0, int(y)), (160, int(y)), bar, int(rng.integers(1, 5)))
    for x in np.linspace(4, 156, down):
        cv2.line(canvas, (int(x), 0), (int(x), 64), bar, int(rng.integers(1, 6)))
    if rng.random() < 0.6:
        cv2.rectangle(canvas, (0, 0), (159, 63), bar, int(rng.integers(2, 8)))
    width = rng.uniform(20, 180)
    place = (rng.uniform(0, picture.shape[1]), rng.uniform(0, picture.shape[0]))
    return _stamp(picture, canvas, alpha, place, (width, width * rng.uniform(0.15, 0.6)))


def road_mark(picture: Bgr, rng: np.random.Generator) -> Bgr:
    """White or yellow bars on the ground."""
    picture = picture.copy()
    colour = np.array(rng.choice([(235, 235, 235), (60, 190, 240)])) * rng.uniform(0.6, 1.0)
    start = rng.uniform(0, picture.shape[0], 2)
    way = rng.normal(0, 60, 2)
    step = rng.normal(0, 40, 2)
    for index in range(int(rng.integers(1, 6))):
        ends = [(int(point[0]), int(point[1])) for point in (start + index * step, start + index * step + way)]
        cv2.line(picture, ends[0], ends[1], [float(v) for v in colour], int(rng.integers(2, 14)), cv2.LINE_AA)
    return picture


def _board(picture: Bgr, ink: Mask, rng: np.random.Generator) -> Bgr:
    grounds = [(160, 60, 10), (30, 190, 245), (90, 160, 60), (240, 240, 240), (30, 30, 190), (20, 20, 20)]
    ground = np.array(grounds[int(rng.integers(len(grounds)))]) + rng.normal(0, 20, 3)
    dark = ground.mean() < 130
    shade = rng.uniform(200, 255, 3) if dark else rng.choice([(0, 0, 0), (20, 20, 200), (150, 60, 20)])
    pad = int(rng.uniform(2, 16))
    alpha = np.pad(ink, pad).astype(np.float32)[:, :, None] / 255
    board = ground + alpha * (np.asarray(shade) - ground)
    view = degrade.View(float(rng.uniform(15, 150)), roll_deg=float(rng.normal(0, 6)), shear=float(rng.normal(0, 0.1)))
    centre = (float(rng.uniform(0, picture.shape[1])), float(rng.uniform(0, picture.shape[0])))
    quad = degrade.quad_of(view, board.shape[1] / board.shape[0], centre)
    return degrade.place(np.asarray(board.clip(0, 255), np.uint8), picture, quad)


def _random(rng: np.random.Generator, alphabet: str, count: int) -> list[str]:
    return [alphabet[int(index)] for index in rng.integers(len(alphabet), size=count)]


def _latin(text: str, rng: np.random.Generator) -> Mask:
    latin = faces("latin", "training")
    return draw_text(font_files(latin[int(rng.integers(len(latin)))])["a"], text, int(rng.uniform(18, 44)))


def _han(count: int, rng: np.random.Generator) -> Mask:
    han = faces("han", "training")
    files = font_files(han[int(rng.integers(len(han)))])
    known = [character for character in files if ord(character) > 0x2E80]
    size = int(rng.uniform(22, 40))
    glyphs = []
    for character in _random(rng, "".join(known), count):
        glyph = draw_text(files[character], character, size)
        glyphs += [
            np.asarray(cv2.resize(glyph, (size, size)), np.uint8),
            np.zeros((size, int(rng.integers(1, 5))), np.uint8),
        ]
    return np.hstack(glyphs)


def _scaled(ink: Mask, scale: float) -> Mask:
    size = (max(2, round(ink.shape[1] * scale)), max(2, round(ink.shape[0] * scale)))
    return np.asarray(cv2.resize(ink, size, interpolation=cv2.INTER_AREA), np.uint8)


def _paint(
    picture: Bgr, ink: Mask, colour: NDArray[np.float64], rng: np.random.Generator, at: NDArray[np.int64] | None
) -> tuple[Bgr, NDArray[np.int64]]:
    """Ink in one colour at a random place, or at this one (x, y): then again at the size that it had."""
    if at is None:
        at = np.array([rng.integers(0, side) for side in picture.shape[1::-1]])
    scale = (8 + at.sum() % 16) / ink.shape[0]
    return _blend(picture, _scaled(ink, scale), colour, (int(at[0]), int(at[1]))), at


def _blend(picture: Bgr, ink: Mask, colour: NDArray[np.float64], at: tuple[int, int]) -> Bgr:
    x, y = max(0, at[0]), max(0, at[1])
    picture = picture.copy()
    area = picture[y : y + ink.shape[0], x : x + ink.shape[1]]
    alpha = ink[: area.shape[0], : area.shape[1], None] / 255.0
    area[:] = (area + alpha * (np.asarray(colour) - area)).clip(0, 255).astype(np.uint8)
    return picture


def _stamp(
    picture: Bgr,
    canvas: NDArray[np.float64],
    alpha: Mask,
    centre: tuple[float, float],
    size: tuple[float, float],
) -> Bgr:
    """A small drawing with its transparency, scaled to `size` (w, h), around `centre` (x, y)."""
    whole = (max(2, round(size[0])), max(2, round(size[1])))
    drawing = cv2.resize(np.ascontiguousarray(canvas), whole, interpolation=cv2.INTER_AREA)
    cover = cv2.resize(np.ascontiguousarray(alpha), whole, interpolation=cv2.INTER_AREA)[:, :, None] / 255.0
    left, top = round(centre[0] - size[0] / 2), round(centre[1] - size[1] / 2)
    x, y = max(0, left), max(0, top)
    picture = picture.copy()
    area = picture[y : max(y, top + whole[1]), x : max(x, left + whole[0])]
    drawing = drawing[y - top : y - top + area.shape[0], x - left : x - left + area.shape[1]]
    cover = cover[y - top : y - top + area.shape[0], x - left : x - left + area.shape[1]]
    area[:] = (area + cover * (drawing - area)).clip(0, 255).astype(np.uint8)
    return picture
