"""docs/ref/plates-bench.md says what its JSON holds, and only of pictures that training never saw."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from edge.plates.bench.labels import read_labels
from models.plates_page import PAGE, held_out, page


def test_the_page_is_what_its_json_says() -> None:
    told = json.loads(PAGE.with_suffix(".json").read_text(encoding="utf-8"))
    assert PAGE.read_text(encoding="utf-8") == page(told)


def test_a_page_of_some_sections_only() -> None:
    conditions = {"day": dict.fromkeys(("passages", "exact", "found", "false", "duplicate"), 3)}
    conditions["day"] |= {"passage_exact": 1.0, "single_frame_exact": None}
    written = page({"machine": "a box", "passages": {"conditions": conditions}})
    assert "| day | 3 | 3 | 0 | 3 | 3 | 1.000 | – |" in written
    assert "Labelled pictures" not in written


def test_only_held_out_pictures_are_measured(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "ccpd600"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "0400.jpg").write_bytes(b"")
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows([("file", "plate"), ("images/0399.jpg", "皖A1"), ("images/0400.jpg", "皖A2")])
    [left] = read_labels(held_out(folder, tmp_path / "held"))
    assert left.file == "images/0400.jpg"
    assert left.path.is_file()
