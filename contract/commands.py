"""What is sent to an edge: configuration, watch list, commands; and its answers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from contract.base import Instant, Sequence, Sha256, StrictMessage


class ConfigDesired(StrictMessage):
    """Retained. The whole configuration of an edge; it is validated before it is applied, the last good one is kept."""

    revision: int = Field(ge=1)
    sha256: Sha256 = Field(description="Of the canonical JSON of `config`.")
    config: dict[str, Any]


class ConfigReported(StrictMessage):
    """Retained. Which revision runs, and why a newer one does not."""

    revision: int | None
    state: Literal["applied", "refused", "default"]
    errors: tuple[str, ...] = ()
    at: Instant


class WatchlistEntry(StrictMessage):
    """One watched plate, as keyed hashes: the edge never learns the plate itself from the list."""

    entry_id: str
    exact: Sha256 = Field(description="HMAC-SHA256 of the plate.")
    folded: Sha256 = Field(description="HMAC-SHA256 of the plate after folding 0/O/D, 1/I, 8/B, 5/S, 2/Z.")
    expires: Instant


class Watchlist(StrictMessage):
    """Retained. Reason and approver stay with the collector."""

    list_id: str
    revision: int = Field(ge=1)
    key_id: str
    entries: tuple[WatchlistEntry, ...]


CommandName = Literal["snapshot", "clip", "test-event", "replay", "restart-camera", "logs"]


class ReplayRange(StrictMessage):
    """Sequence numbers, both included, that the collector asks for again."""

    outbox_id: str
    from_sequence: Sequence
    to_sequence: Sequence


class Command(StrictMessage):
    """Payload of `command/<name>`. Correlation and expiry are fields: nothing depends on MQTT 5 properties."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    name: CommandName
    issued_at: Instant
    expires: Instant
    camera: str | None = None
    seconds: float | None = Field(default=None, gt=0, le=60)
    ranges: tuple[ReplayRange, ...] = ()


class Reply(StrictMessage):
    """Payload of `reply/<id>`."""

    id: str
    ok: bool
    text: str = ""
    evidence_sha256: Sha256 | None = None
    at: Instant
