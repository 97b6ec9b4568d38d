"""Camera addresses in messages and displays: never with their secrets."""

from __future__ import annotations

import re

_PASSWORD = re.compile(r"(?<=://)([^:/?#@]*):[^/?#]*@")
_SECRET_QUERY = re.compile(r"(?i)([?&][^=&#]*(?:pass|pwd|token|secret|key|auth|sig)[^=&#]*=)[^&#]*")


def redact(address: str) -> str:
    """An address whose password, and whose query values named like a secret, are ***; paths come back unchanged."""
    return _SECRET_QUERY.sub(r"\1***", _PASSWORD.sub(r"\1:***@", address)) if "://" in address else address
