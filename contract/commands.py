"""What is sent to an edge: configuration, watch list, commands; and its answers."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, Field, model_validator

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


MOST_WATCHED = 100_000
"""Plates of a watch list, which is one message: the broker's limit (configs/mosquitto.conf) lets as many pass."""


class WatchlistEntry(StrictMessage):
    """One watched plate, as keyed hashes: the edge never learns the plate itself from the list."""

    entry_id: str = Field(min_length=1, max_length=64)
    exact: Sha256 = Field(description="HMAC-SHA256 of `exact:<plate>`; see contract/plate_keys.py.")
    folded: Sha256 = Field(
        description="HMAC-SHA256 of `folded:<plate>` after folding 0/O/D/Q, 1/I/L, 8/B, 5/S, 2/Z to the first of each."
    )
    starts: AwareDatetime | None = Field(default=None, description="Not matched before this.")
    expires: AwareDatetime = Field(description="Not matched from this on.")

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> WatchlistEntry:
        if self.starts is not None and self.starts >= self.expires:
            raise ValueError(f"entry {self.entry_id!r} starts at {self.starts} and expires at {self.expires}")
        return self

    def valid_at(self, now: datetime) -> bool:
        """Whether it is to be matched at this time."""
        return now < self.expires and (self.starts is None or self.starts <= now)


class Watchlist(StrictMessage):
    """Retained. Reason and approver stay with the collector."""

    list_id: str = Field(min_length=1, max_length=64)
    revision: int = Field(ge=1, description="Grows with each change: an older one never replaces a newer one.")
    key_id: str = Field(min_length=1, max_length=64, description="Which key made the hashes.")
    entries: tuple[WatchlistEntry, ...] = Field(max_length=MOST_WATCHED)

    @model_validator(mode="after")
    def _names_once(self) -> Watchlist:
        twice = [name for name, times in Counter(entry.entry_id for entry in self.entries).items() if times > 1]
        if twice:
            raise ValueError(f"entry_id {twice[0]!r} stands twice in the list")
        return self


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
