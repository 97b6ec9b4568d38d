"""The straight path of one frame. Read this file first.

source -> analyzers -> findings -> pictures on disk -> event in the outbox. There the frame's path ends: delivery
publishes from the outbox on its own thread, and the clip, which needs the seconds after the event, follows from the
recorder's thread as an `evidence` event.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Mapping
from typing import Protocol
from uuid import UUID

from contract.events import EventType, EvidenceData, PlatePassageData
from edge.errors import EvidenceError
from edge.evidence.files import EvidenceFiles, StoredFile
from edge.evidence.proofs import PassageProofs
from edge.health import CameraMeter
from edge.imaging import Polygon, burn_masks, encode_jpeg, within_window
from edge.ports import Analyzer, Source
from edge.privacy import PlatesClear, Privacy
from edge.reporting import Reporter
from edge.types import Finding, Frame, Picture

log = logging.getLogger(__name__)

SnapshotTaken = Callable[[StoredFile | None, str], None]
"""Called with the stored picture, or None and the reason."""


class ClipRecorder(Protocol):
    """Cuts clips out of the stream that passes."""

    def request_clip(self, token: str, from_s: float, to_s: float) -> None: ...


class PictureStore:
    """Writes pictures of one camera, with its privacy masks burnt in and plates covered where they must be."""

    def __init__(
        self,
        files: EvidenceFiles,
        masks: tuple[Polygon, ...],
        jpeg_quality: int,
        privacy: Privacy | None = None,
        proofs: PassageProofs | None = None,
    ) -> None:
        """`proofs` is told the pictures of each passage."""
        self.proofs = proofs if proofs is not None else PassageProofs()
        self._files = files
        self._masks = masks
        self._jpeg_quality = jpeg_quality
        self.privacy: Privacy = privacy if privacy is not None else PlatesClear()

    def save(self, picture: Picture, event_type: EventType | None = None) -> StoredFile:
        """Store one picture. A cut-out plate has no masks: it shows nothing else. Raises EvidenceError."""
        shown = self.privacy.cover(picture, event_type)
        if picture.role != "plate" and self._masks:
            masks = self._masks if picture.window is None else within_window(self._masks, picture.window)
            shown = burn_masks(shown, masks)
        return self._files.store(encode_jpeg(shown, self._jpeg_quality), picture.role, "image/jpeg")


class Pipeline:
    """What happens to each frame of one camera, on the camera's thread."""

    def __init__(
        self,
        camera_id: str,
        analyzers: Mapping[str, Analyzer],
        pictures: PictureStore,
        reporter: Reporter,
        meter: CameraMeter,
        recorder: ClipRecorder,
        watch_view: Callable[[Frame], None] = lambda _: None,
    ) -> None:
        """`watch_view` is shown every frame before the analyzers are: it judges the camera, not what happens."""
        self._watch_view = watch_view
        self._camera_id = camera_id
        self._analyzers = analyzers
        self._pictures = pictures
        self._reporter = reporter
        self._meter = meter
        self._recorder = recorder
        self._snapshots: queue.SimpleQueue[SnapshotTaken] = queue.SimpleQueue()

    def run(self, source: Source) -> None:
        """Take frames until the source ends. Raises what source and analyzers raise."""
        for frame in source.frames():
            self.observe(frame)
        self.finish()

    def observe(self, frame: Frame) -> None:
        """The path of one frame."""
        self._meter.saw_frame(frame.stream_time_s, frame.captured_at)
        with self._meter.analysis("view"):
            self._watch_view(frame)
        for name, analyzer in self._analyzers.items():
            with self._meter.analysis(name):
                findings = analyzer.observe(frame)
            for finding in findings:
                self.keep(finding)
        while not self._snapshots.empty():
            self._take_snapshot(frame, self._snapshots.get())

    def finish(self) -> None:
        """The stream has ended: what is still open becomes findings."""
        for analyzer in self._analyzers.values():
            for finding in analyzer.finish():
                self.keep(finding)

    def keep(self, finding: Finding) -> None:
        """A finding's pictures go to disk, then its event; its clip is asked for."""
        finding = self._pictures.privacy.discreet(finding)
        files, problem = self._save_pictures(finding)
        if isinstance(finding.data, PlatePassageData):
            self._pictures.proofs.keep(finding.data.passage_id, files)
        evidence = tuple(file.reference() for file in files)
        data = finding.data.model_copy(update={"evidence": evidence})
        event_id = self._reporter.report(finding.event_type, self._camera_id, data, finding.occurred_at, files)
        if problem is not None:
            self._report_missing(event_id, problem, finding)
        if finding.wants_clip:
            self._recorder.request_clip(str(event_id), finding.started_s, finding.ended_s)

    def _report_missing(self, event_id: UUID, reason: str, finding: Finding) -> None:
        missing = EvidenceData(event_id=str(event_id), failed=reason)
        self._reporter.report(EventType.EVIDENCE, self._camera_id, missing, finding.occurred_at)

    def request_snapshot(self, taken: SnapshotTaken) -> None:
        """Store the next frame; may be called from another thread."""
        self._snapshots.put(taken)

    def refuse_snapshots(self, reason: str) -> None:
        """There will be no next frame: answer who waits for one."""
        while not self._snapshots.empty():
            self._snapshots.get()(None, reason)

    def _save_pictures(self, finding: Finding) -> tuple[tuple[StoredFile, ...], str | None]:
        """The stored pictures, and why some are missing: an event without its picture is better than no event."""
        files: list[StoredFile] = []
        for picture in finding.pictures:
            try:
                files.append(self._pictures.save(picture, finding.event_type))
            except EvidenceError as error:
                self._meter.failed(str(error))
                log.error("camera %s: %s", self._camera_id, error)
                return tuple(files), str(error)
        return tuple(files), None

    def _take_snapshot(self, frame: Frame, taken: SnapshotTaken) -> None:
        try:
            stored = self._pictures.save(Picture("snapshot", frame.bgr()))
        except EvidenceError as error:
            taken(None, str(error))
            return
        taken(stored, f"taken at {frame.captured_at.isoformat()}")
