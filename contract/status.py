"""What an edge and a collector say about themselves."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from contract.base import MAX_NUMBER, Identifier, Instant, Message, Sha256
from contract.events import CameraState


class Status(Message):
    """Retained, and also the will. An `offline` of an older `connection_id` must not hide a newer `online`."""

    state: Literal["online", "offline", "stopping"]
    connection_id: UUID
    at: Instant


class ModelInfo(Message):
    """A model in use."""

    name: str
    sha256: Sha256
    provider: str


class CameraInfo(Message):
    """A configured camera; the address is redacted."""

    id: Identifier
    address: str
    analyzers: tuple[str, ...]


class Birth(Message):
    """Retained: what this edge is and can do, sent at each connection."""

    version: str
    contract_version: int
    connection_id: UUID
    outbox_id: UUID
    outbox_depth: int = Field(ge=0)
    outbox_settled: int | None = Field(
        default=None,
        ge=0,
        le=MAX_NUMBER,
        description="Every number up to this was acknowledged: who lacks one of them has lost it.",
    )
    models: tuple[ModelInfo, ...] = ()
    cameras: tuple[CameraInfo, ...] = ()
    python: str
    machine: str
    at: Instant


class CameraHealth(Message):
    """One camera's figures over the last reporting interval."""

    id: Identifier
    state: CameraState
    fps: float = Field(ge=0)
    last_frame_age_s: float | None = Field(default=None, ge=0)
    lag_s: float | None = Field(default=None, description="How long ago the last analysed frame was captured.")
    decode_ms: float | None = Field(default=None, ge=0)
    analysis_ms: dict[str, float] = Field(default_factory=dict, description="Mean per frame, by analyzer.")
    reconnects: int = Field(default=0, ge=0)
    errors: int = Field(default=0, ge=0)
    last_error: str | None = None
    weather_mode: bool = False


class Health(Message):
    """Sent every interval, QoS 0."""

    at: Instant
    uptime_s: float = Field(ge=0)
    cameras: tuple[CameraHealth, ...] = ()
    temperature_c: float | None = None
    memory_mb: float = Field(ge=0)
    disk_free_mb: float = Field(ge=0)
    outbox_depth: int = Field(ge=0, description="Events not yet acknowledged.")
    outbox_id: UUID | None = None
    outbox_settled: int | None = Field(default=None, ge=0, le=MAX_NUMBER, description="As in `birth`.")
    outbox_oldest_s: float | None = Field(default=None, ge=0)
    evidence_pending: int = Field(default=0, ge=0)
    clock_offset_s: float | None = Field(
        default=None, description="This edge's clock minus the collector's, where known."
    )
    problems: tuple[str, ...] = Field(
        default=(), description="What does not work now beside the cameras: outbox, delivery, uploads. For a person."
    )
    expires: Instant


class CameraStatus(Message):
    """Retained state of one camera."""

    state: CameraState
    since: Instant
    reason: str = ""


class CollectorStatus(Message):
    """Retained, and the collector's will."""

    state: Literal["online", "offline"]
    connection_id: UUID
    at: Instant
    takes_backlog: bool = Field(
        default=False, description="Whether it takes `backlog` messages; to one that does not, events come one by one."
    )
