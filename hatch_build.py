"""Build hook: brings the live page's parts and the plate fonts into the package before it is built or installed."""

from __future__ import annotations

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

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 -- hatchling's interface
        if self.target_name != "wheel":
            return
        for module, needed in FETCHES.items():
            if (Path(self.root) / needed).is_file():
                self._fetch(module)

    def _fetch(self, module: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", module], cwd=self.root, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"python -m {module} failed:\n{done.stdout}{done.stderr}")
        self.app.display_info(done.stdout.strip())
