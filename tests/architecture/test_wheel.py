"""The wheel works by itself, outside the checkout: with its models, its migrations, its page and its fonts."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROBE = """
import edge, sys
from pathlib import Path
from edge.inference import ModelStore
assert Path(edge.__file__).is_relative_to(Path(sys.argv[1])), edge.__file__
store = ModelStore()
for name in sys.argv[2:]:
    store.load(name)
print(",".join(sorted(info.name for info in store.infos())))
"""
MODELS = ("falling", "plate_detect", "plate_read", "plate_read_eu")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder),
        str(ROOT),
    ]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("watchpost-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("site")
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--target",
        str(site),
        str(wheel),
    ]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return site


def run_outside(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run python away from the checkout, the installed wheel first on its path."""
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(
        [sys.executable, "-P", *arguments], cwd=site, env=environment, capture_output=True, text=True, check=False
    )


def test_the_agent_loads_its_models_from_the_wheel(installed: Path) -> None:
    done = run_outside(installed, "-c", PROBE, str(installed), *MODELS)
    assert done.stdout.strip() == ",".join(MODELS), done.stderr


@pytest.mark.parametrize("program", ["edge", "collector", "simulator"])
def test_every_program_starts_from_the_wheel(installed: Path, program: str) -> None:
    done = run_outside(installed, "-m", program, "--help")
    assert done.returncode == 0, done.stderr
    assert "Commands:" in done.stdout


def test_the_collector_migrates_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    done = run_outside(installed, "-m", "collector", "migrate", "--data", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir())


def test_the_wheel_carries_the_page_and_the_fonts_and_no_training(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.startswith("collector/web/static/vendor/") for name in names)
    assert any(name.startswith("simulator/fonts/") and name.endswith(".woff2") for name in names)
    assert not [name for name in names if name.endswith("train.py") or name.startswith(("models/", "tests/"))]
