"""What weather, wear, light and a camera do to a plate: each step one function; randomness is an argument.

`surface` works on the flat plate (dirt, wear, shade, glare); `place` puts it into a picture in perspective; `camera`
works on that picture (blur, light, noise, compression).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import Bgr

Corners = NDArray[np.float32]
"""(4, 2) x, y in pixels, clockwise from the plate's own top left corner."""

_GAMMA = 2.2


@dataclass(frozen=True, slots=True)
class View:
    """How a plate is seen: width in pixels, and how far the camera is off its axis."""

    width_px: float
    roll_deg: float = 0.0
    foreshorten: float = 1.0
    """Height over the height seen from the front; < 1 from above, > 1 when turned away (the width shrinks)."""
    shear: float = 0.0
    """How far the upper edge is moved sideways, in plate heights."""
    keystone: float = 0.0
    """Right edge longer (> 0) or shorter than the left one, as a fraction."""


def random_view(rng: np.random.Generator, least_px: float = 36, most_px: float = 240) -> View:
    """Widths are uniform in their logarithm; a third of the views is strongly off axis."""
    strong = 2.2 if rng.random() < 0.33 else 1.0
    return View(
        width_px=math.exp(rng.uniform(math.log(least_px), math.log(most_px))),
        roll_deg=float(rng.normal(0, 4.0 * strong)),
        foreshorten=float(np.clip(rng.normal(1.0, 0.13 * strong), 0.6, 1.6)),
        shear=float(rng.normal(0, 0.13 * strong)),
        keystone=float(rng.normal(0, 0.04 * strong)),
    )


def quad_of(view: View, aspect: float, centre: tuple[float, float]) -> Corners:
    """Corners of a plate of width/height `aspect` seen like this around `centre` (x, y in pixels)."""
    half_w = view.width_px / 2
    half_h = view.width_px / aspect * view.foreshorten / 2
    slide = view.shear * half_h
    corners = np.array(
        [
            [-half_w + slide, -half_h * (1 - view.keystone)],
            [half_w + slide, -half_h * (1 + view.keystone)],
            [half_w - slide, half_h * (1 + view.keystone)],
            [-half_w - slide, half_h * (1 - view.keystone)],
        ],
        np.float32,
    )
    angle = math.radians(view.roll_deg)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]], np.float32)
    return np.asarray(corners @ turn + np.array(centre, np.float32), np.float32)


def place(plate: Bgr, background: Bgr, corners: Corners) -> Bgr:
    """The plate warped onto a copy of the background at these corners, with a soft edge of a pixel."""
    height, width = background.shape[:2]
    seen = max(float(np.hypot(*(corners[1] - corners[0]))), float(np.hypot(*(corners[2] - corners[3]))), 4.0)
    if seen < plate.shape[1]:
        small = (round(seen), max(2, round(plate.shape[0] * seen / plate.shape[1])))
        plate = np.asarray(cv2.resize(plate, small, interpolation=cv2.INTER_AREA), np.uint8)
    rows, columns = plate.shape[:2]
    source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(source, np.asarray(corners, np.float32) - 0.5)
    left, top = np.maximum(np.floor(corners.min(0)).astype(int) - 2, 0)
    right, bottom = np.minimum(np.ceil(corners.max(0)).astype(int) + 2, (width, height))
    if right <= left or bottom <= top:
        return background.copy()
    shift = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]], np.float64)
    size = (int(right - left), int(bottom - top))
    warped = cv2.warpPerspective(plate, shift @ matrix, size, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    alpha = cv2.warpPerspective(np.full((rows, columns), 255, np.uint8), shift @ matrix, size)[:, :, None] / 255.0
    picture = background.copy()
    area = picture[top:bottom, left:right]
    area[:] = np.clip(area + alpha.astype(np.float32) * (warped - area), 0, 255).astype(np.uint8)
    return picture


def surface(plate: Bgr, rng: np.random.Generator, severity: float = 1.0) -> Bgr:
    """Wear, dirt, shade and glare, each with some probability; `severity` 0 changes nothing."""
    steps = ((0.25, wear), (0.3, dirt), (0.6, shade), (0.15, glare))
    for probability, step in steps:
        if rng.random() < probability * min(severity, 1.5):
            plate = step(plate, rng, float(rng.uniform(0.2, 1.0)) * severity)
    return plate


def camera(picture: Bgr, rng: np.random.Generator, plate_px: float, severity: float = 1.0) -> Bgr:
    """Blur, light, colour, noise and compression of a picture in which the plate is `plate_px` wide."""
    if rng.random() < 0.35 * severity:
        picture = motion_blur(picture, float(rng.uniform(0.005, 0.035)) * plate_px * severity, float(rng.normal(0, 40)))
    if rng.random() < 0.6 * severity:
        picture = defocus(picture, float(rng.uniform(0.2, 1.0)) * min(0.011 * plate_px + 0.25, 2.2) * severity)
    picture = light(picture, rng, severity)
    if rng.random() < 0.2 * severity:
        picture = mosaic(picture)
    if rng.random() < 0.15 * severity:
        picture = haze(picture, rng)
    if rng.random() < 0.25 * severity:
        picture = sharpen(picture, float(rng.uniform(0.3, 2.5)))
    picture = noise(picture, rng, float(rng.exponential(4.0)) * severity)
    if rng.random() < 0.75 * severity:
        picture = jpeg(picture, int(rng.uniform(25, 95)))
    return picture


def light(picture: Bgr, rng: np.random.Generator, severity: float) -> Bgr:
    """A light that a camera meets: infrared, night, far too much, or what its automatic exposure made of the day."""
    choice = rng.random()
    if choice < 0.10 * severity:
        return infrared(picture, rng)
    if choice < 0.25 * severity:
        return low_light(picture, rng, float(rng.uniform(0.12, 0.6)))
    if choice < 0.37 * severity:
        return overexposure(picture, rng)
    return exposure(picture, rng)


def wear(plate: Bgr, rng: np.random.Generator, amount: float) -> Bgr:
    """Paint that has faded and chipped: contrast falls, spots lose their paint."""
    spots = _clouds(rng, plate.shape[:2], cells=24) > 1.0 - 0.3 * amount
    faded = plate.astype(np.float32)
    faded += 0.35 * amount * (faded.mean((0, 1)) - faded)
    faded[spots] = 0.5 * faded[spots] + 0.5 * faded.mean((0, 1))
    return np.asarray(faded, np.uint8)


def dirt(plate: Bgr, rng: np.random.Generator, amount: float) -> Bgr:
    """Dust or mud, thicker towards one edge."""
    height, width = plate.shape[:2]
    clouds = _clouds(rng, (height, width), cells=int(rng.integers(4, 16)))
    slope = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    cover = np.clip((clouds * (0.4 + 0.6 * slope) - 0.35) * 1.6, 0, 1) * amount * 0.8
    colour = np.array([90, 115, 135], np.float32) * rng.uniform(0.4, 1.3)
    return np.asarray(np.clip(plate + cover[:, :, None] * (colour - plate), 0, 255), np.uint8)


def shade(plate: Bgr, rng: np.random.Generator, amount: float) -> Bgr:
    """Uneven light: a slope over the plate, sometimes the hard edge of a shadow."""
    height, width = plate.shape[:2]
    angle = rng.uniform(0, 2 * math.pi)
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    ramp = math.cos(angle) * x + math.sin(angle) * y
    if rng.random() < 0.4:
        ramp = np.clip(ramp * rng.uniform(6, 30) + rng.uniform(-4, 4), -1, 1)
    gain = 1 + 0.4 * amount * ramp
    return np.asarray(np.clip(plate * gain[:, :, None], 0, 255), np.uint8)


def glare(plate: Bgr, rng: np.random.Generator, amount: float) -> Bgr:
    """A bright spot or band: sun or headlights on the reflective sheet."""
    height, width = plate.shape[:2]
    cx, cy = rng.uniform(0, width), rng.uniform(0, height)
    rx, ry = width * rng.uniform(0.05, 0.45), height * rng.uniform(0.15, 0.8)
    x = (np.arange(width, dtype=np.float32)[None, :] - cx) / rx
    y = (np.arange(height, dtype=np.float32)[:, None] - cy) / ry
    light = 190 * amount * np.exp(-(x * x + y * y))
    return np.asarray(np.clip(plate + light[:, :, None], 0, 255), np.uint8)


def motion_blur(picture: Bgr, length_px: float, angle_deg: float) -> Bgr:
    """Blur along a line of this length."""
    if length_px < 1:
        return picture
    size = math.ceil(length_px) | 1
    kernel = np.zeros((size + 2, size + 2), np.float32)
    middle = (size + 1) / 2
    dx, dy = math.cos(math.radians(angle_deg)) * length_px / 2, math.sin(math.radians(angle_deg)) * length_px / 2
    ends = [(round((middle + s * dx) * 16), round((middle + s * dy) * 16)) for s in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_AA, 4)
    return np.asarray(cv2.filter2D(picture, -1, kernel / max(float(kernel.sum()), 1e-6)), np.uint8)


def defocus(picture: Bgr, sigma_px: float) -> Bgr:
    """Gaussian blur."""
    if sigma_px < 0.15:
        return picture
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px), np.uint8)


def sharpen(picture: Bgr, amount: float) -> Bgr:
    """The camera's own over-sharpening, with its halos."""
    soft = cv2.GaussianBlur(picture, (0, 0), 1.2)
    return np.asarray(cv2.addWeighted(picture, 1 + amount, soft, -amount, 0), np.uint8)


def mosaic(picture: Bgr) -> Bgr:
    """Seen by a sensor with one colour a pixel (Bayer's pattern): fine strokes get coloured, broken edges."""
    raw = np.empty(picture.shape[:2], np.uint8)
    raw[0::2, 0::2], raw[1::2, 1::2] = picture[0::2, 0::2, 0], picture[1::2, 1::2, 2]
    raw[0::2, 1::2], raw[1::2, 0::2] = picture[0::2, 1::2, 1], picture[1::2, 0::2, 1]
    return np.asarray(cv2.demosaicing(raw, cv2.COLOR_BayerBGGR2BGR), np.uint8)


def exposure(picture: Bgr, rng: np.random.Generator) -> Bgr:
    """Gain, offset, gamma and white balance as automatic exposure leaves them."""
    gain = rng.uniform(0.45, 1.35) * np.exp(rng.normal(0, 0.08, 3))
    values = np.arange(256, dtype=np.float32)[:, None] / 255
    curve = np.clip(values ** rng.uniform(0.65, 1.5) * gain + rng.uniform(-0.05, 0.15), 0, 1) * 255
    return np.asarray(cv2.LUT(picture, curve.astype(np.uint8)[None]), np.uint8)


def overexposure(picture: Bgr, rng: np.random.Generator) -> Bgr:
    """Headlights or flash on the reflecting sheet: the ground goes pale, strokes clip and bleed over their edges."""
    bright = picture.astype(np.float32) * float(rng.uniform(1.2, 2.3)) + float(rng.uniform(0, 40))
    bleed = cv2.GaussianBlur(np.maximum(bright - 235, 0), (0, 0), float(rng.uniform(0.6, 2.0)))
    return np.asarray(np.clip(bright + float(rng.uniform(0, 1.0)) * bleed, 0, 255), np.uint8)


def glow(picture: Bgr, sigma_px: float, gain: float) -> Bgr:
    """Blurred and exposed as light is, before the sensor clips and the camera's curve: bright strokes grow.

    Half the light of a white stroke is shown as three quarters of its brightness, so fine gaps between strokes close.
    """
    linear = (picture.astype(np.float32) / 255) ** _GAMMA * gain
    seen = cv2.GaussianBlur(linear, (0, 0), max(sigma_px, 0.15))
    return np.asarray(np.clip(seen, 0, 1) ** (1 / _GAMMA) * 255, np.uint8)


def aliased(picture: Bgr, across: float, down: float) -> Bgr:
    """Sampled at points so many pixels apart, nothing averaged between them, and enlarged again.

    So sees a camera that keeps one field of interlaced video (`down` 2), or that makes a picture smaller by leaving
    pixels out: thin strokes break, double or vanish.
    """
    height, width = picture.shape[:2]
    small = (max(2, round(width / across)), max(2, round(height / down)))
    points = cv2.resize(picture, small, interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.resize(points, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def haze(picture: Bgr, rng: np.random.Generator) -> Bgr:
    """Contrast and colour lost in mist, a dirty lens or strong compression."""
    values = picture.astype(np.float32)
    grey = values.mean(2, keepdims=True)
    values = grey + (values - grey) * float(rng.uniform(0.1, 1.0))
    veil = rng.uniform(40, 220) + rng.normal(0, 8, 3)
    return np.asarray(np.clip(values + float(rng.uniform(0.1, 0.65)) * (veil - values), 0, 255), np.uint8)


def low_light(picture: Bgr, rng: np.random.Generator, level: float) -> Bgr:
    """Night: little light, colours fade to the lamps' colour, photon noise; the camera amplifies what is left."""
    lamp = np.array([rng.uniform(0.4, 1.0), rng.uniform(0.7, 1.0), 1.0], np.float32)
    dark = picture.astype(np.float32) * lamp * level
    grey = dark.mean(2, keepdims=True)
    dark = grey + (dark - grey) * rng.uniform(0.3, 1.0)
    dark += rng.standard_normal(dark.shape, np.float32) * np.sqrt(dark + 4) * 0.9
    return np.asarray(np.clip(dark * rng.uniform(1.0, 0.75 / max(level, 0.2) + 0.3), 0, 255), np.uint8)


def infrared(picture: Bgr, rng: np.random.Generator) -> Bgr:
    """A camera with infrared light: no colour; the sheet reflects, red ink disappears more than black."""
    weights = np.array([rng.uniform(0.0, 0.4), rng.uniform(0.2, 0.5), rng.uniform(0.2, 0.7)], np.float32)
    grey = picture.astype(np.float32) @ (weights / weights.sum())
    grey = np.clip(grey * rng.uniform(0.5, 1.5) + rng.uniform(0, 30), 0, 255)
    return np.repeat(grey.astype(np.uint8)[:, :, None], 3, axis=2)


def noise(picture: Bgr, rng: np.random.Generator, sigma: float) -> Bgr:
    """Sensor noise, coarser in colour than in brightness."""
    if sigma < 0.5:
        return picture
    grain = rng.standard_normal(picture.shape[:2], np.float32)[:, :, None] * sigma
    coarse = rng.standard_normal(((picture.shape[0] + 1) // 2, (picture.shape[1] + 1) // 2, 3), np.float32)
    tint = cv2.resize(coarse * (0.5 * sigma), (picture.shape[1], picture.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(picture + grain + tint, 0, 255), np.uint8)


def downsample(picture: Bgr, factor: float) -> Bgr:
    """Seen at a smaller size and enlarged again: detail is gone, the size stays."""
    height, width = picture.shape[:2]
    small = (max(2, round(width / factor)), max(2, round(height / factor)))
    tiny = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(tiny, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def jpeg(picture: Bgr, quality: int) -> Bgr:
    """Compressed and decoded again."""
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if decoded is None:
        raise ValueError(f"a picture of shape {picture.shape} could not be compressed")
    return np.asarray(decoded, np.uint8)


def _clouds(rng: np.random.Generator, shape: tuple[int, int], cells: int) -> NDArray[np.float32]:
    """(h, w) smooth random field, 0..1, with about `cells` cells across."""
    height, width = shape
    coarse = rng.random((max(2, cells * height // width + 1), cells), np.float32)
    field = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(field, 0, 1), np.float32)
