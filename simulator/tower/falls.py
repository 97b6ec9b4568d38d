"""A fall as the camera sees it: a thing, its path through the picture frame by frame, and how to draw it.

Training over other backgrounds uses the same parts: `random_fall` and `Fall.draw` on any picture of the camera's size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.scenes import Bgr
from simulator.tower.geometry import FacadeCamera, FacadeLayout, Floats
from simulator.tower.objects import Pose, Shape, Thing, draw_object, make_thing
from simulator.tower.physics import Release, fall_path
from simulator.truth import FallTruth

Wind = tuple[float, float, float]
_LONGEST_FALL_S = 40.0


@dataclass(frozen=True)
class Fall:
    """One fall. Arrays run over frames from `first_frame` on, in which its centre is inside the picture.

    `points_px` (n, 2): centre, pixel centres at whole numbers. `poses`: all that drawing needs. `shine` (n,):
    brightness as it tumbles. Nothing here knows light or weather.
    """

    id: str
    thing: Thing
    origin_floor: int
    origin_column: int
    t_release_s: float
    first_frame: int
    points_px: Floats
    poses: tuple[Pose, ...]
    shine: Floats

    @property
    def last_frame(self) -> int:
        """Last frame with the thing in the picture."""
        return self.first_frame + len(self.poses) - 1

    @property
    def size_px(self) -> float:
        """Square root of the area in the picture, median of the path."""
        return float(np.median([pose.length_px for pose in self.poses])) * float(np.sqrt(self.thing.fill))

    @property
    def descent_px(self) -> float:
        """How far it goes down in the picture."""
        return float(self.points_px[-1, 1] - self.points_px[0, 1])

    def draw(
        self,
        canvas: Bgr,
        frame: int,
        light: tuple[float, float, float] = (1.0, 1.0, 1.0),
        softness_px: float = 0.6,
    ) -> tuple[int, int, int, int] | None:
        """Draw it as in frame number `frame` into `canvas`, in place; returns the changed box, None when not seen."""
        if not self.first_frame <= frame <= self.last_frame:
            return None
        number = frame - self.first_frame
        lit = tuple(float(self.shine[number]) * part for part in light)
        return draw_object(canvas, self.thing, self.poses[number], (lit[0], lit[1], lit[2]), softness_px)

    def truth(self, size: tuple[int, int], fps: float) -> FallTruth:
        """The record for a picture of `size` (width, height)."""
        times = (self.first_frame + np.arange(len(self.poses))) / fps
        path = tuple(
            (round(float(t), 4), round(float((x + 0.5) / size[0]), 5), round(float((y + 0.5) / size[1]), 5))
            for t, (x, y) in zip(times, self.points_px, strict=True)
        )
        return FallTruth(
            id=self.id,
            t_release_s=round(self.t_release_s, 4),
            t_first_s=path[0][0],
            t_last_s=path[-1][0],
            origin_floor=self.origin_floor,
            origin_column=self.origin_column,
            object=self.thing.shape.kind,
            size_px=round(self.size_px, 2),
            path=path,
        )


@dataclass(frozen=True, slots=True)
class Shot:
    """How the camera takes pictures: frames a second, and for how long the shutter is open."""

    fps: float
    exposure_s: float


def random_fall(  # noqa: PLR0913 (what a fall depends on)
    rng: np.random.Generator,
    camera: FacadeCamera,
    layout: FacadeLayout,
    shot: Shot,
    *,
    shapes: tuple[Shape, ...],
    t_release_s: float,
    size_px: float | None = None,
    floor: int | None = None,
    wind_mps: Wind = (0.0, 0.0, 0.0),
    name: str = "fall",
) -> Fall | None:
    """Throw or drop a random thing from a random window; None when the camera sees less than 4 frames of it.

    `size_px` is the wanted size halfway down (square root of the area in pixels).
    """
    floor = floor if floor is not None else int(rng.integers(max(3, layout.floors // 3), layout.floors + 1))
    column = int(rng.integers(1, layout.columns + 1))
    release = _random_release(rng, layout, floor, column)
    half_way = np.array([[release.position_m[0], release.position_m[1] * 0.6, release.position_m[2]]])
    scale = float(camera.pixels_per_metre(half_way)[0])
    thing = _fitting_thing(rng, shapes, scale, size_px)
    first = int(np.ceil(t_release_s * shot.fps - 1e-9))
    since = (first + np.arange(int(_LONGEST_FALL_S * shot.fps))) / shot.fps - t_release_s
    path = fall_path(release, thing.body, since, wind_mps)
    points = camera.project(path) - 0.5
    seen = _seen_run(points, path[:, 1], camera)
    if seen.stop - seen.start < 4:
        return None
    poses, shine = _poses(rng, thing, points, camera.pixels_per_metre(path), shot)
    return Fall(
        id=name,
        thing=thing,
        origin_floor=floor,
        origin_column=column,
        t_release_s=t_release_s,
        first_frame=first + seen.start,
        points_px=points[seen],
        poses=tuple(poses[seen]),
        shine=shine[seen],
    )


def _random_release(rng: np.random.Generator, layout: FacadeLayout, floor: int, column: int) -> Release:
    """From a window or over a parapet: dropped, tossed outwards or thrown, in most cases with a low arc."""
    left, right = layout.column_edges_m[column - 1], layout.column_edges_m[column]
    x = left + (right - left) * rng.uniform(0.2, 0.8)
    y = layout.slab_m(floor) + layout.floor_height_m * rng.uniform(0.32, 0.62)
    out = float(rng.choice([0.0, rng.uniform(0.5, 2.0), rng.uniform(2.0, 6.0)], p=[0.35, 0.4, 0.25]))
    aside = rng.normal(0, 0.25 + 0.3 * out)
    up = rng.uniform(-0.5, 0.6) if out == 0 else rng.uniform(-1.0, 0.5 + 0.5 * out)
    return Release((float(x), float(y), float(rng.uniform(0.25, 1.6))), (float(aside), float(up), 0.3 + out))


def _fitting_thing(rng: np.random.Generator, shapes: tuple[Shape, ...], scale: float, size_px: float | None) -> Thing:
    """A thing that is about as large in life as the wanted size asks; stretched as far as is still believable."""
    if size_px is None:
        return make_thing(rng, shapes)
    wanted = size_px / scale
    fitting = [shape for shape in shapes if 0.4 * shape.length_m[0] <= wanted <= 1.4 * shape.length_m[1]]
    if fitting:
        return make_thing(rng, (fitting[int(rng.integers(len(fitting)))],), wanted)
    nearest = min(shapes, key=lambda shape: abs(np.log(wanted / (0.6 * np.mean(shape.length_m)))))
    return make_thing(rng, (nearest,), float(np.clip(wanted, 0.4 * nearest.length_m[0], 1.4 * nearest.length_m[1])))


def _seen_run(points: Floats, heights: Floats, camera: FacadeCamera) -> slice:
    """The first run of frames with the centre inside the picture and above the ground."""
    inside = (points > -0.5).all(axis=1) & (points < (camera.width - 0.5, camera.height - 0.5)).all(axis=1)
    inside &= heights > 0
    if not inside.any():
        return slice(0, 0)
    start = int(np.argmax(inside))
    ends = np.flatnonzero(~inside[start:])
    return slice(start, start + int(ends[0]) if len(ends) else len(inside))


def _poses(
    rng: np.random.Generator, thing: Thing, points: Floats, scale: Floats, shot: Shot
) -> tuple[list[Pose], Floats]:
    """Tumbling: turned in the picture at `turn`, out of it at `roll`, both constant as air hardly slows them."""
    frames = np.arange(len(points))
    turn = rng.normal(0, 7.0) if thing.body.flutter_mps2 == 0 else rng.normal(0, 2.0)
    roll = rng.normal(0, 5.0)
    angles = rng.uniform(0, 2 * np.pi) + turn * frames / shot.fps
    phase = rng.uniform(0, 2 * np.pi) + roll * frames / shot.fps
    squash = np.maximum(0.35, np.abs(np.cos(phase)))
    shine = 1 + 0.22 * np.sin(phase + 1.0) + 0.25 * np.clip(np.cos(2 * phase + 0.5), 0, 1) ** 12
    motion = np.gradient(points, axis=0) * shot.fps * shot.exposure_s if len(points) > 1 else np.zeros_like(points)
    spin = float(turn * shot.exposure_s)
    poses = [
        Pose(float(x), float(y), float(length), float(angle), float(flat), (float(dx), float(dy)), spin)
        for (x, y), length, angle, flat, (dx, dy) in zip(
            points, thing.length_m * scale, angles, squash, motion, strict=True
        )
    ]
    return poses, shine
