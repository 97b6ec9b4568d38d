"""Files of evidence that no queue names are offered to the collector, beside all else: there may be half a million."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from edge.errors import OutboxError
from edge.evidence.queue import UploadQueue
from edge.ports import Clock

log = logging.getLogger(__name__)


class StraySearch:
    """One look through the folder after the start, on a thread of its own; cameras do not wait for it."""

    def __init__(self, uploads: UploadQueue, folder: Path, clock: Clock, on_found: Callable[[], None]) -> None:
        self._uploads = uploads
        self._folder = folder
        self._clock = clock
        self._on_found = on_found
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="strays", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End before the outbox is closed; the rest is looked at after the next start."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            if self._uploads.add_strays(self._folder, self._clock.now(), self._stopping):
                self._on_found()
        except OutboxError as error:  # such as a full disk
            log.error("evidence that no event names is not offered: %s", error)
