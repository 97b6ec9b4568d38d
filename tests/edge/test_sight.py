"""The camera's view on real H.264: a shift, another view, defocus, drops on the lens; and what must not alarm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.sight import Sight, View
from edge.sources.file import FileSource
from edge.types import Bgr
from simulator.render import render_scenario
from simulator.scenario import Scenario
from simulator.scenes import CameraSpec
from simulator.video import encode

FPS = 0.5
"""A picture for each look."""
Change = Callable[[Bgr], Bgr]


@pytest.fixture(scope="module")
def towers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bgr, Bgr]:
    """Two different houses."""
    folder = tmp_path_factory.mktemp("towers")
    cameras = tuple(
        CameraSpec(id=f"t{seed}", scene="tower", width=640, height=360, duration_s=0.2, seed=seed, options={"falls": 0})
        for seed in (31, 32)
    )
    render_scenario(Scenario(name="towers", seed=1, cameras=cameras), folder)
    stills = [next(iter(FileSource("t", folder / f"t{seed}.mp4").frames())).bgr() for seed in (31, 32)]
    return stills[0], stills[1]


def shifted(x: float, y: float) -> Change:
    """By picture fractions."""

    def change(bgr: Bgr) -> Bgr:
        height, width = bgr.shape[:2]
        matrix = np.array([[1, 0, x * width], [0, 1, y * height]], np.float64)
        return cv2.warpAffine(bgr, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)

    return change


def defocused(bgr: Bgr) -> Bgr:
    return cv2.GaussianBlur(bgr, (0, 0), 3)


def wet(bgr: Bgr) -> Bgr:
    """Drops on the lens: discs within which the picture is blurred."""
    mask = np.zeros(bgr.shape[:2], np.float32)
    for x, y in ((0.42, 0.12), (0.58, 0.14), (0.42, 0.38), (0.58, 0.38)):
        cv2.circle(mask, (int(x * bgr.shape[1]), int(y * bgr.shape[0])), 55, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 8)[..., None]
    return (bgr * (1 - mask) + cv2.GaussianBlur(bgr, (0, 0), 7) * mask).astype(np.uint8)


def dimmed(bgr: Bgr) -> Bgr:
    return (bgr * 0.45 + 6).astype(np.uint8)


def dark(bgr: Bgr) -> Bgr:
    return (bgr * 0.02 + 4).astype(np.uint8)


def same(bgr: Bgr) -> Bgr:
    return bgr


def watch(folder: Path, still: Bgr, parts: Sequence[tuple[int, Change]], sight: Sight | None = None) -> list[View]:
    """What is told of a video that shows the still through one change after the other, each for some looks."""
    noise = np.random.default_rng(4).normal(0, 1.5, (5, *still.shape)).astype(np.float32)

    def pictures() -> Iterator[Bgr]:
        for looks, change in parts:
            shown = change(still).astype(np.float32)
            for index in range(looks):
                yield np.clip(shown + noise[index % 5], 0, 255).astype(np.uint8)

    path = folder / "view.mp4"
    encode(pictures(), path, fps=FPS, bitrate_kbps=300, gop=4)
    sight = sight or Sight(drawn=True)
    told = [sight.observe(frame) for frame in FileSource("c", path).frames()]
    return [view for view in told if view is not None]


KNOWN = (13, same)


@pytest.mark.parametrize(
    ("change", "state", "words"),
    [
        (shifted(0.12, 0.03), "moved", "shifted by +12.0 % of its width"),
        (defocused, "blurred", "usual sharpness"),
        (wet, "blurred", "top centre"),
    ],
)
def test_a_trouble_is_told_once_and_its_end_as_well(
    towers: tuple[Bgr, Bgr], tmp_path: Path, change: Change, state: str, words: str
) -> None:
    told = watch(tmp_path, towers[0], [KNOWN, (26, change), (9, same)])
    assert [view.state for view in told] == [state, "up"]
    assert words in told[0].reason
    assert told[1] == View()


def test_another_view_is_told_and_fits_no_drawing(towers: tuple[Bgr, Bgr], tmp_path: Path) -> None:
    told = watch(tmp_path, towers[0], [KNOWN, (20, lambda _: towers[1])])
    assert [(view.state, view.offset) for view in told] == [("moved", None)]
    assert "another view" in told[0].reason


def test_where_nothing_is_drawn_another_view_becomes_the_known_one(towers: tuple[Bgr, Bgr], tmp_path: Path) -> None:
    told = watch(tmp_path, towers[0], [KNOWN, (92, lambda _: towers[1])], Sight(drawn=False))
    assert [view.state for view in told] == ["moved", "up"]


def test_a_small_shift_is_followed_and_told(towers: tuple[Bgr, Bgr], tmp_path: Path) -> None:
    told = watch(tmp_path, towers[0], [KNOWN, (14, shifted(0.02, -0.01)), (9, same)])
    assert [view.state for view in told] == ["moved", "up", "up"]
    assert told[1].offset == pytest.approx((0.02, -0.01), abs=0.002)
    assert told[2].offset == (0.0, 0.0)


@pytest.mark.parametrize("change", [same, dimmed, dark, shifted(0.002, 0.002)])
def test_light_darkness_and_trembling_are_no_trouble(towers: tuple[Bgr, Bgr], tmp_path: Path, change: Change) -> None:
    assert watch(tmp_path, towers[0], [KNOWN, (25, change), (8, same)]) == []


def test_what_was_learned_outlives_a_restart(towers: tuple[Bgr, Bgr], tmp_path: Path) -> None:
    memory = tmp_path / "views" / "gate.npz"
    assert watch(tmp_path, towers[0], [KNOWN], Sight(True, memory)) == []
    again = Sight(True, memory)
    told = watch(tmp_path, towers[0], [(7, shifted(0.015, 0.02))], again)
    assert told[0].offset == pytest.approx((0.015, 0.02), abs=0.002)  # with the first frame, before anything is judged
    memory.write_bytes(b"PK broken")
    assert watch(tmp_path, towers[0], [KNOWN], Sight(True, memory)) == []


def test_a_lens_that_was_never_in_focus_is_told(towers: tuple[Bgr, Bgr], tmp_path: Path) -> None:
    told = watch(tmp_path, towers[0], [(14, defocused)])
    assert [view.state for view in told] == ["blurred"]
