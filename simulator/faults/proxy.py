"""A TCP proxy that can be told to misbehave: to cut, to fall silent, to be slow, to end in the middle of a transfer."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

_CHUNK = 16 * 1024
_HOST = "127.0.0.1"
_LOOK_AGAIN_S = 0.02


@dataclass(frozen=True, slots=True)
class Weather:
    """How the network is now."""

    cut: bool = False
    """Connections are reset and new ones refused."""
    silent: bool = False
    """Connections stay, nothing passes: a cable that was pulled."""
    delay_s: float = 0.0
    """Each chunk waits so long, in each direction."""
    loss: float = 0.0
    """Chance that a chunk waits like a TCP segment that had to be sent again (0.2 to 1 s)."""
    reset_after: int | None = None
    """Each connection is reset when so many bytes have gone up."""


FAIR = Weather()


class Proxy:
    """Listens on a port of its own and passes everything on to `target`; `weather` may be changed at any time."""

    def __init__(self, target: int, rng: random.Random, port: int = 0) -> None:
        self._target = target
        self._rng = rng
        self._weather = FAIR
        self._fair = threading.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._listener = socket.create_server((_HOST, port), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{self.port}", daemon=True)
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._serve, sock=self._listener))

    @property
    def weather(self) -> Weather:
        return self._weather

    @weather.setter
    def weather(self, weather: Weather) -> None:
        self._weather = weather
        if weather.cut:
            self._call(self._reset_all())

    def close(self) -> None:
        """End all connections and the thread."""
        self._call(self._reset_all())
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _reset_all(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._weather.cut:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(_HOST, self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        sent = _Counter()
        try:
            await asyncio.gather(self._pass(reader, far_writer, sent.add), self._pass(far_reader, writer, None))
        finally:
            for end in (writer, far_writer):
                self._writers.discard(end)
                end.transport.abort()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: Callable[[int], int] | None
    ) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                while wait_s := self._wait_s():
                    await asyncio.sleep(wait_s)
                    if not self._weather.silent:
                        break
                limit = self._weather.reset_after
                if count is not None and count(len(chunk)) > (limit if limit is not None else 1 << 62):
                    break
                writer.write(chunk)
                await writer.drain()
        writer.transport.abort() if self._weather.reset_after is not None else writer.close()

    def _wait_s(self) -> float:
        weather = self._weather
        if weather.silent:
            return _LOOK_AGAIN_S
        lost = weather.loss > 0 and self._rng.random() < weather.loss
        return weather.delay_s + (self._rng.uniform(0.2, 1.0) if lost else 0.0)


class _Counter:
    def __init__(self) -> None:
        self._total = 0

    def add(self, size: int) -> int:
        self._total += size
        return self._total
