"""Keeps evidence within its quota and its retention: what may be deleted, in which order, and who is told."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

from edge.errors import OutboxError
from edge.evidence.files import EvidenceFiles, StoredFile
from edge.evidence.queue import UploadQueue

log = logging.getLogger(__name__)


class EvidenceQuota:
    """Deletes uploaded files first, then clips, then pictures that the collector lacks; the latter are reported."""

    def __init__(self, files: EvidenceFiles, uploads: UploadQueue, report_lost: Callable[[int], None]) -> None:
        """`report_lost(count)` must tell the collector that so many files will never come."""
        self._files = files
        self._uploads = uploads
        self._report_lost = report_lost
        self._lock = threading.Lock()

    def make_room(self, needed_bytes: int) -> int:
        """Delete until so many bytes are free; returns how many are (fewer when nothing is left to delete)."""
        freed = lost = 0
        with self._lock:
            try:
                for file, lacking in self._in_order():
                    freed += self._files.remove(file.path)
                    self._uploads.forget(file.sha256)
                    lost += lacking
                    if freed >= needed_bytes:
                        break
            except OutboxError as error:
                log.error("evidence stays, because it cannot be written down that it goes: %s", error)
        if lost:
            self._report_lost(lost)
        return freed

    def _in_order(self) -> Iterator[tuple[StoredFile, bool]]:
        while candidates := self._uploads.to_give_up():
            yield from candidates

    def forget_before(self, stored_s: float) -> int:
        """Delete settled files older than this wall time; returns how many. Raises OutboxError."""
        with self._lock:
            old = self._uploads.settled_before(stored_s)
            for file in old:
                self._files.remove(file.path)
                self._uploads.forget(file.sha256)
        return len(old)
