"""Training scenes over real pictures: things of the simulator's training shapes fall before photographs of facades and
before real traffic; birds, insects, leaves, rain, snow and swaying branches pass as they do.

Everything is drawn into 8-bit pictures of the video's size, disturbed as a camera does (shake, light, noise, repeated
pictures) and then encoded with H.264 by `simulator.video.encode`, because compression eats what is small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.pictures import read_picture
from simulator.scenes import FIRST_TRAINING_SEED
from simulator.tower.falls import Fall, Shot, random_fall
from simulator.tower.geometry import random_camera, random_layout
from simulator.tower.objects import EVALUATION_SHAPES, TRAINING_SHAPES, Shape

Bgr = NDArray[np.uint8]
Painter = Callable[[Bgr, int], None]
"""Draws one disturbance into the picture of a frame number, in place."""

SIZES = ((640, 360), (640, 360), (768, 432), (960, 540), (1280, 720))
"""Up to 999 pixels wide the agent analyses the whole picture, so small videos train what half-size ones will show."""
RATES = (10.0, 12.5, 15.0, 20.0, 25.0, 25.0, 25.0, 30.0)
DISTURBANCES = ("birds", "insects", "leaves", "rain", "snow", "branches", "flashes", "shake", "night")


@dataclass(frozen=True)
class Composite:
    """One scene: its falls are the truth, `disturbances` what else moves."""

    size: tuple[int, int]
    fps: float
    bitrate_kbps: int
    frame_count: int
    falls: tuple[Fall, ...]
    disturbances: tuple[str, ...]
    background: str
    frames: Callable[[], Iterator[Bgr]] = field(repr=False)


def build_composite(
    photos: list[Path], clips: list[Path], seed: int, seconds: float = 7.0, clip_frames: int | None = None
) -> Composite:
    """A scene over a photo, or, for one in four where `clips` are given, over a real clip; without photos, all are.

    `clip_frames`: only the first so many frames of a clip are shown, forth and back, for something real falls later.

    Seeds from `FIRST_TRAINING_SEED` on have the training shapes and much that is drawn to confuse, others the shapes
    that training never sees, and nothing drawn but what falls.
    """
    rng = np.random.default_rng(seed)
    size = SIZES[int(rng.integers(len(SIZES)))]
    fps = float(rng.choice(RATES))
    count = int(seconds * fps)
    over_clip = bool(clips) and (not photos or rng.random() < 0.25)
    source = clips[int(rng.integers(len(clips)))] if over_clip else photos[int(rng.integers(len(photos)))]
    training = seed >= FIRST_TRAINING_SEED
    drawn = tuple(name for name in DISTURBANCES if rng.random() < 0.22)
    disturbances = tuple(name for name in drawn if training or name not in _PAINTERS)
    shapes = TRAINING_SHAPES if training else EVALUATION_SHAPES
    falls = _falls(rng, size, fps, seconds, shapes)
    if not training:  # a fall that the end cuts off is no measure
        falls = tuple(fall for fall in falls if fall.last_frame < count - fps / 2)
    painters = [_PAINTERS[name](rng, size, fps, count) for name in disturbances if name in _PAINTERS]
    background = (
        _clip_background(source, size, min(count, clip_frames or count))
        if over_clip
        else _photo_background(rng, source, size)
    )
    noise = float(rng.uniform(0.8, 3.5)) * (1.8 if "night" in disturbances else 1.0) * (0.6 if size[0] < 1000 else 1.0)
    look = _Look(
        seed, noise, "shake" in disturbances, "night" in disturbances, float(rng.choice([0.0, 0.0, 0.0, 0.15]))
    )

    def frames() -> Iterator[Bgr]:
        return _render(look, background, falls, painters, count)

    bitrate = int(rng.uniform(2000, 4000) * (size[0] * size[1] / (1280 * 720)) ** 0.75 * max(fps / 25, 0.6))
    return Composite(size, fps, bitrate, count, falls, disturbances, source.name, frames)


@dataclass(frozen=True)
class _Look:
    seed: int
    noise: float
    shake: bool
    night: bool
    repeats: float


def _render(
    look: _Look, background: Callable[[int], Bgr], falls: tuple[Fall, ...], painters: list[Painter], count: int
) -> Iterator[Bgr]:
    rng = np.random.default_rng([look.seed, 1])
    first = background(0)
    grain = np.clip(rng.normal(128, look.noise, (first.shape[0] + 64, first.shape[1] + 64)), 0, 255).astype(np.uint8)
    grain = np.asarray(cv2.merge([grain, grain, grain]), dtype=np.uint8)
    light = 1 + np.cumsum(rng.normal(0, 0.002, count))
    sway = np.cumsum(rng.normal(0, 0.35, (count, 2)), axis=0)
    sway -= cv2.blur(sway, (1, 15)) if look.shake else sway
    last: Bgr | None = None
    for index in range(count):
        if last is not None and rng.random() < look.repeats:
            yield last
            continue
        picture = background(index).copy()
        for fall in falls:
            fall.draw(picture, index)
        for paint in painters:
            paint(picture, index)
        last = _expose(picture, look, float(light[index]), sway[index], _grain(rng, grain, picture))
        yield last


def _expose(picture: Bgr, look: _Look, light: float, sway: NDArray[np.float64], grain: Bgr) -> Bgr:
    if look.shake:
        matrix = np.array([[1, 0, sway[0]], [0, 1, sway[1]]])
        shaken = cv2.warpAffine(picture, matrix, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
        picture = np.asarray(shaken, dtype=np.uint8)
    if look.night:
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        picture = np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
    lit = cv2.convertScaleAbs(picture, alpha=light * (0.4 if look.night else 1.0), beta=4)
    return np.asarray(cv2.addWeighted(lit, 1.0, grain, 1.0, -128.0), dtype=np.uint8)


def _grain(rng: np.random.Generator, grain: Bgr, picture: Bgr) -> Bgr:
    """A random window of one large noise picture: as good as new noise for a differencing detector, and cheap."""
    top, left = int(rng.integers(64)), int(rng.integers(64))
    return grain[top : top + picture.shape[0], left : left + picture.shape[1]]


def _falls(
    rng: np.random.Generator, size: tuple[int, int], fps: float, seconds: float, shapes: tuple[Shape, ...]
) -> tuple[Fall, ...]:
    """Some falls one after another; each tenth scene has none."""
    if rng.random() < 0.1:
        return ()
    layout = random_layout(rng)
    camera = random_camera(rng, layout, size)
    shot = Shot(fps, float(rng.uniform(0.002, 0.02)))
    made = []
    for number, release in enumerate(np.arange(1.2, seconds - 1.5, 1.6)):
        size_px = float(np.exp(rng.uniform(np.log(2.0), np.log(24.0)))) * (0.5 if size[0] < 1000 else 1.0)
        fall = random_fall(
            rng, camera, layout, shot, shapes=shapes, t_release_s=float(release + rng.uniform(0, 0.4)),
            size_px=size_px, wind_mps=(float(rng.normal(0, 1)), 0.0, 0.0), name=f"fall-{number}",
        )  # fmt: skip
        if fall is not None:
            made.append(fall)
    return tuple(made)


def _photo_background(rng: np.random.Generator, path: Path, size: tuple[int, int]) -> Callable[[int], Bgr]:
    """A photo, cropped, stretched upwards and keystoned like a house seen from below, then softened as by a lens."""
    photo = read_picture(path)
    width, height = size
    tall = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.6:  # rows of the same storeys again and again: a tower
        tiles = int(rng.integers(2, 4))
        tile = cv2.resize(photo, (width // tiles, height // tiles), interpolation=cv2.INTER_AREA)
        tall = cv2.resize(np.tile(tile, (tiles, tiles, 1)), (width, height))
    narrow = float(rng.uniform(0.0, 0.2)) * width
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    seen = np.array([[narrow, 0], [width - narrow, 0], [width, height], [0, height]], dtype=np.float32)
    warped = cv2.warpPerspective(
        tall, cv2.getPerspectiveTransform(corners, seen), (width, height), borderMode=cv2.BORDER_REPLICATE
    )
    picture = np.asarray(cv2.GaussianBlur(warped, (0, 0), float(rng.uniform(0.4, 1.2))), dtype=np.uint8)
    return lambda index: picture  # noqa: ARG005


def _clip_background(path: Path, size: tuple[int, int], count: int) -> Callable[[int], Bgr]:
    """The first `count` frames of a real clip, forth and back where more are asked for or it is shorter."""
    capture = cv2.VideoCapture(str(path))
    pictures: list[Bgr] = []
    while len(pictures) < count:
        ok, picture = capture.read()
        if not ok:
            break
        pictures.append(np.asarray(cv2.resize(picture, size), dtype=np.uint8))
    capture.release()
    round_trip = pictures + pictures[-2:0:-1]
    return lambda index: round_trip[index % len(round_trip)]


def _birds(rng: np.random.Generator, size: tuple[int, int], fps: float, count: int) -> Painter:
    """Gliding, flapping and diving birds: smooth paths that speed up and slow down of themselves, as no fall does."""
    height = size[1]
    n = int(rng.integers(1, 5))
    start = rng.uniform([-0.2, 0.0], [1.2, 0.7], (n, 2)) * size
    speed = rng.normal(0, 0.25, (n, 2)) * height + [[0.0, 0.12 * height]]
    reach = rng.normal(0, 0.1, (n, 2)) * height
    turn, first = rng.uniform(1.2, 3.5, (n, 2)), rng.uniform(0, 6.28, (n, 2))
    length = rng.uniform(3, 14, n) * height / 720
    shade = rng.uniform(10, 230, n)
    phase = rng.uniform(0, 6.28, n)
    begin = rng.uniform(0, count / fps, n)

    def paint(picture: Bgr, index: int) -> None:
        t = index / fps - begin
        for i in range(n):
            if not 0 < t[i] < 4:
                continue
            x, y = start[i] + speed[i] * t[i] + reach[i] * np.sin(turn[i] * t[i] + first[i])
            flap = 0.3 + 0.5 * abs(np.sin(9 * t[i] + phase[i]))
            tilt = np.degrees(np.arctan2(*(speed[i] + reach[i] * turn[i] * np.cos(turn[i] * t[i] + first[i]))[::-1]))
            _ellipse(picture, (x, y), (length[i], length[i] * flap), tilt, shade[i])

    return paint


def _insects(rng: np.random.Generator, size: tuple[int, int], fps: float, count: int) -> Painter:
    """Near the lens: large, soft, fast and erratic."""
    height = size[1]
    n = int(rng.integers(1, 5))
    steps = rng.normal(0, 0.5 * height / fps, (n, count, 2)) * rng.uniform(0.3, 1.5, (n, 1, 1))
    smooth = np.stack([cv2.blur(step, (1, 5)) for step in steps])
    path = rng.uniform(0, 1, (n, 1, 2)) * size + np.cumsum(smooth, axis=1)
    radius = rng.uniform(2, 8, n) * height / 720
    shade = rng.uniform(0, 255, n)

    def paint(picture: Bgr, index: int) -> None:
        for i in range(n):
            _ellipse(picture, path[i, index], (radius[i], radius[i] * 0.7), 0.0, shade[i], alpha=0.6)

    return paint


def _leaves(rng: np.random.Generator, size: tuple[int, int], fps: float, _count: int) -> Painter:
    """Sinking slowly on swinging, drifting paths."""
    height = size[1]
    n = int(rng.integers(3, 16))
    start = rng.uniform([-0.2, -0.6], [1.0, 0.8], (n, 2)) * size
    speed = np.column_stack([rng.normal(0.08, 0.12, n), rng.uniform(0.03, 0.2, n)]) * height
    swing, rate, phase = rng.uniform(0.005, 0.04, n) * height, rng.uniform(3, 9, n), rng.uniform(0, 6.28, n)
    length, shade = rng.uniform(2, 7, n) * height / 720, rng.uniform(20, 200, n)

    def paint(picture: Bgr, index: int) -> None:
        t = index / fps
        for i in range(n):
            x = start[i, 0] + speed[i, 0] * t + swing[i] * np.sin(rate[i] * t + phase[i])
            y = start[i, 1] + speed[i, 1] * t + 0.4 * swing[i] * np.sin(2 * rate[i] * t)
            flat = 0.25 + 0.75 * abs(np.sin(rate[i] * t))
            _ellipse(picture, (x, y), (length[i], length[i] * flat), 40 * t + 57 * phase[i], shade[i])

    return paint


def _rain(rng: np.random.Generator, size: tuple[int, int], fps: float, _count: int) -> Painter:
    """Streaks at all distances: the near ones cross the picture in two frames, the far ones sink steadily."""
    return _drops(rng, size, fps, int(rng.integers(40, 180)), (0.6, 4.0), (0.15, 0.5))


def _snow(rng: np.random.Generator, size: tuple[int, int], fps: float, _count: int) -> Painter:
    return _drops(rng, size, fps, int(rng.integers(40, 180)), (0.06, 0.5), (0.4, 0.9))


def _drops(
    rng: np.random.Generator,
    size: tuple[int, int],
    fps: float,
    n: int,
    speeds: tuple[float, float],
    alphas: tuple[float, float],
) -> Painter:
    height = size[1]
    start = rng.uniform(0, 1, (n, 2)) * size
    slowest, fastest = np.log(speeds)
    speed = np.exp(rng.uniform(slowest, fastest, n)) * height
    slant = float(rng.normal(0, 0.12))
    exposure = float(rng.uniform(0.005, 0.02))
    thick = np.clip(np.rint(speed / (speeds[1] * height) * 3), 1, 3).astype(int)
    shade = float(rng.uniform(170, 245))
    alpha = float(rng.uniform(*alphas))
    wobble = rng.uniform(0, 6.28, n)

    def paint(picture: Bgr, index: int) -> None:
        t = index / fps
        y = (start[:, 1] + speed * t) % (1.2 * height) - 0.1 * height
        x = (start[:, 0] + slant * speed * t + 0.01 * height * np.sin(2 * t + wobble)) % size[0]
        layer = picture.copy()
        for i in range(n):
            tail = (int(x[i] - slant * speed[i] * exposure), int(y[i] - speed[i] * exposure))
            cv2.line(layer, (int(x[i]), int(y[i])), tail, (shade, shade, shade), int(thick[i]), cv2.LINE_AA)
        cv2.addWeighted(layer, alpha, picture, 1 - alpha, 0, dst=picture)

    return paint


def _branches(rng: np.random.Generator, size: tuple[int, int], fps: float, _count: int) -> Painter:
    """Parts of the picture sway as twigs and laundry do."""
    width, height = size
    n = int(rng.integers(1, 4))
    boxes = [
        (int(rng.uniform(0, 0.7) * width), int(rng.uniform(0, 0.7) * height), int(width * rng.uniform(0.05, 0.3)),
         int(height * rng.uniform(0.08, 0.3)))
        for _ in range(n)
    ]  # fmt: skip
    rate, reach, phase = rng.uniform(1, 6, n), rng.uniform(1, 8, n) * height / 720, rng.uniform(0, 6.28, n)
    texture = cv2.GaussianBlur(rng.uniform(20, 200, (height, width)).astype(np.float32), (0, 0), 2.0)
    texture = np.clip((texture - 110) * 4 + 90, 10, 220).astype(np.uint8)

    def paint(picture: Bgr, index: int) -> None:
        t = index / fps
        for i, (x, y, w, h) in enumerate(boxes):
            rows, columns = np.mgrid[0:h, 0:w].astype(np.float32)
            shift = (reach[i] * np.sin(rate[i] * t + phase[i] + rows / 40 + columns / 90)).astype(np.float32)
            area = cv2.remap(
                texture[y : y + h, x : x + w], columns + shift, rows + np.float32(0.3) * shift, cv2.INTER_LINEAR
            )
            leaf = area > 90
            target = picture[y : y + h, x : x + w]
            target[leaf] = (area[leaf] * 0.6)[:, None].astype(np.uint8)

    return paint


def _flashes(rng: np.random.Generator, size: tuple[int, int], fps: float, count: int) -> Painter:
    """Windows that light up, glints and reflections that wander down a facade."""
    height = size[1]
    n = int(rng.integers(2, 8))
    place, extent = rng.uniform(0, 0.9, (n, 2)) * size, rng.uniform(4, 40, (n, 2)) * height / 720
    begin, last = rng.uniform(0, count, n), rng.uniform(1, 12, n) * fps / 10
    drift = np.column_stack([rng.normal(0, 0.05, n), rng.uniform(0.0, 0.6, n)]) * height / fps
    gain = rng.uniform(20, 90, n)

    def paint(picture: Bgr, index: int) -> None:
        for i in range(n):
            age = index - begin[i]
            if 0 <= age < last[i]:
                x, y = (place[i] + drift[i] * age).astype(int)
                target = picture[y : y + int(extent[i, 1]), x : x + int(extent[i, 0])]
                target[:] = np.minimum(target.astype(np.int16) + int(gain[i]), 255).astype(np.uint8)

    return paint


def _ellipse(
    picture: Bgr, centre: object, axes: tuple[float, float], angle: float, shade: float, alpha: float = 1.0
) -> None:
    """An ellipse with sub-pixel place; `alpha` < 1 lets what is behind shine through."""
    x, y = np.asarray(centre, dtype=float)
    reach = int(max(axes)) + 3
    left, top = int(x) - reach, int(y) - reach
    if left < 0 or top < 0 or left + 2 * reach > picture.shape[1] or top + 2 * reach > picture.shape[0]:
        return
    window = picture[top : top + 2 * reach, left : left + 2 * reach]
    layer = window.copy()
    place = (round((x - left) * 16), round((y - top) * 16))
    half = (max(8, round(axes[0] * 8)), max(8, round(axes[1] * 8)))
    cv2.ellipse(layer, place, half, angle, 0, 360, (shade, shade, shade), -1, cv2.LINE_AA, 4)
    layer = np.asarray(cv2.GaussianBlur(layer, (3, 3), 0), dtype=np.uint8)
    cv2.addWeighted(layer, alpha, window, 1 - alpha, 0, dst=window)


_PAINTERS: dict[str, Callable[[np.random.Generator, tuple[int, int], float, int], Painter]] = {
    "birds": _birds,
    "insects": _insects,
    "leaves": _leaves,
    "rain": _rain,
    "snow": _snow,
    "branches": _branches,
    "flashes": _flashes,
}
