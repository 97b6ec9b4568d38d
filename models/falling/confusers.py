"""What moves before a house and is no fall: one scenario for each kind, so that each is scored alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from edge.falling.bench.scoring import Told, most_a_day
from edge.falling.settings import FallingSettings
from edge.inference import ModelStore
from models.falling.jobs import Figures
from models.falling.streaming import play_scene
from simulator.scenes import CameraSpec, Condition, build_scene
from simulator.tower.options import DistractorName
from simulator.truth import DistractorTruth

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


def quiet_cameras(kinds: Sequence[Confuser], minutes: float, seconds: float, fps: float) -> list[CameraSpec]:
    """Towers of `seconds` each until every kind has `minutes`; the kinds take turns, so that all are stopped alike."""
    rounds = max(1, round(60 * minutes / seconds))
    return [confuser_camera(kind, number, seconds, fps) for number in range(rounds) for kind in kinds]


def measure_quiet(camera: CameraSpec, classifier: bool, folder: Path) -> Figures:
    """Play one tower without falls; pictures of events that are told go to `folder`/events."""
    scene = build_scene(camera, camera.seed or 0)
    settings = FallingSettings.model_validate({**scene.installation()["falling"], "use_classifier": classifier})
    played = play_scene(scene, camera, settings, ModelStore() if classifier else None)
    moved = Counter(record.what for record in scene.truth() if isinstance(record, DistractorTruth))
    events = [_event(camera, told, folder / "events") for told in played.told]
    confirmed = sum(event["certainty"] == "confirmed" for event in events)
    return {
        "kind": camera.id.rsplit("-", 1)[0],
        "seed": camera.seed,
        "seconds": played.seconds,
        "frames": played.frames,
        "moved": dict(moved),
        "events": events,
        "analysis_ms": round(played.analysis_ms, 3),
        "before_ms": round(played.before_ms, 3),
        "said": f"{played.seconds:.0f} s, {confirmed} confirmed, {len(events) - confirmed} suspected",
    }


def _event(camera: CameraSpec, told: Told, folder: Path) -> dict[str, Any]:
    data = told.data
    name = f"{camera.id}-{told.finding.started_s:.2f}-{data.certainty}"
    picture = next((part.bgr for part in told.finding.pictures if part.role == "path"), None)
    if picture is not None:
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{name}.jpg"), picture)
    return {
        "certainty": data.certainty,
        "confidence": data.confidence,
        "hypothesis": data.hypothesis,
        "started_s": round(told.finding.started_s, 2),
        "ended_s": round(told.finding.ended_s, 2),
        "why": data.why,
    }


@dataclass(frozen=True, slots=True)
class Quiet:
    """One kind's figures; `most_a_day`: confirmed events a camera and day that are exceeded with 5 % probability."""

    kind: str
    hours: float
    moved: int
    confirmed: int
    suspected: int
    most_a_day: float | None


def quiet_table(figures: Sequence[Figures]) -> list[Quiet]:
    """One row for each kind in the order they come, and one for all."""
    names = dict.fromkeys(str(one["kind"]) for one in figures)
    rows = [_quiet(name, [one for one in figures if one["kind"] == name]) for name in names]
    return [*rows, _quiet("all", list(figures))]


def _quiet(name: str, figures: Sequence[Figures]) -> Quiet:
    seconds = sum(one["seconds"] for one in figures)
    certain = Counter(event["certainty"] for one in figures for event in one["events"])
    moved = sum(sum(one["moved"].values()) for one in figures)
    confirmed = certain["confirmed"]
    return Quiet(name, seconds / 3600, moved, confirmed, certain["suspected"], most_a_day(confirmed, seconds))


def quiet_lines(rows: Sequence[Quiet]) -> list[str]:
    """The table as text."""
    head = f"{'confuser':18} {'hours':>7} {'moved':>7} {'confirmed':>9} {'suspected':>9} {'<= a day (95 %)':>16}"
    return [head] + [
        f"{row.kind:18} {row.hours:7.3f} {row.moved:7d} {row.confirmed:9d} {row.suspected:9d} "
        f"{'-' if row.most_a_day is None else f'{row.most_a_day:.0f}':>16}"
        for row in rows
    ]
