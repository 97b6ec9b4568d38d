"""What happens when: which things fall, which distractors come, which windows change. Follows from options and seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.scenes import FIRST_TRAINING_SEED, SceneError
from simulator.tower.airborne import random_balloons, random_drone
from simulator.tower.beams import Beam, random_headlights, random_sun_spot
from simulator.tower.distractors import Mover, random_bird, random_insect, random_leaf, random_person
from simulator.tower.drips import random_drips
from simulator.tower.falls import Fall, random_fall
from simulator.tower.fireworks import Burst, random_firework
from simulator.tower.flights import random_flight
from simulator.tower.geometry import FacadeCamera, Floats
from simulator.tower.house import Balcony, House
from simulator.tower.lifts import Lift, random_lifts
from simulator.tower.objects import EVALUATION_SHAPES, TRAINING_SHAPES, Shape
from simulator.tower.options import DistractorName, TowerOptions
from simulator.tower.stage import Stage
from simulator.tower.webs import Web, random_spider, random_web
from simulator.truth import DistractorTruth

_SEEN = 0.05
"""Of the picture's height: what the wind drives towards the camera goes up in the picture, and is no fall to it."""
_USUAL: dict[str, tuple[DistractorName, ...]] = {
    "day": ("birds", "leaves", "laundry", "people", "clouds", "window_flashes", "trees"),
    "night": ("insects", "window_lights", "trees", "laundry"),
    "rain": ("birds", "laundry", "clouds", "trees"),
    "snow": ("birds", "clouds", "trees"),
}


@dataclass(frozen=True)
class Change:
    """A window that lights up, goes dark or flashes: `corners_px` (4, 2), from `first_s` to `last_s`."""

    what: str
    corners_px: Floats
    first_s: float
    last_s: float

    def truth(self) -> DistractorTruth:
        """The record of it."""
        return DistractorTruth(what=self.what, t_first_s=round(self.first_s, 4), t_last_s=round(self.last_s, 4))


def distractor_names(options: TowerOptions, conditions: tuple[str, ...]) -> tuple[DistractorName, ...]:
    """What the scenario names, else what is usual for its conditions."""
    if options.distractors is not None:
        return options.distractors
    weather = next((name for name in ("rain", "snow", "night") if name in conditions), "day")
    names = _USUAL[weather]
    return (*names, "plastic") if "wind" in conditions else names


def shapes_for(seed: int, options: TowerOptions) -> tuple[Shape, ...]:
    """Training seeds get training shapes, all others the shapes that training never sees."""
    family = TRAINING_SHAPES if seed >= FIRST_TRAINING_SEED else EVALUATION_SHAPES
    if options.objects is None:
        return family
    return tuple(shape for shape in family if shape.kind in options.objects)


def plan_falls(rng: np.random.Generator, stage: Stage, shapes: tuple[Shape, ...]) -> list[Fall]:
    """One fall per equal slice of the video, each over before the video ends. Raises SceneError if that cannot be."""
    spec, options = stage.spec, stage.options
    falls: list[Fall] = []
    slot = spec.duration_s / max(1, options.falls)
    for number in range(options.falls):
        fall = None
        for _ in range(60):
            start = number * slot + rng.uniform(0.05, 0.75) * slot
            size = float(np.exp(rng.uniform(*np.log(options.object_px))))
            fall = random_fall(
                rng, stage.camera, stage.layout, stage.shot, shapes=shapes, t_release_s=float(start), size_px=size,
                wind_mps=stage.wind, name=f"{spec.id}-{number + 1}",
            )  # fmt: skip
            if fall is not None and fall.last_frame + 2 < spec.frame_count and fall.descent_px > _SEEN * spec.height:
                break
            fall = None
        if fall is None:
            raise SceneError(
                f"camera {spec.id}: {options.falls} falls do not fit into {spec.duration_s:g} s; "
                "ask for fewer (options.falls) or a longer video (duration_s)"
            )
        falls.append(fall)
    return falls


def plan_movers(rng: np.random.Generator, stage: Stage, house: House) -> list[Mover]:
    """All that flies, sails or walks, at random times; `busy` multiplies how many."""
    spec, options = stage.spec, stage.options
    names = distractor_names(options, spec.conditions)
    minutes = spec.duration_s / 60 * options.busy

    def times(name: str, per_minute: float) -> list[int]:
        if name not in names:
            return []
        return [int(frame) for frame in rng.integers(0, spec.frame_count, rng.poisson(per_minute * minutes))]

    movers: list[Mover | None] = []
    movers += [random_bird(rng, stage.size, stage.shot, frame) for frame in times("birds", 5)]
    movers += [random_insect(rng, stage.size, stage.shot, frame, stage.night) for frame in times("insects", 14)]
    movers += [random_leaf(rng, stage, frame) for frame in times("leaves", 8)]
    movers += [random_leaf(rng, stage, frame, plastic=True) for frame in times("plastic", 4)]
    if "people" in names:
        movers += _people(rng, stage, house.balconies)
    movers += [random_flight(rng, stage, frame) for frame in times("swoops", 12)]
    movers += random_drips(rng, stage, house.spouts) if "drips" in names else []
    movers += [balloon for frame in times("balloons", 5) for balloon in random_balloons(rng, stage, frame)]
    movers += [part for frame in times("drones", 8) for part in random_drone(rng, stage, frame)]
    movers += [random_spider(rng, stage, frame) for frame in times("webs", 5)]
    return [mover for mover in movers if mover is not None and mover.first_frame < spec.frame_count]


def _people(rng: np.random.Generator, stage: Stage, balconies: tuple[Balcony, ...]) -> list[Mover]:
    low = [balcony for balcony in balconies if 2 < balcony.floor < 15]
    chosen = rng.permutation(len(low))[: int(rng.integers(0, 4))]
    span = (0, stage.spec.frame_count - 1)
    return [random_person(rng, stage.camera, low[int(number)], stage.shot, span) for number in chosen]


@dataclass(frozen=True)
class Effects:
    """What is neither a thing that flies nor a window: each kind is drawn at its own place in the picture's order."""

    lifts: tuple[Lift, ...]
    beams: tuple[Beam, ...]
    bursts: tuple[Burst, ...]
    web: Web | None

    def truth(self, length_s: float, fps: float) -> list[DistractorTruth]:
        """A record for each run, beam and burst; the web is there all the time."""
        records = [record for lift in self.lifts for record in lift.truth(length_s)]
        records += [beam.truth(fps) for beam in self.beams] + [burst.truth(length_s) for burst in self.bursts]
        if self.web is not None:
            records.append(DistractorTruth(what="web", t_first_s=0.0, t_last_s=round(length_s, 4)))
        return records


def plan_effects(rng: np.random.Generator, stage: Stage) -> Effects:
    """Lifts, headlights, spots of sun, fireworks and a web, as the distractors ask."""
    spec = stage.spec
    names = distractor_names(stage.options, spec.conditions)
    minutes = spec.duration_s / 60 * stage.options.busy

    def starts(name: str, per_minute: float) -> list[float]:
        if name not in names:
            return []
        return [float(t) for t in np.sort(rng.uniform(0, spec.duration_s, rng.poisson(per_minute * minutes)))]

    lifts = random_lifts(rng, stage) if "lifts" in names else []
    beams = [beam for t in starts("headlights", 10) for beam in random_headlights(rng, stage, int(t * spec.fps))] + [
        random_sun_spot(rng, stage, int(t * spec.fps)) for t in starts("sun_spots", 10)
    ]
    bursts = [burst for t in starts("fireworks", 12) for burst in random_firework(rng, stage, t)]
    web = random_web(rng, stage) if "webs" in names else None
    return Effects(tuple(lifts), tuple(beams), tuple(bursts), web)


def plan_changes(rng: np.random.Generator, stage: Stage, house: House) -> list[Change]:
    """Windows whose light is switched (night), or that flash as they are opened (day)."""
    spec, options, camera = stage.spec, stage.options, stage.camera
    names = distractor_names(options, spec.conditions)
    minutes = spec.duration_s / 60 * options.busy
    changes = []
    if "window_lights" in names:
        lit = [opening for opening in house.openings if opening.lamp is not None]
        for number in rng.permutation(len(lit))[: int(rng.poisson(8 * minutes))]:
            first = float(rng.uniform(0, spec.duration_s))
            changes.append(
                Change("window_light", _corners(camera, lit[int(number)].rect), first, first + rng.uniform(3, 90))
            )
    if "window_flashes" in names:
        for number in rng.integers(0, len(house.openings), int(rng.poisson(2 * minutes))):
            first = float(rng.uniform(0, spec.duration_s))
            corners = _corners(camera, house.openings[int(number)].rect)
            changes.append(Change("window_flash", corners, first, first + float(rng.uniform(0.3, 1.2))))
    return changes


def _corners(camera: FacadeCamera, rect: tuple[float, float, float, float]) -> NDArray[np.float64]:
    left, bottom, right, top = rect
    world = np.array([[left, bottom, 0], [right, bottom, 0], [right, top, 0], [left, top, 0]], np.float64)
    return camera.project(world) - 0.5
