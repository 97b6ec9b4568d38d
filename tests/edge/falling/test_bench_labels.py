"""Labels as people write them: what is clear is measured, what is not is told; no clip is left out without a word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from falling_scenes import FPS, drop, grey, luma_pictures

from edge.__main__ import main
from edge.errors import BenchError, SourceUnreadable
from edge.falling.bench.labels import ClipEntry, labelled_falls, read_labels
from edge.sources.images import numbered_pictures
from simulator.video import encode

PULL, X, TOP, RELEASE_S = 9.81 * 20, 340.0, 60.0, 1.2
PLACE = drop(X, TOP, RELEASE_S, PULL)
Event = dict[str, Any]


def fall(shift: float = 0, **changes: Any) -> Event:
    """The scene's fall, its frames counted from `shift`."""
    seen = {frame: at for frame in range(int(RELEASE_S * FPS) + 3, 200) if (at := PLACE(frame / FPS)) is not None}
    boxes = {str(frame + shift): [at[0] - 3, at[1] - 3, 6, 6] for frame, at in seen.items()}
    return {"kind": "fall", "frames": [min(seen) + shift, max(seen) + shift], "boxes": boxes, **changes}


def series(folder: Path, name: str, first: int, lumas: list[np.ndarray]) -> None:
    """Numbered pictures; `name` is a Python format."""
    folder.mkdir()
    for number, luma in enumerate(lumas, start=first):
        cv2.imwrite(str(folder / (name % number)), luma, [cv2.IMWRITE_JPEG_QUALITY, 95])


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """One drawn fall, labelled and stored in many ways, through the real command: the JSON, and the text."""
    folder = tmp_path_factory.mktemp("falls")
    lumas = [luma for _, luma in luma_pictures(3.4, [drop(X, TOP, RELEASE_S, PULL)])]
    encode((grey(luma) for luma in lumas), folder / "fall.mp4", fps=FPS, bitrate_kbps=3000)
    for name, first, pattern in (("from0", 0, "img%d.jpg"), ("from1", 1, "img%05d.jpg"), ("from10", 10, "%03d.jpg")):
        series(folder / name, pattern, first, lumas)
    video, last = {"file": "fall.mp4"}, fall()["frames"][1]
    entries = {
        "fraction": {**video, "events": [fall(0.5)]},
        "before": {**video, "events": [fall(frames=[-4, last], boxes={"-3.5": [1, 1, 5, 5], **fall()["boxes"]})]},
        "turned": {**video, "events": [fall(frames=fall()["frames"][::-1])]},
        "kinds": {**video, "events": [fall(kind=" Fall"), {"kind": "bird", "frames": "?"}, {"kind": "bird"}]},
        "only-birds": {**video, "events": [fall(kind="bird")]},
        "elsewhere": {**video, "events": [fall(frames=[last, last - 9])]},
        "gone": {"file": "gone.mp4", "events": [fall()]},
        "from0": {"file": "from0/img%d.jpg", "fps": FPS, "events": [fall()]},
        "from1": {"file": "from1/img%d.jpg", "fps": FPS, "events": [fall(1)]},
        "padded": {"file": "from1/img%05d.jpg", "fps": FPS, "events": [fall()]},
        "by-name": {"file": "from10", "fps": FPS, "events": [fall(10)]},
        "by-index": {"file": "from10/%03d.jpg", "fps": FPS, "numbering": "index", "events": [fall()]},
    }
    (folder / "labels.json").write_text(json.dumps(entries), encoding="utf-8")
    out = folder / "figures.json"
    result = CliRunner().invoke(main, ["bench", "falling", "--data", str(folder), "--json", str(out)])
    assert result.exit_code == 0, result.output
    return json.loads(out.read_text(encoding="utf-8")), result.output


@pytest.mark.parametrize(
    "name", ["fraction", "before", "turned", "kinds", "from0", "from1", "padded", "by-name", "by-index"]
)
def test_a_clear_label_is_measured(figures: tuple[dict[str, Any], str], name: str) -> None:
    clip = figures[0]["clips"][name]
    assert (clip["falls"], clip["found"], clip["false"], clip["played"]) == (1, 1, 0, True)
    assert 0 <= clip["delay_s"] <= 0.5


def test_what_is_made_of_a_label_is_said(figures: tuple[dict[str, Any], str]) -> None:
    clips = figures[0]["clips"]
    assert "begin before its first picture" in clips["before"]["problem"]
    assert "turned" in clips["turned"]["problem"]
    assert "2 labelled of kind 'bird'" in clips["kinds"]["problem"]
    assert "begin with 10" in clips["by-name"]["problem"]
    assert {clips[name]["problem"] for name in ("fraction", "from0", "from1", "padded", "by-index")} == {None}
    assert f"note  kinds: {clips['kinds']['problem']}" in figures[1]


def test_what_is_told_of_another_kind_is_false(figures: tuple[dict[str, Any], str]) -> None:
    clip = figures[0]["clips"]["only-birds"]
    assert (clip["falls"], clip["false"]) == (0, 1)


def test_every_clip_is_in_the_total_or_named_beside_it(figures: tuple[dict[str, Any], str]) -> None:
    told, text = figures
    assert told["total"]["broken"] == ["elsewhere", "gone"]
    assert told["total"]["clips"] + len(told["total"]["broken"]) == len(told["clips"])
    assert "is before the first one" in told["clips"]["elsewhere"]["problem"]
    assert "2 clips that labels.json names (elsewhere, gone)" in text


def entry(*events: Event, **changes: Any) -> ClipEntry:
    return ClipEntry.model_validate({"file": "a", "fps": 25, "events": events, **changes})


def test_a_fall_before_the_first_picture_is_left_out_aloud() -> None:
    labels, notes = labelled_falls(entry(fall(-200), fall()), (640, 360), np.arange(100) / 25.0)
    assert len(labels) == 1
    assert notes == ["1 labelled events end before its first picture and are left out"]


def test_fractions_of_a_frame_are_times_between_frames() -> None:
    event = {"kind": "fall", "frames": [10.5, 12.25], "boxes": {"10.5": [1, 1, 2, 2], "12.25": [1, 9, 2, 2]}}
    [label], _ = labelled_falls(entry(event), (10, 10), np.arange(50) / 25.0)
    assert (label.start_s, label.end_s) == pytest.approx((0.42, 0.49))
    assert label.path[:, 0] == pytest.approx([0.42, 0.49])


@pytest.mark.parametrize(
    ("first", "shift", "begin_s"),
    [(0, 0, 1.32), (1, 1, 1.32), (100, 100, 1.32), (100, 0, 1.32), (7000, 7000, 1.32)],
)  # fmt: skip
def test_labels_count_by_name_where_they_can(first: int, shift: int, begin_s: float) -> None:
    numbers = range(first, first + 300)
    [label], _ = labelled_falls(entry(fall(shift)), (640, 360), np.arange(300) / 25.0, numbers)
    assert label.start_s == pytest.approx(begin_s)


def test_a_clip_that_stands_twice_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text('{"a": {"file": "1.mp4"}, "a": {"file": "2.mp4"}}', encoding="utf-8")
    with pytest.raises(BenchError, match="'a' stands twice"):
        read_labels(tmp_path)


@pytest.mark.parametrize("pattern", ["img%d.jpg", "img%04d.jpg", ""])
def test_two_pictures_of_one_number_are_told(tmp_path: Path, pattern: str) -> None:
    for name in ("img1.jpg", "img2.jpg", "img0002.jpg"):
        (tmp_path / name).touch()
    with pytest.raises(SourceUnreadable, match=r"number 2 \(img0002\.jpg, img2\.jpg\)"):
        numbered_pictures(tmp_path / pattern if pattern else tmp_path)
