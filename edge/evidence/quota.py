"""Keeps evidence within its quota and its retention: what may be deleted, in which order, and who is told."""

from __future__ import annotations

import threading
from collections.abc import Callable

from edge.evidence.files import EvidenceFiles
from edge.evidence.queue import UploadQueue


class EvidenceQuota:
    """Deletes uploaded files first, then clips, then pictures that the collector lacks; the latter are reported."""

    def __init__(self, files: EvidenceFiles, uploads: UploadQueue, report_lost: Callable[[int], None]) -> None:
        """`report_lost(count)` must tell the collector that so many files will never come."""
        self._files = files
        self._uploads = uploads
        self._report_lost = report_lost
        self._lock = threading.Lock()

    def make_room(self, needed_bytes: int) -> int:
        """Delete until so many bytes are free; returns how many are. Raises OutboxError."""
        freed = lost = 0
        with self._lock:
            while freed < needed_bytes:
                candidates = self._uploads.to_give_up()
                if not candidates:
                    break
                for file, lacking in candidates:
                    freed += self._files.remove(file.path)
                    self._uploads.mark_given_up(file.sha256)
                    lost += lacking
                    if freed >= needed_bytes:
                        break
        if lost:
            self._report_lost(lost)
        return freed

    def forget_before(self, stored_s: float) -> int:
        """Delete uploaded files older than this wall time; returns how many. Raises OutboxError."""
        with self._lock:
            old = self._uploads.uploaded_before(stored_s)
            for file in old:
                self._files.remove(file.path)
                self._uploads.mark_given_up(file.sha256)
        return len(old)
