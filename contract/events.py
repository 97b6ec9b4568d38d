"""The events an edge reports: their data, by type."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from contract.base import Fraction, Identifier, Instant, Message, Sequence, Sha256


class EventType(StrEnum):
    """The `<type>` in `event/<type>/<source>`."""

    FALLING_OBJECT = "falling_object"
    PLATE_PASSAGE = "plate_passage"
    WATCHLIST_HIT = "watchlist_hit"
    SENSOR = "sensor"
    CAMERA = "camera"
    EVIDENCE = "evidence"
    DROPPED = "dropped"


Certainty = Literal["confirmed", "suspected"]
EvidenceRole = Literal["snapshot", "plate", "path", "origin", "clip"]
"""`path` is the frame with the path drawn, `origin` a full-size cut around the origin from before the fall."""
Point = tuple[float, float]
"""(x, y) in picture fractions: 0..1 from the left and from the top, so that it holds at every resolution."""


class EvidenceRef(Message):
    """Names a file by its content. The file itself travels over HTTP, never in MQTT."""

    sha256: Sha256
    role: EvidenceRole
    media_type: str = Field(examples=["image/jpeg", "video/mp4"])
    size_bytes: int = Field(ge=1)
    note: str | None = Field(
        default=None, description="For a person: for instance that a browser cannot play this codec."
    )


class EventData(Message):
    """What every event's data has."""

    evidence: tuple[EvidenceRef, ...] = ()


class Interval(Message):
    """A value with the interval that holds it with 95 % probability."""

    value: float
    low: float
    high: float


class PathPoint(Message):
    """Where the object was seen: time in seconds since the first point, place in picture fractions."""

    t_s: float
    x: Fraction
    y: Fraction
    height_m: float | None = Field(
        default=None, description="Metres above the slab of floor 1, as seen before the facade, where one was drawn."
    )


EnergyClass = Literal["slight", "painful", "injuring", "deadly"]
"""Below 1, 15 and 80 J, and above: a rough rating for people, from an apparent size and an assumed density."""


class FallingObjectData(EventData):
    """Something fell. Floor and column are counted as the installer drew them; None where no facade was drawn."""

    camera: Identifier
    certainty: Certainty
    confidence: Fraction
    hypothesis: Literal["free_fall", "terminal_velocity"]
    path: tuple[PathPoint, ...] = Field(min_length=2)
    duration_s: float = Field(gt=0)
    origin: PathPoint = Field(description="Where the fall began, as far as it was seen or can be calculated back.")
    origin_floor: Interval | None = None
    origin_column: Interval | None = None
    acceleration_g: float | None = Field(
        default=None, description="Fitted acceleration in units of g, where the facade gives a scale."
    )
    speed_mps: float | None = Field(
        default=None, description="Speed at the last seen point, where the facade gives a scale."
    )
    size_px: float = Field(gt=0, description="Median diameter in pixels of the analysed stream.")
    picture_size: tuple[int, int] | None = Field(
        default=None, description="Width and height in pixels of the analysed stream: fractions times these are pixels."
    )
    acceleration_g_sigma: float | None = Field(default=None, description="Standard deviation of `acceleration_g`.")
    size_m: float | None = Field(
        default=None, description="Apparent diameter in metres, motion blur included, where the facade gives a scale."
    )
    ground_speed_mps: float | None = Field(
        default=None, description="Speed at the slab of floor 1, calculated on from the last seen point without drag."
    )
    energy_class: EnergyClass | None = Field(
        default=None,
        description="At the ground, for a body of `size_m` with 400 kg/m³, or as light as its steady speed says: an"
        " upper estimate of the harm.",
    )
    origin_cell: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9-]+$",
        description="Name of the place of origin, to count what comes from one window: floor and column where both were"
        " drawn, else cells of the picture. Compare within one camera only.",
    )
    why: str = Field(description="Why it fired, in words and figures a person can check.")
    weather_mode: bool = False


class CharacterRead(Message):
    """One character of a plate: what was read, how sure, and the next best."""

    character: str = Field(min_length=1, max_length=1)
    probability: Fraction
    alternatives: tuple[tuple[str, Fraction], ...] = ()


PlateColour = Literal["blue", "green", "yellow", "yellow_green", "white", "black", "unknown"]
Direction = Literal["approaching", "leaving", "unknown"]
SpeedClass = Literal["standing", "walking_pace", "slow", "normal", "fast"]
"""Up to 2, 10, 30, 60 km/h, and above: an estimate for people, never a measurement that could fine anybody."""


class PlateRead(Message):
    """A plate as read. `text` is empty when no grammar admits the reading; `alternatives` then say what it may be."""

    text: str
    region: str = Field(default="CN", description="Which grammar admitted it.")
    kind: str = Field(
        description="Plate kind of the region's grammar, for instance small_blue, new_energy_small, police."
    )
    colour: PlateColour
    rows: Literal[1, 2] = 1
    confidence: Fraction
    characters: tuple[CharacterRead, ...] = ()
    alternatives: tuple[tuple[str, Fraction], ...] = ()


class PlatePassageData(EventData):
    """A vehicle passed a checkpoint. The provisional and the final event of one vehicle share `passage_id`."""

    camera: Identifier
    passage_id: str
    stage: Literal["provisional", "final"]
    readable: bool
    plate: PlateRead | None = None
    plate_digest: str | None = Field(
        default=None, description="Keyed hash instead of `plate` where the site keeps plates hashed."
    )
    plate_key_id: str | None = Field(
        default=None, description="Which key made `plate_digest`: compare within one only."
    )
    plate_kind: str | None = Field(default=None, description="Kind of a plate that is told only as a hash.")
    plate_colour: PlateColour | None = Field(default=None, description="Its colour.")
    direction: Direction = "unknown"
    lane: str | None = None
    speed_class: SpeedClass | None = Field(default=None, description="Only where the installer has drawn its scale.")
    withdrawn_hits: tuple[str, ...] = Field(
        default=(),
        description="Entries of the watch list that this passage was told to match, and that its final text does not.",
    )
    first_seen: Instant
    last_seen: Instant
    frames_read: int = Field(ge=0)
    corners: tuple[Point, Point, Point, Point] | None = Field(
        default=None,
        description="Plate corners in the snapshot, clockwise from top left, in picture fractions.",
    )


class ConfusedCharacter(Message):
    """One character that was read as another one that looks like it."""

    place: int = Field(ge=1, description="Counted from 1.")
    read: str = Field(min_length=1, max_length=1)
    listed: str = Field(min_length=1, max_length=1)


class WatchlistHitData(EventData):
    """A plate on the watch list passed. Says what was read and which rule matched; a match is never silent.

    There is one for each passage and entry. It is never taken back; a passage whose final text no longer matches names
    the entry in `withdrawn_hits`.
    """

    camera: Identifier
    passage_id: str
    list_id: str
    entry_id: str
    list_revision: int | None = Field(default=None, ge=1)
    rule: Literal["exact", "confusable"]
    confused: tuple[ConfusedCharacter, ...] = Field(
        default=(),
        description="Where the listed plate differs from what was read; empty for `exact`, and where it differs in more"
        " than 4 look-alikes.",
    )
    plate: PlateRead
    seen_at: Instant
    late: bool = Field(
        default=False, description="Matched after it was read: the key or the list came to the edge only then."
    )


class SensorData(EventData):
    """A reading or alarm of a local sensor (smoke, manhole, charging post, help button, any other)."""

    sensor: Identifier
    kind: str
    alarm: bool
    value: float | None = None
    unit: str | None = None
    text: str | None = None


CameraState = Literal["up", "down", "blind", "frozen", "blurred", "moved"]


class CameraData(EventData):
    """A camera changed its state. Retained status has no history; these events are the history."""

    camera: Identifier
    state: CameraState
    previous: CameraState | None = None
    since: Instant
    reason: str = ""


class EvidenceData(EventData):
    """Evidence that was finished after its event (the clip needs its seconds after the fact)."""

    event_id: str = Field(description="Id of the event that this evidence belongs to.")
    failed: str | None = Field(default=None, description="Why there will be none (disk full, stream broken), if so.")


class DroppedData(EventData):
    """What a full outbox had to give up. It closes the gap in the sequence: counted, never silent."""

    outbox_id: str
    ranges: tuple[tuple[Sequence, Sequence], ...]
    counts: dict[str, int] = Field(description="Events given up, by type.")
    evidence_files: int = Field(default=0, ge=0)
    reason: str


DATA_MODELS: dict[EventType, type[EventData]] = {
    EventType.FALLING_OBJECT: FallingObjectData,
    EventType.PLATE_PASSAGE: PlatePassageData,
    EventType.WATCHLIST_HIT: WatchlistHitData,
    EventType.SENSOR: SensorData,
    EventType.CAMERA: CameraData,
    EventType.EVIDENCE: EvidenceData,
    EventType.DROPPED: DroppedData,
}
