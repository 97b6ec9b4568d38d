"""DESIGN §2's import direction: between the packages by import-linter, foreign parts by the files made for them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("contract", "edge", "collector", "simulator")

# A foreign part appears only in the files that exist for it: everything else stays testable and replaceable.
ALLOWED = {
    "av": (
        "edge/sources/",
        "edge/evidence/clip.py",
        "collector/clip_mark.py",
        "simulator/video.py",
        "simulator/camera/",
        "simulator/bench",
    ),
    "cv2": (
        "edge/imaging.py",
        "edge/falling/",
        "edge/plates/",
        "collector/watermark.py",
        "collector/plan_picture.py",
        "simulator/",
    ),
    "onnxruntime": ("edge/inference.py",),
    "paho": ("edge/link.py", "collector/mqtt", "simulator/subscriber.py"),
    "amqtt": ("simulator/broker.py",),
    "fastapi": ("collector/",),
    "sqlalchemy": ("collector/",),
    "torch": (),
}


def imported_names(path: Path) -> set[str]:
    """Top-level names of everything a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


def product_files() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


@pytest.mark.parametrize("part", sorted(ALLOWED))
def test_foreign_parts_stay_in_their_files(part: str) -> None:
    users = [path.relative_to(ROOT).as_posix() for path in product_files() if part in imported_names(path)]
    assert [user for user in users if not user.startswith(ALLOWED[part])] == []


def test_layers_as_import_linter_sees_them() -> None:
    result = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_no_drawer_modules() -> None:
    drawers = {"utils", "util", "common", "core", "helpers", "misc"}
    assert [path.as_posix() for path in product_files() if path.stem in drawers or path.parent.name in drawers] == []


def test_only_the_supervisor_catches_everything() -> None:
    broad = []
    for path in product_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            caught = node.type if isinstance(node, ast.ExceptHandler) else None
            names = {getattr(part, "id", "") for part in ast.walk(caught)} if caught else set()
            bare = isinstance(node, ast.ExceptHandler) and caught is None
            if bare or names & {"Exception", "BaseException"}:
                broad.append(path.relative_to(ROOT).as_posix())
    assert broad == ["edge/supervisor.py"]


def test_functions_stay_short() -> None:
    limit = 60
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in product_files()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= limit
    ]
    assert long == []
