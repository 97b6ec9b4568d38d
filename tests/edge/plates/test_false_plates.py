"""`edge bench false-plates`: what moves past without a plate counts nothing; what bears one is counted and shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from click.testing import CliRunner, Result
from plate_fonts import needs_fonts

from edge.__main__ import main
from simulator.plates import degrade, draw_plate, random_plate, random_style
from simulator.video import encode


def drive(plate: np.ndarray | None) -> Iterator[np.ndarray]:
    """A dark car comes down a grey road for two seconds."""
    rng = np.random.default_rng(5)
    road = rng.normal(105, 2, (360, 640, 3)).clip(0, 255).astype(np.uint8)
    for index in range(50):
        picture = road.copy()
        y = 60 + 4 * index
        cv2.rectangle(picture, (230, y - 50), (410, y + 30), (40, 42, 50), -1)
        if plate is not None:
            picture = degrade.place(plate, picture, degrade.quad_of(degrade.View(110.0), 440 / 140, (320, y)))
        yield picture


def run(data: Path, folder: Path) -> Result:
    arguments = ["bench", "false-plates", "--data", str(data), "--json", str(folder / "told.json")]
    return CliRunner().invoke(main, [*arguments, "--pictures", str(folder / "sheets")])


@needs_fonts
def test_only_the_car_with_a_plate_is_reported(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    text, kind = random_plate(rng, "small_blue")
    plate = draw_plate(text, kind, random_style(rng, "simulator"))
    videos = tmp_path / "videos"
    videos.mkdir()
    encode(drive(plate), videos / "plate.mp4", fps=25, bitrate_kbps=4000)
    encode(drive(None), videos / "bare.mp4", fps=25, bitrate_kbps=4000)
    (videos / "torn.mp4").write_bytes(b"no video")
    done = run(videos, tmp_path)
    assert done.exit_code == 0, done.output
    told = json.loads((tmp_path / "told.json").read_text(encoding="utf-8"))
    assert told["by_video"]["plate.mp4"]["readable"] == 1
    assert told["by_video"]["plate.mp4"]["called_plates"] > 0
    assert told["by_video"]["bare.mp4"]["readable"] == told["by_video"]["bare.mp4"]["unreadable"] == 0
    assert told["total"]["frames"] == 100
    assert told["total"]["readable_per_1000"] == 10.0
    assert [one["text"] for one in told["passages"]] == [text]
    assert [one["file"] for one in told["broken"]] == ["torn.mp4"]
    assert (tmp_path / "sheets" / "passages-1.png").is_file()


def test_a_folder_without_videos_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path, tmp_path)
    assert done.exit_code == 1
    assert "holds no video" in done.output
    gone = run(tmp_path / "nowhere", tmp_path)
    assert gone.exit_code == 1
    assert "no such folder" in gone.output
