"""Reading the files that hold keys for plates, and judging who else may read them."""

from __future__ import annotations

import stat
from pathlib import Path

from contract.plate_keys import PlateKey, PlateKeyError
from edge.errors import ConfigError


def read_key(path: Path, setting: str) -> PlateKey:
    """The key in a file; `setting` names the line of the configuration. Raises ConfigError."""
    try:
        return PlateKey.parse(path.read_text(encoding="ascii"))
    except FileNotFoundError as error:
        raise ConfigError(f"{setting}: there is no file {path}; make one: collector watchlist new-key FILE") from error
    except OSError as error:
        raise ConfigError(f"{setting}: cannot read {path} ({error.strerror})") from error
    except (PlateKeyError, UnicodeDecodeError) as error:
        told = error if isinstance(error, PlateKeyError) else "it is not text"
        raise ConfigError(f"{setting}: {path} holds no key: {told}; make one: collector watchlist new-key") from error


def openness(path: Path, setting: str) -> str | None:
    """What is wrong with the file's rights, if everybody on the machine may use it."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return f"{setting}: cannot look at {path} ({error.strerror})"
    if not mode & (stat.S_IROTH | stat.S_IWOTH):
        return None
    return f"{setting}: everybody on this machine may use the key in {path}: chmod 600 it, and take a new key"
