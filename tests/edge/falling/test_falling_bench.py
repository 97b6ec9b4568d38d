"""`edge bench falling` on clips with one drawn fall: a video, numbered pictures, and what may be wrong with them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result
from falling_scenes import FPS, drop, grey, luma_pictures

from contract.events import EventType, FallingObjectData, PathPoint
from edge.__main__ import main
from edge.errors import SourceUnreadable
from edge.falling.bench.labels import ClipEntry, EventEntry, labelled_falls
from edge.falling.bench.scoring import Labelled, Told, match, most_a_day
from edge.sources.images import numbered_pictures
from edge.types import Finding
from simulator.video import encode

PULL, X, TOP, RELEASE_S = 9.81 * 20, 340.0, 60.0, 1.2


def pictures(seconds: float = 3.4) -> list[np.ndarray]:
    return [luma for _, luma in luma_pictures(seconds, [drop(X, TOP, RELEASE_S, PULL)])]


def labels(first_number: int = 0) -> dict[str, Any]:
    place = drop(X, TOP, RELEASE_S, PULL)
    boxes = {}
    for index in range(int(RELEASE_S * FPS) + 3, 200):
        at = place(index / FPS)
        if at is None:
            break
        boxes[str(index + first_number)] = [at[0] - 3, at[1] - 3, 6, 6]
    numbers = [int(number) for number in boxes]
    return {"kind": "fall", "frames": [min(numbers), max(numbers)], "boxes": boxes}


def write_pictures(folder: Path, first_number: int) -> None:
    folder.mkdir(parents=True)
    for number, luma in enumerate(pictures(), start=first_number):
        cv2.imwrite(str(folder / f"img{number}.jpg"), luma, [cv2.IMWRITE_JPEG_QUALITY, 95])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video, the same as pictures 900..., one cut off in the middle, a broken one, a missing one, and bad labels."""
    folder = tmp_path_factory.mktemp("falls")
    encode((grey(luma) for luma in pictures()), folder / "fall.mp4", fps=FPS, bitrate_kbps=3000)
    quiet = (luma for _, luma in luma_pictures(2.0, []))
    encode((grey(luma) for luma in quiet), folder / "quiet.mp4", fps=FPS, bitrate_kbps=3000)
    write_pictures(folder / "series", 900)
    (folder / "series" / "img903.jpg").write_bytes(b"not a picture")
    (folder / "broken.mp4").write_bytes(b"\0" * 5000)
    entries = {
        "video": {"file": "fall.mp4", "fps": FPS, "events": [labels()]},
        "series": {"file": "series/img%d.jpg", "fps": FPS, "events": [labels(900)]},
        "quiet": {"file": "quiet.mp4", "note": "NO FALLS", "events": []},
        "broken": {"file": "broken.mp4", "events": []},
        "gone": {"file": "gone.mp4", "events": [labels()]},
        "bad": {"file": "fall.mp4", "events": [{**labels(), "kind": "throw", "frames": [50, 1]}, {"kind": "fall"}]},
        "no-rate": {"file": "series/img%d.jpg", "events": []},
    }
    (folder / "labels.json").write_text(json.dumps(entries), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def outcome(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, dict[str, Any], Path]:
    shown = tmp_path_factory.mktemp("shown")
    file = shown / "figures.json"
    arguments = ["bench", "falling", "--data", str(data), "--json", str(file), "--pictures", str(shown), "--mog2"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return result, json.loads(file.read_text(encoding="utf-8")), shown


@pytest.mark.parametrize("name", ["video", "series"])
def test_a_fall_is_found_once_soon_and_with_its_cost(outcome: tuple[Result, dict[str, Any], Path], name: str) -> None:
    clip = outcome[1]["clips"][name]
    assert (clip["found"], clip["missed"], clip["duplicate"], clip["false"]) == (1, 0, 0, 0)
    assert -0.2 <= clip["delay_s"] <= 1.0
    assert clip["ms_per_frame"] > 0
    assert clip["decode_ms_per_frame"] > 0
    assert clip["mog2_ms_per_frame"] > 0


def test_what_cannot_be_played_is_named_and_the_rest_is_measured(
    outcome: tuple[Result, dict[str, Any], Path],
) -> None:
    result, told, _ = outcome
    assert told["total"]["broken"] == ["broken", "gone", "bad", "no-rate"]
    assert told["total"]["with_problems"] == ["series"]
    assert "img903.jpg" in told["clips"]["series"]["problem"]
    assert "no such file" in told["clips"]["gone"]["problem"]
    assert "frames: Field required" in told["clips"]["bad"]["problem"]
    assert "fps" in told["clips"]["no-rate"]["problem"]
    assert (told["total"]["falls"], told["total"]["found"], told["total"]["clips"]) == (2, 2, 3)
    assert "BROKEN  gone" in result.output
    assert "2 of 2 falls found" in result.output
    assert "4 clips that labels.json names (broken, gone, bad, no-rate)" in result.output


def test_the_pictures_of_each_event_are_written(outcome: tuple[Result, dict[str, Any], Path]) -> None:
    assert cv2.imread(str(outcome[2] / "video-1-found-path.jpg")) is not None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "missing"),
        ("{", "not JSON"),
        ("[]", "names no clip"),
        ('{"a": {"file": "a.mp4"}}', "none of the 1 clips"),
    ],
)
def test_a_folder_that_cannot_be_measured_says_why(tmp_path: Path, content: str | None, told: str) -> None:
    if content is not None:
        (tmp_path / "labels.json").write_text(content, encoding="utf-8")
    result = CliRunner().invoke(main, ["bench", "falling", "--data", str(tmp_path)])
    assert result.exit_code == 1
    assert told in result.output


def test_a_file_that_cannot_be_written_is_told_before_clips_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    wrong = tmp_path / "file" / "figures.json"
    result = CliRunner().invoke(main, ["bench", "falling", "--data", str(tmp_path), "--json", str(wrong)])
    assert result.exit_code == 2
    assert f"{wrong}: cannot be written" in result.output


def test_a_folder_of_two_series_must_be_told_apart(tmp_path: Path) -> None:
    for name in ("a1.jpg", "a2.jpg", "b1.jpg"):
        (tmp_path / name).touch()
    with pytest.raises(SourceUnreadable, match=r"a%d\.jpg, b%d\.jpg"):
        numbered_pictures(tmp_path)
    assert [number for number, _ in numbered_pictures(tmp_path / "a%d.jpg")] == [1, 2]


# --- what counts as what


def told(points: list[tuple[float, float, float]], certainty: str = "confirmed") -> Told:
    path = tuple(PathPoint(t_s=t - points[0][0], x=x, y=y) for t, x, y in points)
    data = FallingObjectData.model_validate(
        {
            "camera": "c", "certainty": certainty, "confidence": 0.9, "hypothesis": "free_fall", "path": path,
            "duration_s": 1.0, "origin": path[0], "size_px": 4.0, "why": "drawn",
        }
    )  # fmt: skip
    at = points[-1][0]
    return Told(
        Finding("c", EventType.FALLING_OBJECT, datetime(2026, 1, 1, tzinfo=UTC), points[0][0], at, data, ()), at + 0.2
    )


def label(kind: str, x: float, start_s: float = 2.0) -> Labelled:
    rows = np.array([(start_s + 0.1 * k, x, 0.1 + 0.08 * k) for k in range(10)])
    return Labelled(kind, rows[0, 0], rows[-1, 0], rows)


def line(x: float, start_s: float = 2.0) -> list[tuple[float, float, float]]:
    return [(start_s + 0.1 * k, x, 0.1 + 0.08 * k) for k in range(10)]


@pytest.mark.parametrize(
    ("events", "roles"),
    [
        ([told(line(0.5))], ["found"]),
        ([told(line(0.5)), told(line(0.51))], ["found", "duplicate"]),
        ([told(line(0.5)), told(line(0.6))], ["found", "mirror"]),
        ([told(line(0.6))], ["mirror"]),
        ([told(line(0.8))], ["false"]),
        ([told(line(0.5), "suspected")], ["suspected"]),
        ([told(line(0.5, 4.05))], ["false"]),  # began 1.15 s after the fall had ended
        ([told(line(0.5, 0.55))], ["false"]),  # ended 0.55 s before it began
        ([told(line(0.5, 3.85))], ["found"]),
    ],
)  # fmt: skip
def test_what_an_event_counts_as(events: list[Told], roles: list[str]) -> None:
    judged = match(events, [label("fall", 0.5), label("mirror", 0.6)])
    assert [one.role for one in judged] == roles


def test_a_wide_box_is_touched_at_its_edge() -> None:
    boxes = label("fall", 0.5)
    wide = Labelled("fall", boxes.start_s, boxes.end_s, boxes.path, half=np.full((10, 2), 0.05))
    assert match([told(line(0.56))], [boxes])[0].role == "false"
    assert match([told(line(0.56))], [wide])[0].role == "found"


def test_a_fast_path_touches_the_boxes_it_jumps_over() -> None:
    jump = [(2.0, 0.5, 0.1), (2.9, 0.5, 0.9)]
    assert match([told(jump)], [label("fall", 0.5)])[0].role == "found"


def test_labels_count_in_their_own_picture_size_and_beyond_the_end_are_left_out() -> None:
    event = {"kind": "fall", "frames": [10, 12], "boxes": {10: (96, 50, 8, 20), 12: (96, 80, 8, 20)}}
    late = {"kind": "fall", "frames": [90, 95], "boxes": {90: (1, 1, 2, 2)}}
    entry = ClipEntry.model_validate({"file": "a.mp4", "width": 200, "height": 100, "events": [event, late]})
    falls, notes = labelled_falls(entry, (400, 200), np.arange(50) / 25.0)
    assert notes == ["1 labelled events begin after its 50 pictures and are left out"]
    assert falls[0].path[0] == pytest.approx([0.4, 0.5, 0.6])
    assert falls[0].half is not None
    assert falls[0].half[0] == pytest.approx([0.02, 0.1])


def test_labels_may_use_the_numbers_of_pictures_some_of_which_are_absent() -> None:
    boxes = {140: (1, 1, 2, 2), 144: (1, 5, 2, 2), 146: (1, 5, 0, 2)}
    event = {"kind": "fall", "frames": [100, 10_000], "boxes": boxes}
    entry = ClipEntry.model_validate({"file": "a%d.jpg", "fps": 25, "events": [event]})
    [fall], notes = labelled_falls(entry, (10, 10), np.arange(50) / 25.0, range(110, 210, 2))
    assert notes == []
    assert fall.path[:, 0] == pytest.approx([15 / 25, 17 / 25]), "a box without area is no place"
    assert (fall.start_s, fall.end_s) == pytest.approx((0, 49 / 25)), "nothing lies outside the clip"


def test_a_label_without_place_is_refused() -> None:
    with pytest.raises(ValueError, match="boxes"):
        EventEntry.model_validate({"kind": "fall", "frames": [1, 2], "boxes": {1: (1, 1, 0, 2)}})


@pytest.mark.parametrize(("count", "most"), [(0, 2.996), (1, 4.744), (10, 16.96)])
def test_the_bound_is_that_of_poisson(count: int, most: float) -> None:
    assert most_a_day(count, 86_400) == pytest.approx(most, rel=1e-3)
    assert most_a_day(count, 0) is None
