"""The example of two collectors: what it sets is what the programs know, and what it mounts is there."""

from __future__ import annotations

from pathlib import Path

import yaml

from collector.__main__ import run

FOLDER = Path(__file__).parents[2] / "configs" / "compose"


def test_every_variable_is_an_option_of_the_collector_and_every_file_is_there() -> None:
    compose = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
    known = {str(option.envvar) for option in run.params if option.envvar}
    for name in ("collector-1", "collector-2"):
        used = {key for key in compose["services"][name]["environment"] if key.startswith("WATCHPOST_")}
        assert used - known == set()
        assert {"WATCHPOST_SHARE", "WATCHPOST_EVIDENCE", "WATCHPOST_DATABASE"} <= used
    mounts = [mount for service in compose["services"].values() for mount in service.get("volumes", [])]
    files = [mount.partition(":")[0] for mount in mounts if mount.startswith(("./", "../"))]
    assert len(files) == 3
    assert [file for file in files if not (FOLDER / file).is_file()] == []
    named = {mount.partition(":")[0] for mount in mounts if not mount.startswith((".", "$"))}
    assert named == set(compose["volumes"])


def test_every_variable_that_must_be_filled_in_stands_in_the_example() -> None:
    text = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
    asked = {part.partition(":")[0] for part in text.split("${")[1:] if part.partition("}")[0].endswith(":?")}
    example = (FOLDER / ".env.example").read_text(encoding="utf-8")
    given = {line.partition("=")[0] for line in example.splitlines() if "=" in line and not line.startswith("#")}
    assert asked - given == set()
