"""Scenes that lie rendered in a folder: NAME.mp4, NAME.truth.jsonl and NAME.installation.yaml."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import yaml

from edge.falling.bench.scoring import Labelled
from edge.falling.settings import FallingSettings
from simulator.truth import FallTruth, read_truth


def scene_labels(path: Path) -> list[Labelled]:
    """Labels of a rendered scene from its truth file."""
    labels = []
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["kind"] == "fall":
            what = f"{record['object']} {record['size_px']:.1f} px from floor {record['origin_floor']}"
            labels.append(
                Labelled(
                    "fall", record["t_first_s"], record["t_last_s"], np.array(record["path"]),
                    record["origin_floor"], record["origin_column"], what,
                )
            )  # fmt: skip
    return labels


def scene_settings(path: Path, **changes: object) -> FallingSettings:
    """The installer's settings beside a rendered scene; without them, none."""
    raw = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return FallingSettings.model_validate({**(raw or {}).get("falling", {}), **changes})


def rendered_scenes(folder: Path) -> Iterator[tuple[Path, list[FallTruth], FallingSettings]]:
    """Each video with its falls and its installer's settings, in the order of names."""
    for truth in sorted(folder.rglob("*.truth.jsonl")):
        name = truth.name.removesuffix(".truth.jsonl")
        falls = [record for record in read_truth(truth) if isinstance(record, FallTruth)]
        yield truth.with_name(f"{name}.mp4"), falls, scene_settings(truth.with_name(f"{name}.installation.yaml"))
