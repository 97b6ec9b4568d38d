"""From a finished clip to its `evidence` event: the clip follows the event that it belongs to."""

from __future__ import annotations

import threading
from collections.abc import Callable

from contract.events import EventType, EvidenceData
from edge.evidence.files import StoredFile
from edge.evidence.recorder import ClipResult, Recorder
from edge.reporting import Reporter

Answer = Callable[[str, StoredFile | None, str | None], bool]
"""Offered each result first (token, file, reason it failed): True when a command had asked for that clip."""


class ClipDesk:
    """Asks one camera's recorder for clips, and reports each of them once.

    With `in_order` (a file at full speed) the reports wait until the recorder is closed and then follow in the order of
    the requests, so that the same file gives the same events in the same order.
    """

    def __init__(self, camera_id: str, reporter: Reporter, answer: Answer, in_order: bool) -> None:
        self._camera_id = camera_id
        self._reporter = reporter
        self._answer = answer
        self._in_order = in_order
        self._lock = threading.Lock()
        self._asked: list[str] = []
        self._held_back: dict[str, ClipResult] = {}
        self.recorder: Recorder | None = None

    def request_clip(self, token: str, from_s: float, to_s: float) -> None:
        """See `Recorder.request_clip`; the token of an event's clip is the event's id."""
        if self.recorder is None:
            return
        if self._in_order:
            with self._lock:
                self._asked.append(token)
        self.recorder.request_clip(token, from_s, to_s)

    def take(self, result: ClipResult) -> None:
        """A clip is finished, or failed."""
        if self._answer(result.token, result.stored, result.failed):
            return
        if self._in_order:
            with self._lock:
                self._held_back[result.token] = result
        else:
            self._report(result)

    def close(self) -> None:
        """Finish all clips and report them."""
        if self.recorder is not None:
            self.recorder.close()
        for token in self._asked:
            result = self._held_back.pop(token, None)
            if result is not None:
                self._report(result)

    def _report(self, result: ClipResult) -> None:
        if result.stored is None:
            data = EvidenceData(event_id=result.token, failed=result.failed or "the clip was not written")
            self._reporter.report(EventType.EVIDENCE, self._camera_id, data)
            return
        data = EvidenceData(event_id=result.token, evidence=(result.stored.reference(result.note),))
        self._reporter.report(EventType.EVIDENCE, self._camera_id, data, files=(result.stored,))
