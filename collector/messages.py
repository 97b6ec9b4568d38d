"""What a message from the broker is: an event, a status, or a letter to be kept aside. Pure; no store, no network."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from pydantic import ValidationError

from collector.instants import to_us
from contract.base import MAX_NUMBER, Message
from contract.commands import ConfigReported
from contract.envelope import (
    MAX_EVENT_BYTES,
    TYPE_PREFIX,
    Envelope,
    MalformedEvent,
    UnsupportedVersion,
    parse_joined,
    parse_whole,
    read_event,
    split_backlog,
    summarise,
)
from contract.events import DroppedData, EventData
from contract.status import Birth, CameraStatus, Health, Status
from contract.topics import ROOT, EdgeAddress, InvalidTopic, UnitAddress, parse_edge_topic, parse_position_topic
from contract.units import UnitPosition

LetterKind = Literal["malformed", "newer", "foreign", "unstorable"]
_BACKLOG = ("backlog",)
_KEPT_LENGTH = 300
"""Longer names are not remembered: the same few come again and again, strange ones must not fill the memory."""
_EVENT_LEVELS = 3
STATUS_MODELS: dict[tuple[str, ...], type[Message] | type[ConfigReported]] = {
    ("status",): Status,
    ("birth",): Birth,
    ("health",): Health,
    ("config", "reported"): ConfigReported,
}


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message as the broker gave it. `receipt` is what the broker's side needs to confirm it."""

    topic: str
    payload: bytes
    receipt: object = None


@dataclass(frozen=True, slots=True)
class EventMessage:
    """An event whose envelope and data are valid and agree with the topic."""

    incoming: Incoming
    address: EdgeAddress
    envelope: Envelope
    data: EventData
    text: str
    """The payload as it came."""
    outbox_id: str
    event_id: str
    occurred_us: int

    @property
    def source(self) -> str:
        return self.address.levels[2]


@dataclass(frozen=True, slots=True)
class StatusMessage:
    """What an edge says about itself; `camera` only for the status of one camera."""

    incoming: Incoming
    address: EdgeAddress
    content: Message | ConfigReported
    camera: str | None = None


@dataclass(frozen=True, slots=True)
class PositionMessage:
    """Where a unit says it is."""

    incoming: Incoming
    unit: UnitAddress
    position: UnitPosition
    address: EdgeAddress | None = None
    """No edge has sent it."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that is kept aside. With `outbox_id` and `sequence` readable, its edge is told that it was refused."""

    incoming: Incoming
    kind: LetterKind
    reason: str
    address: EdgeAddress | None = None
    outbox_id: str | None = None
    sequence: int | None = None

    @property
    def digest(self) -> str:
        topic = self.incoming.topic.encode(errors="surrogatepass")
        return hashlib.sha256(topic + b"\0" + self.incoming.payload).hexdigest()


Understood = EventMessage | StatusMessage | PositionMessage | Letter


def understand(incoming: Incoming) -> list[Understood]:
    """Say what a message is: one thing, or the events of a backlog.

    Never raises: what is wrong with it is a Letter's reason.
    """
    try:
        address = (_address_again if len(incoming.topic) < _KEPT_LENGTH else _address_of)(incoming.topic)
    except InvalidTopic as error:
        return [Letter(incoming, "malformed", str(error))]
    if isinstance(address, EdgeAddress) and address.levels == _BACKLOG:
        return _understand_backlog(incoming, address)
    if isinstance(address, EdgeAddress) and address.levels[0] == "event":
        return [_understand_event(incoming, address, lambda: parse_whole(incoming.payload))]
    if len(incoming.payload) > MAX_EVENT_BYTES:  # what it says is kept and shown whole, with keys that we do not know
        reason = f"{len(incoming.payload)} bytes, more than the {MAX_EVENT_BYTES} a message may have"
        return [Letter(incoming, "malformed", reason, address if isinstance(address, EdgeAddress) else None)]
    if isinstance(address, UnitAddress):
        return [_understand_position(incoming, address)]
    return [_understand_status(incoming, address)]


def _address_of(topic: str) -> EdgeAddress | UnitAddress:
    return parse_position_topic(topic) or parse_edge_topic(topic)


_address_again = functools.lru_cache(maxsize=4096)(_address_of)


def _understand_position(incoming: Incoming, unit: UnitAddress) -> PositionMessage | Letter:
    try:
        return PositionMessage(incoming, unit, UnitPosition.model_validate_json(incoming.payload))
    except ValidationError as error:
        return Letter(incoming, "malformed", f"position of unit {unit.unit}: {summarise(error)}"[:1000])


def _understand_backlog(incoming: Incoming, address: EdgeAddress) -> list[Understood]:
    """Each event as if it had come on its own topic."""
    found: list[Understood] = []
    joined = parse_joined(incoming.payload)
    if joined is not None:
        for envelope, data, text in joined:
            asked = _own_address_again if len(envelope.source) < _KEPT_LENGTH else _own_address
            own = asked(address, envelope.type, envelope.source)
            found.append(_understand_event(_alone(own, text), own, functools.partial(_both, envelope, data)))
        return found
    try:
        items = split_backlog(incoming.payload)
    except MalformedEvent as error:
        return [Letter(incoming, "malformed", str(error), address)]
    for raw, text in items:
        own = _own_address(address, str(raw.get("type")), str(raw.get("source")))
        found.append(_understand_event(_alone(own, text), own, functools.partial(_read_both, raw)))
    return found


def _alone(address: EdgeAddress, text: bytes) -> Incoming:
    return Incoming("/".join((ROOT, address.site, address.edge, *address.levels)), text)


def _both(envelope: Envelope, data: EventData) -> tuple[Envelope, EventData]:
    return envelope, data


def _read_both(raw: object) -> tuple[Envelope, EventData]:
    envelope = read_event(raw)
    return envelope, envelope.parse_data()


def _own_address(address: EdgeAddress, kind: str, source: str) -> EdgeAddress:
    """The address of the topic on which an event of a backlog would have come by itself."""
    level = kind.removeprefix(TYPE_PREFIX).rpartition(".v")[0]
    return EdgeAddress(address.site, address.edge, ("event", level, source.rpartition("/")[2]))


_own_address_again = functools.lru_cache(maxsize=4096)(_own_address)


def _understand_event(
    incoming: Incoming, address: EdgeAddress, read: Callable[[], tuple[Envelope, EventData]]
) -> EventMessage | Letter:
    if len(address.levels) != _EVENT_LEVELS:
        return Letter(incoming, "malformed", f"{incoming.topic} is not event/<type>/<source>", address)
    try:
        envelope, data = read()
        text = incoming.payload.decode()
        _check_numbers(data)
    except UnsupportedVersion as error:
        return _letter(incoming, "newer", str(error), address)
    except UnicodeDecodeError as error:
        return _letter(incoming, "malformed", f"not UTF-8: {error}", address)
    except (MalformedEvent, ValueError) as error:
        return _letter(incoming, "malformed", str(error), address)
    problem = _disagreement(envelope, address)
    if problem is not None:
        return _letter(incoming, "foreign", problem, address)
    outbox_id, event_id = _as_text(envelope.outboxid), str(envelope.id)
    return EventMessage(incoming, address, envelope, data, text, outbox_id, event_id, to_us(envelope.time))


def _check_numbers(data: EventData) -> None:
    """Numbers that the store counts with. Raises MalformedEvent."""
    if isinstance(data, DroppedData) and any(high < low for low, high in data.ranges):
        raise MalformedEvent("ranges: one ends before it begins")
    largest = max((proof.size_bytes for proof in data.evidence), default=0)
    if largest > MAX_NUMBER:
        raise MalformedEvent(f"size_bytes: {largest} is above {MAX_NUMBER}")


def _disagreement(envelope: Envelope, address: EdgeAddress) -> str | None:
    """How the payload contradicts its topic, if it does: the topic is what the broker has checked."""
    if (envelope.site, envelope.edge) != (address.site, address.edge):
        return f"says {envelope.site}/{envelope.edge}, but was published by {address.site}/{address.edge}"
    _, type_level, source_level = address.levels
    if envelope.event_type != type_level:
        return f"type {envelope.type} on a topic for {type_level}"
    expected = f"/{address.site}/{address.edge}/{source_level}"
    if envelope.source != expected:
        return f"source {envelope.source!r} on a topic for {expected!r}"
    return None


@functools.lru_cache(maxsize=1024)  # few outboxes, many events
def _as_text(outbox_id: UUID) -> str:
    return str(outbox_id)


def _letter(incoming: Incoming, kind: LetterKind, reason: str, address: EdgeAddress) -> Letter:
    outbox_id, sequence = _delivery_key(incoming.payload)
    return Letter(incoming, kind, reason[:1000], address, outbox_id, sequence)


def _delivery_key(payload: bytes) -> tuple[str | None, int | None]:
    """(outbox id, sequence) of a message that is not understood otherwise, or (None, None)."""
    try:
        raw: Any = json.loads(payload)
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(raw, dict):
        return None, None
    sequence = raw.get("sequence")
    if type(sequence) is not int or not 1 <= sequence <= MAX_NUMBER:
        return None, None
    try:
        return str(UUID(str(raw.get("outboxid")))), sequence
    except ValueError:
        return None, None


def _understand_status(incoming: Incoming, address: EdgeAddress) -> StatusMessage | Letter:
    camera = None
    match address.levels:
        case ("camera", name, "status"):
            camera = name
            model: type[Message] | type[ConfigReported] | None = CameraStatus
        case levels:
            model = STATUS_MODELS.get(levels)
    if model is None:
        return Letter(incoming, "malformed", f"nothing is expected on {incoming.topic}", address)
    try:
        return StatusMessage(incoming, address, model.model_validate_json(incoming.payload), camera)
    except ValidationError as error:
        return Letter(incoming, "malformed", f"{'/'.join(address.levels)}: {summarise(error)}", address)
