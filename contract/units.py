"""What units (patrols, guards, fire engines) report about themselves."""

from __future__ import annotations

from pydantic import Field

from contract.base import Instant, Message


class UnitPosition(Message):
    """Where a unit is. Not retained; the collector keeps the newest one and a short history."""

    latitude: float = Field(ge=-90, le=90, allow_inf_nan=False, description="WGS 84, degrees; not GCJ-02.")
    longitude: float = Field(ge=-180, le=180, allow_inf_nan=False)
    at: Instant
    accuracy_m: float | None = Field(default=None, ge=0, le=100_000, description="Radius of 68 % certainty.")
    heading_deg: float | None = Field(default=None, ge=0, lt=360.0001, description="Clockwise from north.")
