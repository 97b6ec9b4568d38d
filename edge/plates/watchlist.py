"""The watch list on the edge: keyed hashes in, hits out, within the frame that made a plate certain.

The list comes as a retained MQTT message and holds no plate; with the key, each read is hashed and looked up. The key
comes in a file that may be put there at any time and taken away again: it is held in memory only. Until key and list
are there, reads wait in memory and are matched late. Nothing here logs a plate or a key.

What is matched: the text of a passage as soon as two readings agree and it is trusted, each later reading (a text may
have been corrected), the final text, and all vehicles in view when a new list comes. What is told: one hit for each
passage and entry, never taken back. When the final text is another one, it may add hits of its own; hits that it does
not bear out are named in the final passage's `withdrawn_hits`: a person is on the way already and shall know, but the
first opinion is not erased.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from contract.commands import Watchlist, WatchlistEntry
from contract.envelope import summarise
from contract.events import ConfusedCharacter, PlateRead, WatchlistHitData
from contract.plate_keys import PlateKey, look_alikes, normalise
from edge.clock import utc
from edge.errors import ConfigError, OutboxError
from edge.keyfile import openness, read_key
from edge.ports import Clock

log = logging.getLogger(__name__)

SETTING = "watchlist.key_file"
_WAITING_MAX = 2000
_MOST_BYTES = 32_000_000
"""A larger list (150,000 entries) is refused: read into memory it would take ten times as much, at each start anew."""
_PASSAGES_MAX = 500
"""Passages whose hits are remembered: many more than can be in view at the same time."""


@dataclass(frozen=True, slots=True)
class WatchedRead:
    """A plate that is read well enough to be looked up."""

    camera_id: str
    passage_id: str
    plate: PlateRead
    seen_at: datetime


class Watch(Protocol):
    """What an analyzer asks. Called from the cameras' threads."""

    def hits(self, read: WatchedRead) -> Sequence[WatchlistHitData]:
        """What this read matches and was not told of its passage before."""
        ...

    def close(self, passage_id: str, text: str) -> tuple[str, ...]:
        """The passage is final with this text (empty: unreadable): entries that were told and do not match it."""
        ...


class NoWatch:
    """Nobody is looked for."""

    def hits(self, read: WatchedRead) -> Sequence[WatchlistHitData]:  # noqa: ARG002
        return ()

    def close(self, passage_id: str, text: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()


@dataclass(frozen=True, slots=True)
class Match:
    """An entry that a text matches."""

    entry: WatchlistEntry
    confused: tuple[ConfusedCharacter, ...] = ()
    exact: bool = True


@dataclass(frozen=True)
class Index:
    """A list with its key, for look-up: two hashes and two dictionary accesses a read."""

    watchlist: Watchlist
    key: PlateKey
    exact: Mapping[str, list[WatchlistEntry]]
    folded: Mapping[str, list[WatchlistEntry]]

    @classmethod
    def of(cls, watchlist: Watchlist, key: PlateKey) -> Index:
        exact, folded = defaultdict(list), defaultdict(list)
        for entry in watchlist.entries:
            exact[entry.exact].append(entry)
            folded[entry.folded].append(entry)
        return cls(watchlist, key, dict(exact), dict(folded))

    def matches(self, text: str, now: datetime) -> list[Match]:
        """All entries valid now that this plate matches; one that is exact is not confusable as well."""
        plate = normalise(text)
        digest = self.key.digest("exact", plate)
        exact = [entry for entry in self.exact.get(digest, ()) if entry.valid_at(now)]
        folded = self.folded.get(self.key.digest("folded", plate), ())
        alike = [entry for entry in folded if entry.exact != digest and entry.valid_at(now)]
        confused = self._confused(plate) if alike else {}
        found = [Match(entry) for entry in exact]
        return found + [Match(entry, confused.get(entry.exact, ()), exact=False) for entry in alike]

    def _confused(self, plate: str) -> dict[str, tuple[ConfusedCharacter, ...]]:
        """Which characters were read as others, by the exact hash of each plate that looks like this one."""
        return {
            self.key.digest("exact", other): tuple(
                ConfusedCharacter(place=place, read=read, listed=listed)
                for place, (read, listed) in enumerate(zip(plate, other, strict=True), start=1)
                if read != listed
            )
            for other in look_alikes(plate)
        }


@dataclass
class _Told:
    """What was told of one passage: entry → the text that matched it."""

    entries: dict[str, str] = field(default_factory=dict)


class WatchBook:
    """The list, the key and what was told. One for the whole agent; safe to call from any thread."""

    def __init__(self, folder: Path, key_file: Path | None, clock: Clock) -> None:
        """`folder` keeps the newest list, and the last one that the key fitted, over restarts."""
        self._newest_file = folder / "watchlist.json"
        self._fitting_file = folder / "watchlist.fitting.json"
        self._key_file = key_file
        self._clock = clock
        self._lock = threading.RLock()
        self._key: PlateKey | None = None
        self._key_stamp: tuple[int, int] | None = None
        self._index: Index | None = None
        self._told: OrderedDict[str, _Told] = OrderedDict()
        self._waiting: OrderedDict[str, WatchedRead] = OrderedDict()
        self._in_view: OrderedDict[str, WatchedRead] = OrderedDict()
        """The last read of each passage that is not final: looked up again when the list changes."""
        self._key_problem: str | None = None
        self._rights_problem: str | None = None
        self._list_problem: str | None = None
        self._fit_problem: str | None = None
        self._overflowed = 0
        self._newest = self._stored(self._newest_file)
        self._fitting = self._stored(self._fitting_file)
        self.look_for_key()
        self._choose()

    @property
    def problems(self) -> tuple[str, ...]:
        """What keeps the list from being matched, or the key from being safe. For a person."""
        told = [self._key_problem, self._rights_problem, self._list_problem, self._fit_problem]
        if self._overflowed:
            told.append(f"{self._overflowed} reads waited too long for the watch list; they are not matched")
        return tuple(problem for problem in told if problem is not None)

    # --- what comes in

    def take(self, payload: bytes) -> None:
        """A list from the broker. A bad or older one is refused and told; the last good one stays in force.

        Raises OutboxError when it cannot be stored: the broker then keeps the message.
        """
        if not payload:
            self._refuse("the watch list was cleared at the broker; the last one stays: publish an empty one to end it")
            return
        if len(payload) > _MOST_BYTES:
            size = f"{len(payload) / 1e6:.0f} MB, more than {_MOST_BYTES / 1e6:.0f}"
            self._refuse(f"watch list refused, the last good one stays in force: {size}; take out what has expired")
            return
        try:
            watchlist = Watchlist.model_validate_json(payload)
        except ValidationError as error:
            self._refuse(f"watch list refused, the last good one stays in force: {summarise(error)}")
            return
        with self._lock:
            old = self._newest
            if old is not None and old.list_id == watchlist.list_id and old.revision >= watchlist.revision:
                if old == watchlist:  # the broker gives it at each connection
                    self._list_problem = None
                else:
                    self._refuse(
                        f"watch list {watchlist.list_id} revision {watchlist.revision} refused: revision "
                        f"{old.revision} is here; publish it with a higher revision"
                    )
                return
            _write(self._newest_file, watchlist)
            self._newest, self._list_problem = watchlist, None
            count = len(watchlist.entries)
            log.info("watch list %s revision %d: %d entries", watchlist.list_id, watchlist.revision, count)
            self._choose()

    def look_for_key(self) -> None:
        """Read the key file if it is new or has changed. A file that is taken away leaves the key in memory."""
        if self._key_file is None:
            return
        try:
            status = self._key_file.stat()
            stamp = (status.st_mtime_ns, status.st_ino)
            if stamp == self._key_stamp:
                return
            key = read_key(self._key_file, SETTING)
            rights = openness(self._key_file, SETTING)
        except FileNotFoundError:
            if self._key is None:
                self._miss_key(f"{SETTING}: no file {self._key_file} yet; plates wait to be matched until it is there")
            return
        except (OSError, ConfigError) as error:
            self._miss_key(str(error))
            return
        with self._lock:
            self._key, self._key_stamp = key, stamp
            self._key_problem, self._rights_problem = None, rights
            if rights is not None:
                log.warning("%s", rights)
            log.info("the watch list's key %s is here", key.key_id)
            self._choose()

    def take_late(self) -> list[WatchlistHitData]:
        """Hits among the reads that had to wait for list and key, and among vehicles in view when the list changed."""
        with self._lock:
            if self._index is None:
                return []
            waiting, self._waiting = self._waiting, OrderedDict()
            return [hit.model_copy(update={"late": True}) for read in waiting.values() for hit in self._look_up(read)]

    # --- what an analyzer asks

    def hits(self, read: WatchedRead) -> Sequence[WatchlistHitData]:
        """See `Watch`. Without list or key the read waits."""
        with self._lock:
            self._in_view[read.passage_id] = read
            while len(self._in_view) > _PASSAGES_MAX:
                self._in_view.popitem(last=False)
            if self._index is None:
                self._keep_waiting(read)
                return ()
            return self._look_up(read)

    def close(self, passage_id: str, text: str) -> tuple[str, ...]:
        """See `Watch`."""
        with self._lock:
            self._in_view.pop(passage_id, None)
            told = self._told.pop(passage_id, None)
            if told is None:
                return ()
            now = utc(self._clock.now())
            matches = self._index.matches(text, now) if text and self._index is not None else []
            still = {match.entry.entry_id for match in matches}
            return tuple(entry for entry, matched in told.entries.items() if matched != text and entry not in still)

    def _look_up(self, read: WatchedRead) -> list[WatchlistHitData]:
        index = self._index
        matches = index.matches(read.plate.text, utc(self._clock.now())) if index is not None else []
        if index is None or not matches:
            return []
        told = self._told.setdefault(read.passage_id, _Told())
        while len(self._told) > _PASSAGES_MAX:
            self._told.popitem(last=False)
        new = [match for match in matches if match.entry.entry_id not in told.entries]
        told.entries |= {match.entry.entry_id: read.plate.text for match in new}
        return [_hit(index.watchlist, match, read) for match in new]

    def _keep_waiting(self, read: WatchedRead) -> None:
        if self._key_file is None:
            return
        self._waiting[read.passage_id] = read
        while len(self._waiting) > _WAITING_MAX:
            self._waiting.popitem(last=False)
            self._overflowed += 1

    # --- list and key together

    def _choose(self) -> None:
        """Match with the newest list that the key fits."""
        with self._lock:
            fits = [one for one in (self._newest, self._fitting) if one is not None and self._fits(one)]
            self._index = Index.of(fits[0], self._key) if fits and self._key is not None else None
            if self._index is not None:
                self._waiting |= self._in_view
            self._note_fit(self._misfit())
            if fits and fits[0] is self._newest and self._fitting != self._newest:
                self._fitting = self._newest
                try:
                    _write(self._fitting_file, fits[0])
                except OutboxError as error:  # it is in force all the same, and stored as the newest
                    log.error("%s", error)

    def _fits(self, watchlist: Watchlist) -> bool:
        return self._key is not None and watchlist.key_id == self._key.key_id

    def _misfit(self) -> str | None:
        """Why the newest list is not matched, if so."""
        newest = self._newest
        if self._key_file is None:
            return None if newest is None else f"a watch list is here, but no {SETTING}: it is not matched"
        if self._key is None:
            return None  # the key's own problem is told
        if newest is None:
            return "no watch list has come yet: nothing is matched; publish one (an empty one, if nobody is watched)"
        if self._fits(newest):
            return None
        old = "nothing is matched" if self._index is None else f"revision {self._index.watchlist.revision} stays"
        return (
            f"watch list {newest.list_id} revision {newest.revision} was made with key {newest.key_id}, "
            f"the key here is {self._key.key_id}: {old}; hand over the right key, or publish the list with this one"
        )

    def _note_fit(self, problem: str | None) -> None:
        if problem is not None and problem != self._fit_problem:
            log.warning("%s", problem)
        self._fit_problem = problem

    def _miss_key(self, problem: str) -> None:
        if problem != self._key_problem:
            log.warning("%s", problem)
        self._key_problem = problem

    def _refuse(self, problem: str) -> None:
        log.warning("%s", problem)
        self._list_problem = problem

    def _stored(self, path: Path) -> Watchlist | None:
        try:
            return Watchlist.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            told = summarise(error) if isinstance(error, ValidationError) else error
            self._refuse(f"{path}: the stored watch list cannot be used ({told}); the broker sends it again")
            return None


def _hit(watchlist: Watchlist, match: Match, read: WatchedRead) -> WatchlistHitData:
    return WatchlistHitData(
        camera=read.camera_id,
        passage_id=read.passage_id,
        list_id=watchlist.list_id,
        list_revision=watchlist.revision,
        entry_id=match.entry.entry_id,
        rule="exact" if match.exact else "confusable",
        confused=match.confused,
        plate=read.plate,
        seen_at=read.seen_at,
    )


def _write(path: Path, watchlist: Watchlist) -> None:
    """Whole or not at all, also when the power fails. Raises OutboxError."""
    temporary = path.with_suffix(".part")
    try:
        with temporary.open("wb") as file:
            file.write(watchlist.model_dump_json().encode())
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except OSError as error:
        raise OutboxError(f"{path}: the watch list could not be stored ({error}); free space") from error
