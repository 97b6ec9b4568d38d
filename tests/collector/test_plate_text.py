"""Plates in what people write."""

from __future__ import annotations

import pytest

from collector.plate_text import mask_text, plates_in_text


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("找京A12345，已过东门", "找京A·1**45,已过东门"),
        ("京a·12345 at the gate", "京A·1**45 at the gate"),
        ("粤BD12345 passed", "粤B·D***45 passed"),
        ("浙Ｄ 66666", "浙D·6**66"),
        ("沪A1234学", "沪A·1**4学"),
        ("WJ京1234X", "WJ·京***4X"),
        ("AB-123-CD left", "AB·1**CD left"),
        ("ab 123 cd, then FG 456 HI", "AB·1**CD, then FG·4**HI"),
        ("M-AB 1234 und MÜ-X 123", "MA·B**34 und M***23"),
        ("BD51 SMR, BD51SMR", "BD·5**MR, BD·5**MR"),
        ("1-ABC-234 / 12-BCD-3", "1A·B**34 / 1***D3"),
        ("5678 BCD", "56·7**CD"),
        ("CJ-12-ABC", "CJ·1**BC"),
        ("12-D-12345", "12·D***45"),
        ("CA1234AB.", "CA·1***AB."),
    ],
)
def test_a_plate_in_a_sentence_is_masked(said: str, shown: str) -> None:
    assert mask_text(said) == shown


@pytest.mark.parametrize(
    "said",
    [
        "新 Camera1 at tower",
        "3 号楼 3 层楼道 stairwell, floor 3",
        "case 2026-113",
        "京东快递 12345678",
        "…①",
        "h-2026-014",
        "21-NOV-2026",
        "1-Dec-24",
        "1000 RMB",
        "1080 PTZ camera",
        "USB-C 31",
        "room 12-A-3",
        "IP 12345",
        "TO BE 2026",
        "AT 1200 AM",
        "LOT 123",
        "CAM-123",
        "patrol-1 at 12:30",
        "from 0930 GMT",
        "No. 4711",
        "0f8fad5b-d9cb-469f-a165-70867728950e",
        "ab" * 32,
        "gate-1/lane-1",
        "tower-1 of site west-2",
        "H.265 at 25 fps",
        "+86 138 0000 0001",
        "2026-11-21T08:00:00Z",
        "1 号楼 2 单元 301 室",
        "A4 paper, 80 g",
        "GB/T 28181",
        "EN 54-20",
    ],
)
def test_other_words_stay_as_they_are(said: str) -> None:
    assert mask_text(said) == said
    assert plates_in_text(said) == []
