"""Evidence in S3-compatible storage (or another that obstore knows), so that several collectors share it.

The only file that knows obstore. Keys are `<first two hex digits>/<sha256>` below the URL's path. Credentials come from
the usual variables: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL, AWS_ALLOW_HTTP.
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PART_BYTES = 8 * 1024 * 1024
SCHEMES = frozenset({"s3", "gs", "az"})


class BucketError(ValueError):
    """The URL cannot be used; says what was expected."""


class BucketAway(OSError):
    """The storage does not answer, or refuses us: nothing was stored, it is to be tried again."""


class Bucket:
    """Files by content hash at a URL."""

    def __init__(self, url: str) -> None:
        """Raises BucketError. Nothing is asked of the storage yet."""
        if urlsplit(url).scheme not in SCHEMES:
            raise BucketError(f"evidence storage {url!r}: expected s3://BUCKET/PREFIX (or gs://, az://)")
        try:
            import obstore  # noqa: PLC0415 (an extra: only who uses it needs it)
            from obstore import store  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise BucketError("evidence storage by URL needs: pip install 'watchpost[s3]'") from error
        self.url = url
        self._obstore: Any = obstore
        try:
            self._store = store.from_url(url)
        except (obstore.exceptions.BaseError, ValueError, OSError) as error:
            raise BucketError(f"evidence storage {url!r}: {error}") from error

    async def size(self, sha256: str) -> int | None:
        """Bytes of a file; None when it is not there. Raises BucketAway."""
        try:
            meta = await self._obstore.head_async(self._store, _key(sha256))
        except (self._obstore.exceptions.NotFoundError, FileNotFoundError):
            return None
        except (self._obstore.exceptions.BaseError, OSError) as error:
            raise BucketAway(f"{self.url}: {error}") from error
        return int(meta["size"])

    async def keep(self, sha256: str, path: Path, media_type: str) -> None:
        """Copy a file there, in parts when it is large; it is there, whole, when this returns. Raises BucketAway."""
        attributes = {"Content-Type": media_type}
        try:
            await self._obstore.put_async(
                self._store, _key(sha256), path, attributes=attributes, chunk_size=PART_BYTES, max_concurrency=2
            )
        except (self._obstore.exceptions.BaseError, OSError) as error:
            raise BucketAway(f"{self.url}: {error}") from error

    async def copy_to(self, sha256: str, path: Path) -> bool:
        """Bring a file; False when it is not there. Raises BucketAway, also when it is not what its name says."""
        running = hashlib.sha256()
        try:
            found = await self._obstore.get_async(self._store, _key(sha256))
            with path.open("wb") as file:
                async for chunk in found.stream(PART_BYTES):
                    running.update(chunk)
                    await asyncio.to_thread(file.write, chunk)
        except (self._obstore.exceptions.NotFoundError, FileNotFoundError):
            return False
        except (self._obstore.exceptions.BaseError, OSError) as error:
            raise BucketAway(f"{self.url}: {error}") from error
        if running.hexdigest() != sha256:
            await asyncio.to_thread(path.unlink)
            raise BucketAway(f"{self.url}: {_key(sha256)} has other content than its name says")
        return True

    async def remove(self, sha256: str) -> None:
        """Delete a file; one that is not there is fine. Raises BucketAway."""
        try:
            await self._obstore.delete_async(self._store, _key(sha256))
        except (self._obstore.exceptions.NotFoundError, FileNotFoundError):
            return
        except (self._obstore.exceptions.BaseError, OSError) as error:
            raise BucketAway(f"{self.url}: {error}") from error


def _key(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256}"
