"""Delivery over MQTT 5 or 3.1.1: publishes what the outbox holds, and lets it forget only what was acknowledged.

One thread does everything here: it waits on the broker's socket and on a wake-up pipe, so no lock is needed and a new
event leaves within a millisecond. The MQTT client's session survives a reconnect (clean start false); each connection
has a `connection_id`, in the will as well, so that an old `offline` is never taken for a new one.
"""

from __future__ import annotations

import json
import logging
import queue
import random
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from pydantic import BaseModel, ValidationError
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_when_event_set,
    wait_random_exponential,
)

from contract.acks import Ack
from contract.commands import Command, ConfigDesired, Reply
from contract.envelope import summarise
from contract.status import CameraStatus, CollectorStatus, Status
from contract.topics import EdgeTopics, SiteTopics
from edge.clock import utc
from edge.config import BrokerSettings, DeliverySettings
from edge.errors import DeliveryError, OutboxError
from edge.link import UNHEARD, Link, Received
from edge.outbox import Outbox
from edge.parcels import Parcel, Post, pack
from edge.ports import AgentSide, Clock
from edge.window import Window

log = logging.getLogger(__name__)

_LONGEST_RETRY_S = 5.0
_HURRY_S = 2.0
_BATCH = 200
_COMMANDS_REMEMBERED = 200
_POSTS_KEPT = 500
_CONFLICT_TOLD_S = 60.0
_CONNECTIONS_REMEMBERED = 100
_TAKE_AGAIN_S = 1.0
_UNTAKEN_KEPT = 1000


class Delivery:
    """The connection to the broker; `start` and `stop` it. Other methods may be called from any thread."""

    def __init__(
        self,
        broker: BrokerSettings,
        settings: DeliverySettings,
        topics: EdgeTopics,
        outbox: Outbox,
        clock: Clock,
        health_interval_s: float,
        rng: random.Random,
    ) -> None:
        self._broker = broker
        self._confirm_by_broker = settings.confirm == "broker"
        self._topics = topics
        self._outbox = outbox
        self._clock = clock
        self._health_interval_s = health_interval_s
        self._rng = rng
        self._window = Window(outbox, clock, rng, settings.max_unacknowledged, settings.ack_timeout_s, settings.live_s)
        self._link = Link(broker, f"watchpost-{topics.site}-{topics.edge}", keep_session=True)
        self._agent: AgentSide | None = None
        self._posts: queue.SimpleQueue[Post] = queue.SimpleQueue()
        self._settled: queue.SimpleQueue[tuple[tuple[int, int], ...]] = queue.SimpleQueue()
        self._camera_status: dict[str, CameraStatus] = {}
        self._commands_seen: OrderedDict[str, None] = OrderedDict()
        self._sequences_of: dict[int, tuple[int, ...]] = {}
        """Message id → the numbers that it carries, until the broker has confirmed it."""
        self._ready: deque[Parcel] = deque()
        self._untaken: deque[Received] = deque(maxlen=_UNTAKEN_KEPT)
        """Messages that the outbox had no room for; the broker has no acknowledgement of them."""
        self._take_again_s = 0.0
        self._takes_backlog = False
        """Whether the collector takes many old events in one message."""
        self._collector_connection: UUID | None = None
        self._health_due_s = 0.0
        self._connections: deque[UUID] = deque(maxlen=_CONNECTIONS_REMEMBERED)
        self._started = utc(clock.now())
        self._conflict_s: float | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)
        self.connected = False
        self.on_collector_back: Callable[[], None] = lambda: None
        """Called, from delivery's thread, when the collector says that it listens."""
        self._problem: str | None = None
        self._refusal: str | None = None
        """What the broker or a message was refused for, last; None while all is well."""

    @property
    def alive(self) -> bool:
        """False before `start`, after `stop`, and when the thread died of a bug."""
        return self._thread.is_alive()

    def start(self, agent: AgentSide) -> None:
        """Begin; returns at once and never gives up."""
        self._agent = agent
        self._outbox.on_put(self._link.wake)
        self._thread.start()

    @property
    def problem(self) -> str | None:
        """What hinders delivery, and what to do. Where a broker refuses and then cuts us off, the refusal is told."""
        return self._refusal or self._problem

    def stop(self, timeout_s: float = 5) -> None:
        """Say `stopping`, disconnect and end the thread."""
        self._stopping.set()
        self._link.wake()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def set_camera_status(self, camera: str, status: CameraStatus) -> None:
        """Publish a camera's retained state now, and again at each connection."""
        self._camera_status[camera] = status
        self._post(self._topics.camera_status(camera), status, qos=1, retain=True)

    def reply(self, reply: Reply) -> None:
        """Answer a command."""
        self._post(self._topics.reply(reply.id), reply, qos=1, expiry_s=60)

    def look_again(self) -> None:
        """Old events are pending again."""
        self._window.rescan()
        self._link.wake()

    def _post(
        self, topic: str, message: BaseModel, qos: int, retain: bool = False, expiry_s: int | None = None
    ) -> None:
        if self._posts.qsize() < _POSTS_KEPT:
            self._posts.put(Post(topic, message.model_dump_json(), qos, retain, expiry_s))
        self._link.wake()

    def _run(self) -> None:
        connect = Retrying(
            retry=retry_if_exception_type(DeliveryError),
            wait=wait_random_exponential(multiplier=0.5, max=_LONGEST_RETRY_S),
            stop=stop_when_event_set(self._stopping),
            sleep=sleep_using_event(self._stopping),
            before_sleep=self._note_failure,
            retry_error_callback=lambda _: None,
        )
        while not self._stopping.is_set():
            connection_id = connect(self._connect)
            if connection_id is not None:
                self._converse(connection_id)
                self._stopping.wait(self._pause_s())
        self._link.close()

    def _pause_s(self) -> float:
        """After a connection has ended: not all edges at once, and no duel with one that has our identity."""
        return self._rng.uniform(2, 5) if self._in_conflict() else self._rng.uniform(0, 0.5)

    def _note_failure(self, state: RetryCallState) -> None:
        if state.outcome is not None and not self._in_conflict():
            self._note(str(state.outcome.exception()))

    def _connect(self) -> UUID:
        connection_id = uuid4()
        offline = Status(state="offline", connection_id=connection_id, at=utc(self._clock.now()))
        self._link.connect(self._topics.status, offline.model_dump_json())
        return connection_id

    def _converse(self, connection_id: UUID) -> None:
        """From a connection's beginning to its end."""
        log.info("connected to %s (MQTT %s)", self._broker.url, self._broker.protocol)
        self.connected = True
        self._connections.append(connection_id)
        self._clear_problem()
        for message in [one for one in self._untaken if one.qos > 0]:
            self._untaken.remove(message)  # the broker sends it again
        self._greet(connection_id)
        while self._link.pump(self._wait_s()):
            if self._stopping.is_set():
                self._say_goodbye(connection_id)
                break
            self._take_confirmations()
            self._take_messages()
            self._send_posts()
            self._send_events()
            self._send_health()
        self.connected = False
        if not self._stopping.is_set() and not self._in_conflict():
            self._note(self._link.why_disconnected())

    def _greet(self, connection_id: UUID) -> None:
        site = SiteTopics(self._topics.site)
        self._link.subscribe(
            [
                self._topics.ack,
                self._topics.config_desired,
                self._topics.watchlist,
                self._topics.commands,
                self._topics.sensors,
                self._topics.status,  # our own: another agent with our identity would write there
                site.collector_status,
            ]
        )
        self._publish(self._topics.status, Status(state="online", connection_id=connection_id, at=self._now()))
        self._publish(self._topics.birth, self._side.birth(connection_id))
        for camera, status in self._camera_status.copy().items():
            self._publish(self._topics.camera_status(camera), status)
        self._window.hurry(_HURRY_S)
        self._health_due_s = self._clock.monotonic()

    def _say_goodbye(self, connection_id: UUID) -> None:
        stopping = Status(state="stopping", connection_id=connection_id, at=self._now())
        self._publish(self._topics.status, stopping)
        self._link.disconnect()

    @property
    def _side(self) -> AgentSide:
        assert self._agent is not None, "start() first"  # noqa: S101 (an internal order, not input)
        return self._agent

    def _now(self) -> Any:
        return utc(self._clock.now())

    def _wait_s(self) -> float:
        due_s = min(self._health_due_s, self._take_again_s) if self._untaken else self._health_due_s
        return max(0.0, min(self._window.wait_s(), due_s - self._clock.monotonic()))

    def _publish(self, topic: str, message: BaseModel) -> None:
        """Publish a retained message."""
        self._link.publish(topic, message.model_dump_json().encode(), 1, retain=True)

    def _send_posts(self) -> None:
        while not self._posts.empty():
            post = self._posts.get()
            self._link.publish(post.topic, post.payload.encode(), post.qos, post.retain, post.expiry_s)

    def _send_health(self) -> None:
        if self._clock.monotonic() < self._health_due_s:
            return
        self._health_due_s = self._clock.monotonic() + self._health_interval_s
        self._link.publish(self._topics.health, self._side.health().model_dump_json().encode(), 0, expiry_s=120)

    def _send_events(self) -> None:
        """As many as the broker has room for; its next confirmation makes some."""
        room = self._link.receive_maximum - len(self._sequences_of)
        if room > len(self._ready):
            try:
                batch = self._window.take(min(_BATCH, room), _BATCH if self._takes_backlog else None)
            except OutboxError as error:
                self._note(str(error))
                return
            self._ready += pack(batch, self._outbox.outbox_id, self._topics, together=self._takes_backlog)
        while self._ready and len(self._sequences_of) < self._link.receive_maximum:
            self._send(self._ready.popleft())

    def _send(self, parcel: Parcel) -> None:
        """Publish it, and note which message carries which numbers."""
        self._sequences_of[self._link.publish(parcel.topic, parcel.payload, 1)] = parcel.sequences

    def _take_confirmations(self) -> None:
        """The broker's PUBACKs; and what the outbox has meanwhile marked."""
        confirmed: list[tuple[int, int]] = []
        for mid, said in self._link.take_confirmed():
            sequences = self._sequences_of.pop(mid, ())
            if said == UNHEARD and sequences and not self._confirm_by_broker:
                for sequence in sequences:
                    self._window.unheard(sequence)
                continue
            refusal = None if said == UNHEARD else said
            if refusal is not None:
                self._refusal = f"broker {self._broker.url} does not take our message: {refusal}; check its ACL"
                log.warning("%s", self._refusal)
                self._takes_backlog = False  # perhaps only its ACL does not know that topic
            elif sequences:
                self._refusal = None
                confirmed += [(sequence, sequence) for sequence in sequences]
            for sequence in sequences:
                self._window.reached_broker(sequence)
        if self._confirm_by_broker and confirmed:
            self._mark(tuple(confirmed))
        while not self._settled.empty():
            self._window.settled(self._settled.get())

    def _mark(self, ranges: tuple[tuple[int, int], ...]) -> None:
        def marked(done: Future[int]) -> None:
            error = done.exception()
            if error is None:
                self._settled.put(ranges)  # only now: before, the outbox would offer them again
                self._link.wake()
            else:
                log.error("acknowledgement not marked, these events will be sent again: %s", error)

        self._outbox.mark_acked(ranges).add_done_callback(marked)

    def _take_messages(self) -> None:
        again = self._take_untaken()
        waiting = {message.topic for message in self._untaken if message.topic != self._topics.ack}
        for message in (*again, *self._link.take_received()):
            if message.topic in waiting:  # an older word on the same thing is never to come after a newer one
                self._untaken.append(message)
                continue
            try:
                self._take_message(message)
            except OutboxError as error:
                self._note(str(error))
                self._untaken.append(message)
                waiting.update({message.topic} - {self._topics.ack})  # confirmations may come in any order
                self._take_again_s = self._clock.monotonic() + _TAKE_AGAIN_S
                continue
            except ValidationError as error:
                self._note(f"message on {message.topic} refused: {summarise(error)}")
            except ValueError as error:
                self._note(f"message on {message.topic} refused: not JSON of this contract: {error}")
            self._link.acknowledge(message)

    def _take_untaken(self) -> list[Received]:
        """Those whose time has come again: a connection may last for days, and only the next one would bring them."""
        if self._clock.monotonic() < self._take_again_s:
            return []
        taken = list(self._untaken)
        self._untaken.clear()
        return taken

    def _take_message(self, message: Received) -> None:
        topics, topic, payload = self._topics, message.topic, message.payload
        last = topic.rpartition("/")[2]
        if topic == topics.ack:
            self._take_ack(Ack.model_validate_json(payload))
        elif topic == topics.watchlist:
            self._side.on_watchlist(bytes(payload))
        elif not payload:
            log.debug("%s was cleared", topic)
        elif topic == topics.sensor(last) and not message.retain:
            self._side.on_sensor(last, _json_object(payload))
        elif topic == topics.command(last):
            self._take_command(Command.model_validate_json(payload))
        elif topic == topics.config_desired:
            reported = self._side.on_config(ConfigDesired.model_validate_json(payload))
            self._publish(topics.config_reported, reported)
        elif topic == SiteTopics(topics.site).collector_status:
            self._take_collector_status(CollectorStatus.model_validate_json(payload), live=not message.retain)
        elif topic == topics.status:
            self._take_status(Status.model_validate_json(payload))

    def _take_ack(self, ack: Ack) -> None:
        ours = self._outbox.outbox_id
        ranges = tuple((one.from_sequence, one.to_sequence) for one in ack.ranges if one.outbox_id == ours)
        if ranges:
            self._mark(ranges)
        for refusal in ack.refused:
            if refusal.outbox_id == ours:
                log.error("the collector keeps event %d aside: %s", refusal.sequence, refusal.reason)
                done = self._outbox.mark_refused(refusal.sequence, refusal.reason)
                done.result()
                self._window.settled(((refusal.sequence, refusal.sequence),))

    def _take_command(self, command: Command) -> None:
        if command.id in self._commands_seen:
            return  # QoS 1 may deliver twice; a command is done once
        if command.expires <= self._now():
            late_s = (self._now() - command.expires) / timedelta(seconds=1)
            text = f"expired {late_s:.0f} s ago; not done (are both clocks right?)"
            self.reply(Reply(id=command.id, ok=False, text=text, at=self._now()))
            return
        self._side.on_command(command)
        self._commands_seen[command.id] = None
        while len(self._commands_seen) > _COMMANDS_REMEMBERED:
            self._commands_seen.popitem(last=False)

    def _take_collector_status(self, status: CollectorStatus, live: bool) -> None:
        """It says so after each subscription: what was published before that, nobody may have heard."""
        self._outbox.offer_anew()  # when it goes, too: a restored one may ask before its `online` is here
        if status.state == "online":
            self._takes_backlog = status.takes_backlog
        if status.state == "online" and (live or status.connection_id != self._collector_connection):
            self._collector_connection = status.connection_id
            self._health_due_s = self._clock.monotonic()  # a restored one learns from it what it lacks
            self.on_collector_back()
            self._window.hurry(_HURRY_S)

    def _take_status(self, status: Status) -> None:
        """Our own `online` comes back to us; one that is not ours was written by an agent with our identity."""
        if status.state == "online" and status.connection_id not in self._connections and status.at > self._started:
            self._conflict_s = self._clock.monotonic()
            self._note(
                f"another agent is online as {self._topics.site}/{self._topics.edge}: give each edge its own name;"
                " until then they cut each other off"
            )

    def _in_conflict(self) -> bool:
        """Another agent with our identity was heard of lately: that stays the problem to tell."""
        return self._conflict_s is not None and self._clock.monotonic() - self._conflict_s < _CONFLICT_TOLD_S

    def _clear_problem(self) -> None:
        if not self._in_conflict():
            self._problem = None

    def _note(self, problem: str) -> None:
        self._problem = problem
        log.warning("%s", problem)


def _json_object(payload: bytes | bytearray) -> dict[str, Any]:
    try:
        raw = json.loads(payload)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(raw, dict):
        raise ValueError(f"expected an object, got {type(raw).__name__}")
    return raw
