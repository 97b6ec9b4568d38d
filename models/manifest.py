"""Rewrite models/manifest.json from the exported models/NAME/NAME.onnx: `python -m models.manifest` after an export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from edge.inference import MANIFEST, describe, file_hash

MODELS = Path(__file__).resolve().parent
MAX_BYTES = 3 * 1024 * 1024
"""A model larger than this does not belong in git."""


def entry(path: Path, root: Path) -> dict[str, Any]:
    """The manifest's entry of one exported file."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise click.ClickException(f"{path}: {size} bytes, more than the {MAX_BYTES} that a model may have")
    interface = describe(path)
    return {
        "file": path.relative_to(root).as_posix(),
        "sha256": file_hash(path),
        "inputs": interface.inputs,
        "outputs": interface.outputs,
        "trained": interface.trained,
    }


def write_manifest(root: Path) -> dict[str, Any]:
    """Write `root`/manifest.json for every `root`/NAME/NAME.onnx and return its content."""
    files = sorted(path for path in root.glob("*/*.onnx") if path.stem == path.parent.name)
    content = {"models": {path.stem: entry(path, root) for path in files}}
    target = root / MANIFEST
    temporary = target.with_suffix(".json.new")
    temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(target)
    return content


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True), default=MODELS)
def main(folder: Path) -> None:
    """Rewrite the manifest of FOLDER (default: this folder)."""
    for name, model in write_manifest(folder)["models"].items():
        click.echo(f"{name}: {model['sha256'][:12]} inputs {model['inputs']} outputs {model['outputs']}")


if __name__ == "__main__":
    main()
