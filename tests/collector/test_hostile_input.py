"""Whatever a device sends: the collector takes it without harm, counts it, and takes the next good event too."""

from __future__ import annotations

import asyncio
import copy
import shutil
import tempfile
from collections.abc import Callable, Iterable
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_events import SampleEdge, later_us, payload

from collector.database import Database, database_url
from collector.instants import to_instant
from collector.intake import Intake
from collector.messages import Incoming, Letter, understand
from collector.pulse import Pulse
from collector.schema import events
from contract.envelope import (
    Envelope,
    MalformedEvent,
    UnsupportedVersion,
    join_backlog,
    parse_event,
    parse_joined,
    parse_whole,
)
from contract.events import EventData
from contract.topics import parse_edge_topic

NOW = later_us(60)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
ANY = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)
TOPICS = st.sampled_from(
    [
        "watchpost/v1/west/gate-1/event/sensor/hall",
        "watchpost/v1/west/gate-1/event/plate_passage/lane-1",
        "watchpost/v1/west/gate-1/backlog",
        "watchpost/v1/west/gate-1/birth",
        "watchpost/v1/west/gate-1/config/reported",
        "watchpost/v1/west/gate-1/camera/../../etc/status",
        "watchpost/v1/west/../../gate-1/event/sensor/hall",
        "watchpost/v1/west/gate-2/health",
    ]
)


class Line:
    """The broker's side, as the intake sees it."""

    def __init__(self) -> None:
        self.confirmed: list[Incoming] = []
        self.sites: set[str] = set()

    def send(self, _topic: str, _payload: str) -> None: ...

    def serve_site(self, site: str) -> None:
        parse_edge_topic(f"watchpost/v1/{site}/edge/status")  # or the collector would publish on a wild topic
        self.sites.add(site)

    def confirm(self, messages: Iterable[Incoming]) -> None:
        self.confirmed.extend(messages)


@st.composite
def events_gone_wrong(draw: st.DrawFn) -> dict[str, Any]:
    """A good event in which some values, anywhere, were replaced by anything, or left out."""
    edge = SampleEdge()
    make = draw(st.sampled_from([edge.fall, edge.passage, edge.hit, edge.sensor, lambda: edge.dropped([(1, 2)])]))
    event: dict[str, Any] = copy.deepcopy(make())
    for _ in range(draw(st.integers(1, 3))):
        holder: Any = event
        while True:
            key = (
                draw(st.sampled_from(sorted(holder)))
                if isinstance(holder, dict)
                else draw(st.integers(0, len(holder) - 1))
            )
            inner = holder[key]
            if not (isinstance(inner, dict | list) and inner) or draw(st.booleans()):
                break
            holder = inner
        if isinstance(holder, dict) and draw(st.booleans()):
            del holder[key]
        else:
            holder[key] = draw(ANY)
        if not event:
            break
    return event


def message_of(topic: str, content: dict[str, Any]) -> Incoming:
    raw = payload(content) if "\ud800" not in str(content) else b"{}"
    return Incoming(topic, join_backlog([raw, raw]) if topic.endswith("backlog") else raw)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1969-12-31T23:59:59Z"])
def test_a_time_that_is_on_no_clock_is_set_aside(at: str) -> None:
    """One such status had been enough: the list of devices was an error for everybody."""
    edge = SampleEdge()
    said = {"state": "online", "connection_id": str(edge.outbox_id), "at": at}
    messages = [Incoming("watchpost/v1/west/gate-1/status", payload(said)), edge.incoming(edge.sensor(time=at))]
    for (found,) in map(understand, messages):
        assert isinstance(found, Letter)
        assert "on no clock" in found.reason


@pytest.mark.parametrize("us", [-(2**62), 2**62])
def test_a_time_that_an_earlier_version_has_stored_is_told_in_any_zone(us: int) -> None:
    for hours in (-14, 14):
        assert to_instant(us).astimezone(timezone(timedelta(hours=hours)))


@given(topic=TOPICS, raw=st.binary(max_size=200))
@settings(deadline=None, max_examples=200)
def test_any_bytes_are_understood_or_set_aside(topic: str, raw: bytes) -> None:
    for found in understand(Incoming(topic, raw)):
        assert isinstance(found, Letter), "no random bytes are an event"
        assert found.reason


def _encodable(text: object) -> bool:
    try:
        str(text).encode()
    except UnicodeEncodeError:
        return False
    return True


@given(wrong=st.lists(st.tuples(TOPICS, events_gone_wrong().filter(_encodable)), min_size=1, max_size=6))
@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
def test_events_gone_wrong_harm_nobody(wrong: list[tuple[str, dict[str, Any]]], migrated_sqlite: Path) -> None:
    asyncio.run(_harm_nobody(wrong, migrated_sqlite))


@pytest.mark.services
@given(wrong=st.lists(st.tuples(TOPICS, events_gone_wrong().filter(_encodable)), min_size=1, max_size=6))
@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
def test_events_gone_wrong_harm_nobody_on_postgresql(
    wrong: list[tuple[str, dict[str, Any]]], migrated_postgres: str
) -> None:
    messages = [message_of(topic, content) for topic, content in wrong]
    asyncio.run(_harmed_and_closed(Database(database_url(migrated_postgres, Path())), messages))


async def _harm_nobody(wrong: list[tuple[str, dict[str, Any]]], migrated: Path) -> None:
    folder = Path(tempfile.mkdtemp())
    shutil.copy(migrated, folder / "collector.db")
    try:
        await _harmed_and_closed(Database(database_url(None, folder)), [message_of(*one) for one in wrong])
    finally:
        shutil.rmtree(folder)


async def _harmed_and_closed(database: Database, wrong: list[Incoming]) -> None:
    try:
        await _harmed_by(database, wrong)
    finally:
        await database.close()


async def _harmed_by(database: Database, wrong: list[Incoming]) -> None:
    line = Line()
    intake = Intake(database, line, Pulse(), lambda: NOW)  # type: ignore[arg-type]
    other = SampleEdge(edge="gate-9")
    batch = [*wrong, other.incoming(other.sensor(alarm=False))]
    async with asyncio.timeout(20):
        await intake.process(batch)
    assert line.confirmed == batch
    assert intake.store_trouble is None
    async with database.read() as connection:
        stored = {row.outbox_id for row in await connection.execute(events.select())}
    assert str(other.outbox_id) in stored


STRANGE = [r'"watchpost.a\u0000b.v1"', r'"watchpost.\ud800.v1"', r'"watchpost.fall\u0000.v9"']


@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.parametrize("last", ["event/sensor/lane-1", "backlog", "status", "wild\u0007"])
async def test_characters_that_a_database_does_not_take_stop_nobody(
    database: Database, strange: str, last: str
) -> None:
    """One such message had been enough: PostgreSQL refused it, it was tried for ever, and all else waited."""
    raw = f'{{"type": {strange}, "source": {strange}, "outboxid": {strange}, "state": {strange}}}'.encode()
    message = Incoming(f"watchpost/v1/west/gate-1/{last}", join_backlog([raw]) if last == "backlog" else raw)
    await _harmed_by(database, [message])


async def test_what_is_set_aside_shows_no_site(database: Database) -> None:
    """Each site costs a connection of its own."""
    line, edge = Line(), SampleEdge()
    intake = Intake(database, line, Pulse(), lambda: NOW)  # type: ignore[arg-type]
    invented = Incoming("watchpost/v1/invented/gate-1/status", b"{}")
    await intake.process([invented, edge.incoming(edge.sensor(alarm=False))])
    assert line.sites == {"west"}


async def test_a_letter_that_cannot_be_kept_is_given_up(database: Database) -> None:
    """However it may come about: what waits for ever holds up all others."""
    letter = Letter(Incoming("watchpost/v1/west/gate-1/status", b"x"), None, "no kind")  # type: ignore[arg-type]
    line = Line()
    intake = Intake(database, line, Pulse(), lambda: NOW)  # type: ignore[arg-type]
    async with asyncio.timeout(20):
        outcome = await intake._store_or_split([letter])
    assert not outcome.acks


@given(
    content=events_gone_wrong(), tail=st.sampled_from(["", "1e999", "-2.5E+400", "NaN", "9" * 320 + ".0", '"1e999"'])
)
@settings(deadline=None, max_examples=200, suppress_health_check=list(HealthCheck))
def test_the_short_way_of_reading_takes_only_what_the_long_one_takes(content: dict[str, Any], tail: str) -> None:
    raw = payload(content) if "\ud800" not in str(content) else b"{}"
    if tail and raw.endswith(b"}") and len(raw) > 2:
        raw = raw[:-1] + f', "more": {tail}}}'.encode()
    assert _told(lambda: parse_whole(raw)) == _told(lambda: _the_long_way(raw))
    joined = parse_joined(join_backlog([raw, raw]))
    if joined is not None:
        assert [(envelope.sequence, text) for envelope, _, text in joined] == [(content["sequence"], raw)] * 2


def _the_long_way(raw: bytes) -> tuple[Envelope, EventData]:
    envelope = parse_event(raw)
    return envelope, envelope.parse_data()


def _told(read: Callable[[], tuple[Envelope, EventData]]) -> object:
    try:
        envelope, data = read()
    except (MalformedEvent, UnsupportedVersion) as error:
        return str(error)
    return (envelope.model_dump(exclude={"data"}), data)
