"""YAML that people write: read safely, and strict where YAML is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from edge.errors import ConfigError


def parse_yaml(text: str, path: Path) -> tuple[yaml.Node | None, Any]:
    """The tree, which knows its lines, and the values; `path` names the file in errors.

    Raises ConfigError for what is not YAML, and for a key that stands twice: YAML would silently keep the last.
    """
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {error}") from error
    try:
        twice = None if tree is None else _duplicate_key(tree)
    except RecursionError as error:
        raise ConfigError(f"{path}: an alias (*name) contains itself; write the values out") from error
    if twice is not None:
        raise ConfigError(f"{path}:{twice.start_mark.line + 1}: the key {twice.value!r} stands twice in one section")
    return tree, raw


def _duplicate_key(node: yaml.Node) -> yaml.Node | None:
    """The first key that stands twice in one mapping."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                return key  # type: ignore[no-any-return]
            seen.add(str(key.value))
            found = _duplicate_key(value)
            if found is not None:
                return found
    elif isinstance(node, yaml.SequenceNode):
        return next((found for item in node.value if (found := _duplicate_key(item)) is not None), None)
    return None
