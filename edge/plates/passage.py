"""Follows each plate over the frames, so that one vehicle is one passage: direction, lane, when to read, evidence."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from contract.events import Direction, PlateColour, SpeedClass
from contract.plate_keys import fold
from edge.plates.decoding import Reading
from edge.plates.grammar import Region
from edge.plates.rectify import Corners
from edge.plates.settings import PlatesSettings
from edge.plates.speed import SpeedGauge, speed_class
from edge.plates.vote import PlateVote, Verdict
from edge.plates.zones import lane_of
from edge.types import Bgr

_GATE_KNOWN = 1.0
_GATE_NEW = 2.0
_GATE_PER_SECOND = 2.0
_GATE_MOST = 3.0
"""How far a plate may be from where it is expected, in its own widths: speed known or not, grown by time."""
_STARTED_S = 0.5
"""What stood moves since so long at most: whatever moves is looked at."""
_SIZE_RATIO = 1.7
STANDS_FOR_S = 1.5
_STANDS_WITHIN = 0.3
"""A plate stands that stayed within this part of its width for so long."""
_SAME_PLACES = 3
"""Two sure readings of equal length with no more characters in common are two plates."""
_SURE = 0.6
_OTHER = 0.9
"""Where two readings of equal length differ, each must be so sure of its own characters to be of another plate."""
_AWAY_S, _RELOOKS_AWAY = 1.0, 1.5
"""A plate that was not seen for so long, or for so many looks where it stood, may have gone while another one came."""
_LOOKS_TO_PROVE = 4
_SETTLED = 0.95
"""A text this sure need hardly be read again."""
_GROWN = 1.25
_GROWTH_BY_CORNERS, _SUNK = 0.25, 0.25
"""A plate may seem to have grown or shrunk by so much (logarithm) because its first corners were poor; what sinks by
this part of its width meanwhile does not go away."""
_FIRST_INTERVAL_S = 0.2
_PROOFS = 3
_MISSED_FOR_S = 0.7
"""A plate that was read once and is not seen is searched where it should be for so long."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A plate as the detector saw it in one frame."""

    time_s: float
    captured_at: datetime
    corners: Corners
    score: float

    @property
    def centre(self) -> tuple[float, float]:
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = self.corners.tolist()
        return (ax + bx + cx + dx) / 4, (ay + by + cy + dy) / 4

    @property
    def width(self) -> float:
        """Length of the upper and lower edge in pixels, the mean of both."""
        a, b, c, d = self.corners.tolist()
        return (math.dist(a, b) + math.dist(c, d)) / 2

    @property
    def foot(self) -> tuple[float, float]:
        """Middle of the lower edge."""
        c = self.corners
        return float((c[2, 0] + c[3, 0]) / 2), float((c[2, 1] + c[3, 1]) / 2)


@dataclass(frozen=True, slots=True)
class PlateEvidence:
    """The very frame that was read, the plate rectified from it, and what was read there."""

    frame: Bgr
    plate: Bgr
    sighting: Sighting
    reading: Reading
    colour: PlateColour

    @property
    def value(self) -> float:
        """How good a proof it is: a sure reading of a large plate."""
        return (self.reading.probability if self.reading.readable else 0.0) + min(self.sighting.width, 400) / 4000


@dataclass(slots=True)
class Passage:
    """One vehicle from its first sighting to its last."""

    id: str
    first: Sighting
    last: Sighting
    vote: PlateVote
    path: deque[Sighting] = field(default_factory=lambda: deque(maxlen=64))
    before: Sighting | None = None
    lanes: Counter[str] = field(default_factory=Counter)
    colours: Counter[PlateColour] = field(default_factory=Counter)
    sightings: int = 0
    moved: float = 0.0
    proofs: dict[str, PlateEvidence] = field(default_factory=dict)
    announced: bool = False
    stands: bool = False
    """Whether it has hardly moved for a while."""
    refusals: int = 0
    """Readings in which the net saw no plate at all."""
    next_read_s: float = 0.0
    read_interval_s: float = 0.0
    unproven: int = 0
    """Readings left in which to show that, after a while out of sight, it is still the same plate."""
    other: PlateEvidence | None = None
    """The last reading since then, if it was sure of another text."""
    gone: Sighting | None = None
    """The last one before that."""
    width_read: float = 0.0
    gauge: SpeedGauge | None = None
    exact: Sighting | None = None
    """As it was read last: its corners are exact."""

    def see(self, sighting: Sighting, lane: str | None, away_s: float = math.inf) -> None:
        """Follow the plate to where it is now; after `away_s` seconds out of sight it must be read again."""
        if self.sightings and self.vote.count and sighting.time_s - self.last.time_s > away_s:
            self.unproven, self.other, self.gone = _LOOKS_TO_PROVE, None, self.last
        self.before = self.last if self.sightings else None
        self.last = sighting
        self.path.append(sighting)
        self.sightings += 1
        self.moved = max(self.moved, _distance(self.first.centre, sighting.centre) / max(sighting.width, 1.0))
        self.stands = self._has_stopped()
        if lane is not None:
            self.lanes[lane] += 1

    def expected(self, time_s: float) -> tuple[float, float]:
        """Where the plate's centre should be now, by its last speed."""
        x, y = self.last.centre
        if self.stands or self.before is None or self.last.time_s <= self.before.time_s:
            return x, y
        steps = (time_s - self.last.time_s) / (self.last.time_s - self.before.time_s)
        bx, by = self.before.centre
        return x + (x - bx) * steps, y + (y - by) * steps

    def missed(self, time_s: float, settings: PlatesSettings) -> bool:
        """Whether it was read, but not surely, and was seen a moment ago, though not now."""
        waits = 0 < time_s - self.last.time_s <= _MISSED_FOR_S
        return waits and self.vote.count > 0 and not self.announced and not self.settled(settings)

    def place(self, time_s: float) -> Corners:
        """The corners (4, 2) where it should be now, by its last speed."""
        seen = self.exact if self.exact is not None and self.exact.time_s == self.last.time_s else self.last
        (x, y), (now_x, now_y) = self.last.centre, self.expected(time_s)
        return np.asarray(seen.corners + np.array([now_x - x, now_y - y], np.float32), np.float32)

    def _has_stopped(self) -> bool:
        recent = [s for s in self.path if s.time_s >= self.last.time_s - 2 * STANDS_FOR_S]
        if self.last.time_s - recent[0].time_s < STANDS_FOR_S and self.last.time_s - self.first.time_s < STANDS_FOR_S:
            return False
        far = max(_distance(s.centre, self.last.centre) for s in recent)
        return far < _STANDS_WITHIN * self.last.width

    @property
    def direction(self) -> Direction:
        """By whether the plate has grown or shrunk since it was first seen, and sunk or risen; they must agree."""
        growth = math.log(self.last.width / self.first.width) if self.first.width and self.last.width else 0.0
        sunk = (self.last.centre[1] - self.first.centre[1]) / max(self.first.width, 1.0)
        if abs(growth) < _GROWTH_BY_CORNERS and growth * sunk < 0 and abs(sunk) > _SUNK:
            return "unknown"
        if growth > 0.08 or (sunk > 1.0 and growth > 0):
            return "approaching"
        if growth < -0.08 or (sunk < -1.0 and growth < 0):
            return "leaving"
        return "unknown"

    @property
    def speed_class(self) -> SpeedClass | None:
        """How fast it passed; None where no scale is drawn, and until it has crossed both lines or stands."""
        kmh = self.gauge.kmh if self.gauge is not None else None
        if kmh is not None:
            return speed_class(kmh)
        return "standing" if self.gauge is not None and self.stands else None

    @property
    def score(self) -> float:
        """How sure the detector was of the plate, the mean of its latest sightings."""
        return sum(sighting.score for sighting in self.path) / max(len(self.path), 1)

    @property
    def lane(self) -> str | None:
        """The lane it was seen in most."""
        return self.lanes.most_common(1)[0][0] if self.lanes else None

    def wants_read(self, sighting: Sighting, settings: PlatesSettings) -> bool:
        """Whether to read it now: at once at first, then ever more rarely; sooner when it has come nearer."""
        if sighting.width < settings.min_plate_width_px:
            return False
        if self.unproven:
            return True
        if self.stands:
            return sighting.time_s >= self.next_read_s
        if self.reads >= settings.reads_per_passage:
            return False
        return sighting.time_s >= self.next_read_s or sighting.width > _GROWN * self.width_read

    def take(self, evidence: PlateEvidence, settings: PlatesSettings) -> Verdict:
        """Count a reading, keep it as evidence if it is the best for the text that leads now; return the verdict."""
        sighting, reading = evidence.sighting, evidence.reading
        self.vote.add(reading)
        self.exact = sighting
        self.colours[evidence.colour] += 1
        verdict = self.vote.verdict()
        self._wait(sighting, settings, settled=self.settled(settings))
        self._keep(evidence, verdict.text)
        return verdict

    def refuse(self, sighting: Sighting, settings: PlatesSettings) -> None:
        """Count a look at which the net saw no plate."""
        self.refusals += 1
        self.unproven = max(0, self.unproven - 1)
        self._wait(sighting, settings, settled=self.refusals >= 2 or self.settled(settings))

    def _wait(self, sighting: Sighting, settings: PlatesSettings, *, settled: bool) -> None:
        """Set when to read again: at every look until it is settled, then each time twice as late."""
        self.width_read = max(self.width_read, sighting.width)
        if settled:
            doubled = max(_FIRST_INTERVAL_S, 2 * self.read_interval_s)
            self.read_interval_s = min(doubled, settings.standing_read_interval_s)
        self.next_read_s = sighting.time_s + self.read_interval_s

    def settled(self, settings: PlatesSettings) -> bool:
        """Whether it need only be followed: its text is sure, or it has been read often enough."""
        verdict = self.vote.verdict()
        return (verdict.agreeing >= 2 and verdict.confidence >= _SETTLED) or self.reads >= settings.reads_per_passage

    @property
    def reads(self) -> int:
        """How often it was read, with or without success."""
        return self.vote.count + self.refusals

    @property
    def colour(self) -> PlateColour:
        """The colour most readings saw."""
        return self.colours.most_common(1)[0][0] if self.colours else "unknown"

    def _keep(self, evidence: PlateEvidence, leading: str) -> None:
        """Keep the best proof of each text, of few texts: pictures are large, and a car park is full of them."""
        text = evidence.reading.text
        if text not in self.proofs or evidence.value > self.proofs[text].value:
            self.proofs[text] = evidence
        while len(self.proofs) > (1 if self.stands and leading in self.proofs else _PROOFS):
            del self.proofs[min((t for t in self.proofs if t != leading), key=lambda t: self.proofs[t].value)]

    def evidence(self, text: str) -> PlateEvidence | None:
        """The best frame on which this very text was read, else the best one there is; None when nothing was read."""
        return self.proofs.get(text) or max(self.proofs.values(), key=lambda proof: proof.value, default=None)

    def absorb(self, later: Passage) -> None:
        """Go on as this one vehicle: what was taken for another one, after this was lost, bears the same plate."""
        self.vote.absorb(later.vote)
        self.before, self.last = later.before, later.last
        self.path.extend(later.path)
        self.sightings += later.sightings
        self.moved = max(
            self.moved,
            later.moved,
            _distance(self.first.centre, later.last.centre) / max(later.last.width, 1.0),
        )
        self.stands = later.stands
        self.lanes += later.lanes
        self.colours += later.colours
        self.refusals += later.refusals
        self.announced |= later.announced
        self.next_read_s, self.read_interval_s = later.next_read_s, later.read_interval_s
        self.width_read = max(self.width_read, later.width_read)
        if self.gauge is not None and later.gauge is not None:
            self.gauge.absorb(later.gauge)
        leading = self.vote.verdict().text
        for proof in later.proofs.values():
            self._keep(proof, leading)

    def leaves_view(self, after_s: float, frame_size: tuple[int, int]) -> bool:
        """Whether by its last speed it should be out of the picture (width, height) so long after its last sighting."""
        x, y = self.expected(self.last.time_s + after_s)
        half = self.last.width / 2
        return not (half <= x <= frame_size[0] - half and half / 2 <= y <= frame_size[1] - half / 2)

    def away_s(self, settings: PlatesSettings) -> float:
        """So long out of sight, another vehicle may stand there: what stands is not looked for at all times."""
        return max(_AWAY_S, _RELOOKS_AWAY * settings.relook_interval_s) if self.stands else _AWAY_S

    def doubts(self, evidence: PlateEvidence) -> bool:
        """Whether, since it was out of sight, it seems to bear another plate: this is not counted, the next decides."""
        if not self.unproven:
            return False
        other = self._differs(evidence.reading)
        proven = not other and evidence.reading.text == self.vote.verdict().text
        self.unproven = 0 if proven else self.unproven - 1
        self.other = evidence if other else None
        return other

    def contradicts(self, reading: Reading) -> bool:
        """Whether a sure reading is plainly another plate than the one followed so far."""
        again = self.unproven > 0 and self.other is not None and self.other.reading.text == reading.text
        return self._shares_little(reading) or (again and self._differs(reading))

    def read_before(self, evidence: PlateEvidence) -> list[PlateEvidence]:
        """The reading that waited for this one, if it was of the same other text."""
        waited = self.other if self.unproven else None
        return [waited] if waited is not None and waited.reading.text == evidence.reading.text else []

    def give_up_last(self) -> None:
        """What was seen last is another vehicle: this one was seen until before."""
        seen = self.gone if self.unproven and self.gone is not None else self.before
        self.last = seen if seen is not None else self.last

    def _differs(self, reading: Reading) -> bool:
        """Whether reading and passage are both sure of different characters that do not look alike."""
        verdict = self.vote.verdict()
        if not reading.readable or min(reading.probability, verdict.confidence) < _OTHER:
            return False
        return len(reading.text) == len(verdict.text) and fold(reading.text) != fold(verdict.text)

    def _shares_little(self, reading: Reading) -> bool:
        """Whether they have so few characters in common that no poor reading explains it."""
        verdict = self.vote.verdict()
        if not (reading.readable and verdict.text) or min(reading.probability, verdict.confidence) < _SURE:
            return False
        if reading.text in verdict.text or verdict.text in reading.text:  # the same plate, cut off at an end
            return False
        common = sum(a == b for a, b in zip(reading.text, verdict.text, strict=False))
        return common <= _SAME_PLACES


class PassageTracker:
    """All vehicles now in view of one camera."""

    def __init__(self, settings: PlatesSettings, region: Region, new_id: Callable[[], str]) -> None:
        self._settings = settings
        self._region = region
        self._new_id = new_id
        self._frame_size = (0, 0)
        self.open: list[Passage] = []

    def follow(self, sightings: Sequence[Sighting], frame_size: tuple[int, int]) -> list[tuple[Passage, Sighting]]:
        """Give each sighting to the passage that expects it there, or begin one. `frame_size` is (width, height)."""
        self._frame_size = frame_size
        pairs = []
        now_s = sightings[0].time_s if sightings else 0.0
        free = [passage for passage in self.followed(now_s) if passage.last.time_s < now_s]  # one plate, one place
        waiting = list(sightings)
        while best := _nearest(free, waiting):
            passage, sighting = best
            free.remove(passage)
            waiting = [other for other in waiting if other is not sighting]
            pairs.append((passage, sighting))
        pairs += [(self.begin(sighting), sighting) for sighting in waiting]
        for passage, sighting in pairs:
            lane = lane_of(sighting.foot, self._settings.lanes, frame_size)
            passage.see(sighting, lane, passage.away_s(self._settings))
            if passage.gauge is not None:
                x, y = sighting.centre
                passage.gauge.see(sighting.time_s, (x / frame_size[0], y / frame_size[1]))
        return pairs

    def rest(self, looked_s: float) -> None:
        """Nothing at all has moved for a while since the look at this time: what it saw stands where it was."""
        for passage in self.open:
            if passage.last.time_s == looked_s:
                passage.stands = True

    def followed(self, time_s: float) -> list[Passage]:
        """Those that may be seen where they are expected now; one that was lost for longer must be read again."""
        moves, stands = self._settings.leave_after_s, self._settings.stand_leave_after_s
        return [p for p in self.open if time_s - p.last.time_s <= (stands if p.stands else moves)]

    def begin(self, sighting: Sighting) -> Passage:
        """Open a passage with this sighting as its first."""
        scale = self._settings.speed
        gauge = SpeedGauge(scale) if scale is not None else None
        passage = Passage(self._new_id(), sighting, sighting, PlateVote(self._region), gauge=gauge)
        self.open.append(passage)
        return passage

    def rejoin(self, passage: Passage) -> Passage:
        """The passage that this one goes on: the same text, lost before this one was seen. Else itself."""
        text = passage.vote.verdict().text
        for earlier in self.open:
            if earlier.last.time_s < passage.first.time_s and text and earlier.vote.verdict().text == text:
                earlier.absorb(passage)
                self.close(passage)
                return earlier
        return passage

    def close_left(self, time_s: float) -> list[Passage]:
        """Take out the passages whose vehicle has not been seen for its time."""
        left = [p for p in self.open if time_s - p.last.time_s > self._patience(p)]
        self.open = [p for p in self.open if p not in left]
        return left

    def close(self, passage: Passage) -> None:
        """Take out one passage."""
        self.open = [p for p in self.open if p is not passage]

    def close_all(self) -> list[Passage]:
        """Take out all: the stream has ended."""
        left, self.open = self.open, []
        return left

    def _patience(self, passage: Passage) -> float:
        """Longer for one that stood, and for one that came nearer and was lost amid the picture."""
        settings = self._settings
        if passage.stands:
            return settings.stand_leave_after_s
        comes = passage.direction != "leaving" and passage.vote.count > 0
        if comes and not passage.leaves_view(settings.leave_after_s, self._frame_size):
            return max(settings.leave_after_s, settings.lost_leave_after_s)
        return settings.leave_after_s


def _nearest(passages: Sequence[Passage], sightings: Sequence[Sighting]) -> tuple[Passage, Sighting] | None:
    """The pair that fits best, if any fits."""
    fits = [
        (cost, i, j) for i, p in enumerate(passages) for j, s in enumerate(sightings) if (cost := _misfit(p, s)) < 1
    ]
    if not fits:
        return None
    _, i, j = min(fits)
    return passages[i], sightings[j]


def _misfit(passage: Passage, sighting: Sighting) -> float:
    """Distance from the expected place as a part of what is allowed; infinite when the size has jumped."""
    small, large = sorted((max(passage.last.width, 1.0), max(sighting.width, 1.0)))
    elapsed = sighting.time_s - passage.last.time_s
    if passage.stands:
        elapsed = min(elapsed, _STARTED_S)
    if large / small > _SIZE_RATIO:
        return math.inf
    gate = min(_GATE_MOST, (_GATE_NEW if passage.before is None else _GATE_KNOWN) + _GATE_PER_SECOND * elapsed)
    return _distance(passage.expected(sighting.time_s), sighting.centre) / (gate * large)


def _distance(a: tuple[float, float], b: tuple[float, float]) -> float:
    return math.hypot(a[0] - b[0], a[1] - b[1])
