"""Topics are validated values; acknowledgement ranges hold exactly the numbers that were given."""

from __future__ import annotations

import itertools
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contract.acks import Ack, to_ranges
from contract.commands import ReplayRange
from contract.events import EventType
from contract.topics import RESERVED_EDGE_NAMES, EdgeTopics, InvalidTopic, SiteTopics, parse_edge_topic

OUTBOX = UUID("01234567-89ab-4cde-8f01-23456789abcd")
names = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True).filter(lambda name: name not in RESERVED_EDGE_NAMES)


def test_topics_are_those_of_the_contract() -> None:
    topics = EdgeTopics("west", "gate-1")
    assert topics.event(EventType.FALLING_OBJECT, "tower-1") == "watchpost/v1/west/gate-1/event/falling_object/tower-1"
    assert topics.config_desired == "watchpost/v1/west/gate-1/config/desired"
    assert SiteTopics("west").alert("critical", "sensor") == "watchpost/v1/west/alert/critical/sensor"


@given(names, names, names)
def test_an_edge_topic_comes_apart_as_it_was_joined(site: str, edge: str, camera: str) -> None:
    address = parse_edge_topic(EdgeTopics(site, edge).camera_status(camera))
    assert (address.site, address.edge, address.levels) == (site, edge, ("camera", camera, "status"))


@pytest.mark.parametrize("bad", ["", "a/b", "a+", "#", "Ä", "A", "-a", "x" * 64])
def test_names_that_would_break_a_topic_are_refused(bad: str) -> None:
    with pytest.raises(InvalidTopic):
        EdgeTopics("west", bad)
    with pytest.raises(InvalidTopic):
        EdgeTopics("west", "gate-1").event(EventType.CAMERA, bad)


@pytest.mark.parametrize("reserved", sorted(RESERVED_EDGE_NAMES))
def test_an_edge_cannot_take_a_reserved_name(reserved: str) -> None:
    with pytest.raises(InvalidTopic, match="reserved"):
        EdgeTopics("west", reserved)


@pytest.mark.parametrize(
    "topic", ["watchpost/v1/west", "watchpost/v2/west/gate-1/status", "other/v1/west/gate-1/status"]
)
def test_foreign_topics_are_refused(topic: str) -> None:
    with pytest.raises(InvalidTopic):
        parse_edge_topic(topic)


@given(st.lists(st.integers(min_value=1, max_value=200)))
def test_ranges_hold_exactly_the_given_numbers_and_never_touch(sequences: list[int]) -> None:
    ranges = to_ranges(OUTBOX, sequences)
    held = [number for part in ranges for number in range(part.from_sequence, part.to_sequence + 1)]
    assert held == sorted(set(sequences))
    assert all(left.to_sequence + 1 < right.from_sequence for left, right in itertools.pairwise(ranges))


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValidationError, match="before it begins"):
        Ack.model_validate({"ranges": [{"outbox_id": str(OUTBOX), "from": 5, "to": 4}]})


@pytest.mark.parametrize("number", [2**53 + 1, 2**63, 10**30])
def test_numbers_that_no_database_holds_are_refused(number: int) -> None:
    """They went from one edge's health, through the collector, into another edge's outbox, and ended its writer."""
    outbox = str(OUTBOX)
    with pytest.raises(ValidationError):
        Ack.model_validate({"ranges": [{"outbox_id": outbox, "from": 1, "to": number}]})
    with pytest.raises(ValidationError):
        ReplayRange.model_validate({"outbox_id": outbox, "from_sequence": 1, "to_sequence": number})
    ReplayRange.model_validate({"outbox_id": outbox, "from_sequence": 1, "to_sequence": 2**53})
