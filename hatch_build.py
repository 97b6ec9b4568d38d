"""Build hook: brings the live page's parts, the plate fonts and the models into the package."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FETCHES = {
    "collector.web.fetch": "collector/web/package-lock.json",
    "simulator.fonts": "simulator/package-lock.json",
}
"""Module that fetches (and does nothing when all is there) → the file that says a checkout has it."""


class FetchHook(BuildHookInterface[Any]):
    """Runs for wheels and for editable installs; a source distribution carries nothing fetched."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        for module, needed in FETCHES.items():
            if (Path(self.root) / needed).is_file():
                self._fetch(module)
        if version != "editable":  # a checkout reads models/ in place
            build_data["force_include"].update(model_files(Path(self.root)))

    def _fetch(self, module: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", module], cwd=self.root, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"python -m {module} failed:\n{done.stdout}{done.stderr}")
        self.app.display_info(done.stdout.strip())


def model_files(root: Path) -> dict[str, str]:
    """Checkout path → path in the wheel, of the manifest and of every model it names."""
    manifest = root / "models" / "manifest.json"
    named = json.loads(manifest.read_text(encoding="utf-8"))["models"].values()
    files = [manifest, *(root / "models" / entry["file"] for entry in named)]
    return {str(file): f"edge/model_files/{file.relative_to(root / 'models').as_posix()}" for file in files}
