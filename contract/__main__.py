"""Write JSON Schemas and AsyncAPI document: `python -m contract [FOLDER]` (default docs/ref/contract)."""

from __future__ import annotations

import sys
from pathlib import Path

from contract.schemas import documents

DEFAULT_FOLDER = Path("docs/ref/contract")


def main(arguments: list[str]) -> int:
    """Write every generated document; print what was written."""
    if arguments and arguments[0].startswith("-"):
        sys.stdout.write(f"{__doc__}\n")
        return 0
    folder = Path(arguments[0]) if arguments else DEFAULT_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{folder / name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
