"""All of Watchpost on one machine: broker, collector, cameras, agent; each its own process, ended in order."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TextIO

from simulator.orphans import watched

HOST = "127.0.0.1"
TAIL_LINES = 15


class StackError(Exception):
    """A part did not start, or ended by itself; says which, and the end of what it printed."""


class FolderInUse(StackError):
    """Another run works in the same folder; says what to do."""


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Keep a working folder for this process, by a lock on `<folder>.lock`. Raises FolderInUse."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise FolderInUse(
                f"process {lock.read().strip()} works in {folder}: end it first, or give another folder with --work"
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


@dataclass
class Part:
    """One running program and the file that takes its output."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def tail(self) -> str:
        """The last lines that it printed."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-TAIL_LINES:])


@dataclass
class Stack:
    """Starts programs in a working folder and ends them in the reverse order. A context manager."""

    folder: Path
    parts: list[Part] = field(default_factory=list)

    def __enter__(self) -> Stack:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self.parts:
            self.stop(self.parts[-1].name)

    def start(self, name: str, arguments: Sequence[str]) -> Part:
        """Start `python -m ARGUMENTS`; output goes to `<name>.log`. Ctrl-C reaches only us: we end it.

        If we are killed it is asked to end by the kernel. Call it from the main thread: the kernel watches that thread.
        """
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                watched([sys.executable, "-m", *arguments]),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        part = Part(name, process, log)
        self.parts.append(part)
        return part

    def stop(self, name: str, patience_s: float = 15.0) -> int:
        """Ask a part to end (SIGTERM), insist after `patience_s`; return its exit status."""
        part = next(part for part in self.parts if part.name == name)
        self.parts.remove(part)
        if part.process.poll() is None:
            part.process.send_signal(signal.SIGTERM)
        try:
            return part.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            part.process.kill()
            return part.process.wait()

    def check(self) -> None:
        """Raise StackError when a part has ended by itself."""
        for part in self.parts:
            status = part.process.poll()
            if status is not None:
                raise StackError(f"{part.name} ended by itself (exit status {status}); it printed:\n{part.tail()}")

    def wait_for(self, what: str, ready: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Wait until `ready()`; StackError when a part dies or the time is over."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                logs = "\n".join(f"{part.name}:\n{part.tail()}" for part in self.parts)
                raise StackError(f"{what}: not ready after {timeout_s:.0f} s\n{logs}")
            time.sleep(0.1)


def call(arguments: Sequence[str]) -> str:
    """Run `python -m ARGUMENTS` to its end and return its last line; StackError with its words if it fails."""
    done = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StackError(f"python -m {' '.join(arguments)} failed:\n{done.stderr or done.stdout}")
    return done.stdout.strip().splitlines()[-1]


def free_port(preferred: int) -> int:
    """`preferred` if nobody listens there, else one that the system gives; ours until this process ends.

    Two demos that start at the same moment both find a port free before either listens there: so they claim it first.
    """
    for port in (preferred, *([0] * _TRIES)):
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind((HOST, port))
            except OSError:
                continue
            found = int(candidate.getsockname()[1])
        if _claim(found):
            return found
    raise StackError("no free port on this machine")


_TRIES = 5
_CLAIMS: dict[int, TextIO] = {}
"""Port → its lock, held by this process."""


def _claim(port: int) -> bool:
    """Whether no other run has claimed this port."""
    if port in _CLAIMS:
        return True
    try:
        lock = (Path(tempfile.gettempdir()) / f"watchpost-port-{port}.lock").open("a", encoding="utf-8")
    except OSError:  # another user's
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return False
    _CLAIMS[port] = lock
    return True


def accepts(port: int) -> bool:
    """Whether something listens on this port of the loopback address."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0
