"""paho's client with two habits changed that cost more than all else it does when thousands of messages come a second.

It reads a packet with three and more system calls, after one that waits; here they come out of what was read ahead. And
it confirms messages one by one; here many in one packet. Each such call would also let another thread go first.
Both rest on methods that paho keeps for itself; `tests/collector/test_mqtt_client.py` notices a paho that has others.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode

READ_AHEAD_BYTES = 64 * 1024
_PACKETS_AT_ONCE = 100
"""After so many read packets it is time to look whether something is to be written."""
_PUBACK = 0x40


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

    def _create_socket(self) -> Any:
        return ReadAhead(super()._create_socket())

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
