"""The path of one frame on a plate camera: motion gate -> detector -> passage -> reader -> grammar -> findings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

import numpy as np

from contract.events import PlatePassageData
from edge.inference import ModelStore
from edge.plates.detector import SAME_PLATE, PlateDetection, PlateDetector, overlap
from edge.plates.finding import Stage, Telling, hit_finding, make_finding
from edge.plates.grammar import REGIONS
from edge.plates.motion import STILL, Motion, MotionGate
from edge.plates.passage import STANDS_FOR_S, Passage, PassageTracker, PlateEvidence, Sighting
from edge.plates.recognition import Recogniser
from edge.plates.rectify import Corners, aspect, unwarp
from edge.plates.settings import PlatesSettings
from edge.plates.timeline import Timeline
from edge.plates.vote import Verdict
from edge.plates.watchlist import NoWatch, Watch, WatchedRead
from edge.plates.zones import inside
from edge.types import Bgr, Finding, Frame

_SURE_ALONE = 0.9
"""A text that no second reading bears out must be so sure: a glimpse from afar would else stand for the vehicle."""
_UNREADABLE_READS = 5
_UNREADABLE_SCORE = 0.65
"""Fewer fruitless reads, or a detector less sure, are a shop sign or a sticker, not a plate that could not be read."""
_MOVED_WIDTHS = 1.0
"""What never moved by its own width and was never read is part of the scenery."""
_PLATE_HEIGHT_PX = 96
SEARCH_SIDES = (256, 320, 384, 448, 512)
"""The whole picture is searched with its long side scaled to the last of these; a part of it with a smaller one."""
_WORTH_CUTTING = 0.7
"""A region of interest with more than this share of the picture is searched as the whole picture."""
_LARGE_EVERY_S = 0.5
_LARGE_FROM = 0.2
"""Plates that fill much of what is searched are looked for so often, and always when one of this share is known."""
_STREAM_GAP_S = 1.0
"""Nobody knows what moved between two frames that are farther apart."""
_NEW_AT_ONCE = 4
"""In one look at most so many doubtful places more than known plates are looked at closely."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom in picture fractions."""


@dataclass(frozen=True, slots=True)
class WorkDone:
    """How often the costly steps ran."""

    frames: int = 0
    looks: int = 0
    reads: int = 0


class PlatesAnalyzer:
    """Reads the plates of one camera (see `edge.ports.Analyzer`). Raises ModelError when a model cannot be loaded."""

    def __init__(
        self,
        camera_id: str,
        settings: PlatesSettings,
        models: ModelStore,
        new_id: Callable[[], str] = lambda: str(uuid4()),
        watch: Watch | None = None,
    ) -> None:
        region = REGIONS[settings.region]
        self._camera_id = camera_id
        self._settings = settings
        self._watch: Watch = watch if watch is not None else NoWatch()
        score = settings.min_detection_score
        self._detectors = {side: PlateDetector(models, long_side=side, min_score=score) for side in SEARCH_SIDES}
        self._recogniser = Recogniser.of(region, models)
        self._gate = MotionGate()
        self._tracker = PassageTracker(settings, region, new_id)
        self._closed: list[tuple[str, float]] = []
        self._timeline = Timeline()
        self._last_frame_s = 0.0
        self._moved_last_s = 0.0
        self._looked_s = 0.0
        self._next_look_s = 0.0
        self._next_relook_s = 0.0
        self._next_large_s = 0.0
        self._moved: list[Box] = []
        self._frames = self._looks = self._reads = 0

    @property
    def work(self) -> WorkDone:
        """Counts since the start."""
        return WorkDone(self._frames, self._looks, self._reads)

    def observe(self, frame: Frame) -> Sequence[Finding]:
        """Look at the next frame; most cost only the motion gate."""
        now_s = self._timeline.place(frame)
        self._frames += 1
        motion = STILL if frame.repeated else self._gate.observe(frame.luma)
        self._note_calm(now_s, motion)
        findings = self._look(frame, now_s) if self._must_look(now_s, motion) else []
        return findings + self._finals(self._tracker.close_left(now_s))

    def finish(self) -> Sequence[Finding]:
        """The finals of all vehicles still in view."""
        return self._finals(self._tracker.close_all())

    def _note_calm(self, now_s: float, motion: Motion) -> None:
        """While nothing moves, there are hardly any looks: the vehicles of the last one have not left, they stand."""
        if motion.any or now_s - self._last_frame_s > _STREAM_GAP_S:
            self._moved_last_s = now_s
        self._last_frame_s = now_s
        if now_s - max(self._moved_last_s, self._looked_s) >= STANDS_FOR_S:
            self._tracker.rest(self._looked_s)

    def _must_look(self, time_s: float, motion: Motion) -> bool:
        if motion.box is not None:
            self._moved.append(motion.box)
        relook = time_s >= self._next_relook_s
        due = relook or (bool(self._moved) and time_s >= self._next_look_s)
        if due:
            calm = bool(self._tracker.open) and all(passage.settled(self._settings) for passage in self._tracker.open)
            interval = self._settings.look_interval_s * (2 if calm else 1)
            self._next_look_s = time_s + interval - 1e-3
            self._next_relook_s = time_s + self._settings.relook_interval_s
        if relook:
            self._moved = [(0.0, 0.0, 1.0, 1.0)]
        return due

    def _look(self, frame: Frame, now_s: float) -> list[Finding]:
        """Detect, follow, and read those plates that are worth a reading."""
        self._looks += 1
        self._looked_s = now_s
        picture = frame.bgr()
        size = (picture.shape[1], picture.shape[0])
        sightings = [Sighting(now_s, frame.captured_at, d.corners, d.score) for d in self._search(picture, now_s)]
        watched = [s for s in sightings if self._watched(s, size)]
        pairs = self._tracker.follow(watched, size)
        close = [Sighting(now_s, frame.captured_at, d.corners, d.score) for d in self._search_missed(picture, now_s)]
        missed = [s for s in close if self._watched(s, size) and _is_new(s, watched)]
        findings: list[Finding] = []
        for passage, sighting in [*pairs, *(self._tracker.follow(missed, size) if missed else [])]:
            if passage.wants_read(sighting, self._settings):
                findings += self._read(frame, picture, passage, sighting)
        return findings

    def _search(self, picture: Bgr, time_s: float) -> list[PlateDetection]:
        """Plates where something has moved since the last look, and where the known ones should be."""
        height, width = picture.shape[:2]
        known = [_surroundings(passage, time_s, (width, height)) for passage in self._tracker.followed(time_s)]
        left, top, right, bottom = _union([*self._moved, *known])
        self._moved = []
        x0, y0, x1, y1 = int(left * width), int(top * height), int(right * width), int(bottom * height)
        if (x1 - x0) * (y1 - y0) > _WORTH_CUTTING * width * height:
            x0, y0, x1, y1 = 0, 0, width, height
        wanted = max(x1 - x0, y1 - y0) * SEARCH_SIDES[-1] / max(width, height)
        side = next(side for side in SEARCH_SIDES if side >= min(wanted, SEARCH_SIDES[-1]))
        large = self._looks_for_large(time_s, max(x1 - x0, y1 - y0))
        most = len(known) + _NEW_AT_ONCE
        found = self._detectors[side].glance(picture[y0:y1, x0:x1], most, large=large)
        here = np.array([x0, y0], np.float32)
        return [PlateDetection(detection.corners + here, detection.score) for detection in found]

    def _search_missed(self, picture: Bgr, now_s: float) -> list[PlateDetection]:
        """Plates that were read, not surely yet, and that this look has not found: where they should be, closer."""
        missed = [passage for passage in self._tracker.followed(now_s) if passage.missed(now_s, self._settings)]
        close = self._detectors[SEARCH_SIDES[-1]]
        found = [close.search_near(picture, passage.place(now_s)) for passage in missed[:_NEW_AT_ONCE]]
        return [one for one in found if one is not None]

    def _looks_for_large(self, time_s: float, searched_px: int) -> bool:
        """Whether this look is also for plates that fill much of the picture."""
        due = time_s >= self._next_large_s
        if due:
            self._next_large_s = time_s + _LARGE_EVERY_S - 1e-3
        return due or any(passage.last.width > _LARGE_FROM * searched_px for passage in self._tracker.open)

    def _watched(self, sighting: Sighting, size: tuple[int, int]) -> bool:
        x, y = sighting.centre
        zone = self._settings.zone
        return zone is None or inside(zone, (x / size[0], y / size[1]))

    def _read(self, frame: Frame, picture: Bgr, passage: Passage, sighting: Sighting) -> list[Finding]:
        """Read one plate and count the vote. Returns the provisional finding when it is due."""
        self._reads += 1
        [exact] = self._detectors[SEARCH_SIDES[-1]].refine(picture, [PlateDetection(sighting.corners, sighting.score)])
        sighting = replace(sighting, corners=exact.corners)
        found = self._recogniser.recognise(picture, sighting.corners)
        if found.read.refused:
            passage.refuse(sighting, self._settings)
            return []
        straight = _straight(picture, sighting.corners)
        evidence = PlateEvidence(picture, straight, sighting, found.reading, found.read.colour)
        if passage.contradicts(found.reading):
            return self._split(frame, passage, evidence)
        if passage.doubts(evidence):
            self._next_relook_s = sighting.time_s + self._settings.look_interval_s
            return []
        verdict = passage.take(evidence, self._settings)
        if not passage.announced and self._bears_out(verdict):
            passage = self._tracker.rejoin(passage)
            verdict = passage.vote.verdict()
        return self._provisional(frame, passage, verdict)

    def _bears_out(self, verdict: Verdict) -> bool:
        """Whether this text can be told as a vehicle's."""
        return self._trusted(verdict) and (verdict.agreeing >= 2 or verdict.confidence >= _SURE_ALONE)

    def _split(self, frame: Frame, passage: Passage, evidence: PlateEvidence) -> list[Finding]:
        """Another plate stands where this passage was expected: a second vehicle, close behind the first."""
        self._tracker.close(passage)
        passage.give_up_last()
        findings = self._finals([passage])
        seen = [*passage.read_before(evidence), evidence]
        following = self._tracker.begin(seen[0].sighting)
        for one in seen:
            following.see(one.sighting, passage.lane)
            verdict = following.take(one, self._settings)
        return findings + self._provisional(frame, following, verdict)

    def _provisional(self, frame: Frame, passage: Passage, verdict: Verdict) -> list[Finding]:
        """The passage, once; before it the watch list's hits, at this and every later reading."""
        if verdict.agreeing < 2 or not self._trusted(verdict):
            return []
        if not passage.announced and self._same_vehicle(passage, verdict.text):
            return []
        told = self._tell(passage, verdict, "provisional", frame.captured_at)
        first, passage.announced = not passage.announced, True
        return [*self._hits(passage, told), *([told] if first else [])]

    def _hits(self, passage: Passage, told: Finding) -> list[Finding]:
        data = told.data
        if not isinstance(data, PlatePassageData) or data.plate is None or not data.plate.text:
            return []
        read = WatchedRead(self._camera_id, passage.id, data.plate, told.occurred_at)
        clip = self._settings.clip and self._span(passage) is not None
        return [hit_finding(told, hit, clip) for hit in self._watch.hits(read)]

    def _trusted(self, verdict: Verdict) -> bool:
        return verdict.kind is not None and verdict.confidence >= self._settings.min_confidence

    def _tell(self, passage: Passage, verdict: Verdict, stage: Stage, occurred_at: datetime) -> Finding:
        clip = self._settings.clip and stage == "final"
        telling = Telling(stage, self._settings.region, self._trusted(verdict), clip, self._span(passage))
        return make_finding(self._camera_id, passage, verdict, occurred_at, telling)

    def _span(self, passage: Passage) -> tuple[float, float] | None:
        return self._timeline.in_stream(passage.first.time_s, passage.last.time_s)

    def _same_vehicle(self, passage: Passage, text: str) -> bool:
        """Whether this text has just been reported, by a passage closed lately or by another one still open."""
        since = passage.first.time_s - self._settings.same_vehicle_s
        if any(text == old and closed >= since for old, closed in self._closed):
            return True
        return any(
            other is not passage and other.announced and other.vote.verdict().text == text
            for other in self._tracker.open
        )

    def _finals(self, passages: Sequence[Passage]) -> list[Finding]:
        findings: list[Finding] = []
        for passage in sorted(passages, key=lambda p: (not p.announced, p.first.time_s)):
            verdict = passage.vote.verdict()
            trusted = self._trusted(verdict)
            if not self._worth_telling(passage, verdict):
                continue
            if trusted:
                self._closed = [*self._closed[-31:], (verdict.text, passage.last.time_s)]
            told = self._tell(passage, verdict, "final", passage.last.captured_at)
            findings += self._hits(passage, told)
            withdrawn = self._watch.close(passage.id, verdict.text if trusted else "")
            findings.append(replace(told, data=told.data.model_copy(update={"withdrawn_hits": withdrawn})))
        return findings

    def _worth_telling(self, passage: Passage, verdict: Verdict) -> bool:
        if not passage.proofs:
            return False
        if passage.announced:
            return True
        if passage.refusals > passage.vote.count:
            return False
        if self._bears_out(verdict):
            return not self._same_vehicle(passage, verdict.text)
        sure = passage.vote.count >= _UNREADABLE_READS and passage.score >= _UNREADABLE_SCORE
        return sure and passage.refusals == 0 and passage.moved >= _MOVED_WIDTHS


def _surroundings(passage: Passage, time_s: float, size: tuple[int, int]) -> Box:
    """Where a known plate may be now."""
    x, y = passage.expected(time_s)
    room = 2.0 * passage.last.width
    return (x - room) / size[0], (y - room) / size[1], (x + room) / size[0], (y + room) / size[1]


def _union(boxes: Sequence[Box]) -> Box:
    """The box around all of them with a margin, inside the picture; never thinner than a tenth of it."""
    left, top = min(b[0] for b in boxes) - 0.02, min(b[1] for b in boxes) - 0.02
    right, bottom = max(b[2] for b in boxes) + 0.02, max(b[3] for b in boxes) + 0.02
    left, top = min(max(left, 0.0), 0.9), min(max(top, 0.0), 0.9)
    return left, top, max(min(right, 1.0), left + 0.1), max(min(bottom, 1.0), top + 0.1)


def _is_new(sighting: Sighting, others: Sequence[Sighting]) -> bool:
    """Whether none of the others is the same plate."""
    return all(overlap(sighting.corners, other.corners) < SAME_PLATE for other in others)


def _straight(picture: Bgr, corners: Corners) -> Bgr:
    """The plate rectified, whatever rows it has, for people to look at."""
    ratio = min(5.0, max(1.4, aspect(corners)))
    return unwarp(picture, corners, round(_PLATE_HEIGHT_PX * ratio), _PLATE_HEIGHT_PX)
