"""Truth files: what is written is read again; a damaged line is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.truth import DistractorTruth, FallTruth, SceneTruth, TruthError, TruthWriter, read_truth

SCENE = SceneTruth(camera="t", scene="tower", fps=25, width=64, height=64, frames=10, condition=("day",), seed=1)
FALL = FallTruth(
    id="t-1", t_release_s=0.1, t_first_s=0.12, t_last_s=0.2, origin_floor=7, origin_column=2, object="can",
    size_px=4.5, path=((0.12, 0.5, 0.5), (0.16, 0.5, 0.52)),
)  # fmt: skip


def test_records_survive_the_file(tmp_path: Path) -> None:
    path = tmp_path / "t.truth.jsonl"
    with TruthWriter(path) as writer:
        writer.write([SCENE])
        assert read_truth(path) == [SCENE], "on disk as soon as write returns"
        writer.write([FALL, DistractorTruth(what="bird", t_first_s=0, t_last_s=1)])
    assert read_truth(path) == [SCENE, FALL, DistractorTruth(what="bird", t_first_s=0, t_last_s=1)]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.truth.jsonl"
    path.write_text(SCENE.model_dump_json() + '\n{"kind": "fall", "id": "x"}\n', encoding="utf-8")
    with pytest.raises(TruthError, match=r"t\.truth\.jsonl, line 2: fall\.t_release_s"):
        read_truth(path)
    with pytest.raises(TruthError, match="cannot be read"):
        read_truth(tmp_path / "none.jsonl")
