"""What the falling-object analyzer costs beside decoding and beside a colour background model, in the same run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.falling.analyzer import FallingAnalyzer
from edge.falling.bench.measure import mog2_ms, play
from edge.falling.settings import FallingSettings
from edge.inference import ModelStore
from simulator.scenario import Scenario
from simulator.scenes import CameraSpec, Condition

_KBPS = {720: 3000, 1080: 4000, 2160: 12000}
_VIEWS: tuple[tuple[int, Condition], ...] = (
    (720, "day"), (1080, "day"), (2160, "day"), (1080, "night"), (1080, "rain"), (1080, "snow")
)  # fmt: skip


def speed_scenario(seed: int, seconds: float) -> Scenario:
    """One tower at each size and condition, with what usually moves there, 25 pictures a second."""
    cameras = [
        CameraSpec(
            id=f"{height}p-{condition}",
            scene="tower",
            width=height * 16 // 9,
            height=height,
            duration_s=seconds,
            conditions=(condition,),
            bitrate_kbps=_KBPS[height],
            seed=seed,
            options={"falls": 1},
        )
        for height, condition in _VIEWS
    ]
    return Scenario(name="speed", seed=seed, cameras=tuple(cameras))


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU milliseconds of one thread a picture."""

    view: str
    decode_ms: float
    analysis_ms: float
    mog2_ms: float


def measure_cost(path: Path, settings: FallingSettings, models: ModelStore) -> Cost:
    """Play a rendered tower."""
    result = play(path, FallingAnalyzer("speed", settings, models)).result
    return Cost(path.stem, result.decode_ms_per_frame, result.ms_per_frame, mog2_ms(path, None))


def speed_lines(costs: Sequence[Cost]) -> list[str]:
    """A Markdown table."""
    return [
        "| view | decoding, ms | analysis, ms | analysis / decoding | MOG2, ms | analysis / MOG2 |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {cost.view} | {cost.decode_ms:.2f} | {cost.analysis_ms:.2f} | "
            f"{cost.analysis_ms / cost.decode_ms:.2f} | {cost.mog2_ms:.2f} | {cost.analysis_ms / cost.mog2_ms:.2f} |"
            for cost in costs
        ),
    ]
