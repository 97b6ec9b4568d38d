"""Evidence on disk: files named by their content, written so that a power cut leaves a whole file or none.

Procedure of `store` and `adopt`: 1. the bytes stand in a temporary file of the same folder; 2. fsync it; 3. rename it
to `<aa>/<sha256>.<ext>`; 4. fsync that folder. Temporary files left by a crash are removed when the folder is opened.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from contract.events import EvidenceRef, EvidenceRole
from edge.errors import EvidenceError

EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "video/mp4": "mp4"}
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that is on disk for good (until the quota or the retention takes it)."""

    sha256: str
    path: Path
    role: EvidenceRole
    media_type: str
    size_bytes: int

    def reference(self, note: str | None = None) -> EvidenceRef:
        """How an event names this file."""
        return EvidenceRef(
            sha256=self.sha256, role=self.role, media_type=self.media_type, size_bytes=self.size_bytes, note=note
        )


class EvidenceFiles:
    """The folder of evidence, at most `quota_bytes` large. Safe to call from several threads.

    `make_room(bytes)` is asked to delete what may go, in the declared order, before a file is refused for lack of
    quota; it returns how many bytes it freed, and deletes through `remove`.
    """

    def __init__(self, folder: Path, quota_bytes: int, make_room: Callable[[int], int] | None = None) -> None:
        self._folder = folder
        self._quota_bytes = quota_bytes
        self.make_room = make_room
        self._lock = threading.Lock()
        try:
            (folder / "tmp").mkdir(parents=True, exist_ok=True)
            for left_over in (folder / "tmp").iterdir():
                if left_over.is_symlink() or not left_over.is_dir():  # a folder is none of ours: it may stay
                    left_over.unlink()
        except OSError as error:
            raise _failed(folder, error) from error
        self._used_bytes = sum(file.lstat().st_size for file in folder.glob("??/*"))

    @property
    def folder(self) -> Path:
        return self._folder

    @property
    def used_bytes(self) -> int:
        return self._used_bytes

    def temporary_path(self, suffix: str) -> Path:
        """A new name in this folder's own file system, to write a file that `adopt` then takes."""
        return self._folder / "tmp" / f"{uuid4().hex}{suffix}"

    def store(self, data: bytes, role: EvidenceRole, media_type: str) -> StoredFile:
        """Write bytes for good. Raises EvidenceError when the disk or the quota is full, or the folder not writable."""
        temporary = self.temporary_path(".part")
        try:
            temporary.write_bytes(data)
        except OSError as error:
            _discard(temporary)
            raise _failed(self._folder, error) from error
        return self.adopt(temporary, role, media_type)

    def adopt(self, temporary: Path, role: EvidenceRole, media_type: str) -> StoredFile:
        """Take a finished file over (it is moved, or deleted when that fails). Raises EvidenceError as `store` does."""
        try:
            size_bytes = temporary.stat().st_size
            self._reserve(size_bytes)
            digest = sha256_of(temporary)
            target = self._folder / digest[:2] / f"{digest}.{EXTENSIONS.get(media_type, 'bin')}"
            with self._lock:
                known = target.exists()
                _move_for_good(temporary, target)
                self._used_bytes += 0 if known else size_bytes
        except OSError as error:
            raise _failed(self._folder, error) from error
        finally:
            _discard(temporary)
        return StoredFile(digest, target, role, media_type, size_bytes)

    def remove(self, path: Path) -> int:
        """Delete one evidence file; returns the bytes freed, 0 when it was gone already."""
        with self._lock:
            try:
                size_bytes = path.stat().st_size
                path.unlink()
            except FileNotFoundError:
                return 0
            self._used_bytes -= size_bytes
            return size_bytes

    def _reserve(self, size_bytes: int) -> None:
        missing = self._used_bytes + size_bytes - self._quota_bytes
        if missing > 0 and self.make_room is not None:
            missing -= self.make_room(missing)
        if missing > 0:
            raise EvidenceError(
                f"{self._folder}: the quota of {self._quota_bytes // 1_000_000} MB is used up and nothing may go;"
                " raise evidence.max_mb, or see why evidence is not uploaded"
            )


def sha256_of(path: Path) -> str:
    """Hex digest of a file's content. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _discard(temporary: Path) -> None:
    """Remove what is left of it; where even that fails, the reason is already being told."""
    with contextlib.suppress(OSError):
        temporary.unlink(missing_ok=True)


def _move_for_good(temporary: Path, target: Path) -> None:
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    if not target.parent.exists():
        target.parent.mkdir(exist_ok=True)
        _sync_folder(target.parent.parent)
    temporary.rename(target)
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failed(folder: Path, error: OSError) -> EvidenceError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return EvidenceError(f"{folder}: the disk is full ({error.strerror}); free space or lower evidence.max_mb")
    return EvidenceError(f"{folder}: cannot write evidence ({error.strerror}); check the folder's owner and mode")
