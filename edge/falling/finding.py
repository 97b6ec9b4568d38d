"""What is told of a fall: its path, where it came from, how fast it ends, and why it was told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contract.events import EnergyClass, FallingObjectData, Interval, PathPoint
from edge.falling.ballistics import G, Origin, find_origin
from edge.falling.candidate import Candidate
from edge.falling.detector import Look
from edge.falling.facade import Facade
from edge.falling.motion import Floats
from edge.falling.origin import Viewpoint, find_origin_floor
from edge.falling.verdict import Verdict, explain, sinks_steadily

_DENSITY = 400.0
"""kg/m³, between packaging and fruit: a stone is six times, a full bottle two and a half times that."""
_AIR = 1.2
"""kg/m³; the drag coefficient of tumbling things is about 1."""
_ENERGY_J: tuple[tuple[float, EnergyClass], ...] = ((1.0, "slight"), (15.0, "painful"), (80.0, "injuring"))
_GROUND_FLOOR = 1
_CELLS = 32
"""Cells along the picture's width; as large ones along its height."""


@dataclass(frozen=True, slots=True)
class Fall:
    """A judged candidate, with what is known of its camera."""

    candidate: Candidate
    look: Look | None
    verdict: Verdict
    weather: bool
    size: tuple[int, int]
    """(w, h) of the picture."""
    facade: Facade | None
    viewpoint: Viewpoint | None
    lost: bool = False
    """Whether the camera has moved so far that the drawn facade does not fit any more."""


def describe_fall(camera_id: str, fall: Fall) -> FallingObjectData:
    """The event's data for a candidate that was judged to be confirmed or suspected."""
    candidate, verdict = fall.candidate, fall.verdict
    if verdict.certainty is None:
        raise ValueError("a candidate that is neither confirmed nor suspected has no event")
    scale = fall.facade if candidate.metric else None
    origin, x, y = _origin(candidate, scale, fall.viewpoint)
    floor = _floor(origin, scale, 0.0 if fall.viewpoint is not None else _OVERHANG_FLOORS)
    column = _column(candidate, scale)
    if fall.lost:
        floor = column = None
    fit = candidate.fit
    return FallingObjectData(
        camera=camera_id,
        certainty=verdict.certainty,
        confidence=round(verdict.confidence, 3),
        hypothesis="terminal_velocity" if sinks_steadily(candidate) else "free_fall",
        path=_path(candidate, scale),
        picture_size=fall.size,
        duration_s=round(candidate.duration_s, 3),
        origin=PathPoint(t_s=round(origin.time_s, 3), x=round(x, 5), y=round(y, 5), height_m=_height(-origin.s, scale)),
        origin_floor=floor,
        origin_column=column,
        origin_cell=_cell(floor, column, (x, y), fall.size),
        acceleration_g=round(fit.acceleration / G, 3) if scale is not None else None,
        acceleration_g_sigma=round(fit.gain_sigma / G, 3) if scale is not None else None,
        speed_mps=round(fit.end_speed, 2) if scale is not None else None,
        size_px=round(candidate.size_px, 1),
        **_impact(candidate, scale, fall.size),
        why="; ".join(_why(fall, scale)),
        weather_mode=fall.weather,
    )


def _why(fall: Fall, scale: Facade | None) -> list[str]:
    parts = [explain(fall.candidate, fall.look, fall.weather, fall.verdict)]
    if fall.lost:
        parts.append("the camera has moved and its facade must be drawn anew: the origin is known in the picture only")
    elif fall.facade is None:
        parts.append("no facade is drawn: the origin is known in the picture only")
    elif scale is None:
        parts.append("its path leaves the drawn facade: the origin is known in the picture only")
    return parts


def _path(candidate: Candidate, scale: Facade | None) -> tuple[PathPoint, ...]:
    seconds = candidate.times - candidate.times[0]
    return tuple(
        PathPoint(
            t_s=round(float(t), 3), x=round(float(px), 5), y=round(float(py), 5), height_m=_height(-float(s), scale)
        )
        for t, (px, py), s in zip(seconds, candidate.points, candidate.down, strict=True)
    )


def _height(above_zero_m: float, scale: Facade | None) -> float | None:
    """Metres above the slab of floor 1, from metres above that of floor 0."""
    return None if scale is None else round(above_zero_m - _GROUND_FLOOR * scale.floor_height_m, 2)


def _impact(candidate: Candidate, scale: Facade | None, size: tuple[int, int]) -> dict[str, float | str | None]:
    """Apparent size, and speed and class of energy at the ground; nothing without a scale."""
    if scale is None:
        return {}
    fit = candidate.fit
    rest_m = max(0.0, -_GROUND_FLOOR * scale.floor_height_m - float(candidate.down[-1]))
    gained = 0.0 if sinks_steadily(candidate) else 2 * G * rest_m
    speed = float(np.sqrt(max(fit.end_speed, 0.0) ** 2 + gained))
    middle = candidate.points[len(candidate.points) // 2]
    around = np.array([middle, middle + np.array([0.0, 1e-3])])
    metres_per_height = float(np.diff(scale.metres_down(around))[0]) / 1e-3
    diameter = candidate.size_px / size[1] * metres_per_height
    mass = _DENSITY * np.pi / 6 * diameter**3
    if sinks_steadily(candidate):  # the air carries its weight: a sheet that is as large as a stone is no stone
        mass = min(mass, 0.5 * _AIR * np.pi / 4 * diameter**2 * speed**2 / G)
    energy = 0.5 * mass * speed**2
    rating = next((name for limit, name in _ENERGY_J if energy < limit), "deadly")
    return {"size_m": round(diameter, 3), "ground_speed_mps": round(speed, 1), "energy_class": rating}


def _cell(floor: Interval | None, column: Interval | None, place: tuple[float, float], size: tuple[int, int]) -> str:
    """The same name for what comes from one window; a cell of the picture stands in for what was not drawn."""
    x = min(int(place[0] * _CELLS), _CELLS - 1)
    y = int(place[1] * _CELLS * size[1] / size[0])
    across = f"x{x}" if column is None else f"column{_whole(column.value)}"
    return f"{f'y{y}' if floor is None else f'floor{_whole(floor.value)}'}-{across}"


def _whole(value: float) -> int:
    return int(np.floor(value))


def _origin(candidate: Candidate, facade: Facade | None, viewpoint: Viewpoint | None) -> tuple[Origin, float, float]:
    """Where it began along the way down, and that place in picture fractions."""
    slack = 0.3 * facade.floor_height_m / 2 if facade is not None else 0.01
    if facade is not None and viewpoint is not None:
        origin = find_origin_floor(candidate.times, candidate.down, candidate.sigma, viewpoint, slack)
    else:
        gravity = G if facade is not None else None
        first = float(candidate.fit.place(np.zeros(1))[0])
        origin = find_origin(candidate.fit, first, slack, gravity, np.random.default_rng(0))
    head = slice(0, max(3, len(candidate.times) // 3))
    seconds = candidate.times[head] - candidate.times[0]
    drift = np.polyfit(seconds, candidate.points[head, 0], 1)
    x = float(np.clip(np.polyval(drift, max(origin.time_s, -0.6)), 0, 1))
    y = float(np.clip(origin.s if facade is None else _row_of(facade, x, origin.s), 0, 1))
    return origin, x, y


def _row_of(facade: Facade, x: float, s: float) -> float:
    """Picture fraction from the top at which column x of the picture is s metres below floor 0."""
    rows = np.linspace(0, 1, 401)
    metres = facade.metres_down(np.column_stack([np.full_like(rows, x), rows]))
    order = np.argsort(metres)
    return float(np.interp(s, metres[order], rows[order]))


_OVERHANG_FLOORS = 2.0
"""What is thrown outwards is seen before a higher floor than the one it left: where the camera's place is not known,
the interval is open downwards for it."""


def _floor(origin: Origin, facade: Facade | None, overhang: float) -> Interval | None:
    if facade is None:
        return None
    height = facade.floor_height_m
    return Interval(
        value=round(-origin.s / height, 2),
        low=round(-origin.high / height - overhang, 2),
        high=round(-origin.low / height, 2),
    )


def _column(candidate: Candidate, facade: Facade | None) -> Interval | None:
    """Column of the first sightings: a fall begins at its window, whatever the throw adds later."""
    if facade is None or not facade.has_columns:
        return None
    columns: Floats = facade.coordinates(candidate.points[: max(3, len(candidate.points) // 4)])[:, 0]
    spread = 0.15 + 2 * float(np.std(columns))
    value = float(columns[0])
    return Interval(value=round(value, 2), low=round(value - spread, 2), high=round(value + spread, 2))
