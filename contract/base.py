"""Common ground of the wire models."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

CONTRACT_VERSION = 1
"""Major version: the `v1` in topics and event types. A message of another major version is set aside."""

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
"""Name of a site, edge, camera, sensor or unit: lower case, the same in a topic, a file name and a URL."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
MAX_NUMBER = 2**53
"""Above it JSON readers lose digits, and at 2**63 no database counts on; so no program of ours counts that far."""
Sequence = Annotated[int, Field(ge=1, le=MAX_NUMBER)]
Fraction = Annotated[float, Field(ge=0, le=1)]
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


def _on_a_clock(instant: datetime) -> datetime:
    """Other times cannot be told in every zone, and who tries fails."""
    if not _FIRST <= instant < _LAST:
        raise ValueError(f"{instant.isoformat()} is on no clock: expected 1970 to 9998")
    return instant


Instant = Annotated[AwareDatetime, AfterValidator(_on_a_clock)]
"""A point in time with its zone; written as UTC."""


class Message(BaseModel):
    """Base of what is received from a newer or older program: unknown keys are kept, so nothing is lost on the way."""

    model_config = ConfigDict(frozen=True, extra="allow", ser_json_timedelta="float")


class StrictMessage(BaseModel):
    """Base of commands and configuration: an unknown key is a mistake and is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
