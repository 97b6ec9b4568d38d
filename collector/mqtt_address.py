"""Where the broker is, and a client that speaks to it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from collector.mqtt_client import SwiftClient

RECEIVE_MAXIMUM = 1000
IN_FLIGHT = 500
SESSION_EXPIRY_S = 3600
KEEPALIVE_S = 20
RECONNECT_MAX_S = 4
PORTS = {"mqtt": 1883, "mqtts": 8883}
Protocol = Literal["5", "3.1.1"]


class BrokerUrlError(ValueError):
    """The broker's address cannot be used; says what was expected."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is and how to speak to it."""

    host: str
    port: int
    tls: bool
    protocol: Protocol
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    """Our own certificate, where the broker asks for one; its key in `key_file`."""
    key_file: Path | None = None

    @classmethod
    def parse(
        cls,
        url: str,
        protocol: Protocol,
        ca_file: Path | None = None,
        own: tuple[Path | None, Path | None] = (None, None),
    ) -> BrokerAddress:
        """From `mqtt[s]://[user[:password]@]host[:port]`. Raises BrokerUrlError, also for a CA file of no use."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise BrokerUrlError(f"broker address {url!r}: {error}") from error
        if ca_file is not None:
            _check_ca_file(ca_file)
        if parts.scheme not in PORTS or not parts.hostname:
            raise BrokerUrlError(f"broker address {url!r}: expected mqtt://host:port or mqtts://host:port")
        user = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else None
        port = port or PORTS[parts.scheme]
        return cls(parts.hostname, port, parts.scheme == "mqtts", protocol, user, password, ca_file, *own)

    def __str__(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"

    def client(self, client_id: str, *, session: bool) -> SwiftClient:
        """A client that is not yet connected; with `session` the broker keeps its subscriptions between connections."""
        mqtt5 = self.protocol == "5"
        client = SwiftClient(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if mqtt5 else not session,
            protocol=MQTTProtocolVersion.MQTTv5 if mqtt5 else MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
        )
        if self.username is not None:
            client.username_pw_set(self.username, self.password)
        if self.tls:
            authority, own, key = (
                None if path is None else str(path) for path in (self.ca_file, self.cert_file, self.key_file)
            )
            client.tls_set(ca_certs=authority, certfile=own, keyfile=key)
        client.reconnect_delay_set(1, RECONNECT_MAX_S)
        client.max_inflight_messages_set(IN_FLIGHT)
        return client

    def connect(self, client: Client, *, session: bool) -> None:
        """Begin to connect, and go on trying, on the client's own thread."""
        options: dict[str, Any] = {}
        if self.protocol == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = SESSION_EXPIRY_S if session else 0
            properties.ReceiveMaximum = RECEIVE_MAXIMUM
            options = {"clean_start": not session, "properties": properties}
        client.connect_async(self.host, self.port, keepalive=KEEPALIVE_S, **options)
        client.loop_start()


def _check_ca_file(path: Path) -> None:
    try:
        ssl.create_default_context(cafile=str(path))
    except OSError as error:
        raise BrokerUrlError(f"{path} holds no certificate in PEM form ({error})") from error
