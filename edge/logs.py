"""The agent's log: one line per happening, as text or JSON, repetitions held back, passwords redacted."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import deque
from datetime import UTC, datetime

from edge.addresses import redact

_REPEAT_S = 10.0
_REMEMBERED = 200


_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
"""What others send stands in some lines: it must not begin a line of its own, nor move a terminal's cursor."""


class _Redact(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()).translate(_CONTROL), None
        return True


class RepeatFilter(logging.Filter):
    """Lets the same warning or error pass once in ten seconds and says how many it held back."""

    def __init__(self, every_s: float = _REPEAT_S) -> None:
        super().__init__()
        self._every_s = every_s
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        key = (record.name, str(record.msg))
        last_s, held_back = self._seen.get(key, (-1e9, 0))
        now_s = time.monotonic()
        if now_s - last_s < self._every_s:
            self._seen[key] = (last_s, held_back + 1)
            return False
        self._seen.pop(key, None)
        self._seen[key] = (now_s, 0)
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        if held_back:
            record.msg = f"{record.getMessage()} ({held_back} more like this held back)"
            record.args = None
        return True


class RecentLines(logging.Handler):
    """Keeps the last lines, for the `logs` command."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=_REMEMBERED)

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))

    def text(self, limit: int = 8000) -> str:
        """The last lines, at most so many characters."""
        return "\n".join(self._lines)[-limit:]


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": record.getMessage(),
        }
        if record.exc_info is not None:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up(level: str, json_lines: bool) -> RecentLines:
    """Log to standard error; returns the handler that remembers the last lines."""
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", datefmt="%H:%M:%S")
    shown = logging.StreamHandler(sys.stderr)
    shown.setFormatter(JsonFormatter() if json_lines else text)
    recent = RecentLines()
    recent.setFormatter(text)
    repeats, redaction = RepeatFilter(), _Redact()
    root = logging.getLogger()
    root.setLevel(level.upper())
    root.handlers.clear()
    for handler in (shown, recent):
        handler.addFilter(redaction)
        root.addHandler(handler)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    shown.addFilter(repeats)
    return recent
