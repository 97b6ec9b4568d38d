"""The file that a bench writes its figures into."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import click

from edge.errors import BenchError


class OutputFile(click.Path):
    """A file that is written when a long run has ended, so that it can be is known before the run begins.

    `endings`: those that its name may have, such as ".png"; any when none are given.
    """

    def __init__(self, *endings: str) -> None:
        super().__init__(dir_okay=False, path_type=Path)
        self.endings = endings

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path. Raises BadParameter, which names it."""
        path = Path(super().convert(value, param, ctx))  # type: ignore[arg-type]
        if self.endings and path.suffix.lower() not in self.endings:
            self.fail(f"{path}: give a name that ends in {' or '.join(self.endings)}", param, ctx)
        try:
            _try(path)
        except OSError as error:
            self.fail(f"{path}: cannot be written ({error.strerror}); give a file that you may write", param, ctx)
        return path


def _try(path: Path) -> None:
    """Nothing is changed. Raises OSError."""
    if path.exists():
        path.open("ab").close()
        return
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    with tempfile.TemporaryFile(dir=folder):
        return


def write_json(told: object, json_file: Path | None) -> None:
    """Write the figures, when a file was asked for. Raises BenchError when it cannot be written."""
    if json_file is None:
        return
    write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", json_file)


def write_text(text: str, file: Path) -> None:
    """Write a file, and the folders that it lies in. Raises BenchError when it cannot be written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BenchError(f"{file}: cannot be written ({error.strerror}); give a file that you may write") from error
