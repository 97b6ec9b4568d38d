"""Each step of the analyzer can be left out, and leaving one out changes what it is there for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from falling_scenes import FPS, HEIGHT, WIDTH, drop, grey, luma_pictures

from edge.falling.bench.scoring import Labelled
from edge.falling.settings import FallingSettings
from edge.inference import ModelStore
from models.falling.ablation import STEPS, Step, ablation_lines, leave_out
from simulator.video import encode


def test_every_step_can_be_left_out(tmp_path: Path) -> None:
    clip = tmp_path / "fall.mp4"
    place = drop(200, 20, 1.5, 230)
    encode((grey(luma) for _, luma in luma_pictures(3.4, [place])), clip, fps=FPS, bitrate_kbps=3000)
    path = [(t, *at) for t in np.arange(0, 3.4, 1 / FPS).tolist() if (at := place(t)) is not None]
    label = Labelled("fall", path[0][0], path[-1][0], np.array([(t, x / WIDTH, y / HEIGHT) for t, x, y in path]))
    models = ModelStore()
    rows = [leave_out(step, [(clip, [label], FallingSettings())], models) for step in STEPS]
    assert [(row.falls, row.false) for row in rows] == [(1, 0)] * len(STEPS)
    assert rows[0].found == 1
    lines = ablation_lines(rows)
    assert len(lines) == len(STEPS) + 2
    assert lines[2].endswith("| 1.00 |")


def test_a_step_that_is_left_out_is_missed(tmp_path: Path) -> None:
    clip = tmp_path / "shaken.mp4"
    sway = luma_pictures(3.4, [drop(200, 20, 1.5, 230)], sway=lambda t: (3 * np.sin(9 * t), 2 * np.cos(7 * t)))
    encode((grey(luma) for _, luma in sway), clip, fps=FPS, bitrate_kbps=3000)
    steps: dict[str, Step] = {step.name: step for step in STEPS}
    models = ModelStore()
    clips = [(clip, [], FallingSettings())]
    whole, lessened = (leave_out(steps[name], clips, models) for name in ("nothing", "the stabiliser"))
    assert whole.false + whole.suspected == 1, "nothing is labelled: the fall itself"
    assert lessened.ms_per_frame > whole.ms_per_frame, "every edge moves"
