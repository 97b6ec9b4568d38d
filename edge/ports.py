"""The interfaces between the agent's parts, each declared for the part that consumes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol
from uuid import UUID

from contract.commands import Command, ConfigDesired, ConfigReported
from contract.status import Birth, Health
from edge.types import Finding, Frame, Packet, StreamInfo


class Analyzer(Protocol):
    """Turns frames into findings. It keeps the state of one camera; one instance per camera, called from one thread."""

    def observe(self, frame: Frame) -> Sequence[Finding]:
        """Look at the next frame; return what has become certain with it (usually nothing)."""
        ...

    def finish(self) -> Sequence[Finding]:
        """Return what is still open when the stream has ended (a vehicle in view, a fall that left the picture)."""
        ...


class PacketSink(Protocol):
    """Receives compressed packets as they are read, before they are decoded (the recorder's ring)."""

    def start_stream(self, info: StreamInfo) -> None:
        """A (new) connection begins: stream time restarts at 0, and old packets cannot be joined to new ones."""
        ...

    def put_packet(self, packet: Packet) -> None:
        """Keep one packet of the running stream."""
        ...


class Source(Protocol):
    """Where a camera's frames come from. A new kind of source is one file."""

    @property
    def live(self) -> bool:
        """True for a camera (it never ends by itself), False for a file."""
        ...

    def frames(self) -> Iterator[Frame]:
        """Yield frames until the file ends; a live source reconnects and goes on until `close`."""
        ...

    def close(self) -> None:
        """Stop; may be called from another thread; `frames` then ends within its read time-out."""
        ...


class Clock(Protocol):
    """Time as an argument, so that tests own it."""

    def now(self) -> float:
        """Seconds since the Unix epoch (UTC)."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean something."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; a test's clock returns at once and moves its own time."""
        ...


class AgentSide(Protocol):
    """What delivery asks of the agent, always from its own thread: answer soon."""

    def birth(self, connection_id: UUID) -> Birth: ...

    def health(self) -> Health: ...

    def on_command(self, command: Command) -> None:
        """Do it, and answer with `Delivery.reply`, now or later."""
        ...

    def on_sensor(self, sensor: str, raw: dict[str, Any]) -> None:
        """Outbox a sensor's message. OutboxError: it is tried again. ValidationError: it is refused."""
        ...

    def on_config(self, desired: ConfigDesired) -> ConfigReported: ...

    def on_watchlist(self, payload: bytes) -> None:
        """Judge a list as it came (empty: it was cleared). OutboxError: it is tried again."""
        ...
