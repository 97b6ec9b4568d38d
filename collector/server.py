"""Serves the application on one address until a signal asks it to end."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

_CYCLES = (50_000, 20, 50)
"""Objects, and searches of younger ones, between two searches for cycles."""


class PortTaken(OSError):
    """Somebody else listens there."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises PortTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP: only then asyncio turns Nagle's algorithm off, or the end of each answer waits 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortTaken(
            f"cannot listen on {host}:{port} ({error.strerror}): choose another --port or --host"
        ) from error
    return listener


class _Server(uvicorn.Server):
    """Ends by our own signal handler, so that the collector is stopped in order and the exit status is 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _search_for_cycles_rarely() -> None:
    """Events are freed when the last one lets go of them. The search for cycles, begun after each few dozen of them,
    finds none among them and took a quarter of the time of ingesting.
    """
    gc.freeze()
    gc.set_threshold(*_CYCLES)


async def serve(app: FastAPI, listener: socket.socket) -> bool:
    """Serve until SIGINT or SIGTERM; False when the application did not start by itself."""
    _search_for_cycles_rarely()
    config = uvicorn.Config(app, log_level="warning", lifespan="on", timeout_graceful_shutdown=2, server_header=False)
    logging.getLogger("uvicorn.error").addFilter(_is_no_cut_off)
    server = _Server(config)
    loop = asyncio.get_running_loop()
    serving = loop.create_task(server.serve(sockets=[listener]))

    def end() -> None:
        if not server.started:  # it may be waiting for a database that is away: nothing is lost by leaving at once
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # it would show a traceback
            serving.cancel()
            return
        server.should_exit = True
        if hasattr(app.state, "collector"):  # the live streams end too, or nobody could leave
            app.state.collector.closing.set()
            app.state.collector.pulse.beat()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    try:
        await serving
    except asyncio.CancelledError:
        if server.started:
            raise
        return True
    return server.started


def _is_no_cut_off(record: logging.LogRecord) -> bool:
    """A request that our end has cut off is no error of the application; its number is logged anyway."""
    return record.exc_info is None or not isinstance(record.exc_info[1], asyncio.CancelledError)
