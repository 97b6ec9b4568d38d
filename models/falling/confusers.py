"""What moves before a house and is no fall: one scenario for each kind, so that each is scored alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.scenes import CameraSpec, Condition
from simulator.tower.options import DistractorName

FIRST_SEED = 500_000
"""Confusers are measured on towers of these seeds and the next; neither the demo nor training has them."""
_SHAPES = ((960, 540), (640, 360), (960, 540), (1280, 720))
_KBPS = {640: 1200, 960: 2000, 1280: 3000}


@dataclass(frozen=True, slots=True)
class Confuser:
    """One kind: conditions, what moves, how busy (1 is a usual day; some hours hold days of it), how night looks."""

    name: str
    conditions: tuple[Condition, ...]
    movers: tuple[DistractorName, ...]
    busy: float = 1.0
    night_look: str = "any"


CONFUSERS: tuple[Confuser, ...] = (
    Confuser("birds", ("day",), ("birds", "swoops"), 2),
    Confuser("insects", ("day",), ("insects",), 2),
    Confuser("insects-infrared", ("night",), ("insects",), 3, "infrared"),
    Confuser("leaves", ("day", "wind"), ("leaves",), 4),
    Confuser("plastic", ("day", "wind"), ("plastic",), 4),
    Confuser("drips", ("day",), ("drips",), 3),
    Confuser("lifts", ("day",), ("lifts",), 2),
    Confuser("lifts-night", ("night",), ("lifts",), 2),
    Confuser("flashes", ("day",), ("window_flashes", "sun_spots"), 3),
    Confuser("lights", ("night",), ("window_lights",), 4),
    Confuser("headlights", ("night",), ("headlights",), 2),
    Confuser("laundry", ("day", "wind"), ("laundry", "people"), 1),
    Confuser("trees", ("day", "wind"), ("trees", "clouds"), 1),
    Confuser("balloons", ("day",), ("balloons",), 2),
    Confuser("drones", ("day",), ("drones",), 2),
    Confuser("drones-night", ("night",), ("drones",), 2),
    Confuser("fireworks", ("night",), ("fireworks",), 1, "colour"),
    Confuser("rain", ("rain",), ()),
    Confuser("rain-night", ("night", "rain"), ()),
    Confuser("snow", ("snow",), ()),
    Confuser("hail", ("rain",), ("hail",)),
    Confuser("webs", ("night",), ("webs",), 1, "infrared"),
    Confuser("shake", ("shake",), ("clouds",)),
    Confuser("shake-night", ("night", "shake"), ("window_lights",)),
)
"""Every kind; the name of a kind is the name of its row in the tables."""


def confuser_camera(
    kind: Confuser, number: int, seconds: float, fps: float, first_seed: int = FIRST_SEED
) -> CameraSpec:
    """The `number`-th tower of one kind, of `seconds`: sizes alternate, seeds never meet those of another kind."""
    width, height = _SHAPES[number % len(_SHAPES)]
    seed = first_seed + number * len(CONFUSERS) + CONFUSERS.index(kind)
    return CameraSpec(
        id=f"{kind.name}-{seed}",
        scene="tower",
        width=width,
        height=height,
        fps=fps,
        duration_s=seconds,
        conditions=kind.conditions,
        bitrate_kbps=_KBPS[width],
        effort="quick",
        seed=seed,
        options={"falls": 0, "distractors": kind.movers, "busy": kind.busy, "night_look": kind.night_look},
    )


def chosen(names: Sequence[str]) -> tuple[Confuser, ...]:
    """The kinds of these names, all of them for none. Raises ValueError for a name that is no kind."""
    known = {kind.name: kind for kind in CONFUSERS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"no confuser is called {', '.join(unknown)}; there are {', '.join(known)}")
    return tuple(known[name] for name in names) or CONFUSERS
