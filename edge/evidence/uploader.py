"""Sends evidence to the collector over HTTP(S), by its hash: HEAD asks what is there, PUT brings what is missing.

One file at a time. Files over 5 MB go in parts with `Content-Range`, and go on where the collector's `Upload-Offset`
says. The queue is in the outbox's database, so a restart goes on. Events never wait for uploads.
"""

from __future__ import annotations

import logging
import random
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
from tenacity import Retrying, retry_if_exception_type, sleep_using_event, stop_after_attempt, wait_random_exponential

from edge.config import CollectorSettings
from edge.errors import ConfigError, DeliveryError, EvidenceError, OutboxError
from edge.evidence.files import StoredFile, sha256_of
from edge.evidence.queue import Upload, UploadQueue
from edge.ports import Clock

log = logging.getLogger(__name__)

PART_BYTES = 5_000_000
_READ_BYTES = 1 << 14
_TIMEOUT = httpx.Timeout(10, read=60, write=60)
_LONGEST_POSTPONE_S = 60.0
_IDLE_S = 30.0
_OUTBOX_AGAIN_S = 1.0


class FileUnreadable(EvidenceError):
    """The file cannot be read now (too many open files, a disk that stumbles): try again later."""


class CollectorUnwilling(DeliveryError):
    """The collector cannot take the file now (away, full, busy, wrong token): try again later."""


class Uploader:
    """The thread that empties the upload queue; `start` and `stop` it."""

    def __init__(self, settings: CollectorSettings, uploads: UploadQueue, clock: Clock, rng: random.Random) -> None:
        self._settings = settings
        self._uploads = uploads
        self._clock = clock
        self._rng = rng
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._client: httpx.Client | None = None
        self._thread = threading.Thread(target=self._run, name="uploader", daemon=True)
        self.problem: str | None = None
        """Why the last upload failed; None while all is well."""

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin. Raises ConfigError when the token or the authority's file cannot be read."""
        self._client = open_client(self._settings)
        self._thread.start()

    def stop(self, timeout_s: float = 5) -> None:
        """End after the part that is under way, or when it takes too long without it."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def wake(self) -> None:
        """There may be something to send."""
        self._wake.set()

    def collector_is_back(self) -> None:
        """What was put off is due now."""
        self._uploads.retry_now().add_done_callback(lambda _: self._wake.set())

    def upload_next(self, client: httpx.Client) -> bool:
        """Send the file that is due, if any; False when none is. Raises OutboxError."""
        upload = self._uploads.next(self._clock.now())
        if upload is None:
            return False
        try:
            self._retrying()(self._send, client, upload.file)
        except (DeliveryError, FileUnreadable) as error:
            self._postpone(upload, error)
        except EvidenceError as error:
            self.problem = str(error)
            log.error("%s", error)
            self._uploads.mark_failed(upload.file.sha256, str(error))
        else:
            self.problem = None
            self._uploads.mark_uploaded(upload.file.sha256)
        return True

    def _run(self) -> None:
        assert self._client is not None, "start() first"  # noqa: S101 (an internal order, not input)
        with self._client as client:
            while not self._stopping.is_set():
                try:
                    wait_s = 0.0 if self.upload_next(client) else self._idle_s()
                except OutboxError as error:
                    self.problem, wait_s = str(error), _OUTBOX_AGAIN_S
                    log.error("%s", error)
                if wait_s > 0:
                    self._wake.wait(wait_s)
                    self._wake.clear()

    def _idle_s(self) -> float:
        due_s = self._uploads.next_due_s()
        return _IDLE_S if due_s is None else min(max(due_s - self._clock.now(), 0.5), _IDLE_S)

    def _retrying(self) -> Retrying:
        """A hiccup is tried again at once; a longer absence is written to the queue."""
        return Retrying(
            retry=retry_if_exception_type(CollectorUnwilling),
            wait=wait_random_exponential(multiplier=0.2, max=2),
            stop=stop_after_attempt(3),
            sleep=sleep_using_event(self._stopping),
            reraise=True,
        )

    def _postpone(self, upload: Upload, error: DeliveryError | FileUnreadable) -> None:
        self.problem = str(error)
        log.warning("evidence waits: %s", error)
        wait_s = min(2.0**upload.attempts, _LONGEST_POSTPONE_S) * self._rng.uniform(0.7, 1.3)
        self._uploads.postpone(upload.file.sha256, self._clock.now() + wait_s, str(error))

    def _send(self, client: httpx.Client, file: StoredFile) -> None:
        """Bring one file over. Raises DeliveryError and FileUnreadable (for now), else EvidenceError (for good)."""
        try:
            if not file.path.is_file():
                raise FileNotFoundError
            offset = self._held(client, file)
            while offset is not None and not self._stopping.is_set():
                offset = self._put(client, file, offset)
        except FileNotFoundError as error:  # the quota may take it at any moment
            raise EvidenceError(f"{file.path}: gone before it was uploaded") from error
        except OSError as error:
            raise FileUnreadable(f"{file.path}: cannot be read now ({error}); it is tried again") from error

    def _held(self, client: httpx.Client, file: StoredFile) -> int | None:
        """How many bytes the collector holds; None when it has all."""
        answer = _request(client, "HEAD", file)
        if answer.status_code == httpx.codes.OK:
            return None
        if answer.status_code == httpx.codes.NOT_FOUND:
            offset = _offset(answer)
            # All bytes and no file: the collector died before it had looked at them. It is asked to take them anew.
            return offset if offset < file.size_bytes else 0
        raise _refusal(answer, file)

    def _put(self, client: httpx.Client, file: StoredFile, offset: int) -> int | None:
        """Send from `offset`; returns where to go on, or None when the collector has all."""
        length = min(PART_BYTES, file.size_bytes - offset)
        headers = {"Content-Type": file.media_type, "Content-Length": str(length)}
        if length < file.size_bytes:
            headers["Content-Range"] = f"bytes {offset}-{offset + length - 1}/{file.size_bytes}"
        body = self._paced(_part(file.path, offset, length))
        answer = _request(client, "PUT", file, headers, body)
        match answer.status_code:
            case httpx.codes.OK | httpx.codes.CREATED:
                return None
            case httpx.codes.ACCEPTED | httpx.codes.CONFLICT:
                return self._progress(answer, file, offset)
            case httpx.codes.UNPROCESSABLE_ENTITY:
                raise self._mismatch(file)
        raise _refusal(answer, file)

    def _paced(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """The same blocks, no faster than the configuration allows."""
        limit = self._settings.upload_kbit_s
        begun_s, sent_bits = self._clock.monotonic(), 0
        for block in blocks:
            yield block
            sent_bits += len(block) * 8
            if limit is not None and not self._stopping.is_set():
                early_s = begun_s + sent_bits / (limit * 1000) - self._clock.monotonic()
                self._stopping.wait(max(0.0, early_s))

    def _progress(self, answer: httpx.Response, file: StoredFile, before: int) -> int:
        offset = _offset(answer)
        if offset == before or offset >= file.size_bytes:
            raise CollectorUnwilling(f"{answer.url}: the upload does not advance beyond byte {offset}")
        return offset

    def _mismatch(self, file: StoredFile) -> EvidenceError | CollectorUnwilling:
        """The collector hashed other bytes: were they damaged here or on the way? Raises OSError."""
        if sha256_of(file.path) != file.sha256:
            return EvidenceError(f"{file.path}: damaged on this disk, its hash is no longer its name; not uploaded")
        return CollectorUnwilling(f"{file.path}: arrived damaged; sending it again from the beginning")


def open_client(settings: CollectorSettings) -> httpx.Client:
    """An HTTP client that knows the collector's address, token and authority. Raises ConfigError."""
    token = settings.token()
    verify: ssl.SSLContext | bool = True
    if settings.ca_file is not None:
        try:
            verify = ssl.create_default_context(cafile=str(settings.ca_file))
        except OSError as error:
            raise ConfigError(f"collector.ca_file {settings.ca_file}: {error}") from error
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return httpx.Client(base_url=settings.url, headers=headers, timeout=_TIMEOUT, verify=verify, trust_env=False)


def probe(settings: CollectorSettings) -> None:
    """Ask for a file that cannot exist: is the collector there, does it know our token? Raises DeliveryError."""
    nothing = StoredFile("0" * 64, Path(), "snapshot", "image/jpeg", 1)
    with open_client(settings) as client:
        answer = _request(client, "HEAD", nothing)
    if answer.status_code not in {httpx.codes.OK, httpx.codes.NOT_FOUND}:
        raise _refusal(answer, nothing)


def _request(
    client: httpx.Client,
    method: str,
    file: StoredFile,
    headers: dict[str, str] | None = None,
    content: Iterator[bytes] | None = None,
) -> httpx.Response:
    """Ask the collector. Raises CollectorUnwilling, and what reading `content` raises."""
    try:
        return client.request(method, f"/api/v1/evidence/{file.sha256}", headers=headers, content=content)
    except httpx.HTTPError as error:
        raise CollectorUnwilling(f"collector {client.base_url}: {type(error).__name__}: {error}") from error


def _refusal(answer: httpx.Response, file: StoredFile) -> EvidenceError | DeliveryError:
    status, url = answer.status_code, answer.url
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return DeliveryError(
            f"{url}: {status}; check collector.token_file (make one: collector token create --role edge)"
        )
    if status == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
        return EvidenceError(f"{url}: the collector refuses {file.size_bytes} bytes as too large")
    if status == httpx.codes.UNSUPPORTED_MEDIA_TYPE:  # whole, or it had said so: it would be refused for ever
        return EvidenceError(f"{url}: the collector takes no such {file.media_type}")
    return CollectorUnwilling(f"{url}: {status} {answer.reason_phrase}")


def _offset(answer: httpx.Response) -> int:
    text = answer.headers.get("Upload-Offset", "0")
    if not text.isdigit():
        raise CollectorUnwilling(f"{answer.url}: Upload-Offset {text!r} is not a number of bytes")
    return int(text)


def _part(path: Path, offset: int, length: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(offset)
        while length > 0:
            block = file.read(min(_READ_BYTES, length))
            if not block:
                raise EvidenceError(f"{path}: shorter than when it was stored")
            length -= len(block)
            yield block
