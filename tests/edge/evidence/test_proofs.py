"""Pictures of passages that are remembered for late hits."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.evidence import proofs as proofs_module
from edge.evidence.files import EvidenceFiles, StoredFile
from edge.evidence.proofs import PassageProofs


def stored(folder: Path, content: bytes) -> StoredFile:
    return EvidenceFiles(folder, 1 << 20).store(content, "snapshot", "image/jpeg")


def test_the_newest_pictures_of_a_passage_are_given_while_they_are_on_disk(tmp_path: Path) -> None:
    proofs = PassageProofs()
    early, late = stored(tmp_path, b"early"), stored(tmp_path, b"late")
    proofs.keep("p1", [early])
    proofs.keep("p1", [late])
    proofs.keep("p1", [])
    assert proofs.of("p1") == (late,)
    assert proofs.of("p2") == ()
    late.path.unlink()
    assert proofs.of("p1") == ()


def test_the_oldest_passages_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proofs_module, "_PASSAGES_MAX", 3)
    proofs, file = PassageProofs(), stored(tmp_path, b"one")
    for number in range(5):
        proofs.keep(f"p{number}", [file])
    assert [bool(proofs.of(f"p{number}")) for number in range(5)] == [False, False, True, True, True]
