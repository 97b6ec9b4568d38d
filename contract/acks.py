"""The collector's answer after its commit: only these let an edge forget."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field, model_validator

from contract.base import Message, Sequence


class AckRange(Message):
    """Sequence numbers `from`..`to`, both included, of one outbox, that are committed."""

    outbox_id: UUID
    from_sequence: Sequence = Field(alias="from", serialization_alias="from")
    to_sequence: Sequence = Field(alias="to", serialization_alias="to")

    @model_validator(mode="after")
    def _ordered(self) -> AckRange:
        if self.to_sequence < self.from_sequence:
            raise ValueError(f"range ends at {self.to_sequence}, before it begins at {self.from_sequence}")
        return self


class Refusal(Message):
    """An event that was understood enough to be kept aside, but not stored as an event: it need not be sent again."""

    outbox_id: UUID
    sequence: Sequence
    reason: str


class Ack(Message):
    """Payload of the `ack` topic. Duplicates are acknowledged again."""

    ranges: tuple[AckRange, ...] = ()
    refused: tuple[Refusal, ...] = ()


def to_ranges(outbox_id: UUID, sequences: list[int]) -> tuple[AckRange, ...]:
    """The shortest list of ranges for these sequence numbers (any order, duplicates allowed)."""
    ranges: list[tuple[int, int]] = []
    for sequence in sorted(set(sequences)):
        if ranges and ranges[-1][1] == sequence - 1:
            ranges[-1] = (ranges[-1][0], sequence)
        else:
            ranges.append((sequence, sequence))
    return tuple(AckRange.model_validate({"outbox_id": outbox_id, "from": low, "to": high}) for low, high in ranges)
