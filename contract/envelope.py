"""The event envelope: structured-mode CloudEvents 1.0 JSON.

Extension attributes (`site`, `edge`, `outboxid`, `sequence`, `replayed`) have CloudEvents' lower-case names.
`(outboxid, sequence)` identifies the event for delivery and gives its order; `id` identifies it for people and links.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Union, cast
from uuid import UUID

from pydantic import Field, RootModel, TypeAdapter, ValidationError, create_model
from pydantic_core import from_json, to_json

from contract.base import CONTRACT_VERSION, Identifier, Instant, Message, Sequence
from contract.events import DATA_MODELS, EventData, EventType

TYPE_PREFIX = "watchpost."
MAX_EVENT_BYTES = 256 * 1024
"""Larger messages are refused unread; a real event is under 10 KiB."""


class MalformedEvent(ValueError):
    """The message is not an event of this contract; the text says why. The collector keeps it aside."""


class UnsupportedVersion(ValueError):
    """An event of another major version: set aside whole, to be ingested again by a newer collector."""


class Envelope(Message):
    """The CloudEvents envelope with `data` still raw: enough to store and acknowledge an event."""

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    source: str = Field(
        description="/<site>/<edge>/<camera, sensor or the edge itself>", examples=["/west/gate-1/lane-1"]
    )
    type: str = Field(pattern=r"^watchpost\.[a-z_]+\.v[0-9]+$", examples=["watchpost.falling_object.v1"])
    subject: str | None = None
    time: Instant = Field(description="When it happened; immutable, a later clock correction is a record of its own.")
    datacontenttype: Literal["application/json"] = "application/json"
    site: Identifier
    edge: Identifier
    outboxid: UUID
    sequence: Sequence
    replayed: bool = Field(default=False, description="Sent from the backlog or again on request, not live.")
    expires: Instant | None = Field(default=None, description="After this it is history, not news.")
    data: dict[str, Any]

    @property
    def event_type(self) -> EventType:
        """The type without prefix and version."""
        return _EVENT_TYPES.get(self.type) or EventType(self.type.removeprefix(TYPE_PREFIX).rsplit(".v", 1)[0])

    def parse_data(self) -> EventData:
        """Validate `data` by the event's type; unknown keys are kept. Raises MalformedEvent."""
        try:
            return DATA_MODELS[self.event_type].model_validate(self.data)
        except ValidationError as error:
            raise MalformedEvent(f"data of {self.type}: {summarise(error)}") from error


class Backlog(RootModel[tuple[Envelope, ...]]):
    """Payload of the `backlog` topic: many old events in one message, each as it would come on its own topic."""


def event_type_name(event_type: EventType, version: int = CONTRACT_VERSION) -> str:
    """The CloudEvents `type` of an event type: `watchpost.<type>.v<major>`."""
    return f"{TYPE_PREFIX}{event_type}.v{version}"


_OPEN, _BETWEEN, _CLOSE = b"[\t", b",\t", b"\t]"
"""A tab stands in no JSON that our programs write, so it parts the events of a backlog."""
JOINT_BYTES = len(_BETWEEN)
"""What `join_backlog` adds to each event."""
_DIGITS_ALIKE = bytes.maketrans(b"123456789E", b"000000000e")
_LONG_EXPONENT = re.compile(rb"[0-9][eE]\+?[0-9]{3,}[\s,\]}]")
_LONG_NUMBER = b"0" * 200
_EVENT_TYPES = {event_type_name(event_type): event_type for event_type in EventType}


def parse_event(payload: bytes) -> Envelope:
    """Read one MQTT payload. Raises MalformedEvent or UnsupportedVersion; never returns a half-understood event.

    JSON is read once and strictly: UTF-8, no NaN, no infinity, no lone surrogate, no nesting without end.
    """
    raw = _read_json(payload)
    _dump_json(raw)
    return read_event(raw)


def parse_whole(payload: bytes | memoryview) -> tuple[Envelope, EventData]:
    """Read one MQTT payload and its data, as `parse_event` and `parse_data` do, in one pass over what is in order.

    Raises what they raise.
    """
    payload = bytes(payload)
    found = _parse_at_once(payload)
    if found is not None:
        return found
    envelope = parse_event(payload)
    return envelope, envelope.parse_data()


def parse_joined(payload: bytes) -> list[tuple[Envelope, EventData, bytes]] | None:
    """The events of what `join_backlog` made, each with its JSON; None: read it with `split_backlog`.

    Where every piece between two separators is an event by itself, the whole is an array of just these.
    """
    if len(payload) > MAX_EVENT_BYTES or not (payload.startswith(_OPEN) and payload.endswith(_CLOSE)):
        return None
    events = []
    for piece in payload[len(_OPEN) : -len(_CLOSE)].split(_BETWEEN):
        found = _parse_at_once(piece)
        if found is None:
            return None
        events.append((*found, piece))
    return events


def _parse_at_once(payload: bytes) -> tuple[Envelope, EventData] | None:
    """None where something is odd or wrong: the longer way says what."""
    if len(payload) > MAX_EVENT_BYTES or _may_be_infinite(payload):
        return None
    try:
        envelope = _whole_events().validate_json(payload)
    except ValidationError:
        return None
    return envelope, cast("EventData", envelope.data)


def _may_be_infinite(payload: bytes) -> bool:
    """Whether it may have a number that no double holds; True also for some that have none, such as in a UUID."""
    plain = payload.translate(_DIGITS_ALIKE, b"+")
    if b"0e000" in plain and _LONG_EXPONENT.search(payload):
        return True
    return _LONG_NUMBER in plain or b"NaN" in payload or b"Infinity" in payload


@functools.cache
def _whole_events() -> TypeAdapter[Envelope]:
    """Envelopes with their data read by type, so that no dictionary is made in between."""
    models = []
    for name, kind in _EVENT_TYPES.items():
        own: dict[str, Any] = {"type": (Literal[name], ...), "data": (DATA_MODELS[kind], ...)}
        models.append(create_model(f"{kind}_event", __base__=Envelope, **own))
    return TypeAdapter(Annotated[Union[tuple(models)], Field(discriminator="type")])  # type: ignore[arg-type] # noqa: UP007


def read_event(raw: object) -> Envelope:
    """The event in what JSON says, as `parse_event`."""
    if not isinstance(raw, dict):
        raise MalformedEvent(f"expected a JSON object, got {type(raw).__name__}")
    name = raw.get("type")
    if not isinstance(name, str) or name not in _EVENT_TYPES:
        _check_version(name)
    try:
        return Envelope.model_validate(raw)
    except ValidationError as error:
        raise MalformedEvent(summarise(error)) from error


def split_backlog(payload: bytes) -> list[tuple[dict[str, Any], bytes]]:
    """The events of a `backlog` message (CloudEvents' JSON batch format): each for `read_event`, and as JSON.

    Raises MalformedEvent when it is not an array of JSON objects; the events themselves are not looked at.
    """
    raw = _read_json(payload)
    if not isinstance(raw, list) or not all(isinstance(item, dict) for item in raw):
        raise MalformedEvent("expected a JSON array of objects")
    return [(item, _dump_json(item)) for item in raw]


def join_backlog(events: Iterable[bytes]) -> bytes:
    """The payload of a `backlog` message that carries these events: a JSON array, its events parted by tabs."""
    return _OPEN + _BETWEEN.join(events) + _CLOSE


def _read_json(payload: bytes) -> Any:
    if len(payload) > MAX_EVENT_BYTES:
        raise MalformedEvent(f"{len(payload)} bytes, more than the {MAX_EVENT_BYTES} a message may have")
    try:
        return from_json(payload, allow_inf_nan=False)
    except ValueError as error:
        raise MalformedEvent(f"not JSON: {error}") from error


def _dump_json(raw: object) -> bytes:
    """As JSON again: what cannot be written was not strict JSON either."""
    try:
        text = to_json(raw, inf_nan_mode="constants")
        if b"Infinity" in text:  # 1e999, or only the word
            json.dumps(raw, allow_nan=False)
    except ValueError as error:
        raise MalformedEvent(f"not JSON: {error}") from error
    return text


def _check_version(type_name: object) -> None:
    if not isinstance(type_name, str) or not type_name.startswith(TYPE_PREFIX):
        return
    name, _, version = type_name.removeprefix(TYPE_PREFIX).rpartition(".v")
    if version.isdigit() and int(version) != CONTRACT_VERSION:
        raise UnsupportedVersion(f"{type_name}: this program understands version {CONTRACT_VERSION}")
    if version.isdigit() and f"{TYPE_PREFIX}{name}.v{CONTRACT_VERSION}" not in _EVENT_TYPES:
        raise UnsupportedVersion(f"{type_name}: unknown event type, probably of a newer edge")


_LONGEST_NAME = 64
"""Of a key that nobody knows, which may be as long as the message."""


def summarise(error: ValidationError) -> str:
    """The first problems of a validation error in one line: where, what was expected."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [
        f"{'.'.join(str(part)[:_LONGEST_NAME] for part in item['loc']) or 'message'}: {item['msg']}"
        for item in found[:5]
    ]
    more = f" (and {len(found) - 5} more)" if len(found) > 5 else ""
    return "; ".join(lines) + more
