"""One SQLite file with one writer: concurrent changes share a transaction, and each returns when it is on disk.

WAL with synchronous=FULL: a commit has been fsynced when it returns. Group commit makes that affordable: while one
transaction is being synced, the next callers' changes gather and go together into the following one.
"""

from __future__ import annotations

import contextlib
import fcntl
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

from edge.errors import OutboxCorrupt, OutboxError

T = TypeVar("T")
Change = Callable[[sqlite3.Connection], T]

_BATCH = 500
TROUBLE = (sqlite3.Error, UnicodeDecodeError)
"""What SQLite raises; the latter from Python, where the error's own text names what is damaged."""
_DAMAGED = {"SQLITE_CORRUPT", "SQLITE_NOTADB"}
_NO_TEXT = "Could not decode to UTF-8"


@dataclass(frozen=True, slots=True)
class _Request:
    change: Change[Any]
    done: Future[Any]


class Database:
    """An open database file, locked against a second process. Safe to call from any thread; close it at the end."""

    def __init__(self, path: Path, schema: str) -> None:
        """Open or create the file. Raises OutboxCorrupt when it is damaged, OutboxError when it cannot be used."""
        self._path = path
        self.damage: str | None = None
        """What was found to be damaged since it was opened."""
        self._requests: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._lock_file = _lock(path)
        if _has_damaged_header(path):
            self._lock_file.close()
            raise OutboxCorrupt(f"{path}: the file's beginning is damaged; it is set aside at the next start")
        try:
            self._writer = _connect(path)
            self._writer.executescript(schema)
            self._reader = _connect(path)
            problem = self._reader.execute("PRAGMA quick_check(1)").fetchone()[0]
        except TROUBLE as error:
            self._lock_file.close()
            raise translate(path, error) from error
        if problem != "ok":
            self._shut()
            raise OutboxCorrupt(f"{path}: {problem}")
        self._read_lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._write_until_closed, name="outbox-writer", daemon=True)
        self._thread.start()

    @property
    def path(self) -> Path:
        return self._path

    def submit(self, change: Change[T]) -> Future[T]:
        """Queue a change; the future is done when it is on disk. It holds OutboxError when the change was not made,
        or what the change itself raised.
        """
        done: Future[T] = Future()
        if self._closed:
            done.set_exception(OutboxError(f"{self._path}: already closed"))
        else:
            self._requests.put(_Request(change, done))
        return done

    def write(self, change: Change[T]) -> T:
        """Make a change and wait until it is on disk. Raises OutboxError when it was not made."""
        return self.submit(change).result()

    def read(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Rows of a query over what has been committed. Raises OutboxError."""
        with self._read_lock:
            try:
                return self._reader.execute(sql, parameters).fetchall()
            except TROUBLE as error:
                raise self._noted(error) from error

    def _noted(self, error: sqlite3.Error | UnicodeDecodeError) -> OutboxError:
        told = translate(self._path, error)
        if isinstance(told, OutboxCorrupt):
            self.note_damage(str(told))
        return told

    def note_damage(self, told: str) -> None:
        """Write it down beside the file: a start looks at less than a day's work does, and would not find it again."""
        self.damage = told
        with contextlib.suppress(OSError):  # then the next start looks for itself
            damage_note(self._path).write_text(told, encoding="utf-8")

    def close(self) -> None:
        """Commit what is queued, then close. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._requests.put(None)
        self._thread.join()
        with self._read_lock:
            self._shut()

    def _shut(self) -> None:
        self._reader.close()
        self._writer.close()
        self._lock_file.close()

    def _write_until_closed(self) -> None:
        batch: list[_Request] = []
        try:
            while True:
                batch, last = self._gather()
                self._commit(batch)
                if last:
                    return
        finally:  # nobody may wait for ever
            self._closed = True
            self._fail_all(batch)

    def _gather(self) -> tuple[list[_Request], bool]:
        """The next requests, at least one or the end; and whether the end has come."""
        first = self._requests.get()
        if first is None:
            return [], True
        batch = [first]
        while len(batch) < _BATCH:
            try:
                request = self._requests.get_nowait()
            except queue.Empty:
                break
            if request is None:
                return batch, True
            batch.append(request)
        return batch, False

    def _commit(self, batch: list[_Request]) -> None:
        if not batch:
            return
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            results = [request.change(self._writer) for request in batch]
            self._writer.execute("COMMIT")
        except (sqlite3.Error, OutboxError, ValueError, OverflowError, OSError) as error:  # what the change was given
            self._roll_back()
            self._retry_or_fail(batch, error)
            return
        for request, result in zip(batch, results, strict=True):
            request.done.set_result(result)

    def _retry_or_fail(self, batch: list[_Request], error: Exception) -> None:
        """One bad change must not take the others of its batch with it: give each its own transaction."""
        if len(batch) > 1:
            for request in batch:
                self._commit([request])
            return
        batch[0].done.set_exception(self._noted(error) if isinstance(error, TROUBLE) else error)

    def _roll_back(self) -> None:
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")

    def _fail_all(self, batch: list[_Request]) -> None:
        while not self._requests.empty():
            request = self._requests.get()
            if request is not None:
                batch.append(request)
        for request in batch:
            if not request.done.done():
                request.done.set_exception(OutboxError(f"{self._path}: closed before this was written"))


def _has_damaged_header(path: Path) -> bool:
    """Where SQLite would take it for a newer version's, or for one that may only be read: the edge made it itself."""
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError:  # not there, or not to be read: opening it says so
        return False
    if len(header) < 100:
        return False
    known_versions = {1, 2}
    return not {header[18], header[19]} <= known_versions or int.from_bytes(header[44:48]) > 4


def damage_note(path: Path) -> Path:
    """Where is written what was found damaged in a file while it was in use."""
    return path.with_name(f"{path.name}.damage")


def translate(path: Path, error: sqlite3.Error | UnicodeDecodeError) -> OutboxError:
    """SQLite's error as one that a person can act on."""
    if isinstance(error, UnicodeDecodeError):
        return OutboxCorrupt(f"{path}: the file is damaged (a name is not UTF-8); it is set aside at the next start")
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.split("_IOERR")[0] in _DAMAGED or any(name.startswith(damaged) for damaged in _DAMAGED):
        return OutboxCorrupt(f"{path}: the file is damaged ({error}); it is set aside at the next start")
    if str(error).startswith(_NO_TEXT):  # from Python, which names no code, and would tell the text itself: a plate
        return OutboxCorrupt(f"{path}: the file is damaged (a text is not UTF-8); it is set aside at the next start")
    if name == "SQLITE_FULL" or name in {"SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_TRUNCATE"}:
        return OutboxError(
            f"{path}: the disk is full ({error}); free space, or lower outbox.max_mb and evidence.max_mb"
        )
    if name in {"SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM"}:
        return OutboxError(f"{path}: cannot be opened for writing ({error}); check the folder's owner and mode")
    return OutboxError(f"{path}: {error} ({name or type(error).__name__})")


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _lock(path: Path) -> IO[bytes]:
    """Hold `<path>.lock` for as long as the file object lives: two agents on one outbox would send each event twice."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock_file = path.with_name(f"{path.name}.lock").open("wb")
    except OSError as error:
        raise OutboxError(f"{path}: cannot be made ({error.strerror}); check the folder's owner and mode") from error
    try:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock_file.close()
        raise OutboxError(f"{path}: another agent is using it; give each agent its own data_dir") from error
    return lock_file
