"""Starts our programs quickly: each is a process of its own, forked from a server that has already imported them.

So a start costs what the program itself does, not Python's imports, and a recovery is not the measure of those.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path

from simulator.faults import powercut
from simulator.faults.services import MissingProgram
from simulator.orphans import end_with_parent

_PRELOADED = ["simulator.faults.edge_process", "simulator.faults.collector_process", "alembic.command", "sqlite3"]
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(_PRELOADED)


@functools.cache
def start_server() -> bool:
    """Start the server that programs are forked from; whether they can record their writes for a power cut.

    What records is loaded before anything else is, so into the server itself; there and in its programs it sleeps until
    it is asked.
    """
    with contextlib.ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="watchpost-recorder-")))
        try:
            os.environ["LD_PRELOAD"] = str(powercut.build(folder))
        except MissingProgram:
            forkserver.ensure_running()
            return False
        undo.callback(os.environ.pop, "LD_PRELOAD")
        forkserver.ensure_running()
        _wait_for_server()
        return True


def _wait_for_server() -> None:
    """Until it has started, and so has loaded what it needs."""
    first = _CONTEXT.Process(target=int)
    first.start()
    first.join()


class Program:
    """A running program. Its standard input is ours to write, its output goes to `log`."""

    def __init__(self, module: str, arguments: Sequence[str], log: Path) -> None:
        start_server()
        reader, self._orders = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(target=_become, args=(module, list(arguments), str(log), reader), daemon=True)
        self._process.start()
        reader.close()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def order(self, line: str) -> None:
        """A line to its standard input; one that is just dying does not hear it."""
        with contextlib.suppress(OSError):
            os.write(self._orders.fileno(), line.encode() + b"\n")

    def end(self, how: signal.Signals, patience_s: float = 20.0) -> None:
        """Send a signal, wait for the end, insist."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, how)
        self._process.join(patience_s)
        if self.alive:
            self._process.kill()
            self._process.join()


def _become(module: str, arguments: list[str], log: str, orders: Connection) -> None:
    """In the new process: be that program."""
    end_with_parent(os.getppid())
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(orders.fileno(), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 (a descriptor, for the whole life of the process)
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.argv = [module, *arguments]
    importlib.import_module(module).main()
