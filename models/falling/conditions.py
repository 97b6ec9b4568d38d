"""Falls by condition and by size: towers, what was found in them, and the table with its intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.falling.bench.scoring import Judged, Labelled, Told, match, most_a_day
from edge.falling.settings import FallingSettings
from edge.inference import ModelStore
from models.falling.jobs import Figures
from models.falling.streaming import play_scene
from simulator.scenes import CameraSpec, Condition, SceneError, build_scene
from simulator.truth import FallTruth

CLASSES: tuple[tuple[str, float, float], ...] = (("2-4 px", 2, 4), (">=4 px", 4, 1e9))
"""Name, smallest and largest size: square root of the area in pixels, median of the path."""
GOALS: dict[str, tuple[float, float]] = {
    "day": (0.90, 0.98), "night": (0.90, 0.90), "rain": (0.80, 0.80), "snow": (0.80, 0.80), "shake": (0.80, 0.80),
}  # fmt: skip
"""The recall that is wanted, for each of the classes."""
_SHAPES = ((960, 540), (1280, 720))
_Z = 1.96


def fall_cameras(
    conditions: Sequence[Condition], first_seed: int, rounds: int, seconds: float, falls: int, fps: float
) -> list[CameraSpec]:
    """`rounds` towers for each condition, in turn; each has the next seed, sizes alternate, things from 2 px on."""
    cameras = []
    for number, condition in enumerate(tuple(conditions) * rounds):
        width, height = _SHAPES[(number // len(conditions)) % len(_SHAPES)]
        cameras.append(
            CameraSpec(
                id=f"{condition}-{first_seed + number}",
                scene="tower",
                width=width,
                height=height,
                fps=fps,
                duration_s=seconds,
                conditions=(condition,),
                bitrate_kbps=2000 if width < 1000 else 3000,
                effort="quick",
                seed=first_seed + number,
                options={"falls": falls, "object_px": [2, 12]},
            )
        )
    return cameras


def measure_falls(camera: CameraSpec, classifier: bool, folder: Path) -> Figures:
    """Play one tower and compare; a tower that cannot hold its falls has none, and says so."""
    del folder  # nothing is drawn
    condition = camera.id.rsplit("-", 1)[0]
    try:
        scene = build_scene(camera, camera.seed or 0)
    except SceneError as error:
        return {"condition": condition, "seconds": 0.0, "falls": [], "false": [], "duplicates": 0, "said": str(error)}
    settings = FallingSettings.model_validate({**scene.installation()["falling"], "use_classifier": classifier})
    played = play_scene(scene, camera, settings, ModelStore() if classifier else None)
    truths = [record for record in scene.truth() if isinstance(record, FallTruth)]
    return {
        **compare(condition, played.told, truths, played.seconds),
        "seed": camera.seed,
        "analysis_ms": round(played.analysis_ms, 3),
        "before_ms": round(played.before_ms, 3),
    }


def compare(condition: str, told: list[Told], truths: Sequence[FallTruth], seconds: float) -> Figures:
    """What was told of a scene against its truth, under the name of its row in the table."""
    labels = [
        Labelled("fall", t.t_first_s, t.t_last_s, np.array(t.path), t.origin_floor, t.origin_column) for t in truths
    ]
    judged = match(told, labels)
    falls = [_fall(truth, judged, number) for number, truth in enumerate(truths)]
    false = [one.told.data.why for one in judged if one.role == "false"]
    return {
        "condition": condition,
        "seconds": seconds,
        "falls": falls,
        "false": false,
        "duplicates": sum(one.role == "duplicate" for one in judged),
        "suspected_false": sum(one.role == "suspected" and one.fall is None for one in judged),
        "said": f"{sum(fall['found'] for fall in falls)} of {len(falls)} falls, {len(false)} false",
    }


def _fall(truth: FallTruth, judged: Sequence[Judged], number: int) -> Figures:
    hit = next((one.told for one in judged if one.role == "found" and one.fall == number), None)
    figures: Figures = {
        "object": truth.object,
        "size_px": truth.size_px,
        "seen_s": round(truth.t_last_s - truth.t_first_s, 2),
        "found": hit is not None,
        "suspected": any(one.role == "suspected" and one.fall == number for one in judged),
        "at_s": truth.t_first_s,
    }
    if hit is not None:
        floor = hit.data.origin_floor
        figures["delay_s"] = round(hit.at_s - truth.t_last_s, 2)
        if floor is not None:
            figures["floor_error"] = float(np.floor(floor.value) - truth.origin_floor)
            figures["floor_covered"] = floor.low <= truth.origin_floor + 1 and floor.high >= truth.origin_floor
    return figures


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `count`; `low`, `high`: its 95 % interval (Wilson)."""

    hits: int
    count: int

    @property
    def value(self) -> float:
        """The share itself; not a number without a count."""
        return self.hits / self.count if self.count else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end."""
        if not self.count:
            return 0.0, 1.0
        n, p = self.count, self.value
        middle = p + _Z**2 / (2 * n)
        reach = _Z * float(np.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2)))
        return max(0.0, (middle - reach) / (1 + _Z**2 / n)), min(1.0, (middle + reach) / (1 + _Z**2 / n))

    def __str__(self) -> str:
        if not self.count:
            return "-"
        low, high = self.interval
        return f"{self.value:.2f} ({low:.2f}-{high:.2f}) of {self.count}"


@dataclass(frozen=True, slots=True)
class Row:
    """One condition's figures: recall for each of the classes, then of what was found.

    `in_time`: told within 1 s of leaving the view.
    """

    condition: str
    hours: float
    recall: tuple[Share, ...]
    suspected_instead: int
    floor_near: Share
    floor_covered: Share
    false: int
    duplicates: int
    most_a_day: float | None
    in_time: Share


def condition_rows(figures: Sequence[Figures]) -> list[Row]:
    """One row for each condition in the order they come, and one for all."""
    names = dict.fromkeys(str(one["condition"]) for one in figures)
    rows = [_row(name, [one for one in figures if one["condition"] == name]) for name in names]
    return [*rows, _row("all", list(figures))]


def _row(name: str, figures: Sequence[Figures]) -> Row:
    falls = [fall for one in figures for fall in one["falls"]]
    found = [fall for fall in falls if fall["found"]]
    classes = [[fall for fall in falls if low <= fall["size_px"] < high] for _, low, high in CLASSES]
    errors = [fall for fall in found if "floor_error" in fall]
    false = sum(len(one["false"]) for one in figures)
    seconds = sum(one["seconds"] for one in figures)
    return Row(
        condition=name,
        hours=seconds / 3600,
        recall=tuple(Share(sum(fall["found"] for fall in group), len(group)) for group in classes),
        suspected_instead=sum(fall["suspected"] and not fall["found"] for fall in falls),
        floor_near=Share(sum(abs(fall["floor_error"]) <= 1 for fall in errors), len(errors)),
        floor_covered=Share(sum(fall["floor_covered"] for fall in errors), len(errors)),
        false=false,
        duplicates=sum(one["duplicates"] for one in figures),
        most_a_day=most_a_day(false, seconds),
        in_time=Share(sum(fall["delay_s"] <= 1 for fall in found), len(found)),
    )


def condition_lines(rows: Sequence[Row]) -> list[str]:
    """The table as text."""
    head = f"{'condition':9} {'hours':>6}"
    head += "".join(f" {'recall ' + name:>24}" for name, _, _ in CLASSES)
    head += f" {'susp.':>5} {'floor +-1':>22} {'interval right':>22} {'within 1 s':>22} {'false':>5} {'dupl':>4}"
    lines = [head]
    for row in rows:
        recall = "".join(f" {share!s:>24}" for share in row.recall)
        lines.append(
            f"{row.condition:9} {row.hours:6.3f}{recall} {row.suspected_instead:5d} {row.floor_near!s:>22} "
            f"{row.floor_covered!s:>22} {row.in_time!s:>22} {row.false:5d} {row.duplicates:4d}"
        )
    return lines
