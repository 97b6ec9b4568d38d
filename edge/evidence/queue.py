"""Which evidence still has to go to the collector: a table in the outbox's own database, so a restart goes on."""

from __future__ import annotations

import functools
import re
import sqlite3
import stat
import time
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import cast

from contract.events import EvidenceRole
from edge.database import Database
from edge.evidence.files import EXTENSIONS, StoredFile

SCHEMA = """
CREATE TABLE IF NOT EXISTS upload (
    sha256       TEXT PRIMARY KEY,
    path         TEXT NOT NULL,
    role         TEXT NOT NULL,
    media_type   TEXT NOT NULL,
    size_bytes   INTEGER NOT NULL,
    sequence     INTEGER NOT NULL,            -- of the event that names it
    worth        INTEGER NOT NULL,            -- of that event: alarms are uploaded first and given up last
    stored_s     REAL NOT NULL,               -- wall clock, seconds since the epoch
    state        INTEGER NOT NULL DEFAULT 0,  -- 0 waiting, 1 uploaded, 2 failed for good
    not_before_s REAL NOT NULL DEFAULT 0,     -- wall clock of the next attempt
    attempts     INTEGER NOT NULL DEFAULT 0,
    problem      TEXT                         -- what the last attempt said
);
CREATE INDEX IF NOT EXISTS upload_waiting ON upload (worth DESC, sequence) WHERE state = 0;
"""

LONGEST_WAIT_S = 600.0
"""Nobody puts a file off for longer: where it seems so, the clock has been set back."""
_ASKED_FOR = 5
"""Worth of a file that a person asked for."""

_STRAY = 0
"""Worth of a file of which nothing is known."""
_STRAYS_AT_ONCE = 500
"""In one transaction: events wait for its end."""
_KINDS: dict[str, tuple[str, EvidenceRole]] = {
    extension: (media_type, "clip" if media_type.startswith("video/") else "snapshot")
    for media_type, extension in EXTENSIONS.items()
}
_HASH = re.compile("[0-9a-f]{64}")
WAITING, UPLOADED, FAILED = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that waits for its upload."""

    file: StoredFile
    attempts: int


def queue_upload(connection: sqlite3.Connection, file: StoredFile, sequence: int, worth: int, now_s: float) -> None:
    """Add a file within the transaction that stores its event. One that is known is sent again only if it failed."""
    connection.execute(
        "INSERT INTO upload (sha256, path, role, media_type, size_bytes, sequence, worth, stored_s)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (sha256) DO UPDATE SET state = iif(state = 2, 0, state), path = excluded.path,"
        " sequence = max(sequence, excluded.sequence), worth = max(worth, excluded.worth)",
        (file.sha256, str(file.path), file.role, file.media_type, file.size_bytes, sequence, worth, now_s),
    )


class UploadQueue:
    """The queue as the uploader and the quota see it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def next(self, now_s: float) -> Upload | None:
        """The file to send now: alarms before passages, then in order; None when nothing is due."""
        rows = self._database.read(
            "SELECT sha256, path, role, media_type, size_bytes, attempts FROM upload"
            " WHERE state = 0 AND (not_before_s <= ? OR not_before_s > ?) ORDER BY worth DESC, sequence LIMIT 1",
            (now_s, now_s + LONGEST_WAIT_S),
        )
        return _upload(rows[0]) if rows else None

    def next_due_s(self) -> float | None:
        """Wall time at which the next attempt is due; None when nothing waits."""
        found = self._database.read("SELECT min(not_before_s) FROM upload WHERE state = 0")[0][0]
        return None if found is None else float(found)

    def waiting_count(self) -> int:
        """Files that still have to go."""
        return int(self._database.read("SELECT count(*) FROM upload WHERE state = 0")[0][0])

    def add(self, file: StoredFile, now_s: float) -> None:
        """Queue a file that no event names (a commanded snapshot): a person waits for it."""
        self._database.write(lambda connection: queue_upload(connection, file, 0, _ASKED_FOR, now_s))

    def add_strays(self, folder: Path, now_s: float, stop: Event | None = None) -> int:
        """Queue the files of a folder of evidence that this table does not know; returns how many.

        A damaged outbox leaves such files, and a crash between file and event. The collector says which of them it has.
        What is not named as `EvidenceFiles` names is somebody else's and stays here. Folder by folder, with a rest
        after each, so that it can run beside all else; until `stop`. A file that comes meanwhile keeps its own place.
        """
        added = 0
        for part in sorted(folder.glob("??")):
            begun_s = time.monotonic()
            marks = (f"{part.name}0", f"{part.name}g")  # hexadecimal digits end before g
            query = "SELECT sha256 FROM upload WHERE sha256 BETWEEN ? AND ?"
            known = {row[0] for row in self._database.read(query, marks)}
            unknown = (path for path in part.glob("*") if path.stem not in known)
            strays = [found for path in unknown if (found := _as_evidence(path))]
            for start in range(0, len(strays), _STRAYS_AT_ONCE):
                some = strays[start : start + _STRAYS_AT_ONCE]
                self._database.write(functools.partial(_queue_strays, strays=some, now_s=now_s))
            added += len(strays)
            if stop is not None and stop.wait(time.monotonic() - begun_s):
                break
        return added

    def mark_uploaded(self, sha256: str) -> None:
        """The collector has it."""
        self._database.write(lambda connection: _set_state(connection, sha256, UPLOADED, None))

    def mark_failed(self, sha256: str, problem: str) -> None:
        """It will never be accepted as it is."""
        self._database.write(lambda connection: _set_state(connection, sha256, FAILED, problem))

    def postpone(self, sha256: str, until_s: float, problem: str) -> None:
        """Try again later."""

        def change(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE upload SET attempts = attempts + 1, not_before_s = ?, problem = ? WHERE sha256 = ?",
                (until_s, problem, sha256),
            )

        self._database.write(change)

    def retry_now(self) -> Future[None]:
        """Make all waiting files due at once (the collector is back)."""

        def change(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE upload SET not_before_s = 0, attempts = 0 WHERE state = 0")

        return self._database.submit(change)

    def to_give_up(self, limit: int = 50) -> list[tuple[StoredFile, bool]]:
        """The next files to delete when room is needed, with whether the collector lacks them.

        Order: what is uploaded (oldest first), then clips, then pictures; among these the least worth first.
        """
        rows = self._database.read(
            "SELECT sha256, path, role, media_type, size_bytes, attempts, state FROM upload"
            " ORDER BY state <> 1, role <> 'clip', worth, sequence LIMIT ?",
            (limit,),
        )
        return [(_upload(row[:6]).file, row[6] != UPLOADED) for row in rows]

    def settled_before(self, stored_s: float, limit: int = 500) -> list[StoredFile]:
        """Files older than this that are uploaded, or never will be: the retention on the edge may take them."""
        rows = self._database.read(
            "SELECT sha256, path, role, media_type, size_bytes, attempts FROM upload"
            " WHERE state <> 0 AND stored_s < ? ORDER BY stored_s LIMIT ?",
            (stored_s, limit),
        )
        return [_upload(row).file for row in rows]

    def forget(self, sha256: str) -> None:
        """The file was deleted here."""

        def change(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM upload WHERE sha256 = ?", (sha256,))

        self._database.write(change)


def _as_evidence(path: Path) -> tuple[StoredFile, float] | None:
    """The file and its time, if it is one that `EvidenceFiles` has stored: no link, no folder, no foreign name."""
    kind = _KINDS.get(path.suffix[1:])
    if kind is None or not _HASH.fullmatch(path.stem) or path.parent.name != path.stem[:2]:
        return None
    try:
        found = path.lstat()
    except OSError:  # gone meanwhile
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    media_type, role = kind
    return StoredFile(path.stem, path, role, media_type, found.st_size), found.st_mtime


def _queue_strays(connection: sqlite3.Connection, strays: list[tuple[StoredFile, float]], now_s: float) -> None:
    """As if the newest event named them, so that they go once more when the collector has to be told that one again.

    They are as old as they are: a damaged outbox keeps nothing longer.
    """
    last = int(connection.execute("SELECT coalesce(max(sequence), 0) FROM event").fetchone()[0])
    for file, stored_s in strays:
        if connection.execute("SELECT 1 FROM upload WHERE sha256 = ?", (file.sha256,)).fetchone() is None:
            queue_upload(connection, file, last, _STRAY, min(stored_s, now_s))


def _set_state(connection: sqlite3.Connection, sha256: str, state: int, problem: str | None) -> None:
    connection.execute("UPDATE upload SET state = ?, problem = ? WHERE sha256 = ?", (state, problem, sha256))


def _upload(row: tuple[str, str, str, str, int, int]) -> Upload:
    sha256, path, role, media_type, size_bytes, attempts = row
    return Upload(StoredFile(sha256, Path(path), cast("EvidenceRole", role), media_type, size_bytes), attempts)
