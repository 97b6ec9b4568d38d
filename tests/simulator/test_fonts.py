"""Fonts: training and simulator never share one, and every plate character has a shape."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.plates.alphabet import ALPHABET
from simulator.fonts import CHARACTERS, FACES, HERE, FontsMissing, font_files


def test_training_and_simulator_fonts_are_disjoint() -> None:
    training = {face.name for face in FACES if face.use == "training"}
    simulator = {face.name for face in FACES if face.use == "simulator"}
    assert training
    assert simulator
    assert not training & simulator


def test_latin_families_are_disjoint_too_in_all_regions() -> None:
    families = {
        use: {face.family for face in FACES if face.use == use and face.script != "han"}
        for use in ("training", "simulator")
    }
    assert not families["training"] & families["simulator"]


def test_every_character_of_the_alphabet_has_a_script() -> None:
    assert set(ALPHABET) == set(CHARACTERS["han"]) | set(CHARACTERS["latin"])


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.name)
def test_fetched_files_hold_every_character(face) -> None:
    files = font_files(face)
    assert set(CHARACTERS[face.script]) <= set(files)
    assert all(path.is_file() for path in set(files.values()))


def test_missing_fonts_name_the_command(tmp_path: Path) -> None:
    with pytest.raises(FontsMissing, match=r"python -m simulator\.fonts"):
        font_files(FACES[0], tmp_path)


def test_lock_file_holds_no_addresses() -> None:
    assert "http" not in (HERE / "package-lock.json").read_text(encoding="utf-8")
