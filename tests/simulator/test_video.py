"""Encoding: as many frames out as in, at their times, as a camera codes them."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from simulator.video import Coding, VideoError, encode, transmit


def _pictures(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    base = rng.integers(60, 190, (36, 64, 3)).repeat(2, axis=0).repeat(2, axis=1).astype(np.uint8)
    return [np.roll(base, 2 * number, axis=1) for number in range(count)]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_frames_survive_encoding(tmp_path: Path, codec: str) -> None:
    pictures = _pictures(25)
    path = tmp_path / "v.mp4"
    assert encode(pictures, path, fps=12.5, bitrate_kbps=2000, codec=codec, gop=10) == 25  # type: ignore[arg-type]
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 25
    assert [round(float(frame.time), 3) for frame in frames[:3]] == [0.0, 0.08, 0.16]
    assert [number for number, frame in enumerate(frames) if frame.key_frame] == [0, 10, 20]
    assert all(av.video.frame.PictureType(frame.pict_type).name != "B" for frame in frames)
    decoded = frames[12].to_ndarray(format="bgr24").astype(int)
    assert np.abs(decoded - pictures[12]).mean() < 12


def test_the_same_pictures_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        encode(_pictures(12), tmp_path / name, fps=25, bitrate_kbps=500)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_nothing_to_encode_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="no frame"):
        encode([], tmp_path / "v.mp4", fps=25, bitrate_kbps=500)


@pytest.mark.parametrize("effort", ["camera", "quick"])
def test_transmitted_pictures_arrive_in_order_and_alike(effort: str) -> None:
    pictures = _pictures(23)
    arrived = list(transmit(iter(pictures), Coding(25, 2000, gop=10, effort=effort)))  # type: ignore[arg-type]
    assert [frame.pts for frame in arrived] == list(range(23))
    for number in (0, 11, 22):
        decoded = arrived[number].to_ndarray(format="bgr24").astype(int)
        assert np.abs(decoded - pictures[number]).mean() < 12


def test_hevc_is_not_transmitted() -> None:
    with pytest.raises(VideoError, match="h264"):
        next(transmit(iter(_pictures(1)), Coding(25, 500, codec="hevc")))
