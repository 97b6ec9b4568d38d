"""paho's client without some habits that cost more than all else it does when thousands of messages come a second.

It reads a packet with three and more system calls, after one that waits: here they come out of what was read ahead. It
sends, and confirms, one by one: here many in one piece. It unpacks the properties of each packet, even of one that has
none: here only where there are some. It looks through all that is on its way at each confirmation: here only where
something waits. This rests on methods that paho keeps for itself; `tests/collector/test_mqtt_client.py` notices a paho
that has others.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from socket import IPPROTO_TCP, TCP_NODELAY
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

READ_AHEAD_BYTES = 64 * 1024
_PACKETS_AT_ONCE = 100
"""After so many read packets it is time to look whether something is to be written."""
_PUBLISH, _PUBACK = 0x32, 0x40
_SUCCESS = ReasonCode(PacketTypes.PUBACK, "Success")
_UNHEARD = ReasonCode(PacketTypes.PUBACK, "No matching subscribers")
_NO_PROPERTIES = Properties(PacketTypes.PUBACK)  # type: ignore[no-untyped-call]


class ReadAhead:
    """A socket that hands out, in small pieces, what it has read in large ones."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._ahead = b""
        self._place = 0

    def recv(self, size: int) -> bytes:
        """At most `size` bytes; raises what the socket raises when there are none."""
        left = len(self._ahead) - self._place
        if not left:
            self._ahead = self._socket.recv(max(READ_AHEAD_BYTES, size))
            self._place, left = 0, len(self._ahead)
        if not self._place and left <= size:
            found, self._ahead = self._ahead, b""
            return found
        found = self._ahead[self._place : self._place + size]
        self._place += len(found)
        return found

    def pending(self) -> int:
        """Bytes that can be read without waiting; what the socket itself does not show as readable."""
        pending = getattr(self._socket, "pending", None)
        return len(self._ahead) - self._place + (pending() if pending is not None else 0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


class SwiftClient(Client):
    """See the module."""

    on_taken: Callable[[str, bytes, int, int], None] | None = None
    """Called with topic, payload, message id and QoS, instead of `on_message`, for messages without properties."""
    _holder: int | None = None
    """The thread whose packets are held back to go together."""
    _held: list[bytes]

    def _create_socket(self) -> Any:
        connection = super()._create_socket()
        # Or an alert waits for the acknowledgement of what went before it: 40 ms, with Nagle's algorithm.
        connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)  # type: ignore[attr-defined]
        return ReadAhead(connection)

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """What was read ahead, or as many packets of it as are good at once."""
        result = super().loop_read(max_packets)
        for _ in range(_PACKETS_AT_ONCE):
            socket = self.socket()
            if result != MQTTErrorCode.MQTT_ERR_SUCCESS or not isinstance(socket, ReadAhead) or not socket.pending():
                break
            result = super().loop_read(max_packets)
        return result

    def ack_all(self, message_ids: Iterable[int]) -> None:
        """PUBACK for each of these messages."""
        acks = [struct.pack("!BBH", _PUBACK, 2, message_id) for message_id in message_ids]
        if acks:
            self._packet_queue(_PUBACK, b"".join(acks), 0, 1)

    @contextmanager
    def together(self) -> Iterator[None]:
        """What this thread publishes here, with QoS 1, leaves in one piece at the end. One thread at a time."""
        self._holder, self._held = threading.get_ident(), []
        try:
            yield
        finally:
            self._holder = None
            if self._held:
                self._packet_queue(_PUBLISH, b"".join(self._held), 0, 1)

    def _packet_queue(self, command: int, packet: Any, mid: int, qos: int, info: Any = None) -> MQTTErrorCode:
        if self._holder is not None and qos == 1 and self._holder == threading.get_ident():
            self._held.append(bytes(packet))
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        return super()._packet_queue(command, packet, mid, qos, info)

    def _update_inflight(self) -> MQTTErrorCode:
        if self._inflight_messages >= len(self._out_messages):  # nothing waits for its turn
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        return super()._update_inflight()

    def _handle_publish(self) -> MQTTErrorCode:
        found = None if self.on_taken is None else self._plain_publish()
        if found is None or self.on_taken is None:
            return super()._handle_publish()
        self.on_taken(*found)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _plain_publish(self) -> tuple[str, bytes, int, int] | None:
        """A PUBLISH of QoS 0 or 1 that has no properties, taken apart; None: it is another, or not whole."""
        packet, qos, message_id = self._in_packet["packet"], self._in_packet["command"] >> 1 & 3, 0
        try:
            place = 2 + int.from_bytes(packet[:2])
            topic = packet[2:place].decode()
            if qos:
                message_id = int.from_bytes(packet[place : place + 2])
                place += 2
            if self._protocol == MQTTProtocolVersion.MQTTv5:
                if packet[place]:
                    return None
                place += 1
        except (IndexError, UnicodeDecodeError):
            return None
        return (topic, bytes(packet[place:]), message_id, qos) if topic and qos < 2 and place <= len(packet) else None

    def _handle_pubackcomp(self, cmd: Any) -> MQTTErrorCode:
        packet = self._in_packet["packet"]
        plain = len(packet) == 2 or (len(packet) == 3 and packet[2] in (_SUCCESS.value, _UNHEARD.value))
        if cmd != "PUBACK" or not plain or self._protocol != MQTTProtocolVersion.MQTTv5:
            return super()._handle_pubackcomp(cmd)
        message_id = int.from_bytes(packet[:2])
        with self._out_message_mutex:
            if message_id in self._out_messages:
                said = _SUCCESS if len(packet) == 2 or not packet[2] else _UNHEARD
                return self._do_on_publish(message_id, said, _NO_PROPERTIES)
        return MQTTErrorCode.MQTT_ERR_SUCCESS
