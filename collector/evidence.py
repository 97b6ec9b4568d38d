"""Evidence files on disk: received in parts, checked by hash, then whole or not at all.

A complete file is `<folder>/<first two hex digits>/<sha256>`; what is still coming is `<folder>/partial/<sha256>`.
Procedure: append to the partial file → all bytes there → fsync → hash → rename → fsync both folders → row in the store.
With a bucket, → copy into it, before the row. After a crash a partial file is continued where it ends; a complete file
without a row gets its row, and its copy, at the next PUT.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

from collector.bucket import Bucket

MEDIA_TYPES = {
    "image/jpeg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/webp": b"RIFF",
    "video/mp4": b"",
}
"""What may be stored, and how such a file begins."""
MAX_BYTES = 256 * 1024 * 1024
_LOOKED_AT = 16
KEEP_FREE_BYTES = 256 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024
STALL_S = 60.0
"""A sender that is silent for so long is gone: its box may have lost its power, which no connection tells."""
ABANDONED_S = 7 * 86_400.0
"""A beginning that nobody has gone on with for so long is deleted."""
CACHE_BYTES = 2 * 1024 * 1024 * 1024
"""Beside a bucket the folder holds about as much as this."""


class EvidenceRefused(ValueError):
    """Base of what a client is told; `status` is the HTTP status."""

    status = 422


class WrongHash(EvidenceRefused):
    """The bytes are not those that the address names; they were thrown away."""


class WrongType(EvidenceRefused):
    """Neither a picture nor a clip that we keep."""

    status = 415


class TooLarge(EvidenceRefused):
    """More than one file may have."""

    status = 413


class WrongOffset(EvidenceRefused):
    """The part does not continue what is there."""

    status = 409


class NoSpace(EvidenceRefused):
    """The collector's disk is full."""

    status = 507


class Incomplete(EvidenceRefused):
    """The body ended before the announced length; what came is kept."""

    status = 400


@dataclass(frozen=True, slots=True)
class Part:
    """Which bytes of how many a request brings; `total` None when the client did not say."""

    first: int
    last: int
    total: int


class EvidenceStore:
    """Files by content hash in one folder; with a bucket, that is where they are kept, and the folder is a cache."""

    def __init__(
        self,
        folder: Path,
        max_bytes: int = MAX_BYTES,
        keep_free_bytes: int = KEEP_FREE_BYTES,
        bucket: Bucket | None = None,
        stall_s: float = STALL_S,
    ) -> None:
        self._stall_s = stall_s
        self.folder = folder
        self.bucket = bucket
        self.max_bytes = max_bytes
        self._keep_free_bytes = keep_free_bytes
        self._partial = folder / "partial"
        self._partial.mkdir(parents=True, exist_ok=True)
        self._busy: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def path(self, sha256: str) -> Path:
        """Where the complete file is, or will be; with a bucket it may be there alone."""
        return self.folder / sha256[:2] / sha256

    async def size(self, sha256: str) -> int | None:
        """Bytes of a complete file; None when it is not here. Raises BucketAway."""
        path = self.path(sha256)
        if self.bucket is not None:
            return await self.bucket.size(sha256)
        return path.stat().st_size if path.exists() else None

    async def keep_what_is_here(self, sha256: str, media_type: str) -> bool:
        """Whether a complete file is here, without a row as yet; the copy it lacks is made.

        Raises BucketAway, or WrongType for what was not looked at as this type.
        """
        path = self.path(sha256)
        if path.exists():
            _must_look_like(media_type, await asyncio.to_thread(_beginning, path))
        if self.bucket is None or not path.exists():
            return await self.size(sha256) is not None
        await self.bucket.keep(sha256, path, media_type)
        return True

    async def fetch(self, sha256: str) -> Path | None:
        """The complete file in the folder, brought from the bucket when it is not there. Raises BucketAway."""
        path = self.path(sha256)
        if path.exists():
            return path
        if self.bucket is None:
            return None
        async with self.lock(sha256):
            coming = self._partial / f"{sha256}.{os.getpid()}.copy"
            try:
                found = path.exists() or await self.bucket.copy_to(sha256, coming)
                if coming.exists():
                    path.parent.mkdir(exist_ok=True)
                    coming.rename(path)
            finally:
                coming.unlink(missing_ok=True)
        await asyncio.to_thread(self._trim)
        return path if found else None

    async def remove(self, sha256: str) -> None:
        """Delete a file for good. Raises BucketAway."""
        if self.bucket is not None:
            await self.bucket.remove(sha256)
        self.path(sha256).unlink(missing_ok=True)

    def _trim(self) -> None:
        """The cache beside a bucket stays small: what was brought longest ago goes."""
        if self.bucket is None:
            return
        files = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in self.folder.glob("??/*"))
        used = sum(size for _, size, _ in files)
        for _, size, path in files:
            if used <= CACHE_BYTES:
                return
            path.unlink(missing_ok=True)
            used -= size

    def offset(self, sha256: str) -> int:
        """How many bytes of an unfinished upload are there."""
        try:
            return (self._partial / sha256).stat().st_size
        except FileNotFoundError:
            return 0

    def lock(self, sha256: str) -> asyncio.Lock:
        """One upload of a file at a time."""
        return self._busy.setdefault(sha256, asyncio.Lock())

    async def receive(self, sha256: str, media_type: str, part: Part | None, body: AsyncIterator[bytes]) -> bool:
        """Take a part (or the whole) of a file; True when it is complete. Raises a kind of EvidenceRefused."""
        _must_be_kept(media_type)
        partial = self._partial / sha256
        first = part.first if part else 0
        held = self.offset(sha256)
        anew = part is not None and part.first == 0 and held >= part.total  # all came, then a crash: no part can follow
        if part is not None and part.first != held and not anew:
            raise WrongOffset(f"the next byte is {held}, not {part.first}")
        self._check_size(part.total if part else 0)
        limit = part.last + 1 if part else self.max_bytes
        size = await self._append(partial, first, limit, body)
        if part is not None and size < part.last + 1:
            raise Incomplete(f"the part ended at byte {size}, {part.last + 1} were announced; continue from there")
        if part is not None and size < part.total:
            return False
        await asyncio.to_thread(self._complete, sha256, media_type, partial)
        if self.bucket is not None:
            await self.bucket.keep(sha256, self.path(sha256), media_type)
            await asyncio.to_thread(self._trim)
        return True

    def _check_size(self, announced: int) -> None:
        if announced > self.max_bytes:
            raise TooLarge(f"{announced} bytes; a file may have {self.max_bytes}")
        free = shutil.disk_usage(self.folder).free
        if free - announced < self._keep_free_bytes:
            raise NoSpace(f"the collector has {free // 2**20} MiB left on its disk; free some, then send it again")

    async def _append(self, partial: Path, first: int, limit: int, body: AsyncIterator[bytes]) -> int:
        """Write the body from `first` on; returns the size then. What came before an interruption stays."""
        size = first
        with partial.open("r+b" if first else "wb") as file:
            file.seek(first)
            async for chunk in self._while_it_comes(body):
                size += len(chunk)
                if size > limit:
                    file.truncate(first)
                    raise TooLarge(f"more than the {limit} bytes that were announced or are allowed")
                await asyncio.to_thread(_write, file.fileno(), chunk)
            file.flush()
        return size

    async def _while_it_comes(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Or one who is gone would keep the file's lock, and nobody could send it again."""
        while True:
            try:
                async with asyncio.timeout(self._stall_s):
                    chunk = await anext(body, None)
            except TimeoutError as error:
                raise Incomplete(f"nothing has come for {self._stall_s:g} s; what came is kept") from error
            if chunk is None:
                return
            yield chunk

    def forget_abandoned(self, before_s: float) -> int:
        """Delete beginnings that have not grown since this time (seconds since the epoch); returns how many."""
        count = 0
        for path in list(self._partial.iterdir()):
            with contextlib.suppress(FileNotFoundError):  # its last part has come meanwhile
                if path.stat().st_mtime < before_s:
                    path.unlink()
                    count += 1
        return count

    def _complete(self, sha256: str, media_type: str, partial: Path) -> None:
        found, start = _hash(partial)
        if found != sha256:
            partial.unlink()
            raise WrongHash(f"the bytes hash to {found}, not to {sha256}; they were thrown away, send them again")
        try:
            _must_look_like(media_type, start)
        except WrongType:
            partial.unlink()
            raise
        final = self.path(sha256)
        final.parent.mkdir(exist_ok=True)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.rename(final)
        for folder in (final.parent, self._partial, self.folder):
            _sync_folder(folder)


def _write(descriptor: int, chunk: bytes) -> None:
    try:
        view = memoryview(chunk)
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise NoSpace("the collector's disk is full; free some space, then send it again") from error
        raise


def _hash(path: Path) -> tuple[str, bytes]:
    """(SHA-256, first bytes) of a file."""
    running = hashlib.sha256()
    start = b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            start = start or chunk[:_LOOKED_AT]
            running.update(chunk)
    return running.hexdigest(), start


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LOOKED_AT)


def _must_be_kept(media_type: str) -> None:
    if media_type not in MEDIA_TYPES:
        raise WrongType(f"media type {media_type!r}: send one of {', '.join(sorted(MEDIA_TYPES))}")


def _must_look_like(media_type: str, start: bytes) -> None:
    """Raises WrongType."""
    _must_be_kept(media_type)
    if not (start[4:8] == b"ftyp" if media_type == "video/mp4" else start.startswith(MEDIA_TYPES[media_type])):
        raise WrongType(f"the file does not begin like {media_type}")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
