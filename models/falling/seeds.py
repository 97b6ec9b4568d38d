"""Towers to measure on, one for each condition and seed, and the table of what was found in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from simulator.scenario import Scenario
from simulator.scenes import CameraSpec, Condition

CONDITIONS: tuple[Condition, ...] = ("day", "day", "day", "night", "rain", "snow", "shake", "wind")
_SHAPES = ((960, 540), (1280, 720))


def seed_scenario(
    first_seed: int, conditions: Sequence[Condition], rounds: int, seconds: float, falls: int
) -> Scenario:
    """A scenario of `rounds` times the conditions, each camera with the next seed; sizes alternate."""
    cameras = []
    for number, condition in enumerate(tuple(conditions) * rounds):
        seed = first_seed + number
        width, height = _SHAPES[number % len(_SHAPES)]
        cameras.append(
            CameraSpec(
                id=f"{condition}-{seed}",
                scene="tower",
                width=width,
                height=height,
                duration_s=seconds,
                conditions=(condition,),
                bitrate_kbps=2000 if width < 1000 else 3000,
                seed=seed,
                options={"falls": falls, "object_px": [3, 16]},
            )
        )
    return Scenario(name="seeds", seed=first_seed, cameras=tuple(cameras))


class Counted(Protocol):
    """What the table needs of a result (see `models.falling.evaluate.Result`)."""

    name: str
    falls: int
    found: int
    duplicate: int
    false: int
    suspected: int
    suspected_hits: int
    delay_s: list[float]
    floor_errors: list[float]
    floor_covered: list[bool]
    seconds: float


def condition_table(results: Sequence[Counted]) -> list[str]:
    """Lines of a table, one for each condition and one for all; names begin with the condition."""
    names = dict.fromkeys(result.name.split("-")[0] for result in results)
    lines = [
        f"{'condition':10} {'seconds':>7} {'falls':>5} {'found':>5} {'false':>5} {'dupl':>4} {'susp. hit':>9} "
        f"{'susp. false':>11} {'floor ±1':>9} {'interval':>9} {'delay s':>8}"
    ]
    groups = [(name, [r for r in results if r.name.split("-")[0] == name]) for name in names]
    return lines + [_line(name, group) for name, group in [*groups, ("all", list(results))]]


def _line(name: str, group: list[Counted]) -> str:
    def total(key: str) -> int:
        return int(sum(getattr(result, key) for result in group))

    delays = [delay for result in group for delay in result.delay_s]
    near = [abs(error) <= 1 for result in group for error in result.floor_errors]
    right = [ok for result in group for ok in result.floor_covered]
    delay = f"{np.median(delays):8.2f}" if delays else f"{'-':>8}"
    return (
        f"{name:10} {sum(result.seconds for result in group):7.0f} {total('falls'):5d} {total('found'):5d} "
        f"{total('false'):5d} {total('duplicate'):4d} {total('suspected_hits'):9d} "
        f"{total('suspected') - total('suspected_hits'):11d} {f'{sum(near)}/{len(near)}':>9} "
        f"{f'{sum(right)}/{len(right)}':>9} {delay}"
    )
