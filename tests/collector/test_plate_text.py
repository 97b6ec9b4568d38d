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
    ],
)
def test_a_plate_in_a_sentence_is_masked(said: str, shown: str) -> None:
    assert mask_text(said) == shown


@pytest.mark.parametrize(
    "said", ["新 Camera1 at tower", "3 号楼 3 层楼道 stairwell, floor 3", "case 2026-113", "京东快递 12345678", "…①"]
)
def test_other_words_stay_as_they_are(said: str) -> None:
    assert mask_text(said) == said
    assert plates_in_text(said) == []
