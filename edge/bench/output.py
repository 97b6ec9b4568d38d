"""The file that a bench writes its figures into."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edge.errors import BenchError


def write_json(told: dict[str, Any], json_file: Path | None) -> None:
    """Write the figures, when a file was asked for. Raises BenchError when it cannot be written."""
    if json_file is None:
        return
    try:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise BenchError(
            f"{json_file}: cannot be written ({error.strerror}); give a file that you may write"
        ) from error
