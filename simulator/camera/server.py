"""The camera: accepts RTSP clients, and sends all of them the same live timeline over TCP or UDP."""

from __future__ import annotations

import asyncio
import errno
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, get_args

from simulator.camera.recording import Recording
from simulator.camera.rtp import CLOCK_HZ, RtpSender, interleaved
from simulator.camera.rtsp import (
    MAX_LINE,
    METHODS,
    DigestGate,
    MalformedRequest,
    Request,
    Transport,
    answer,
    parse_transport,
    read_request,
    session_description,
)
from simulator.camera.timeline import DueUnit, Ledger, Timeline

Action = Literal["stall", "drop", "freeze", "refuse", "end", "resume"]
ACTIONS: tuple[Action, ...] = get_args(Action)
Mode = Literal["playing", "stalled", "frozen", "refusing", "ended"]
Start = Literal["first-play", "now"]

REPORT_EVERY_S = 5.0
FROZEN_EVERY_S = 0.2
"""A frozen camera repeats its last key frame at this pace: key frames are large."""
MAX_LAG_S = 8.0
"""A client that reads more slowly than this skips to the next key frame, as a live camera's client does."""
_BURST_PACKETS = 16
"""UDP packets sent without a pause: a whole key frame at once overflows a receiver's default buffer."""


class PortTaken(Exception):
    """The port cannot be listened on; says which and what to do."""


class PacketPath(Protocol):
    """Where a client's packets go."""

    async def send(self, packets: list[bytes]) -> None:
        """RTP packets of one picture."""
        ...

    def report(self, packet: bytes) -> None:
        """One RTCP packet."""
        ...

    def close(self) -> None: ...


class InterleavedPath:
    """RTP inside the RTSP connection."""

    def __init__(self, writer: asyncio.StreamWriter, channels: tuple[int, int]) -> None:
        self._writer = writer
        self._rtp, self._rtcp = channels

    async def send(self, packets: list[bytes]) -> None:
        self._writer.write(b"".join(interleaved(self._rtp, packet) for packet in packets))
        await self._writer.drain()

    def report(self, packet: bytes) -> None:
        self._writer.write(interleaved(self._rtcp, packet))

    def close(self) -> None:
        """The connection belongs to the client."""


class UdpPath:
    """RTP and RTCP as datagrams to the client's two ports."""

    def __init__(self, host: str, ports: tuple[int, int], sockets: tuple[asyncio.DatagramTransport, ...]) -> None:
        self._rtp_to, self._rtcp_to = (host, ports[0]), (host, ports[1])
        self._rtp, self._rtcp = sockets

    @classmethod
    async def open(cls, local: str, host: str, ports: tuple[int, int]) -> UdpPath:
        loop = asyncio.get_running_loop()
        opened = [
            (await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=(local, 0)))[0] for _ in range(2)
        ]
        return cls(host, ports, tuple(opened))

    @property
    def server_ports(self) -> str:
        return "-".join(str(socket.get_extra_info("sockname")[1]) for socket in (self._rtp, self._rtcp))

    async def send(self, packets: list[bytes]) -> None:
        for index, packet in enumerate(packets):
            self._rtp.sendto(packet, self._rtp_to)
            if index % _BURST_PACKETS == _BURST_PACKETS - 1:
                await asyncio.sleep(0.001)

    def report(self, packet: bytes) -> None:
        self._rtcp.sendto(packet, self._rtcp_to)

    def close(self) -> None:
        self._rtp.close()
        self._rtcp.close()


@dataclass(slots=True, eq=False)
class Client:
    """One RTSP connection and what it has set up."""

    writer: asyncio.StreamWriter
    gate: DigestGate
    session: str = ""
    ssrc: int = 0
    path: PacketPath | None = None
    playing: asyncio.Task[None] | None = None


class RtspCamera:
    """A video played as a camera at `url`. Use it inside one event loop: `start`, `control`, `close`.

    `start_at="first-play"` holds the timeline until somebody plays; then it runs for all, watched or not.
    Raises PortTaken.
    """

    def __init__(  # noqa: PLR0913  (a camera's plain settings)
        self,
        recording: Recording,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        path: str = "/main",
        user: str | None = None,
        password: str = "",
        loop: bool = False,
        start_at: Start = "first-play",
        ledger: Path | None = None,
    ) -> None:
        self._recording = recording
        self._host = host
        self.port = port
        self._path = "/" + path.strip("/")
        self._user, self._password = user, password
        self._start_at = start_at
        self._ledger = Ledger(ledger)
        self.timeline = Timeline(recording, loop=loop, ledger=self._ledger)
        self.mode: Mode = "playing"
        self._clients: set[Client] = set()
        self._server: asyncio.Server | None = None
        self._clockwork: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The address without user and password."""
        return f"rtsp://{self._host}:{self.port}{self._path}"

    @property
    def players(self) -> int:
        """How many clients are being sent the stream."""
        return sum(client.playing is not None and not client.playing.done() for client in self._clients)

    async def start(self) -> None:
        """Listen."""
        await self._listen()
        if self._start_at == "now":
            self.timeline.start()
        self._clockwork = asyncio.create_task(self._keep_ledger())

    async def close(self) -> None:
        """Hang up and listen no more."""
        if self._clockwork is not None:
            self._clockwork.cancel()
        await self._stop_listening()
        self._drop_all()
        await asyncio.sleep(0)

    async def control(self, action: Action) -> Mode:
        """Fail on purpose, or `resume` normal play; returns the mode the camera is in now."""
        self._ledger.write("control", time.time(), action=action)
        modes: dict[Action, Mode] = {
            "stall": "stalled", "freeze": "frozen", "refuse": "refusing", "end": "ended", "resume": "playing"
        }  # fmt: skip
        self.mode = modes.get(action, self.mode)
        if action == "refuse":
            await self._stop_listening()
        if action == "end":
            self._say_goodbye()
        if action in {"drop", "refuse", "end"}:
            self._drop_all(politely=action == "end")
        if action == "resume" and self._server is None:
            await self._listen()
        return self.mode

    async def _listen(self) -> None:
        try:
            self._server = await asyncio.start_server(self._serve, self._host, self.port, limit=MAX_LINE)
        except OSError as error:
            if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise
            raise PortTaken(
                f"port {self.port} on {self._host} cannot be used ({error.strerror}); choose another with --port"
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _drop_all(self, *, politely: bool = False) -> None:
        for client in list(self._clients):
            if client.playing is not None:
                client.playing.cancel()
            if politely:
                client.writer.close()
            else:
                client.writer.transport.abort()

    def _say_goodbye(self) -> None:
        for client in self._clients:
            if client.path is not None and client.playing is not None:
                client.path.report(RtpSender(self._recording.codec, client.ssrc).goodbye())

    async def _keep_ledger(self) -> None:
        while True:
            self.timeline.write_loops()
            await asyncio.sleep(0.05)

    # --- one connection

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(writer, DigestGate(self._user, self._password))
        self._clients.add(client)
        try:
            while (request := await read_request(reader)) is not None:
                reply = await self._reply(client, request)
                writer.write(reply)
                await writer.drain()
                if request.method == "PLAY" and client.playing is None and reply.startswith(b"RTSP/1.0 200"):
                    client.playing = asyncio.create_task(self._play(client))
                if request.method == "TEARDOWN":
                    break
        except MalformedRequest:
            writer.write(answer(400, "0"))
        except ConnectionError:
            pass  # the client hung up, or it was dropped on purpose
        finally:
            self._forget(client)

    def _forget(self, client: Client) -> None:
        self._clients.discard(client)
        if client.playing is not None:
            client.playing.cancel()
        if client.path is not None:
            client.path.close()
        client.writer.close()

    async def _reply(self, client: Client, request: Request) -> bytes:
        status, extra = self._refusal(client, request)
        if status != 200 or request.method == "OPTIONS":
            return answer(status, request.sequence, extra)
        if request.method == "DESCRIBE":
            description = session_description(self._recording, self._host)
            return answer(200, request.sequence, {"Content-Base": request.url.rstrip("/") + "/"}, description)
        if request.method == "SETUP":
            return await self._set_up(client, request)
        if request.method == "PLAY":
            return self._start_play(client, request)
        return answer(200, request.sequence, {"Session": client.session} if client.session else None)

    def _refusal(self, client: Client, request: Request) -> tuple[int, dict[str, str]]:
        """Status and headers: 200 when the request may be served."""
        checks: tuple[tuple[bool, int, dict[str, str]], ...] = (
            (request.method == "OPTIONS", 200, {"Public": METHODS}),
            (request.method not in METHODS.split(", "), 405, {"Allow": METHODS}),
            (not client.gate.admits(request), 401, {"WWW-Authenticate": client.gate.challenge}),
            (request.path != self._path, 404, {}),
            (self.mode == "ended" or self.timeline.over, 503, {}),
        )
        return next(((status, headers) for applies, status, headers in checks if applies), (200, {}))

    async def _set_up(self, client: Client, request: Request) -> bytes:
        if client.playing is not None:
            return answer(455, request.sequence)
        wanted = parse_transport(request.headers.get("transport", ""))
        if wanted is None:
            return answer(461, request.sequence)
        client.session = client.session or secrets.token_hex(8)
        client.ssrc = secrets.randbits(32)
        agreed = await self._open_path(client, wanted)
        headers = {"Transport": f"{agreed};ssrc={client.ssrc:08X}", "Session": f"{client.session};timeout=60"}
        return answer(200, request.sequence, headers)

    async def _open_path(self, client: Client, wanted: Transport) -> str:
        if client.path is not None:
            client.path.close()
        if wanted.interleaved is not None:
            client.path = InterleavedPath(client.writer, wanted.interleaved)
            return "RTP/AVP/TCP;unicast;interleaved={}-{}".format(*wanted.interleaved)
        assert wanted.client_ports is not None  # noqa: S101  (parse_transport gives one or the other)
        peer = client.writer.get_extra_info("peername")[0]
        path = await UdpPath.open(self._host, peer, wanted.client_ports)
        client.path = path
        theirs = "{}-{}".format(*wanted.client_ports)
        return f"RTP/AVP;unicast;client_port={theirs};server_port={path.server_ports}"

    def _start_play(self, client: Client, request: Request) -> bytes:
        if client.path is None or request.headers.get("session", "").split(";")[0] != client.session:
            return answer(454, request.sequence)
        headers = {"Session": client.session, "Range": "npt=now-"}
        return answer(200, request.sequence, headers)

    # --- one client's stream

    async def _play(self, client: Client) -> None:
        sender = ClientStream(self._recording, client)
        begin_s = self.timeline.now_s
        self.timeline.start()
        try:
            for due in self.timeline.units_from(begin_s):
                await self._wait_until(due.due_s)
                await sender.take(due, self.mode, self.timeline)
            await self._wait_until(self._recording.duration_s)
            sender.say_goodbye()
        except ConnectionError:
            pass  # the client hung up; `_serve` notices too and forgets it
        client.writer.close()

    async def _wait_until(self, timeline_s: float) -> None:
        wait_s = timeline_s - self.timeline.now_s
        if wait_s > 0:
            await asyncio.sleep(wait_s)


class ClientStream:
    """Sends one client the pictures as they fall due, as the camera's mode allows."""

    def __init__(self, recording: Recording, client: Client) -> None:
        assert client.path is not None  # noqa: S101  (PLAY is refused before SETUP)
        self._recording = recording
        self._path = client.path
        self._rtp = RtpSender(recording.codec, client.ssrc)
        self._offset = secrets.randbits(31)
        self._in_step = False
        self._last_key: DueUnit | None = None
        self._last_sent_s = -1.0
        self._reported_s = -REPORT_EVERY_S

    async def take(self, due: DueUnit, mode: Mode, timeline: Timeline) -> None:
        """Send the picture, or what the mode has instead; afterwards a key frame must come first."""
        if mode == "stalled" or timeline.now_s - due.due_s > MAX_LAG_S:
            self._in_step = False
            return
        if mode == "frozen":
            self._in_step = False
            await self._repeat(due)
            return
        if not self._in_step and not due.unit.keyframe:
            return
        self._in_step = True
        if due.unit.keyframe:
            self._last_key = due
        await self._send(due, due)
        if due.due_s - self._reported_s >= REPORT_EVERY_S:
            self._path.report(self._rtp.report(timeline.unix_s(due.show_s), self._timestamp(due.show_s)))
            self._reported_s = due.due_s

    def say_goodbye(self) -> None:
        self._path.report(self._rtp.goodbye())

    async def _repeat(self, due: DueUnit) -> None:
        if due.unit.keyframe and self._last_key is None:
            self._last_key = due
        if self._last_key is not None and due.show_s - self._last_sent_s >= FROZEN_EVERY_S:
            await self._send(self._last_key, due)

    async def _send(self, picture: DueUnit, when: DueUnit) -> None:
        sets = self._recording.parameter_sets if picture.unit.keyframe else ()
        packets = list(self._rtp.packets((*sets, *picture.unit.nals), self._timestamp(when.show_s)))
        self._last_sent_s = when.show_s
        await self._path.send(packets)

    def _timestamp(self, timeline_s: float) -> int:
        return self._offset + round(timeline_s * CLOCK_HZ)
