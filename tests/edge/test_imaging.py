from __future__ import annotations

import numpy as np
import pytest

from edge.addresses import redact
from edge.errors import EvidenceError
from edge.imaging import burn_masks, decode_jpeg, encode_jpeg, expand_limited_range, half_size, mask_pixels


def test_limited_range_is_expanded_exactly_and_saturated() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    expected = np.clip(np.rint((levels.astype(float) - 16) * 255 / 219), 0, 255)
    assert np.array_equal(expand_limited_range(levels), expected.astype(np.uint8))
    assert levels[0, 0] == 0, "the decoder's buffer is not written to"


def test_expansion_takes_a_view_with_padded_lines() -> None:
    rows = np.full((8, 32), 126, np.uint8)
    assert expand_limited_range(rows[:, :20]).tolist() == [[128] * 20] * 8


def test_half_size_is_the_mean_of_four() -> None:
    luma = np.array([[0, 100, 10], [100, 200, 10], [1, 1, 1]], np.uint8)
    assert half_size(luma[:2, :2]).tolist() == [[100]]
    assert half_size(np.zeros((1080, 1920), np.uint8)).shape == (540, 960)


def test_jpeg_and_back() -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, 32:] = (200, 120, 40)
    data = encode_jpeg(picture)
    assert data.startswith(b"\xff\xd8")
    assert np.abs(decode_jpeg(data).astype(int) - picture).mean() < 4
    assert len(encode_jpeg(picture, quality=40)) < len(data)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(EvidenceError, match=r"shape \(0, 5, 3\)"):
        encode_jpeg(np.zeros((0, 5, 3), np.uint8))
    with pytest.raises(EvidenceError, match="4 bytes that are not a JPEG"):
        decode_jpeg(b"GIF8")
    with pytest.raises(EvidenceError, match="0 bytes"):
        decode_jpeg(b"")


def test_masks_are_black_and_the_rest_is_untouched() -> None:
    picture = np.full((100, 200, 3), 90, np.uint8)
    burnt = burn_masks(picture, [[(0.25, 0.2), (0.75, 0.2), (0.75, 0.8), (0.25, 0.8)], [(0.9, 0.9), (1, 0.9), (1, 1)]])
    assert burnt[20:80, 50:150].max() == 0
    assert burnt[:18].min() == burnt[84:88].min() == 90
    assert burnt[99, 199].max() == 0
    assert picture.min() == 90, "the frame itself may still be analysed"
    assert burn_masks(picture, []) is picture
    assert mask_pixels([], 200, 100).sum() == 0


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://admin:s3cret@10.0.0.8:554/main", "rtsp://admin:***@10.0.0.8:554/main"),
        ("rtsp://admin:p@ss@10.0.0.8/main", "rtsp://admin:***@10.0.0.8/main"),
        ("http://10.0.0.8/v.mjpg?usr=a&pwd=b&size=2", "http://10.0.0.8/v.mjpg?usr=a&pwd=***&size=2"),
        ("rtsp://10.0.0.8:554/a@b", "rtsp://10.0.0.8:554/a@b"),
        ("rtsp://viewer@10.0.0.8/main", "rtsp://viewer@10.0.0.8/main"),
        ("clips/a:b@c.mp4", "clips/a:b@c.mp4"),
    ],
)
def test_addresses_are_shown_without_secrets(address: str, shown: str) -> None:
    assert redact(address) == shown
