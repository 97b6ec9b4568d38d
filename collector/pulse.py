"""Wakes whoever waits for news of the store: the live stream, the publisher."""

from __future__ import annotations

import asyncio


class Pulse:
    """`beat` wakes everybody who waits; a beat is never missed by one who keeps the count he saw last."""

    def __init__(self) -> None:
        self.count = 0
        self._waiting: set[asyncio.Future[None]] = set()

    def beat(self) -> None:
        """There is news."""
        self.count += 1
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    async def wait(self, seen: int, timeout_s: float) -> int:
        """Return the count as soon as it differs from `seen`, at the latest after `timeout_s`."""
        if self.count == seen:
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(waiting)
            try:  # not wait_for: in Python 3.11 it swallows a cancellation that comes together with the result
                async with asyncio.timeout(timeout_s):
                    await waiting
            except TimeoutError:
                pass
            finally:
                self._waiting.discard(waiting)
        return self.count
