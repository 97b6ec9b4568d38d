"""Events on the wire: what is accepted, what is set aside, and that nothing is half-understood."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.envelope import (
    MAX_EVENT_BYTES,
    Envelope,
    MalformedEvent,
    UnsupportedVersion,
    event_type_name,
    parse_event,
)
from contract.events import CameraData, EventType


def event(**changes: Any) -> dict[str, Any]:
    """A valid camera event, changed where a test wants it."""
    body: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "/west/gate-1/lane-1",
        "type": "watchpost.camera.v1",
        "time": "2026-11-01T08:00:00Z",
        "site": "west",
        "edge": "gate-1",
        "outboxid": str(uuid4()),
        "sequence": 7,
        "data": {"camera": "lane-1", "state": "down", "since": "2026-11-01T08:00:00Z"},
    }
    return {**body, **changes}


def parse(**changes: Any) -> Envelope:
    return parse_event(json.dumps(event(**changes)).encode())


def test_a_valid_event_keeps_what_a_newer_edge_added() -> None:
    envelope = parse(newattribute="kept", data={**event()["data"], "battery": 3})
    assert envelope.model_dump()["newattribute"] == "kept"
    data = envelope.parse_data()
    assert isinstance(data, CameraData)
    assert data.model_dump()["battery"] == 3
    assert envelope.event_type is EventType.CAMERA
    assert envelope.time == datetime(2026, 11, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[1]", "JSON object"),
        (b'{"type":"watchpost.camera.v1"}', "Field required"),
        (b"[" * 100_000, "not JSON"),
        (b" " * (MAX_EVENT_BYTES + 1), "bytes"),
    ],
)
def test_what_is_no_event_is_refused_with_the_reason(payload: bytes, reason: str) -> None:
    with pytest.raises(MalformedEvent, match=reason):
        parse_event(payload)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"time": "2026-11-01T08:00:00"}, "time"),
        ({"sequence": 0}, "sequence"),
        ({"edge": "Gate 1"}, "edge"),
        ({"outboxid": "no"}, "outboxid"),
        ({"specversion": "0.3"}, "specversion"),
        ({"type": "other.thing"}, "type"),
    ],
)
def test_a_wrong_attribute_is_named(changes: dict[str, Any], where: str) -> None:
    with pytest.raises(MalformedEvent, match=where):
        parse(**changes)


def test_wrong_data_is_named_by_its_key() -> None:
    with pytest.raises(MalformedEvent, match="state"):
        parse(data={**event()["data"], "state": "asleep"}).parse_data()


@pytest.mark.parametrize("type_name", ["watchpost.camera.v2", "watchpost.hail.v1"])
def test_a_newer_edge_is_told_apart_from_a_broken_one(type_name: str) -> None:
    with pytest.raises(UnsupportedVersion):
        parse(type=type_name)


def test_type_names_round_trip() -> None:
    for event_type in EventType:
        assert parse(type=event_type_name(event_type)).event_type is event_type


@given(st.binary(max_size=300))
def test_no_payload_raises_anything_else(payload: bytes) -> None:
    with pytest.raises((MalformedEvent, UnsupportedVersion)):
        parse_event(payload)
