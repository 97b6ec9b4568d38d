"""The repository holds only what we wrote, no path of a development machine and no address of a package index; all
of its programs and recipes are checked by mypy."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MACHINE_PATHS = re.compile(rb"/(?:work|farm|root|home/[a-z]+)/[a-z]")
INDEX_ADDRESSES = re.compile(rb"https?://[^\s\"']*(?:pypi|pythonhosted|npmjs|npmmirror|/simple)")


def tracked_files() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listing.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("pattern", [MACHINE_PATHS, INDEX_ADDRESSES], ids=["machine paths", "index addresses"])
def test_no_text_file_names(pattern: re.Pattern[bytes]) -> None:
    texts = [path for path in tracked_files() if path.suffix not in {".onnx", ".png", ".jpg", ".mp4"}]
    found = [path.name for path in texts if path != Path(__file__) and pattern.search(path.read_bytes())]
    assert found == []


def test_no_file_is_too_large_for_git() -> None:
    assert [path.name for path in tracked_files() if path.stat().st_size > 3 * 1024 * 1024] == []


def test_mypy_checks_every_folder_of_python() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    python = [path.relative_to(ROOT) for path in tracked_files() if path.suffix == ".py" and path.parent != ROOT]
    assert settings["strict"] is True
    assert set(settings["packages"]) == {path.parts[0] for path in python} - {"tests"}
