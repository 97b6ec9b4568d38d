"""The pictures of passages told lately, for a hit of the watch list that is found only afterwards."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from edge.evidence.files import StoredFile

_PASSAGES_MAX = 2500
"""More than wait for the watch list at most."""


class PassageProofs:
    """Remembers the stored pictures of each passage, the newest ones. Safe to call from several threads."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, tuple[StoredFile, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, passage_id: str, files: Sequence[StoredFile]) -> None:
        """What proves this passage now; those of its final event replace those of its provisional one."""
        if not files:
            return
        with self._lock:
            self._files[passage_id] = tuple(files)
            self._files.move_to_end(passage_id)
            while len(self._files) > _PASSAGES_MAX:
                self._files.popitem(last=False)

    def of(self, passage_id: str) -> tuple[StoredFile, ...]:
        """Its pictures that are still on disk: the quota may have taken them."""
        with self._lock:
            files = self._files.get(passage_id, ())
        return tuple(file for file in files if file.path.exists())
